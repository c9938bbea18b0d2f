/* avg_pool, sum_pool and upsample_nearest: vectors over the channels; maps of few channels (images) row by row instead. */
#include "pointwise.h"
#include "strips.h"

/* --- sums over windows ----------------------------------------------------------------------------------- */

/* Fewer channels than a vector has lanes, side by side: whole rows of x are added before pixels are. */
static bool narrow(rn_shape x) { return x.dim[3] < VF_LANES && rn_dense(x); }

/* A unit is a row of y. A thread's own: the sums of a window's rows. */
static const char *pool_plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    work->units = c->out[0].dim[0] * c->out[0].dim[1];
    if (narrow(c->in[0]))
        work->thread_scratch_bytes = (size_t)(c->in[0].dim[2] * c->in[0].dim[3]) * sizeof(float);
    return native_mixture(c);
}

/* The windows of a row of y: sums along the rows of a window, then of those, so that float32 sums stay short. */
typedef struct windows { const el *x; int64_t pitch, row, side, n, channels; } windows;
NATIVE_INLINE void window_strip(el *y, const windows *w, float factor, int64_t k, const int vectors, const int64_t lanes)
{
    for (int64_t col = 0; col < w->n; col++) {
        vf sum[STRIP_VECTORS];
        for (int v = 0; v < vectors; v++)
            sum[v] = vf_of(0);
        for (int64_t i = 0; i < w->side; i++) {
            const el *x = w->x + i * w->row + col * w->side * w->pitch + k;
            for (int v = 0; v < vectors; v++) {
                vf along = vf_get(x + v * VF_LANES, lanes);
                for (int64_t j = 1; j < w->side; j++)
                    along += vf_get(x + j * w->pitch + v * VF_LANES, lanes);
                sum[v] += along;
            }
        }
        for (int v = 0; v < vectors; v++)
            vf_put(y + col * w->channels + k + v * VF_LANES, sum[v] * vf_of(factor), lanes);
    }
}

static void narrow_windows(el *y, const windows *w, float factor, float *sum)
{
    const int64_t n = w->row; /* elements of a row of x */
    for (int64_t i = 0; i < w->side; i++) {
        const el *x = w->x + i * w->row;
        for (int64_t k = 0; k < n; k += VF_LANES) {
            const int64_t lanes = least(VF_LANES, n - k);
            const vf before = i ? vf_get(sum + k, lanes) : vf_of(0);
            vf_put(sum + k, before + vf_get(x + k, lanes), lanes);
        }
    }
    for (int64_t col = 0; col < w->n; col++)
        for (int64_t k = 0; k < w->channels; k++) {
            const float *pixel = sum + col * w->side * w->channels + k;
            float total = 0;
            for (int64_t j = 0; j < w->side; j++)
                total += pixel[j * w->channels];
            y[col * w->channels + k] = el_of(total * factor);
        }
}

static void pool(const rn_call *c, const rn_buffers *m, float factor, int64_t begin, int64_t end)
{
    const rn_shape x = c->in[0], y = c->out[0];
    windows w = {.pitch = rn_pitch(x), .row = x.dim[2] * rn_pitch(x), .n = y.dim[2], .channels = y.dim[3]};
    w.side = ((const rn_avg_pool_attr *)c->attr)->window;
    for (int64_t row = begin; row < end; row++) { /* H = s·H', so no window straddles two images */
        el *to = (el *)m->out[0] + row * y.dim[2] * y.dim[3];
        w.x = (const el *)m->in[0] + row * w.side * w.row;
        if (narrow(x))
            narrow_windows(to, &w, factor, m->thread_scratch);
        else
            FOR_STRIPS(w.channels, window_strip, to, &w, factor);
    }
}

static void avg_run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work, (void)phase;
    const int64_t s = ((const rn_avg_pool_attr *)c->attr)->window;
    pool(c, m, (float)(1 / (double)(s * s)), begin, end);
}
static void sum_run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work, (void)phase;
    pool(c, m, 1, begin, end);
}

/* --- pixels become squares ------------------------------------------------------------------------------- */

/* A unit is a row of x. */
static const char *upsample_plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    work->units = c->in[0].dim[0] * c->in[0].dim[1];
    return native_mixture(c);
}

/* One pixel to another place; few channels without a mask, whose stores are slow with AVX2. */
static inline void move_pixel(el *y, const el *x, int64_t n)
{
    if (n >= EL_LANES)
        move_row(y, x, n);
    else
        for (int64_t k = 0; k < n; k++)
            y[k] = x[k];
}

/* Each vector of x is read once and written to the first row of the squares; the others are copies of it. */
static void upsample_run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work, (void)phase;
    const rn_shape x = c->in[0], y = c->out[0];
    const int64_t s = ((const rn_upsample_nearest_attr *)c->attr)->factor, n = y.dim[3];
    for (int64_t row = begin; row < end; row++) {
        el *to = (el *)m->out[0] + row * s * y.dim[2] * n;
        for (int64_t col = 0; col < x.dim[2]; col++)
            for (int64_t j = 0; j < s; j++)
                move_pixel(to + (col * s + j) * n, (const el *)m->in[0] + (row * x.dim[2] + col) * rn_pitch(x), n);
        for (int64_t i = 1; i < s; i++)
            move_row(to + i * y.dim[2] * n, to, y.dim[2] * n);
    }
}

NATIVE(avg_pool, "whole vectors", .plan = pool_plan, .run = avg_run);
NATIVE(sum_pool, "whole vectors", .plan = pool_plan, .run = sum_run);
NATIVE(upsample_nearest, "whole vectors", .plan = upsample_plan, .run = upsample_run);
