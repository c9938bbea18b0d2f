/* attention_grad: a unit is one head of one image, since dk and dv are sums over all query rows. These go in blocks, whose P
 * and dS stay in the level-2 cache: strips of a few rows make them and dq, then dk and dv take the whole block. */
#include "attention.h"

enum { Q, K, V, Y, LSE, DY };
enum {
    BLOCK_BYTES = 256 * 1024, /* of P, and of dS: with the packed keys and values they fit a level-2 cache of 1 MiB */
    MIN_STRIPS = 2,           /* of GEMM_ROWS rows in a block */
    MAX_STRIPS = 9
};

static int64_t block_of(const attention *g)
{
    const int64_t strips = BLOCK_BYTES / (g->tk * (int64_t)sizeof(float) * GEMM_ROWS);
    return least(g->tq, most(MIN_STRIPS, least(MAX_STRIPS, strips)) * GEMM_ROWS);
}

/* A thread's scratch. */
typedef struct room {
    float *keys, *turned_keys, *turned_values, *q, *dy, *p, *ds, *left;
} room;

/* The parts of the scratch at `at`; returns its elements. */
static int64_t room_of(const attention *g, float *at, room *r)
{
    const int64_t block = block_of(g), scores = g->chunks * block * GEMM_PITCH;
    const int64_t size[] = {attention_room(g->tk, g->d), attention_room(g->d, g->tk), attention_room(g->d, g->tk),
                            attention_room(block, g->d), attention_room(block, g->d), scores, scores, GEMM_ROWS * GEMM_PITCH};
    float **const part[] = {&r->keys, &r->turned_keys, &r->turned_values, &r->q, &r->dy, &r->p, &r->ds, &r->left};
    int64_t used = 0;
    for (size_t i = 0; i < sizeof part / sizeof *part; i++) {
        *part[i] = at ? at + used : NULL;
        used += pieces(size[i], 16) * 16; /* whole lines */
    }
    return used;
}

static const char *plan(const rn_call *c, int threads, rn_work *work)
{
    (void)threads;
    const attention g = attention_of(c);
    room r;
    work->units = g.batch * g.heads;
    work->thread_scratch_bytes = (size_t)room_of(&g, NULL, &r) * sizeof(float);
    return attention_refusal(&g);
}

static float dot(const float *a, const float *b, int64_t n)
{
    vf sum = vf_of(0);
    for (int64_t i = 0; i < n; i += VF_LANES)
        sum = vf_fma(vf_get(a + i, least(VF_LANES, n - i)), vf_get(b + i, least(VF_LANES, n - i)), sum);
    return vf_sum(sum);
}

/* A row of n: p = e^(p − lse), ds = p·(ds − mean)·scale. */
static void softmax_back(float *p, float *ds, int64_t chunk, int64_t n, float lse, float mean, float scale)
{
    for (int64_t begin = 0; begin < n; begin += GEMM_K, p += chunk, ds += chunk)
        for (int64_t i = 0; i < least(GEMM_K, n - begin); i += VF_LANES) {
            const int64_t lanes = least(VF_LANES, least(GEMM_K, n - begin) - i);
            const vf e = vf_exp(vf_get(p + i, lanes) - vf_of(lse));
            vf_put(p + i, e, lanes);
            vf_put(ds + i, e * (vf_get(ds + i, lanes) - vf_of(mean)) * vf_of(scale), lanes);
        }
}

/* d [tk, d] = or += sᵀ·b, over the rows of a block. */
static void add_up(const attention *g, const float *s, int64_t chunk, int64_t rows, const gemm_right *b, float *d, int64_t pitch,
                   bool add)
{
    for (int64_t c = 0; c < g->chunks; c++) {
        const int64_t tokens = least(GEMM_K, g->tk - c * GEMM_K), strips = gemm_blocks(tokens);
        for (int64_t i = 0; i < strips; i++) {
            const int64_t token = gemm_cut(tokens, strips, i);
            gemm_cross_strip(gemm_cut(tokens, strips, i + 1) - token, rows, s + c * chunk + token, GEMM_PITCH, b,
                             &(gemm_target){.c = d + (c * GEMM_K + token) * pitch, .pitch = pitch, .n = g->d, .add = add});
        }
    }
}

