/* runner describe KIND NAME: one component, from its descriptor and its parameter schema. `spec` and `reference` in
 * the place of a kind have no name: the keys of a spec, and docs/spec.md. */
#include "cli/verbs.h"
#include "plugin/describe.h"

#include <string.h>

static bool describe(rn_cli *cli, rn_error *err)
{
    const char *words[RN_KIND_END + 1];
    const char *kind_word = cli->arguments.v[0];
    const bool spec = strcmp(kind_word, "spec") == 0, reference = strcmp(kind_word, "reference") == 0;
    size_t n = 0;
    if (spec || reference) {
        if (cli->arguments.n > 1)
            return rn_fail(err, RN_EUSAGE, "describe %s: takes no name", kind_word);
        if (reference && cli->json)
            return rn_fail(err, RN_EUSAGE, "describe reference: is Markdown and has no --json");
        return rn_cli_load_plugins(cli, (rn_texts){0}, err) &&
               (spec ? rn_describe_spec(stdout, cli->registry, cli->json, err)
                     : rn_describe_reference(stdout, cli->registry, err));
    }
    for (int k = RN_KIND_NONE + 1; k < RN_KIND_END; k++)
        words[n++] = rn_kind_name((rn_kind)k);
    words[n++] = "spec";
    const rn_kind kind = rn_kind_of(kind_word);
    if (kind == RN_KIND_NONE)
        return rn_fail(err, RN_EUSAGE, "%s is no kind of component%s; there is %s", rn_shown(&cli->arena, kind_word),
                       rn_did_you_mean(&cli->arena, kind_word, words, n), rn_joined(&cli->arena, words, n));
    if (cli->arguments.n < 2)
        return rn_fail(err, RN_EUSAGE, "describe %s: which one? `%s plugins` lists them", kind_word, cli->program);
    return rn_cli_load_plugins(cli, (rn_texts){0}, err) &&
           rn_describe_print(stdout, cli->registry, kind, cli->arguments.v[1], cli->json, err);
}

int rn_verb_describe(rn_cli *cli)
{
    rn_error err;
    return describe(cli, &err) ? 0 : rn_cli_error(&err);
}
