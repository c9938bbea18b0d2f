#ifndef RN_DATA_DATA_INTERNAL_H
#define RN_DATA_DATA_INTERNAL_H
/* What the sources behind data.h share: data.c (opening, dividing, reading), check.c (every image is decoded once before
 * training), cache.c (resized images in a file), fingerprint.c. */
#include "base/file.h"
#include "data/data.h"

/* Resized images stay in memory, or in a file, up to this size: 170,000 of 64×64 pixels. */
static const size_t RN_DATA_CACHE_BYTES = (size_t)2 << 30;

typedef struct rn_data_image {
    int64_t index; /* in the set */
    int64_t slot;  /* in the cache */
    int32_t label;
    bool refused;
} rn_data_image;

struct rn_data {
    const rn_dataset *set;
    void *state;
    rn_data_config config;
    int64_t height, width, image_bytes;
    rn_data_image *image; /* training images, then those held out */
    int64_t n_training, n_held_out;
    uint8_t *cache; /* [image, height, width, 3], or NULL */
    FILE *cache_file; /* the same in a file, behind a header; or NULL */
    const char *cache_path; /* of it, for messages */
    int64_t enlarged;
    rn_arena arena; /* of the refusals */
    rn_data_refused *refused;
    int64_t n_refused;
};

/* Opens the set and divides it; no image is decoded yet. NULL with the error. */
rn_data *rn_data_begin(const rn_data_config *config, rn_error *err);

/* Checks all images; they stay in memory where cache_bytes hold them. */
RN_NODISCARD bool rn_data_load(rn_data *d, size_t cache_bytes, rn_error *err);

/* Decodes an image of the set (by its number there) and cuts it to size. */
RN_NODISCARD bool rn_data_from_set(const rn_data *d, int64_t index, uint8_t *bytes, bool *enlarged, rn_error *err);

/* Decodes every image, into the cache where there is one. Errors: RN_EDATA with the list of what cannot be read, unless
 * the data may skip it; RN_EMEMORY, RN_EIO. */
RN_NODISCARD bool rn_data_check(rn_data *d, rn_error *err);

/* Image number `slot` of the cache's file. */
RN_NODISCARD bool rn_data_write_cached(const rn_data *d, int64_t slot, const uint8_t *bytes, rn_error *err);
RN_NODISCARD bool rn_data_read_cached(const rn_data *d, int64_t slot, uint8_t *bytes, rn_error *err);

/* Of the first n images, training before held-out ones. */
RN_NODISCARD bool rn_data_fingerprint_of(const rn_data *d, int64_t n, uint8_t digest[32], rn_error *err);

#endif
