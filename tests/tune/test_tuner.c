/* What the choice by timing promises: the fastest kernel that is right, the same one for ever after, and never an end of the
 * program over a file. The kernels are toys of one op, y = 2x, which count their runs. */
#include "base/parallel.h"
#include "support/scratch.h"
#include "tune/choices.h"
#include "tune/names.h"
#include "tune/tuner.h"

#include <runner/random.h>

#include <sys/wait.h>
#include <unistd.h>

/* --- an op and its kernels -------------------------------------------------------------------------- */

enum { UNIT = 256, SLOWER = 30, LARGE = 4096 };

static bool same_shape(const rn_call *c, rn_shape *y, rn_error *err)
{
    (void)err;
    *y = c->in[0];
    y->pitch = 0;
    return true;
}

static void example(rn_example *e, rn_stream r, int number)
{
    (void)r;
    e->in[0] = (rn_shape){.rank = 1, .dim = {100 + number}};
}

static rn_cost cost(const rn_call *c) { return (rn_cost){.flop = rn_count(c->in[0]), .bytes = rn_call_bytes(c)}; }

static const rn_op op_twice = {.bytes = sizeof(rn_op), .name = "twice", .doc = "2x", .inputs = {{.name = "x"}}, .n_out = 1,
                               .shape = same_shape, .cost = cost, .example = example};

static int runs[5]; /* of each kernel */

static const char *plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    work->units = (rn_count(c->out[0]) + UNIT - 1) / UNIT;
    return NULL;
}

/* factor·x, so many times over. */
static void multiply(const rn_call *c, const rn_buffers *m, int64_t begin, int64_t end, float factor, int times)
{
    const int64_t n = rn_count(c->out[0]);
    for (volatile int k = 0; k < times; k++)
        for (int64_t i = begin * UNIT; i < end * UNIT && i < n; i++)
            ((volatile float *)m->out[0])[i] = factor * ((const float *)m->in[0])[i];
}

#define RUN(name_, number_, factor_, times_)                                                                           \
    static void name_(const rn_call *c, const rn_work *w, const rn_buffers *m, int phase, int64_t begin, int64_t end)  \
    {                                                                                                                  \
        (void)w, (void)phase;                                                                                          \
        if (begin == 0)                                                                                                \
            runs[number_]++;                                                                                           \
        multiply(c, m, begin, end, factor_, times_);                                                                   \
    }
RUN(run_reference, 0, 2.0f, 1)
RUN(run_slow, 1, 2.0f, SLOWER)
RUN(run_quick, 2, 2.0f, 1)
RUN(run_wrong, 3, 3.0f, 1)
RUN(run_wrong_when_large, 4, rn_count(c->out[0]) >= LARGE ? 3.0f : 2.0f, 1)

#define KERNEL(set_, rank_, run_)                                                                                      \
    {.bytes = sizeof(rn_kernel), .name = set_, .doc = "d", .op = "twice", .device = "cpu", .rank = rank_, .type = RN_F32, \
     .plan = plan, .run = run_}
static const rn_kernel reference = KERNEL("plain", RN_RANK_REFERENCE, run_reference), slow = KERNEL("slow", 9, run_slow),
                       quick = KERNEL("quick", 1, run_quick), wrong = KERNEL("wrong", 20, run_wrong),
                       wrong_when_large = KERNEL("edges", 19, run_wrong_when_large);

#define PLUGIN(...)                                                                                                    \
    {.abi = RN_ABI, .bytes = sizeof(rn_plugin), .name = "toys", .version = "1", .licence = "MIT",                      \
     .ops = (const rn_op *const[]){&op_twice, NULL}, .kernels = (const rn_kernel *const[]){__VA_ARGS__, NULL}}
static const rn_plugin good = PLUGIN(&reference, &slow, &quick), with_wrong = PLUGIN(&reference, &slow, &quick, &wrong),
                       with_edges = PLUGIN(&reference, &slow, &quick, &wrong_when_large), only_wrong = PLUGIN(&reference, &wrong);

/* --- a program of that op --------------------------------------------------------------------------- */

typedef struct told { char text[4096]; int times; } told;

static void say(void *context, const char *text)
{
    told *t = context;
    snprintf(t->text, sizeof t->text, "%s", text);
    t->times++;
}

typedef struct trying {
    const rn_plugin *plugin;
    const char *folder, *given;
    bool no_time;
    int64_t length;
    const char *kernels; /* of the spec */
} trying;

