/* Stems: what goes in comes back, and what wavelets make of noise. */
#include "support/networks.h"
#include "support/running.h"

#include <runner/layer.h>

typedef struct stem {
    network net; /* owns what the YAML became */
    rn_parameters parameters;
    rn_graph *graph;
    rn_shape packed;
} stem;

/* "x" → "packed" → "back", in float32. */
static void open_stem(stem *s, const char *yaml, int64_t batch, int64_t height, int64_t width, int64_t channels)
{
    *s = (stem){0};
    const rn_chosen chosen = network_chosen(&s->net, RN_KIND_LAYER, yaml);
    const rn_layer *layer = (const rn_layer *)(const void *)chosen.what;
    s->graph = rn_graph_open(networks_registry(), &s->parameters, RN_F32, false);
    assert_non_null(s->graph);
    const rn_layer_in in = {.bytes = sizeof in,
                            .x = rn_graph_input(s->graph, "x", (rn_shape){.rank = 4, .dim = {batch, height, width, channels}})};
    const rn_tensor y = rn_layer_build(s->graph, &chosen, &in);
    rn_graph_output(s->graph, "packed", y);
    rn_graph_output(s->graph, "back", layer->inverse(s->graph, chosen.params, y, channels));
    s->packed = rn_shape_of(s->graph, y);
    if (!rn_graph_failed(s->graph))
        assert_int_equal(rn_layer_width(&chosen, channels), rn_last(s->packed));
}

static void close_stem(stem *s)
{
    rn_graph_close(s->graph);
    rn_parameters_free(&s->parameters);
    network_close(&s->net);
}

/* Tolerance: a few roundings of float32 for each level. */
static void what_goes_in_comes_back(void **state)
{
    (void)state;
    static const struct { const char *yaml; int64_t height, width, channels; } rows[] = {
        {"{type: space_to_depth, factor: 4}", 8, 12, 3},
        {"{type: dwt, wavelet: haar}", 6, 10, 3},
        {"{type: dwt, wavelet: haar, levels: 2}", 24, 16, 3},
        {"{type: dwt, wavelet: haar, levels: 3}", 24, 16, 3},
        {"dwt", 2, 2, 1},
        {"{type: dwt, levels: 2}", 4, 20, 3},
        {"{type: dwt, levels: 3}", 40, 24, 2},
        {"{type: dwt, levels: 6}", 64, 64, 3},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        stem s;
        running r;
        open_stem(&s, rows[i].yaml, 2, rows[i].height, rows[i].width, rows[i].channels);
        running_open(&r, s.graph, &s.parameters, 0);
        running_fill(&r, "x", 7);
        running_run(&r);
        double error = 0;
        for (int64_t k = 0; k < rn_count(rn_program_shape(r.program, "back")); k++) {
            const double d = fabs(running_at(&r, "back", k) - running_even(7, k));
            error = d <= error ? error : d;
        }
        if (!(error <= 1e-6))
            fail_msg("%s: off by %.1e", rows[i].yaml, error);
        running_close(&r);
        close_stem(&s);
    }
}