/* One head of one image: where it begins in each tensor, and the rows' distances. */
typedef struct head {
    const float *in[6];
    float *out[3];
    int64_t pitch[6], out_pitch[3];
} head;

static head head_of(const rn_call *c, const attention *g, const rn_buffers *m, int64_t image, int64_t number)
{
    head h;
    for (int i = 0; i < 6; i++) {
        const rn_shape s = c->in[i];
        h.pitch[i] = rn_pitch(s);
        h.in[i] = (const float *)m->in[i] +
                  (i == LSE ? (image * g->heads + number) * rn_pitch(s) : attention_place(s, g, image, number, 0));
    }
    for (int i = 0; i < 3; i++) {
        h.out_pitch[i] = rn_pitch(c->out[i]);
        h.out[i] = (float *)m->out[i] + attention_place(c->out[i], g, image, number, 0);
    }
    return h;
}

/* P, dS and dq of rows [row, row + rows), which are rows `at` and on of the block. */
static void strip(const attention *g, const head *h, const room *r, int64_t chunk, int64_t row, int64_t at, int64_t rows)
{
    const gemm_right turned_keys = {r->turned_keys, g->d * GEMM_COLUMNS, GEMM_COLUMNS};
    const gemm_right turned_values = {r->turned_values, g->d * GEMM_COLUMNS, GEMM_COLUMNS};
    const gemm_right keys = {r->keys, g->tk * GEMM_COLUMNS, GEMM_COLUMNS};
    const float *y = h->in[Y] + row * h->pitch[Y], *dy = h->in[DY] + row * h->pitch[DY];
    float *p = r->p + at * GEMM_PITCH, *ds = r->ds + at * GEMM_PITCH;
    attention_left(h->in[Q] + row * h->pitch[Q], h->pitch[Q], rows, g->d, g->scale, r->left);
    attention_scores(g, rows, r->left, &turned_keys, p, chunk);
    attention_left(dy, h->pitch[DY], rows, g->d, 1, r->left);
    attention_scores(g, rows, r->left, &turned_values, ds, chunk);
    for (int64_t i = 0; i < rows; i++)
        softmax_back(p + i * GEMM_PITCH, ds + i * GEMM_PITCH, chunk, g->tk, h->in[LSE][row + i],
                     dot(dy + i * h->pitch[DY], y + i * h->pitch[Y], g->d), g->scale);
    attention_mix(g, rows, ds, chunk, &keys, h->out[0] + row * h->out_pitch[0], h->out_pitch[0]);
}

static void run(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end)
{
    (void)work, (void)phase;
    const attention g = attention_of(c);
    const int64_t block = block_of(&g), blocks = pieces(g.tq, block), chunk = block * GEMM_PITCH;
    room r;
    room_of(&g, m->thread_scratch, &r);
    for (int64_t u = begin; u < end; u++) {
        const head h = head_of(c, &g, m, u / g.heads, u % g.heads);
        attention_pack(h.in[K], h.pitch[K], false, g.tk, g.d, r.keys);
        attention_pack(h.in[K], h.pitch[K], true, g.d, g.tk, r.turned_keys);
        attention_pack(h.in[V], h.pitch[V], true, g.d, g.tk, r.turned_values);
        for (int64_t b = 0; b < blocks; b++) {
            const int64_t first = gemm_cut(g.tq, blocks, b), rows = gemm_cut(g.tq, blocks, b + 1) - first;
            const int64_t strips = gemm_blocks(rows);
            for (int64_t i = 0; i < strips; i++) {
                const int64_t at = gemm_cut(rows, strips, i);
                strip(&g, &h, &r, chunk, first + at, at, gemm_cut(rows, strips, i + 1) - at);
            }
            const gemm_right dy = attention_pack(h.in[DY] + first * h.pitch[DY], h.pitch[DY], false, rows, g.d, r.dy);
            const gemm_right q = attention_pack(h.in[Q] + first * h.pitch[Q], h.pitch[Q], false, rows, g.d, r.q);
            add_up(&g, r.ds, chunk, rows, &q, h.out[1], h.out_pitch[1], b > 0);
            add_up(&g, r.p, chunk, rows, &dy, h.out[2], h.out_pitch[2], b > 0);
        }
    }
}

NATIVE(attention_grad, "five products for each block of query rows, scores in the level-2 cache", .plan = plan, .run = run);
