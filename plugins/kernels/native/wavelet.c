/* dwt, idwt and their transposes by lifting: along an axis the numbers are two halves, `first` (even places, or low) and
 * `second` (odd places, or high), and each map is two steps of the form
 *
 *     a[i] += w·(b[i] + b[i ± 1]),
 *
 * of legall53 (haar is one butterfly in all four maps). Forward and inverse mirror at the end: the neighbour beyond is the
 * last one again. Transposing a step swaps a and b and the sign of the shift; then the neighbour beyond is 0, and the other
 * end gets its own b once more.
 *
 * Phase 0 goes along the rows of x into scratch, phase 1 down strips of columns; in both a step is a loop over neighbouring
 * floats, of all pixels of a half row or of a strip of a row. */
#include "native.h"

enum { STRIP_FLOATS = 256 }; /* of a row, about; a column of such strips of 1024 rows is 1 MiB */

typedef enum kind { SPLIT, SPLIT_TRANSPOSED, JOIN, JOIN_TRANSPOSED } kind;
static bool gives_bands(kind k) { return k == SPLIT || k == JOIN_TRANSPOSED; }

typedef struct step { bool into_second; float w; int shift; } step;
static const step steps[4][2] = {
    [SPLIT] = {{true, -0.5f, 1}, {false, 0.25f, -1}},
    [JOIN] = {{false, -0.25f, -1}, {true, 0.5f, 1}},
    [SPLIT_TRANSPOSED] = {{true, 0.25f, 1}, {false, -0.5f, -1}},
    [JOIN_TRANSPOSED] = {{false, 0.5f, -1}, {true, -0.25f, 1}},
};

/* a[i] += w·(b[i] + c[i]) for n floats; c may be b. */
static void add_pair(float *a, const float *b, const float *c, float w, int64_t n)
{
    const vf factor = vf_of(w);
    for (int64_t i = 0; i < n; i += VF_LANES) {
        const int64_t lanes = least(VF_LANES, n - i);
        vf_put(a + i, vf_fma(factor, vf_get(b + i, lanes) + vf_get(c + i, lanes), vf_get(a + i, lanes)), lanes);
    }
}
static void add_one(float *a, const float *b, float w, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        a[i] += w * b[i];
}
static void butterfly(float *a, float *b, int64_t n)
{
    const vf half = vf_of(0.70710678118654752440f);
    for (int64_t i = 0; i < n; i += VF_LANES) {
        const int64_t lanes = least(VF_LANES, n - i);
        const vf x = vf_get(a + i, lanes), y = vf_get(b + i, lanes);
        vf_put(a + i, (x + y) * half, lanes);
        vf_put(b + i, (x - y) * half, lanes);
    }
}

/* m places of n floats, at a and b + i·stride. */
static void lift(float *a, const float *b, int64_t m, int64_t n, int64_t stride, float w, int shift, bool transposed)
{
    const int64_t edge = shift > 0 ? m - 1 : 0, other = m - 1 - edge;
    if (stride == n) { /* all places lie one after the other */
        const int64_t from = shift > 0 ? 0 : n;
        add_pair(a + from, b + from, b + from + shift * n, w, (m - 1) * n);
    } else {
        for (int64_t i = 0; i < m; i++)
            if (i != edge)
                add_pair(a + i * stride, b + i * stride, b + (i + shift) * stride, w, n);
    }
    if (transposed) {
        add_one(a + edge * stride, b + edge * stride, w, n);
        add_one(a + other * stride, b + other * stride, w, n);
    } else {
        add_pair(a + edge * stride, b + edge * stride, b + edge * stride, w, n);
    }
}

static void along_axis(kind k, int64_t wavelet, float *first, float *second, int64_t m, int64_t n, int64_t stride)
{
    if (wavelet == RN_HAAR) {
        for (int64_t i = 0; i < (stride == n ? 1 : m); i++)
            butterfly(first + i * stride, second + i * stride, stride == n ? m * n : n);
        return;
    }
    for (int i = 0; i < 2; i++) {
        const step s = steps[k][i];
        lift(s.into_second ? second : first, s.into_second ? first : second, m, n, stride, s.w, s.shift,
             k == SPLIT_TRANSPOSED || k == JOIN_TRANSPOSED);
    }
}

/* --- rows and strips ------------------------------------------------------------------------------------- */

typedef struct sides { int64_t images, height, width, channels; } sides; /* of the pixels */
static sides sides_of(const rn_call *c)
{
    const rn_shape s = c->in[0].dim[3] < c->out[0].dim[3] ? c->in[0] : c->out[0];
    return (sides){s.dim[0], s.dim[1], s.dim[2], s.dim[3]};
}
static int64_t wavelet_of(const rn_call *c) { return ((const rn_dwt_attr *)c->attr)->wavelet; }

/* Places (pixels of half a row) in a strip: whole ones, since bands are written place by place. */
static int64_t strip_places(sides s) { return most(1, least(s.width, STRIP_FLOATS / s.channels)); }

