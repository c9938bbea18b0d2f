/* runner check gradients [OP …]: every op's gradient rule against central differences. */
#include "cli/verbs.h"
#include "graph/check_gradients.h"

#include <string.h>

enum { EXAMPLES = 6 };

static bool chosen(const rn_cli *cli, const char *op)
{
    for (int64_t i = 1; i < cli->arguments.n; i++)
        if (strcmp(cli->arguments.v[i], op) == 0)
            return true;
    return cli->arguments.n == 1;
}

/* One line an op: its error, or why there is none. Returns how many failed. */
static int check_all(rn_cli *cli)
{
    int failed = 0;
    printf("%-22s %8s %12s  %s\n", "op", "examples", "error", "");
    for (int i = 0; i < rn_registry_count(cli->registry, RN_KIND_OP); i++) {
        const rn_op *op = (const rn_op *)rn_registry_at(cli->registry, RN_KIND_OP, i);
        rn_gradient_check c;
        rn_error err;
        if (!chosen(cli, op->name))
            continue;
        if (!rn_check_gradient(cli->registry, op, EXAMPLES, 0, &c, &err)) {
            printf("%-22s %8d %12s  %s\n", op->name, c.examples, "-", err.text);
            failed++;
        } else if (!c.has_rule) {
            printf("%-22s %8s %12s  no gradient rule\n", op->name, "-", "-");
        } else {
            const bool fine = c.error <= RN_GRADIENT_TOLERANCE;
            printf("%-22s %8d %12.1e  %s\n", op->name, c.examples, c.error, fine ? "ok" : "WRONG");
            failed += !fine;
        }
    }
    return failed;
}

int rn_verb_check(rn_cli *cli)
{
    rn_error err;
    if (strcmp(cli->arguments.v[0], "gradients") != 0) {
        rn_fail(&err, RN_EUSAGE, "check: %s is nothing that can be checked; there is: gradients",
                rn_shown(&cli->arena, cli->arguments.v[0]));
        return rn_cli_error(&err);
    }
    if (!rn_cli_load_plugins(cli, (rn_texts){0}, &err))
        return rn_cli_error(&err);
    for (int64_t i = 1; i < cli->arguments.n; i++)
        if (!rn_registry_find(cli->registry, RN_KIND_OP, cli->arguments.v[i])) {
            rn_fail(&err, RN_EUNKNOWN, "no loaded plugin offers the op %s; `runner plugins` lists what is there",
                    rn_shown(&cli->arena, cli->arguments.v[i]));
            return rn_cli_error(&err);
        }
    return check_all(cli) ? 1 : 0;
}
