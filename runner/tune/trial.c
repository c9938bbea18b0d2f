#include "tune/trial.h"

#include "base/clock.h"

#include <runner/bf16.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    EVEN = 4099,             /* a prime: no stride of a tensor meets the same numbers again soon */
    MOST_ROUNDS = 7, LEAST_ROUNDS = 3,
    MOST_COMPARED = 1 << 17 /* elements of an output: whole rows from all over it */
};
static const double budget_s = 0.02;    /* of a kernel */
static const double sample_s = 1e-4;    /* shorter runs are timed several at once */
static const double hopeless = 2.5, far_behind = 1.25; /* times the fastest: out after the first run, or after one of a round */

/* Largest difference, of the largest value: for sums of any length. A kernel is wrong by more or not at all; what is finer is
 * checked on the ops' examples (graph/check_kernels.h). */
static const double float_tolerance = 1e-3, bf16_tolerance = 5e-2;

void rn_trial_free(rn_trial *t)
{
    free(t->block);
    free(t->even);
    *t = (rn_trial){0};
}

/* --- memory ----------------------------------------------------------------------------------------- */

/* Two sets of outputs, and what a run wants beside tensors: room for the most that any of the nodes wants. */
typedef struct tensors {
    void *in[RN_MAX_IN], *out[2][RN_MAX_OUT];
    node_scratch scratch;
} tensors;

static void *take(rn_trial *t, size_t bytes)
{
    void *p = t->block ? t->block + t->used : NULL;
    t->used += rn_whole_lines(bytes);
    return p;
}

static void widest(const step_node *s, size_t *own, size_t *thread)
{
    *own = s->scratch_bytes > *own ? s->scratch_bytes : *own;
    *thread = s->work.thread_scratch_bytes > *thread ? s->work.thread_scratch_bytes : *thread;
}

/* Lays all out from the beginning of the block; without a block it only adds up. */
static void lay_out(rn_trial *t, step_node *v, int n, step_node *referee, int threads, tensors *m)
{
    size_t own = 0, thread = 0;
    const rn_call *c = &v->call;
    t->used = 0;
    for (int k = 0; k < c->n_in; k++)
        m->in[k] = c->in[k].rank ? take(t, rn_span_bytes(c->in[k])) : NULL;
    for (int set = 0; set < 2; set++)
        for (int j = 0; j < c->n_out; j++)
            m->out[set][j] = take(t, rn_span_bytes(c->out[j]));
    for (int i = 0; i < n; i++) {
        widest(&v[i], &own, &thread);
        for (int k = 0; k < c->n_in; k++)
            v[i].packed[k] = v[i].work.packed_bytes[k] ? take(t, v[i].work.packed_bytes[k]) : NULL;
    }
    if (referee)
        widest(referee, &own, &thread);
    m->scratch.own = take(t, own);
    m->scratch.thread_bytes = rn_whole_lines(thread);
    m->scratch.threads = take(t, m->scratch.thread_bytes * (size_t)threads);
}

static bool get_memory(rn_trial *t, step_node *v, int n, step_node *referee, int threads, tensors *m)
{
    uint8_t *block = t->block;
    t->block = NULL;
    lay_out(t, v, n, referee, threads, m);
    if (t->used > t->bytes) {
        free(block);
        block = aligned_alloc(64, t->used);
        t->bytes = block ? t->used : 0;
        if (block)
            memset(block, 0, t->bytes); /* the first to touch a page waits for the system */
    }
    t->block = block;
    if (block)
        lay_out(t, v, n, referee, threads, m);
    return block != NULL;
}

/* Points a node at its tensors, the outputs at one of the two sets. */
static void point(step_node *s, const tensors *m, int set)
{
    for (int k = 0; k < s->call.n_in; k++)
        s->in[k] = m->in[k];
    for (int j = 0; j < s->call.n_out; j++)
        s->out[j] = m->out[set][j];
    rn_node_find_copies(s, m->scratch.own);
}

/* --- values ----------------------------------------------------------------------------------------- */

