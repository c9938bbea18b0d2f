/* dead_leaves: opaque discs of power-law sizes on top of one another, the simplest images with the statistics of
 * natural ones: edges, regions, the same at every scale. Nothing is read, so a fresh machine has data.
 *
 * A scene, all lengths in units of the side:
 *   radius   density ~ r⁻³ on [1/32, 1/2]:  r = (a + u(b − a))^(−1/2),  a = 32², b = 2²
 *   centre   uniform on the square enlarged by ½ on each side
 *   palette  3 colours an image:  Y ~ U(0.08, 0.92),  a ~ N(0, 0.16²),  b ~ N(0, 0.07²);
 *            R = Y + a + b,  G = Y + 0.1a − b,  B = Y − 1.1a + 0.3b,  clipped to [0, 1]
 *   colour   one of the palette + N(0, 0.06²) a channel, clipped
 * Discs are painted front to back on what is still free, until less than 0.2 % of a 256×256 drawing is; the rest
 * takes the darkest colour of the palette, × 0.8. Image i is that one scene at every resolution: up to 128 pixels an
 * average of the same 256×256 drawing, above that of one at twice the side.
 *
 * Source: Lee, Mumford, Huang 2001, "Occlusion models for natural images" (the r⁻³ law). The palette is ours: it
 * makes the whole image agree in colour, so that coarse structure matters. */
#include <runner/dataset.h>
#include <runner/random.h>

#include <math.h>
#define OPENSSL_SUPPRESS_DEPRECATED /* the newer functions take memory, and crash where there is none */
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    int64_t count, seed;
} dead_leaves;

static const rn_param params[] = {
    RN_INT(dead_leaves, count, "image", "6144", 1, 4000000000.0, "images of an epoch; held-out ones are drawn beyond"),
    RN_INT(dead_leaves, seed, NULL, "0", 0, 4294967295.0, "another seed gives other scenes"),
    RN_PARAMS_END,
};

enum {
    STOP_SIDE = 256,      /* of the drawing in which the stop rule is decided */
    MAX_DISCS = 16384,    /* about 1,450 are needed; the number of a disc fits uint16_t */
    FREE = UINT16_MAX,    /* owner of a pixel that no disc has taken */
    BAND_ROWS = 64,       /* rows of a large drawing that are in memory at once */
    PALETTE = 3,
    REVISION = 1          /* of this recipe: part of the digest */
};

struct disc {
    double r, x, y;
    uint16_t rgb[3]; /* of 65535 */
};

struct scene {
    int n; /* discs; disc[n] has the colour of the rest */
    struct disc disc[MAX_DISCS + 1];
};

/* The rows [first, first + rows) of a drawing. next[x] is the first pixel at or after x that may be free (links are
 * shortened as they are followed), so what is covered is passed over at once. */
struct drawing {
    int side, first, rows;
    uint16_t *owner;      /* [rows, side] */
    uint16_t *next;       /* [rows, side + 1] */
};

struct state {
    int64_t count, side;
    uint32_t seed;
};

static bool drawing_init(struct drawing *d, int side, int rows)
{
    *d = (struct drawing){.side = side, .rows = rows};
    d->owner = malloc((size_t)rows * (size_t)side * sizeof *d->owner);
    d->next = malloc((size_t)rows * ((size_t)side + 1) * sizeof *d->next);
    return d->owner && d->next;
}

static void drawing_free(struct drawing *d)
{
    free(d->owner);
    free(d->next);
}

static void drawing_clear(struct drawing *d, int first)
{
    d->first = first;
    memset(d->owner, 0xff, (size_t)d->rows * (size_t)d->side * sizeof *d->owner);
    for (int y = 0; y < d->rows; y++)
        for (int x = 0; x <= d->side; x++)
            d->next[y * (d->side + 1) + x] = (uint16_t)x;
}

static int find_free(uint16_t *next, int x)
{
    int root = x;
    while (next[root] != root)
        root = next[root];
    while (next[x] != root) {
        const int after = next[x];
        next[x] = (uint16_t)root;
        x = after;
    }
    return root;
}

/* Disc k takes the free pixels whose centres it covers; returns how many. */
static int paint(struct drawing *d, int k, const struct disc *disc)
{
    const double side = d->side, r = disc->r * side, cx = disc->x * side, cy = disc->y * side;
    const double last = d->first + d->rows - 1;
    const int begin = (int)fmax(ceil(cy - r - 0.5), d->first), end = (int)fmin(floor(cy + r - 0.5), last);
    int taken = 0;
    for (int y = begin; y <= end; y++) {
        const double dy = y + 0.5 - cy, half2 = r * r - dy * dy;
        if (half2 < 0)
            continue;
        const double half = sqrt(half2);
        const int x0 = (int)fmax(ceil(cx - half - 0.5), 0), x1 = (int)fmin(floor(cx + half - 0.5), side - 1);
        uint16_t *owner = d->owner + (y - d->first) * d->side, *next = d->next + (y - d->first) * (d->side + 1);
        for (int x = x0 <= x1 ? find_free(next, x0) : d->side; x <= x1; x = find_free(next, x + 1)) {
            owner[x] = (uint16_t)k;
            next[x] = (uint16_t)(x + 1);
            taken++;
        }
    }
    return taken;
}

