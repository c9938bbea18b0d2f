#ifndef KERNELS_NATIVE_WINDOWS_H
#define KERNELS_NATIVE_WINDOWS_H
/* Windows of a map as rows of a matrix: what makes a convolution a product. */
#include "gemm.h"

/* Windows of kh × kw pixels over maps [batch, height, width, channels] whose pixels lie `pitch` elements apart;
 * window (i, j) of out_h × out_w begins at pixel (i·stride − pad_h, j·stride − pad_w), which may lie outside. */
typedef struct windows {
    gemm_left rows; /* first: what packs them */
    int64_t height, width, channels;
    int64_t kh, kw, stride, pad_h, pad_w, out_h, out_w;
} windows;

static inline void windows_zero(float *to, int64_t n)
{
    for (int64_t i = 0; i < n; i += VF_LANES)
        vf_put(to + i, vf_of(0), least(VF_LANES, n - i));
}

/* Elements [begin, end) of a run of which [first, last) is in the map, at `from`; the others are zeros. */
static inline void windows_run(const float *from, int64_t begin, int64_t end, int64_t first, int64_t last, float *to)
{
    const int64_t a = least(end, most(begin, first)), b = most(a, least(end, last));
    windows_zero(to, a - begin);
    if (a < b)
        gemm_copy(to + (a - begin), from + (a - first), b - a);
    windows_zero(to + (b - begin), end - b);
}

/* Elements [begin, end) of the kw·channels ones of a window's line that begins at pixel (row, left) of `map`. */
static inline void windows_line(const windows *g, const float *map, int64_t row, int64_t left, int64_t begin, int64_t end, float *to)
{
    const int64_t pitch = g->rows.pitch, c = g->channels;
    const int64_t q0 = least(g->kw, most(0, -left)), q1 = row < 0 || row >= g->height ? q0 : most(q0, least(g->kw, g->width - left));
    if (pitch == c) {
        windows_run(q0 < q1 ? map + (row * g->width + left + q0) * c : NULL, begin, end, q0 * c, q1 * c, to);
        return;
    }
    for (int64_t q = begin / c; q * c < end; q++) {
        const int64_t from = most(begin, q * c), until = least(end, (q + 1) * c);
        const bool inside = q >= q0 && q < q1;
        windows_run(inside ? map + (row * g->width + left + q) * pitch : NULL, from, until, q * c, inside ? (q + 1) * c : q * c,
                    to + (from - begin));
    }
}

/* gemm_left.pack: windows [row, row + rows), elements [k, k + n) of each, which is [kh, kw, channels]. */
static inline void windows_pack(const gemm_left *a, int64_t row, int64_t rows, int64_t k, int64_t n, float *to)
{
    const windows *g = (const windows *)(const void *)a;
    const int64_t line = g->kw * g->channels, first = k / line, plane = g->height * g->width * a->pitch;
    const bool dense = a->pitch == g->channels;
    int64_t x = row % g->out_w, y = row / g->out_w % g->out_h;
    const float *map = a->v + row / g->out_w / g->out_h * plane;
    for (int64_t i = 0; i < rows; i++, to += GEMM_PITCH) {
        const int64_t left = x * g->stride - g->pad_w, top = y * g->stride - g->pad_h;
        const bool whole = dense && left >= 0 && left + g->kw <= g->width;
        for (int64_t p = first; p * line < k + n; p++) {
            const int64_t begin = most(k, p * line), end = least(k + n, (p + 1) * line), pixel = (top + p) * g->width + left;
            if (whole && top + p >= 0 && top + p < g->height)
                gemm_copy(to + (begin - k), map + pixel * g->channels + (begin - p * line), end - begin);
            else
                windows_line(g, map, top + p, left, begin - p * line, end - p * line, to + (begin - k));
        }
        if (++x == g->out_w) {
            x = 0;
            if (++y == g->out_h)
                y = 0, map += plane;
        }
    }
}

/* Is the map itself the matrix? Then it is read where it lies. */
static inline bool windows_are_pixels(const windows *g)
{
    return g->kh == 1 && g->kw == 1 && g->stride == 1 && g->pad_h == 0 && g->pad_w == 0;
}
static inline gemm_left windows_rows(const windows *g, const float *map, int64_t pitch)
{
    return (gemm_left){.pack = windows_are_pixels(g) ? gemm_pack_dense : windows_pack, .v = map, .pitch = pitch};
}
#endif
