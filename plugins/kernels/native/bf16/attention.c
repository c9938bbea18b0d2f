/* attention: a unit is a block of query rows of one head of one image. A strip's scores are made in float32, and its P, divided
 * by its sum, is rounded once and multiplied by the values. */
#include "attention.h"

enum { QUERY_ROWS = 256 }; /* of a unit: keys and values are packed once for so many */

static int64_t blocks_of(const attention *g) { return pieces(g->tq, QUERY_ROWS); }

typedef struct room {
    rn_bf16 *keys, *values, *q, *p;
    float *s;
    int64_t q_pitch, p_pitch, s_pitch;
} room;

static size_t room_of(const attention *g, void *scratch, room *r)
{
    size_t used = 0;
    *r = (room){.q_pitch = odd_lines(whole_steps(g->d)), .p_pitch = odd_lines(whole_steps(g->tk)), .s_pitch = pieces(g->tk, VF_LANES) * VF_LANES};
    r->keys = part_of(scratch, &used, panels_room(g->d, g->tk), sizeof *r->keys);
    r->values = part_of(scratch, &used, panels_room(g->tk, g->d), sizeof *r->values);
    r->q = part_of(scratch, &used, STRIP_ROWS * r->q_pitch, sizeof *r->q);
    r->p = part_of(scratch, &used, STRIP_ROWS * r->p_pitch, sizeof *r->p);
    r->s = part_of(scratch, &used, STRIP_ROWS * r->s_pitch, sizeof *r->s);
    return used;
}

static const char *plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    const attention g = attention_of(c);
    room r;
    work->units = g.batch * g.heads * blocks_of(&g);
    work->thread_scratch_bytes = room_of(&g, NULL, &r);
    return attention_narrow_refusal(c);
}

static float largest(const float *s, int64_t n)
{
    vf most = vf_of(s[0]);
    int64_t i = 0;
    for (; i + VF_LANES <= n; i += VF_LANES)
        most = vf_max(most, vf_load(s + i));
    float lane[VF_LANES], found;
    vf_store(lane, most);
    found = lane[0];
    for (int l = 1; l < VF_LANES; l++)
        found = lane[l] > found ? lane[l] : found;
    for (; i < n; i++)
        found = s[i] > found ? s[i] : found;
    return found;
}

/* s = softmax(scale·s) in a row; returns log Σ e^(scale·s). */
static float softmax(float *s, int64_t n, float scale)
{
    const float most = scale * largest(s, n);
    vf sum = vf_of(0);
    int64_t i = 0;
    for (; i + VF_LANES <= n; i += VF_LANES) {
        const vf e = vf_exp(vf_fma(vf_load(s + i), vf_of(scale), vf_of(-most)));
        vf_store(s + i, e);
        sum += e;
    }
    if (i < n) {
        vf_store_part(s + i, vf_exp(vf_fma(vf_load_part(s + i, n - i), vf_of(scale), vf_of(-most))), n - i);
        sum += vf_load_part(s + i, n - i); /* without the lanes beyond */
    }
    const float total = vf_sum(sum);
    for (i = 0; i < n; i += VF_LANES)
        vf_put(s + i, vf_get(s + i, least(VF_LANES, n - i)) * vf_of(1 / total), least(VF_LANES, n - i));
    return most + logf(total);
}

static void run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work, (void)phase;
    const attention g = attention_of(c);
    const int64_t blocks = blocks_of(&g), y_pitch = rn_pitch(c->out[0]);
    room r;
    room_of(&g, m->thread_scratch, &r);
    strips_begin(GROUP_ROWS);
    for (int64_t u = begin; u < end; u++) {
        const int64_t block = u % blocks, head = u / blocks % g.heads, image = u / blocks / g.heads;
        const int64_t last = gemm_cut(g.tq, blocks, block + 1);
        pack_panels(attention_source(c, m, 1, &g, image, head, 0), rn_pitch(c->in[1]), true, g.d, g.tk, r.keys);
        pack_panels(attention_source(c, m, 2, &g, image, head, 0), rn_pitch(c->in[2]), false, g.tk, g.d, r.values);
        for (int64_t row = gemm_cut(g.tq, blocks, block); row < last; row += STRIP_ROWS) {
            const int64_t rows = least(STRIP_ROWS, last - row);
            float *lse = (float *)m->out[1] + (image * g.heads + head) * rn_pitch(c->out[1]) + row;
            pack_rows(attention_source(c, m, 0, &g, image, head, row), rn_pitch(c->in[0]), rows, g.d, r.q, r.q_pitch);
            multiply(r.q, r.q_pitch, rows, g.d, r.keys, g.tk, r.s, r.s_pitch, false, false);
            for (int64_t i = 0; i < rows; i++) {
                lse[i] = softmax(r.s + i * r.s_pitch, g.tk, g.scale);
                round_row(r.s + i * r.s_pitch, g.tk, r.p + i * r.p_pitch);
            }
            multiply(r.p, r.p_pitch, rows, g.tk, r.values, g.d, (rn_bf16 *)m->out[0] + attention_place(c->out[0], &g, image, head, row),
                     y_pitch, true, false);
        }
    }
    strips_end();
}

BF16(attention, "products of bfloat16, strips of scores between them in float32", .plan = plan, .run = run);
