/* runner data PATH|SPEC: what would be read, and what would be refused. */
#include "cli/specs.h"
#include "cli/verbs.h"
#include "data/list.h"
#include "plugin/catalogue.h"

#include <string.h>
#include <sys/stat.h>

/* The data set that answers loudest for a path. */
static const rn_dataset *set_for(const rn_cli *cli, const char *path)
{
    const rn_dataset *best = NULL;
    int most = 0;
    for (int i = 0; i < rn_registry_count(cli->registry, RN_KIND_DATASET); i++) {
        const rn_dataset *set = (const rn_dataset *)rn_registry_at(cli->registry, RN_KIND_DATASET, i);
        const int answer = set->probe && set->path_offset >= 0 ? set->probe(path) : 0;
        if (answer > most) {
            most = answer;
            best = set;
        }
    }
    return best;
}

/* The parameters of a set with their defaults, and the path; through the same door as a spec's. */
static bool params_for(rn_cli *cli, const rn_dataset *set, const char *path, rn_chosen *chosen, rn_error *err)
{
    rn_diagnostics d = {0};
    const rn_catalogue catalogue = rn_registry_catalogue(cli->registry);
    const char *yaml = rn_arena_print(&cli->arena, "{type: %s, path: '.'}", set->name);
    const bool ok = yaml && rn_check_component(&cli->arena, &catalogue, RN_KIND_DATASET, path, yaml, chosen, &d);
    if (ok)
        /* the struct is ours: const for those who read it. NOLINTNEXTLINE(performance-no-int-to-ptr) */
        *(const char **)((char *)(uintptr_t)chosen->params + set->path_offset) = path;
    else if (!rn_diagnostics_error(&d, err))
        rn_context(err, "the data set '%s' cannot be opened by a path alone", set->name);
    rn_diagnostics_free(&d);
    return ok;
}

static bool looks_like_a_spec(const char *path)
{
    const size_t n = strlen(path);
    return (n > 5 && strcmp(path + n - 5, ".yaml") == 0) || (n > 4 && strcmp(path + n - 4, ".yml") == 0);
}

static int list(const rn_cli *cli, const rn_data_config *config, const rn_spec *spec)
{
    rn_listing listing = {0};
    rn_error err;
    if (!rn_listing_open(config, &listing, &err))
        return spec ? rn_cli_spec_error(spec, &spec->variant[0], &err) : rn_cli_error(&err);
    if (cli->json)
        rn_listing_json(stdout, &listing);
    else
        rn_listing_print(stdout, &listing);
    const int status = listing.n_refused ? 1 : 0;
    rn_listing_close(&listing);
    return status;
}

int rn_verb_data(rn_cli *cli)
{
    const char *path = cli->arguments.v[0];
    struct stat st;
    rn_error err;
    if (looks_like_a_spec(path)) {
        rn_spec spec = {0};
        int status = rn_cli_spec(cli, path, &spec);
        if (!status)
            status = list(cli, &spec.variant[0].experiment->data, &spec);
        rn_spec_free(&spec);
        return status;
    }
    if (!rn_cli_load_plugins(cli, (rn_texts){0}, &err))
        return rn_cli_error(&err);
    const rn_dataset *set = set_for(cli, path);
    if (!set && stat(path, &st) != 0)
        rn_fail(&err, RN_EIO, "could not read '%s': there is no such file or folder", path);
    else if (!set)
        rn_fail(&err, RN_EDATA, "no data set knows what '%s' is; `runner plugins` lists the data sets", path);
    rn_data_config config = {.max_pixels = (int64_t)1 << 28, .workers = 1};
    if (!set || !params_for(cli, set, path, &config.set, &err))
        return rn_cli_error(&err);
    return list(cli, &config, NULL);
}
