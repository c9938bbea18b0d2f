#include "tune/tuner.h"

#include "base/clock.h"
#include "base/file.h"
#include "graph/check_kernels.h"
#include "tune/choices.h"
#include "tune/names.h"
#include "tune/trial.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXAMPLES = 12, LARGER_EXAMPLES = 50 };
static const double clear_win = 0.97; /* of the time of what the rank says */

struct rn_tuner {
    const rn_registry *registry;
    rn_tuner_options options;
    rn_chooser chooser;
    rn_arena arena;
    rn_choices known, given;
    rn_trial trial;
    rn_tuner_report report;
    bool changed, cannot_keep, told_of_given;
};

static void say(const rn_tuner *t, const char *format, ...) RN_PRINTF(2, 3);
static void say(const rn_tuner *t, const char *format, ...)
{
    char text[RN_CALL_TEXT + 512];
    va_list args;
    if (!t->options.say)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    t->options.say(t->options.context, text);
}

/* --- what is known ---------------------------------------------------------------------------------- */

static int find(const rn_choices *c, const char *call, const rn_contender *v, int n)
{
    char name[RN_KERNEL_TEXT];
    const rn_choice *choice = rn_choices_find(c, call);
    for (int i = 0; choice && i < n; i++)
        if (strcmp(choice->kernel, rn_kernel_name(v[i].kernel, v[i].widened, name)) == 0)
            return i;
    return -1;
}

/* A plan that was asked for and cannot be had changes bytes: that is said, once. */
static void tell_of_given(rn_tuner *t, const char *call)
{
    const rn_choice *choice = rn_choices_find(&t->given, call);
    if (choice && !t->told_of_given)
        say(t, "'%s' has the kernel %s for a call that it does not take here, so bytes may differ (%s)", t->options.given,
            choice->kernel, call);
    t->told_of_given = t->told_of_given || choice;
}

static int recall(void *context, const step_node *node, int threads, const rn_contender *v, int n)
{
    rn_tuner *t = context;
    char call[RN_CALL_TEXT];
    if (!rn_call_name(node, v->kernel->device, threads, call))
        return -1;
    const int given = find(&t->given, call, v, n);
    if (given >= 0)
        return given;
    tell_of_given(t, call);
    return find(&t->known, call, v, n);
}

/* --- is a kernel right? ----------------------------------------------------------------------------- */

/* Against its op's reference, once on a machine. An op without examples is believed. */
static bool is_right(rn_tuner *t, const step_node *s)
{
    char name[RN_KERNEL_TEXT];
    const rn_op *op = s->call.op;
    rn_kernel_check check;
    rn_error err;
    rn_kernel_name(s->kernel, false, name);
    const rn_tried *before = rn_choices_find_tried(&t->known, op->name, name);
    if (before)
        return before->right;
    if (!t->options.time)
        return true; /* unknown: `plan` computes nothing */
    const rn_type type = s->kernel->type == RN_BF16 ? RN_BF16 : RN_F32;
    if (!rn_check_kernel(t->registry, op, s->kernel, type, EXAMPLES, 0, &check, &err) ||
        (!check.compared && !rn_check_kernel(t->registry, op, s->kernel, type, 0, LARGER_EXAMPLES, &check, &err)))
        return true;
    if (!check.compared)
        check.error = (double)NAN; /* it takes none of them; still it is compared with the others on the call itself */
    if (!check.right)
        say(t, "the kernel %s of %s differs from the reference by %.1e: it is not used; `runner check kernels %s` shows more",
            name, op->name, check.error, op->name);
    t->changed = rn_choices_put_tried(&t->known, (rn_tried){op->name, name, check.error, check.right}) || t->changed;
    return check.right;
}

/* --- the choice ------------------------------------------------------------------------------------- */

/* The fastest of those that do not differ; the first of these unless that wins clearly. −1: all differ. */
static int fastest(const rn_trial_result *r, int n)
{
    int first = -1, best = -1;
    for (int i = 0; i < n; i++) {
        if (r[i].differs)
            continue;
        first = first < 0 ? i : first;
        best = best < 0 || r[i].seconds < r[best].seconds ? i : best;
    }
    return best >= 0 && r[best].seconds < clear_win * r[first].seconds ? best : first;
}

static void tell_of_wrong(const rn_tuner *t, const step_node *v, const rn_trial_result *r, int n, const char *call)
{
    char name[RN_KERNEL_TEXT];
    for (int i = 0; i < n; i++)
        if (r[i].differs)
            say(t, "the kernel %s differs from the reference: it is not used for %s",
                rn_kernel_name(v[i].kernel, v[i].wide != NULL, name), call);
}

static int measure(rn_tuner *t, step_node *v, int n, step_node *referee, int threads, const char *call)
{
    char name[RN_KERNEL_TEXT];
    rn_trial_result *r = calloc((size_t)n, sizeof *r);
    int chosen = 0;
    if (t->options.working)
        t->options.working(t->options.context, call);
    if (r && rn_trial_run(&t->trial, v, n, referee, threads, r)) {
        tell_of_wrong(t, v, r, n, call);
        chosen = fastest(r, n);
        t->report.timed++;
        if (chosen >= 0) {
            const rn_choice choice = {call, rn_kernel_name(v[chosen].kernel, v[chosen].wide != NULL, name), r[chosen].seconds};
            t->changed = rn_choices_put(&t->known, choice, true) || t->changed;
        }
    }
    free(r);
    return chosen;
}

