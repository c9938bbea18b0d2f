/* The built-in loss weights. None is a default: a spec that names none weights nothing beyond its loss. */
#include "weightings/weightings.h"

#include <runner/plugin.h>

RN_PLUGIN(.name = "weightings", .version = "0.1.0", .licence = "MIT",
          .weightings = (const rn_weighting *const[N_WEIGHTINGS + 1]){
              &weightings[0], &weightings[1], &weightings[2], &weightings[3], &weightings[4], &weightings[5],
              &weightings[6], &weightings[7], &weightings[8], &weightings[9], NULL});
