/* Mistakes in specs and on the command line: each gets one message with its place, and its exit status. */
#include "support/scratch.h"

#define RUNNER "'" BUILD_FOLDER "/runner'"

static const char good[] =
    "version: 1\n"
    "name: tiny\n"
    "data: {type: dead_leaves, count: 24, held_out: 4, resolution: 16}\n"
    "model:\n"
    "  type: uvit\n"
    "  levels:\n"
    "    - {channels: 8, block: resnet, blocks: 1}\n"
    "    - {channels: 16, block: transformer, blocks: 1, heads: 2}\n"
    "train: {steps: 2, batch: 4}\n"
    "evaluate: {samples: 4, batch: 4, sheet: 4, sampler: {type: ddim, steps: 2}}\n"
    "seeds: [0]\n";

typedef struct fault {
    const char *given;
    int status;
    const char *said; /* what the message begins with */
} fault;

/* clang-format off */
static const fault sets[] = {
    {"train.steps=0", 2, "--set:13: train.steps: '0' is out of range"},
    {"train.steps=-5", 2, "--set:13: train.steps: '-5' is out of range"},
    {"train.steps=1e18", 2, "--set:13: train.steps: '1e18' is out of range"},
    {"train.steps=abc", 2, "--set:13: train.steps: 'abc' is no whole number"},
    {"train.steps=1.5", 2, "--set:13: train.steps: '1.5' is no whole number"},
    {"train.steps=", 2, "--set:13: train.steps: the value is empty"},
    {"train.steps=nan", 2, "--set:13: train.steps: 'nan' is no whole number"},
    {"train.lr=1", 2, "--set:7: train.lr: unknown key"},
    {"train.steps=1e3", 0, "nothing wrong"},
    {"train.steps=0x10", 0, "nothing wrong"},
    {"train.steps=1_000", 0, "nothing wrong"},
    {"train.steps=+3", 0, "nothing wrong"},
    {"train.steps=2Ki", 0, "nothing wrong"},
    {"data.resolution=0", 2, "--set:17: data.resolution: '0' is out of range"},
    {"data.resolution=9999999", 2, "--set:17: data.resolution: '9999999' is out of range"},
    {"data.resolution=17", 2, "spec.yaml:7:28: variant base: a map of 17\303\22717 pixels cannot be halved "},
    {"data.resolution=[16, 32]", 0, "nothing wrong"},
    {"data.resolution=[16]", 2, "--set:17: data.resolution: a list of another length than two is no siz"},
    {"data.resolution=[16, 18, 3]", 2, "--set:17: data.resolution: a list of another length than two is no siz"},
    {"data.resolution=yes", 2, "--set:17: data.resolution: 'yes' is no whole number"},
    {"data.flip=yes", 2, "--set:11: data.flip: 'yes' is no boolean"},
    {"data.flip=1", 2, "--set:11: data.flip: '1' is no boolean"},
    {"data.flip=true", 0, "nothing wrong"},
    {"data.type=image_folder", 2, "spec.yaml:3:7: data.path: missing: a path (the folder"},
    {"data=none", 2, "--set:6: data: none is not allowed here"},
    {"data=", 2, "--set:6: data: the value is empty"},
    {"model=none", 2, "--set:7: model: none is not allowed here"},
    {"model=uvit", 2, "--set:7: model.levels: missing: a list of mappings (from the full map "},
    {"model.levels=[]", 2, "--set:14: variant base: levels: 0 of them"},
    {"model.levels={}", 2, "--set:14: model.levels: a mapping is no list"},
    {"model.levels[0].heads=3", 2, "--set:17: model.levels[0].heads: unknown key"},
    {"model.levels[1].heads=3", 2, "--set:23: variant base: mid.0: heads: 3 does not divide 16 chann"},
    {"model.levels[5].heads=3", 2, "--set:14: model.levels[5].heads: 'model.levels' has no element 5"},
    {"model.levels[x].heads=3", 2, "--set:1: model.levels[x].heads: the brackets hold no number"},
    {"model.levels.-1.heads=3", 2, "--set:14: model.levels.-1.heads: 'model.levels' is a list of 2: name o"},
    {"model.levels[1].channels=15", 2, "spec.yaml:8:60: variant base: mid.0: heads: 2 does not divide 15 chann"},
    {"task.loss.scales=[3]", 2, "--set:18: variant base: task: loss.scales: 3 does not divide an image"},
    {"task.loss.scales=[]", 2, "--set:18: variant base: task: loss.scales: at least one scale is need"},
    {"task.loss.scales=[0]", 2, "--set:19: task.loss.scales[0]: '0' is out of range"},
    {"task.loss.scales=[1, 2]", 0, "nothing wrong"},
    {"task.loss={scales: [1, 2], weights: [1]}", 2, "--set:37: variant base: task: loss.weights: 1 weight for 2 scales"},
    {"task.loss={scales: [1, 2], weights: [1, 0.5]}", 0, "nothing wrong"},
    {"task.loss.weights=papr", 2, "--set:19: task.loss.weights: 'papr' is not one of the choices"},
    {"task.loss.weights=[-1]", 2, "--set:20: task.loss.weights[0]: '-1' is out of range"},
    {"task.schedule.shift={}", 2, "--set:21: variant base: task: shift: no side to align with"},
    {"task.schedule.shift={from: 0}", 2, "--set:28: task.schedule.shift.from: '0' is out of range"},
    {"task.schedule.shift={from: 32, low: 1, high: 2}", 2, "--set:21: variant base: task: shift: from beside low or high"},
    {"task.schedule.shift={low: 16}", 2, "--set:21: variant base: task: shift: low without high"},
    {"task.schedule.shift={low: 8, high: 16}", 0, "nothing wrong"},
    {"task.schedule.shift={low: 8, high: 16, low_at: middle}", 2, "--set:48: task.schedule.shift.low_at: 'middle' is not one of the choic"},
    {"task.schedule={type: linear, shift: {from: 8, ends: kept}}", 2, "--set:53: variant base: task: shift: ends: kept, but the schedule li"},
    {"evaluate.guidance={scale: 2}", 2, "--set:27: variant base: evaluate.guidance: the model has no labels"},
    {"task.schedule=ddim", 2, "--set:15: task.schedule: no loaded plugin offers the schedule 'ddim'"},
    {"task.schedule.type=", 2, "--set:20: task.schedule.type: an empty value is no name"},
    {"task.schedule={logsnr_min: 5, logsnr_max: -5}", 2, "--set:15: variant base: task: schedule cosine: logSNR has to fall fr"},
    {"task.prediction=w", 2, "--set:17: task.prediction: 'w' is not one of the choices"},
    {"task.weighting=minsnr", 2, "--set:16: task.weighting: no loaded plugin offers the weighting 'minsn"},
    {"task.weighting=min_snr", 0, "nothing wrong"},
    {"task.weighting={type: min_snr, gamma: -1}", 2, "--set:39: task.weighting.gamma: '-1' is out of range"},
    {"evaluate.sampler=ddmp", 2, "--set:18: evaluate.sampler: no loaded plugin offers the sampler 'ddmp'"},
    {"evaluate.sampler={type: ddim, steps: 0}", 2, "--set:38: evaluate.sampler.steps: '0' is out of range"},
    {"evaluate.features=[]x", 2, "--set:21: no YAML: did not find expected <document start>"},
    {"evaluate.features=random_conv", 2, "--set:19: evaluate.features: 'random_conv' is no list: write [random_c"},
    {"evaluate.metrics=[fid]", 2, "--set:19: evaluate.metrics[0]: no loaded plugin offers the metric 'fid"},
    {"evaluate.samples=1", 2, "--set:18: evaluate.samples: '1' is out of range"},
    {"seeds=[]", 2, "--set:7: seeds: the list of seeds is empty, so there is no run"},
    {"seeds=[1, 1]", 2, "--set:7: seeds: the seed 1 is there twice"},
    {"seeds=[-1]", 2, "--set:8: seeds[0]: '-1' is out of range"},
    {"seeds=[1e12]", 2, "--set:8: seeds[0]: '1e12' is out of range"},
    {"seeds=3", 2, "--set:7: seeds: '3' is no list: write [3]"},
    {"name=a/b", 2, "--set:6: name: 'a/b' is no name"},
    {"name=..", 2, "--set:6: name: '..' is no name"},
    {"name=a b", 2, "--set:6: name: 'a b' is no name"},
    {"name=", 2, "--set:6: name: the value is empty"},
    {"version=2", 2, "--set:9: version: '2' is out of range"},
    {"version=one", 2, "--set:9: version: 'one' is no whole number"},
    {"precision=fp16", 2, "--set:11: precision: 'fp16' is not one of the choices"},
    {"kernels=[blas]", 2, "--set:9: kernels: no loaded plugin offers the kernel set 'blas"},
    {"kernels=openblas", 2, "--set:9: kernels: 'openblas' is no list: write [openblas]"},
    {"plugins=x", 2, "--set:9: plugins: 'x' is no list: write [x]"},
    {"plugins=[/nonexistent]", 3, "runner: the spec's list of plugins names '/nonexistent': No such file "},
    {"nothing", 2, "--set:1: no path=value: write for example --set train.steps=100"},
    {"=3", 2, "--set:1: no path=value: write for example --set train.steps=100"},
    {".x=3", 2, "--set:1: .x: a step of the path is empty"},
    {"a..b=3", 2, "--set:1: a..b: a step of the path is empty"},
    {"train.steps={", 2, "--set:14: no YAML: did not find expected node content (while parsing a"},
    {"train.steps=[1", 2, "--set:15: no YAML: did not find expected ',' or ']' (while parsing a f"},
    {"base=x", 2, "--set:6: could not read 'x': No such file or directory"},
    {"vary={train.steps: []}", 2, "--set:20: train.steps: the list of values is empty, so there is no var"},
    {"vary={train.stps: [1, 2]}", 2, "--set:13: train.stps: unknown key"},
    {"vary={train.steps: [2, 2]}", 2, "--set:24: two variants are called 'steps=2'"},
    {"vary=[1]", 2, "--set:6: vary: no axis is given"},
    {"variants={a: {}, b: {x: 1}}", 2, "--set:22: x: unknown key"},
    {"variants={\"a b\": {}}", 2, "--set:11: variants.a b: the name of a variant is 1 to 80 of A-Z a-z 0-"},
    {"baseline=zzz", 2, "--set:10: baseline: 'zzz' is no variant"},
    {"exclude=[{a: 1}]", 2, "--set:11: a: no variant has a value at this path"},
    {"vary.train.steps=3", 2, "--set:18: train.steps: '3' is no list"},
    {"train.optimizer.lr=0", 2, "--set:20: train.optimizer.lr: '0' is out of range"},
    {"train.optimizer.lr=-1", 2, "--set:20: train.optimizer.lr: '-1' is out of range"},
    {"train.optimizer.type=sgd", 2, "--set:22: train.optimizer.type: no loaded plugin offers the optimizer "},
    {"train.ema=2", 2, "--set:11: train.ema: '2' is out of range"},
    {"train.ema=none", 0, "nothing wrong"},
    {"train.batch=0", 2, "--set:13: train.batch: '0' is out of range"},
    {"train.optimizer.betas=1", 2, "--set:17: train.optimizer.betas: unknown key"},
    {"train.optimizer={type: adam, lr: 1e400}", 2, "--set:34: train.optimizer.lr: '1e400' is out of range"},
};

