/* channel_range, channel_pad and concat: parts of the channel axis taken out, put back, put side by side. */
#include "rules.h"

static const rn_param range_params[] = {
    /*     struct                 field  unit       default min max      documentation */
    RN_INT(rn_channel_range_attr, begin, "channel", "0",    0,  1 << 24, "first channel of the range"),
    RN_INT(rn_channel_range_attr, end,   "channel", NULL,   1,  1 << 24, "the channel after its last"),
    RN_PARAMS_END,
};
static const rn_param pad_params[] = {
    RN_INT(rn_channel_pad_attr, begin,    "channel", "0",  0, 1 << 24, "where x begins"),
    RN_INT(rn_channel_pad_attr, channels, "channel", NULL, 1, 1 << 24, "of the result"),
    RN_PARAMS_END,
};

/* The runs of the range lie as far apart as those of x. */
static bool range_shape(const rn_call *c, rn_shape *y, rn_error *err)
{
    const rn_channel_range_attr *a = c->attr;
    const rn_shape x = c->in[0];
    if (a->begin < 0 || a->end <= a->begin || a->end > rn_last(x))
        return rn_fail(err, RN_ESHAPE, "channels %" PRId64 " … %" PRId64 " of a tensor with %" PRId64, a->begin, a->end,
                       rn_last(x));
    y[0] = x;
    y[0].dim[x.rank - 1] = a->end - a->begin;
    y[0].pitch = rn_pitch(x);
    return true;
}
static int64_t range_view(const rn_call *c, int output)
{
    (void)output;
    return ((const rn_channel_range_attr *)c->attr)->begin;
}

static bool pad_shape(const rn_call *c, rn_shape *y, rn_error *err)
{
    const rn_channel_pad_attr *a = c->attr;
    const rn_shape x = c->in[0];
    if (a->begin < 0 || a->channels < a->begin || a->channels - a->begin < rn_last(x))
        return rn_fail(err, RN_ESHAPE, "%" PRId64 " channels do not fit among %" PRId64 " from channel %" PRId64 " on",
                       rn_last(x), a->channels, a->begin);
    y[0] = dense_like(x);
    y[0].dim[x.rank - 1] = a->channels;
    return true;
}

static bool concat_shape(const rn_call *c, rn_shape *y, rn_error *err)
{
    const rn_shape first = c->in[0];
    int64_t channels = 0;
    for (int i = 0; i < c->n_in; i++) {
        rn_shape part = c->in[i];
        if (!part.rank)
            continue;
        channels += rn_last(part);
        part.dim[part.rank - 1] = rn_last(first);
        if (!rn_same_dims(first, part))
            return shapes_differ(err, "the first part", first, "another", c->in[i], "only the channels may differ");
    }
    y[0] = dense_like(first);
    y[0].dim[first.rank - 1] = channels;
    return true;
}

static void range_gradient(rn_graph *g, const rn_call *c, const rn_tensor *dy, rn_tensor *dx)
{
    dx[0] = rn_op_channel_pad(g, dy[0], ((const rn_channel_range_attr *)c->attr)->begin, rn_last(c->in[0]));
}

/* Ranges that do not overlap (q|k|v, a norm's scale and offset): their gradients side by side, each widened by
 * the zeros between it and the next one. */
static rn_tensor ranges_gradient(rn_graph *g, int n, const rn_call *calls, const rn_tensor *dy)
{
    const rn_channel_range_attr *range[RN_MAX_IN];
    rn_tensor part[RN_MAX_IN];
    int parts = 0;
    for (int i = 0; i < n; i++) {
        const rn_channel_range_attr *r = calls[i].attr;
        if (!dy[i])
            continue;
        if (parts == RN_MAX_IN)
            return 0;
        int k = parts++;
        for (; k > 0 && range[k - 1]->begin > r->begin; k--) {
            range[k] = range[k - 1];
            part[k] = part[k - 1];
        }
        range[k] = r;
        part[k] = dy[i];
    }
    for (int k = 1; k < parts; k++)
        if (range[k]->begin < range[k - 1]->end)
            return 0;
    for (int k = 0; k < parts; k++) {
        const int64_t begin = k ? range[k]->begin : 0;
        const int64_t end = k + 1 < parts ? range[k + 1]->begin : rn_last(calls[0].in[0]);
        if (begin != range[k]->begin || end != range[k]->end)
            part[k] = rn_op_channel_pad(g, part[k], range[k]->begin - begin, end - begin);
    }
    return parts > 1 ? rn_op_concat(g, part, parts) : parts ? part[0] : 0;
}

