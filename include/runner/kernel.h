#ifndef RUNNER_KERNEL_H
#define RUNNER_KERNEL_H
/* What a kernel is: how one op runs on one device for some types and shapes.
 *
 * plan() runs once for each node and may refuse, with a reason. pack() runs when a parameter has changed.
 * run() does units [begin, end) of one phase; the executor splits the units over threads and puts a barrier
 * between phases. Units, phases and the order of sums never depend on the number of threads, so any
 * number of threads gives the same bytes.
 * Thread safety: run() is called from several threads at once, on disjoint units. */
#include <runner/op.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__) && defined(__x86_64__)
#define RN_TARGET(features) __attribute__((target(features)))
#else
#define RN_TARGET(features)
#endif

/* What the machine must have, compared before plan(). */
enum { RN_CPU_ANY = 0, RN_CPU_AVX2 = 1 /* and FMA */, RN_CPU_AVX512F = 2 /* F, BW, DQ, VL */, RN_CPU_AVX512BF16 = 4, RN_CPU_AMX = 8 };

/* The rank of a plain kernel that is believed: the others of the op are compared with it, and it runs what they refuse. */
enum { RN_RANK_REFERENCE = -1 };

/* What changes from step to step without a new plan. */
typedef struct rn_step {
    uint32_t seed, step;
    uint64_t first_image; /* number, in the global batch, of this program's first image */
} rn_step;

enum { RN_MAX_PHASES = 4 };

typedef struct rn_work {
    int64_t units;                          /* of phase 0 */
    int64_t more_units[RN_MAX_PHASES - 1];  /* of phases 1, 2, 3; the first 0 ends them */
    size_t scratch_bytes;                   /* shared by all units and phases of a call */
    size_t thread_scratch_bytes;            /* for each thread; not kept between phases */
    size_t packed_bytes[RN_MAX_IN];         /* of the packed copy of an input, should it be a parameter; 0: none */
    void *state;                            /* what plan() made, until forget() */
} rn_work;

/* Pointers are aligned to 64 bytes but for channel ranges, which are aligned to their element. */
typedef struct rn_buffers {
    const void *const *in; /* NULL: absent */
    void *const *out;
    void *scratch, *thread_scratch;
    const void *const *packed; /* its elements are NULL where none was asked for or the input is no parameter */
    const rn_step *step;
} rn_buffers;

typedef struct rn_kernel {
    RN_COMPONENT_HEAD; /* name: that of the set, as in the spec's `kernels: [..]` */
    const char *op;
    const char *device; /* "cpu" */
    unsigned cpu;       /* RN_CPU_… that the machine must have */
    int rank;           /* where the spec is silent, the highest that accepts, unless another proves faster on this machine */
    rn_type type;       /* of the graphs that it serves: RN_F32 or RN_F64; RN_NO_TYPE: plan() decides between these. RN_BF16: nodes
                           of a float32 graph of which an input or output lies in bfloat16. Any of those that the op lets be
                           narrow (op.h, narrow_in) can be either, so plan() looks at each one's type and may refuse a mixture;
                           all others are float32, parameters too. What no such kernel accepts runs by one of float32 on
                           widened copies. A set may have one kernel of an op for each type and value of `cpu`. */

    /* Called only where the machine has `cpu`. NULL if it accepts, otherwise the reason ("float32 only"): a constant text. `work` is zeroed before; what accepts sets
     * at least work->units. `threads` sizes scratch alone. What it puts into work->state is freed by forget(). Shapes and
     * attributes of the call stay valid as long as the plan; there is no data yet. */
    const char *(*plan)(const rn_call *c, int threads, rn_work *work);
    /* Makes the packed copy (work->packed_bytes[input] of them, aligned to 64 bytes) of a parameter; on the calling thread.
     * NULL where plan() never asks for one. */
    void (*pack)(const rn_call *c, const rn_work *work, int input, const void *from, void *to);
    /* Units [begin, end) of one phase. Cannot fail. */
    void (*run)(const rn_call *c, const rn_work *work, const rn_buffers *m, int phase, int64_t begin, int64_t end);
    void (*forget)(rn_work *work); /* NULL: there is nothing to free */
} rn_kernel;

#ifdef __cplusplus
}
#endif
#endif
