#include "gather.h"

#include <string.h>

/* Of the window columns 0 … kw − 1 that begin at pixel `left`, those inside the map: from *q on, returns how many. */
static int64_t inside(const windows *g, int64_t left, int64_t *q)
{
    *q = left < 0 ? -left : 0;
    const int64_t end = blas_least(g->kw, g->width - left);
    return *q < end ? end - *q : 0;
}

void windows_gather(const windows *g, const void *map, void *panel, int64_t begin, int64_t end)
{
    const size_t element = rn_type_bytes(g->type), pixel = (size_t)g->channels * element;
    const bool dense = g->pitch == g->channels;
    char *to = panel;
    for (int64_t n = begin; n < end; n++) {
        const int64_t left = n % g->out_w * g->stride - g->pad_w, line = n / g->out_w;
        const int64_t top = line % g->out_h * g->stride - g->pad_h, image = line / g->out_h;
        int64_t first;
        const int64_t columns = inside(g, left, &first);
        for (int64_t p = 0; p < g->kh; p++, to += (size_t)g->kw * pixel) {
            const int64_t row = top + p;
            if (row < 0 || row >= g->height || columns == 0) {
                memset(to, 0, (size_t)g->kw * pixel);
                continue;
            }
            const char *from = blas_in(map, g->type, ((image * g->height + row) * g->width + left + first) * g->pitch);
            char *at = to + (size_t)first * pixel;
            if (first > 0)
                memset(to, 0, (size_t)first * pixel);
            if (dense)
                memcpy(at, from, (size_t)columns * pixel);
            for (int64_t q = 0; q < columns && !dense; q++)
                memcpy(at + (size_t)q * pixel, from + (size_t)(q * g->pitch) * element, pixel);
            if (first + columns < g->kw)
                memset(at + (size_t)columns * pixel, 0, (size_t)(g->kw - first - columns) * pixel);
        }
    }
}

#define ADD(real)                                                                                  \
    do {                                                                                           \
        real *restrict y = to;                                                                     \
        const real *restrict x = from;                                                             \
        for (int64_t i = 0; i < n; i++)                                                            \
            y[i] += x[i];                                                                          \
    } while (0)

static void add(rn_type type, void *to, const void *from, int64_t n)
{
    if (type == RN_F32)
        ADD(float);
    else
        ADD(double);
}

void windows_scatter(const windows *g, const void *panel, void *map, int64_t begin, int64_t end)
{
    for (int64_t n = begin; n < end; n++) {
        const int64_t left = n % g->out_w * g->stride - g->pad_w, line = n / g->out_w;
        const int64_t top = line % g->out_h * g->stride - g->pad_h, image = line / g->out_h;
        int64_t first;
        const int64_t columns = inside(g, left, &first);
        for (int64_t p = 0; p < g->kh; p++) {
            const int64_t row = top + p;
            if (row < 0 || row >= g->height)
                continue;
            for (int64_t q = first; q < first + columns; q++)
                add(g->type, blas_at(map, g->type, ((image * g->height + row) * g->width + left + q) * g->pitch),
                    blas_in(panel, g->type, ((n - begin) * g->kh * g->kw + p * g->kw + q) * g->channels),
                    g->channels);
        }
    }
}
