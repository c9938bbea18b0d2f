#ifndef RUNNER_FEATURES_H
#define RUNNER_FEATURES_H
/* Features (images → vectors) and metrics (vectors → a score), for proxies of FID and its kin.
 * Thread safety: extract() may run in several threads on one state, on disjoint images. */
#include <runner/param.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct rn_features_env {
    size_t bytes;          /* sizeof(rn_features_env) of the caller */
    int64_t height, width; /* of the images, in pixels */
} rn_features_env;

typedef struct rn_features {
    RN_COMPONENT_HEAD;
    /* Images that calibrate() wants (from the head of the reference set); 0: none. */
    int64_t calibration_images;
    /* Errors: RN_ESHAPE where the features do not exist at that size. */
    RN_NODISCARD bool (*open)(const void *params, const rn_features_env *env, void **state, rn_error *err);
    void (*close)(void *state);
    int64_t (*dims)(void *state); /* numbers of a vector */
    /* Fixes what is standardised from the first n reference images (n may be below calibration_images).
     * images [n, height, width, 3] in −1 … 1. Where calibration_images is above 0, this and the next two must be there: the
     * numbers it leaves are stored beside the reference's vectors and hashed with the extractor. */
    RN_NODISCARD bool (*calibrate)(void *state, const float *images, int64_t n, rn_error *err);
    int64_t (*calibration_count)(void *state);
    double *(*calibration)(void *state); /* [calibration_count], to be read or written */
    /* out[i, dims] for images [n, height, width, 3] in −1 … 1. */
    void (*extract)(void *state, const float *images, int64_t n, double *out);
    /* What distinguishes this extractor beyond its parameters and calibration: raise when the code changes. */
    int64_t revision;
} rn_features;

/* Vectors of one set of images, one after the other. */
typedef struct rn_vectors {
    const double *x; /* [n, dims] */
    int64_t n, dims;
} rn_vectors;

typedef struct rn_score {
    double value;
    double low, high; /* 95 % interval; NaN: none */
    double floor;     /* the same score of two halves of the reference; NaN: none */
    char note[160];   /* what a reader has to know ("N ≤ dimensions: mostly bias"), or "" */
} rn_score;

typedef struct rn_metric {
    RN_COMPONENT_HEAD;
    const char *better; /* "min" or "max" */
    /* Compares samples with the reference (equal dims); deterministic (random subsets by Philox from `seed`). Fills all of
     * *score. Errors: RN_EMEMORY, RN_EFAILED where there is no such value. */
    RN_NODISCARD bool (*score)(const void *params, const rn_vectors *samples, const rn_vectors *reference,
                               uint32_t seed, rn_score *score, rn_error *err);
} rn_metric;

#ifdef __cplusplus
}
#endif
#endif
