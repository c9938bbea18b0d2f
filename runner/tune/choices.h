#ifndef RN_TUNE_CHOICES_H
#define RN_TUNE_CHOICES_H
/* Choices of kernels, in memory and in a file: which kernel was the fastest for a call, and which kernels agreed with the
 * reference on this machine. A text, a line a fact:
 *
 *     runner-kernels 1
 *     kernel conv2d native/float32/avx2+avx512 1.3e-07 right
 *     choice 0.000412 native/float32/avx2+avx512 | 2 cpu conv2d stride=1 … -> f32[16,64,64,64]
 *     end <SHA-256 of all above>
 *
 * Thread safety: one thread per value; files may be shared by processes. */
#include "base/arena.h"

typedef struct rn_choice {
    const char *call, *kernel; /* names.h */
    double seconds;            /* of one run; 0: taken without timing */
} rn_choice;

typedef struct rn_tried { /* a kernel against the reference, on the examples of its op */
    const char *op, *kernel;
    double error; /* as rn_check_kernel says */
    bool right;
} rn_tried;

typedef struct rn_choices {
    rn_arena arena;
    rn_choice *choice;
    rn_tried *tried;
    int64_t n_choices, room_choices, n_tried, room_tried;
} rn_choices;

void rn_choices_free(rn_choices *c);

const rn_choice *rn_choices_find(const rn_choices *c, const char *call);
const rn_tried *rn_choices_find_tried(const rn_choices *c, const char *op, const char *kernel);

/* Texts are copied. What is there under the same call (op and kernel) is replaced where `replace`, else kept. False: no memory. */
bool rn_choices_put(rn_choices *c, rn_choice choice, bool replace);
bool rn_choices_put_tried(rn_choices *c, rn_tried tried);

/* Adds what stands in a file to what is there, which stays. sealed: the file must end with its own hash; without, lines
 * that are no choices are skipped (a plan from a database). Errors: RN_EIO where it cannot be read, RN_EFORMAT where it is
 * damaged. */
RN_NODISCARD bool rn_choices_read(rn_choices *c, const char *path, bool sealed, rn_error *err);

/* Replaces the file, with what other processes have written to it meanwhile: their choice stands where both have one.
 * Makes the folder. */
RN_NODISCARD bool rn_choices_write(rn_choices *c, const char *path, rn_error *err);

#endif
