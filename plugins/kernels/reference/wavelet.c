/* dwt, idwt and their transposes: two passes, first along the rows of x into scratch, then down the columns. Each of the
 * four is a sparse matrix along an axis of n = 2m numbers, given by the few entries ("taps") of a row. */
#include "real.h"

/* A row of the matrix: y[o] = Σ weight·x[at]. None has more than six different places. */
enum { MOST_TAPS = 8 };
typedef struct taps { int n; int64_t at[MOST_TAPS]; ACC weight[MOST_TAPS]; } taps;

static void add(taps *t, int64_t at, ACC weight)
{
    int i = 0;
    while (i < t->n && t->at[i] != at)
        i++;
    if (i == t->n) {
        t->at[t->n] = at;
        t->weight[t->n++] = 0;
    }
    t->weight[i] += weight;
}

typedef void rule(int64_t m, int64_t o, ACC factor, taps *t);

static const ACC root_half = 0.70710678118654752440;

/* From pixels to bands: o is i for low[i] and m + i for high[i]. */
static void haar_split(int64_t m, int64_t o, ACC factor, taps *t)
{
    add(t, 2 * (o % m), factor * root_half);
    add(t, 2 * (o % m) + 1, (o < m ? factor : -factor) * root_half);
}
static void haar_join(int64_t m, int64_t o, ACC factor, taps *t)
{
    add(t, o / 2, factor * root_half);
    add(t, m + o / 2, (o % 2 ? -factor : factor) * root_half);
}

/* high[i] = x[2i+1] − ½(x[2i] + x[2i+2]), where x[2m] is x[2m−2]; low[i] = x[2i] + ¼(high[i−1] + high[i]), where
 * high[−1] is high[0]. */
static void legall_split(int64_t m, int64_t o, ACC factor, taps *t)
{
    const int64_t i = o % m;
    if (o >= m) {
        add(t, 2 * i + 1, factor);
        add(t, 2 * i, -factor / 2);
        add(t, 2 * (i + 1 < m ? i + 1 : i), -factor / 2);
    } else {
        add(t, 2 * i, factor);
        legall_split(m, m + (i > 0 ? i - 1 : 0), factor / 4, t);
        legall_split(m, m + i, factor / 4, t);
    }
}

/* The same two steps backwards: x[2i] = low[i] − ¼(high[i−1] + high[i]), x[2i+1] = high[i] + ½(x[2i] + x[2i+2]). */
static void legall_join(int64_t m, int64_t o, ACC factor, taps *t)
{
    const int64_t i = o / 2;
    if (o % 2 == 0) {
        add(t, i, factor);
        add(t, m + (i > 0 ? i - 1 : 0), -factor / 4);
        add(t, m + i, -factor / 4);
    } else {
        add(t, m + i, factor);
        legall_join(m, 2 * i, factor / 2, t);
        legall_join(m, 2 * (i + 1 < m ? i + 1 : i), factor / 2, t);
    }
}

/* Row o of the transposed matrix: the rows of the rule that read o. They stand within one place of it. */
static void transposed(rule *of, bool to_bands, int64_t m, int64_t o, taps *t)
{
    const int64_t i = to_bands ? o / 2 : o % m; /* o is a pixel where the rule reads pixels */
    for (int64_t k = i > 0 ? i - 1 : 0; k <= i + 1 && k < m; k++)
        for (int part = 0; part < 2; part++) {
            const int64_t row = to_bands ? part * m + k : 2 * k + part;
            taps reads = {0};
            of(m, row, 1, &reads);
            for (int j = 0; j < reads.n; j++)
                if (reads.at[j] == o)
                    add(t, row, reads.weight[j]);
        }
}

/* Which of the four, by what it makes of an axis. */
typedef enum kind { SPLIT, SPLIT_TRANSPOSED, JOIN, JOIN_TRANSPOSED } kind;
static bool gives_bands(kind k) { return k == SPLIT || k == JOIN_TRANSPOSED; }

