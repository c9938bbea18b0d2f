/* runner check gradients [OP …]: every op's gradient rule against central differences.
 * runner check kernels [OP|SET …]: every kernel that this processor can run against its op's reference. */
#include "base/plural.h"
#include "cli/verbs.h"
#include "graph/check_gradients.h"
#include "graph/check_kernels.h"

#include <string.h>

enum { GRADIENT_EXAMPLES = 6, KERNEL_EXAMPLES = 12, LARGER_EXAMPLES = 50 };

/* Was it named, or is everything checked? */
static bool chosen(const rn_cli *cli, const char *name)
{
    for (int64_t i = 1; i < cli->arguments.n; i++)
        if (strcmp(cli->arguments.v[i], name) == 0)
            return true;
    return cli->arguments.n == 1;
}

/* --- gradients -------------------------------------------------------------------------------------- */

/* One line an op: its error, or why there is none. Returns how many failed. */
static int check_gradients(rn_cli *cli)
{
    int failed = 0;
    printf("%-22s %8s %12s  %s\n", "op", "examples", "error", "");
    for (int i = 0; i < rn_registry_count(cli->registry, RN_KIND_OP); i++) {
        const rn_op *op = (const rn_op *)rn_registry_at(cli->registry, RN_KIND_OP, i);
        rn_gradient_check c;
        rn_error err;
        if (!chosen(cli, op->name))
            continue;
        if (!rn_check_gradient(cli->registry, op, GRADIENT_EXAMPLES, 0, &c, &err)) {
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

/* --- kernels ---------------------------------------------------------------------------------------- */

typedef struct tally {
    int compared, differ, passed_over;
} tally;

/* One line a kernel and type. */
static void check_kernel(rn_cli *cli, const rn_op *op, const rn_kernel *k, rn_type type, tally *n)
{
    rn_kernel_check c;
    rn_error err;
    char cpu[RN_CPU_TEXT];
    printf("%-26s %-10s %-9s %-24s ", op->name, k->name, rn_type_name(type), rn_cpu_text(k->cpu, cpu));
    if (!rn_check_kernel(cli->registry, op, k, type, KERNEL_EXAMPLES, LARGER_EXAMPLES, &c, &err)) {
        printf("%8s %10s  %s\n", "-", "-", err.text);
        n->differ++;
        return;
    }
    if (!c.compared)
        printf("%8s %10s  %s\n", "-", "-", c.refusal);
    else
        printf("%8d %10.1e  %s\n", c.compared, c.error, c.right ? "ok" : "WRONG");
    n->compared += c.compared > 0;
    n->passed_over += !c.compared && c.right;
    n->differ += !c.right;
}

static int check_kernels(rn_cli *cli)
{
    static const rn_type types[] = {RN_F32, RN_F64, RN_BF16};
    const rn_component *device = rn_registry_default(cli->registry, RN_KIND_DEVICE);
    tally sum = {0};
    printf("%-26s %-10s %-9s %-24s %8s %10s  %s\n", "op", "kernels", "type", "needs", "examples", "error", "");
    for (int i = 0; i < rn_registry_count(cli->registry, RN_KIND_OP); i++) {
        const rn_op *op = (const rn_op *)rn_registry_at(cli->registry, RN_KIND_OP, i);
        int n = 0;
        const rn_kernel *const *k = device ? rn_registry_kernels(cli->registry, op->name, device->name, &n) : NULL;
        for (int j = 0; j < n; j++)
            for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
                const bool serves = k[j]->type == types[t] || (k[j]->type == RN_NO_TYPE && types[t] != RN_BF16);
                if (!serves || k[j]->rank <= RN_RANK_REFERENCE || !(chosen(cli, op->name) || chosen(cli, k[j]->name)))
                    continue;
                check_kernel(cli, op, k[j], types[t], &sum);
            }
    }
    printf("%d kernel%s compared with the reference, %d differ%s", sum.compared, rn_plural(sum.compared), sum.differ,
           sum.differ == 1 ? "s" : "");
    if (sum.passed_over)
        printf(", %d could not be tried here", sum.passed_over);
    printf("%s\n", sum.compared + sum.differ + sum.passed_over ? "" : ": what was named has only reference kernels, which others are compared with");
    return sum.differ;
}

/* --- the verb --------------------------------------------------------------------------------------- */

static bool is_kernel_set(const rn_cli *cli, const char *name)
{
    for (int i = 0; i < rn_registry_count(cli->registry, RN_KIND_KERNEL); i++)
        if (strcmp(rn_registry_at(cli->registry, RN_KIND_KERNEL, i)->name, name) == 0)
            return true;
    return false;
}

int rn_verb_check(rn_cli *cli)
{
    rn_error err;
    const bool kernels = strcmp(cli->arguments.v[0], "kernels") == 0;
    if (!kernels && strcmp(cli->arguments.v[0], "gradients") != 0) {
        rn_fail(&err, RN_EUSAGE, "check: %s is nothing that can be checked; there is: gradients, kernels",
                rn_shown(&cli->arena, cli->arguments.v[0]));
        return rn_cli_error(&err);
    }
    if (!rn_cli_load_plugins(cli, (rn_texts){0}, &err))
        return rn_cli_error(&err);
    for (int64_t i = 1; i < cli->arguments.n; i++) {
        const char *name = cli->arguments.v[i];
        if (rn_registry_find(cli->registry, RN_KIND_OP, name) || (kernels && is_kernel_set(cli, name)))
            continue;
        rn_fail(&err, RN_EUNKNOWN, "no loaded plugin offers the op %s%s; `runner plugins` lists what is there",
                kernels ? "or the kernel set " : "", rn_shown(&cli->arena, name));
        return rn_cli_error(&err);
    }
    return (kernels ? check_kernels(cli) : check_gradients(cli)) ? 1 : 0;
}
