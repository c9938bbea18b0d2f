/* runner schedule SPEC: logSNR, alpha and sigma of every variant, and what is left of the differences between them after
 * pooling to the sizes that they are aligned with; before anything is trained. */
#include "base/json.h"
#include "cli/schedules.h"
#include "cli/specs.h"
#include "cli/verbs.h"
#include "report/plot.h"
#include "report/table.h"

#include <math.h>
#include <string.h>

enum { POINTS = 11, COARSE_POINTS = 5, PLOT_POINTS = 201, PLOT_PANELS = 4 };
static const double plot_logsnr = 20; /* beyond ±20 the image, or the noise, is a billionth */

typedef struct schedules {
    rn_cli *cli;
    const rn_spec *spec;
    rn_curve *curve; /* [variants] */
    rn_references references;
} schedules;

/* What averaging s×s pixels adds to λ: 2·log s, s = side/reference. */
static double pooled(const schedules *s, int64_t variant, int64_t reference_px, double t)
{
    return rn_curve_logsnr(&s->curve[variant], t) -
           rn_logsnr_shift(0, (double)reference_px, (double)rn_variant_side(&s->spec->variant[variant]));
}

/* How far the pooled images are from those that the schedule without shift gives at the reference: least and largest over t. */
static void off_target(const schedules *s, int64_t variant, int64_t reference_px, double *least, double *most)
{
    const rn_curve target = rn_curve_unshifted(&s->curve[variant]);
    *least = HUGE_VAL, *most = -HUGE_VAL;
    for (int i = 0; i < POINTS; i++) {
        const double t = (double)i / (POINTS - 1);
        const double off = pooled(s, variant, reference_px, t) - rn_curve_logsnr(&target, t);
        *least = fmin(*least, off);
        *most = fmax(*most, off);
    }
}

/* --- text ------------------------------------------------------------------------------------------- */

/* −2·log tan(π/4) is −2e-16, not 0: a reader is not to wonder about "-0.0000". */
static double shown(double logsnr)
{
    return fabs(logsnr) < 1e-9 ? 0 : logsnr;
}

static void print_curve(const schedules *s, int64_t variant)
{
    static const char *const head[] = {"t", "logSNR", "alpha", "sigma"};
    const rn_variant *v = &s->spec->variant[variant];
    const rn_curve *curve = &s->curve[variant];
    rn_table t;
    rn_table_init(&t, &s->cli->arena, "rrrr", head);
    printf("%s: %s at %" PRId64 "x%" PRId64 " pixels", v->name, curve->base->name, v->experiment->data.resolution.height,
           v->experiment->data.resolution.width);
    if (curve->at_data == 0 && curve->at_noise == 0)
        printf(", no shift\n");
    else if (curve->at_data == curve->at_noise)
        printf(", shifted: logSNR %+.3f at every t\n", curve->at_data);
    else
        printf(", shifted: logSNR %+.3f at the image end, %+.3f at the noise end\n", curve->at_data, curve->at_noise);
    for (int i = 0; i < POINTS; i++) {
        const double at = (double)i / (POINTS - 1), l = rn_curve_logsnr(curve, at);
        rn_table_cell(&t, "%.2f", at);
        rn_table_cell(&t, "%.4f", shown(l));
        rn_table_cell(&t, "%.6f", rn_alpha(l));
        rn_table_cell(&t, "%.6f", rn_sigma(l));
    }
    rn_table_print(&t, stdout);
}

static void print_off(rn_table *t, double least, double most)
{
    if (fabs(least) < 5e-4 && fabs(most) < 5e-4)
        rn_table_cell(t, "0: aligned");
    else if (most - least < 5e-4)
        rn_table_cell(t, "%+.3f", most);
    else
        rn_table_cell(t, "%+.3f to %+.3f", least, most);
}

