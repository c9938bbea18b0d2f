#ifndef KERNELS_NATIVE_WINOGRAD_H
#define KERNELS_NATIVE_WINOGRAD_H
/* Winograd's convolution F(4×4, 3×3): a tile of 4×4 outputs y of a 3×3 correlation of 6×6 inputs d with w is
 *
 *     y = Aᵀ [ (G w Gᵀ) ⊙ (Bᵀ d B) ] A,
 *
 * 36 products where the definition has 144. ⊙ is elementwise for a pair of channels; summed over channels it is 36
 * independent matrix products, one for each element e of the 6×6 tile. The form is trilinear, so the weight's gradient is
 * Gᵀ [ (A dy Aᵀ) ⊙ (Bᵀ d B) ] G, summed over tiles.
 * Source: Lavin, Gray 2015 (arXiv:1509.09308), sections 4.1 and 4.3. */
#include "native.h"

enum {
    TILE_OUT = 4,
    TILE_IN = 6,
    TAPS = 9,
    OUT_ELEMENTS = TILE_OUT * TILE_OUT,
    TILE_ELEMENTS = TILE_IN * TILE_IN, /* e = 6·row + column */
    LINE = 16 /* floats of a cache line: left between the 36 matrices, which would otherwise share a few sets of a cache */
};

/* Channels filled up to whole vectors. */
static inline int64_t padded(int64_t channels) { return pieces(channels, VF_LANES) * VF_LANES; }

/* --- one-dimensional transforms of d[0], d[step], d[2·step] … ---------------------------------------------- */

/* The polynomials are interpolated at 0, ±P, ±Q and ∞. All constants but those of G are exact, and rounding errors are a
 * quarter of those with the usual ±1 and ±2. */
#define P 0.625f
#define Q 1.5f
#define PP (P * P)
#define QQ (Q * Q)

/* Bᵀ, 6 → 6. Row of a point: the coefficients of the polynomial with zeros at the other points. */
NATIVE_INLINE void transform_in(const vf *d, int step, vf *r)
{
    const vf d0 = d[0], d1 = d[step], d2 = d[2 * step], d3 = d[3 * step], d4 = d[4 * step], d5 = d[5 * step];
    const vf pp = vf_of(PP), qq = vf_of(QQ), times = vf_of(PP * QQ), plus = vf_of(PP + QQ);
    const vf even_p = vf_fnma(qq, d2, d4), odd_p = vf_fnma(qq, d1, d3);
    const vf even_q = vf_fnma(pp, d2, d4), odd_q = vf_fnma(pp, d1, d3);
    r[0] = vf_fma(times, d0, vf_fnma(plus, d2, d4));
    r[1] = vf_fma(vf_of(P), odd_p, even_p);
    r[2] = vf_fnma(vf_of(P), odd_p, even_p);
    r[3] = vf_fma(vf_of(Q), odd_q, even_q);
    r[4] = vf_fnma(vf_of(Q), odd_q, even_q);
    r[5] = vf_fma(times, d1, vf_fnma(plus, d3, d5));
}

/* Aᵀ, 6 → 4: row i has the points' i-th powers. */
NATIVE_INLINE void transform_out(const vf *m, int step, vf *r)
{
    const vf m1 = m[step], m2 = m[2 * step], m3 = m[3 * step], m4 = m[4 * step];
    const vf even_p = m1 + m2, odd_p = m1 - m2, even_q = m3 + m4, odd_q = m3 - m4;
    r[0] = m[0] + even_p + even_q;
    r[1] = vf_fma(vf_of(Q), odd_q, vf_of(P) * odd_p);
    r[2] = vf_fma(vf_of(QQ), even_q, vf_of(PP) * even_p);
    r[3] = vf_fma(vf_of(Q * QQ), odd_q, vf_fma(vf_of(P * PP), odd_p, m[5 * step]));
}

/* A, 4 → 6 */
NATIVE_INLINE void transform_out_gradient(const vf *y, int step, vf *r)
{
    const vf y0 = y[0], y1 = y[step], y2 = y[2 * step], y3 = y[3 * step];
    const vf even_p = vf_fma(vf_of(PP), y2, y0), odd_p = vf_fma(vf_of(PP), y3, y1);
    const vf even_q = vf_fma(vf_of(QQ), y2, y0), odd_q = vf_fma(vf_of(QQ), y3, y1);
    r[0] = y0;
    r[1] = vf_fma(vf_of(P), odd_p, even_p);
    r[2] = vf_fnma(vf_of(P), odd_p, even_p);
    r[3] = vf_fma(vf_of(Q), odd_q, even_q);
    r[4] = vf_fnma(vf_of(Q), odd_q, even_q);
    r[5] = y3;
}

