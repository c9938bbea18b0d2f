/* runner show RUN: a run, or what the error grids of an experiment tell about its variants. */
#include "cli/verbs.h"
#include "report/show.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* What the argument names: a folder of results, experiment/variant/seed, or an experiment. */
typedef struct asked {
    const char *experiment, *variant, *folder; /* folder: NULL unless it is one that exists */
    int64_t seed;                              /* −1: all */
} asked;

static bool is_run_folder(rn_arena *a, const char *path)
{
    struct stat st;
    const char *spec = rn_arena_print(a, "%s/spec.txt", path);
    return spec && stat(spec, &st) == 0 && S_ISREG(st.st_mode);
}

/* "seed3", "seed3.0123abcd", "3" → 3; −1: no seed. */
static int64_t seed_of(const char *text)
{
    const char *digits = strncmp(text, "seed", 4) == 0 ? text + 4 : text;
    char *end;
    const long long seed = strtoll(digits, &end, 10);
    return *digits >= '0' && *digits <= '9' && (*end == '\0' || *end == '.') ? seed : -1;
}

static bool read_argument(rn_cli *cli, asked *q, rn_error *err)
{
    rn_arena *a = &cli->arena;
    char *text = rn_arena_text(a, cli->arguments.v[0]);
    *q = (asked){.seed = -1};
    if (!text)
        return rn_fail(err, RN_EMEMORY, "no memory for the command line");
    for (size_t n = strlen(text); n > 1 && text[n - 1] == '/'; n--)
        text[n - 1] = '\0';
    if (is_run_folder(a, text)) {
        q->folder = text;
        return true;
    }
    char *last = strrchr(text, '/');
    if (!last) {
        q->experiment = text;
        return true;
    }
    q->seed = seed_of(last + 1);
    *last = '\0';
    char *middle = strrchr(text, '/');
    if (q->seed < 0 || !middle)
        return rn_fail(err, RN_EUSAGE, "%s names no run: write the folder of one (results/NAME/VARIANT/seed0), NAME/VARIANT/SEED, or "
                       "NAME for all of an experiment", rn_shown(a, cli->arguments.v[0]));
    q->variant = middle + 1;
    *middle = '\0';
    const char *before = strrchr(text, '/');
    q->experiment = before ? before + 1 : text;
    return true;
}

/* --db, else in --out, else beside the folder that was named, else in results. */
static const char *database_of(rn_cli *cli, const asked *q)
{
    if (cli->db)
        return cli->db;
    if (cli->out || !q->folder)
        return rn_arena_print(&cli->arena, "%s/results.db", cli->out ? cli->out : "results");
    return rn_arena_print(&cli->arena, "%s/../../../results.db", q->folder);
}

/* No run fits: which ones there are. */
static bool no_such_run(rn_cli *cli, rn_store *store, const asked *q, rn_error *err)
{
    rn_row_listed found;
    rn_row_shown *row;
    size_t n;
    const char *list = "";
    if (q->folder)
        return rn_fail(err, RN_EUNKNOWN, "database '%s' has no run with the folder '%s'; --db FILE names another database",
                       rn_store_path(store), q->folder);
    if (!rn_store_find(store, q->experiment, &cli->arena, &found, err) ||
        !rn_store_shown_runs(store, &(rn_shown_query){.experiment = q->experiment, .seed = -1}, &cli->arena, &row, &n, err))
        return false;
    for (size_t i = 0; list && i < n && i < 12; i++)
        list = rn_arena_print(&cli->arena, "%s%s%s/%" PRId64, list, i ? ", " : "", row[i].variant, row[i].seed);
    return rn_fail(err, RN_EUNKNOWN, "experiment '%s' has no run %s/%" PRId64 "; it has: %s%s", q->experiment, q->variant, q->seed,
                   list && *list ? list : "none", n > 12 ? " …" : "");
}

static bool show(rn_cli *cli, rn_store *store, const asked *q, rn_error *err)
{
    rn_row_shown *row;
    size_t n;
    if (!q->folder && !q->variant)
        return rn_show_experiment(stdout, store, q->experiment, cli->json, err);
    const rn_shown_query query = {.experiment = q->experiment, .variant = q->variant, .folder = q->folder, .seed = q->seed};
    if (!rn_store_shown_runs(store, &query, &cli->arena, &row, &n, err))
        return false;
    return n ? rn_show_run(stdout, store, &row[0], cli->json, err) : no_such_run(cli, store, q, err);
}

int rn_verb_show(rn_cli *cli)
{
    rn_error err;
    rn_store *store = NULL;
    asked q;
    bool ok = read_argument(cli, &q, &err);
    const char *db = ok ? database_of(cli, &q) : NULL;
    ok = ok && (db || rn_fail(&err, RN_EMEMORY, "no memory for a path"));
    ok = ok && rn_store_open(db, RN_STORE_READ, &store, &err);
    if (ok && rn_store_notices(store)[0])
        fprintf(stderr, "runner: note: %s", rn_store_notices(store));
    ok = ok && show(cli, store, &q, &err);
    rn_store_close(store);
    return ok ? 0 : rn_cli_error(&err);
}
