/* What `runner plan` says is what a run takes. */
#include "plugin/catalogue.h"
#include "spec/spec.h"
#include "support/networks.h"
#include "support/scratch.h"
#include "tiny.h"
#include "train/trainer.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Runs the runner; its largest resident memory in bytes. */
static double resident_of(const char *const *argv, const char *folder)
{
    const pid_t child = fork();
    if (child == 0) {
        if (chdir(folder) != 0 || !freopen("/dev/null", "w", stdout) || !freopen("err", "w", stderr))
            _exit(99);
        execv(argv[0], (char *const *)(uintptr_t)argv);
        _exit(98);
    }
    int status;
    struct rusage usage;
    assert_int_equal(wait4(child, &status, 0, &usage), child);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail_msg("exit status %d, see %s/err", WEXITSTATUS(status), folder);
    return (double)usage.ru_maxrss * 1024;
}

static char *planned(const char *folder, const char *options)
{
    char *text;
    if (scratch_run(&text, "cd '%s' && " RUNNER " plan tiny.yaml --set vary=none --json %s", folder, options))
        fail_msg("%s", text);
    return text;
}

/* Resident memory within 5 % + 30 MiB of the plan: what a process has beyond its own arrays is code, stacks and what
 * libraries keep. */
static void peak_memory_is_as_planned(void **state)
{
    static const struct { const char *set[4]; } cases[] = {
        {{"train.steps=2"}},
        {{"train.steps=2", "data.resolution=64", "train.batch=24", "model.levels[0].channels=32"}},
        {{"train.steps=1", "data.resolution=32", "train.batch=32", "model.levels[0].channels=24"}},
    };
    if (SANITIZERS[0]) {
        print_message("skipped: a sanitizer has memory of its own\n");
        skip();
    }
    (void)state;
    char *folder = scratch_folder(), *spec = scratch_path(folder, "tiny.yaml");
    scratch_write(spec, TINY_SPEC, strlen(TINY_SPEC));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char options[512] = "";
        const char *argv[32] = {BUILD_FOLDER "/runner", "tiny.yaml", "--quiet", "--set", "vary=none", "--set", "seeds=[0]"};
        int n = 7;
        for (int k = 0; k < 4 && cases[i].set[k]; k++) {
            snprintf(options + strlen(options), sizeof options - strlen(options), " --set '%s'", cases[i].set[k]);
            argv[n++] = "--set";
            argv[n++] = cases[i].set[k];
        }
        char *json = planned(folder, options);
        const double plan = scratch_number(json, "peak_bytes"), got = resident_of(argv, folder);
        print_message("planned %.1f MiB, resident %.1f MiB\n", plan / 1048576, got / 1048576);
        assert_true(fabs(got - plan) <= 0.05 * plan + 30 * 1048576.0);
        free(json);
    }
    free(spec), free(folder);
}

/* To the byte: what the plan says of activations is what the compiled programs want of their arena. */
static void planned_arenas_are_those_of_the_programs(void **state)
{
    static const char *const cases[][2] = {
        {"train.batch=1", "model.levels[0].channels=8"},
        {"train.batch=24", "model.levels[0].channels=32"},
        {"evaluate.batch=9", "task.loss.scales=[1, 2, 4]"},
        {"data.resolution=[16, 32]", "kernels=[reference]"},
        {"data.resolution=64", "model={type: unet, levels: [{channels: 8, block: resnet}, {channels: 12, block: resnet}]}"},
    };
    (void)state;
    char *folder = scratch_folder(), *path = scratch_path(folder, "tiny.yaml");
    const rn_catalogue catalogue = rn_registry_catalogue(networks_registry());
    scratch_write(path, TINY_SPEC, strlen(TINY_SPEC));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char options[512];
        const char *const sets[] = {"vary=none", cases[i][0], cases[i][1]};
        rn_spec spec;
        rn_diagnostics told = {0};
        rn_trainer t = {0};
        rn_error err;
        assert_true(rn_spec_read(path, sets, 3, &spec, &told) && rn_spec_check(&spec, &catalogue, &told));
        assert_ok(rn_trainer_plan(&t, networks_registry(), spec.variant[0].experiment, &err), err);
        snprintf(options, sizeof options, "--set '%s' --set '%s'", cases[i][0], cases[i][1]);
        char *json = planned(folder, options);
        const size_t train = rn_program_arena_bytes(t.train), denoise = rn_program_arena_bytes(t.denoise);
        assert_true(train > 0 && denoise > 0);
        assert_int_equal((size_t)scratch_number(json, "train_arena_bytes"), train);
        assert_int_equal((size_t)scratch_number(json, "denoise_arena_bytes"), denoise);
        assert_int_equal((size_t)scratch_number(json, "arena_bytes"), train > denoise ? train : denoise);
        free(json);
        rn_trainer_free(&t);
        rn_spec_free(&spec);
        rn_diagnostics_free(&told);
    }
    free(path), free(folder);
}

static const char large[] =
    "version: 1\nname: tiny\ndata: {type: image_folder, path: nowhere, resolution: 128}\n"
    "model:\n  type: uvit\n  levels:\n"
    "    - {channels: 128, block: resnet, blocks: 2}\n    - {channels: 256, block: resnet, blocks: 2}\n"
    "    - {channels: 512, block: resnet, blocks: 2}\n"
    "    - {channels: 2048, block: transformer, blocks: 36, heads: 4, dropout: 0.2}\n"
    "train: {steps: 500000, batch: 2}\nseeds: [0]\n";

/* The paper's largest network, on a data set that is not there. */
static void plan_validate_and_schedule_allocate_no_weights_and_open_no_data(void **state)
{
    static const char *const verbs[] = {"plan", "validate", "schedule"};
    (void)state;
    char *folder = scratch_folder(), *spec = scratch_path(folder, "tiny.yaml");
    scratch_write(spec, large, strlen(large));
    char *json = planned(folder, "");
    assert_true(scratch_number(json, "parameters") > 1.9e9);
    assert_true(scratch_number(json, "arena_bytes") > 1e9);
    for (size_t i = 0; i < 3; i++) {
        const char *const argv[] = {BUILD_FOLDER "/runner", verbs[i], "tiny.yaml", NULL};
        const time_t begun = time(NULL);
        const double got = resident_of(argv, folder);
        assert_true(time(NULL) - begun < 10);
        if (!SANITIZERS[0])
            assert_true(got < 200e6);
    }
    free(json), free(spec), free(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(peak_memory_is_as_planned),
        cmocka_unit_test(planned_arenas_are_those_of_the_programs),
        cmocka_unit_test(plan_validate_and_schedule_allocate_no_weights_and_open_no_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
