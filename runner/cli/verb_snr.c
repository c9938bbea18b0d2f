/* runner snr SPEC: the pooling law on the spec's own images, measured, drawn and stored; nothing is trained. */
#include "base/file.h"
#include "base/json.h"
#include "base/plural.h"
#include "cli/schedules.h"
#include "cli/specs.h"
#include "cli/verbs.h"
#include "data/data.h"
#include "eval/snr.h"
#include "report/snr_sheet.h"
#include "report/table.h"
#include "store/store.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* t = 0, 0.1 … 1. So many images that 4 Mi pixels are noised at each t, at least 4 and at most 64. */
enum { POINTS = 11, LEAST_IMAGES = 4, MOST_IMAGES = 64, PIXELS = 1 << 22 };

/* Variants that have the same images: they are measured together and share figures. */
typedef struct group {
    rn_cli *cli;
    const rn_spec *spec;
    int64_t *variant; /* [n], in the spec's order */
    rn_curve *curve;  /* [n] */
    int64_t n;
    const rn_experiment *e; /* of the first */
    rn_references references; /* those that divide the images */
    float *pixels; /* of images, to be freed */
    rn_snr_images images;
    char data_hash[65];
    bool again; /* an earlier group has images of that size: figures get the hash into their names */
    rn_row_snr *row; /* [references · points · n], in that order */
    size_t n_rows;
    rn_row_snr_sheet sheet[RN_REFERENCES];
} group;

/* --- images ----------------------------------------------------------------------------------------- */

/* The same training images, as they are: whether they are flipped in training, and by how many threads they are decoded, is
 * not seen here. */
static bool same_data(const rn_variant *a, const rn_variant *b)
{
    for (int64_t i = 0; i < a->n_values; i++) {
        if (strncmp(a->value[i].path, "data.", 5) != 0 || a->value[i].cosmetic || strcmp(a->value[i].path, "data.flip") == 0)
            continue;
        const rn_value *other = rn_variant_value(b, a->value[i].path);
        if (!other || strcmp(other->text, a->value[i].text) != 0)
            return false;
    }
    return true;
}

static bool read_images(group *g, rn_error *err)
{
    rn_data *data = NULL;
    uint8_t digest[32];
    const rn_size r = g->e->data.resolution;
    const char *cache = rn_arena_print(&g->cli->arena, "%s/cache/images", g->cli->out);
    if (!cache)
        return rn_fail(err, RN_EMEMORY, "no memory for a path");
    if (!rn_data_open_cached(&g->e->data, cache, &data, err))
        return rn_at(err, g->e->data.set.place);
    int64_t n = PIXELS / (r.height * r.width);
    n = n < LEAST_IMAGES ? LEAST_IMAGES : n > MOST_IMAGES ? MOST_IMAGES : n;
    if (n > rn_data_count(data, RN_DATA_TRAINING))
        n = rn_data_count(data, RN_DATA_TRAINING);
    float *pixels = g->pixels = malloc((size_t)(3 * n * r.height * r.width) * sizeof *pixels);
    g->images = (rn_snr_images){pixels, n, r.height, r.width};
    bool ok = pixels || rn_fail(err, RN_EMEMORY, "no memory for %" PRId64 " image%s", n, rn_plural(n));
    ok = ok && rn_data_images(data, RN_DATA_TRAINING, 0, n, pixels, NULL, err) && rn_data_fingerprint(data, n, digest, err);
    if (ok)
        rn_hex(digest, 32, g->data_hash);
    rn_data_close(data);
    return ok;
}

/* The image whose pooled form has the most contrast: the last to drown. */
static int64_t clearest(const rn_snr_images *images, int64_t pool, double *scratch)
{
    const int64_t n = 3 * images->height * images->width, small = n / (pool * pool);
    double most = -1;
    int64_t best = 0;
    for (int64_t i = 0; i < images->n; i++) {
        double *x = scratch, *p = scratch + n, sum = 0, square = 0;
        for (int64_t k = 0; k < n; k++)
            x[k] = (double)images->pixels[i * n + k];
        rn_snr_pool(x, images->height, images->width, pool, p);
        for (int64_t k = 0; k < small; k++)
            sum += p[k], square += p[k] * p[k];
        const double spread = square / (double)small - sum / (double)small * (sum / (double)small);
        if (spread > most)
            most = spread, best = i;
    }
    return best;
}

