#ifndef KERNELS_NATIVE_ATTENTION_H
#define KERNELS_NATIVE_ATTENTION_H
/* What attention and its gradient share. A head's keys and values are packed once for many query rows; scores are made a few
 * rows at a time, and what is done to them is done while they are in the caches:
 *
 *     S = q·kᵀ/√D,  P = softmax(S),  y = P·v,  lse = log Σ e^S
 *     P = e^(S − lse),  dP = dy·vᵀ,  dS = P∘(dP − Σ_c dy∘y)/√D,  dq = dS·k,  dk = dSᵀ·q,  dv = Pᵀ·dy
 *
 * Rows of scores are cut into chunks of GEMM_K tokens, so that they are packed rows of a product as they are: chunk c of row r
 * begins at c·(rows·GEMM_PITCH) + r·GEMM_PITCH. */
#include "gemm.h"

#include <math.h>

typedef struct attention {
    int64_t batch, heads, d, tq, tk;
    int64_t chunks; /* of tk */
    float scale;
} attention;

static inline attention attention_of(const rn_call *c)
{
    const rn_shape q = c->in[0], k = c->in[1];
    attention g = {.batch = q.dim[0], .heads = ((const rn_attention_attr *)c->attr)->heads, .tq = q.dim[1], .tk = k.dim[1]};
    g.d = rn_last(q) / g.heads;
    g.chunks = pieces(g.tk, GEMM_K);
    g.scale = (float)(1 / sqrt((double)g.d));
    return g;
}

static inline const char *attention_refusal(const attention *g)
{
    return g->d > GEMM_K ? "heads of more channels than a block of a product" : NULL;
}

/* The channels of a head in row `row` of an image of a [B, T, C] tensor. */
static inline int64_t attention_place(rn_shape s, const attention *g, int64_t image, int64_t head, int64_t row)
{
    return (image * s.dim[1] + row) * rn_pitch(s) + head * g->d;
}

/* Elements of all panels of a matrix [k, n]. */
static inline int64_t attention_room(int64_t k, int64_t n) { return k * gemm_panels(n) * GEMM_COLUMNS; }

/* Packs b [k, n], or `turned` [n, k], into panels at `to`. */
static inline gemm_right attention_pack(const float *b, int64_t pitch, bool turned, int64_t k, int64_t n, float *to)
{
    for (int64_t j = 0; j < n; j += GEMM_COLUMNS)
        gemm_pack_panel(b + j * (turned ? pitch : 1), pitch, turned, k, least(GEMM_COLUMNS, n - j), to + j * k);
    return (gemm_right){.v = to, .step = k * GEMM_COLUMNS, .pitch = GEMM_COLUMNS};
}

/* `rows` rows of d channels, times `scale`, as packed rows. */
static inline void attention_left(const float *a, int64_t pitch, int64_t rows, int64_t d, float scale, float *to)
{
    for (int64_t r = 0; r < rows; r++)
        for (int64_t i = 0; i < d; i += VF_LANES)
            vf_put(to + r * GEMM_PITCH + i, vf_of(scale) * vf_get(a + r * pitch + i, least(VF_LANES, d - i)), least(VF_LANES, d - i));
}

/* Scores of a strip of rows: left [rows, d] times the transposed keys, or values. */
static inline void attention_scores(const attention *g, int64_t rows, const float *left, const gemm_right *keys, float *s,
                                    int64_t chunk)
{
    for (int64_t c = 0; c < g->chunks; c++) {
        const gemm_right b = {.v = keys->v + c * (GEMM_K / GEMM_COLUMNS) * keys->step, .step = keys->step, .pitch = keys->pitch};
        gemm_strip(rows, g->d, left, &b,
                   &(gemm_target){.c = s + c * chunk, .pitch = GEMM_PITCH, .n = least(GEMM_K, g->tk - c * GEMM_K)});
    }
}

/* y [rows, d] = s [rows, tk] times the packed rows of keys, or values. */
static inline void attention_mix(const attention *g, int64_t rows, const float *s, int64_t chunk, const gemm_right *values,
                                 float *y, int64_t pitch)
{
    for (int64_t c = 0; c < g->chunks; c++) {
        const gemm_right b = {.v = values->v + c * GEMM_K * GEMM_COLUMNS, .step = values->step, .pitch = values->pitch};
        gemm_strip(rows, least(GEMM_K, g->tk - c * GEMM_K), s + c * chunk, &b,
                   &(gemm_target){.c = y, .pitch = pitch, .n = g->d, .add = c > 0});
    }
}
#endif
