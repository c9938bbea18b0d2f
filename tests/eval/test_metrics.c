/* Metrics: what the reference tables do not say of them. */
#include "support/schema.h"

#include <runner/features.h>
#include <runner/random.h>

static const char *const names[] = {"fid_proxy", "kid"};

static const rn_metric *find(const char *name)
{
    const rn_metric *m = (const rn_metric *)component_in(plugin_of("metrics")->metrics, name);
    assert_non_null(m);
    return m;
}

static rn_vectors vectors_of(const char *stream, int64_t n, int64_t dims, double scale, double offset)
{
    double *x = malloc((size_t)(n * dims) * sizeof *x);
    for (int64_t i = 0; i < n * dims; i++)
        x[i] = offset + scale * rn_random_normal((rn_stream){.stream = rn_stream_of(stream)}, (uint64_t)i);
    return (rn_vectors){x, n, dims};
}

static void release(rn_vectors v)
{
    free((void *)(uintptr_t)v.x);
}

static rn_score score_of(const char *metric, rn_vectors a, rn_vectors b, uint32_t seed)
{
    rn_score s;
    rn_error err;
    assert_ok(find(metric)->score(NULL, &a, &b, seed, &s, &err), err);
    return s;
}

static void distances_are_finite_however_few_the_samples_and_however_constant(void **state)
{
    (void)state;
    static const int64_t sizes[][3] = {{2, 2, 3}, {2, 50, 8}, {5, 5, 64}, {40, 30, 35}, {64, 64, 1}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int constant = 0; constant < 2; constant++) {
            const rn_vectors a = vectors_of("a", sizes[i][0], sizes[i][2], constant ? 0 : 1, 0.25);
            const rn_vectors b = vectors_of("b", sizes[i][1], sizes[i][2], constant ? 0 : 1, 0.25);
            const rn_score s = score_of("fid_proxy", a, b, 0);
            assert_true(isfinite(s.value) && s.value >= 0);
            if (constant)
                assert_true(s.value == 0);
            assert_true((s.note[0] != '\0') == (sizes[i][0] <= sizes[i][2] || sizes[i][1] <= sizes[i][2]));
            assert_true(isfinite(score_of("kid", a, b, 0).value));
            release(a), release(b);
        }
}

/* Shifting a set by d moves the Fréchet distance from 0 to |d|², whatever the number of samples. */
static void a_shift_of_the_mean_is_the_whole_distance(void **state)
{
    (void)state;
    static const int64_t counts[] = {4, 16, 200};
    for (size_t i = 0; i < 3; i++) {
        const rn_vectors a = vectors_of("same", counts[i], 16, 1, 0), b = vectors_of("same", counts[i], 16, 1, 0.5);
        assert_true(fabs(score_of("fid_proxy", a, a, 0).value) < 1e-12);
        assert_true(fabs(score_of("fid_proxy", a, b, 0).value - 16 * 0.25) < 1e-12);
        release(a), release(b);
    }
}

/* What is printed beside a score: below it where samples differ from the reference, and the same in a rerun. */
static void the_floor_lies_below_and_depends_on_the_seed_alone(void **state)
{
    (void)state;
    const rn_vectors a = vectors_of("samples", 150, 12, 1.5, 0.4), b = vectors_of("reference", 300, 12, 1, 0);
    for (size_t i = 0; i < 2; i++) {
        const rn_score s = score_of(names[i], a, b, 7), again = score_of(names[i], a, b, 7), other = score_of(names[i], a, b, 8);
        assert_true(s.floor < s.value);
        assert_true(s.floor == again.floor && s.value == again.value);
        assert_true(s.floor != other.floor && s.value == other.value);
    }
    release(a), release(b);
}

static rn_vectors without(rn_vectors v, int64_t row)
{
    double *x = malloc((size_t)(v.n * v.dims) * sizeof *x);
    memcpy(x, v.x, (size_t)(row * v.dims) * sizeof *x);
    memcpy(x + row * v.dims, v.x + (row + 1) * v.dims, (size_t)((v.n - 1 - row) * v.dims) * sizeof *x);
    return (rn_vectors){x, v.n - 1, v.dims};
}

