/* The specs of experiments/paper: each can be planned, and their networks have the parameters that the papers' lists give
 * by hand, and the sizes that are published. */
#include "support/scratch.h"

#include <glob.h>

#define PAPER SOURCE_FOLDER "/experiments/paper/"
#define RUNNER "'" BUILD_FOLDER "/runner'"

static char *plan(const char *path, const char *options)
{
    char *json;
    if (scratch_run(&json, RUNNER " plan '%s' --json %s", path, options))
        fail_msg("%s: %s", path, json);
    return json;
}

static void every_spec_can_be_planned(void **state)
{
    (void)state;
    glob_t found;
    assert_int_equal(glob(PAPER "*.yaml", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        char *json = plan(found.gl_pathv[i], "");
        int variants = 0;
        for (const char *at = json; (at = strstr(at, "\"parameters\": ")); at++, variants++) {
            const double parameters = scratch_number(at, "parameters"), flop = scratch_number(at, "flop_per_image");
            if (!(parameters > 2e8 && parameters < 3e9 && flop > 2e11 && flop < 2e12 && scratch_number(at, "peak_bytes") > 16 * parameters))
                fail_msg("%s: %.0f parameters, %.0f FLOP", found.gl_pathv[i], parameters, flop);
        }
        assert_true(variants > 0);
        free(json);
    }
    assert_true(found.gl_pathc >= 15);
    globfree(&found);
}

/* What docs/networks.md picks from. */
static void every_form_of_a_network_can_be_planned(void **state)
{
    (void)state;
    char *json = plan(SOURCE_FOLDER "/experiments/networks.yaml", "");
    int variants = 0;
    for (const char *at = json; (at = strstr(at, "\"parameters\": ")); at++)
        variants++;
    assert_int_equal(variants, 13);
    free(json);
}

/* --- by hand ----------------------------------------------------------------------------------------- */

enum { C0 = 128, E = 1024, CLASSES = 1000 };

static int64_t linear(int64_t in, int64_t out) { return in * out + out; }
static int64_t conv3(int64_t in, int64_t out) { return 9 * in * out + out; }
static int64_t norm(int64_t c) { return 2 * c; }
static int64_t resnet(int64_t a, int64_t b)
{
    return norm(a) + conv3(a, b) + norm(b) + linear(E, 2 * b) + conv3(b, b) + (a != b ? linear(a, b) : 0);
}
static int64_t attention(int64_t c) { return norm(c) + linear(c, 3 * c) + linear(c, c); }

/* Stem's channels in and out, first level's width, and the embedding. */
static int64_t frame(int64_t stem, int64_t c0)
{
    return conv3(stem, c0) + linear(c0, E) + linear(E, E) + (CLASSES + 1) * E + norm(c0) + conv3(c0, stem);
}

typedef struct lists { int64_t stem, levels, multiplier[8], blocks[8], attention_from; } lists;

/* Skips are added: through a 1×1 convolution where widths differ. */
static int64_t unet(const lists *l)
{
    int64_t skip[128], n = 0, c = C0 * l->multiplier[0], sum = frame(l->stem, c);
    skip[n++] = c;
    for (int64_t i = 0; i < l->levels; i++) {
        for (int64_t j = 0; j < l->blocks[i]; j++) {
            const int64_t to = C0 * l->multiplier[i];
            sum += resnet(c, to) + (i >= l->attention_from ? attention(to) : 0);
            skip[n++] = c = to;
        }
        if (i + 1 < l->levels)
            skip[n++] = c;
    }
    sum += 2 * resnet(c, c) + attention(c);
    for (int64_t i = l->levels - 1; i >= 0; i--) {
        for (int64_t j = 0; j <= l->blocks[i]; j++) {
            const int64_t to = C0 * l->multiplier[i], beside = skip[--n];
            sum += (beside != c ? linear(beside, c) : 0) + resnet(c, to) + (i >= l->attention_from ? attention(to) : 0);
            c = to;
        }
        sum += i > 0 ? conv3(c, c) : 0;
    }
    return sum;
}

/* film modulates `film` channels of each transformer block. */
static int64_t uvit(int64_t stem, int64_t film)
{
    static const int64_t width[] = {C0, 2 * C0, 4 * C0, 16 * C0};
    const int64_t d = width[3];
    int64_t sum = frame(stem, C0) + 256 * d + norm(d);
    for (int i = 0; i < 3; i++)
        sum += 4 * resnet(width[i], width[i]) + linear(width[i], width[i + 1]) + linear(width[i + 1], width[i]);
    return sum + 36 * (2 * norm(d) + linear(d, 3 * d) + linear(d, d) + linear(d, 4 * d) + linear(4 * d, d) + linear(E, 2 * film));
}

static void networks_have_the_parameters_of_the_lists(void **state)
{
    (void)state;
    const struct { const char *spec, *options; int64_t want; } rows[] = {
        {"unet_128", "", unet(&(lists){3, 5, {1, 2, 4, 8, 8}, {3, 4, 4, 12, 4}, 3})},
        {"unet_256", "", unet(&(lists){3, 6, {1, 1, 2, 4, 8, 8}, {1, 2, 2, 4, 12, 4}, 4})},
        {"unet_512", "", unet(&(lists){48, 5, {2, 3, 4, 8, 8}, {3, 3, 4, 12, 4}, 3})},
        {"table5_frontend", "", unet(&(lists){3, 7, {1, 1, 1, 2, 4, 8, 8}, {1, 1, 2, 2, 4, 12, 4}, 5})},
        {"uvit_128", "", uvit(3, 2048)},
        {"uvit_256", "", uvit(12, 2048)},
        {"uvit_512", "", uvit(48, 2048)},
        {"uvit_1024", "", uvit(192, 2048)},
        {"uvit_256", "--set model.middle.film=norms", uvit(12, 2 * 2048)},
        {"uvit_256", "--set model.middle.film=hidden", uvit(12, 4 * 2048)},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char path[512];
        snprintf(path, sizeof path, PAPER "%s.yaml", rows[i].spec);
        char *json = plan(path, rows[i].options);
        if (scratch_number(json, "parameters") != (double)rows[i].want)
            fail_msg("%s %s: %.0f parameters, by hand %" PRId64, rows[i].spec, rows[i].options, scratch_number(json, "parameters"),
                     rows[i].want);
        free(json);
    }
}

/* What papers print, to the digits that they print or the part that they leave open: in billions of parameters, and in
 * multiply-adds. */
static void networks_have_the_sizes_that_are_published(void **state)
{
    (void)state;
    static const struct { const char *spec, *options, *name; double want, share; } rows[] = {
        {"uvit_256", "", "parameters", 2e9, 0.01},
        {"uvit_512", "", "parameters", 2e9, 0.01},
        {"uvit_256", "--set model.middle.film=hidden", "parameters", 2.5e9, 0.02},
        {"uvit_256", "", "flop_per_image", 2 * 555e9, 0.05},
        {"uvit_512", "", "flop_per_image", 2 * 555e9, 0.05},
        {"sid2_uvit_256", "", "flop_per_image", 2 * 137e9, 0.05},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char path[512];
        snprintf(path, sizeof path, PAPER "%s.yaml", rows[i].spec);
        char *json = plan(path, rows[i].options);
        const double got = scratch_number(json, rows[i].name);
        if (!(fabs(got / rows[i].want - 1) <= rows[i].share))
            fail_msg("%s: %s %.4g, published %.4g", rows[i].spec, rows[i].name, got, rows[i].want);
        free(json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_spec_can_be_planned),
        cmocka_unit_test(every_form_of_a_network_can_be_planned),
        cmocka_unit_test(networks_have_the_parameters_of_the_lists),
        cmocka_unit_test(networks_have_the_sizes_that_are_published),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
