#include "cli/specs.h"

#include "plugin/catalogue.h"
#include "train/trainer.h"

#include <string.h>

/* Prints all that was told; the exit status of the first error. A spec that cannot be read is an error of the spec. */
static int tell(rn_diagnostics *d)
{
    rn_error err;
    rn_diagnostics_sort(d);
    rn_diagnostics_print(stderr, d);
    rn_diagnostics_error(d, &err);
    return err.code == RN_EIO ? 2 : rn_exit_status(err.code);
}

int rn_cli_spec(rn_cli *cli, const char *path, rn_spec *spec)
{
    rn_diagnostics d = {0};
    rn_error err;
    int status = 0;
    if (!rn_spec_read(path, cli->sets.v, (int)cli->sets.n, spec, &d)) {
        status = tell(&d);
    } else if (!rn_cli_load_plugins(cli, spec->plugins, &err)) {
        status = rn_cli_error(&err);
    } else {
        const rn_catalogue catalogue = rn_registry_catalogue(cli->registry);
        if (!rn_spec_check(spec, &catalogue, &d))
            status = tell(&d);
    }
    rn_diagnostics_free(&d);
    return status;
}

static bool kernels_offered(rn_cli *cli, const rn_variant *v, rn_error *err)
{
    const char *names[64];
    size_t n = 0;
    for (int i = 0; i < rn_registry_count(cli->registry, RN_KIND_KERNEL); i++) { /* one set has many kernels */
        const char *set = rn_registry_at(cli->registry, RN_KIND_KERNEL, i)->name;
        size_t k = 0;
        while (k < n && strcmp(names[k], set) != 0)
            k++;
        if (k == n && n < sizeof names / sizeof *names)
            names[n++] = set;
    }
    for (int64_t i = 0; i < v->experiment->kernels.n; i++) {
        const char *name = v->experiment->kernels.v[i];
        size_t k = 0;
        while (k < n && strcmp(names[k], name) != 0)
            k++;
        if (k < n || n == sizeof names / sizeof *names)
            continue;
        const rn_value *value = rn_variant_value(v, "kernels");
        rn_arena *a = &cli->arena;
        return rn_fail(err, RN_EUNKNOWN, "%s: kernels: %s is no set of kernels of the loaded plugins%s (there are: %s)",
                       value ? value->origin : "the spec", rn_shown(a, name), rn_did_you_mean(a, name, names, n),
                       rn_joined(a, names, n));
    }
    return true;
}

int rn_cli_networks(rn_cli *cli, const rn_spec *spec)
{
    int status = 0;
    for (int64_t i = 0; i < spec->n_variants; i++) {
        const rn_variant *v = &spec->variant[i];
        rn_trainer t = {0};
        rn_error err;
        if (!kernels_offered(cli, v, &err) || !rn_trainer_plan(&t, cli->registry, v->experiment, &err)) {
            if (err.code == RN_ESHAPE && !err.line)
                (void)rn_at(&err, v->experiment->data.set.place); /* what no layer refused: the images themselves */
            rn_context(&err, "variant %s", v->name);
            status = rn_cli_error(&err);
        }
        rn_trainer_free(&t);
    }
    return status;
}

/* The path without what it shares with every spec's sections: the last two steps say enough. */
static const char *short_path(const char *path)
{
    const char *dot = strrchr(path, '.');
    while (dot && dot > path && dot[-1] != '.')
        dot--;
    return dot ? dot : path;
}

const char *rn_variant_differs(rn_arena *a, const rn_variant *v)
{
    const char *text = "";
    for (int64_t i = 0; text && i < v->n_differences; i++) {
        const rn_difference *d = &v->difference[i];
        const char *before = text[0] ? ", " : "";
        const rn_value *value = d->text ? rn_variant_value(v, d->path) : NULL;
        if (!d->text || (!d->baseline && value && value->is_default))
            continue; /* gone or come with its mapping: what the mapping itself says is told */
        text = d->baseline ? rn_arena_print(a, "%s%s%s=%s (%s)", text, before, short_path(d->path), d->text, d->baseline)
                           : rn_arena_print(a, "%s%s%s=%s", text, before, short_path(d->path), d->text);
    }
    if (text && !text[0] && v->n_differences)
        text = rn_arena_print(a, "without %s", v->difference[0].path);
    return text ? text : "";
}

const char *rn_variant_dropped(rn_arena *a, const rn_variant *v)
{
    const char *text = "";
    for (int64_t i = 0; text && i < v->n_dropped; i++)
        text = rn_arena_print(a, "%s%s%s (%s)", text, i ? ", " : "", v->dropped[i].path, v->dropped[i].origin);
    return text ? text : "";
}

const char *rn_variant_resolved(rn_arena *a, const rn_variant *v)
{
    size_t bytes = 1;
    for (int64_t i = 0; i < v->n_values; i++)
        bytes += strlen(v->value[i].path) + strlen(v->value[i].text) + 3;
    char *text = rn_arena_alloc(a, bytes), *at = text;
    for (int64_t i = 0; text && i < v->n_values; i++)
        at += snprintf(at, bytes - (size_t)(at - text), "%s: %s\n", v->value[i].path, v->value[i].text);
    return text ? text : "";
}
