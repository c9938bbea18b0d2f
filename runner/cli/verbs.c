#include "cli/verbs.h"
static const char *const check_options[] = {"--plugin-dir", "--threads", NULL};
const rn_verb rn_verbs[] = {
    {"check",    "gradients [OP ...]", "compare every op's gradient rule with differences, in double", check_options, 1, 999, rn_verb_check, NULL},
    {NULL, NULL, NULL, NULL, 0, 0, NULL, NULL},
};
