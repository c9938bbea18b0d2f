#include <runner/optimizer.h>
#include <runner/plugin.h>

extern const rn_optimizer optimizer_adam, optimizer_adamw;

RN_PLUGIN(.name = "optimizers", .version = "0.1.0", .licence = "MIT",
          .optimizers = (const rn_optimizer *const[]){&optimizer_adam, &optimizer_adamw, NULL});