static taps taps_of(kind k, int64_t wavelet, int64_t n, int64_t o)
{
    rule *const split = wavelet == RN_HAAR ? haar_split : legall_split, *const join = wavelet == RN_HAAR ? haar_join : legall_join;
    taps t = {0};
    if (k == SPLIT || k == JOIN)
        (k == SPLIT ? split : join)(n / 2, o, 1, &t);
    else
        transposed(k == SPLIT_TRANSPOSED ? split : join, k == SPLIT_TRANSPOSED, n / 2, o, &t);
    return t;
}

/* Sides and channels of the pixels. */
typedef struct sides { int64_t height, width, channels; } sides;
static sides sides_of(const rn_call *c, kind k)
{
    const rn_shape s = gives_bands(k) ? c->in[0] : c->out[0];
    return (sides){s.dim[1], s.dim[2], s.dim[3]};
}

/* Where the C numbers of place (row, col) begin: in a map of pixels, or in one of bands, whose place (row, col) is pixel
 * (row mod H/2, col mod W/2) of the band of its quarter. */
static int64_t place(sides s, bool bands, int64_t pitch, int64_t image, int64_t row, int64_t col)
{
    if (!bands)
        return ((image * s.height + row) * s.width + col) * pitch;
    const int64_t h = s.height / 2, w = s.width / 2, band = 2 * (col / w) + row / h;
    return ((image * h + row % h) * w + col % w) * pitch + band * s.channels;
}

/* Units: the rows of x, then those of y. Scratch: [B, H, W, C] after the first pass. */
static const char *plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    const rn_shape s = c->in[0].dim[3] < c->out[0].dim[3] ? c->in[0] : c->out[0]; /* the one of pixels */
    work->units = work->more_units[0] = s.dim[0] * s.dim[1];
    work->scratch_bytes = (size_t)rn_count(s) * sizeof(ACC);
    return NULL;
}

static void across(const rn_call *c, const rn_buffers *m, kind k, int64_t begin, int64_t end)
{
    const sides s = sides_of(c, k);
    const bool bands = !gives_bands(k);
    for (int64_t col = 0; col < s.width; col++) {
        const taps t = taps_of(k, ((const rn_dwt_attr *)c->attr)->wavelet, s.width, col);
        for (int64_t unit = begin; unit < end; unit++) {
            ACC *to = (ACC *)m->scratch + (unit * s.width + col) * s.channels;
            for (int64_t j = 0; j < s.channels; j++)
                to[j] = 0;
            for (int i = 0; i < t.n; i++)
                add_multiple(to, t.weight[i], (const REAL *)m->in[0] + place(s, bands, rn_pitch(c->in[0]), unit / s.height,
                                                                             unit % s.height, t.at[i]), s.channels);
        }
    }
}

static void down(const rn_call *c, const rn_buffers *m, kind k, int64_t begin, int64_t end)
{
    const sides s = sides_of(c, k);
    for (int64_t unit = begin; unit < end; unit++) {
        const int64_t image = unit / s.height, row = unit % s.height;
        const taps t = taps_of(k, ((const rn_dwt_attr *)c->attr)->wavelet, s.height, row);
        for (int64_t col = 0; col < s.width; col++) {
            REAL *to = (REAL *)m->out[0] + place(s, gives_bands(k), c->out[0].dim[3], image, row, col);
            for (int64_t j = 0; j < s.channels; j++) {
                ACC sum = 0;
                for (int i = 0; i < t.n; i++)
                    sum += t.weight[i] * ((const ACC *)m->scratch)[((image * s.height + t.at[i]) * s.width + col) * s.channels + j];
                to[j] = (REAL)sum;
            }
        }
    }
}

#define WAVELET(op_, kind_)                                                                                            \
    static void op_##_run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end) \
    {                                                                                                                  \
        (void)work;                                                                                                    \
        (phase ? down : across)(c, m, kind_, begin, end);                                                              \
    }                                                                                                                  \
    REFERENCE(op_, plan, op_##_run)

WAVELET(dwt, SPLIT);
WAVELET(dwt_dx, SPLIT_TRANSPOSED);
WAVELET(idwt, JOIN);
WAVELET(idwt_dx, JOIN_TRANSPOSED);
