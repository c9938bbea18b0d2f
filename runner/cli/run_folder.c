#include "cli/run_folder.h"

#include "base/file.h"
#include "base/nearest.h"
#include "spec/write.h"
#include "store/store.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- making ----------------------------------------------------------------------------------------- */

/* The hash in the first line of a folder's spec.txt; "" where there is none. */
static void folder_hash(const char *folder, char hash[65])
{
    char path[4096];
    hash[0] = '\0';
    snprintf(path, sizeof path, "%s/spec.txt", folder);
    FILE *f = fopen(path, "r");
    if (!f)
        return;
    if (fscanf(f, "hash %64[0-9a-f]", hash) != 1)
        hash[0] = '\0';
    fclose(f);
}

typedef struct written {
    const rn_variant *v;
    uint32_t seed;
} written;

static bool put_spec(void *context, FILE *f, rn_error *err)
{
    const rn_variant *v = ((const written *)context)->v;
    (void)err; /* rn_file_write asks the file */
    fprintf(f, "hash %s\n", v->hash);
    for (int64_t i = 0; i < v->n_values; i++)
        fprintf(f, "%s: %s    # %s\n", v->value[i].path, v->value[i].text, v->value[i].origin);
    return true;
}

static bool put_yaml(void *context, FILE *f, rn_error *err)
{
    const written *w = context;
    (void)err;
    rn_variant_write(f, w->v, w->seed);
    return true;
}

/* spec.txt for people: what stood where. spec.yaml for the runner: the same again. */
static bool write_spec(const char *folder, written w, rn_error *err)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/spec.yaml", folder);
    if (!rn_file_write(path, put_yaml, &w, err))
        return false;
    snprintf(path, sizeof path, "%s/spec.txt", folder);
    return rn_file_write(path, put_spec, &w, err);
}

bool rn_run_folder_make(const char *out, const rn_variant *v, uint32_t seed, char folder[RN_RUN_FOLDER_PATH], rn_error *err)
{
    char hash[65], samples[4096];
    const size_t room = RN_RUN_FOLDER_PATH;
    const int n = snprintf(folder, room, "%s/%s/%s/seed%" PRIu32, out, v->experiment->name, v->name, seed);
    if (n < 0 || (size_t)n + sizeof ".01234567" > room)
        return rn_fail(err, RN_EIO, "the path of the folder of results '%s' is too long", out);
    folder_hash(folder, hash);
    if (hash[0] && strcmp(hash, v->hash) != 0)
        snprintf(folder + n, room - (size_t)n, ".%.8s", v->hash);
    snprintf(samples, sizeof samples, "%s/samples", folder);
    return rn_folder_make(samples, err) && write_spec(folder, (written){v, seed}, err);
}

/* --- finding ---------------------------------------------------------------------------------------- */

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

/* "seed3", "seed3.0123abcd" (beside a folder of other settings), "3" → 3; −1: no seed. */
static int64_t seed_of(const char *text)
{
    const char *digits = strncmp(text, "seed", 4) == 0 ? text + 4 : text;
    char *end;
    const long long seed = strtoll(digits, &end, 10);
    return *digits >= '0' && *digits <= '9' && (*end == '\0' || *end == '.') ? seed : -1;
}

/* Cuts the last part of a path off, and returns it; NULL where there is only one. */
static const char *cut_last(char *path)
{
    char *slash = strrchr(path, '/');
    if (!slash || !slash[1])
        return NULL;
    *slash = '\0';
    return slash + 1;
}

bool rn_run_name_read(rn_arena *a, const char *path, rn_run_name *name)
{
    char *text = rn_arena_text(a, path);
    if (!text)
        return false;
    for (size_t n = strlen(text); n > 1 && text[n - 1] == '/'; n--)
        text[n - 1] = '\0';
    const char *seed = cut_last(text), *variant = seed ? cut_last(text) : NULL, *before = variant ? strrchr(text, '/') : NULL;
    if (!variant)
        return false;
    *name = (rn_run_name){before ? before + 1 : text, variant, seed_of(seed)};
    return name->experiment[0] && name->seed >= 0;
}

/* No such variant, or not with that seed: what there is of the experiment. */
static bool unknown(rn_arena *a, const char *db, const rn_run_name *run, const rn_row_status *row, size_t n, rn_error *err)
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
        if (strcmp(row[i].variant, run->variant) == 0) {
            known = true;
            seeds = rn_arena_print(a, "%s%s%" PRId64, seeds, seeds[0] ? ", " : "", row[i].seed);
        }
        if (!seeds)
            break;
    }
    if (!names || !seeds)
        return rn_fail(err, RN_EMEMORY, "no memory for the names of runs");
    if (known)
        return rn_fail(err, RN_EUNKNOWN, "database '%s' has no run of '%s/%s' with seed %" PRId64 "; it has seed %s", db,
                       run->experiment, run->variant, run->seed, seeds);
    return rn_fail(err, RN_EUNKNOWN, "the experiment '%s' in database '%s' has no variant %s; it has: %s",
                   run->experiment, db, rn_shown(a, run->variant), rn_joined(a, names, variants));
}

/* The folder of the run that counts. */
static const char *look_up(rn_cli *cli, const rn_run_name *run, rn_error *err)
{
    rn_arena *a = &cli->arena;
    rn_store *store = NULL;
    rn_row_listed experiment;
    rn_row_status *row = NULL;
    size_t n = 0;
    const char *db = cli->db ? cli->db : "results/results.db", *folder = NULL;
    bool ok = rn_store_open(db, RN_STORE_READ, &store, err) && rn_store_find(store, run->experiment, a, &experiment, err) &&
              rn_store_status(store, run->experiment, a, &row, &n, err);
    for (size_t i = 0; ok && !folder && i < n; i++)
        if (row[i].seed == run->seed && strcmp(row[i].variant, run->variant) == 0) {
            if (strcmp(row[i].status, "done") != 0 || !row[i].out_dir)
                ok = rn_fail(err, RN_EUNKNOWN, "the run '%s/%s' with seed %" PRId64 " is not finished: it is %s", run->experiment,
                             run->variant, run->seed, row[i].status);
            else if (!(folder = row[i].out_dir[0] == '/' ? row[i].out_dir
                                                         : rn_arena_print(a, "%s/%s", parent(a, db), row[i].out_dir)))
                ok = rn_fail(err, RN_EMEMORY, "no memory for a path");
        }
    if (ok && !folder)
        ok = unknown(a, db, run, row, n, err);
    rn_store_close(store);
    return ok ? folder : NULL;
}

bool rn_run_folder_find(rn_cli *cli, const char *run, rn_run_folder *found, rn_error *err)
{
    rn_arena *a = &cli->arena;
    rn_run_name name;
    *found = (rn_run_folder){0};
    if (is_folder(run)) {
        found->folder = run;
    } else if (ends_with(run, ".safetensors")) {
        found->folder = parent(a, run);
        found->weights = run;
    } else if (rn_run_name_read(a, run, &name)) {
        found->folder = look_up(cli, &name, err);
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
