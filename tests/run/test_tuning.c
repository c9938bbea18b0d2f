/* The choice of kernels by timing as a user meets it: the second run repeats the first, `plan` is exact after it, and nothing
 * about the cache stops a run. */
#include "plugin/catalogue.h"
#include "spec/spec.h"
#include "support/networks.h"
#include "support/scratch.h"
#include "tiny.h"
#include "train/trainer.h"
#include "tune/tuner.h"

#define ONE "--set vary=none --set 'seeds=[0]'"

static char *folder; /* of this test: cache/ and results are below it */

static char *spec_folder(void)
{
    char *spec;
    folder = scratch_folder();
    spec = scratch_path(folder, "tiny.yaml");
    scratch_write(spec, TINY_SPEC, strlen(TINY_SPEC));
    return spec;
}

/* stdout and stderr of a command that succeeds, run in the folder. */
static char *succeeds(const char *cache, const char *command)
{
    char *text;
    if (scratch_run(&text, "cd '%s' && export RUNNER_CACHE_DIR=%s && %s", folder, cache, command))
        fail_msg("%s: %s", command, text);
    return text;
}

/* A command's text, without its last line break, that is no failure; compared and freed. */
static void expect(const char *cache, const char *command, const char *wanted)
{
    char *text = succeeds(cache, command);
    text[strcspn(text, "\n")] = '\0';
    assert_string_equal(text, wanted);
    free(text);
}

static bool says(const char *cache, const char *command, const char *words)
{
    char *text = succeeds(cache, command);
    const bool said = strstr(text, words) != NULL;
    free(text);
    return said;
}

static void the_second_run_times_nothing_and_gives_the_same_bytes(void **state)
{
    (void)state;
    char *spec = spec_folder();
    assert_true(says("$PWD/cache", RUNNER " tiny.yaml " ONE " --out one", "kernels timed for "));
    assert_false(says("$PWD/cache", RUNNER " tiny.yaml " ONE " --out two", "kernels timed for "));
    char *one = succeeds("off", "cat one/tiny/*/seed0/*.safetensors | sha256sum");
    expect("off", "cat two/tiny/*/seed0/*.safetensors | sha256sum | tr -d '\\n'", strtok(one, "\n"));
    free(one);
    /* what ran stands in the database, equal plans as equal texts, with the errors of the plugins' kernels */
    char *plan = succeeds("off", "sqlite3 one/results.db 'select p.text from run join plan p on p.id = plan_id' > plan.txt && cat plan.txt");
    char *again = succeeds("off", "sqlite3 two/results.db 'select p.text from run join plan p on p.id = plan_id'");
    assert_string_equal(plan, again);
    assert_non_null(strstr(plan, "choice 0 "));
    assert_non_null(strstr(plan, " cpu conv2d stride=1 pad_h=1 pad_w=1 groups=1 | f32[4,16,16,8] *f32[3,3,8,8] "));
    expect("off", "sqlite3 one/results.db 'select count(*) > 0 from run_plugin where max_error > 0 and max_error < 1e-4'", "1");
    /* the plan from the database makes the same bytes where nothing is known */
    assert_false(says("off", RUNNER " tiny.yaml " ONE " --out three --choices plan.txt", "note "));
    char *third = succeeds("off", "sqlite3 three/results.db 'select p.text from run join plan p on p.id = plan_id'");
    assert_string_equal(third, plan);
    free(third), free(plan), free(again), free(spec), free(folder);
}

static void plan_is_exact_after_a_run(void **state)
{
    (void)state;
    char *spec = spec_folder();
    char *before = succeeds("$PWD/cache", RUNNER " plan tiny.yaml " ONE " --json");
    assert_true(scratch_number(before, "untimed_nodes") > 0);
    assert_true(says("$PWD/cache", RUNNER " plan tiny.yaml " ONE, "not timed on this machine yet"));
    expect("$PWD/cache", "ls -d cache 2> /dev/null | wc -l", "0"); /* plan times nothing and keeps nothing */
    free(succeeds("$PWD/cache", RUNNER " bench tiny.yaml " ONE " --steps 1"));
    char *after = succeeds("$PWD/cache", RUNNER " plan tiny.yaml " ONE " --json");
    assert_int_equal((int)scratch_number(after, "untimed_nodes"), 0);

    /* what a program that is compiled to be run takes, to the byte */
    const char *const sets[] = {"vary=none", "seeds=[0]"};
    rn_spec s;
    rn_diagnostics told = {0};
    rn_error err = {0};
    rn_trainer t = {0};
    rn_tuner *tuner;
    const rn_catalogue catalogue = rn_registry_catalogue(networks_registry());
    assert_true(rn_spec_read(spec, sets, 2, &s, &told) && rn_spec_check(&s, &catalogue, &told));
    char *file = succeeds("off", "ls cache/kernels-*.txt"), path[512];
    snprintf(path, sizeof path, "%s/%s", folder, strtok(file, "\n"));
    assert_ok(rn_tuner_open(networks_registry(), &(rn_tuner_options){.given = path, .time = true}, &tuner, &err), err);
    t.chooser = rn_tuner_chooser(tuner, false);
    assert_ok(rn_trainer_plan(&t, networks_registry(), s.variant[0].experiment, &err), err);
    assert_int_equal(rn_tuner_tell(tuner).timed, 0);
    assert_int_equal((size_t)scratch_number(after, "train_arena_bytes"), rn_program_arena_bytes(t.train));
    assert_int_equal((size_t)scratch_number(after, "denoise_arena_bytes"), rn_program_arena_bytes(t.denoise));
    assert_int_equal((size_t)scratch_number(after, "packed_bytes"), rn_program_packed_bytes(t.train) + rn_program_packed_bytes(t.denoise));
    rn_trainer_free(&t);
    rn_tuner_close(tuner);
    rn_spec_free(&s);
    rn_diagnostics_free(&told);
    free(file), free(before), free(after), free(spec), free(folder);
}

