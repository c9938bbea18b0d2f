#include "cli/specs.h"

#include "plugin/catalogue.h"

/* The exit status of the first error; all of them have been printed. */
static int tell(rn_diagnostics *d)
{
    rn_error err;
    rn_diagnostics_sort(d);
    rn_diagnostics_print(stderr, d);
    rn_diagnostics_error(d, &err);
    return rn_exit_status(err.code);
}

int rn_cli_spec(rn_cli *cli, const char *path, rn_spec **out)
{
    rn_diagnostics d = {0};
    rn_spec *spec = NULL;
    rn_error err;
    int status = 0;
    if (!rn_spec_read(path, cli->sets, &spec, &d)) {
        /* what is wrong with the text is told together with what is wrong with its values, where plugins load */
        rn_error ignored;
        if (spec && spec->root && spec->root->kind == RN_NODE_MAPPING && rn_cli_load_plugins(cli, spec->plugins, &ignored)) {
            const rn_catalogue catalogue = rn_registry_catalogue(cli->registry);
            (void)!rn_spec_check(spec, &catalogue, &d);
        }
        status = tell(&d);
        /* a spec that cannot be read is an error of the spec */
        status = status == 3 && d.first && d.first->code == RN_EIO ? 2 : status;
    } else if (!rn_cli_load_plugins(cli, spec->plugins, &err)) {
        status = rn_cli_error(&err);
    } else {
        const rn_catalogue catalogue = rn_registry_catalogue(cli->registry);
        if (!rn_spec_check(spec, &catalogue, &d))
            status = tell(&d);
    }
    rn_diagnostics_free(&d);
    if (status) {
        rn_spec_close(spec);
        spec = NULL;
    }
    *out = spec;
    return status;
}