static void pad_gradient(rn_graph *g, const rn_call *c, const rn_tensor *dy, rn_tensor *dx)
{
    const int64_t begin = ((const rn_channel_pad_attr *)c->attr)->begin;
    dx[0] = rn_op_channel_range(g, dy[0], begin, begin + rn_last(c->in[0]));
}

static void concat_gradient(rn_graph *g, const rn_call *c, const rn_tensor *dy, rn_tensor *dx)
{
    int64_t begin = 0;
    for (int i = 0; i < c->n_in; i++)
        if (c->in[i].rank) {
            dx[i] = rn_op_channel_range(g, dy[0], begin, begin + rn_last(c->in[i]));
            begin += rn_last(c->in[i]);
        }
}

static rn_shape map_of(rn_stream r, int number, int64_t channels)
{
    const int64_t a = draw(r, 0, 1, 2), b = draw(r, 1, 1, 3);
    return number % 3 == 0 ? shape4(a, b, 2, channels) : number % 3 == 1 ? shape2(b, channels) : shape1(channels);
}
static void range_example(rn_example *e, rn_stream r, int number)
{
    const int64_t width = draw(r, 2, 1, 4), begin = draw(r, 3, 0, 3), more = draw(r, 4, 0, 3);
    *(rn_channel_range_attr *)e->attr = (rn_channel_range_attr){begin, begin + width};
    e->in[0] = map_of(r, number, begin + width + more);
}
static void pad_example(rn_example *e, rn_stream r, int number)
{
    const int64_t width = draw(r, 2, 1, 4), begin = draw(r, 3, 0, 3), more = draw(r, 4, 0, 3);
    *(rn_channel_pad_attr *)e->attr = (rn_channel_pad_attr){begin, begin + width + more};
    e->in[0] = map_of(r, number, width);
}
static void concat_example(rn_example *e, rn_stream r, int number)
{
    const int parts = number % RN_MAX_IN + 1;
    for (int i = 0; i < RN_MAX_IN; i++)
        e->in[i] = i < parts ? map_of(r, number, draw(r, 8 + (uint64_t)i, 1, 4)) : (rn_shape){0};
}

const rn_op op_channel_range = {
    .bytes = sizeof(rn_op), .name = "channel_range", .doc = "channels begin … end − 1, seen in place",
    .params = range_params, .params_bytes = sizeof(rn_channel_range_attr),
    .inputs = {{.name = "x"}}, .n_out = 1, .traits = RN_VIEW | RN_LINEAR,
    .shape = range_shape, .gradient = range_gradient, .gradient_together = ranges_gradient, .cost = cost_of_view,
    .view = range_view, .example = range_example,
    .narrow_in = 1, .narrow_out = 1,
};
const rn_op op_channel_pad = {
    .bytes = sizeof(rn_op), .name = "channel_pad", .doc = "x among other channels that are zero",
    .params = pad_params, .params_bytes = sizeof(rn_channel_pad_attr),
    .inputs = {{.name = "x"}}, .n_out = 1, .traits = RN_LINEAR,
    .shape = pad_shape, .gradient = pad_gradient, .cost = cost_of_moving, .example = pad_example,
    .narrow_in = 1, .narrow_out = 1,
};
#define PART(i) {.name = "x" #i, .optional = (i) > 0}
const rn_op op_concat = {
    .bytes = sizeof(rn_op), .name = "concat", .doc = "tensors side by side along the channels",
    .inputs = {PART(0), PART(1), PART(2), PART(3), PART(4), PART(5), PART(6), PART(7)}, .n_out = 1,
    .shape = concat_shape, .gradient = concat_gradient, .cost = cost_of_moving, .example = concat_example,
    .narrow_in = 0xff, .narrow_out = 1,
};