static void print_alignment(const schedules *s, int64_t reference_px)
{
    static const char *const head[] = {"variant", "averaged", "SNR x", "t=0", "t=0.25", "t=0.5", "t=0.75", "t=1", "off target"};
    rn_table t;
    rn_table_init(&t, &s->cli->arena, "llrrrrrrl", head);
    printf("\nlogSNR after averaging to %" PRId64 " pixels, beside that of the schedule without shift at that size\n",
           reference_px);
    for (int64_t i = 0; i < s->spec->n_variants; i++) {
        const rn_variant *v = &s->spec->variant[i];
        const double factor = (double)rn_variant_side(v) / (double)reference_px;
        double least, most;
        off_target(s, i, reference_px, &least, &most);
        rn_table_cell(&t, "%s", v->name);
        rn_table_cell(&t, "%.4gx%.4g", factor, factor);
        rn_table_cell(&t, "%.4g", factor * factor);
        for (int k = 0; k < COARSE_POINTS; k++)
            rn_table_cell(&t, "%.3f", shown(pooled(s, i, reference_px, (double)k / (COARSE_POINTS - 1))));
        print_off(&t, least, most);
    }
    rn_table_print(&t, stdout);
}

static void print_text(const schedules *s)
{
    for (int64_t i = 0; i < s->spec->n_variants; i++)
        print_curve(s, i);
    for (int i = 0; i < s->references.n; i++)
        print_alignment(s, s->references.px[i]);
}

/* --- JSON ------------------------------------------------------------------------------------------- */

static void print_points(const schedules *s, rn_json *j, int64_t variant)
{
    rn_json_array(j, "points");
    for (int i = 0; i < POINTS; i++) {
        const double at = (double)i / (POINTS - 1), l = rn_curve_logsnr(&s->curve[variant], at);
        rn_json_object(j, NULL);
        rn_json_number(j, "t", at);
        rn_json_number(j, "logsnr", l);
        rn_json_number(j, "alpha", rn_alpha(l));
        rn_json_number(j, "sigma", rn_sigma(l));
        rn_json_end(j);
    }
    rn_json_end(j);
}

static void print_alignments(const schedules *s, rn_json *j, int64_t variant)
{
    rn_json_array(j, "alignment");
    for (int i = 0; i < s->references.n; i++) {
        const int64_t px = s->references.px[i];
        const double factor = (double)rn_variant_side(&s->spec->variant[variant]) / (double)px;
        double least, most;
        off_target(s, variant, px, &least, &most);
        rn_json_object(j, NULL);
        rn_json_int(j, "reference_px", px);
        rn_json_number(j, "snr_factor", factor * factor);
        rn_json_number(j, "off_target_least", least);
        rn_json_number(j, "off_target_most", most);
        rn_json_array(j, "pooled_logsnr");
        for (int k = 0; k < POINTS; k++)
            rn_json_number(j, NULL, pooled(s, variant, px, (double)k / (POINTS - 1)));
        rn_json_end(j);
        rn_json_end(j);
    }
    rn_json_end(j);
}

static void print_json(const schedules *s)
{
    rn_json j;
    rn_json_begin(&j, stdout);
    rn_json_object(&j, NULL);
    rn_json_text(&j, "name", s->spec->variant[0].experiment->name);
    rn_json_array(&j, "variants");
    for (int64_t i = 0; i < s->spec->n_variants; i++) {
        rn_json_object(&j, NULL);
        rn_json_text(&j, "name", s->spec->variant[i].name);
        rn_json_text(&j, "schedule", s->curve[i].base->name);
        rn_json_number(&j, "shift_at_data", s->curve[i].at_data);
        rn_json_number(&j, "shift_at_noise", s->curve[i].at_noise);
        print_points(s, &j, i);
        print_alignments(s, &j, i);
        rn_json_end(&j);
    }
    rn_json_end(&j);
    rn_json_end(&j);
    rn_json_finish(&j);
}

/* --- the plot --------------------------------------------------------------------------------------- */

