/* attention: a unit is a block of query rows of one head of one image; the T×T matrix exists a strip of GEMM_ROWS rows at a
 * time. */
#include "attention.h"

enum { QUERY_ROWS = 256 }; /* of a unit: keys and values are packed once for so many */

static int64_t blocks_of(const attention *g) { return pieces(g->tq, QUERY_ROWS); }

static const char *plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    const attention g = attention_of(c);
    work->units = g.batch * g.heads * blocks_of(&g);
    work->thread_scratch_bytes = (size_t)(attention_room(g.d, g.tk) + attention_room(g.tk, g.d) +
                                          (g.chunks + 1) * GEMM_ROWS * GEMM_PITCH) * sizeof(float);
    return attention_refusal(&g);
}

/* Lane i of the result: the largest lane of v[i], or their sum. v is used up. */
static vf each_largest(vf v[VF_LANES])
{
    vf_transpose(v);
    for (int half = VF_LANES / 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++)
            v[i] = vf_max(v[i], v[i + half]);
    return v[0];
}
static vf each_sum(vf v[VF_LANES])
{
    vf_transpose(v);
    for (int half = VF_LANES / 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++)
            v[i] = v[i] + v[i + half];
    return v[0];
}

/* A vector whose largest lane is the largest of the n scores of a row. */
static vf largest(const float *s, int64_t chunk, int64_t n)
{
    vf most = vf_of(s[0]);
    for (int64_t begin = 0; begin < n; begin += GEMM_K, s += chunk) {
        const int64_t count = least(GEMM_K, n - begin);
        int64_t i = 0;
        for (; i + VF_LANES <= count; i += VF_LANES)
            most = vf_max(most, vf_load(s + i));
        for (; i < count; i++)
            most = vf_max(most, vf_of(s[i]));
    }
    return most;
}

/* s = e^(s − most) in a row of n; the sum of the result's lanes is theirs. */
static vf exponentials(float *s, int64_t chunk, int64_t n, float most)
{
    vf sum = vf_of(0);
    for (int64_t begin = 0; begin < n; begin += GEMM_K, s += chunk) {
        const int64_t count = least(GEMM_K, n - begin);
        int64_t i = 0;
        for (; i + VF_LANES <= count; i += VF_LANES) {
            const vf e = vf_exp(vf_load(s + i) - vf_of(most));
            vf_store(s + i, e);
            sum = sum + e;
        }
        if (i < count) {
            vf_store_part(s + i, vf_exp(vf_load_part(s + i, count - i) - vf_of(most)), count - i);
            sum = sum + vf_load_part(s + i, count - i); /* without the lanes beyond */
        }
    }
    return sum;
}

/* s = e^(s − max s) in each row of n scores; lse = max + log Σ, share = 1/Σ. The sums across lanes are made for as many rows
 * together as there are lanes. */
static void softmax(float *s, int64_t chunk, int64_t rows, int64_t n, float *lse, float *share)
{
    for (int64_t first = 0; first < rows; first += VF_LANES) {
        const int64_t count = least(VF_LANES, rows - first);
        float most[VF_LANES], sum[VF_LANES];
        vf v[VF_LANES];
        for (int64_t r = 0; r < VF_LANES; r++)
            v[r] = r < count ? largest(s + (first + r) * GEMM_PITCH, chunk, n) : vf_of(0);
        vf_store(most, each_largest(v));
        for (int64_t r = 0; r < VF_LANES; r++)
            v[r] = r < count ? exponentials(s + (first + r) * GEMM_PITCH, chunk, n, most[r]) : vf_of(1);
        vf_store(sum, each_sum(v));
        for (int64_t r = 0; r < count; r++) {
            lse[first + r] = most[r] + logf(sum[r]);
            share[first + r] = 1 / sum[r];
        }
    }
}

static void scale_row(float *y, int64_t n, float share)
{
    for (int64_t i = 0; i < n; i += VF_LANES)
        vf_put(y + i, vf_of(share) * vf_get(y + i, least(VF_LANES, n - i)), least(VF_LANES, n - i));
}

static void run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work, (void)phase;
    const rn_shape q = c->in[0], k = c->in[1], v = c->in[2], y = c->out[0];
    const attention g = attention_of(c);
    const int64_t blocks = blocks_of(&g), chunk = GEMM_ROWS * GEMM_PITCH;
    float *key_room = m->thread_scratch, *value_room = key_room + attention_room(g.d, g.tk);
    float *left = value_room + attention_room(g.tk, g.d), *s = left + chunk;
    for (int64_t u = begin; u < end; u++) {
        const int64_t block = u % blocks, head = u / blocks % g.heads, image = u / blocks / g.heads;
        const int64_t first = gemm_cut(g.tq, blocks, block), rows = gemm_cut(g.tq, blocks, block + 1) - first;
        const int64_t strips = gemm_blocks(rows);
        const gemm_right keys = attention_pack((const float *)m->in[1] + attention_place(k, &g, image, head, 0), rn_pitch(k), true,
                                               g.d, g.tk, key_room);
        const gemm_right values = attention_pack((const float *)m->in[2] + attention_place(v, &g, image, head, 0), rn_pitch(v),
                                                 false, g.tk, g.d, value_room);
        for (int64_t i = 0; i < strips; i++) {
            const int64_t row = first + gemm_cut(rows, strips, i), count = first + gemm_cut(rows, strips, i + 1) - row;
            float *out = (float *)m->out[0] + attention_place(y, &g, image, head, row), share[GEMM_ROWS];
            float *lse = (float *)m->out[1] + (image * g.heads + head) * rn_pitch(c->out[1]) + row;
            attention_left((const float *)m->in[0] + attention_place(q, &g, image, head, row), rn_pitch(q), count, g.d, g.scale,
                           left);
            attention_scores(&g, count, left, &keys, s, chunk);
            softmax(s, chunk, count, g.tk, lse, share);
            attention_mix(&g, count, s, chunk, &values, out, rn_pitch(y));
            for (int64_t r = 0; r < count; r++)
                scale_row(out + r * rn_pitch(y), g.d, share[r]);
        }
    }
}

NATIVE(attention, "strips of scores between two products, never as a whole", .plan = plan, .run = run);