/* --- measuring -------------------------------------------------------------------------------------- */

/* The references that can be pooled to: whole factors of both sides. The others are told. */
static void keep_divisors(group *g)
{
    const rn_size r = g->e->data.resolution;
    const int64_t side = r.height < r.width ? r.height : r.width;
    rn_references kept = {.n = 0};
    for (int i = 0; i < g->references.n; i++) {
        const int64_t px = g->references.px[i];
        if (px < side && side % px == 0 && r.height % (side / px) == 0 && r.width % (side / px) == 0)
            kept.px[kept.n++] = px;
        else if (px < side)
            fprintf(stderr, "runner: note: images of %" PRId64 "x%" PRId64 " pixels cannot be averaged to %" PRId64 " pixels in whole "
                            "windows; that size is left out\n", r.height, r.width, px);
    }
    g->references = kept;
}

static int64_t pool_of(const group *g, int reference)
{
    return rn_variant_side(&g->spec->variant[g->variant[0]]) / g->references.px[reference];
}

static void fill_row(group *g, int reference, int64_t i, const rn_snr_point *p, rn_row_snr *row)
{
    const double pool = (double)pool_of(g, reference);
    const rn_variant *v = &g->spec->variant[g->variant[i]];
    const rn_curve plain = rn_curve_unshifted(&g->curve[i]);
    *row = (rn_row_snr){.variant = v->name, .schedule = rn_curve_words(&g->cli->arena, &g->curve[i], rn_variant_side(v)),
                        .reference_px = g->references.px[reference], .t = p->t, .logsnr = p->logsnr,
                        .logsnr_pooled = rn_logsnr_shift(p->logsnr, pool, 1), .logsnr_reference = rn_curve_logsnr(&plain, p->t),
                        .factor = pool * pool, .alpha = p->alpha};
    for (int k = 0; k < 2; k++) {
        row->noise_variance[k] = p->noise_variance[k];
        row->signal_variance[k] = p->signal_variance[k];
        row->snr[k] = p->snr[k];
        row->power_snr[k] = p->power_snr[k];
    }
}

static bool measure(group *g, uint32_t seed, rn_error *err)
{
    rn_snr_point *point = rn_arena_array(&g->cli->arena, (size_t)g->n, sizeof *point);
    g->row = rn_arena_array(&g->cli->arena, (size_t)(g->references.n * POINTS * g->n), sizeof *g->row);
    if (!point || !g->row)
        return rn_fail(err, RN_EMEMORY, "no memory for measurements of %" PRId64 " variants", g->n);
    for (int r = 0; r < g->references.n; r++)
        for (int k = 0; k < POINTS; k++) {
            if (!rn_snr_measure(g->curve, g->n, (double)k / (POINTS - 1), &g->images, pool_of(g, r), seed, (uint32_t)k, point, err))
                return false;
            for (int64_t i = 0; i < g->n; i++)
                fill_row(g, r, i, &point[i], &g->row[g->n_rows++]);
        }
    return true;
}

/* --- the figures ------------------------------------------------------------------------------------ */

/* The same curve to the eye: equal at all columns. */
static bool same_curve(const rn_curve *a, const rn_curve *b)
{
    for (int k = 0; k < POINTS; k++) {
        const double t = (double)k / (POINTS - 1);
        if (!(fabs(rn_curve_logsnr(a, t) - rn_curve_logsnr(b, t)) < 1e-9))
            return false;
    }
    return true;
}

/* One row for each curve, named after its first variant, and its schedule where a name does not say it. */
static int64_t choose_rows(const group *g, rn_curve *curve, const char **label)
{
    int64_t n = 0;
    for (int64_t i = 0; i < g->n; i++) {
        const rn_variant *v = &g->spec->variant[g->variant[i]];
        int64_t k = 0;
        while (k < n && !same_curve(&curve[k], &g->curve[i]))
            k++;
        if (k < n)
            continue;
        const char *words = rn_curve_words(&g->cli->arena, &g->curve[i], rn_variant_side(v));
        label[n] = v->name;
        if (words && !strstr(v->name, "shift"))
            label[n] = rn_arena_print(&g->cli->arena, "%s\n(%s)", v->name, words);
        if (!label[n])
            label[n] = v->name;
        curve[n++] = g->curve[i];
    }
    return n;
}

