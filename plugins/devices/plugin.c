#include <runner/device.h>
#include <runner/plugin.h>

extern const rn_device device_cpu;

RN_PLUGIN(.name = "devices", .version = "0.1.0", .licence = "MIT",
          .devices = (const rn_device *const[]){&device_cpu, NULL});
