#ifndef RUNNER_DATASET_H
#define RUNNER_DATASET_H
/* Data sets: images from somewhere. A data set lists items and hands out decoded pixels; cropping,
 * resizing, flipping, batching and prefetching are the runner's.
 * Thread safety: after open(), all functions may be called from several threads at once. */
#include <runner/param.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Interleaved RGB bytes, rows from the top, 3·width·height of them, from malloc; freed by rn_pixels_free. */
typedef struct rn_pixels {
    uint8_t *rgb;
    int64_t width, height;
} rn_pixels;

/* Errors: RN_ELIMIT for a side below 1 or above 2³¹ − 1, RN_EMEMORY with the bytes asked for. */
RN_NODISCARD RN_API bool rn_pixels_alloc(rn_pixels *p, int64_t width, int64_t height, rn_error *err);
RN_API void rn_pixels_free(rn_pixels *p);

/* Decodes PNG or JPEG by its first bytes, whatever its name. Grey becomes three equal channels, alpha is
 * dropped, 16 bits are divided by 257, nothing is rotated. `name` is for messages.
 * Errors: RN_EFORMAT (damaged, unsupported, other kind), RN_ELIMIT (more than max_pixels), RN_EMEMORY. */
RN_NODISCARD RN_API bool rn_image_decode(const uint8_t *file, size_t bytes, const char *name, int64_t max_pixels,
                                         rn_pixels *out, rn_error *err);

/* What stands in the header of an encoded image, without decoding it. */
typedef struct rn_image_info {
    const char *format; /* "png", "jpeg" */
    int64_t width, height;
} rn_image_info;
/* Errors: RN_EFORMAT for what is neither PNG nor JPEG, or has no whole header. */
RN_NODISCARD RN_API bool rn_image_probe(const uint8_t *file, size_t bytes, const char *name, rn_image_info *info,
                                        rn_error *err);

typedef struct rn_dataset_env {
    size_t bytes;          /* sizeof(rn_dataset_env) of the caller */
    int64_t height, width; /* what the run wants; a procedural set draws that size */
    int64_t max_pixels;    /* of an encoded image */
    rn_place place;        /* of the data set in the spec */
} rn_dataset_env;

typedef struct rn_dataset_item {
    const char *path;   /* inside the set: names the item, sorts the set; lives until close() */
    int64_t label;      /* −1: none */
    int64_t file_bytes; /* of the encoded image; 0 for a procedural set */
} rn_dataset_item;

typedef struct rn_dataset {
    RN_COMPONENT_HEAD;
    /* Lists the items, sorted by path; decodes none. params and env are borrowed for the call alone, the texts in params
     * live as long as the spec. Errors: RN_EIO, RN_EFORMAT, RN_EDATA (no image). */
    RN_NODISCARD bool (*open)(const void *params, const rn_dataset_env *env, void **state, rn_error *err);
    void (*close)(void *state);
    int64_t (*count)(void *state); /* ≥ 1 */
    void (*item)(void *state, int64_t index, rn_dataset_item *item);
    /* Decoded pixels of any size, which the caller frees. Errors: RN_EIO, RN_EFORMAT, RN_ELIMIT, RN_EMEMORY, with the
     * item's path: they refuse this image and no other. */
    RN_NODISCARD bool (*read)(void *state, int64_t index, rn_pixels *out, rn_error *err);
    /* Format and size of an item as `runner data` shows them, at the cost of a header. */
    RN_NODISCARD bool (*probe_item)(void *state, int64_t index, rn_image_info *info, rn_error *err);
    /* SHA-256 of the item's content (of the encoded bytes, or of what the recipe is made of). */
    RN_NODISCARD bool (*digest)(void *state, int64_t index, uint8_t digest[32], rn_error *err);
    /* Names of the labels, NULL-ended; NULL for none. May be NULL itself. */
    const char *const *(*classes)(void *state);
    /* Could this path be such a set? 0: no; the highest answer opens `runner data PATH`. NULL: never. */
    int (*probe)(const char *path);
    /* Offset in the params struct of the `const char *` that names the path; −1: it has none. */
    ptrdiff_t path_offset;
    /* Items [count, count + more) exist too (a procedural set): held-out images come from there. */
    bool endless;
} rn_dataset;

#ifdef __cplusplus
}
#endif
#endif
