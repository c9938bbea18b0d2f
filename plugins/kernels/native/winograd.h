#ifndef KERNELS_NATIVE_WINOGRAD_H
#define KERNELS_NATIVE_WINOGRAD_H
/* Winograd's convolution F(4×4, 3×3): a tile of 4×4 outputs y of a 3×3 correlation of 6×6 inputs d with w is
 *
 *     y = Aᵀ [ (G w Gᵀ) ⊙ (Bᵀ d B) ] A,
 *
 * 36 products where the definition has 144. ⊙ is an elementwise product for one channel; summed over channels it is 36
 * independent matrix products, one for each element e = 6·i + j of the 6×6 tile. The form is trilinear, so the weight's
 * gradient is Gᵀ [ (A dy Aᵀ) ⊙ (Bᵀ d B) ] G, summed over tiles. Points of interpolation: 0, ±1, ±2, ∞.
 * Source: Lavin, Gray 2015 (arXiv:1509.09308), sections 4.1 and 4.3. */
#include "native.h"

enum {
    TILE_OUT = 4,
    TILE_IN = 6,
    TILE_ELEMENTS = TILE_IN * TILE_IN,
    TAPS = 9,
    /* Vectors across and rows of a product that stays in registers: 28 sums, 2 of the right operand, 1 of the left of 32
     * registers; 12 + 2 + 1 of 16. */
    PANEL_VECTORS = 2,
    PANEL = PANEL_VECTORS * VF_LANES,
    PRODUCT_ROWS = VF_LANES == 16 ? 14 : 6,
    LINE = 16 /* floats of a cache line: between the 36 matrices, which would otherwise share a few sets of a cache */
};

/* Channels filled up to whole vectors. */
static inline int64_t padded(int64_t channels) { return pieces(channels, VF_LANES) * VF_LANES; }

/* Points 0, ±P, ±Q and ∞ of the interpolation. Every constant made of them but those of G is exact, and rounding errors
 * are 3 times smaller than with the usual ±1, ±2. */
#define P 0.625f
#define Q 1.5f
#define PP (P * P)
#define QQ (Q * Q)

/* --- one-dimensional transforms: r[0 …] of d[0], d[step], d[2·step] … -------------------------------------- */

/* Bᵀ, 6 → 6. Row of a point: the coefficients of the polynomial with zeros at the other points. */
static inline void transform_in(const vf *d, int step, vf *r)
{
    const vf d0 = d[0], d1 = d[step], d2 = d[2 * step], d3 = d[3 * step], d4 = d[4 * step], d5 = d[5 * step];
    const vf pp = vf_of(PP), qq = vf_of(QQ), product = vf_of(PP * QQ), sum = vf_of(PP + QQ);
    const vf even_p = vf_fnma(qq, d2, d4), odd_p = vf_fnma(qq, d1, d3);
    const vf even_q = vf_fnma(pp, d2, d4), odd_q = vf_fnma(pp, d1, d3);
    r[0] = vf_fma(product, d0, vf_fnma(sum, d2, d4));
    r[1] = vf_fma(vf_of(P), odd_p, even_p);
    r[2] = vf_fnma(vf_of(P), odd_p, even_p);
    r[3] = vf_fma(vf_of(Q), odd_q, even_q);
    r[4] = vf_fnma(vf_of(Q), odd_q, even_q);
    r[5] = vf_fma(product, d1, vf_fnma(sum, d3, d5));
}

/* Aᵀ, 6 → 4: row i has the points' i-th powers. */
static inline void transform_out(const vf *m, int step, vf *r)
{
    const vf m1 = m[step], m2 = m[2 * step], m3 = m[3 * step], m4 = m[4 * step];
    const vf even_p = m1 + m2, odd_p = m1 - m2, even_q = m3 + m4, odd_q = m3 - m4;
    r[0] = m[0] + even_p + even_q;
    r[1] = vf_fma(vf_of(Q), odd_q, vf_of(P) * odd_p);
    r[2] = vf_fma(vf_of(QQ), even_q, vf_of(PP) * even_p);
    r[3] = vf_fma(vf_of(Q * QQ), odd_q, vf_fma(vf_of(P * PP), odd_p, m[5 * step]));
}

/* A, 4 → 6 */
static inline void transform_out_gradient(const vf *y, int step, vf *r)
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
static inline void transform_weight(const vf *w, int step, vf *r)
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
static inline void transform_weight_gradient(const vf *u, int step, vf *r)
{
    const vf u1 = u[step], u2 = u[2 * step], u3 = u[3 * step], u4 = u[4 * step];
    const vf even_p = u1 + u2, odd_p = u1 - u2, even_q = u3 + u4, odd_q = u3 - u4;
    r[0] = vf_fma(vf_of(AT_0), u[0], vf_fma(vf_of(AT_P), even_p, vf_of(AT_Q) * even_q));
    r[1] = vf_fma(vf_of(AT_P * P), odd_p, vf_of(AT_Q * Q) * odd_q);
    r[2] = vf_fma(vf_of(AT_P * PP), even_p, vf_fma(vf_of(AT_Q * QQ), even_q, u[5 * step]));
}

