#include "cli/specs.h"

#include "base/nearest.h"
#include "eval/sampling.h"
#include "plugin/catalogue.h"
#include "spec/locate.h"
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

/* Kernel sets are no components that a schema could check: many kernels share the name of one. */
static bool check_kernel_sets(const rn_cli *cli, const rn_spec *spec, rn_diagnostics *d)
{
    const char *names[64];
    size_t n = 0;
    for (int i = 0; i < rn_registry_count(cli->registry, RN_KIND_KERNEL); i++) {
        const char *name = rn_registry_at(cli->registry, RN_KIND_KERNEL, i)->name;
        bool known = false;
        for (size_t k = 0; k < n; k++)
            known |= strcmp(names[k], name) == 0;
        if (!known && n < sizeof names / sizeof *names)
            names[n++] = name;
    }
    for (int64_t v = 0; v < spec->n_variants; v++) {
        const rn_texts sets = spec->variant[v].experiment->kernels;
        for (int64_t i = 0; i < sets.n; i++) {
            bool known = false;
            for (size_t k = 0; k < n; k++)
                known |= strcmp(names[k], sets.v[i]) == 0;
            if (known)
                continue;
            const rn_value *value = rn_variant_value(&spec->variant[v], "kernels");
            return rn_diagnose(d, (rn_about){.code = RN_EUNKNOWN, .mark = value ? value->mark : (rn_mark){0}, .path = "kernels",
                                             .known = rn_joined(&d->arena, names, n)},
                               "no loaded plugin offers the kernel set '%s'%s", sets.v[i],
                               rn_did_you_mean(&d->arena, sets.v[i], names, n));
        }
    }
    return true;
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
        if (!rn_spec_check(spec, &catalogue, &d) || !check_kernel_sets(cli, spec, &d))
            status = tell(&d);
    }
    rn_diagnostics_free(&d);
    return status;
}

/* Where the error stands in a variant (NULL: in the first that knows); no mark: nowhere. */
static rn_mark locate(const rn_spec *spec, const rn_variant *v, const rn_error *err)
{
    if (v)
        return rn_variant_locate(v, err);
    rn_mark mark = {0};
    for (int64_t i = 0; !mark.source && i < spec->n_variants; i++)
        mark = rn_variant_locate(&spec->variant[i], err);
    return mark;
}

int rn_cli_spec_error(const rn_spec *spec, const rn_variant *v, const rn_error *err)
{
    const rn_mark mark = locate(spec, v, err);
    if (!mark.source)
        return rn_cli_error(err);
    rn_diagnostics d = {0};
    rn_diagnose(&d, (rn_about){.code = err->code, .mark = mark}, "%s", err->text);
    rn_diagnostics_print(stderr, &d);
    rn_diagnostics_free(&d);
    return rn_exit_status(err->code);
}

int rn_cli_networks(rn_cli *cli, const rn_spec *spec)
{
    int status = 0;
    rn_diagnostics d = {0};
    for (int64_t i = 0; i < spec->n_variants; i++) {
        const rn_variant *v = &spec->variant[i];
        rn_trainer t = {0};
        rn_error err;
        rn_curve grid;
        if (!rn_trainer_plan(&t, cli->registry, v->experiment, &err) || !rn_sampling_curve(v->experiment, &grid, &err)) {
            if ((err.code == RN_ESHAPE || err.code == RN_EMEMORY) && !err.line)
                (void)rn_at(&err, v->experiment->data.set.place); /* what no layer refused: the images themselves */
            const rn_mark mark = rn_variant_locate(v, &err);
            status = rn_exit_status(err.code);
            if (mark.source)
                rn_diagnose(&d, (rn_about){.code = err.code, .mark = mark}, "variant %s: %s", v->name, err.text);
            else if (!rn_context(&err, "variant %s", v->name))
                rn_cli_error(&err);
        }
        rn_trainer_free(&t);
    }
    rn_diagnostics_sort(&d);
    if (d.n)
        rn_diagnostics_print(stderr, &d);
    rn_diagnostics_free(&d);
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