static const fault texts[] = {
    {"", 2, "spec.yaml:1:1: the file is empty: nothing but blanks and comments"},
    {"a", 2, "spec.yaml:1:1: a spec is a mapping (version: 1, name: \342\200\246), not 'a'"},
    {"[1]", 2, "spec.yaml:1:1: a spec is a mapping (version: 1, name: \342\200\246), not a list"},
    {"a: 1\n---\nb: 2\n", 2, "spec.yaml:2:1: a second document: a spec is one"},
    {"a: &x [*x]\n", 2, "spec.yaml:1:8: alias '*x' stands inside of its own anchor"},
    {"a: *y\n", 2, "spec.yaml:1:4: no anchor '&y' before this alias"},
    {"a: 1\na: 2\n", 2, "spec.yaml:1:1: a: unknown key"},
    {"\ta: 1\n", 2, "spec.yaml:1:1: no YAML: found character that cannot start any token (w"},
    {"a: !!foo 1\n", 2, "spec.yaml:1:1: a: unknown key"},
    {"{", 2, "spec.yaml:2:1: no YAML: did not find expected node content (while pars"},
    {"a: \"unclosed\n", 2, "spec.yaml:2:1: no YAML: found unexpected end of stream (while scanning"},
    {"version: 1\n", 2, "spec.yaml:1:1: data: missing: a mapping (the images)"},
    {"a: \377\n", 2, "spec.yaml:1:4: no YAML: invalid leading UTF-8 octet"},
    {"base: spec.yaml\n", 2, "spec.yaml:1:7: base: the spec includes itself: spec.yaml \342\206\222 spec.yaml"},
    {"base: [1]\n", 2, "spec.yaml:1:7: base: a list is no path; allowed: the path of a spec, f"},
    {"base: nowhere.yaml\n", 2, "spec.yaml:1:7: could not read 'nowhere.yaml': No such file or director"},
    {"base: .\n", 2, "spec.yaml:1:7: could not read '.': it is a folder"},
    {"base:\n", 2, "spec.yaml:1:6: base: an empty value is no path; allowed: the path of a"},
    {"? {a: 1}\n: 2\n", 2, "spec.yaml:1:3: a key must be a word"},
    {"a: |\n  b\n c\n", 2, "spec.yaml:3:2: no YAML: did not find expected key (while parsing a blo"},
    {"%YAML 9.9\n---\na: 1\n", 2, "spec.yaml:1:1: no YAML: found incompatible YAML document"},
    {"# only a comment\n", 2, "spec.yaml:1:1: the file is empty: nothing but blanks and comments"},
    {"a: {b: {c: 1, c: 2}}\n", 2, "spec.yaml:1:1: a: unknown key"},
};