/* --- tiles of a map ------------------------------------------------------------------------------------ */

/* A map [batch, height, width, channels] cut into tiles of 4×4 pixels, counted image by image, row by row. */
typedef struct tiling {
    int64_t height, width, channels, pitch;
    int64_t down, across, tiles; /* tiles of an image down and across; of all images */
} tiling;

static inline tiling tiling_of(rn_shape s)
{
    const int64_t down = pieces(s.dim[1], TILE_OUT), across = pieces(s.dim[2], TILE_OUT);
    return (tiling){.height = s.dim[1], .width = s.dim[2], .channels = s.dim[3], .pitch = rn_pitch(s), .down = down,
                    .across = across, .tiles = s.dim[0] * down * across};
}

enum {
    MIN_CHANNELS = 3,    /* with 1 or 2 the transforms cost more than the products */
    MIN_PIXELS = 128,    /* of all images: 8 tiles; with fewer the transform of the weight costs more */
    MIN_TILE_PIXELS = 6  /* of 16 in the mean: the 36 products of a tile stand for 9 of each pixel in the map */
};

/* Why not, or NULL. `map`: x or y, which have the same sides. */
static inline const char *winograd_refusal(const rn_conv2d_attr *a, int64_t kh, int64_t kw, int64_t in, int64_t out, rn_shape map)
{
    const int64_t pixels = rn_rows(map);
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
    if (pixels < MIN_TILE_PIXELS * tiling_of(map).tiles)
        return "most of each tile of 4×4 pixels would lie outside the map";
    return NULL;
}

/* The channels of each pixel of a square of `side` pixels, of which the first lies `border` pixels above and left of a
 * tile; those outside the map are `zeros`. */
static inline void tile_pixels(const tiling *t, const float *map, int64_t tile, int side, int border, const float *zeros,
                               const float **pixel)
{
    const int64_t image = tile / (t->down * t->across), in_image = tile % (t->down * t->across);
    const int64_t row = in_image / t->across * TILE_OUT - border, col = in_image % t->across * TILE_OUT - border;
    for (int64_t i = row; i < row + side; i++)
        for (int64_t j = col; j < col + side; j++)
            *pixel++ = i < 0 || i >= t->height || j < 0 || j >= t->width
                           ? zeros
                           : map + ((image * t->height + i) * t->width + j) * t->pitch;
}

static inline vf load_lanes(const float *p, int64_t lanes) { return lanes == VF_LANES ? vf_load(p) : vf_load_part(p, lanes); }
static inline void store_lanes(float *p, vf v, int64_t lanes)
{
    if (lanes == VF_LANES)
        vf_store(p, v);
    else
        vf_store_part(p, v, lanes);
}

/* Bᵀ d B of a vector of channels: element e goes to to[e·apart]. */
static inline __attribute__((always_inline)) void tile_in(const float *const *pixel, const float *const *next, int64_t channel, int64_t lanes, float *to, int64_t apart)
{
    vf half[TILE_ELEMENTS];
    for (int j = 0; j < TILE_IN; j++) {
        vf d[TILE_IN], r[TILE_IN];
        if (j >= TILE_IN - TILE_OUT)
            for (int i = 0; i < TILE_IN; i++)
                __builtin_prefetch(next[i * TILE_IN + j] + channel);
        for (int i = 0; i < TILE_IN; i++)
            d[i] = load_lanes(pixel[i * TILE_IN + j] + channel, lanes);
        transform_in(d, 1, r);
        for (int i = 0; i < TILE_IN; i++)
            half[i * TILE_IN + j] = r[i];
    }
    for (int i = 0; i < TILE_IN; i++) {
        vf r[TILE_IN];
        transform_in(half + i * TILE_IN, 1, r);
        for (int j = 0; j < TILE_IN; j++)
            vf_store(to + (i * TILE_IN + j) * apart, r[j]);
    }
}

