#include "eval/scores.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/parallel.h"
#include "train/safetensors.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One feature set: its extractor, the samples' vectors, and where the reference's are kept. */
typedef struct feature_set {
    const rn_features *what;
    void *state;
    int64_t dims, n_reference;
    double *samples; /* [config->samples, dims] */
    char path[4096]; /* of the cached vectors */
    char extractor_hash[65], reference_hash[65];
} feature_set;

struct rn_scorer {
    const rn_evaluate_config *config;
    int64_t height, width, n_samples;
    feature_set *set; /* [config->features.n] */
    double *reference; /* the vectors of one feature set at a time: they are the largest thing here */
    int64_t loaded;    /* of which set, or −1 */
};

/* --- hashes ----------------------------------------------------------------------------------------- */

/* Parameters by value, row by row: struct bytes may hold pointers. Feature sets have plain parameters. */
static void hash_params(rn_sha256 *h, const rn_param *rows, const void *params)
{
    for (; rows && rows->type != RN_PARAM_END; rows++) {
        const char *field = (const char *)params + rows->offset;
        rn_sha256_add(h, rows->name, strlen(rows->name) + 1);
        if (rows->type == RN_PARAM_BOOL)
            rn_sha256_add(h, field, sizeof(bool));
        else if (rows->type == RN_PARAM_INT || rows->type == RN_PARAM_CHOICE || rows->type == RN_PARAM_REAL)
            rn_sha256_add(h, field, 8);
        else if (rows->type == RN_PARAM_TEXT && *(const char *const *)field)
            rn_sha256_add(h, *(const char *const *)field, strlen(*(const char *const *)field));
    }
}

static void hash_extractor(rn_sha256 *h, const rn_chosen *chosen, const rn_data *data)
{
    const rn_features *f = (const rn_features *)chosen->what;
    const int64_t numbers[] = {f->revision, rn_data_height(data), rn_data_width(data)};
    rn_sha256_add(h, f->name, strlen(f->name) + 1);
    rn_sha256_add(h, numbers, sizeof numbers);
    hash_params(h, f->params, chosen->params);
}

/* --- the reference ---------------------------------------------------------------------------------- */

typedef struct extraction {
    const rn_features *what;
    void *state;
    const float *images;
    int64_t image_elements, dims;
    double *out;
} extraction;

static void extract_part(void *context, int thread, int64_t begin, int64_t end)
{
    const extraction *e = context;
    (void)thread;
    e->what->extract(e->state, e->images + begin * e->image_elements, end - begin, e->out + begin * e->dims);
}

static void extract(const rn_scorer *s, const feature_set *f, const float *images, int64_t n, double *out)
{
    extraction e = {f->what, f->state, images, 3 * s->height * s->width, f->dims, out};
    rn_parallel(n, extract_part, &e);
}

/* SHA-256 of both tensors, stored with them: a byte that changed on the disk is no score. */
static void digest_of_tensors(const rn_file_tensor *calibration, const rn_file_tensor *vectors, char text[65])
{
    uint8_t digest[32];
    rn_sha256 h;
    rn_sha256_begin(&h);
    rn_sha256_add(&h, calibration->data, calibration->bytes);
    rn_sha256_add(&h, vectors->data, vectors->bytes);
    rn_sha256_end(&h, digest);
    rn_hex(digest, 32, text);
}

/* The vectors of the first n reference images, calibrated on the head of them; rounded to float32, as they are
 * stored, so that a cached reference gives the same scores to the last digit. */
static bool make_reference(const rn_scorer *s, feature_set *f, const rn_data *data, rn_error *err)
{
    enum { BATCH = 64 };
    const int64_t elements = 3 * s->height * s->width, n = f->n_reference;
    int64_t head = f->what->calibration_images < n ? f->what->calibration_images : n;
    float *images = malloc((size_t)((head > BATCH ? head : BATCH) * elements) * sizeof *images);
    float *vectors = malloc((size_t)(n * f->dims) * sizeof *vectors);
    double *part = malloc((size_t)(BATCH * f->dims) * sizeof *part);
    bool ok = (images && vectors && part) || rn_fail(err, RN_EMEMORY, "no memory for the features of %" PRId64 " images", n);
    if (ok && head)
        ok = rn_data_images(data, RN_DATA_TRAINING, 0, head, images, NULL, err) && f->what->calibrate(f->state, images, head, err);
    for (int64_t i = 0; ok && i < n; i += BATCH) {
        const int64_t m = n - i < BATCH ? n - i : BATCH;
        ok = rn_data_images(data, RN_DATA_TRAINING, i, m, images, NULL, err);
        if (ok)
            extract(s, f, images, m, part);
        for (int64_t k = 0; ok && k < m * f->dims; k++)
            vectors[i * f->dims + k] = (float)part[k];
    }
    if (ok) {
        const int64_t count = f->what->calibration_images ? f->what->calibration_count(f->state) : 0;
        const rn_file_tensor tensors[] = {
            {.name = "calibration", .dtype = RN_DTYPE_F64, .rank = 1, .dim = {count}, .count = count,
             .data = count ? (const void *)f->what->calibration(f->state) : "", .bytes = (size_t)count * sizeof(double)},
            {.name = "vectors", .dtype = RN_DTYPE_F32, .rank = 2, .dim = {n, f->dims}, .count = n * f->dims, .data = vectors,
             .bytes = (size_t)(n * f->dims) * sizeof(float)},
        };
        char sum[65];
        digest_of_tensors(&tensors[0], &tensors[1], sum);
        const char *const metadata[] = {"sha256", sum, NULL};
        ok = rn_safetensors_write(f->path, tensors, 2, metadata, err);
    }
    free(images);
    free(vectors);
    free(part);
    return ok;
}

