/* Ctrl-C stops after the step; a process that is killed at any instant damages nothing, and the same command goes on. */
#include "support/scratch.h"
#include "tiny.h"
#include "train/safetensors.h"

#include <runner/dataset.h>
#include <runner/random.h>

#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static pid_t started(const char *folder, const char *steps)
{
    char set[64];
    snprintf(set, sizeof set, "train.steps=%s", steps);
    const pid_t child = fork();
    if (child == 0) {
        if (chdir(folder) != 0 || !freopen("out", "w", stdout) || !freopen("err", "w", stderr))
            _exit(99);
        execl(BUILD_FOLDER "/runner", "runner", "tiny.yaml", "--set", set, "--set", "seeds=[0]", (char *)NULL);
        _exit(98);
    }
    assert_true(child > 0);
    return child;
}

static void sleep_s(double s)
{
    const struct timespec t = {(time_t)s, (long)(1e9 * (s - (double)(time_t)s))};
    nanosleep(&t, NULL);
}

/* Waits until a run has begun to train, as the database says. */
static void wait_for_training(const char *folder)
{
    for (int i = 0; i < 600; i++) {
        char *text;
        if (scratch_run(&text, "sqlite3 '%s/results/results.db' \"select count(*) from run where status = 'running'\"", folder) == 0 &&
            strcmp(text, "1\n") == 0) {
            free(text);
            sleep_s(0.3);
            return;
        }
        free(text);
        sleep_s(0.1);
    }
    fail_msg("no run has begun");
}

static void a_signal_stops_after_the_step_and_says_so(void **state)
{
    static const struct { int number, status; } cases[] = {{SIGINT, 130}, {SIGTERM, 143}};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        char *folder = tiny_folder(), *text;
        int status;
        const pid_t child = started(folder, "1000000");
        wait_for_training(folder);
        kill(child, cases[i].number);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), cases[i].status);
        size_t bytes;
        char *err = scratch_path(folder, "err"), *said = (char *)scratch_read(err, &bytes);
        assert_non_null(strstr(said, "the same command goes on"));
        assert_int_equal(scratch_run(&text, "sqlite3 '%s/results/results.db' 'select status from run'", folder), 0);
        assert_string_equal(text, "interrupted\n");
        free(text), free(err), free(said);
        const pid_t again = started(folder, "3"); /* goes on with a budget that ends */
        assert_int_equal(waitpid(again, &status, 0), again);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        free(folder);
    }
}

/* Every file that stands under its own name is whole. */
static void check_files(const char *folder)
{
    char *list, *rest;
    assert_int_equal(scratch_run(&list, "[ ! -d '%s/results' ] || find '%s/results' -type f ! -name '*.tmp-*'", folder, folder), 0);
    for (char *path = strtok_r(list, "\n", &rest); path; path = strtok_r(NULL, "\n", &rest)) {
        rn_error err;
        const size_t n = strlen(path);
        if (n > 12 && strcmp(path + n - 12, ".safetensors") == 0) {
            rn_safetensors *file;
            assert_ok(rn_safetensors_open(path, &file, &err), err);
            rn_safetensors_close(file);
        } else if (n > 4 && strcmp(path + n - 4, ".png") == 0) {
            size_t bytes;
            uint8_t *data = scratch_read(path, &bytes);
            rn_pixels p = {0};
            assert_ok(rn_image_decode(data, bytes, path, 1 << 28, &p, &err), err);
            rn_pixels_free(&p);
            free(data);
        }
    }
    free(list);
}

static void killed_at_fifty_instants_nothing_is_damaged(void **state)
{
    (void)state;
    char *folder = tiny_folder(), *text;
    int status;
    const rn_stream r = {.seed = 5, .stream = rn_stream_of("instants")};
    for (int i = 0; i < 50; i++) {
        const pid_t child = started(folder, "40");
        sleep_s(0.02 + 0.6 * rn_random_uniform(r, (uint64_t)i));
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, &status, 0), child);
        if (scratch_run(&text, "cd '%s' && { [ ! -s results/results.db ] || sqlite3 results/results.db 'pragma integrity_check'; }", folder))
            fail_msg("%s", text);
        assert_true(text[0] == '\0' || strcmp(text, "ok\n") == 0);
        free(text);
        check_files(folder);
    }
    const pid_t last = started(folder, "40");
    assert_int_equal(waitpid(last, &status, 0), last);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        scratch_run(&text, "cat '%s/err'", folder);
        fail_msg("%s", text);
    }
    assert_int_equal(scratch_run(&text, "sqlite3 '%s/results/results.db' \"select count(*) from run where status = 'done'\"", folder), 0);
    assert_string_equal(text, "2\n");
    free(text), free(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signal_stops_after_the_step_and_says_so),
        cmocka_unit_test(killed_at_fifty_instants_nothing_is_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