/* G's rows are (1, point, point²) over the product of the distances from the other finite points. */
#define AT_0 (1 / (PP * QQ))
#define AT_P (1 / (2 * PP * (PP - QQ)))
#define AT_Q (1 / (2 * QQ * (QQ - PP)))

/* G, 3 → 6 */
NATIVE_INLINE void transform_weight(const vf *w, int step, vf *r)
{
    const vf w0 = w[0], w1 = w[step], w2 = w[2 * step];
    const vf even_p = vf_fma(vf_of(AT_P * PP), w2, vf_of(AT_P) * w0), odd_p = vf_of(AT_P * P) * w1;
    const vf even_q = vf_fma(vf_of(AT_Q * QQ), w2, vf_of(AT_Q) * w0), odd_q = vf_of(AT_Q * Q) * w1;
    r[0] = vf_of(AT_0) * w0;
    r[1] = even_p + odd_p;
    r[2] = even_p - odd_p;
    r[3] = even_q + odd_q;
    r[4] = even_q - odd_q;
    r[5] = w2;
}

/* Gᵀ, 6 → 3 */
NATIVE_INLINE void transform_weight_gradient(const vf *u, int step, vf *r)
{
    const vf u1 = u[step], u2 = u[2 * step], u3 = u[3 * step], u4 = u[4 * step];
    const vf even_p = u1 + u2, odd_p = u1 - u2, even_q = u3 + u4, odd_q = u3 - u4;
    r[0] = vf_fma(vf_of(AT_0), u[0], vf_fma(vf_of(AT_P), even_p, vf_of(AT_Q) * even_q));
    r[1] = vf_fma(vf_of(AT_P * P), odd_p, vf_of(AT_Q * Q) * odd_q);
    r[2] = vf_fma(vf_of(AT_P * PP), even_p, vf_fma(vf_of(AT_Q * QQ), even_q, u[5 * step]));
}

/* --- in two dimensions --------------------------------------------------------------------------------------- */

typedef void transform(const vf *d, int step, vf *r);

/* T d Tᵀ for a transform T of `from` elements to `to`: d [from, from], r [to, to]. */
NATIVE_INLINE void transform_twice(transform *t, int from, int to, const vf *d, vf *r)
{
    vf half[TILE_ELEMENTS];
#pragma GCC unroll 6
    for (int j = 0; j < from; j++) {
        vf column[TILE_IN];
        t(d + j, from, column);
#pragma GCC unroll 6
        for (int i = 0; i < to; i++)
            half[i * from + j] = column[i];
    }
#pragma GCC unroll 6
    for (int i = 0; i < to; i++)
        t(half + i * from, 1, r + i * to);
}

/* Why not, or NULL; `map`: x or y, which have the same sides. */
static inline const char *winograd_refusal(const rn_conv2d_attr *a, int64_t kh, int64_t kw, int64_t in, int64_t out, rn_shape map)
{
    enum {
        MIN_CHANNELS = 3,    /* with 1 or 2 the transforms cost more than the products */
        MIN_PIXELS = 128,    /* of all images, 8 tiles: with fewer the weight's transform costs more */
        MIN_TILE_PIXELS = 6  /* of 16, in the mean: the 36 products of a tile stand for 9 of each pixel in the map */
    };
    const int64_t pixels = rn_rows(map), tiles = map.dim[0] * pieces(map.dim[1], TILE_OUT) * pieces(map.dim[2], TILE_OUT);
    if (kh != 3 || kw != 3)
        return "windows of 3×3 only";
    if (a->stride != 1 || a->pad_h != 1 || a->pad_w != 1)
        return "stride 1 and padding 1 only";
    if (a->groups != 1)
        return "one group only";
    if (in < MIN_CHANNELS || out < MIN_CHANNELS)
        return "three channels at least: with fewer, transforms cost more than they save";
    if (pixels < MIN_PIXELS)
        return "128 pixels at least: with fewer, transforms cost more than they save";
    if (pixels < MIN_TILE_PIXELS * tiles)
        return "most of each tile of 4×4 pixels would lie outside the map";
    return NULL;
}
#endif