/* The same EVEN numbers again and again: neither zeros nor denormals, which some processors multiply at another speed. */
static void repeat(const rn_trial *t, void *to, rn_shape s, double low, double high)
{
    const size_t bytes = rn_span_bytes(s), one = rn_type_bytes(s.type);
    size_t done = 0;
    for (; done < bytes && done < EVEN * one; done += one) {
        const float x = (float)(low + (double)t->even[done / one] * (high - low));
        const rn_bf16 narrow = rn_bf16_of(x);
        const int32_t whole = (int32_t)low; /* an index that is always there */
        const void *from = s.type == RN_I32 ? (const void *)&whole : s.type == RN_BF16 ? (const void *)&narrow : (const void *)&x;
        memcpy((uint8_t *)to + done, from, one);
    }
    while (done < bytes) {
        const size_t more = done < bytes - done ? done : bytes - done;
        memcpy((uint8_t *)to + done, to, more);
        done += more;
    }
}

/* Inputs even on the ranges that the op's own examples name. */
static bool fill(rn_trial *t, const rn_call *c, const tensors *m)
{
    rn_example e = {.attr = calloc(1, c->op->params_bytes + 1), .n_in = c->n_in};
    if (!t->even) {
        t->even = malloc(EVEN * sizeof *t->even);
        for (int i = 0; t->even && i < EVEN; i++)
            t->even[i] = (float)rn_random_uniform((rn_stream){.stream = rn_stream_of("trial")}, (uint64_t)i);
    }
    if (!e.attr || !t->even) {
        free(e.attr);
        return false;
    }
    if (c->op->example)
        c->op->example(&e, (rn_stream){.stream = rn_stream_of(c->op->name)}, 0);
    for (int k = 0; k < c->n_in; k++)
        if (m->in[k]) {
            const bool silent = e.low[k] == 0 && e.high[k] == 0 && c->in[k].type != RN_I32;
            repeat(t, m->in[k], c->in[k], silent ? -1 : e.low[k], silent ? 1 : e.high[k]);
        }
    free(e.attr);
    return true;
}

/* Returns the seconds that it adds to every run. */
static double pack(step_node *s)
{
    const double begun = rn_clock();
    for (int k = 0; k < s->call.n_in; k++)
        if (s->packed[k]) {
            void *to;
            memcpy(&to, &s->packed[k], sizeof to); /* const for those who run */
            s->kernel->pack(&s->kernel_call, &s->work, k, s->in[k], to);
        }
    return s->repacked ? rn_clock() - begun : 0;
}

/* --- agreement -------------------------------------------------------------------------------------- */

static float element(rn_shape s, const void *memory, int64_t at)
{
    return s.type == RN_BF16 ? rn_float_of(((const rn_bf16 *)memory)[at]) : ((const float *)memory)[at];
}

static bool agree(rn_shape s, const void *got, const void *want, double tolerance)
{
    const int64_t rows = rn_rows(s), n = rn_last(s), most = MOST_COMPARED / n + 1, step = rows / most + 1;
    float error = 0, largest = 0;
    for (int64_t row = 0; row < rows; row += step)
        for (int64_t i = 0; i < n; i++) {
            const float x = element(s, got, row * rn_pitch(s) + i), y = element(s, want, row * rn_pitch(s) + i), d = fabsf(x - y);
            if (isnan(x) != isnan(y))
                return false;
            error = d > error ? d : error; /* two infinities, two not-a-numbers: no difference */
            largest = fabsf(y) > largest ? fabsf(y) : largest;
        }
    return (double)error <= tolerance * (double)largest;
}

/* Do the two sets of outputs agree? */
static bool sets_agree(const rn_call *c, const tensors *m)
{
    double tolerance = float_tolerance;
    for (int k = 0; k < c->n_in; k++)
        tolerance = c->in[k].type == RN_BF16 ? bf16_tolerance : tolerance;
    for (int j = 0; j < c->n_out; j++)
        tolerance = c->out[j].type == RN_BF16 ? bf16_tolerance : tolerance;
    for (int j = 0; j < c->n_out; j++)
        if ((c->out[j].type == RN_F32 || c->out[j].type == RN_BF16) && !agree(c->out[j], m->out[1][j], m->out[0][j], tolerance))
            return false;
    return true;
}

