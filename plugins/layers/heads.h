#ifndef LAYERS_HEADS_H
#define LAYERS_HEADS_H
/* The one condition on the heads of an attention. */
#include <runner/graph.h>

/* Does the number of heads divide the channels? If not, the graph fails with the numbers that would. */
bool heads_fit(rn_graph *g, int64_t channels, int64_t heads);

#endif
