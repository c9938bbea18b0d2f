/* The built-in metrics. */
#include <runner/features.h>
#include <runner/plugin.h>

extern const rn_metric metric_fid_proxy, metric_kid;

RN_PLUGIN(.name = "metrics", .version = "0.1.0", .licence = "MIT",
          .metrics = (const rn_metric *const[]){&metric_fid_proxy, &metric_kid, NULL});
