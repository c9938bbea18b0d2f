/* space_to_depth and its inverse: a unit is a row of squares. */
#include "real.h"

static const char *to_depth_plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    work->units = c->out[0].dim[0] * c->out[0].dim[1];
    return NULL;
}
static const char *to_space_plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    work->units = c->in[0].dim[0] * c->in[0].dim[1];
    return NULL;
}

/* Pixel (row·s + dy, col·s + dx, k) of the fine map is channel (k·s + dy)·s + dx
 * of pixel (row, col) of the coarse one. */
static void to_depth_run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work, (void)phase;
    const rn_shape x = c->in[0], y = c->out[0];
    const int64_t s = ((const rn_space_to_depth_attr *)c->attr)->factor;
    for (int64_t row = begin; row < end; row++)
        for (int64_t col = 0; col < y.dim[2]; col++) {
            REAL *coarse = (REAL *)m->out[0] + (row * y.dim[2] + col) * y.dim[3];
            for (int64_t k = 0; k < s * s; k++) {
                const REAL *fine = (const REAL *)m->in[0] + ((row * s + k / s) * x.dim[2] + col * s + k % s) * rn_pitch(x);
                for (int64_t j = 0; j < x.dim[3]; j++)
                    coarse[j * s * s + k] = fine[j];
            }
        }
}

static void to_space_run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work, (void)phase;
    const rn_shape x = c->in[0], y = c->out[0];
    const int64_t s = ((const rn_space_to_depth_attr *)c->attr)->factor;
    for (int64_t row = begin; row < end; row++)
        for (int64_t col = 0; col < x.dim[2]; col++) {
            const REAL *coarse = (const REAL *)m->in[0] + (row * x.dim[2] + col) * rn_pitch(x);
            for (int64_t k = 0; k < s * s; k++) {
                REAL *fine = (REAL *)m->out[0] + ((row * s + k / s) * y.dim[2] + col * s + k % s) * y.dim[3];
                for (int64_t j = 0; j < y.dim[3]; j++)
                    fine[j] = coarse[j * s * s + k];
            }
        }
}

REFERENCE(space_to_depth, to_depth_plan, to_depth_run);
REFERENCE(depth_to_space, to_space_plan, to_space_run);
