/* The built-in samplers. */
#include <runner/plugin.h>
#include <runner/sampler.h>

extern const rn_sampler sampler_ddim, sampler_ddpm, sampler_dpmpp_2m, sampler_heun;

RN_PLUGIN(.name = "samplers", .version = "0.1.0", .licence = "MIT",
          .samplers = (const rn_sampler *const[]){&sampler_ddim, &sampler_ddpm, &sampler_dpmpp_2m, &sampler_heun,
                                                  NULL});