/* %s: the runner */
static const fault commands[] = {
    {"%s", 2, "usage: runner SPEC.yaml"},
    {"%s frobnicate", 2, "runner: 'frobnicate' is neither a verb nor the path of a spec"},
    {"%s rum spec.yaml", 2, "runner: 'rum' is neither a verb nor the path of a spec; did you mean 'run'?"},
    {"%s nowhere.yaml", 2, "could not read 'nowhere.yaml': No such file or directory"},
    {"%s validate .", 2, "could not read '.': it is a folder"},
    {"%s plan", 2, "runner: usage: runner plan SPEC"},
    {"%s plan spec.yaml spec.yaml", 2, "runner: usage: runner plan SPEC"},
    {"%s plan spec.yaml --frob", 2, "runner: unknown option '--frob'"},
    {"%s plan spec.yaml --set", 2, "runner: --set wants a value"},
    {"%s plan spec.yaml --threads 0", 2, "runner: --threads: '0' is no number from 1 to 1024"},
    {"%s plan spec.yaml --threads many", 2, "runner: --threads: 'many' is no number"},
    {"%s plan spec.yaml --out x", 2, "runner: `runner plan` has no option --out"},
    {"%s plan spec.yaml --json=1", 2, "runner: --json takes no value"},
    {"%s spec.yaml --out ''", 2, "runner: --out: an empty path"},
    {"%s describe layer resnat", 2, "runner: no loaded plugin offers the layer 'resnat'; did you mean 'resnet'?"},
    {"%s describe lyer resnet", 2, "runner: 'lyer' is no kind of component; did you mean 'layer'?"},
    {"%s check kernel", 2, "runner: check: 'kernel' is nothing that can be checked"},
    {"%s check gradients nosuch", 2, "runner: no loaded plugin offers the op 'nosuch'"},
    {"%s plugins --plugin-dir /nonexistent", 3, "runner: "},
    {"%s plugins --plugin-dir spec.yaml", 3, "runner: "},
    {"RUNNER_PLUGIN_PATH=/nonexistent %s plugins", 3, "runner: "},
    {"%s validate spec.yaml --set 'plugins=[/nonexistent]'", 3, "runner: "},
    {"%s compare tiny", 3, "runner: "},
    {"%s compare tiny --db spec.yaml", 3, "runner: "},
    {"%s data /nonexistent", 3, "runner: could not read '/nonexistent'"},
    {"mkdir -p empty && %s data empty", 3, "runner: "},
    {"%s spec.yaml --out spec.yaml", 3, "runner: "},
    {"mkdir empty && %s spec.yaml --quiet --db empty", 3, "runner: "},
    {"%s spec.yaml --quiet --set data.type=image_folder --set data.path=empty", 3, "--set #2:11: "},
    {"%s plan spec.yaml > /dev/full", 3, "runner: could not write the output"},
    {"%s spec.yaml --quiet --out big --set data.resolution=4096 --set train.batch=65536", 3, ""},
};
/* clang-format on */

