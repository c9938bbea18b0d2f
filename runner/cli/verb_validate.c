/* runner validate SPEC: checks all that can be checked without data, and says what there is. */
#include "base/plural.h"
#include "cli/specs.h"
#include "cli/verbs.h"

int rn_verb_validate(rn_cli *cli)
{
    rn_spec spec = {0};
    int status = rn_cli_spec(cli, cli->arguments.v[0], &spec);
    if (status) {
        rn_spec_free(&spec);
        return status;
    }
    status = rn_cli_networks(cli, &spec);
    if (!status)
        printf("%s: %" PRId64 " variant%s x %" PRId64 " seed%s, nothing wrong\n", cli->arguments.v[0], spec.n_variants,
               rn_plural(spec.n_variants), spec.seeds.n, rn_plural(spec.seeds.n));
    rn_spec_free(&spec);
    return status;
}
