#ifndef LAYERS_LAYERS_H
#define LAYERS_LAYERS_H
/* The layers of this folder, for plugin.c. */
#include <runner/layer.h>

extern const rn_layer layer_attention, layer_dwt, layer_patch_conv, layer_resnet, layer_space_to_depth, layer_transformer;

#endif