/* Scratch: [B, H, W·C] after the first pass. Of a thread: a row, its halves one after the other. */
static const char *plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    const sides s = sides_of(c);
    work->units = s.images * s.height;
    work->more_units[0] = s.images * pieces(s.width, strip_places(s));
    work->scratch_bytes = (size_t)(s.images * s.height * s.width * s.channels) * sizeof(float);
    work->thread_scratch_bytes = (size_t)(s.width * s.channels) * sizeof(float);
    return NULL;
}

static void move(float *to, int64_t to_stride, const float *from, int64_t from_stride, int64_t n, const int64_t channels)
{
    for (int64_t j = 0; j < n; j++)
        for (int64_t c = 0; c < channels; c++)
            to[j * to_stride + c] = from[j * from_stride + c];
}
/* n places of C floats from one stride to another; an image's three channels are known when compiled. */
static void move_places(float *to, int64_t to_stride, const float *from, int64_t from_stride, int64_t n, int64_t channels)
{
    if (channels == 3)
        move(to, to_stride, from, from_stride, n, 3);
    else
        move(to, to_stride, from, from_stride, n, channels);
}

static void across(const rn_call *c, const rn_buffers *m, kind k, int64_t row)
{
    const sides s = sides_of(c);
    const int64_t half = s.width / 2, n = s.channels, pitch = rn_pitch(c->in[0]);
    float *const first = m->thread_scratch, *const second = first + half * n, *const to = (float *)m->scratch + row * s.width * n;
    if (gives_bands(k)) { /* x is pixels */
        const float *x = (const float *)m->in[0] + row * s.width * pitch;
        move_places(first, n, x, 2 * pitch, half, n);
        move_places(second, n, x + pitch, 2 * pitch, half, n);
    } else {
        const int64_t in_image = row % s.height, rows = s.height / 2;
        const float *x = (const float *)m->in[0] + (row / s.height * rows + in_image % rows) * half * pitch + in_image / rows * n;
        move_places(first, n, x, pitch, half, n);
        move_places(second, n, x + 2 * n, pitch, half, n);
    }
    along_axis(k, wavelet_of(c), first, second, half, n, n);
    if (gives_bands(k)) {
        memcpy(to, first, (size_t)(s.width * n) * sizeof *to);
    } else {
        move_places(to, 2 * n, first, n, half, n);
        move_places(to + n, 2 * n, second, n, half, n);
    }
}

/* Row i of a half of the finished strip, `places` of them from `place` on, to where it belongs in y. */
static void put_row(const rn_call *c, const rn_buffers *m, kind k, const float *from, int64_t image, int half, int64_t i,
                    int64_t place, int64_t places)
{
    const sides s = sides_of(c);
    const int64_t n = s.channels, wide = s.width / 2;
    if (!gives_bands(k)) {
        float *y = (float *)m->out[0] + ((image * s.height + 2 * i + half) * s.width + place) * n;
        memcpy(y, from, (size_t)(places * n) * sizeof *y);
        return;
    }
    float *y = (float *)m->out[0] + (image * s.height / 2 + i) * wide * 4 * n + half * n; /* band 2·(high across) + half */
    const int64_t low = place < wide ? least(places, wide - place) : 0;
    move_places(y + place * 4 * n, 4 * n, from, n, low, n);
    if (low < places)
        move_places(y + (place + low - wide) * 4 * n + 2 * n, 4 * n, from + low * n, n, places - low, n);
}

static void down(const rn_call *c, const rn_buffers *m, kind k, int64_t unit)
{
    const sides s = sides_of(c);
    const int64_t strips = pieces(s.width, strip_places(s)), image = unit / strips, place = unit % strips * strip_places(s);
    const int64_t places = least(strip_places(s), s.width - place), rows = s.height / 2, row = s.width * s.channels;
    float *const top = (float *)m->scratch + image * s.height * row + place * s.channels;
    const int64_t stride = gives_bands(k) ? 2 * row : row; /* from row to row of a half */
    float *const second = top + (gives_bands(k) ? row : rows * row);
    along_axis(k, wavelet_of(c), top, second, rows, places * s.channels, stride);
    for (int64_t i = 0; i < rows; i++) {
        put_row(c, m, k, top + i * stride, image, 0, i, place, places);
        put_row(c, m, k, second + i * stride, image, 1, i, place, places);
    }
}

#define WAVELET(op_, kind_)                                                                                            \
    static void op_##_run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end) \
    {                                                                                                                  \
        (void)work;                                                                                                    \
        for (int64_t unit = begin; unit < end; unit++)                                                                 \
            (phase ? down : across)(c, m, kind_, unit);                                                                \
    }                                                                                                                  \
    NATIVE(op_, "by lifting, rows and strips of columns in vectors", .plan = plan, .run = op_##_run)

WAVELET(dwt, SPLIT);
WAVELET(dwt_dx, SPLIT_TRANSPOSED);
WAVELET(idwt, JOIN);
WAVELET(idwt_dx, JOIN_TRANSPOSED);
