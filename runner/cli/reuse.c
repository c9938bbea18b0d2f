#include "cli/reuse.h"
#include "base/file.h"
#include "train/checkpoint.h"

#include <stdlib.h>
#include <string.h>

/* Reads a weight file whose bytes have that hash. False with err where it is not so. */
static bool read_weights(const char *path, const char *sha256, const rn_parameters *p, float *values, rn_error *err)
{
    rn_arena a = {0};
    uint8_t *data, digest[32];
    size_t bytes;
    char hex[65];
    bool ok = rn_file_read(&a, path, SIZE_MAX / 2, &data, &bytes, err);
    if (ok) {
        rn_sha256_of(data, bytes, digest);
        rn_hex(digest, sizeof digest, hex);
        ok = (sha256 && strcmp(hex, sha256) == 0) || rn_fail(err, RN_EFORMAT, "'%s' has changed since it was written", path);
    }
    rn_arena_free(&a);
    return ok && rn_checkpoint_read(path, p, values, err);
}

/* Both arrays or none: a weight file that turns out bad must not leave half of another training. */
static bool read_both(const rn_row_weights *w, rn_trainer *t, rn_error *err)
{
    const size_t bytes = t->cost.weight_bytes;
    float *raw = calloc(1, bytes), *average = calloc(1, bytes);
    bool ok = (raw && average) || rn_fail(err, RN_EMEMORY, "no memory for weights");
    ok = ok && read_weights(w->model, w->model_sha256, &t->parameters, raw, err);
    if (ok && t->average.values)
        ok = w->average ? read_weights(w->average, w->average_sha256, &t->parameters, average, err)
                        : rn_fail(err, RN_EFORMAT, "the run left no average of the weights");
    if (ok) {
        memcpy(t->raw.values, raw, bytes);
        t->raw.version++;
        if (t->average.values)
            memcpy(t->average.values, average, bytes);
        t->average.version++;
    }
    free(raw);
    free(average);
    return ok;
}

bool rn_reuse_weights(rn_session *s, const rn_variant *v, uint32_t seed, int64_t run, rn_trainer *t, bool *taken, rn_error *err)
{
    rn_arena a = {0};
    rn_row_weights w;
    rn_error why;
    *taken = false;
    if (v->experiment->evaluate.every)
        return true;
    bool ok = rn_store_find_weights(s->store, v->training_hash, seed, &a, &w, err);
    if (ok && w.run && !read_both(&w, t, &why)) {
        rn_progress_line(&s->progress, "  weights of %s/%s cannot be taken, so they are trained again: %s", w.experiment, w.variant,
                         why.text);
    } else if (ok && w.run) {
        t->step = w.step;
        *taken = true;
        rn_progress_line(&s->progress, "  weights of %s/%s, which differs in its evaluation alone", w.experiment, w.variant);
        ok = rn_store_weights_from(s->store, run, w.run, err);
    }
    rn_arena_free(&a);
    return ok;
}