/* The set of the node's kernel; what the tuner did. */
static const char *chosen(const trying *c, told *t, rn_tuner_report *report)
{
    rn_error err = {0};
    rn_registry *r = rn_registry_open();
    rn_parameters none = {0};
    rn_program *program;
    rn_tuner *tuner;
    memset(runs, 0, sizeof runs);
    assert_ok(rn_registry_add_file(r, c->plugin, "/toys.so", "0123", &err), err);
    rn_graph *g = rn_graph_open(r, &none, RN_F32, false);
    const rn_tensor x = rn_graph_input(g, "x", (rn_shape){.rank = 1, .dim = {c->length}});
    rn_tensor y;
    rn_apply(g, "twice", NULL, 0, &x, 1, &y, 1);
    rn_graph_output(g, "y", y);
    const rn_tuner_options o = {.machine = "m", .folder = c->folder, .given = c->given, .time = !c->no_time, .say = say, .context = t};
    assert_ok(rn_tuner_open(r, &o, &tuner, &err), err);
    const rn_program_options p = {.device = "cpu", .chooser = rn_tuner_chooser(tuner, false), .kernels = &c->kernels, .n_kernels = c->kernels != NULL};
    assert_ok(rn_program_compile(g, &p, &program, &err), err);
    const char *set = rn_program_node(program, 0).kernel;
    *report = rn_tuner_tell(tuner);
    rn_program_close(program);
    rn_tuner_close(tuner);
    rn_graph_close(g);
    rn_parameters_free(&none);
    rn_registry_close(r);
    return set;
}

static char *only_file(const char *folder)
{
    char *text;
    assert_int_equal(scratch_run(&text, "ls '%s'/kernels-*", folder), 0);
    text[strcspn(text, "\n")] = '\0';
    return text;
}

/* --- choosing --------------------------------------------------------------------------------------- */

static void the_fastest_is_taken_and_remembered(void **state)
{
    (void)state;
    told t = {0};
    rn_tuner_report r;
    char *folder = scratch_folder();
    const trying c = {&good, .folder = folder, .length = 50000};
    assert_string_equal(chosen(&c, &t, &r), "quick");
    assert_int_equal(r.timed, 1);
    assert_true(runs[1] > 0 && runs[2] > 0);
    assert_string_equal(chosen(&c, &t, &r), "quick");
    assert_int_equal(r.timed, 0);
    assert_true(runs[0] + runs[1] + runs[2] == 0); /* nothing is run that was known */
    const trying other = {&good, .folder = folder, .length = 60000};
    assert_string_equal(chosen(&other, &t, &r), "quick"); /* another shape is another question */
    assert_int_equal(r.timed, 1);
    assert_int_equal(t.times, 0);
    free(folder);
}

static void without_timing_the_rank_decides_and_nodes_are_counted(void **state)
{
    (void)state;
    told t = {0};
    rn_tuner_report r;
    char *folder = scratch_folder(), *text;
    const trying untimed = {&good, .folder = folder, .length = 50000, .no_time = true};
    assert_string_equal(chosen(&untimed, &t, &r), "slow");
    assert_int_equal(r.untimed, 1);
    assert_true(runs[0] + runs[1] + runs[2] == 0);
    assert_int_equal(scratch_run(&text, "ls '%s'", folder), 0);
    assert_string_equal(text, ""); /* and nothing was written */
    free(text);
    const trying timed = {&good, .folder = folder, .length = 50000};
    assert_string_equal(chosen(&timed, &t, &r), "quick");
    assert_string_equal(chosen(&untimed, &t, &r), "quick");
    assert_int_equal(r.untimed, 0);
    free(folder);
}

static void what_the_spec_names_is_not_timed(void **state)
{
    (void)state;
    static const char *const sets[] = {"slow", "plain"};
    told t = {0};
    rn_tuner_report r;
    for (size_t i = 0; i < 2; i++) {
        const trying c = {&good, .length = 50000, .kernels = sets[i]};
        assert_string_equal(chosen(&c, &t, &r), sets[i]);
        assert_int_equal(r.timed, 0);
        assert_true(runs[0] + runs[1] + runs[2] == 0);
    }
}

static void what_differs_from_the_reference_is_told_and_not_taken(void **state)
{
    (void)state;
    rn_tuner_report r;
    char *folder = scratch_folder();
    const trying cases[] = {
        {&with_wrong, .length = 50000},
        {&with_edges, .length = 50000},
        {&with_edges, .length = LARGE}, /* its examples are right, so this is seen on the call alone */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        told t = {0};
        assert_string_equal(chosen(&cases[i], &t, &r), "quick");
        assert_int_equal(t.times, 1);
        assert_non_null(strstr(t.text, i == 0 ? "the kernel wrong/float32/any of twice differs from the reference by "
                                              : "the kernel edges/float32/any differs from the reference"));
    }
    told t = {0};
    const trying nothing_else = {&only_wrong, .folder = folder, .length = 50000};
    assert_string_equal(chosen(&nothing_else, &t, &r), "plain");
    assert_int_equal(t.times, 1);
    assert_string_equal(chosen(&nothing_else, &t, &r), "plain"); /* that is remembered, too */
    assert_true(t.times == 1 && runs[0] + runs[3] == 0);
    free(folder);
}

