#ifndef KERNELS_NATIVE_BF16_ATTENTION_H
#define KERNELS_NATIVE_BF16_ATTENTION_H
/* What attention and its gradient share. Products are of bfloat16 with sums in float32; softmax is float32, on the scores of a
 * strip of rows while they are in the caches, and P and dS are rounded for the products that follow:
 *
 *     S = q·kᵀ/√D,  P = softmax(S),  y = P·v,  lse = log Σ e^S
 *     P = e^(S − lse),  dP = dy·vᵀ,  dS = P∘(dP − Σ_c dy∘y)/√D,  dq = dS·k,  dk = dSᵀ·q,  dv = Pᵀ·dy */
#include "pack.h"

#include <math.h>

typedef struct attention {
    int64_t batch, heads, d, tq, tk;
    float scale;
} attention;

static inline attention attention_of(const rn_call *c)
{
    const rn_shape *q = &c->in[0], *k = &c->in[1];
    attention g = {.batch = q->dim[0], .heads = ((const rn_attention_attr *)c->attr)->heads, .tq = q->dim[1], .tk = k->dim[1]};
    g.d = rn_last(*q) / g.heads;
    g.scale = (float)(1 / sqrt((double)g.d));
    return g;
}

/* Exponentials of scores make much of small differences: what is float32 is not rounded for them. */
static inline const char *attention_refusal(const rn_call *c)
{
    for (int i = 0; i < c->n_in; i++)
        if (c->op->narrow_in >> i & 1 && !is_narrow(c->in[i]))
            return "inputs in bfloat16 only";
    return strips_refusal();
}

/* A head of an image in a [B, T, C] tensor: [T, d], rows `pitch` apart. */
typedef struct head {
    source at;
    int64_t pitch;
} head;
static inline head head_of(const attention *g, rn_shape s, const void *memory, int64_t image, int64_t number)
{
    const int64_t pitch = rn_pitch(s);
    return (head){source_at((source){memory, is_narrow(s)}, image * s.dim[1] * pitch + number * g->d), pitch};
}
static inline source head_row(const head *h, int64_t row) { return source_at(h->at, row * h->pitch); }

/* The same of what is written. */
typedef struct target {
    void *v;
    bool narrow;
    int64_t pitch;
} target;
static inline void *target_row(const target *t, int64_t row)
{
    return (char *)t->v + row * t->pitch * (int64_t)source_bytes(t->narrow);
}
static inline target target_of(const attention *g, rn_shape s, void *memory, int64_t image, int64_t number)
{
    const target t = {memory, is_narrow(s), rn_pitch(s)};
    return (target){(char *)target_row(&t, image * s.dim[1]) + number * g->d * (int64_t)source_bytes(t.narrow), t.narrow, t.pitch};
}
/* A row of float32 into it. */
static inline void target_put(const target *t, int64_t row, const float *y, int64_t n)
{
    if (t->narrow)
        pack_run((source){y, false}, n, target_row(t, row));
    else
        memcpy(target_row(t, row), y, (size_t)n * sizeof *y);
}

/* Elements of panels of a matrix [k, n]; packs rows [row, row + k) of a head, or all of it turned, [d, T]. */
static inline int64_t panels_room(int64_t k, int64_t n) { return panels_of(n) * whole_steps(k) * STRIP_COLUMNS; }
static inline void pack_head(const head *h, int64_t row, bool turned, int64_t k, int64_t n, rn_bf16 *to)
{
    for (int64_t j = 0; j < n; j += STRIP_COLUMNS)
        pack_panel(source_at(head_row(h, row), turned ? j * h->pitch : j), h->pitch, turned, k, whole_steps(k),
                   least(STRIP_COLUMNS, n - j), to + j * whole_steps(k));
}

/* c [rows, n], rows c_pitch apart (`add`: +)= a [rows, k], rows a_pitch apart and whole groups to be read, by packed panels. */
static inline void rows_times(int64_t rows, int64_t k, const rn_bf16 *a, int64_t a_pitch, const rn_bf16 *panels, int64_t n, void *c,
                              int64_t c_pitch, bool c_narrow, bool add)
{
    const int64_t size = STRIP_GROUPS == 1 ? even_group(rows) : GROUP_ROWS;
    strip s = {.group_rows = GROUP_ROWS, .a_pitch = a_pitch, .lines = 1, .k = whole_steps(k), .c_pitch = c_pitch,
               .c_narrow = c_narrow};
    for (int64_t i = 0; i < rows; i += size * STRIP_GROUPS) {
        for (int g = 0; g < STRIP_GROUPS; g++) {
            const int64_t row = i + g * size;
            s.group[g] = (strip_group){a + row * a_pitch, (char *)c + row * c_pitch * (int64_t)source_bytes(c_narrow),
                                       most(0, least(size, rows - row))};
        }
        for (int64_t j = 0; j < n; j += STRIP_COLUMNS)
            strip_product(&s, panels + j * s.k, j, least(STRIP_COLUMNS, n - j), NULL, add);
    }
}

/* From row to row of scores in float32. */
static inline int64_t score_pitch(const attention *g) { return pieces(g->tk, VF_LANES) * VF_LANES + VF_LANES; }
#endif