static uint16_t level(double share)
{
    return (uint16_t)(65535 * (share < 0 ? 0 : share > 1 ? 1 : share) + 0.5);
}

/* Draws of the stream: 0 geometry (4 uniforms a disc), 1 colours of discs (4 normals a disc), 2 and 3 palette. */
static rn_stream stream(const struct state *s, int64_t image, uint32_t draw)
{
    return (rn_stream){s->seed, rn_stream_of("dead_leaves"), (uint32_t)image, draw};
}

static void make_palette(const struct state *s, int64_t image, double colour[PALETTE][3])
{
    for (int p = 0; p < PALETTE; p++) {
        const double y = 0.08 + 0.84 * rn_random_uniform(stream(s, image, 2), (uint64_t)p);
        const double a = 0.16 * rn_random_normal(stream(s, image, 3), 2 * (uint64_t)p);
        const double b = 0.07 * rn_random_normal(stream(s, image, 3), 2 * (uint64_t)p + 1);
        const double rgb[3] = {y + a + b, y + 0.1 * a - b, y - 1.1 * a + 0.3 * b};
        for (int c = 0; c < 3; c++)
            colour[p][c] = fmin(fmax(rgb[c], 0), 1);
    }
}

static int darkest(double colour[PALETTE][3])
{
    int dark = 0;
    for (int p = 1; p < PALETTE; p++)
        if (colour[p][0] + colour[p][1] + colour[p][2] < colour[dark][0] + colour[dark][1] + colour[dark][2])
            dark = p;
    return dark;
}

/* Makes the discs of an image; on return `d`, of STOP_SIDE², holds their drawing. */
static void make_scene(const struct state *s, int64_t image, struct scene *scene, struct drawing *d)
{
    double colour[PALETTE][3], u[4];
    float z[3];
    make_palette(s, image, colour);
    drawing_clear(d, 0);
    int open = STOP_SIDE * STOP_SIDE, k = 0;
    const int enough = open / 500; /* 0.2 % */
    for (; k < MAX_DISCS && open > enough; k++) {
        struct disc *disc = &scene->disc[k];
        rn_random_uniforms(stream(s, image, 0), 4 * (uint64_t)k, 4, u);
        disc->r = 1 / sqrt(32 * 32 + u[0] * (2 * 2 - 32 * 32));
        disc->x = 2 * u[1] - 0.5;
        disc->y = 2 * u[2] - 0.5;
        open -= paint(d, k, disc);
        rn_random_normals(stream(s, image, 1), 4 * (uint64_t)k, 3, z);
        const int p = (int)(u[3] * PALETTE);
        for (int c = 0; c < 3; c++)
            disc->rgb[c] = level(colour[p][c] + 0.06 * (double)z[c]);
    }
    scene->n = k;
    const int dark = darkest(colour);
    for (int c = 0; c < 3; c++)
        scene->disc[k].rgb[c] = level(0.8 * colour[dark][c]);
}

/* Averages a drawing down to side×side: drawing pixel k covers [k·side, (k + 1)·side) of a ruler on which pixel i of
 * the image is [i·S, (i + 1)·S), so all weights are whole numbers and their sum along an axis is S. */
struct average {
    int64_t side, full; /* of the image, of the drawing (S) */
    int64_t row;        /* of the image, being summed */
    uint32_t *line;     /* [side, 3] one row of the drawing, averaged along x */
    uint64_t *sum;      /* [side, 3] */
    uint8_t *out;
};

static void sum_along_x(struct average *a, const struct scene *scene, const uint16_t *owner)
{
    memset(a->line, 0, (size_t)a->side * 3 * sizeof *a->line);
    int64_t x = 0, end = a->full; /* end of pixel x on the ruler */
    for (int64_t k = 0; k < a->full; k++) {
        const uint16_t *rgb = scene->disc[owner[k] < scene->n ? owner[k] : scene->n].rgb;
        const int64_t k_end = (k + 1) * a->side;
        const uint32_t here = (uint32_t)((k_end < end ? k_end : end) - k * a->side);
        for (int c = 0; c < 3; c++)
            a->line[3 * x + c] += here * rgb[c];
        if (k_end < end)
            continue;
        const uint32_t beyond = (uint32_t)(k_end - end);
        x++;
        end += a->full;
        for (int c = 0; c < 3 && beyond; c++)
            a->line[3 * x + c] += beyond * rgb[c];
    }
}