/* Takes calibration and (with `vectors`) the vectors from the cached file. False without an error where the file
 * is not there or is not what its name promises: then it is made again. */
static bool read_reference(feature_set *f, double *vectors)
{
    rn_safetensors *file = NULL;
    rn_error ignored;
    if (access(f->path, R_OK) != 0 || !rn_safetensors_open(f->path, &file, &ignored))
        return false;
    const rn_file_tensor *c = rn_safetensors_find(file, "calibration"), *v = rn_safetensors_find(file, "vectors");
    const int64_t count = f->what->calibration_images ? f->what->calibration_count(f->state) : 0;
    bool ok = c && v && c->count == count && v->rank == 2 && v->dim[0] == f->n_reference && v->dim[1] == f->dims;
    const char *written = rn_safetensors_metadata(file, "sha256");
    char sum[65];
    if (ok && !vectors) { /* once, at opening */
        digest_of_tensors(c, v, sum);
        ok = written && strcmp(written, sum) == 0;
    }
    if (ok && count)
        ok = rn_file_tensor_double(c, f->what->calibration(f->state));
    if (ok && vectors)
        ok = rn_file_tensor_double(v, vectors);
    rn_safetensors_close(file);
    return ok;
}

static bool open_set(rn_scorer *s, int64_t i, const rn_data *data, const char *cache, const uint8_t fingerprint[32],
                     rn_error *err)
{
    feature_set *f = &s->set[i];
    const rn_chosen *chosen = &s->config->features.v[i];
    const rn_features_env env = {.bytes = sizeof env, .height = s->height, .width = s->width};
    uint8_t digest[32];
    f->what = (const rn_features *)chosen->what;
    if (!f->what->open(chosen->params, &env, &f->state, err))
        return rn_at(err, chosen->place);
    f->dims = f->what->dims(f->state);
    const int64_t have = rn_data_count(data, RN_DATA_TRAINING), most = s->config->reference_images;
    f->n_reference = have < most ? have : most;

    rn_sha256 h;
    rn_sha256_begin(&h);
    rn_sha256_add(&h, fingerprint, 32);
    rn_sha256_end(&h, digest);
    rn_hex(digest, 32, f->reference_hash);
    rn_sha256_begin(&h);
    rn_sha256_add(&h, fingerprint, 32);
    hash_extractor(&h, chosen, data);
    rn_sha256_end(&h, digest);
    char key[65];
    rn_hex(digest, 32, key);
    if (snprintf(f->path, sizeof f->path, "%s/%s.safetensors", cache, key) >= (int)sizeof f->path)
        return rn_fail(err, RN_EIO, "the path of the cache folder '%s' is too long", cache);
    if (!read_reference(f, NULL) && !make_reference(s, f, data, err))
        return false;

    /* what was standardised by the reference is part of the extractor */
    rn_sha256_begin(&h);
    hash_extractor(&h, chosen, data);
    if (f->what->calibration_images)
        rn_sha256_add(&h, f->what->calibration(f->state), (size_t)f->what->calibration_count(f->state) * sizeof(double));
    rn_sha256_end(&h, digest);
    rn_hex(digest, 32, f->extractor_hash);
    f->samples = calloc((size_t)(s->config->samples * f->dims), sizeof *f->samples);
    return f->samples || rn_fail(err, RN_EMEMORY, "no memory for the features of %" PRId64 " samples", s->config->samples);
}

/* --- the scorer ------------------------------------------------------------------------------------- */

