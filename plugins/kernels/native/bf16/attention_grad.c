/* attention_grad: a unit is one head of one image, since dk and dv are sums over all query rows. These go in blocks: strips
 * of rows make P, dS and dq; then dk and dv take the block's Pᵀ and dSᵀ. */
#include "attention.h"

enum { Q, K, V, Y, LSE, DY };
enum {
    BLOCK_ELEMENTS = 64 * 1024, /* of P, dS and both turned: 512 KiB of a level-2 cache of 1 MiB */
    MOST_ROWS = 8 * CROSS_ROWS
};

/* Query rows of a block, whole squares of what is turned. */
static int64_t block_of(const attention *g)
{
    return most(1, least(MOST_ROWS, BLOCK_ELEMENTS / g->tk) / CROSS_ROWS) * CROSS_ROWS;
}

/* A thread's scratch. Panels: keys and values turned [d, tk], keys [tk, d], q and dy of a block [rows, d]. */
typedef struct room {
    rn_bf16 *turned_keys, *turned_values, *keys, *q_panels, *dy_panels;
    rn_bf16 *left, *p, *ds, *turned; /* rows of q or dy; P and dS [block, tk]; one of them turned [tk, block] */
    float *s, *dp, *dk, *dv;
    int64_t left_pitch, p_pitch, s_pitch, turned_pitch, d_pitch;
} room;

static size_t room_of(const attention *g, void *scratch, room *r)
{
    const int64_t block = block_of(g), tokens = pieces(g->tk, PAIRS) * PAIRS;
    size_t used = 0;
    *r = (room){.left_pitch = odd_lines(whole_steps(g->d)), .p_pitch = odd_lines(whole_steps(g->tk)),
                .s_pitch = pieces(g->tk, VF_LANES) * VF_LANES, .turned_pitch = odd_lines(block),
                .d_pitch = pieces(g->d, VF_LANES) * VF_LANES};
    r->turned_keys = part_of(scratch, &used, panels_room(g->d, g->tk), sizeof *r->keys);
    r->turned_values = part_of(scratch, &used, panels_room(g->d, g->tk), sizeof *r->keys);
    r->keys = part_of(scratch, &used, panels_room(g->tk, g->d), sizeof *r->keys);
    r->q_panels = part_of(scratch, &used, panels_room(block, g->d), sizeof *r->keys);
    r->dy_panels = part_of(scratch, &used, panels_room(block, g->d), sizeof *r->keys);
    r->left = part_of(scratch, &used, STRIP_ROWS * r->left_pitch, sizeof *r->left);
    r->p = part_of(scratch, &used, (block + STRIP_ROWS) * r->p_pitch, sizeof *r->p); /* a tile has all its rows */
    r->ds = part_of(scratch, &used, (block + STRIP_ROWS) * r->p_pitch, sizeof *r->ds);
    r->turned = part_of(scratch, &used, (tokens + STRIP_ROWS) * r->turned_pitch, sizeof *r->turned);
    r->s = part_of(scratch, &used, STRIP_ROWS * r->s_pitch, sizeof *r->s);
    r->dp = part_of(scratch, &used, STRIP_ROWS * r->s_pitch, sizeof *r->dp);
    r->dk = part_of(scratch, &used, g->tk * r->d_pitch, sizeof *r->dk);
    r->dv = part_of(scratch, &used, g->tk * r->d_pitch, sizeof *r->dv);
    return used;
}

static const char *plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    const attention g = attention_of(c);
    room r;
    work->units = g.batch * g.heads;
    work->thread_scratch_bytes = room_of(&g, NULL, &r);
    return attention_narrow_refusal(c);
}

static float dot(const rn_bf16 *a, const rn_bf16 *b, int64_t n)
{
    float sum[VF_LANES] = {0};
    for (int64_t i = 0; i < n; i += VF_LANES)
        for (int64_t l = 0; l < least(VF_LANES, n - i); l++)
            sum[l] += rn_float_of(a[i + l]) * rn_float_of(b[i + l]);
    return vf_sum(vf_load(sum));
}

/* A row of n: s = P = e^(scale·s − lse), dp = dS = P·(dp − mean)·scale. */
static void softmax_back(float *s, float *dp, int64_t n, float lse, float mean, float scale)
{
    for (int64_t i = 0; i < n; i += VF_LANES) {
        const int64_t lanes = least(VF_LANES, n - i);
        const vf e = vf_exp(vf_fma(vf_get(s + i, lanes), vf_of(scale), vf_of(-lse)));
        vf_put(s + i, e, lanes);
        vf_put(dp + i, e * (vf_get(dp + i, lanes) - vf_of(mean)) * vf_of(scale), lanes);
    }
}

/* One head of one image: where it begins in each input, and in q, k, v's gradients. */
typedef struct head {
    source in[6];
    const float *lse;
    rn_bf16 *out[3];
    int64_t pitch[6], out_pitch[3];
} head;

