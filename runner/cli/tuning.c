#include "cli/tuning.h"

#include "base/plural.h"
#include "store/store.h"

#include <stdlib.h>
#include <string.h>

static void say(void *context, const char *text)
{
    rn_progress_line(context, "note        %s", text);
}

static void working(void *context, const char *call)
{
    rn_progress_bar(context, 0, "timing kernels for this machine, once: %.120s", call);
}

/* NULL: nowhere. XDG's rule: a path that is not absolute is ignored. */
static const char *cache_folder(rn_arena *a)
{
    const char *own = getenv("RUNNER_CACHE_DIR"), *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (own && own[0])
        return own;
    if (xdg && xdg[0] == '/')
        return rn_arena_print(a, "%s/runner", xdg);
    return home && home[0] == '/' ? rn_arena_print(a, "%s/.cache/runner", home) : NULL;
}

bool rn_tuning_open(rn_cli *cli, rn_progress *progress, bool time, rn_tuner **tuner, rn_error *err)
{
    const char *folder = cache_folder(&cli->arena);
    const bool off = folder && strcmp(folder, "off") == 0;
    rn_row_machine machine;
    *tuner = NULL;
    if (off && !cli->choices)
        return true;
    rn_machine_here(&cli->arena, &machine);
    const rn_tuner_options o = {.machine = machine.cpu, .folder = off ? NULL : folder, .given = cli->choices, .time = time && !off,
                                .say = say, .working = working, .context = progress};
    return rn_tuner_open(cli->registry, &o, tuner, err);
}

const rn_chooser *rn_tuning_chooser(rn_tuner *tuner, bool explain)
{
    return tuner ? rn_tuner_chooser(tuner, explain) : NULL;
}

void rn_tuning_tell(rn_tuner *tuner, rn_progress *progress)
{
    char text[RN_DURATION_TEXT];
    if (!tuner)
        return;
    const rn_tuner_report r = rn_tuner_tell(tuner);
    if (r.timed)
        rn_progress_line(progress, "tuning      kernels timed for %" PRId64 " call%s in %s%s%s", r.timed, rn_plural(r.timed),
                         rn_duration_text(r.seconds, text), r.path[0] ? ", kept in " : "", r.path);
}
