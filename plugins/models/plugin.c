/* models.so: the built-in networks. */
#include <runner/plugin.h>
#include "models/frame.h"

RN_PLUGIN(.name = "models", .version = "0.1.0", .licence = "MIT",
          .models = (const rn_model *const[]){&model_unet, &model_unet_layout, &model_uvit, &model_uvit_layout, NULL});
