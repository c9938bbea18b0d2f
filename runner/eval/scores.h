#ifndef RN_EVAL_SCORES_H
#define RN_EVAL_SCORES_H
/* Scores of samples against a reference: every metric on every feature set. Vectors of the reference are cached
 * in files whose names are hashes of contents (images, crop and resize rule, resolution, count, extractor), never
 * of a path or a time.
 * Thread safety: one thread; features are extracted with the pool of base/parallel.h. */
#include "data/data.h"
#include "spec/experiment.h"

#include <runner/features.h>

typedef struct rn_scorer rn_scorer;

typedef struct rn_scored {
    const rn_metric *metric;
    const char *features;
    rn_score score;
    int64_t n, n_reference, dims;
    const char *extractor_hash, *reference_hash; /* 64 hexadecimal digits; live until the scorer is closed */
    double seconds;
} rn_scored;

/* Opens the feature sets, reads or makes the reference's vectors. reference: the training images that samples are
 * compared with, at most config->reference_images of them. cache: folder; made where it is missing.
 * Errors: RN_ESHAPE (features that do not exist at that size), RN_EDATA (fewer than two reference images), RN_EIO,
 * RN_EMEMORY. */
RN_NODISCARD bool rn_scorer_open(const rn_evaluate_config *config, const rn_data *reference, const char *cache,
                                 rn_scorer **scorer, rn_error *err);
void rn_scorer_close(rn_scorer *s);

/* Begins anew with no samples; then images [n, H, W, 3] number first … first + n − 1 of config->samples. */
void rn_scorer_begin(rn_scorer *s);
void rn_scorer_add(rn_scorer *s, const float *images, int64_t first, int64_t n);

/* Score i of count; the random choices of a metric come from seed. */
int64_t rn_scorer_count(const rn_scorer *s);
RN_NODISCARD bool rn_scorer_score(rn_scorer *s, int64_t i, uint32_t seed, rn_scored *scored, rn_error *err);

/* Bytes that the vectors of samples and of one reference take at most. */
size_t rn_scorer_bytes(const rn_evaluate_config *config, int64_t height, int64_t width);

#endif