static double variance_without_one(rn_vectors a, rn_vectors b, bool of_a)
{
    const rn_vectors set = of_a ? a : b;
    double value[64], mean = 0, sum = 0;
    assert_true(set.n <= 64);
    for (int64_t i = 0; i < set.n; i++) {
        const rn_vectors left = without(set, i);
        mean += (value[i] = score_of("kid", of_a ? left : a, of_a ? b : left, 0).value) / (double)set.n;
        release(left);
    }
    for (int64_t i = 0; i < set.n; i++)
        sum += (value[i] - mean) * (value[i] - mean);
    return (double)(set.n - 1) / (double)set.n * sum;
}

static void the_interval_of_kid_is_the_jackknifes(void **state)
{
    (void)state;
    const rn_vectors a = vectors_of("x", 23, 5, 1.2, 0.3), b = vectors_of("y", 17, 5, 1, 0);
    const rn_score s = score_of("kid", a, b, 0);
    const double se = sqrt(variance_without_one(a, b, true) + variance_without_one(a, b, false));
    assert_true(se > 0);
    assert_true(fabs((s.high - s.low) / 2 / (1.96 * se) - 1) < 1e-9);
    assert_true(fabs((s.high + s.low) / 2 - s.value) < 1e-12);
    release(a), release(b);
}

/* Sets larger than a tile of the kernel matrix give what a double loop gives. */
static void kid_of_large_sets_is_that_of_a_plain_loop(void **state)
{
    (void)state;
    enum { N = 300, M = 270, D = 3 };
    const rn_vectors a = vectors_of("p", N, D, 1, 0.2), b = vectors_of("q", M, D, 1, 0);
    double within_a = 0, within_b = 0, between = 0;
    for (int i = 0; i < N + M; i++)
        for (int j = 0; j < N + M; j++) {
            const double *x = i < N ? a.x + i * D : b.x + (i - N) * D, *y = j < N ? a.x + j * D : b.x + (j - N) * D;
            const double k = pow((x[0] * y[0] + x[1] * y[1] + x[2] * y[2]) / D + 1, 3);
            if (i == j)
                continue;
            *(i < N ? j < N ? &within_a : &between : j < N ? &between : &within_b) += k;
        }
    const double want = within_a / (N * (N - 1.0)) + within_b / (M * (M - 1.0)) - between / (N * (double)M);
    assert_true(fabs(score_of("kid", a, b, 0).value - want) < 1e-11);
    release(a), release(b);
}

static void vectors_that_cannot_be_scored_are_refused(void **state)
{
    (void)state;
    static const struct { int64_t n, m; double bad; rn_code code; } rows[] = {
        {1, 10, 0, RN_EDATA}, {10, 1, 0, RN_EDATA}, {10, 10, (double)NAN, RN_EFAILED}, {10, 10, (double)INFINITY, RN_EFAILED}};
    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
            const rn_vectors a = vectors_of("a", rows[i].n, 4, 1, 0), b = vectors_of("b", rows[i].m, 4, 1, 0);
            if (rows[i].bad != 0)
                ((double *)(uintptr_t)a.x)[5] = rows[i].bad;
            rn_score s = {.value = 7};
            rn_error err = {0};
            assert_false(find(names[k])->score(NULL, &a, &b, 0, &s, &err));
            assert_int_equal(err.code, rows[i].code);
            assert_true(s.value == 7); /* untouched */
            release(a), release(b);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distances_are_finite_however_few_the_samples_and_however_constant),
        cmocka_unit_test(a_shift_of_the_mean_is_the_whole_distance),
        cmocka_unit_test(the_floor_lies_below_and_depends_on_the_seed_alone),
        cmocka_unit_test(the_interval_of_kid_is_the_jackknifes),
        cmocka_unit_test(kid_of_large_sets_is_that_of_a_plain_loop),
        cmocka_unit_test(vectors_that_cannot_be_scored_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
