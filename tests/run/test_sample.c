/* `runner sample` and `runner interpolate`: what a run left is enough to draw from it again. */
#include "data/decode.h"
#include "support/scratch.h"
#include "tiny.h"

/* A folder with finished runs; the spec and its name have gone, the run's folder is all there is. */
static char *finished(void)
{
    char *folder = scratch_folder(), *spec = scratch_path(folder, "tiny.yaml"), *text;
    scratch_write(spec, TINY_SPEC, strlen(TINY_SPEC));
    if (scratch_run(&text, "cd '%s' && " RUNNER " tiny.yaml --quiet && rm tiny.yaml", folder))
        fail_msg("%s", text);
    free(text), free(spec);
    return folder;
}

/* Runs `runner <command>` in the folder; it must succeed. */
static void run(const char *folder, const char *command)
{
    char *text;
    if (scratch_run(&text, "cd '%s' && " RUNNER " %s --quiet", folder, command))
        fail_msg("runner %s:\n%s", command, text);
    free(text);
}

/* Pixels of an image, malloc. */
static rn_pixels image(const char *folder, const char *name)
{
    char *path = scratch_path(folder, name);
    size_t bytes;
    uint8_t *file = scratch_read(path, &bytes);
    rn_pixels p;
    rn_error err;
    assert_ok(rn_image_decode(file, bytes, path, INT64_MAX, &p, &err), err);
    free(file), free(path);
    return p;
}

static bool same(const char *folder, const char *a, const char *b)
{
    rn_pixels x = image(folder, a), y = image(folder, b);
    const bool equal = x.width == y.width && x.height == y.height && memcmp(x.rgb, y.rgb, (size_t)(3 * x.width * x.height)) == 0;
    rn_pixels_free(&x), rn_pixels_free(&y);
    return equal;
}

#define FOLDER "results/tiny/shift.from=8/seed1"
#define SHEET FOLDER "/samples/step_00000006.png"

static void the_runs_own_settings_give_its_own_sheet(void **state)
{
    (void)state;
    char *folder = finished();
    run(folder, "sample " FOLDER " --count 4 --out a"); /* the sheet has four */
    assert_true(same(folder, "a/sheet.png", SHEET));
    run(folder, "sample tiny/shift.from=8/1 --count 4 --out b");
    assert_true(same(folder, "b/sheet.png", SHEET));
    run(folder, "sample " FOLDER "/ema.safetensors --count 4 --out c --threads 2");
    assert_true(same(folder, "c/sheet.png", SHEET));

    /* other weights, seeds and variants are others */
    run(folder, "sample tiny/shift.from=8/seed1 --weights raw --count 4 --out d");
    assert_false(same(folder, "d/sheet.png", SHEET));
    run(folder, "sample " FOLDER "/model.safetensors --count 4 --out e");
    assert_true(same(folder, "d/sheet.png", "e/sheet.png"));
    run(folder, "sample " FOLDER " --seed 0 --count 4 --out f");
    assert_false(same(folder, "f/sheet.png", SHEET));

    /* the folder may lie anywhere */
    assert_int_equal(scratch_run(NULL, "cd '%s' && mv " FOLDER " elsewhere && rm -r results", folder), 0);
    run(folder, "sample elsewhere --count 4");
    assert_true(same(folder, "elsewhere/samples/ddim-2-ema-seed1/sheet.png", "a/sheet.png"));
    free(folder);
}

static void every_sampler_draws_as_many_images_as_are_asked_for(void **state)
{
    static const struct { const char *name, *options; } rows[] = {
        {"ddim", "--sampler ddim --steps 3 --set sampler.eta=1"},
        {"ddpm", "--sampler ddpm --steps 3"},
        {"dpmpp_2m", "--sampler dpmpp_2m --steps 3 --set sampler.spacing=t"},
        {"heun", "--sampler heun --steps 3 --set sampler.s_churn=2"},
        {"grid", "--set 'sampler.schedule={shift: {from: 8}}' --set sampler.steps=3"},
        {"threshold", "--set evaluate.sampler.dynamic_threshold=0.9 --steps 3"},
        {"unclipped", "--set sampler.clip=false --steps 3"},
    };
    enum { ROWS = sizeof rows / sizeof *rows };
    (void)state;
    char *folder = finished(), command[512], a[64], b[64], *text;
    for (size_t i = 0; i < ROWS; i++) {
        snprintf(command, sizeof command, "sample results/tiny/shift=none/seed0 --count 5 --out %s %s", rows[i].name, rows[i].options);
        run(folder, command);
        assert_int_equal(scratch_run(&text, "cd '%s/%s' && ls | tr '\\n' ' '", folder, rows[i].name), 0);
        assert_string_equal(text, "00000.png 00001.png 00002.png 00003.png 00004.png sheet.png ");
        free(text);
        snprintf(a, sizeof a, "%s/00003.png", rows[i].name);
        snprintf(b, sizeof b, "%s/00004.png", rows[i].name);
        assert_false(same(folder, a, b));
        for (size_t k = 0; k < i; k++) { /* and each draws others than the ones before */
            snprintf(b, sizeof b, "%s/00003.png", rows[k].name);
            if (same(folder, a, b))
                fail_msg("%s draws what %s draws", rows[i].name, rows[k].name);
        }
    }
    free(folder);
}