static void given_choices_come_first(void **state)
{
    (void)state;
    told t = {0};
    rn_tuner_report r;
    char *folder = scratch_folder(), *file = scratch_path(folder, "plan.txt"), line[512];
    rn_error err;
    for (int i = 0; i < 2; i++) {
        snprintf(line, sizeof line, "choice 0 %s/float32/any | %d cpu twice | f32[50000] -> f32[50000]\n", i ? "gone" : "slow", rn_threads());
        scratch_write(file, line, strlen(line));
        const trying c = {&good, .given = file, .length = 50000};
        assert_string_equal(chosen(&c, &t, &r), i ? "quick" : "slow");
        assert_int_equal(r.timed, i);
        assert_int_equal(t.times, i);
    }
    assert_non_null(strstr(t.text, "has the kernel gone/float32/any for a call that it does not take here"));
    scratch_write(file, "nothing\n", 8);
    rn_registry *registry = rn_registry_open();
    rn_tuner *tuner;
    assert_false(rn_tuner_open(registry, &(rn_tuner_options){.given = file}, &tuner, &err));
    assert_int_equal(err.code, RN_EFORMAT);
    rn_registry_close(registry);
    free(file), free(folder);
}

/* --- the file --------------------------------------------------------------------------------------- */

static void a_damaged_file_is_told_ignored_and_replaced(void **state)
{
    (void)state;
    rn_tuner_report r;
    char *folder = scratch_folder();
    told before = {0};
    const trying c = {&good, .folder = folder, .length = 5000};
    assert_string_equal(chosen(&c, &before, &r), "quick");
    char *path = only_file(folder);
    size_t bytes;
    uint8_t *whole = scratch_read(path, &bytes);
    assert_true(bytes > 200);
    for (size_t i = 0; i < bytes; i += 23) {
        for (int cut = 0; cut < 2; cut++) {
            told t = {0};
            whole[i] ^= 1;
            scratch_write(path, whole, cut ? i : bytes);
            whole[i] ^= 1;
            assert_string_equal(chosen(&c, &t, &r), "quick");
            assert_int_equal(t.times, 1);
            assert_non_null(strstr(t.text, "is damaged, or of another version: it is ignored"));
            assert_int_equal(r.timed, 1);
            assert_string_equal(chosen(&c, &t, &r), "quick");
            assert_true(t.times == 1 && r.timed == 0);
        }
    }
    free(whole), free(path), free(folder);
}

static void a_folder_that_cannot_be_written_is_told_once(void **state)
{
    (void)state;
    told t = {0};
    rn_tuner_report r;
    const trying c = {&good, .folder = "/dev/null/runner", .length = 5000};
    assert_string_equal(chosen(&c, &t, &r), "quick");
    assert_int_equal(t.times, 1);
    assert_non_null(strstr(t.text, "the choice of kernels is not kept for the next run: could not"));
    assert_string_equal(r.path, ""); /* nobody is sent to a file that is not there */
}