/* λ(t) of a variant, at its own size (reference_px 0) or pooled; unshifted: the target. False: no memory. */
static bool fill_line(const schedules *s, int64_t variant, int64_t reference_px, bool unshifted, rn_plot_line *line)
{
    double *x = rn_arena_array(&s->cli->arena, 2 * PLOT_POINTS, sizeof *x), *y = x ? x + PLOT_POINTS : NULL;
    const rn_curve target = rn_curve_unshifted(&s->curve[variant]);
    for (int i = 0; x && i < PLOT_POINTS; i++) {
        const double t = x[i] = (double)i / (PLOT_POINTS - 1);
        y[i] = unshifted ? rn_curve_logsnr(&target, t)
               : reference_px ? pooled(s, variant, reference_px, t) : rn_curve_logsnr(&s->curve[variant], t);
    }
    *line = (rn_plot_line){.name = unshifted ? "no shift, at the reference size" : s->spec->variant[variant].name, .x = x, .y = y,
                           .n = PLOT_POINTS, .backdrop = unshifted};
    return x != NULL;
}

/* One panel of all variants; those of a reference also show the baseline's schedule without shift, which they aim at. */
static bool fill_panel(const schedules *s, int64_t reference_px, rn_plot_panel *panel)
{
    rn_arena *a = &s->cli->arena;
    const int64_t n = s->spec->n_variants;
    rn_plot_line *line = rn_arena_array(a, (size_t)n + 1, sizeof *line);
    panel->title = reference_px ? rn_arena_print(a, "after averaging to %" PRId64 " pixels", reference_px) : "as the images are noised";
    panel->line = line;
    panel->n_lines = n + (reference_px != 0);
    bool ok = line && panel->title;
    for (int64_t i = 0; ok && i < n; i++)
        ok = fill_line(s, i, reference_px, false, &line[i]);
    return ok && (!reference_px || fill_line(s, s->spec->baseline, reference_px, true, &line[n]));
}

static bool write_plot(const schedules *s, rn_error *err)
{
    rn_plot_panel panel[PLOT_PANELS];
    int64_t n = 0;
    bool ok = fill_panel(s, 0, &panel[n++]);
    for (int i = s->references.n - 1; ok && i >= 0 && n < PLOT_PANELS; i--)
        ok = fill_panel(s, s->references.px[i], &panel[n++]);
    const char *title = rn_arena_print(&s->cli->arena, "%s: logSNR of the noise schedules", s->spec->variant[0].experiment->name);
    if (!ok || !title)
        return rn_fail(err, RN_EMEMORY, "no memory for a plot of %" PRId64 " schedules", s->spec->n_variants);
    const rn_plot plot = {.title = title, .x_label = "t (0: image, 1: noise)", .y_label = "log SNR", .x_max = 1, .x_step = 0.25,
                          .y_min = -plot_logsnr, .y_max = plot_logsnr, .y_step = 5, .panel = panel, .n_panels = n};
    return rn_plot_write(s->cli->plot, &plot, err);
}

/* --- the verb --------------------------------------------------------------------------------------- */

int rn_verb_schedule(rn_cli *cli)
{
    rn_spec spec = {0};
    rn_error err;
    const size_t length = cli->plot ? strlen(cli->plot) : 0;
    if (cli->plot && (length < 5 || strcmp(cli->plot + length - 4, ".svg") != 0)) {
        rn_fail(&err, RN_EUSAGE, "--plot: %s does not end in .svg: pictures are written as SVG alone", rn_shown(&cli->arena, cli->plot));
        return rn_cli_error(&err);
    }
    int status = rn_cli_spec(cli, cli->arguments.v[0], &spec);
    schedules s = {.cli = cli, .spec = &spec};
    if (!status && !(s.curve = rn_arena_array(&cli->arena, (size_t)spec.n_variants, sizeof *s.curve)))
        status = rn_fail(&err, RN_EMEMORY, "no memory for %" PRId64 " schedules", spec.n_variants) ? 0 : rn_cli_error(&err);
    for (int64_t i = 0; !status && i < spec.n_variants; i++)
        if (!rn_variant_curve(&spec.variant[i], &s.curve[i], &err))
            status = rn_cli_spec_error(&spec, &spec.variant[i], &err);
    if (!status) {
        rn_spec_references(&spec, s.curve, &s.references);
        if (cli->json)
            print_json(&s);
        else
            print_text(&s);
        if (cli->plot && !write_plot(&s, &err))
            status = rn_cli_error(&err);
    }
    rn_spec_free(&spec);
    return status;
}
