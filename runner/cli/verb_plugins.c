/* runner plugins: every plugin that is found, with file, version, licence and what it offers. */
#include "cli/verbs.h"
#include "plugin/list.h"

int rn_verb_plugins(rn_cli *cli)
{
    rn_error err;
    if (!rn_cli_load_plugins(cli, (rn_texts){0}, &err))
        return rn_cli_error(&err);
    if (!rn_plugins_print(stdout, cli->registry, cli->json)) {
        rn_fail(&err, RN_EIO, "could not write the list of plugins");
        return rn_cli_error(&err);
    }
    return 0;
}
