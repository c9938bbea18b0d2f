#ifndef RN_GRAPH_PROGRAM_H
#define RN_GRAPH_PROGRAM_H
/* A compiled graph: kernels chosen, memory laid out. It runs against a parameter set; programs that never run
 * together may share an arena. After rn_program_bind a run allocates nothing.
 * Thread safety: one thread at a time; a run uses the pool of base/parallel.h. */
#include "graph/graph_internal.h"

/* Parameters of a run: raw weights, or an average of them. */
typedef struct rn_parameter_set {
    void *values;     /* [parameters->total] of the graph's type */
    uint64_t version; /* changes whenever the values do: packed copies follow it */
} rn_parameter_set;

typedef struct step_node step_node; /* graph/step_node.h */

/* A kernel that may or may not accept a node; widened: one of float32, on copies of what lies in bfloat16. */
typedef struct rn_contender {
    const rn_kernel *kernel;
    bool widened;
} rn_contender;

/* Chooses a node's kernel where the spec's `kernels:` do not: runner/tune has one that measures. */
typedef struct rn_chooser {
    void *context;
    bool explain; /* kernels that are passed over are asked for their reasons too: for `plan --kernels` */
    /* The one of n contenders (by falling rank) that is known to be the best for such a node, or −1. */
    int (*recall)(void *context, const step_node *node, int threads, const rn_contender *v, int n);
    /* One of n ≥ 1 nodes that differ in the kernel, each ready to be bound and run, the highest rank first; −1: none of these.
     * referee: the same with the reference kernel, or NULL. */
    int (*choose)(void *context, step_node *v, int n, step_node *referee, int threads);
    void (*end)(void *context); /* every node of the program has its kernel, or compiling failed */
} rn_chooser;

typedef struct rn_program_options {
    const char *const *kernels; /* names of kernel sets, tried first in this order */
    int64_t n_kernels;
    const char *device; /* NULL: the registry's default device */
    const rn_chooser *chooser; /* NULL: the first that accepts by rank */
} rn_program_options;

typedef struct rn_program rn_program;

/* The graph is borrowed and must live as long as the program.
 * Errors: RN_EPLUGIN where a node has no kernel (with every reason), RN_EMEMORY. */
RN_NODISCARD bool rn_program_compile(const rn_graph *g, const rn_program_options *options, rn_program **program,
                                     rn_error *err);
void rn_program_close(rn_program *p);

size_t rn_program_arena_bytes(const rn_program *p);  /* what bind() wants, to the byte */
size_t rn_program_packed_bytes(const rn_program *p); /* allocated by bind() for packed parameters */
rn_cost rn_program_cost(const rn_program *p);        /* summed over the nodes that run */

/* arena: 64-byte aligned, may be shared with programs that do not run in between. set, gradients (flat array
 * of the parameters' layout, zeroed; NULL where nothing was differentiated): may change from bind to bind. */
RN_NODISCARD bool rn_program_bind(rn_program *p, void *arena, const rn_parameter_set *set, void *gradients, rn_error *err);
/* Another set for the next runs; costs nothing but packing. */
void rn_program_use(rn_program *p, const rn_parameter_set *set);

/* Memory of a named input or output; NULL if there is none. Inputs have to be filled before every run. */
void *rn_program_input(const rn_program *p, const char *name);
const void *rn_program_output(const rn_program *p, const char *name);
rn_shape rn_program_shape(const rn_program *p, const char *name); /* of either; rank 0 if there is none */

void rn_program_run(rn_program *p, const rn_step *step);

/* What `runner plan --kernels` and the bench show: one entry for each node that runs. */
typedef struct rn_node_info {
    const char *op, *scope, *kernel;
    rn_call call;    /* valid as long as the program */
    rn_cost cost;
    double seconds;  /* added up over runs while timing is on */
    const char *refusals; /* "openblas: float32 only; …", or "" */
    const char *label;    /* "native", or "native, widened": the kernel is one of float32 and gets copies */
    unsigned cpu;         /* RN_CPU_… bits that the kernel needs: a set may have several kernels of an op */
} rn_node_info;
int64_t rn_program_nodes(const rn_program *p);
rn_node_info rn_program_node(const rn_program *p, int64_t i);
void rn_program_time(rn_program *p, bool on); /* switches timing on or off, and begins at 0 */

const step_node *rn_program_step_node(const rn_program *p, int64_t i);
int rn_program_threads(const rn_program *p); /* that scratch was planned for */

/* The features of this machine's processor, as RN_CPU_… bits; and bits as words, "avx2+avx512", "any" for none. */
unsigned rn_cpu_features(void);
enum { RN_CPU_TEXT = 64 };
const char *rn_cpu_text(unsigned features, char text[RN_CPU_TEXT]);

#endif
