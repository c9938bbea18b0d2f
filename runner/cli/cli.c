/* Reading the command line: one table of options, one of verbs. */
#include "cli/cli.h"
#include "base/parallel.h"
#include "plugin/load.h"

#include <stdlib.h>
#include <string.h>

typedef enum { FLAG, TEXT, TEXT_LIST, NUMBER, LONG_NUMBER } option_type;

typedef struct option {
    const char *name, *argument, *doc;
    option_type type;
    size_t offset;
    int64_t least, most;  /* of a number */
    const char *drawing;  /* what it means to `sample` and `interpolate`, where that is something else; else NULL */
} option;

/* clang-format off */
static const option options[] = {
    {"--set",        "PATH=VALUE", "override a value of the spec (repeatable; VALUE is YAML)", TEXT_LIST, offsetof(rn_cli, sets), 0, 0, NULL},
    {"--out",        "DIR",        "folder of results (default: results)", TEXT, offsetof(rn_cli, out), 0, 0,
     "folder that images are written to (default: one in the run's samples/)"},
    {"--db",         "FILE",       "database (default: results.db in the folder of results)", TEXT, offsetof(rn_cli, db), 0, 0, NULL},
    {"--plugin-dir", "DIR",        "search plugins here (a folder or a file; repeatable)", TEXT_LIST, offsetof(rn_cli, plugin_dirs), 0, 0, NULL},
    {"--threads",    "N",          "threads (default: OMP_NUM_THREADS, else the CPUs this process may use)", NUMBER, offsetof(rn_cli, threads), 1, 1024, NULL},
    {"--choices",    "FILE",       "kernels as FILE has them: the `plan` of a run, or a file of ~/.cache/runner", TEXT, offsetof(rn_cli, choices), 0, 0, NULL},
    {"--steps",      "N",          "steps to measure (default: 9)", NUMBER, offsetof(rn_cli, steps), 1, 100000,
     "steps from noise to image (default: the run's)"},
    {"--sampler",    "TYPE",       "sampler (default: the run's); its own keys by --set sampler.KEY=VALUE", TEXT, offsetof(rn_cli, sampler), 0, 0, NULL},
    {"--weights",    "WHICH",      "ema, the moving average (default: as the run was evaluated), or raw", TEXT, offsetof(rn_cli, weights), 0, 0, NULL},
    {"--count",      "N",          "images to draw (default: 64; interpolate: 9)", LONG_NUMBER, offsetof(rn_cli, count), 1, 1000000, NULL},
    {"--seed",       "N",          "of the noise (default: the run's)", LONG_NUMBER, offsetof(rn_cli, seed), 0, UINT32_MAX, NULL},
    {"--to-seed",    "N",          "of the noise at the other end (default: the next)", LONG_NUMBER, offsetof(rn_cli, to_seed), 0, UINT32_MAX, NULL},
    {"--mode",       "MODE",       "train (default), or sample: a step of the spec's sampler", TEXT, offsetof(rn_cli, mode), 0, 0, NULL},
    {"--compare",    "kernels",    "the same step with each kernel set tried first, in turns", TEXT, offsetof(rn_cli, compare), 0, 0, NULL},
    {"--plot",       "FILE.svg",   "also write the curves as a picture", TEXT, offsetof(rn_cli, plot), 0, 0, NULL},
    {"--serve",      NULL,         "run one step for each line of input, and answer with its seconds", FLAG, offsetof(rn_cli, serve), 0, 0, NULL},
    {"--kernels",    NULL,         "show the kernel of each node, and why others refused", FLAG, offsetof(rn_cli, kernels), 0, 0, NULL},
    {"--json",       NULL,         "print JSON", FLAG, offsetof(rn_cli, json), 0, 0, NULL},
    {"--quiet",      NULL,         "no progress on stderr", FLAG, offsetof(rn_cli, quiet), 0, 0, NULL},
    {NULL, NULL, NULL, FLAG, 0, 0, 0, NULL},
};
/* clang-format on */

static const option *option_named(const char *name, size_t length)
{
    for (const option *o = options; o->name; o++)
        if (strlen(o->name) == length && strncmp(o->name, name, length) == 0)
            return o;
    return NULL;
}

static const rn_verb *verb_named(const char *name)
{
    for (const rn_verb *v = rn_verbs; v->name; v++)
        if (strcmp(v->name, name) == 0)
            return v;
    return NULL;
}

/* --- help ------------------------------------------------------------------------------------------- */

static void print_option(FILE *f, const option *o, const char *doc)
{
    char left[40];
    snprintf(left, sizeof left, "%s%s%s", o->name, o->argument ? " " : "", o->argument ? o->argument : "");
    fprintf(f, "  %-20s  %s\n", left, doc);
}

static bool takes(const rn_verb *v, const char *name_of_option)
{
    for (const char *const *name = v->options; *name; name++)
        if (strcmp(*name, name_of_option) == 0)
            return true;
    return false;
}

