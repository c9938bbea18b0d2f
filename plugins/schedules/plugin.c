/* The built-in schedules. */
#include <runner/plugin.h>
#include <runner/schedule.h>

extern const rn_schedule schedule_cosine, schedule_cosine_power, schedule_flow, schedule_linear, schedule_sigmoid,
    schedule_simple_linear;

RN_PLUGIN(.name = "schedules", .version = "0.1.0", .licence = "MIT",
          .schedules = (const rn_schedule *const[]){&schedule_cosine, &schedule_cosine_power, &schedule_flow,
                                                    &schedule_linear, &schedule_sigmoid, &schedule_simple_linear, NULL});