static void an_interpolation_begins_and_ends_with_the_samples_of_its_seeds(void **state)
{
    (void)state;
    char *folder = finished();
    run(folder, "sample " FOLDER " --seed 3 --count 4 --out from");
    run(folder, "sample " FOLDER " --seed 8 --count 4 --out to");
    run(folder, "interpolate " FOLDER " --seed 3 --to-seed 8 --count 6 --out way");
    assert_true(same(folder, "way/00000.png", "from/00000.png"));
    assert_true(same(folder, "way/00005.png", "to/00000.png"));
    for (int i = 1; i < 6; i++) {
        char a[32], b[32];
        snprintf(a, sizeof a, "way/%05d.png", i);
        snprintf(b, sizeof b, "way/%05d.png", i - 1);
        assert_false(same(folder, a, b));
    }
    run(folder, "interpolate " FOLDER); /* from the run's seed to the next, nine images, into the run's folder */
    run(folder, "sample " FOLDER " --count 4 --out own");
    assert_true(same(folder, FOLDER "/samples/ddim-2-ema-seed1-2-of9/00000.png", "own/00000.png"));
    rn_pixels last = image(folder, FOLDER "/samples/ddim-2-ema-seed1-2-of9/00008.png");
    rn_pixels_free(&last);
    free(folder);
}

static void what_is_wrong_is_told_with_its_exit_status(void **state)
{
    static const struct { const char *command; int status; const char *told; } rows[] = {
        {"sample", 2, "usage: runner sample RUN"},
        {"sample nowhere", 2, "is no run: give a run's folder"},
        {"sample results", 3, "results/spec.yaml' is not there"},
        {"sample tiny/shift=none", 2, "is no run: give a run's folder"},
        {"sample results/tiny/none/seed0", 2, "no variant 'none'; it has: shift=none, shift.from=8"},
        {"sample tiny/none/0", 2, "no variant 'none'; it has: shift=none, shift.from=8"},
        {"sample tiny/shift=none/5", 2, "it has seed 0, 1"},
        {"sample tinny/shift=none/0", 2, "nearest: 'tiny'"},
        {"sample tiny/shift=none/0 --db gone.db", 3, "gone.db"},
        {"sample " FOLDER " --sampler huen", 2, "did you mean 'heun'?"},
        {"sample " FOLDER " --weights best", 2, "'best' is not one of the choices"},
        {"sample " FOLDER " --steps 0", 2, "--steps: '0' is no number from 1 to 100000"},
        {"sample " FOLDER " --seed -1", 2, "--seed: '-1' is no number from 0 to 4294967295"},
        {"sample " FOLDER " --count many", 2, "--count: 'many' is no number"},
        {"sample " FOLDER " --to-seed 3", 2, "`runner sample` has no option --to-seed"},
        {"sample " FOLDER " --set sampler.ete=1", 2, "did you mean 'eta'?"},
        {"sample " FOLDER " --set sampler.schedule.shift.low=8", 2, "low without high"},
        {"sample " FOLDER " --set 'model.levels[0].channels=16'", 3, "tensor '"},
        {"sample " FOLDER " --set data.resolution=12", 3, "tensor 'pos'"},
        {"sample " FOLDER "/gone.safetensors", 3, "gone.safetensors"},
        {"sample " FOLDER " --out /dev/null/x", 3, "/dev/null"},
    };
    (void)state;
    char *folder = finished(), *text;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const int status = scratch_run(&text, "cd '%s' && " RUNNER " %s 2>&1", folder, rows[i].command);
        if (status != rows[i].status || !strstr(text, rows[i].told))
            fail_msg("runner %s: status %d, not %d, with '%s' expected in:\n%s", rows[i].command, status, rows[i].status, rows[i].told, text);
        free(text);
    }
    assert_int_equal(scratch_run(&text, "cd '%s' && truncate -s 100 " FOLDER "/ema.safetensors && " RUNNER " sample " FOLDER, folder), 3);
    assert_non_null(strstr(text, "ema.safetensors"));
    free(text), free(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_runs_own_settings_give_its_own_sheet),
        cmocka_unit_test(every_sampler_draws_as_many_images_as_are_asked_for),
        cmocka_unit_test(an_interpolation_begins_and_ends_with_the_samples_of_its_seeds),
        cmocka_unit_test(what_is_wrong_is_told_with_its_exit_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