static bool draw(group *g, int reference, uint32_t seed, rn_error *err)
{
    rn_arena *a = &g->cli->arena;
    const int64_t pool = pool_of(g, reference), elements = 3 * g->images.height * g->images.width;
    double t[POINTS];
    rn_curve *curve = rn_arena_array(a, (size_t)g->n, sizeof *curve);
    const char **label = rn_arena_array(a, (size_t)g->n, sizeof *label);
    double *scratch = malloc((size_t)(elements + elements / (pool * pool)) * sizeof *scratch);
    char *path = rn_arena_print(a, "%s/%s/snr_%" PRId64 "x%" PRId64 "_to_%" PRId64 "%s%.8s.png", g->cli->out, g->e->name,
                                g->images.height, g->images.width, g->references.px[reference], g->again ? "." : "",
                                g->again ? g->data_hash : "");
    const char *folder = rn_arena_print(a, "%s/%s", g->cli->out, g->e->name);
    bool ok = (curve && label && scratch && path && folder) || rn_fail(err, RN_EMEMORY, "no memory for a figure");
    if (ok) {
        for (int k = 0; k < POINTS; k++)
            t[k] = (double)k / (POINTS - 1);
        const int64_t image = clearest(&g->images, pool, scratch);
        const rn_curve plain = rn_curve_unshifted(&g->curve[0]);
        const rn_snr_sheet sheet = {.name = g->e->name, .image = g->images.pixels + image * elements, .height = g->images.height,
                                    .width = g->images.width, .pool = pool, .t = t, .n_t = POINTS, .curve = curve, .label = label,
                                    .n_curves = choose_rows(g, curve, label), .plain = plain,
                                    .plain_label = rn_curve_words(a, &plain, 0), .seed = seed};
        const char *const texts[] = {"experiment", g->e->name, "data", g->data_hash, NULL};
        rn_row_snr_sheet *row = &g->sheet[reference];
        *row = (rn_row_snr_sheet){.reference_px = g->references.px[reference], .path = path};
        ok = rn_folder_make(folder, err) && rn_snr_sheet_write(path, &sheet, texts, &row->width, &row->height, err);
    }
    free(scratch);
    return ok;
}

/* --- what is printed -------------------------------------------------------------------------------- */

static void print_reference(const group *g, int reference)
{
    static const char *const head[] = {"variant", "t", "logSNR", "pooled", "wanted", "noise var", "pooled", "SNR gain",
                                       "power SNR", "pooled", "gain"};
    const rn_row_snr *rows = g->row + (size_t)(reference * POINTS * g->n);
    rn_table table;
    rn_table_init(&table, &g->cli->arena, "lrrrrrrrrrr", head);
    printf("\n%s, %" PRId64 " image%s of %" PRId64 "x%" PRId64 " averaged to %" PRId64 " pixels: predicted gain s^2 = %g\n",
           g->e->data.set.what->name, g->images.n, rn_plural(g->images.n), g->images.height, g->images.width,
           g->references.px[reference], rows[0].factor);
    for (int64_t i = 0; i < g->n; i++)
        for (int k = 0; k < POINTS; k++) {
            const rn_row_snr *r = &rows[k * g->n + i];
            rn_table_cell(&table, "%s", k ? "" : r->variant);
            rn_table_cell(&table, "%.1f", r->t);
            rn_table_cell(&table, "%+.3f", r->logsnr);
            rn_table_cell(&table, "%+.3f", r->logsnr_pooled);
            rn_table_cell(&table, "%+.3f", r->logsnr_reference);
            rn_table_cell(&table, "%.4g", r->noise_variance[0]);
            rn_table_cell(&table, "%.4g", r->noise_variance[1]);
            rn_table_cell(&table, "%.4g", r->snr[1] / r->snr[0]);
            rn_table_cell(&table, "%.4g", r->power_snr[0]);
            rn_table_cell(&table, "%.4g", r->power_snr[1]);
            rn_table_cell(&table, "%.4g", r->power_snr[1] / r->power_snr[0]);
        }
    rn_table_print(&table, stdout);
    printf("signal variance %.4g, averaged %.4g: %.3f of it is left\n", rows[0].signal_variance[0], rows[0].signal_variance[1],
           rows[0].signal_variance[1] / rows[0].signal_variance[0]);
    printf("figure: %s\n", g->sheet[reference].path);
}

