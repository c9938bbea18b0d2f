#include <runner/plugin.h>
#include <runner/task.h>

extern const rn_task task_diffusion;

RN_PLUGIN(.name = "tasks", .version = "0.1.0", .licence = "MIT", .tasks = (const rn_task *const[]){&task_diffusion, NULL});