static void print_help(FILE *f, const char *program)
{
    fprintf(f, "usage: %s SPEC.yaml [options]        run (or continue) everything that the spec asks for\n"
               "       %s VERB [arguments] [options]\n\nverbs:\n", program, program);
    for (const rn_verb *v = rn_verbs; v->name; v++) {
        char left[40];
        snprintf(left, sizeof left, "%s %s", v->name, v->arguments);
        fprintf(f, "  %-20s  %s\n", left, v->doc);
    }
    fprintf(f, "\noptions (`%s VERB --help` lists those of a verb):\n", program);
    for (const option *o = options; o->name; o++) {
        print_option(f, o, o->doc);
        if (o->drawing)
            fprintf(f, "  %-20s  sample, interpolate: %s\n", "", o->drawing);
    }
    fprintf(f, "  %-20s  %s\n  %-20s  %s\n\n", "--help", "this text, or that of a verb", "--version", "print the version");
    fprintf(f, "exit status: 0 done; 1 a run failed; 2 command line or spec; 3 environment; 130, 143 stopped by a signal\n");
}

static void print_verb_help(FILE *f, const char *program, const rn_verb *v)
{
    fprintf(f, "usage: %s %s%s%s [options]\n\n%s\n", program, v->name, v->arguments[0] ? " " : "", v->arguments, v->doc);
    if (v->more)
        fprintf(f, "\n%s\n", v->more);
    fprintf(f, "\noptions:\n");
    const bool draws = takes(v, "--count");
    for (const char *const *name = v->options; *name; name++) {
        const option *o = option_named(*name, strlen(*name));
        print_option(f, o, draws && o->drawing ? o->drawing : o->doc);
    }
}

/* --- parsing ---------------------------------------------------------------------------------------- */

static bool append(rn_cli *cli, rn_texts *list, const char *text)
{
    const char **v = rn_arena_array(&cli->arena, (size_t)list->n + 1, sizeof *v);
    if (!v)
        return false;
    if (list->n)
        memcpy(v, list->v, (size_t)list->n * sizeof *v);
    v[list->n] = text;
    *list = (rn_texts){v, list->n + 1};
    return true;
}

static bool unknown_option(rn_cli *cli, const char *name, rn_error *err)
{
    const char *names[32];
    size_t n = 0;
    for (const option *o = options; o->name; o++)
        names[n++] = o->name;
    return rn_fail(err, RN_EUSAGE, "unknown option %s%s; `%s --help` lists them", rn_shown(&cli->arena, name),
                   rn_did_you_mean(&cli->arena, name, names, n), cli->program);
}

static bool set_option(rn_cli *cli, const option *o, const char *value, rn_error *err)
{
    void *field = (char *)cli + o->offset;
    if (o->type == FLAG) {
        *(bool *)field = true;
    } else if (o->type == TEXT) {
        if (!*value)
            return rn_fail(err, RN_EUSAGE, "%s: an empty path", o->name);
        *(const char **)field = value;
    } else if (o->type == NUMBER || o->type == LONG_NUMBER) {
        char *end;
        const long long n = strtoll(value, &end, 10);
        if (!*value || *end || n < o->least || n > o->most)
            return rn_fail(err, RN_EUSAGE, "%s: %s is no number from %" PRId64 " to %" PRId64, o->name,
                           rn_shown(&cli->arena, value), o->least, o->most);
        if (o->type == NUMBER)
            *(int *)field = (int)n;
        else
            *(int64_t *)field = n;
    } else if (!append(cli, field, value)) {
        return rn_fail(err, RN_EMEMORY, "no memory for the command line");
    }
    return true;
}

/* Options may stand anywhere; what follows "--" is no option. */
static bool parse(rn_cli *cli, int argc, char **argv, bool *help, rn_error *err)
{
    bool only_arguments = false;
    for (int i = 1; i < argc; i++) {
        const char *a = argv[i];
        if (only_arguments || a[0] != '-' || !a[1]) {
            if (!append(cli, &cli->arguments, a))
                return rn_fail(err, RN_EMEMORY, "no memory for the command line");
            continue;
        }
        if (strcmp(a, "--") == 0) {
            only_arguments = true;
            continue;
        }
        if (strcmp(a, "--help") == 0 || strcmp(a, "-h") == 0) {
            *help = true;
            continue;
        }
        const char *equals = strchr(a, '=');
        const option *o = option_named(a, equals ? (size_t)(equals - a) : strlen(a));
        if (!o)
            return unknown_option(cli, a, err);
        const char *value = equals ? equals + 1 : NULL;
        if (o->type == FLAG && value)
            return rn_fail(err, RN_EUSAGE, "%s takes no value", o->name);
        if (o->type != FLAG && !value) {
            if (++i == argc)
                return rn_fail(err, RN_EUSAGE, "%s wants a value: %s %s", o->name, o->name, o->argument);
            value = argv[i];
        }
        if (!set_option(cli, o, value, err))
            return false;
    }
    return true;
}

