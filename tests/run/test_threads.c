/* The number of threads decides who works, never what is computed. */
#include "support/scratch.h"
#include "tiny.h"

/* SHA-256 of every file of the results but the logs (which hold times) and the database, sorted by path. */
static char *fingerprint(const char *folder, const char *options, const char *out)
{
    char *text;
    if (scratch_run(&text, "cd '%s' && " RUNNER " tiny.yaml --quiet --out %s --set 'seeds=[0]' %s > /dev/null && cd %s && "
                    "find . -name '*.safetensors' -o -name '*.png' | sort | xargs -d '\\n' sha256sum", folder, out, options, out))
        fail_msg("%s", text);
    return text;
}

static char *scores(const char *folder, const char *out)
{
    char *text;
    if (scratch_run(&text, "sqlite3 '%s/%s/results.db' \"select s.*, '' from (select metric_id, features, value, low, floor "
                    "from score order by 1, 2, run_id) s\"", folder, out) &&
        scratch_run(&text, "cd '%s' && " RUNNER " compare tiny --out %s --json | grep -v results.db", folder, out))
        fail_msg("%s", text);
    return text;
}

static void any_number_of_threads_gives_the_same_bytes(void **state)
{
    static const char *const kernels[] = {"[reference]", "[openblas]", "[]' --set 'deterministic=true", "[onednn]"};
    enum { SETS = HAS_ONEDNN ? 4 : 3 };
    (void)state;
    char *folder = scratch_folder(), *spec = scratch_path(folder, "tiny.yaml"), options[256], out[64];
    scratch_write(spec, TINY_SPEC, strlen(TINY_SPEC));
    char *of_kernels[SETS];
    for (size_t k = 0; k < SETS; k++) {
        char *first = NULL, *first_scores = NULL;
        for (int threads = 1; threads <= 3; threads++) {
            snprintf(options, sizeof options, "--threads %d --set 'kernels=%s' --set data.workers=%d", threads, kernels[k], threads);
            snprintf(out, sizeof out, "out-%zu-%d", k, threads);
            char *files = fingerprint(folder, options, out), *values = scores(folder, out);
            assert_non_null(strstr(files, "ema.safetensors"));
            assert_non_null(strstr(files, ".png"));
            if (first) {
                assert_string_equal(files, first);
                assert_string_equal(values, first_scores);
                free(files), free(values);
            } else {
                first = files, first_scores = values;
            }
        }
        of_kernels[k] = first;
        free(first_scores);
    }
    for (size_t k = 1; k < SETS; k++) /* two kernel sets do round differently: both were used */
        assert_string_not_equal(of_kernels[k], of_kernels[k - 1]);
    for (size_t k = 0; k < SETS; k++)
        free(of_kernels[k]);
    free(spec), free(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(any_number_of_threads_gives_the_same_bytes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
