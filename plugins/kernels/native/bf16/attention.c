/* attention: a unit is a block of query rows of one head of one image; the T×T matrix exists a strip of rows at a time. */
#include "attention.h"

enum { QUERY_ROWS = 256 }; /* of a unit: keys and values are packed once for so many */

static int64_t blocks_of(const attention *g) { return pieces(g->tq, QUERY_ROWS); }

/* A thread's scratch. */
typedef struct room {
    float *scores, *y; /* of a strip */
    rn_bf16 *keys, *values, *q, *p;
} room;

/* The parts of the scratch at `at`; returns its bytes. */
static size_t room_of(const attention *g, char *at, room *r)
{
    const size_t half = sizeof(rn_bf16), full = sizeof(float);
    const size_t size[] = {(size_t)(STRIP_ROWS * score_pitch(g)) * full, (size_t)(STRIP_ROWS * g->d) * full,
                           (size_t)panels_room(g->d, g->tk) * half, (size_t)panels_room(g->tk, g->d) * half,
                           (size_t)(STRIP_ROWS * odd_lines(whole_steps(g->d))) * half,
                           (size_t)(STRIP_ROWS * odd_lines(whole_steps(g->tk))) * half};
    void *part[6] = {NULL};
    size_t used = 0;
    for (int i = 0; i < 6; i++) {
        part[i] = at ? at + used : NULL;
        used += (size[i] + 63) / 64 * 64;
    }
    *r = (room){part[0], part[1], part[2], part[3], part[4], part[5]};
    return used;
}

static const char *plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    const attention g = attention_of(c);
    room r;
    work->units = g.batch * g.heads * blocks_of(&g);
    work->thread_scratch_bytes = room_of(&g, NULL, &r);
    return attention_refusal(c);
}

static float largest_lane(vf v)
{
    float lane[VF_LANES];
    vf_store(lane, v);
    for (int half = VF_LANES / 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++)
            lane[i] = lane[i] > lane[i + half] ? lane[i] : lane[i + half];
    return lane[0];
}

/* s = e^(scale·(s − max s)) in a row of n; returns their sum, and the exponent that was taken off. */
static float exponentials(float *s, int64_t n, float scale, float *off)
{
    vf largest = vf_of(s[0]), sum = vf_of(0);
    int64_t i = 0;
    for (; i + VF_LANES <= n; i += VF_LANES)
        largest = vf_max(largest, vf_load(s + i));
    for (; i < n; i++)
        largest = vf_max(largest, vf_of(s[i]));
    const float high = largest_lane(largest);
    for (i = 0; i < n; i += VF_LANES) {
        const int64_t lanes = least(VF_LANES, n - i);
        vf_put(s + i, vf_exp(vf_of(scale) * (vf_get(s + i, lanes) - vf_of(high))), lanes);
        sum = sum + vf_get(s + i, lanes); /* without the lanes beyond */
    }
    *off = scale * high;
    return vf_sum(sum);
}

static void scale_row(float *y, int64_t n, float share)
{
    for (int64_t i = 0; i < n; i += VF_LANES)
        vf_put(y + i, vf_of(share) * vf_get(y + i, least(VF_LANES, n - i)), least(VF_LANES, n - i));
}

/* Rows [row, row + rows) of y and lse. */
static void one_strip(const attention *g, const room *r, const head *q, int64_t row, int64_t rows, float *lse, const target *y)
{
    const int64_t left = odd_lines(whole_steps(g->d)), right = odd_lines(whole_steps(g->tk)), pitch = score_pitch(g);
    float sum[STRIP_ROWS], off;
    pack_rows(head_row(q, row), q->pitch, rows, g->d, r->q, left);
    rows_times(rows, g->d, r->q, left, r->keys, g->tk, r->scores, pitch, false, false);
    for (int64_t i = 0; i < rows; i++) {
        sum[i] = exponentials(r->scores + i * pitch, g->tk, g->scale, &off);
        lse[row + i] = off + logf(sum[i]);
    }
    pack_rows((source){r->scores, false}, pitch, rows, g->tk, r->p, right);
    rows_times(rows, g->tk, r->p, right, r->values, g->d, r->y, g->d, false, false);
    for (int64_t i = 0; i < rows; i++) {
        scale_row(r->y + i * g->d, g->d, 1 / sum[i]);
        target_put(y, row + i, r->y + i * g->d, g->d);
    }
}

static void run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work, (void)phase;
    const attention g = attention_of(c);
    const int64_t blocks = blocks_of(&g);
    room r;
    room_of(&g, m->thread_scratch, &r);
    strips_begin(GROUP_ROWS);
    for (int64_t u = begin; u < end; u++) {
        const int64_t block = u % blocks, number = u / blocks % g.heads, image = u / blocks / g.heads;
        const int64_t first = g.tq * block / blocks, last = g.tq * (block + 1) / blocks;
        const head q = head_of(&g, c->in[0], m->in[0], image, number), k = head_of(&g, c->in[1], m->in[1], image, number);
        const head v = head_of(&g, c->in[2], m->in[2], image, number);
        const target y = target_of(&g, c->out[0], m->out[0], image, number);
        float *lse = (float *)m->out[1] + (image * g.heads + number) * rn_pitch(c->out[1]);
        pack_head(&k, 0, true, g.d, g.tk, r.keys);
        pack_head(&v, 0, false, g.tk, g.d, r.values);
        for (int64_t row = first; row < last; row += STRIP_ROWS)
            one_strip(&g, &r, &q, row, least(STRIP_ROWS, last - row), lse, &y);
    }
    strips_end();
}

BF16(attention, "strips of scores between two products of bfloat16", .plan = plan, .run = run);