static void print_legend(void)
{
    printf("\nlogSNR: of the schedule; pooled: after averaging, by the law; wanted: of the schedule without shift, at the smaller size\n"
           "SNR gain: of alpha^2 / noise variance, measured; it is s^2 up to the chance of the draw\n"
           "power SNR: alpha^2 x signal variance / noise variance; it gains less than s^2, since averaging removes signal too\n");
}

static void print_json(const group *g, rn_json *j)
{
    for (int r = 0; r < g->references.n; r++) {
        rn_json_object(j, NULL);
        rn_json_text(j, "name", g->sheet[r].path);
        rn_json_text(j, "data", g->e->data.set.what->name);
        rn_json_int(j, "height", g->images.height);
        rn_json_int(j, "width", g->images.width);
        rn_json_int(j, "images", g->images.n);
        rn_json_int(j, "reference_px", g->references.px[r]);
        rn_json_number(j, "predicted_gain", g->row[(size_t)(r * POINTS * g->n)].factor);
        rn_json_array(j, "points");
        for (int64_t k = 0; k < POINTS * g->n; k++) {
            const rn_row_snr *row = &g->row[(size_t)r * (size_t)(POINTS * g->n) + (size_t)k];
            rn_json_row(j, NULL);
            rn_json_text(j, "name", row->variant);
            rn_json_number(j, "t", row->t);
            rn_json_number(j, "logsnr", row->logsnr);
            rn_json_number(j, "logsnr_pooled", row->logsnr_pooled);
            rn_json_number(j, "logsnr_reference", row->logsnr_reference);
            rn_json_number(j, "noise_variance", row->noise_variance[0]);
            rn_json_number(j, "noise_variance_pooled", row->noise_variance[1]);
            rn_json_number(j, "snr_gain", row->snr[1] / row->snr[0]);
            rn_json_number(j, "power_snr", row->power_snr[0]);
            rn_json_number(j, "power_snr_pooled", row->power_snr[1]);
            rn_json_number(j, "power_snr_gain", row->power_snr[1] / row->power_snr[0]);
            rn_json_end(j);
        }
        rn_json_end(j);
        rn_json_end(j);
    }
}

/* --- the verb --------------------------------------------------------------------------------------- */

static bool store_group(const group *g, rn_store *store, uint32_t seed, rn_error *err)
{
    const rn_row_snr_measurement m = {.experiment = g->e->name, .data = g->e->data.set.what->name, .data_hash = g->data_hash,
                                      .runner_version = RUNNER_VERSION, .height = g->images.height, .width = g->images.width,
                                      .n = g->images.n, .noise_seed = seed};
    return rn_store_snr(store, &m, g->row, g->n_rows, g->sheet, (size_t)g->references.n, err);
}

/* The variants with the images of variant `first`, which no earlier one has. False: no memory. */
static bool gather(group *g, const rn_curve *curve, int64_t first)
{
    g->e = g->spec->variant[first].experiment;
    g->variant = rn_arena_array(&g->cli->arena, (size_t)g->spec->n_variants, sizeof *g->variant);
    g->curve = rn_arena_array(&g->cli->arena, (size_t)g->spec->n_variants, sizeof *g->curve);
    for (int64_t i = first; g->variant && g->curve && i < g->spec->n_variants; i++)
        if (same_data(&g->spec->variant[first], &g->spec->variant[i])) {
            g->variant[g->n] = i;
            g->curve[g->n++] = curve[i];
        }
    return g->n > 0;
}

static bool is_first(const rn_spec *spec, int64_t variant)
{
    for (int64_t i = 0; i < variant; i++)
        if (same_data(&spec->variant[i], &spec->variant[variant]))
            return false;
    return true;
}

