#ifndef RN_DATA_DATA_H
#define RN_DATA_DATA_H
/* The images of a run: a data set, opened, checked, resized, divided into training and held-out images, and kept
 * in memory where they fit. runner/data/loader.h makes batches of them.
 * Thread safety: after rn_data_open all functions may be called from several threads at once. */
#include "spec/experiment.h"

#include <runner/dataset.h>

typedef struct rn_data rn_data;

/* A set of files is divided by a permutation that only the paths inside the set decide; its last images are held
 * out: as many as the spec says, but never more than a quarter of the set. An endless set gives its first `count`
 * to training, and what is held out comes after. */
typedef enum rn_data_part { RN_DATA_TRAINING = 0, RN_DATA_HELD_OUT } rn_data_part;

/* Images of the set that cannot be read, in the set's order. */
typedef struct rn_data_refused {
    const char *path;   /* inside the set */
    const char *reason; /* names the file */
} rn_data_refused;

/* Opens the set and decodes every image once, with the threads of rn_parallel, so that a damaged one is found
 * before training. Where `cache_bytes` hold all resized images they stay in memory, and reading one costs a copy.
 * Errors: those of the set; RN_EDATA with the list where images are refused and on_error is stop, or where none is
 * left; RN_EMEMORY. */
RN_NODISCARD bool rn_data_open(const rn_data_config *config, rn_data **data, rn_error *err);
RN_NODISCARD bool rn_data_open_within(const rn_data_config *config, size_t cache_bytes, rn_data **data, rn_error *err);
/* The same, but resized images are kept in a file of `folder`, under a hash of their contents, from which they
 * are read again by this and by later processes; nothing of them stays in this process's memory. Sets of more than
 * 2 GiB, and sets with refused images, are not kept there. */
RN_NODISCARD bool rn_data_open_cached(const rn_data_config *config, const char *folder, rn_data **data, rn_error *err);
void rn_data_close(rn_data *data);

int64_t rn_data_height(const rn_data *data);
int64_t rn_data_width(const rn_data *data);
int64_t rn_data_count(const rn_data *data, rn_data_part part);
int64_t rn_data_enlarged(const rn_data *data); /* images smaller than the resolution, of those that were decoded */
bool rn_data_flips(const rn_data *data);       /* the spec asks for mirrored images */
/* n refused images (on_error is skip); NULL for n = 0. */
const rn_data_refused *rn_data_refusals(const rn_data *data, int64_t *n);
/* Names of the labels, NULL-ended, and how many; NULL and 0 for none. */
const char *const *rn_data_classes(const rn_data *data, int64_t *n);

/* Image i of a part: bytes [height, width, 3], never mirrored, and its label (−1: none). */
RN_NODISCARD bool rn_data_read(const rn_data *data, rn_data_part part, int64_t i, uint8_t *bytes, int32_t *label,
                               rn_error *err);

/* Images [first, first + n) of a part, in parallel: images [n, height, width, 3] in −1 … 1, labels [n] or NULL.
 * The reference of the scores is the first so many training images: of a set of files a fair sample. */
RN_NODISCARD bool rn_data_images(const rn_data *data, rn_data_part part, int64_t first, int64_t n, float *images,
                                 int32_t *labels, rn_error *err);

/* SHA-256 of what the first n training images are: their paths, sizes and contents, in the order of their paths;
 * how they are cropped and resized; resolution; count. No path of the set itself, no time: moving a folder leaves it
 * as it is, changing an image does not. */
RN_NODISCARD bool rn_data_fingerprint(const rn_data *data, int64_t n, uint8_t digest[32], rn_error *err);

#endif
