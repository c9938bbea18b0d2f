#ifndef KERNELS_NATIVE_BF16_ATTENTION_H
#define KERNELS_NATIVE_BF16_ATTENTION_H
/* What attention and its gradient share (formulas: ../attention.h): products of bfloat16 by strips of rows, with all that is
 * between them, scores and their softmax, in float32. What goes into a product is rounded: q, k, v, P, dy and dS. */
#include "../attention.h"
#include "pack.h"

static inline source attention_source(const rn_call *c, const rn_buffers *m, int input, const attention *g, int64_t image,
                                      int64_t head, int64_t row)
{
    return source_at((source){m->in[input], true}, attention_place(c->in[input], g, image, head, row));
}

/* Why not, or NULL: all that may be narrow is. */
static inline const char *attention_narrow_refusal(const rn_call *c)
{
    const char *why = strips_refusal();
    for (int i = 0; i < c->n_in; i++)
        if (c->op->narrow_in >> i & 1 && !is_narrow(c->in[i]))
            why = "bfloat16 alone, not mixed with float32";
    for (int i = 0; i < c->n_out; i++)
        if (c->op->narrow_out >> i & 1 && !is_narrow(c->out[i]))
            why = "bfloat16 alone, not mixed with float32";
    return why;
}

/* All panels of b [k, n], or `turned` [n, k], and their elements. */
static inline int64_t panels_room(int64_t k, int64_t n) { return panels_of(n) * whole_steps(k) * STRIP_COLUMNS; }
static inline void pack_panels(source b, int64_t pitch, bool turned, int64_t k, int64_t n, rn_bf16 *to)
{
    for (int64_t j = 0; j < n; j += STRIP_COLUMNS, to += whole_steps(k) * STRIP_COLUMNS)
        pack_panel(source_at(b, turned ? j * pitch : j), pitch, turned, k, whole_steps(k), least(STRIP_COLUMNS, n - j), to);
}

/* c [rows, n] = or (float32) += a·b: a [rows, whole_steps(k)], b in panels. */
static inline void multiply(const rn_bf16 *a, int64_t a_pitch, int64_t rows, int64_t k, const rn_bf16 *b, int64_t n, void *c,
                            int64_t c_pitch, bool narrow, bool add)
{
    const int64_t size = STRIP_GROUPS == 1 ? even_group(rows) : GROUP_ROWS, strips = pieces(rows, size * STRIP_GROUPS);
    strip s = {.group_rows = GROUP_ROWS, .a_pitch = a_pitch, .lines = 1, .k = whole_steps(k), .c_pitch = c_pitch,
               .c_narrow = narrow};
    for (int64_t j = 0; j < n; j += STRIP_COLUMNS, b += s.k * STRIP_COLUMNS)
        for (int64_t i = 0; i < strips; i++) {
            for (int g = 0; g < STRIP_GROUPS; g++) {
                const int64_t row = (i * STRIP_GROUPS + g) * size;
                s.group[g] = (strip_group){a + row * a_pitch, (char *)c + row * c_pitch * (int64_t)source_bytes(narrow),
                                           most(0, least(size, rows - row))};
            }
            strip_product(&s, b, j, least(STRIP_COLUMNS, n - j), NULL, add);
        }
}

/* A row of n numbers, rounded, and zeros up to whole steps. */
static inline void round_row(const float *from, int64_t n, rn_bf16 *to)
{
    pack_run((source){from, false}, n, to);
    for (int64_t i = n; i < whole_steps(n); i++)
        to[i] = 0;
}

/* Parts of a thread's scratch, each of whole cache lines. */
static inline void *part_of(char *at, size_t *used, int64_t elements, size_t bytes)
{
    void *part = at ? at + *used : NULL;
    *used += ((size_t)elements * bytes + 63) / 64 * 64;
    return part;
}
#endif