/* Several processes add to one file at the same time: nothing is lost, and it is whole at every moment. */
static void processes_that_write_at_once_lose_nothing(void **state)
{
    enum { PROCESSES = 4, EACH = 25 };
    (void)state;
    char *folder = scratch_folder(), *path = scratch_path(folder, "kernels-x.txt"), call[64];
    rn_error err = {0};
    for (int p = 0; p < PROCESSES; p++)
        if (fork() == 0) {
            bool ok = true;
            for (int i = 0; ok && i < EACH; i++) {
                rn_choices c = {0};
                snprintf(call, sizeof call, "call %d of %d", i, p);
                ok = rn_choices_put(&c, (rn_choice){call, "a/float32/any", 1e-3}, false) && rn_choices_write(&c, path, &err);
                rn_choices_free(&c);
                ok = ok && rn_choices_read(&c, path, true, &err);
                rn_choices_free(&c);
            }
            _exit(ok ? 0 : 1);
        }
    for (int p = 0; p < PROCESSES; p++) {
        int status;
        assert_true(wait(&status) > 0);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    rn_choices c = {0};
    assert_ok(rn_choices_read(&c, path, true, &err), err);
    assert_int_equal(c.n_choices, PROCESSES * EACH);
    rn_choices_free(&c);
    free(path), free(folder);
}

static void choices_and_verdicts_come_back_from_the_file(void **state)
{
    (void)state;
    char *folder = scratch_folder(), *path = scratch_path(folder, "deep/er/kernels.txt");
    rn_error err = {0};
    rn_choices c = {0}, d = {0};
    assert_true(rn_choices_put(&c, (rn_choice){"2 cpu a x=1 | f32[3] -> f32[3]", "s/float32/avx2", 1.5e-4}, false));
    assert_true(rn_choices_put(&c, (rn_choice){"2 cpu b | f32[3] -> f32[3]", "s/float32/any", 0}, false));
    assert_true(rn_choices_put(&c, (rn_choice){"2 cpu b | f32[3] -> f32[3]", "t/float32/any", 0}, false)); /* the first stays … */
    assert_true(rn_choices_put(&c, (rn_choice){"2 cpu a x=1 | f32[3] -> f32[3]", "u/float32/avx2", 2e-4}, true)); /* … or goes */
    assert_true(rn_choices_put_tried(&c, (rn_tried){"a", "s/float32/avx2", 1e-7, true}));
    assert_true(rn_choices_put_tried(&c, (rn_tried){"b", "s/float32/any", (double)NAN, false}));
    assert_ok(rn_choices_write(&c, path, &err), err);
    assert_ok(rn_choices_read(&d, path, true, &err), err);
    assert_int_equal(d.n_choices, 2);
    assert_string_equal(rn_choices_find(&d, "2 cpu a x=1 | f32[3] -> f32[3]")->kernel, "u/float32/avx2");
    assert_true(rn_choices_find(&d, "2 cpu a x=1 | f32[3] -> f32[3]")->seconds == 2e-4);
    assert_string_equal(rn_choices_find(&d, "2 cpu b | f32[3] -> f32[3]")->kernel, "s/float32/any");
    assert_null(rn_choices_find(&d, "2 cpu c | f32[3] -> f32[3]"));
    assert_true(rn_choices_find_tried(&d, "a", "s/float32/avx2")->right);
    assert_false(rn_choices_find_tried(&d, "b", "s/float32/any")->right);
    rn_choices_free(&c), rn_choices_free(&d);
    free(path), free(folder);
}

/* --- names ------------------------------------------------------------------------------------------ */

static void names_tell_calls_apart(void **state)
{
    (void)state;
    const rn_shape s = {.rank = 2, .dim = {3, 4}, .type = RN_F32};
    const step_node plain = {.call = {.op = &op_twice, .n_in = 2, .n_out = 1}, .in_shape = {s}, .out_shape = {s}};
    enum { CALLS = 6 };
    step_node v[CALLS] = {plain, plain, plain, plain, plain, plain};
    char name[CALLS + 1][RN_CALL_TEXT];
    v[1].in_shape[0].pitch = 9;
    v[2].parameters = 1, v[2].repacked = true;
    v[3].in_shape[0].type = RN_BF16;
    v[4].out_shape[0].dim[0] = 5;
    v[5].parameters = 1;
    for (int i = 0; i < CALLS; i++)
        assert_true(rn_call_name(&v[i], "cpu", 2, name[i]));
    assert_true(rn_call_name(&v[0], "cpu", 3, name[CALLS]));
    assert_string_equal(name[0], "2 cpu twice | f32[3,4] - -> f32[3,4]");
    assert_string_equal(name[1], "2 cpu twice | f32[3,4/9] - -> f32[3,4]");
    assert_string_equal(name[2], "2 cpu twice | *f32[3,4] - -> f32[3,4]");
    assert_string_equal(name[5], "2 cpu twice | =f32[3,4] - -> f32[3,4]");
    for (int i = 0; i <= CALLS; i++)
        for (int k = 0; k < i; k++)
            assert_string_not_equal(name[i], name[k]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_fastest_is_taken_and_remembered),
        cmocka_unit_test(without_timing_the_rank_decides_and_nodes_are_counted),
        cmocka_unit_test(what_the_spec_names_is_not_timed),
        cmocka_unit_test(what_differs_from_the_reference_is_told_and_not_taken),
        cmocka_unit_test(given_choices_come_first),
        cmocka_unit_test(a_damaged_file_is_told_ignored_and_replaced),
        cmocka_unit_test(a_folder_that_cannot_be_written_is_told_once),
        cmocka_unit_test(processes_that_write_at_once_lose_nothing),
        cmocka_unit_test(choices_and_verdicts_come_back_from_the_file),
        cmocka_unit_test(names_tell_calls_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