/* Maps that are cut into strips and rows of many vectors, with a rest. Tolerance: a few roundings of float32. */
static void fast_kernels_agree_with_the_reference_on_large_maps(void **state)
{
    (void)state;
    static const struct { const char *yaml; int64_t height, width, channels; } rows[] = {
        {"{type: dwt, wavelet: haar}", 34, 602, 3},
        {"{type: dwt, wavelet: legall53}", 34, 602, 3},
        {"{type: dwt, wavelet: legall53, levels: 2}", 204, 188, 3},
        {"{type: dwt, wavelet: legall53}", 6, 22, 300},
        {"{type: dwt, wavelet: legall53}", 130, 2, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        stem s;
        running reference, fast;
        open_stem(&s, rows[i].yaml, 2, rows[i].height, rows[i].width, rows[i].channels);
        running_open_with(&reference, s.graph, &s.parameters, 0, "reference");
        running_open_with(&fast, s.graph, &s.parameters, 0, "native");
        running_fill(&reference, "x", 7);
        running_fill(&fast, "x", 7);
        running_run(&reference);
        running_run(&fast);
        const double error = running_difference(&fast, "packed", &reference, "packed");
        const double back = running_difference(&fast, "back", &reference, "back");
        if (!(error <= 1e-6 && back <= 1e-6))
            fail_msg("%s at %dx%d: off by %.1e, and back by %.1e", rows[i].yaml, (int)rows[i].height, (int)rows[i].width,
                     error, back);
        running_close(&reference);
        running_close(&fast);
        close_stem(&s);
    }
}

static double product(const running *r, const char *output, uint32_t stream)
{
    double sum = 0;
    for (int64_t i = 0; i < rn_count(rn_program_shape(r->program, output)); i++)
        sum += running_at(r, output, i) * running_even(stream, i);
    return sum;
}

/* ⟨Ax, y⟩ = ⟨x, Aᵀy⟩ of both maps and both wavelets, by the fast kernels. Tolerance: the products are of some hundred
 * thousand numbers rounded to float32, and of the size of the root of their count. */
static void gradients_on_large_maps_are_the_transposed_maps(void **state)
{
    (void)state;
    static const int64_t sizes[][3] = {{34, 602, 3}, {204, 188, 3}, {6, 22, 300}, {2, 400, 5}};
    for (size_t i = 0; i < 2 * sizeof sizes / sizeof *sizes; i++) {
        const int64_t *const size = sizes[i / 2];
        const rn_shape pixels = {.rank = 4, .dim = {2, size[0], size[1], size[2]}};
        const rn_shape bands = {.rank = 4, .dim = {2, size[0] / 2, size[1] / 2, 4 * size[2]}};
        const rn_dwt_attr attr = {i % 2 ? RN_LEGALL53 : RN_HAAR};
        rn_parameters parameters = {0};
        rn_graph *g = rn_graph_open(networks_registry(), &parameters, RN_F32, false);
        running r;
        assert_non_null(g);
        const rn_tensor x = rn_graph_input(g, "x", pixels), y = rn_graph_input(g, "y", bands);
        rn_graph_output(g, "dwt", rn_op_dwt(g, x, attr.wavelet));
        rn_graph_output(g, "dwt_dx", rn_apply1(g, "dwt_dx", &attr, sizeof attr, &y, 1));
        rn_graph_output(g, "idwt", rn_op_idwt(g, y, attr.wavelet));
        rn_graph_output(g, "idwt_dx", rn_apply1(g, "idwt_dx", &attr, sizeof attr, &x, 1));
        running_open_with(&r, g, &parameters, 0, "native");
        running_fill(&r, "x", 1);
        running_fill(&r, "y", 2);
        running_run(&r);
        const double root = sqrt((double)rn_count(pixels));
        assert_true(fabs(product(&r, "dwt", 2) - product(&r, "dwt_dx", 1)) <= 1e-5 * root);
        assert_true(fabs(product(&r, "idwt", 1) - product(&r, "idwt_dx", 2)) <= 1e-5 * root);
        running_close(&r);
        rn_graph_close(g);
        rn_parameters_free(&parameters);
    }
}

static void the_maps_have_the_sides_of_the_paper(void **state)
{
    (void)state;
    static const struct { const char *yaml; int64_t side, packed_side, packed_channels; } rows[] = {
        {"{type: dwt, levels: 1}", 256, 128, 12},
        {"{type: dwt, levels: 2}", 512, 128, 48},
        {"{type: dwt, levels: 3}", 1024, 128, 192},
        {"{type: patch_conv, factor: 4}", 512, 128, 48},
        {"{type: patch_conv, factor: 16, channels: 128}", 256, 16, 128},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        stem s;
        open_stem(&s, rows[i].yaml, 1, rows[i].side, rows[i].side, 3);
        assert_false(rn_graph_failed(s.graph));
        assert_int_equal(s.packed.dim[1], rows[i].packed_side);
        assert_int_equal(s.packed.dim[2], rows[i].packed_side);
        assert_int_equal(s.packed.dim[3], rows[i].packed_channels);
        close_stem(&s);
    }
}

/* Variance of some channels of "packed", over 1/3, that of even numbers on (−1, 1); both have mean 0. */
static double gain(const running *r, int64_t first, int64_t channels)
{
    const rn_shape s = rn_program_shape(r->program, "packed");
    double sum = 0;
    for (int64_t row = 0; row < rn_rows(s); row++)
        for (int64_t c = first; c < first + channels; c++)
            sum += pow(running_at(r, "packed", row * rn_last(s) + c), 2);
    return 3 * sum / (double)(rn_rows(s) * channels);
}

/* Along an axis legall53 gives white noise of variance 1 the variances 46/64 and 3/2, haar 1 and 1. Tolerance: four
 * standard errors of a variance of 3·64² numbers that are nearly independent, and the edges. */
static void white_noise_has_the_variances_that_are_documented(void **state)
{
    (void)state;
    const double low = 46.0 / 64, high = 1.5;
    const struct { const char *yaml; double want[4]; } rows[] = {
        {"{type: dwt, wavelet: haar}", {1, 1, 1, 1}},
        {"{type: dwt, wavelet: legall53}", {low * low, low * high, high * low, high * high}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        stem s;
        running r;
        open_stem(&s, rows[i].yaml, 1, 128, 128, 3);
        running_open(&r, s.graph, &s.parameters, 0);
        running_fill(&r, "x", 3);
        running_run(&r);
        for (int64_t band = 0; band < 4; band++)
            if (!(fabs(gain(&r, 3 * band, 3) / rows[i].want[band] - 1) <= 0.06))
                fail_msg("%s: band %d has variance %.4f, not %.4f", rows[i].yaml, (int)band, gain(&r, 3 * band, 3),
                         rows[i].want[band]);
        running_close(&r);
        close_stem(&s);
    }
}

/* Lines of slope one have no second difference: all of their detail is 0 but at the mirrored edge. */
static void straight_lines_have_no_detail(void **state)
{
    (void)state;
    stem s;
    running r;
    open_stem(&s, "dwt", 1, 8, 8, 1);
    running_open(&r, s.graph, &s.parameters, 0);
    float *x = rn_program_input(r.program, "x");
    for (int i = 0; i < 64; i++)
        x[i] = (float)(i % 8) - 2 * (float)(i / 8);
    running_run(&r);
    for (int64_t row = 0; row < 3; row++)
        for (int64_t col = 0; col < 3; col++)
            for (int64_t band = 1; band < 4; band++)
                assert_true(running_at(&r, "packed", (row * 4 + col) * 4 + band) == 0);
    running_close(&r);
    close_stem(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_goes_in_comes_back),
        cmocka_unit_test(fast_kernels_agree_with_the_reference_on_large_maps),
        cmocka_unit_test(gradients_on_large_maps_are_the_transposed_maps),
        cmocka_unit_test(the_maps_have_the_sides_of_the_paper),
        cmocka_unit_test(white_noise_has_the_variances_that_are_documented),
        cmocka_unit_test(straight_lines_have_no_detail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