/* The nodes whose kernels are right move to the front, in their order; returns how many there are. */
static int keep_right(rn_tuner *t, step_node *v, int n)
{
    int right = 0;
    for (int i = 0; i < n; i++) {
        if (!is_right(t, &v[i]))
            continue;
        const step_node other = v[right];
        v[right] = v[i];
        v[i] = other;
        right++;
    }
    return right;
}

static int choose(void *context, step_node *v, int n, step_node *referee, int threads)
{
    rn_tuner *t = context;
    char call[RN_CALL_TEXT];
    const double begun = rn_clock();
    const int right = keep_right(t, v, n);
    int chosen = right > 0 ? 0 : -1;
    if (!rn_call_name(v, v->kernel->device, threads, call))
        return chosen;
    tell_of_given(t, call);
    if (t->options.time && right > 1)
        chosen = measure(t, v, right, referee, threads, call);
    t->report.untimed += !t->options.time && right > 1;
    t->report.seconds += rn_clock() - begun;
    return chosen;
}

/* --- the file --------------------------------------------------------------------------------------- */

static bool offers_kernels(const rn_loaded *l)
{
    return l->plugin->kernels && l->plugin->kernels[0];
}

static void add_text(rn_sha256 *h, const char *text)
{
    rn_sha256_add(h, text, strlen(text) + 1);
}

/* FOLDER/kernels-<16 digits>.txt: of the runner's version, the processor, and the files of the plugins with kernels. */
static const char *file_path(rn_tuner *t)
{
    rn_sha256 h;
    uint8_t digest[32];
    char cpu[RN_CPU_TEXT], digits[65];
    if (!t->options.folder)
        return "";
    rn_sha256_begin(&h);
    add_text(&h, RUNNER_VERSION);
    add_text(&h, t->options.machine ? t->options.machine : "");
    add_text(&h, rn_cpu_text(rn_cpu_features(), cpu));
    for (int i = 0; i < rn_registry_plugins(t->registry); i++)
        if (offers_kernels(rn_registry_plugin(t->registry, i)))
            add_text(&h, rn_registry_plugin(t->registry, i)->sha256);
    rn_sha256_end(&h, digest);
    rn_hex(digest, sizeof digest, digits);
    return rn_arena_print(&t->arena, "%s/kernels-%.16s.txt", t->options.folder, digits);
}

/* Not there is as good as empty; damaged is told. */
static void read_known(rn_tuner *t)
{
    rn_error err;
    if (!t->report.path[0] || access(t->report.path, F_OK) != 0 || rn_choices_read(&t->known, t->report.path, true, &err))
        return;
    rn_choices_free(&t->known);
    say(t, "%s: it is ignored, and kernels are timed anew", err.text);
}

/* Writes what is new; where that is impossible it says so, once. */
static void end(void *context)
{
    rn_tuner *t = context;
    rn_error err;
    rn_trial_free(&t->trial); /* before the program's own memory is allocated */
    if (!t->changed || !t->report.path[0] || t->cannot_keep)
        return;
    t->cannot_keep = !rn_choices_write(&t->known, t->report.path, &err);
    t->changed = t->cannot_keep;
    if (t->cannot_keep)
        say(t, "the choice of kernels is not kept for the next run: %s", err.text);
}

bool rn_tuner_open(const rn_registry *registry, const rn_tuner_options *options, rn_tuner **out, rn_error *err)
{
    rn_tuner *t = calloc(1, sizeof *t);
    if (!t)
        return rn_fail(err, RN_EMEMORY, "no memory for the choice of kernels");
    t->registry = registry;
    t->options = *options;
    t->chooser = (rn_chooser){.context = t, .recall = recall, .choose = choose, .end = end};
    t->report.path = file_path(t);
    bool ok = t->report.path || rn_fail(err, RN_EMEMORY, "no memory for the choice of kernels");
    ok = ok && (!options->given || rn_choices_read(&t->given, options->given, false, err));
    if (ok && options->given && !t->given.n_choices)
        ok = rn_fail(err, RN_EFORMAT, "'%s' has no line that is a choice of a kernel", options->given);
    if (!ok) {
        rn_tuner_close(t);
        return false;
    }
    read_known(t);
    *out = t;
    return true;
}

void rn_tuner_close(rn_tuner *t)
{
    if (!t)
        return;
    rn_choices_free(&t->known);
    rn_choices_free(&t->given);
    rn_trial_free(&t->trial);
    rn_arena_free(&t->arena);
    free(t);
}

const rn_chooser *rn_tuner_chooser(rn_tuner *t, bool explain)
{
    t->chooser.explain = explain;
    return &t->chooser;
}

rn_tuner_report rn_tuner_tell(rn_tuner *t)
{
    rn_tuner_report r = t->report;
    t->report = (rn_tuner_report){.path = r.path};
    if (t->cannot_keep)
        r.path = "";
    return r;
}

double rn_tuner_error_of(const rn_tuner *t, const rn_loaded *plugin)
{
    double error = (double)NAN;
    char name[RN_KERNEL_TEXT];
    for (const rn_kernel *const *k = plugin->plugin->kernels; k && *k; k++) {
        const rn_tried *tried = rn_choices_find_tried(&t->known, (*k)->op, rn_kernel_name(*k, false, name));
        if (tried && !isnan(tried->error) && !(error >= tried->error))
            error = tried->error;
    }
    return error;
}