static head head_of(const rn_call *c, const attention *g, const rn_buffers *m, int64_t image, int64_t number)
{
    head h = {.lse = (const float *)m->in[LSE] + (image * g->heads + number) * rn_pitch(c->in[LSE])};
    for (int i = 0; i < 6; i++) {
        h.pitch[i] = rn_pitch(c->in[i]);
        if (i != LSE)
            h.in[i] = attention_source(c, m, i, g, image, number, 0);
    }
    for (int i = 0; i < 3; i++) {
        h.out_pitch[i] = rn_pitch(c->out[i]);
        h.out[i] = (rn_bf16 *)m->out[i] + attention_place(c->out[i], g, image, number, 0);
    }
    return h;
}

/* P and dS of rows [row, row + rows), rows `at` and on of the block, and dq. */
static void strip_rows(const attention *g, const head *h, const room *r, int64_t row, int64_t at, int64_t rows)
{
    rn_bf16 *p = r->p + at * r->p_pitch, *ds = r->ds + at * r->p_pitch;
    pack_rows(source_at(h->in[Q], row * h->pitch[Q]), h->pitch[Q], rows, g->d, r->left, r->left_pitch);
    multiply(r->left, r->left_pitch, rows, g->d, r->turned_keys, g->tk, r->s, r->s_pitch, false, false);
    pack_rows(source_at(h->in[DY], row * h->pitch[DY]), h->pitch[DY], rows, g->d, r->left, r->left_pitch);
    multiply(r->left, r->left_pitch, rows, g->d, r->turned_values, g->tk, r->dp, r->s_pitch, false, false);
    for (int64_t i = 0; i < rows; i++) {
        float *s = r->s + i * r->s_pitch, *dp = r->dp + i * r->s_pitch;
        const rn_bf16 *y = source_at(h->in[Y], (row + i) * h->pitch[Y]).v;
        softmax_back(s, dp, g->tk, h->lse[row + i], dot(r->left + i * r->left_pitch, y, g->d), g->scale);
        round_row(s, g->tk, p + i * r->p_pitch);
        round_row(dp, g->tk, ds + i * r->p_pitch);
    }
    multiply(ds, r->p_pitch, rows, g->tk, r->keys, g->d, h->out[Q] + row * h->out_pitch[Q], h->out_pitch[Q], true, false);
}

/* c [tk, d] = or += pᵀ·b over the rows of a block; where there is one block alone, y takes the place of c. */
static void add_up(const attention *g, const room *r, const rn_bf16 *p, int64_t rows, const rn_bf16 *b, float *c, bool add,
                   rn_bf16 *y, int64_t y_pitch)
{
    for (int64_t l = 0; l < whole_steps(rows); l += CROSS_ROWS) {
        const void *run[CROSS_ROWS];
        for (int64_t i = 0; i < CROSS_ROWS; i++)
            run[i] = l + i < rows ? p + (l + i) * r->p_pitch : NULL;
        for (int64_t i = 0; i < g->tk; i += PAIRS)
            pack_cross(run, true, i, g->tk, r->turned + i * r->turned_pitch + l, r->turned_pitch);
    }
    if (g->tq <= block_of(g))
        multiply(r->turned, r->turned_pitch, g->tk, rows, b, g->d, y, y_pitch, true, false);
    else
        multiply(r->turned, r->turned_pitch, g->tk, rows, b, g->d, c, r->d_pitch, false, add);
}

static void run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work, (void)phase;
    const attention g = attention_of(c);
    const int64_t block = block_of(&g);
    room r;
    room_of(&g, m->thread_scratch, &r);
    strips_begin(GROUP_ROWS);
    for (int64_t u = begin; u < end; u++) {
        const head h = head_of(c, &g, m, u / g.heads, u % g.heads);
        pack_panels(h.in[K], h.pitch[K], true, g.d, g.tk, r.turned_keys);
        pack_panels(h.in[V], h.pitch[V], true, g.d, g.tk, r.turned_values);
        pack_panels(h.in[K], h.pitch[K], false, g.tk, g.d, r.keys);
        for (int64_t first = 0; first < g.tq; first += block) {
            const int64_t rows = least(block, g.tq - first);
            for (int64_t at = 0; at < rows; at += STRIP_ROWS)
                strip_rows(&g, &h, &r, first + at, at, least(STRIP_ROWS, rows - at));
            pack_panels(source_at(h.in[Q], first * h.pitch[Q]), h.pitch[Q], false, rows, g.d, r.q_panels);
            pack_panels(source_at(h.in[DY], first * h.pitch[DY]), h.pitch[DY], false, rows, g.d, r.dy_panels);
            add_up(&g, &r, r.ds, rows, r.q_panels, r.dk, first > 0, h.out[K], h.out_pitch[K]);
            add_up(&g, &r, r.p, rows, r.dy_panels, r.dv, first > 0, h.out[V], h.out_pitch[V]);
        }
        for (int64_t i = 0; g.tq > block && i < g.tk; i++) {
            pack_run((source){r.dk + i * r.d_pitch, false}, g.d, h.out[K] + i * h.out_pitch[K]);
            pack_run((source){r.dv + i * r.d_pitch, false}, g.d, h.out[V] + i * h.out_pitch[V]);
        }
    }
    strips_end();
}

BF16(attention_grad, "five products of bfloat16 for each block of query rows, softmax in float32", .plan = plan, .run = run);
