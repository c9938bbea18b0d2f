/* space_to_depth and its inverse: pixel (row·s + i, col·s + j, k) of the fine map is channel (k·s + i)·s + j of pixel
 * (row, col) of the coarse one. A unit is a row of squares.
 *
 * Squares of 2×2 are woven in registers; others go element by element, with loops of known length for the 4×4 of an
 * image's three channels. */
#include "native.h"
#include "shuffle.h"
#include "strips.h"

typedef struct squares {
    int64_t n, side, channels;        /* squares of a row; channels of the fine map */
    int64_t coarse, fine, row;        /* from pixel to pixel of either map, from row to row of the fine one */
} squares;

static int64_t side_of(const rn_call *c) { return ((const rn_space_to_depth_attr *)c->attr)->factor; }

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

/* --- fine to coarse ---------------------------------------------------------------------------------------- */

/* A square of any size. */
NATIVE_INLINE void gather(float *coarse, const float *fine, const squares *q, const int64_t side,
                          const int64_t channels)
{
    for (int64_t i = 0; i < side; i++)
        for (int64_t j = 0; j < side; j++)
            for (int64_t c = 0; c < channels; c++)
                coarse[(c * side + i) * side + j] = fine[i * q->row + j * q->fine + c];
}

/* a₀ b₀ c₀ d₀ a₁ … of `lanes` channels of the pixels a b / c d */
NATIVE_INLINE void weave_square(float *coarse, const float *fine, const squares *q, const int64_t lanes)
{
    vf left[2], right[2], out[4]; /* a and c, b and d */
    vf_weave(vf_get(fine, lanes), vf_get(fine + q->row, lanes), &left[0], &left[1]);
    vf_weave(vf_get(fine + q->fine, lanes), vf_get(fine + q->row + q->fine, lanes), &right[0], &right[1]);
    vf_weave(left[0], right[0], &out[0], &out[1]);
    vf_weave(left[1], right[1], &out[2], &out[3]);
    for (int i = 0; i < 4 && i * VF_LANES < 4 * lanes; i++)
        vf_put(coarse + i * VF_LANES, out[i], least(VF_LANES, 4 * lanes - i * VF_LANES));
}

static void to_depth_row(float *coarse, const float *fine, const squares *q)
{
    for (int64_t col = 0; col < q->n; col++, coarse += q->coarse, fine += q->side * q->fine)
        if (q->side == 2) {
            int64_t k = 0;
            for (; k + VF_LANES <= q->channels; k += VF_LANES)
                weave_square(coarse + 4 * k, fine + k, q, VF_LANES);
            if (k < q->channels)
                weave_square(coarse + 4 * k, fine + k, q, q->channels - k);
        } else if (q->side == 4 && q->channels == 3)
            gather(coarse, fine, q, 4, 3);
        else
            gather(coarse, fine, q, q->side, q->channels);
}

static void to_depth_run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work, (void)phase;
    const rn_shape x = c->in[0], y = c->out[0];
    const squares q = {y.dim[2], side_of(c), x.dim[3], y.dim[3], rn_pitch(x), x.dim[2] * rn_pitch(x)};
    for (int64_t row = begin; row < end; row++)
        to_depth_row((float *)m->out[0] + row * q.n * q.coarse, (const float *)m->in[0] + row * q.side * q.row, &q);
}

/* --- coarse to fine ---------------------------------------------------------------------------------------- */

NATIVE_INLINE void scatter(float *fine, const float *coarse, const squares *q, const int64_t side,
                           const int64_t channels)
{
    for (int64_t i = 0; i < side; i++)
        for (int64_t j = 0; j < side; j++)
            for (int64_t c = 0; c < channels; c++)
                fine[i * q->row + j * q->fine + c] = coarse[(c * side + i) * side + j];
}

NATIVE_INLINE void unweave_square(float *fine, const float *coarse, const squares *q, const int64_t lanes)
{
    vf in[4], left[2], right[2], upper, lower;
    for (int i = 0; i < 4; i++) {
        in[i] = vf_of(0);
        if (i * VF_LANES < 4 * lanes)
            in[i] = vf_get(coarse + i * VF_LANES, least(VF_LANES, 4 * lanes - i * VF_LANES));
    }
    vf_unweave(in[0], in[1], &left[0], &right[0]);
    vf_unweave(in[2], in[3], &left[1], &right[1]);
    vf_unweave(left[0], left[1], &upper, &lower);
    vf_put(fine, upper, lanes);
    vf_put(fine + q->row, lower, lanes);
    vf_unweave(right[0], right[1], &upper, &lower);
    vf_put(fine + q->fine, upper, lanes);
    vf_put(fine + q->row + q->fine, lower, lanes);
}

static void to_space_row(float *fine, const float *coarse, const squares *q)
{
    for (int64_t col = 0; col < q->n; col++, coarse += q->coarse, fine += q->side * q->fine)
        if (q->side == 2) {
            int64_t k = 0;
            for (; k + VF_LANES <= q->channels; k += VF_LANES)
                unweave_square(fine + k, coarse + 4 * k, q, VF_LANES);
            if (k < q->channels)
                unweave_square(fine + k, coarse + 4 * k, q, q->channels - k);
        } else if (q->side == 4 && q->channels == 3)
            scatter(fine, coarse, q, 4, 3);
        else
            scatter(fine, coarse, q, q->side, q->channels);
}

static void to_space_run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work, (void)phase;
    const rn_shape x = c->in[0], y = c->out[0];
    const squares q = {x.dim[2], side_of(c), y.dim[3], rn_pitch(x), y.dim[3], y.dim[2] * y.dim[3]};
    for (int64_t row = begin; row < end; row++)
        to_space_row((float *)m->out[0] + row * q.side * q.row, (const float *)m->in[0] + row * q.n * q.coarse, &q);
}

NATIVE(space_to_depth, "squares of 2×2 woven in registers", .plan = to_depth_plan, .run = to_depth_run);
NATIVE(depth_to_space, "squares of 2×2 woven in registers", .plan = to_space_plan, .run = to_space_run);