static const rn_step first_step = {.seed = 1};

/* The shortest run counts: what else goes on in the machine only adds to a time. */
typedef struct timed {
    double least, packing;
    int repetitions;
    bool out;
} timed;

/* Seconds of a run, of so many. */
static double run_into(step_node *s, const tensors *m, int set, int repetitions)
{
    point(s, m, set);
    const double begun = rn_clock();
    for (int i = 0; i < repetitions; i++)
        rn_node_run(s, &m->scratch, &first_step);
    return (rn_clock() - begun) / repetitions;
}

/* Runs each once, and says how long that took and who differs from the referee. */
static void compare(step_node *v, int n, step_node *referee, const tensors *m, timed *t, rn_trial_result *result)
{
    bool all = true;
    for (int i = 0; i < n; i++) {
        point(&v[i], m, 1);
        t[i].packing = pack(&v[i]);
        t[i].least = run_into(&v[i], m, i > 0, 1);
        all = all && (i == 0 || sets_agree(&v->call, m));
    }
    if (all || !referee)
        return;
    run_into(referee, m, 0, 1);
    for (int i = 0; i < n; i++) {
        run_into(&v[i], m, 1, 1);
        result[i].differs = !sets_agree(&v->call, m);
    }
}

/* --- time ------------------------------------------------------------------------------------------- */

/* One run more of each that is in; returns how many still are. `keep` is never out: it is what a challenger has to beat, and one
 * run that something else interrupted must not cost it its place. */
static int go_round(step_node *v, int n, int keep, const tensors *m, timed *t)
{
    double best = INFINITY;
    int in = 0;
    for (int i = 0; i < n; i++) {
        if (t[i].out)
            continue;
        const double s = run_into(&v[i], m, 1, t[i].repetitions);
        t[i].least = s < t[i].least ? s : t[i].least;
        best = t[i].least + t[i].packing < best ? t[i].least + t[i].packing : best;
    }
    for (int i = 0; i < n; i++) {
        t[i].out = t[i].out || (i != keep && t[i].least + t[i].packing > far_behind * best);
        in += !t[i].out;
    }
    return in;
}

static void time_all(step_node *v, int n, const tensors *m, timed *t, rn_trial_result *result)
{
    int in = 0, keep = 0;
    double best = INFINITY;
    const double begun = rn_clock();
    while (keep < n - 1 && result[keep].differs)
        keep++; /* the rank's choice of those that are right */
    for (int i = 0; i < n; i++)
        best = !result[i].differs && t[i].least + t[i].packing < best ? t[i].least + t[i].packing : best;
    for (int i = 0; i < n; i++) {
        t[i].repetitions = t[i].least < sample_s ? (int)(sample_s / (t[i].least + 1e-7)) + 1 : 1;
        t[i].out = result[i].differs || (i != keep && t[i].least + t[i].packing > hopeless * best);
        in += !t[i].out;
    }
    for (int round = 0; round < MOST_ROUNDS && in > 1; round++) {
        if (round >= LEAST_ROUNDS && rn_clock() - begun > budget_s * n)
            break;
        in = go_round(v, n, keep, m, t);
    }
    for (int i = 0; i < n; i++)
        result[i].seconds = t[i].least + t[i].packing;
}

bool rn_trial_run(rn_trial *t, step_node *v, int n, step_node *referee, int threads, rn_trial_result *result)
{
    tensors m = {{0}, {{0}}, {0}};
    timed *times = calloc((size_t)n, sizeof *times);
    const bool ok = times && get_memory(t, v, n, referee, threads, &m) && fill(t, &v->call, &m);
    for (int i = 0; i < n; i++)
        result[i] = (rn_trial_result){0};
    if (ok) {
        compare(v, n, referee, &m, times, result);
        time_all(v, n, &m, times, result);
    }
    free(times);
    return ok;
}