bool rn_scorer_open(const rn_evaluate_config *config, const rn_data *reference, const char *cache, rn_scorer **scorer,
                    rn_error *err)
{
    uint8_t fingerprint[32];
    const int64_t have = rn_data_count(reference, RN_DATA_TRAINING);
    if (have < 2)
        return rn_fail(err, RN_EDATA, "a score needs at least two reference images, the data set has %" PRId64, have);
    if (!rn_folder_make(cache, err) ||
        !rn_data_fingerprint(reference, have < config->reference_images ? have : config->reference_images, fingerprint, err))
        return false;
    rn_scorer *s = calloc(1, sizeof *s);
    if (s)
        s->set = calloc((size_t)config->features.n + 1, sizeof *s->set);
    bool ok = s && s->set;
    if (!ok)
        rn_fail(err, RN_EMEMORY, "no memory for the scores");
    else
        s->config = config, s->height = rn_data_height(reference), s->width = rn_data_width(reference), s->loaded = -1;
    for (int64_t i = 0; ok && i < config->features.n; i++)
        ok = open_set(s, i, reference, cache, fingerprint, err);
    if (ok)
        *scorer = s;
    else
        rn_scorer_close(s);
    return ok;
}

void rn_scorer_close(rn_scorer *s)
{
    if (!s)
        return;
    for (int64_t i = 0; s->set && i < s->config->features.n; i++) {
        if (s->set[i].state)
            s->set[i].what->close(s->set[i].state);
        free(s->set[i].samples);
    }
    free(s->set);
    free(s->reference);
    free(s);
}

void rn_scorer_begin(rn_scorer *s)
{
    s->n_samples = 0;
}

void rn_scorer_add(rn_scorer *s, const float *images, int64_t first, int64_t n)
{
    for (int64_t i = 0; i < s->config->features.n; i++)
        extract(s, &s->set[i], images, n, s->set[i].samples + first * s->set[i].dims);
    if (first + n > s->n_samples)
        s->n_samples = first + n;
}

int64_t rn_scorer_count(const rn_scorer *s)
{
    return s->config->features.n * s->config->metrics.n;
}

static bool load_reference(rn_scorer *s, int64_t i, rn_error *err)
{
    feature_set *f = &s->set[i];
    if (s->loaded == i)
        return true;
    free(s->reference);
    s->loaded = -1;
    s->reference = malloc((size_t)(f->n_reference * f->dims) * sizeof *s->reference);
    if (!s->reference)
        return rn_fail(err, RN_EMEMORY, "no memory for the features of %" PRId64 " reference images", f->n_reference);
    if (!read_reference(f, s->reference))
        return rn_fail(err, RN_EFORMAT, "'%s' has changed while it was used; remove it, and it is made again", f->path);
    s->loaded = i;
    return true;
}

bool rn_scorer_score(rn_scorer *s, int64_t i, uint32_t seed, rn_scored *out, rn_error *err)
{
    const int64_t set = i / s->config->metrics.n;
    const rn_chosen *metric = &s->config->metrics.v[i % s->config->metrics.n];
    const feature_set *f = &s->set[set];
    const double begun = rn_clock();
    if (!load_reference(s, set, err))
        return false;
    const rn_vectors samples = {f->samples, s->n_samples, f->dims}, reference = {s->reference, f->n_reference, f->dims};
    *out = (rn_scored){.metric = (const rn_metric *)metric->what, .features = f->what->name, .n = samples.n,
                       .n_reference = f->n_reference, .dims = f->dims, .extractor_hash = f->extractor_hash,
                       .reference_hash = f->reference_hash};
    out->score = (rn_score){.value = NAN, .low = NAN, .high = NAN, .floor = NAN};
    if (!out->metric->score(metric->params, &samples, &reference, seed, &out->score, err))
        return rn_context(err, "%s on %s", out->metric->name, f->what->name);
    out->seconds = rn_clock() - begun;
    return true;
}

size_t rn_scorer_bytes(const rn_evaluate_config *config, int64_t height, int64_t width)
{
    const rn_features_env env = {.bytes = sizeof env, .height = height, .width = width};
    size_t samples = 0, largest = 0;
    for (int64_t i = 0; i < config->features.n; i++) {
        const rn_features *f = (const rn_features *)config->features.v[i].what;
        void *state = NULL;
        rn_error ignored;
        if (!f->open(config->features.v[i].params, &env, &state, &ignored))
            continue;
        const size_t row = (size_t)f->dims(state) * sizeof(double);
        f->close(state);
        samples += (size_t)config->samples * row;
        if ((size_t)config->reference_images * row > largest)
            largest = (size_t)config->reference_images * row;
    }
    return samples + largest;
}
