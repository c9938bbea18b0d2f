/* attention_grad: a unit is one head of one image, since dk and dv are sums over all query rows. These go in blocks, whose P
 * and dS stay in the level-2 cache: strips of a few rows make them and dq, then dk and dv take the whole block, turned. */
#include "attention.h"

enum { Q, K, V, Y, LSE, DY };
enum { BLOCK_BYTES = 128 * 1024 }; /* of P, and of dS, and of each turned */

static int64_t block_of(const attention *g)
{
    const int64_t strips = BLOCK_BYTES / (g->tk * (int64_t)sizeof(rn_bf16) * STRIP_ROWS);
    return most(1, least(strips, pieces(g->tq, STRIP_ROWS))) * STRIP_ROWS;
}
static int64_t turned_pitch(const attention *g) { return odd_lines(pieces(block_of(g), CROSS_ROWS) * CROSS_ROWS); }

/* A thread's scratch. */
enum { ROOMS = 13 };
typedef struct room {
    float *scores, *ds, *dk, *dv;                        /* of a strip; sums over blocks */
    rn_bf16 *turned_keys, *turned_values, *keys, *q, *dy; /* panels, the last two of a block */
    rn_bf16 *left, *p, *s, *turned;                      /* rows of a strip; P, dS of a block; one of them turned */
} room;

/* The parts of the scratch at `at`; returns its bytes. */
static size_t room_of(const attention *g, char *at, room *r)
{
    const int64_t block = block_of(g), row = odd_lines(whole_steps(g->tk)), tokens = pieces(g->tk, PAIRS) * PAIRS;
    const int64_t strip_scores = 2 * STRIP_ROWS * score_pitch(g), sums = 2 * g->tk * g->d; /* as bfloat16 counts */
    const int64_t size[ROOMS] = {strip_scores, strip_scores, sums, sums, panels_room(g->d, g->tk), panels_room(g->d, g->tk),
                                 panels_room(g->tk, g->d), panels_room(block, g->d), panels_room(block, g->d),
                                 STRIP_ROWS * odd_lines(whole_steps(g->d)), block * row, block * row, tokens * turned_pitch(g)};
    void *part[ROOMS];
    size_t used = 0;
    for (int i = 0; i < ROOMS; i++) {
        part[i] = at ? at + used : NULL;
        used += ((size_t)size[i] * sizeof(rn_bf16) + 63) / 64 * 64;
    }
    *r = (room){part[0], part[1], part[2], part[3], part[4], part[5], part[6], part[7], part[8], part[9], part[10], part[11], part[12]};
    return used;
}

static const char *plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    const attention g = attention_of(c);
    room r;
    work->units = g.batch * g.heads;
    work->thread_scratch_bytes = room_of(&g, NULL, &r);
    return attention_refusal(c);
}

/* Elements [i, i + n), n ≤ VF_LANES; zeros beyond. */
static vf get(source a, int64_t i, int64_t n)
{
    if (!a.narrow)
        return vf_get((const float *)a.v + i, n);
    float lane[VF_LANES] = {0};
    for (int64_t l = 0; l < n; l++)
        lane[l] = rn_float_of(((const rn_bf16 *)a.v)[i + l]);
    return vf_load(lane);
}

static float dot(source a, source b, int64_t n)
{
    vf sum = vf_of(0);
    for (int64_t i = 0; i < n; i += VF_LANES)
        sum = vf_fma(get(a, i, least(VF_LANES, n - i)), get(b, i, least(VF_LANES, n - i)), sum);
    return vf_sum(sum);
}

/* A row of n scores: p = e^(scale·p − lse), ds = p·(ds − mean)·scale. */
static void softmax_back(float *p, float *ds, int64_t n, float lse, float mean, float scale)
{
    for (int64_t i = 0; i < n; i += VF_LANES) {
        const int64_t lanes = least(VF_LANES, n - i);
        const vf e = vf_exp(vf_of(scale) * vf_get(p + i, lanes) - vf_of(lse));
        vf_put(p + i, e, lanes);
        vf_put(ds + i, e * (vf_get(ds + i, lanes) - vf_of(mean)) * vf_of(scale), lanes);
    }
}

/* The heads of one image that a unit reads and writes. */
typedef struct heads {
    head in[DY + 1]; /* but for LSE */
    target dq, dk, dv;
    const float *lse;
} heads;

