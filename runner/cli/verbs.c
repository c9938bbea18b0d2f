#include "cli/verbs.h"
static const char *const check_options[] = {"--plugin-dir", "--threads", NULL};
static const char *const plugins_options[] = {"--plugin-dir", "--json", NULL};
const rn_verb rn_verbs[] = {
    {"describe", "KIND NAME", "documentation and parameters of a component: `describe layer resnet`", plugins_options, 2, 2, rn_verb_describe, NULL},
    {"plugins",  "", "list every plugin with file, version, licence and what it offers", plugins_options, 0, 0, rn_verb_plugins, NULL},
    {"check",    "gradients [OP ...]", "compare every op's gradient rule with differences, in double", check_options, 1, 999, rn_verb_check, NULL},
    {NULL, NULL, NULL, NULL, 0, 0, NULL, NULL},
};