static void deterministic_asks_nobody_and_keeps_nothing(void **state)
{
    static const char command[] = RUNNER " tiny.yaml " ONE " --set deterministic=true --out ";
    char text[512];
    (void)state;
    char *spec = spec_folder();
    free(succeeds("$PWD/cache", RUNNER " bench tiny.yaml " ONE " --steps 1 2> /dev/null")); /* there are choices … */
    snprintf(text, sizeof text, "%sone", command);
    assert_false(says("$PWD/cache", text, "kernels timed for "));
    snprintf(text, sizeof text, "%stwo", command);
    free(succeeds("off", text)); /* … and it is as if there were none */
    char *one = succeeds("off", "sqlite3 one/results.db 'select text from plan'"), *two = succeeds("off", "sqlite3 two/results.db 'select text from plan'");
    assert_string_equal(one, two);
    assert_true(strlen(one) > 1000);
    free(one), free(two), free(spec), free(folder);
}

static void no_cache_stops_a_run(void **state)
{
    (void)state;
    char *spec = spec_folder();
    assert_true(says("/dev/null/x", RUNNER " bench tiny.yaml " ONE " --steps 1", "the choice of kernels is not kept for the next run: could not"));
    assert_false(says("off", RUNNER " bench tiny.yaml " ONE " --steps 1", "kernels timed for "));
    free(succeeds("$PWD/cache", RUNNER " bench tiny.yaml " ONE " --steps 1"));
    free(succeeds("off", "for f in cache/kernels-*.txt; do head -c 300 $f > x; mv x $f; done"));
    assert_true(says("$PWD/cache", RUNNER " plan tiny.yaml " ONE, "is damaged, or of another version: it is ignored"));
    assert_true(says("$PWD/cache", RUNNER " bench tiny.yaml " ONE " --steps 1", "kernels timed for "));
    assert_false(says("$PWD/cache", RUNNER " plan tiny.yaml " ONE, "note "));
    /* without a folder of its own: ~/.cache, or XDG's */
    free(succeeds("", "HOME=$PWD/home " RUNNER " bench tiny.yaml " ONE " --steps 1; ls home/.cache/runner/kernels-*.txt"));
    free(succeeds("", "XDG_CACHE_HOME=$PWD/xdg " RUNNER " bench tiny.yaml " ONE " --steps 1; ls xdg/runner/kernels-*.txt"));
    assert_true(says("", "env -u HOME -u XDG_CACHE_HOME " RUNNER " bench tiny.yaml " ONE " --steps 1", "kernels timed for "));
    free(spec), free(folder);
}

static void two_first_runs_at_once_agree_afterwards(void **state)
{
    (void)state;
    char *spec = spec_folder();
    free(succeeds("$PWD/cache", "{ " RUNNER " tiny.yaml " ONE " --out one & " RUNNER " tiny.yaml " ONE " --set train.batch=5 --out two && wait $!; }"));
    for (int batch = 4; batch <= 5; batch++) {
        char command[256];
        snprintf(command, sizeof command, RUNNER " plan tiny.yaml " ONE " --json --set train.batch=%d", batch);
        char *json = succeeds("$PWD/cache", command);
        assert_int_equal((int)scratch_number(json, "untimed_nodes"), 0);
        free(json);
    }
    free(spec), free(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_second_run_times_nothing_and_gives_the_same_bytes),
        cmocka_unit_test(plan_is_exact_after_a_run),
        cmocka_unit_test(deterministic_asks_nobody_and_keeps_nothing),
        cmocka_unit_test(no_cache_stops_a_run),
        cmocka_unit_test(two_first_runs_at_once_agree_afterwards),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
