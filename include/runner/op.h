#ifndef RUNNER_OP_H
#define RUNNER_OP_H
/* What an op is: a differentiable primitive with a shape rule, a gradient rule, traits and a cost. How it
 * is computed is a kernel's business (kernel.h).
 * Thread safety: descriptors are constant; rules are called from one thread for one graph. */
#include <runner/graph.h>
#include <runner/param.h>
#include <runner/random.h>
#include <runner/shape.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct rn_op rn_op;

/* One application of an op. Absent optional inputs have rank 0. */
typedef struct rn_call {
    const rn_op *op;
    const void *attr; /* a struct of op->params_bytes; NULL where that is 0 */
    int n_in, n_out;
    const rn_shape *in, *out; /* out: not yet known in shape() */
    const rn_tensor *x, *y;   /* the tensors themselves, in gradient() alone; elsewhere NULL */
} rn_call;

/* How a parameter lies in memory, against its order in checkpoint files. */
typedef enum rn_layout {
    RN_LAYOUT_FILE = 0, /* as in the file */
    RN_LAYOUT_IO,       /* file [out, in], memory [in, out] */
    RN_LAYOUT_HWIO      /* file [out, in/groups, kh, kw], memory [kh, kw, in/groups, out] */
} rn_layout;

typedef struct rn_op_input {
    const char *name;
    int rank;      /* 0: any */
    bool optional; /* may be absent */
    rn_layout layout;
    bool integer;  /* RN_I32 (indices); otherwise the graph's floating type */
    bool constant; /* the gradient rule gives nothing for it (masks, per-image coefficients) */
} rn_op_input;

/* What passes may know of an op. */
enum {
    RN_LINEAR = 1,      /* linear in its input 0 (for fixed other inputs) */
    RN_POINTWISE = 2,   /* y[i] depends on element i of inputs of y's shape (others: broadcast) alone */
    RN_RANDOM = 4,      /* reads the step record: never folded with another of the same stream */
    RN_IN_PLACE = 8,    /* output 0 may be written over input 0 */
    RN_VIEW = 16,       /* computes nothing: output j is a part of the memory of input 0, see view() */
    RN_SUM = 32,        /* y = a + b of equal shapes: the op by which gradients of a tensor used twice add up */
    RN_COPY = 64,       /* y = x, made dense */
    RN_PRODUCT = 128,   /* a matrix product or convolution: where the FLOP are */
    RN_CHEAP = 256      /* its output may be made again where it is read, instead of being kept; not for what draws */
};

typedef struct rn_cost {
    int64_t flop;         /* all of it */
    int64_t product_flop; /* two for each multiply-add of products and convolutions (and nothing else) */
    int64_t bytes;        /* moved if each tensor is moved once */
} rn_cost;

/* A random example for the gradient check: attributes and input shapes, small (a few hundred elements).
 * Values are drawn evenly from [low, high] (both 0: −1 to 1); integer inputs from low to high − 1. */
typedef struct rn_example {
    void *attr; /* a zeroed struct of params_bytes, to be filled */
    int n_in;   /* preset to the number of inputs */
    rn_shape in[RN_MAX_IN]; /* rank 0: absent; the type is set by the caller */
    double low[RN_MAX_IN], high[RN_MAX_IN];
} rn_example;

/* A chain of ops that another does in one go: op names from the first to the last, each reading the output 0 of the one
 * before as its input 0. The fused op has the first one's attributes; its inputs are those of the chain in order, without
 * the links between them (what it has beyond is optional and stays absent); its output 0 is the last one's, its
 * auxiliary outputs are the first one's. */
enum { RN_MAX_CHAIN = 4 };
typedef struct rn_fusion {
    const char *chain[RN_MAX_CHAIN]; /* a shorter chain ends with NULL */
} rn_fusion;

struct rn_op {
    RN_COMPONENT_HEAD; /* params_bytes: of the attributes */
    rn_op_input inputs[RN_MAX_IN];
    int n_out;
    unsigned traits;

    /* y[0 … n_out−1] from c->in and c->attr. Names, ranks and types of the inputs were checked before.
     * Errors: RN_ESHAPE with sizes found and wanted. */
    bool (*shape)(const rn_call *c, rn_shape *y, rn_error *err);

    /* Builds the gradients: dx[i] for each input that has one (0 elsewhere) from dy[j], the gradients of
     * the outputs (0 where nothing flows back). NULL: no gradient may be asked for. What nobody needs
     * is not run, so a rule need not ask which inputs want a gradient. */
    void (*gradient)(rn_graph *g, const rn_call *c, const rn_tensor *dy, rn_tensor *dx);

    /* For an op with RN_VIEW whose input 0 is used by several nodes of the same op: the one gradient of
     * that input from all n of them together (dy[k]: gradient of output 0 of call k). Returns 0 where
     * it sees nothing better than adding up the single ones. May be NULL. */
    rn_tensor (*gradient_together)(rn_graph *g, int n, const rn_call *calls, const rn_tensor *dy);

    /* NULL: it costs nothing worth counting. */
    rn_cost (*cost)(const rn_call *c);

    /* Where output j begins in input 0, in elements. Pitch and dims come from shape(). Needed with RN_VIEW, NULL else. */
    int64_t (*view)(const rn_call *c, int output);

    /* Example number `number` (0, 1, 2 …): reads `r` for its choices. Needed where there is a gradient rule: a check without
     * examples fails. */
    void (*example)(rn_example *e, rn_stream r, int number);

    /* Outputs at the end that exist for gradient rules alone (means, logarithms of sums): nothing flows back
     * through them. */
    int n_auxiliary;

    /* The chains that this op takes the place of wherever a graph has one whose links nobody else reads, the longest
     * first; the last entry is empty. NULL: none. */
    const rn_fusion *fusions;

    /* Bit i: input (output) i may lie in memory as bfloat16, where a spec says `precision: bf16`: activations and their
     * gradients. Not what holds statistics, long sums, parameters or what is drawn or compared in float32. A view keeps the type of
     * what it looks at, whatever it says here. */
    unsigned narrow_in, narrow_out;
};

/* Bytes of all inputs and outputs, each once: the usual .bytes of a cost. */
static inline int64_t rn_call_bytes(const rn_call *c)
{
    int64_t n = 0;
    for (int i = 0; i < c->n_in; i++)
        n += rn_bytes(c->in[i]);
    for (int i = 0; i < c->n_out; i++)
        n += rn_bytes(c->out[i]);
    return n;
}

#ifdef __cplusplus
}
#endif
#endif
