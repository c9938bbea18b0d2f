/* runner compare NAME: variants × metrics with spread and paired differences, from the database. */
#include "cli/verbs.h"
#include "report/compare.h"

int rn_verb_compare(rn_cli *cli)
{
    rn_error err;
    rn_store *store = NULL;
    const rn_compare_options options = {.json = cli->json};
    const char *db = cli->db ? cli->db : rn_arena_print(&cli->arena, "%s/results.db", cli->out ? cli->out : "results");
    bool ok = db != NULL || rn_fail(&err, RN_EMEMORY, "no memory for a path");
    ok = ok && rn_store_open(db, RN_STORE_READ, &store, &err);
    if (ok && rn_store_notices(store)[0])
        fprintf(stderr, "runner: note: %s", rn_store_notices(store));
    ok = ok && rn_compare_print(stdout, store, cli->arguments.v[0], &options, &err);
    rn_store_close(store);
    return ok ? 0 : rn_cli_error(&err);
}
