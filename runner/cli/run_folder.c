#include "cli/run_folder.h"

#include "base/nearest.h"
#include "store/store.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_folder(const char *path)
{
    struct stat s;
    return stat(path, &s) == 0 && S_ISDIR(s.st_mode);
}

static bool ends_with(const char *text, const char *end)
{
    const size_t n = strlen(text), m = strlen(end);
    return n > m && strcmp(text + n - m, end) == 0;
}

/* What stands before the last slash; "." for none. */
static const char *parent(rn_arena *a, const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? rn_arena_text_n(a, path, slash == path ? 1 : (size_t)(slash - path)) : rn_arena_text(a, ".");
}

/* "experiment/variant/seed" in its parts; slashes at the end do not count. False: of another form. */
static bool parts_of(rn_arena *a, const char *run, const char *part[2], int64_t *seed)
{
    const char *first = strchr(run, '/'), *second = first ? strchr(first + 1, '/') : NULL;
    if (!second || first == run || second == first + 1)
        return false;
    part[0] = rn_arena_text_n(a, run, (size_t)(first - run));
    part[1] = rn_arena_text_n(a, first + 1, (size_t)(second - first - 1));
    const char *digits = strncmp(second + 1, "seed", 4) == 0 ? second + 5 : second + 1;
    char *end;
    *seed = strtoll(digits, &end, 10);
    return part[0] && part[1] && *digits >= '0' && *digits <= '9' && end[strspn(end, "/")] == '\0';
}

/* No such variant, or not with that seed: what there is of the experiment. */
static bool unknown(rn_arena *a, const char *db, const char *const part[2], int64_t seed, const rn_row_status *row, size_t n,
                    rn_error *err)
{
    const char **names = rn_arena_array(a, n + 1, sizeof *names), *seeds = "";
    size_t variants = 0;
    bool known = false;
    for (size_t i = 0; names && i < n; i++) {
        bool before = false;
        for (size_t k = 0; k < variants; k++)
            before |= strcmp(names[k], row[i].variant) == 0;
        if (!before)
            names[variants++] = row[i].variant;
        if (strcmp(row[i].variant, part[1]) == 0) {
            known = true;
            seeds = rn_arena_print(a, "%s%s%" PRId64, seeds, seeds[0] ? ", " : "", row[i].seed);
        }
        if (!seeds)
            break;
    }
    if (!names || !seeds)
        return rn_fail(err, RN_EMEMORY, "no memory for the names of runs");
    if (known)
        return rn_fail(err, RN_EUNKNOWN, "database '%s' has no run of '%s/%s' with seed %" PRId64 "; it has seed %s", db, part[0],
                       part[1], seed, seeds);
    return rn_fail(err, RN_EUNKNOWN, "the experiment '%s' in database '%s' has no variant %s; it has: %s", part[0], db,
                   rn_shown(a, part[1]), rn_joined(a, names, variants));
}

/* The folder of the run that counts. */
static const char *look_up(rn_cli *cli, const char *const part[2], int64_t seed, rn_error *err)
{
    rn_arena *a = &cli->arena;
    rn_store *store = NULL;
    rn_row_listed experiment;
    rn_row_status *row = NULL;
    size_t n = 0;
    const char *db = cli->db ? cli->db : "results/results.db", *folder = NULL;
    bool ok = rn_store_open(db, RN_STORE_READ, &store, err) && rn_store_find(store, part[0], a, &experiment, err) &&
              rn_store_status(store, part[0], a, &row, &n, err);
    for (size_t i = 0; ok && !folder && i < n; i++)
        if (row[i].seed == seed && strcmp(row[i].variant, part[1]) == 0) {
            if (strcmp(row[i].status, "done") != 0 || !row[i].out_dir)
                ok = rn_fail(err, RN_EUNKNOWN, "the run '%s/%s' with seed %" PRId64 " is not finished: it is %s", part[0], part[1],
                             seed, row[i].status);
            else if (!(folder = row[i].out_dir[0] == '/' ? row[i].out_dir
                                                         : rn_arena_print(a, "%s/%s", parent(a, db), row[i].out_dir)))
                ok = rn_fail(err, RN_EMEMORY, "no memory for a path");
        }
    if (ok && !folder)
        ok = unknown(a, db, part, seed, row, n, err);
    rn_store_close(store);
    return ok ? folder : NULL;
}

bool rn_run_folder_find(rn_cli *cli, const char *run, rn_run_folder *found, rn_error *err)
{
    rn_arena *a = &cli->arena;
    const char *part[2];
    int64_t seed;
    *found = (rn_run_folder){0};
    if (is_folder(run)) {
        found->folder = run;
    } else if (ends_with(run, ".safetensors")) {
        found->folder = parent(a, run);
        found->weights = run;
    } else if (parts_of(a, run, part, &seed)) {
        found->folder = look_up(cli, part, seed, err);
        if (!found->folder)
            return false;
    } else {
        return rn_fail(err, RN_EUNKNOWN, "%s is no run: give a run's folder (results/name/base/seed0), a .safetensors file in one, or "
                       "experiment/variant/seed", rn_shown(a, run));
    }
    found->spec = found->folder ? rn_arena_print(a, "%s/spec.yaml", found->folder) : NULL;
    if (!found->spec)
        return rn_fail(err, RN_EMEMORY, "no memory for a path");
    if (access(found->spec, R_OK) != 0)
        return rn_fail(err, RN_EIO, "'%s' is not there or cannot be read: it says how the network was built, and every run leaves it "
                       "beside its weights", found->spec);
    return true;
}
