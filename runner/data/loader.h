#ifndef RN_DATA_LOADER_H
#define RN_DATA_LOADER_H
/* Batches of training images, made ahead by threads of their own.
 *
 * Which image stands where is a function of (seed, step) alone: step s has the places s·batch … s·batch + batch − 1
 * of an endless list of epochs, and each epoch is a permutation of all training images (stream "data order", its step
 * the epoch's number). So the last, short batch of an epoch is filled up from the next, and a batch may be larger than
 * the set. Image b of step s is mirrored where the uniform number (stream "flip", s, b) is below ½.
 * After rn_loader_open nothing is allocated, but by the data set itself where its images are not kept in memory.
 * Thread safety: one thread at a time per loader; several loaders may share an rn_data. */
#include "data/data.h"

typedef struct rn_loader rn_loader;

/* `data` must outlive the loader. Errors: RN_EMEMORY (also where no thread can be started). */
RN_NODISCARD bool rn_loader_open(const rn_data *data, uint32_t seed, int64_t batch, int64_t workers,
                                 rn_loader **loader, rn_error *err);
void rn_loader_close(rn_loader *loader);

/* The batch of a step ≥ 0: images [batch, height, width, 3] in −1 … 1, labels [batch] (−1: none; NULL: not wanted).
 * Steps in ascending order cost a copy; any other order is right, but waits. Errors: those of reading an image. */
RN_NODISCARD bool rn_loader_next(rn_loader *loader, int64_t step, float *images, int32_t *labels, rn_error *err);

#endif
