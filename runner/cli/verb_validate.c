/* runner validate SPEC: checks all that can be checked without data, and says what there is. */
#include "cli/specs.h"
#include "cli/verbs.h"
#include "train/trainer.h"

int rn_verb_validate(rn_cli *cli)
{
    rn_spec spec = {0};
    rn_error err;
    int status = rn_cli_spec(cli, cli->arguments.v[0], &spec);
    if (status) {
        rn_spec_free(&spec);
        return status;
    }
    for (int64_t i = 0; i < spec.n_variants; i++) { /* shapes show only when a network is built */
        rn_trainer t = {0};
        if (!rn_trainer_plan(&t, cli->registry, spec.variant[i].experiment, &err)) {
            rn_context(&err, "variant %s", spec.variant[i].name);
            status = rn_cli_error(&err);
        }
        rn_trainer_free(&t);
    }
    if (!status)
        printf("%s: %" PRId64 " variants x %" PRId64 " seeds, nothing wrong\n", cli->arguments.v[0], spec.n_variants,
               spec.seeds.n);
    rn_spec_free(&spec);
    return status;
}