/* OMP_NUM_THREADS where --threads is silent: what people who share machines have set already. */
static void set_threads(const rn_cli *cli)
{
    int n = cli->threads;
    const char *text = getenv("OMP_NUM_THREADS");
    if (!n && text)
        n = (int)strtol(text, NULL, 10);
    if (n > 0 && n <= 1024)
        rn_threads_set(n);
}

/* Options that a verb does not know are mistakes, not decoration. */
static bool check_options(const rn_cli *cli, const rn_verb *v, int argc, char **argv, rn_error *err)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        const char *equals = strchr(argv[i], '=');
        const option *o = option_named(argv[i], equals ? (size_t)(equals - argv[i]) : strlen(argv[i]));
        if (!o)
            continue;
        if (!takes(v, o->name))
            return rn_fail(err, RN_EUSAGE, "`%s %s` has no option %s; `%s %s --help` lists them", cli->program, v->name,
                           o->name, cli->program, v->name);
        if (o->type != FLAG && !equals)
            i++;
    }
    return true;
}

/* A first argument that is no verb is a spec, unless nothing suggests that it could be one. */
static bool choose_verb(rn_cli *cli, const rn_verb **verb, rn_error *err)
{
    const char *first = cli->arguments.v[0];
    *verb = verb_named(first);
    if (*verb) {
        cli->arguments.v++, cli->arguments.n--;
    } else if (!strchr(first, '.') && !strchr(first, '/')) {
        const char *names[32];
        size_t n = 0;
        for (const rn_verb *v = rn_verbs; v->name; v++)
            names[n++] = v->name;
        return rn_fail(err, RN_EUSAGE, "%s is neither a verb nor the path of a spec%s; `%s --help` lists the verbs",
                       rn_shown(&cli->arena, first), rn_did_you_mean(&cli->arena, first, names, n), cli->program);
    } else {
        *verb = verb_named("run");
    }
    return true;
}

static bool check_arguments(const rn_cli *cli, const rn_verb *v, rn_error *err)
{
    if (cli->arguments.n >= v->least && cli->arguments.n <= v->most)
        return true;
    return rn_fail(err, RN_EUSAGE, "usage: %s %s%s%s; `%s %s --help` says more", cli->program, v->name, v->arguments[0] ? " " : "",
                   v->arguments, cli->program, v->name);
}

int rn_cli_error(const rn_error *err)
{
    if (err->line > 0 && strcmp(err->file, "--set") == 0) /* whose line is the number of the option */
        fprintf(stderr, "--set #%d:%d: %s\n", err->line, err->column, err->text);
    else if (err->line > 0)
        fprintf(stderr, "%s:%d:%d: %s\n", err->file, err->line, err->column, err->text);
    else
        fprintf(stderr, "runner: %s\n", err->text);
    return rn_exit_status(err->code);
}

bool rn_cli_load_plugins(rn_cli *cli, rn_texts of_spec, rn_error *err)
{
    if (!cli->registry)
        cli->registry = rn_registry_open();
    if (!cli->registry)
        return rn_fail(err, RN_EMEMORY, "no memory for the registry of plugins");
    const rn_plugin_search search = {.spec = of_spec, .option = cli->plugin_dirs, .environment = getenv("RUNNER_PLUGIN_PATH")};
    return rn_plugins_load(cli->registry, &search, err);
}

static int run_verb(rn_cli *cli, int argc, char **argv)
{
    rn_error err;
    bool help = false;
    const rn_verb *verb;
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        printf("runner %s, plugin ABI %d\n", RUNNER_VERSION, RN_ABI);
        return 0;
    }
    if (!parse(cli, argc, argv, &help, &err))
        return rn_cli_error(&err);
    if (cli->arguments.n == 0) {
        print_help(help ? stdout : stderr, cli->program);
        return help ? 0 : 2;
    }
    if (!choose_verb(cli, &verb, &err))
        return rn_cli_error(&err);
    if (help) { /* beside a spec as well: nobody who asks for help wants hours of training */
        print_verb_help(stdout, cli->program, verb);
        return 0;
    }
    if (!check_arguments(cli, verb, &err) || !check_options(cli, verb, argc, argv, &err))
        return rn_cli_error(&err);
    set_threads(cli);
    return verb->run(cli);
}

int rn_cli_main(int argc, char **argv)
{
    rn_cli cli = {.program = "runner", .seed = -1, .to_seed = -1};
    const int status = run_verb(&cli, argc, argv);
    rn_registry_close(cli.registry);
    rn_arena_free(&cli.arena);
    if (fflush(stdout) != 0 || ferror(stdout)) { /* a full disk behind a redirection */
        if (status != 3) /* else the verb has said so */
            fprintf(stderr, "runner: could not write the output\n");
        return status ? status : 3;
    }
    return status;
}
