/* attention and its gradients: a unit is one token of one head. The gradient makes the weights again from lse:
 * once row by row for dq, once column by column for dk and dv, so that every unit writes what is its own. */
#include "real.h"

#include <string.h>

typedef struct sizes { int64_t heads, channels /* of a head */, tq, tk; ACC scale; } sizes;
static sizes sizes_of(const rn_call *c)
{
    sizes s = {.heads = ((const rn_attention_attr *)c->attr)->heads, .tq = c->in[0].dim[1], .tk = c->in[1].dim[1]};
    s.channels = c->in[0].dim[2] / s.heads;
    s.scale = 1 / sqrt((ACC)s.channels);
    return s;
}

/* Token t of a head in a tensor [B, T, C]; `unit` counts batch and head. */
static int64_t token(sizes s, rn_shape x, int64_t unit, int64_t t)
{
    return (unit / s.heads * x.dim[1] + t) * rn_pitch(x) + unit % s.heads * s.channels;
}
static const REAL *in_token(const rn_call *c, const rn_buffers *m, sizes s, int i, int64_t unit, int64_t t)
{
    return (const REAL *)m->in[i] + token(s, c->in[i], unit, t);
}

static const char *plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    const sizes s = sizes_of(c);
    work->units = c->in[0].dim[0] * s.heads * s.tq;
    work->thread_scratch_bytes = (size_t)(s.tk + s.channels) * sizeof(ACC);
    return NULL;
}

static void run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work, (void)phase;
    const sizes s = sizes_of(c);
    ACC *score = m->thread_scratch, *sum = score + s.tk;
    for (int64_t u = begin; u < end; u++) {
        const int64_t head = u / s.tq, i = u % s.tq;
        const REAL *q = in_token(c, m, s, 0, head, i);
        ACC most = -HUGE_VAL, total = 0;
        for (int64_t j = 0; j < s.tk; j++) {
            score[j] = s.scale * dot(q, in_token(c, m, s, 1, head, j), s.channels);
            most = score[j] > most ? score[j] : most;
        }
        memset(sum, 0, (size_t)s.channels * sizeof *sum);
        for (int64_t j = 0; j < s.tk; j++) {
            const ACC weight = exp(score[j] - most);
            total += weight;
            add_multiple(sum, weight, in_token(c, m, s, 2, head, j), s.channels);
        }
        REAL *y = (REAL *)m->out[0] + token(s, c->out[0], head, i);
        for (int64_t d = 0; d < s.channels; d++)
            y[d] = (REAL)(sum[d] / total);
        ((REAL *)m->out[1])[u] = (REAL)(most + log(total));
    }
}

/* Inputs q, k, v, y, lse, dy. Scratch: Σ dy∘y of every token of every head. */
static const char *grad_plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    const sizes s = sizes_of(c);
    const int64_t heads = c->in[0].dim[0] * s.heads;
    work->units = heads * s.tq;
    work->more_units[0] = heads * s.tk;
    work->scratch_bytes = (size_t)(heads * s.tq) * sizeof(ACC);
    work->thread_scratch_bytes = (size_t)(2 * s.channels) * sizeof(ACC);
    return NULL;
}

/* P and dS of token i of q and token j of k. */
static ACC weight_of(const rn_call *c, const rn_buffers *m, sizes s, int64_t head, int64_t i, int64_t j)
{
    const ACC lse = (ACC)((const REAL *)m->in[4])[head * rn_pitch(c->in[4]) + i];
    return exp(s.scale * dot(in_token(c, m, s, 0, head, i), in_token(c, m, s, 1, head, j), s.channels) - lse);
}
static ACC slope_of(const rn_call *c, const rn_buffers *m, sizes s, int64_t head, int64_t i, int64_t j, ACC weight)
{
    const ACC along = ((const ACC *)m->scratch)[head * s.tq + i];
    return s.scale * weight * (dot(in_token(c, m, s, 5, head, i), in_token(c, m, s, 2, head, j), s.channels) - along);
}

static void grad_run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work;
    const sizes s = sizes_of(c);
    ACC *first = m->thread_scratch, *second = first + s.channels;
    const int64_t tokens = phase == 0 ? s.tq : s.tk;
    for (int64_t u = begin; u < end; u++) {
        const int64_t head = u / tokens, t = u % tokens;
        memset(first, 0, (size_t)(2 * s.channels) * sizeof *first);
        if (phase == 0) {
            ((ACC *)m->scratch)[u] = dot(in_token(c, m, s, 5, head, t), in_token(c, m, s, 3, head, t), s.channels);
            for (int64_t j = 0; j < s.tk; j++)
                add_multiple(first, slope_of(c, m, s, head, t, j, weight_of(c, m, s, head, t, j)),
                             in_token(c, m, s, 1, head, j), s.channels);
        } else {
            for (int64_t i = 0; i < s.tq; i++) {
                const ACC weight = weight_of(c, m, s, head, i, t);
                add_multiple(first, slope_of(c, m, s, head, i, t, weight), in_token(c, m, s, 0, head, i), s.channels);
                add_multiple(second, weight, in_token(c, m, s, 5, head, i), s.channels);
            }
        }
        for (int out = phase; out <= 2 * phase; out++) { /* dq; then dk and dv */
            REAL *to = (REAL *)m->out[out] + token(s, c->out[out], head, t);
            for (int64_t d = 0; d < s.channels; d++)
                to[d] = (REAL)(out < 2 ? first[d] : second[d]);
        }
    }
}

REFERENCE(attention, plan, run);
REFERENCE(attention_grad, grad_plan, grad_run);