static void add_row(struct average *a, const struct scene *scene, const uint16_t *owner, int64_t k)
{
    sum_along_x(a, scene, owner);
    const int64_t k_end = (k + 1) * a->side, end = (a->row + 1) * a->full, values = 3 * a->side;
    const uint64_t here = (uint64_t)((k_end < end ? k_end : end) - k * a->side);
    for (int64_t i = 0; i < values; i++)
        a->sum[i] += here * a->line[i];
    if (k_end < end)
        return;
    const uint64_t beyond = (uint64_t)(k_end - end), level1 = 257 * (uint64_t)(a->full * a->full);
    uint8_t *out = a->out + values * a->row++;
    for (int64_t i = 0; i < values; i++) {
        out[i] = (uint8_t)((a->sum[i] + level1 / 2) / level1);
        a->sum[i] = beyond * a->line[i];
    }
}

/* Up to 128 pixels the drawing of the stop rule serves; larger images get one of their own, band by band. */
static bool draw(struct average *a, const struct scene *scene, struct drawing *first)
{
    if (a->full == STOP_SIDE) {
        for (int y = 0; y < STOP_SIDE; y++)
            add_row(a, scene, first->owner + y * STOP_SIDE, y);
        return true;
    }
    struct drawing band;
    const bool ok = drawing_init(&band, (int)a->full, BAND_ROWS);
    for (int64_t y = 0; ok && y < a->full; y++) {
        if (y % BAND_ROWS == 0) {
            drawing_clear(&band, (int)y);
            for (int k = 0; k < scene->n; k++)
                paint(&band, k, &scene->disc[k]);
        }
        add_row(a, scene, band.owner + y % BAND_ROWS * a->full, y);
    }
    drawing_free(&band);
    return ok;
}

static bool read_image(void *state, int64_t index, rn_pixels *out, rn_error *err)
{
    const struct state *s = state;
    struct average a = {.side = s->side, .full = s->side <= STOP_SIDE / 2 ? STOP_SIDE : 2 * s->side};
    struct drawing d = {0};
    struct scene *scene = malloc(sizeof *scene);
    rn_pixels pixels = {0};
    a.line = malloc((size_t)a.side * 3 * sizeof *a.line);
    a.sum = calloc((size_t)a.side * 3, sizeof *a.sum);
    bool ok = rn_pixels_alloc(&pixels, s->side, s->side, err);
    if (ok) {
        a.out = pixels.rgb;
        ok = scene && a.line && a.sum && drawing_init(&d, STOP_SIDE, STOP_SIDE);
        if (ok) {
            make_scene(s, index, scene, &d);
            ok = draw(&a, scene, &d);
        }
        if (!ok)
            rn_fail(err, RN_EMEMORY, "no memory to draw dead leaves of %" PRId64 "×%" PRId64 " pixels", s->side, s->side);
    }
    if (ok)
        *out = pixels;
    else
        rn_pixels_free(&pixels);
    drawing_free(&d);
    free(scene);
    free(a.line);
    free(a.sum);
    return ok;
}

static bool open_set(const void *params_, const rn_dataset_env *env, void **state, rn_error *err)
{
    const dead_leaves *p = params_;
    struct state *s = malloc(sizeof *s);
    if (!s)
        return rn_fail(err, RN_EMEMORY, "no memory for a data set");
    *s = (struct state){.count = p->count, .seed = (uint32_t)p->seed,
                        .side = env->height > env->width ? env->height : env->width};
    *state = s;
    return true;
}

static void close_set(void *state)
{
    free(state);
}

static int64_t count_items(void *state)
{
    return ((const struct state *)state)->count;
}

/* There is no end of scenes, so they share a name; the index tells them apart. */
static void get_item(void *state, int64_t index, rn_dataset_item *item)
{
    (void)state, (void)index;
    *item = (rn_dataset_item){.path = "dead_leaves", .label = -1};
}

static bool probe_item(void *state, int64_t index, rn_image_info *info, rn_error *err)
{
    (void)index, (void)err;
    const struct state *s = state;
    *info = (rn_image_info){.format = "drawn", .width = s->side, .height = s->side};
    return true;
}

static bool digest_item(void *state, int64_t index, uint8_t digest[32], rn_error *err)
{
    const struct state *s = state;
    (void)err;
    char recipe[96];
    const int n = snprintf(recipe, sizeof recipe, "dead_leaves %d seed %" PRIu32 " image %" PRId64, REVISION, s->seed, index);
    SHA256_CTX h;
    SHA256_Init(&h);
    SHA256_Update(&h, recipe, (size_t)n);
    SHA256_Final(digest, &h);
    return true;
}

static const char *const *no_classes(void *state)
{
    (void)state;
    return NULL;
}

extern const rn_dataset dataset_dead_leaves;
const rn_dataset dataset_dead_leaves = {
    .bytes = sizeof(rn_dataset), .name = "dead_leaves", .doc = "drawn discs with the statistics of natural images, at any resolution",
    .params = params, .params_bytes = sizeof(dead_leaves), .is_default = true,
    .open = open_set, .close = close_set, .count = count_items, .item = get_item, .read = read_image,
    .probe_item = probe_item, .digest = digest_item, .classes = no_classes, .path_offset = -1, .endless = true,
};
