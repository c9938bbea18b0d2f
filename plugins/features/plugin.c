/* The built-in features. All three are defaults: what a Fréchet distance says depends on them, so they are shown
 * side by side. */
#include <runner/features.h>
#include <runner/plugin.h>

extern const rn_features features_random_conv, features_random_conv_max, features_pooled_pixels;

RN_PLUGIN(.name = "features", .version = "0.1.0", .licence = "MIT",
          .features = (const rn_features *const[]){&features_random_conv, &features_random_conv_max,
                                                   &features_pooled_pixels, NULL});
