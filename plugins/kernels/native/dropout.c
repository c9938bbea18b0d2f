/* dropout: y = x/(1 − rate) where the uniform number (word + ½)/2³² of the element is ≥ rate, else 0; or x·mask/(1 − rate).
 * The comparison is one of whole words, with exactly the outcome of that in double. */
#include "philox.h"
#include "pointwise.h"

#include <math.h>

/* word + ½ ≥ rate·2³² where word ≥ this; both steps are exact in double. 2³² where nothing is kept. */
static uint64_t least_kept(double rate) { return (uint64_t)ceil(fmax(0, rate * 0x1p32 - 0.5)); }

/* Elements `index` … of the stream; the rate is below 1 and `threshold` a word. */
static void drop(el *y, const el *x, int64_t n, uint32_t threshold, float factor, rn_stream s, uint64_t index)
{
    const vf by = vf_of(factor);
    while (n > 0) {
        const int64_t skip = (int64_t)(index % 4), done = least(n, PHILOX_WORDS - skip);
        vu a, b;
        vf first, second;
        philox(s, index / 4, &a, &b);
        vf_weave((vf)a, (vf)b, &first, &second);
        if (done == PHILOX_WORDS) {
            vf_store(y, (vf)((vu)(vf_load(x) * by) & (vu)((vu)first >= threshold)));
            vf_store(y + VF_LANES, (vf)((vu)(vf_load(x + VF_LANES) * by) & (vu)((vu)second >= threshold)));
        } else {
            uint32_t word[PHILOX_WORDS];
            memcpy(word, &first, sizeof first);
            memcpy(word + VF_LANES, &second, sizeof second);
            for (int64_t k = 0; k < done; k++)
                y[k] = el_of(word[skip + k] >= threshold ? float_of(x[k]) * factor : 0);
        }
        index += (uint64_t)done;
        x += done;
        y += done;
        n -= done;
    }
}

static void apply_mask(el *y, const el *x, const float *mask, int64_t n, float factor)
{
    const vf by = vf_of(factor);
    int64_t k = 0;
    for (; k + VF_LANES <= n; k += VF_LANES)
        vf_store(y + k, vf_load(x + k) * vf_load(mask + k) * by);
    if (k < n)
        vf_store_part(y + k, vf_load_part(x + k, n - k) * vf_load_part(mask + k, n - k) * by, n - k);
}

static const char *plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    const walk w = walk_of(c, c->n_in);
    work->units = walk_units(&w);
    return native_mixture(c);
}

static void run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work, (void)phase;
    const rn_dropout_attr *attr = c->attr;
    const bool masked = c->n_in > 1 && c->in[1].rank;
    const walk w = walk_of(c, c->n_in);
    const float factor = attr->rate < 1 ? (float)(1 / (1 - attr->rate)) : 0;
    const uint64_t threshold = least_kept(attr->rate);
    for (int64_t i = begin * w.rows_per_unit; i < least(end * w.rows_per_unit, w.rows); i++) {
        const el *x = (const el *)m->in[0] + walk_at(&w, c->in[0], i);
        el *y = (el *)m->out[0] + walk_at(&w, c->out[0], i);
        const int64_t n = walk_length(&w, i);
        if (masked)
            apply_mask(y, x, (const float *)m->in[1] + walk_at(&w, c->in[1], i), n, factor);
        else if (threshold > UINT32_MAX)
            memset(y, 0, (size_t)n * sizeof *y);
        else
            drop(y, x, n, (uint32_t)threshold, factor, stream_of(m, attr->stream),
                 first_index(c, m) + (uint64_t)(i * w.length));
    }
}

NATIVE(dropout, "Philox in vectors", .plan = plan, .run = run);