static bool same_size(const rn_variant *a, const rn_variant *b)
{
    const rn_size x = a->experiment->data.resolution, y = b->experiment->data.resolution;
    return x.height == y.height && x.width == y.width;
}

/* All of one group: images, numbers, figures, rows of the database; then it is printed. */
static bool do_group(group *g, const rn_curve *curve, int64_t first, rn_store *store, rn_json *j, rn_error *err)
{
    const uint32_t seed = (uint32_t)g->spec->seeds.v[0];
    if (!gather(g, curve, first))
        return rn_fail(err, RN_EMEMORY, "no memory for %" PRId64 " schedules", g->spec->n_variants);
    keep_divisors(g);
    if (g->references.n == 0)
        return rn_fail(err, RN_ESHAPE, "images of %" PRId64 "x%" PRId64 " pixels cannot be averaged to any size that a shift is aligned "
                       "with; a resolution that is a multiple of it can", g->e->data.resolution.height, g->e->data.resolution.width);
    bool ok = read_images(g, err) && measure(g, seed, err);
    for (int r = 0; ok && r < g->references.n; r++)
        ok = draw(g, r, seed, err);
    if (!ok || !store_group(g, store, seed, err))
        return false;
    if (g->cli->json)
        print_json(g, j);
    for (int r = 0; !g->cli->json && r < g->references.n; r++)
        print_reference(g, r);
    return true;
}

static bool open_store(rn_cli *cli, rn_store **store, rn_error *err)
{
    cli->out = cli->out ? cli->out : "results";
    const char *db = cli->db ? cli->db : rn_arena_print(&cli->arena, "%s/results.db", cli->out);
    if (!db)
        return rn_fail(err, RN_EMEMORY, "no memory for a path");
    if (!rn_folder_make(cli->out, err) || !rn_store_open(db, RN_STORE_WRITE, store, err))
        return false;
    if (rn_store_notices(*store)[0])
        fprintf(stderr, "runner: note: %s", rn_store_notices(*store));
    return true;
}

static int do_spec(rn_cli *cli, const rn_spec *spec, rn_curve *curve)
{
    rn_error err;
    rn_json j;
    rn_store *store = NULL;
    rn_references references;
    for (int64_t i = 0; i < spec->n_variants; i++)
        if (!rn_variant_curve(&spec->variant[i], &curve[i], &err))
            return rn_cli_spec_error(spec, &spec->variant[i], &err);
    rn_spec_references(spec, curve, &references);
    bool ok = open_store(cli, &store, &err);
    if (cli->json) {
        rn_json_begin(&j, stdout);
        rn_json_object(&j, NULL);
        rn_json_text(&j, "name", spec->variant[0].experiment->name);
        rn_json_array(&j, "figures");
    }
    for (int64_t i = 0; ok && i < spec->n_variants; i++) {
        if (!is_first(spec, i))
            continue;
        group g = {.cli = cli, .spec = spec, .references = references};
        for (int64_t k = 0; k < i; k++)
            g.again |= same_size(&spec->variant[k], &spec->variant[i]);
        ok = do_group(&g, curve, i, store, &j, &err);
        free(g.pixels);
    }
    if (cli->json) {
        rn_json_end(&j);
        rn_json_end(&j);
        rn_json_finish(&j);
    } else if (ok) {
        print_legend();
        printf("database: %s (view snr_gain)\n", rn_store_path(store));
    }
    rn_store_close(store);
    return ok ? 0 : rn_cli_spec_error(spec, NULL, &err);
}

int rn_verb_snr(rn_cli *cli)
{
    rn_spec spec = {0};
    rn_error err;
    int status = rn_cli_spec(cli, cli->arguments.v[0], &spec);
    if (!status) {
        rn_curve *curve = rn_arena_array(&cli->arena, (size_t)spec.n_variants, sizeof *curve);
        status = curve ? do_spec(cli, &spec, curve)
                       : rn_fail(&err, RN_EMEMORY, "no memory for %" PRId64 " schedules", spec.n_variants) ? 0 : rn_cli_error(&err);
    }
    rn_spec_free(&spec);
    return status;
}
