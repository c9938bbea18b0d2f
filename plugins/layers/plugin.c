/* layers.so: the built-in blocks and stems. */
#include <runner/plugin.h>
#include "layers/layers.h"

RN_PLUGIN(.name = "layers", .version = "0.1.0", .licence = "MIT",
          .layers = (const rn_layer *const[]){&layer_attention, &layer_dwt, &layer_patch_conv, &layer_resnet,
                                              &layer_space_to_depth, &layer_transformer, NULL});