/* P, dS and dq of rows [row, row + rows), which are rows `at` and on of the block. */
static void one_strip(const attention *g, const heads *h, const room *r, int64_t row, int64_t at, int64_t rows)
{
    const int64_t left = odd_lines(whole_steps(g->d)), right = odd_lines(whole_steps(g->tk)), pitch = score_pitch(g);
    rn_bf16 *s = r->s + at * right;
    pack_rows(head_row(&h->in[Q], row), h->in[Q].pitch, rows, g->d, r->left, left);
    rows_times(rows, g->d, r->left, left, r->turned_keys, g->tk, r->scores, pitch, false, false);
    pack_rows(head_row(&h->in[DY], row), h->in[DY].pitch, rows, g->d, r->left, left);
    rows_times(rows, g->d, r->left, left, r->turned_values, g->tk, r->ds, pitch, false, false);
    for (int64_t i = 0; i < rows; i++)
        softmax_back(r->scores + i * pitch, r->ds + i * pitch, g->tk, h->lse[row + i],
                     dot(head_row(&h->in[DY], row + i), head_row(&h->in[Y], row + i), g->d), g->scale);
    pack_rows((source){r->scores, false}, pitch, rows, g->tk, r->p + at * right, right);
    pack_rows((source){r->ds, false}, pitch, rows, g->tk, s, right);
    rows_times(rows, g->tk, s, right, r->keys, g->d, target_row(&h->dq, row), h->dq.pitch, h->dq.narrow, false);
}

/* sum [tk, d] (+)= sᵀ·b over the `rows` rows of a block. */
static void add_up(const attention *g, const room *r, const rn_bf16 *s, int64_t rows, const rn_bf16 *b, float *sum, bool add)
{
    const int64_t pitch = odd_lines(whole_steps(g->tk)), turned = turned_pitch(g);
    for (int64_t at = 0; at < rows; at += CROSS_ROWS) {
        const void *row[CROSS_ROWS];
        for (int64_t i = 0; i < CROSS_ROWS; i++)
            row[i] = at + i < rows ? s + (at + i) * pitch : NULL;
        for (int64_t c = 0; c < g->tk; c += PAIRS)
            pack_cross(row, true, c, g->tk, r->turned + c * turned + at, turned);
    }
    rows_times(g->tk, rows, r->turned, turned, b, g->d, sum, g->d, false, add);
}

static void one_head(const attention *g, const heads *h, const room *r)
{
    const int64_t blocks = pieces(g->tq, block_of(g));
    pack_head(&h->in[K], 0, true, g->d, g->tk, r->turned_keys);
    pack_head(&h->in[V], 0, true, g->d, g->tk, r->turned_values);
    pack_head(&h->in[K], 0, false, g->tk, g->d, r->keys);
    for (int64_t b = 0; b < blocks; b++) {
        const int64_t first = b * block_of(g), rows = least(block_of(g), g->tq - first);
        for (int64_t at = 0; at < rows; at += STRIP_ROWS)
            one_strip(g, h, r, first + at, at, least(STRIP_ROWS, rows - at));
        pack_head(&h->in[Q], first, false, rows, g->d, r->q);
        pack_head(&h->in[DY], first, false, rows, g->d, r->dy);
        add_up(g, r, r->s, rows, r->q, r->dk, b > 0);
        add_up(g, r, r->p, rows, r->dy, r->dv, b > 0);
    }
    for (int64_t i = 0; i < g->tk; i++) {
        target_put(&h->dk, i, r->dk + i * g->d, g->d);
        target_put(&h->dv, i, r->dv + i * g->d, g->d);
    }
}

static void run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work, (void)phase;
    const attention g = attention_of(c);
    room r;
    room_of(&g, m->thread_scratch, &r);
    strips_begin(GROUP_ROWS);
    for (int64_t u = begin; u < end; u++) {
        const int64_t image = u / g.heads, number = u % g.heads;
        heads h = {.dq = target_of(&g, c->out[0], m->out[0], image, number),
                   .dk = target_of(&g, c->out[1], m->out[1], image, number),
                   .dv = target_of(&g, c->out[2], m->out[2], image, number),
                   .lse = (const float *)m->in[LSE] + u * rn_pitch(c->in[LSE])};
        for (int i = 0; i <= DY; i++)
            if (i != LSE)
                h.in[i] = head_of(&g, c->in[i], m->in[i], image, number);
        one_head(&g, &h, &r);
    }
    strips_end();
}

BF16(attention_grad, "five products of bfloat16 for each block of query rows", .plan = plan, .run = run);