static char *prepared(void)
{
    char *folder = scratch_folder(), *spec = scratch_path(folder, "spec.yaml");
    scratch_write(spec, good, strlen(good));
    free(spec);
    return folder;
}

/* The status, and what the message begins with; a crash has another status than any of ours. */
static void check(const fault *f, int status, const char *text, int *wrong)
{
    const bool fine = status == f->status && (f->status == 0 ? strstr(text, f->said) != NULL
                                                             : strncmp(text, f->said, strlen(f->said)) == 0);
    if (fine)
        return;
    print_message("%s: exit status %d, %d was expected; said\n%s\nnot\n%s\n", f->given, status, f->status, text, f->said);
    ++*wrong;
}

static void every_wrong_override_is_told_at_its_column(void **state)
{
    (void)state;
    char *folder = prepared(), *text;
    int wrong = 0;
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        const int status = scratch_run(&text, "cd '%s' && " RUNNER " validate spec.yaml --set '%s' 2>&1", folder, sets[i].given);
        check(&sets[i], status, text, &wrong);
        free(text);
    }
    assert_int_equal(wrong, 0);
    free(folder);
}

static void every_wrong_text_is_told_at_its_line_and_column(void **state)
{
    (void)state;
    char *folder = scratch_folder(), *spec = scratch_path(folder, "spec.yaml"), *text;
    int wrong = 0;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        scratch_write(spec, texts[i].given, strlen(texts[i].given));
        const int status = scratch_run(&text, "cd '%s' && " RUNNER " validate spec.yaml 2>&1", folder);
        check(&texts[i], status, text, &wrong);
        free(text);
    }
    assert_int_equal(wrong, 0);
    free(spec), free(folder);
}

static void every_wrong_command_has_its_exit_status(void **state)
{
    (void)state;
    int wrong = 0;
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        char *folder = prepared(), *text, command[1024], *at = strstr(commands[i].given, "%s");
        snprintf(command, sizeof command, "%.*s%s%s", (int)(at - commands[i].given), commands[i].given, RUNNER, at + 2);
        const int status = scratch_run(&text, "cd '%s' && { %s; } 2>&1", folder, command);
        check(&commands[i], status, text, &wrong);
        free(text), free(folder);
    }
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_wrong_override_is_told_at_its_column),
        cmocka_unit_test(every_wrong_text_is_told_at_its_line_and_column),
        cmocka_unit_test(every_wrong_command_has_its_exit_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