/* A dy Aᵀ of a vector of channels of a tile of dy. */
static inline __attribute__((always_inline)) void tile_out_gradient(const float *const *pixel, const float *const *next, int64_t channel, int64_t lanes, float *to, int64_t apart)
{
    vf half[TILE_IN * TILE_OUT];
    for (int j = 0; j < TILE_OUT; j++) {
        vf d[TILE_OUT], r[TILE_IN];
        for (int i = 0; i < TILE_OUT; i++)
            __builtin_prefetch(next[i * TILE_OUT + j] + channel);
        for (int i = 0; i < TILE_OUT; i++)
            d[i] = load_lanes(pixel[i * TILE_OUT + j] + channel, lanes);
        transform_out_gradient(d, 1, r);
        for (int i = 0; i < TILE_IN; i++)
            half[i * TILE_OUT + j] = r[i];
    }
    for (int i = 0; i < TILE_IN; i++) {
        vf r[TILE_IN];
        transform_out_gradient(half + i * TILE_OUT, 1, r);
        for (int j = 0; j < TILE_IN; j++)
            vf_store(to + (i * TILE_IN + j) * apart, r[j]);
    }
}

/* Aᵀ m A of a vector of channels, whose element e is m[e·apart]. */
static inline __attribute__((always_inline)) void tile_out(const float *m, int64_t apart, vf y[TILE_OUT * TILE_OUT])
{
    vf half[TILE_OUT * TILE_IN];
    for (int j = 0; j < TILE_IN; j++) {
        vf d[TILE_IN], r[TILE_OUT];
        for (int i = 0; i < TILE_IN; i++)
            d[i] = vf_load(m + (i * TILE_IN + j) * apart);
        transform_out(d, 1, r);
        for (int i = 0; i < TILE_OUT; i++)
            half[i * TILE_IN + j] = r[i];
    }
    for (int i = 0; i < TILE_OUT; i++)
        transform_out(half + i * TILE_IN, 1, y + i * TILE_OUT);
}

/* --- the product in registers --------------------------------------------------------------------------- */

/* y [rows, vectors·VF_LANES] (+)= a·b: element (r, i) of a at a[r·a_row + i·a_step], b [k, vectors·VF_LANES] and y without
 * gaps. Inlined with constant rows and vectors. */
static inline __attribute__((always_inline)) void product_rows(int rows, int vectors, const float *a, int64_t a_row, int64_t a_step, const float *b,
                                int64_t k, float *y, bool add)
{
    vf sum[PRODUCT_ROWS][PANEL_VECTORS];
#pragma GCC unroll 14
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++)
            sum[r][v] = vf_of(0);
    for (int64_t i = 0; i < k; i++) {
        vf right[PANEL_VECTORS];
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++)
            right[v] = vf_load(b + v * VF_LANES);
#pragma GCC unroll 14
        for (int r = 0; r < rows; r++) {
            const vf left = vf_of(a[r * a_row]);
#pragma GCC unroll 2
            for (int v = 0; v < vectors; v++)
                sum[r][v] = vf_fma(left, right[v], sum[r][v]);
        }
        a += a_step;
        b += vectors * VF_LANES;
    }
#pragma GCC unroll 14
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++) {
            float *to = y + (r * vectors + v) * VF_LANES;
            if (add)
                sum[r][v] += vf_load(to);
            vf_store(to, sum[r][v]);
        }
}

/* Defines `name_`: product_rows for any rows up to PRODUCT_ROWS and one vector or two, with the rest as the arguments say
 * (of which two are constants in every use: the addresses of a's elements then fit into registers). */
#define PRODUCT_ROWS_OF(X, name_) X(name_, 1) X(name_, 2) X(name_, 3) X(name_, 4) X(name_, 5) X(name_, 6) PRODUCT_MORE_ROWS_OF(X, name_)
#if defined(__AVX512F__)
#define PRODUCT_MORE_ROWS_OF(X, name_)                                                                                 \
    X(name_, 7) X(name_, 8) X(name_, 9) X(name_, 10) X(name_, 11) X(name_, 12) X(name_, 13) X(name_, 14)
#else
#define PRODUCT_MORE_ROWS_OF(X, name_)
#endif
#define PRODUCT_DEFINE(name_, rows_)                                                                                   \
    static void name_##_##rows_##_1(const float *a, int64_t stride, const float *b, int64_t k, float *y, bool add)              \
    {                                                                                                                  \
        name_(rows_, 1, a, stride, b, k, y, add);                                                                       \
    }                                                                                                                  \
    static void name_##_##rows_##_2(const float *a, int64_t stride, const float *b, int64_t k, float *y, bool add)              \
    {                                                                                                                  \
        name_(rows_, 2, a, stride, b, k, y, add);                                                                       \
    }
#define PRODUCT_ADDRESS(name_, rows_) {name_##_##rows_##_1, name_##_##rows_##_2},
typedef void product(const float *a, int64_t stride, const float *b, int64_t k, float *y, bool add);
#define PRODUCTS(name_)                                                                                                \
    PRODUCT_ROWS_OF(PRODUCT_DEFINE, name_)                                                                             \
    static product *const name_##_of[PRODUCT_ROWS][PANEL_VECTORS] = {PRODUCT_ROWS_OF(PRODUCT_ADDRESS, name_)};
#endif
