#ifndef TESTS_SUPPORT_NETWORKS_H
#define TESTS_SUPPORT_NETWORKS_H
/* Networks of the reference tables, built by the door that users have: a row's definition becomes the YAML of the
 * sections `model` and `task`, and the spec's own checker makes components of it. */
#include "graph/program.h"
#include "support/golden.h"

#include <runner/task.h>

/* All plugins of the build; opened once, never closed. */
rn_registry *networks_registry(void);

typedef struct network {
    rn_arena arena;
    rn_chosen model, task; /* task: only where the row says what is trained */
    int64_t side, classes;
    char model_yaml[4096], task_yaml[512];
} network;

/* From "arch=uvit;res=16;…", to which "prediction=v;loss=eps;…" may follow. Fails the test with the YAML and the
 * error where the spec refuses it. */
void network_open(network *net, const char *definition);
void network_close(network *net);

/* The component that the YAML asks for; it lives as long as the network. Fails the test as network_open does. */
rn_chosen network_chosen(network *net, rn_kind kind, const char *yaml);

/* A graph of the model alone for one image: "z", "logsnr" (, "label") → "out". */
rn_graph *network_graph(const network *net, rn_parameters *parameters, rn_type type, int64_t batch);

#endif
