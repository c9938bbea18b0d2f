/* runner describe KIND NAME: one component, from its descriptor and its parameter schema. */
#include "cli/verbs.h"
#include "plugin/describe.h"

static bool describe(rn_cli *cli, rn_error *err)
{
    const char *words[RN_KIND_END];
    const char *kind_word = cli->arguments.v[0];
    size_t n = 0;
    for (int k = RN_KIND_NONE + 1; k < RN_KIND_END; k++)
        words[n++] = rn_kind_name((rn_kind)k);
    const rn_kind kind = rn_kind_of(kind_word);
    if (kind == RN_KIND_NONE)
        return rn_fail(err, RN_EUSAGE, "%s is no kind of component%s; the kinds are %s", rn_shown(&cli->arena, kind_word),
                       rn_did_you_mean(&cli->arena, kind_word, words, n), rn_joined(&cli->arena, words, n));
    return rn_cli_load_plugins(cli, (rn_texts){0}, err) &&
           rn_describe_print(stdout, cli->registry, kind, cli->arguments.v[1], cli->json, err);
}

int rn_verb_describe(rn_cli *cli)
{
    rn_error err;
    return describe(cli, &err) ? 0 : rn_cli_error(&err);
}
