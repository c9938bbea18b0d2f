#include "primitives.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
    UNITS = 32,     /* wanted where there are rows enough, so that many cores have work */
    MIN_ROWS = 64,  /* fewer, and reading the weight for every unit shows */
    MAX_ROWS = 256, /* more gains nothing */
};

struct dnn_slot {
    atomic_flag taken;
    dnnl_stream_t stream;
    dnnl_exec_arg_t argument[DNN_PRIMITIVES][DNN_ARGUMENTS + 1]; /* the last one given is the scratchpad */
    const void *memory[DNN_PRIMITIVES][DNN_ARGUMENTS + 1];       /* what they point at */
};

struct dnn_plan {
    dnnl_engine_t engine;
    dnnl_primitive_attr_t attributes;
    struct {
        dnnl_primitive_t v;
        int n;           /* arguments, without the scratchpad */
        bool scratchpad; /* wants one */
    } primitive[DNN_PRIMITIVES];
    size_t scratch_bytes;
    int n_slots;
    dnn_slot slot[];
};

/* The library asks the OpenMP runtime how many threads to use, when it makes a primitive and when it runs one, and the
 * runtime has that number for each thread apart: so each thread says 1 before it calls. Threads of the library's own
 * would be more than there are cores, and its sums change with their number. */
static void one_thread(void)
{
    if (dnn_library.threads() != 1)
        dnn_library.set_threads(1);
}

/* --- a plan ----------------------------------------------------------------------------------------- */

dnn_plan *dnn_open(int threads)
{
    dnn_plan *d = calloc(1, sizeof *d + (size_t)threads * sizeof *d->slot);
    if (!d)
        return NULL;
    one_thread();
    d->n_slots = threads;
    bool ok = dnnl_engine_create(&d->engine, dnnl_cpu, 0) == dnnl_success &&
              dnnl_primitive_attr_create(&d->attributes) == dnnl_success &&
              dnnl_primitive_attr_set_scratchpad_mode(d->attributes, dnnl_scratchpad_mode_user) == dnnl_success;
    for (int i = 0; i < threads; i++) {
        atomic_flag_clear(&d->slot[i].taken);
        ok = ok && dnnl_stream_create(&d->slot[i].stream, d->engine, dnnl_stream_default_flags) == dnnl_success;
    }
    if (ok)
        return d;
    dnn_close(d);
    return NULL;
}

void dnn_close(dnn_plan *d)
{
    if (!d)
        return;
    for (int i = 0; i < d->n_slots; i++) {
        for (int p = 0; p < DNN_PRIMITIVES; p++)
            for (int k = 0; k <= DNN_ARGUMENTS; k++)
                if (d->slot[i].argument[p][k].memory)
                    dnnl_memory_destroy(d->slot[i].argument[p][k].memory);
        if (d->slot[i].stream)
            dnnl_stream_destroy(d->slot[i].stream);
    }
    for (int p = 0; p < DNN_PRIMITIVES; p++)
        if (d->primitive[p].v)
            dnnl_primitive_destroy(d->primitive[p].v);
    if (d->attributes)
        dnnl_primitive_attr_destroy(d->attributes);
    if (d->engine)
        dnnl_engine_destroy(d->engine);
    free(d);
}

void dnn_forget(rn_work *work)
{
    dnn_close(work->state);
    work->state = NULL;
}

/* --- primitives ------------------------------------------------------------------------------------- */

/* Memory objects that point nowhere yet, in every slot. */
static bool make_arguments(dnn_plan *d, int which, const_dnnl_primitive_desc_t made, int n, const int *arguments)
{
    const dnnl_memory_desc_t *scratchpad = dnnl_primitive_desc_query_md(made, dnnl_query_scratchpad_md, 0);
    const size_t bytes = scratchpad ? dnnl_memory_desc_get_size(scratchpad) : 0;
    d->primitive[which].n = n;
    d->primitive[which].scratchpad = bytes > 0;
    d->scratch_bytes = bytes > d->scratch_bytes ? bytes : d->scratch_bytes;
    for (int i = 0; i < d->n_slots; i++)
        for (int k = 0; k < n + (bytes > 0); k++) {
            dnnl_exec_arg_t *a = &d->slot[i].argument[which][k];
            a->arg = k < n ? arguments[k] : DNNL_ARG_SCRATCHPAD;
            const dnnl_memory_desc_t *layout =
                k < n ? dnnl_primitive_desc_query_md(made, dnnl_query_exec_arg_md, a->arg) : scratchpad;
            if (!layout || dnnl_memory_create(&a->memory, layout, d->engine, DNNL_MEMORY_NONE) != dnnl_success)
                return false;
        }
    return true;
}

/* Takes `made`. */
static const char *make(dnn_plan *d, int which, dnnl_primitive_desc_t made, int n, const int *arguments)
{
    const char *how = "", *why = NULL;
    if (dnnl_primitive_desc_query(made, dnnl_query_impl_info_str, 0, (void *)&how) != dnnl_success || strstr(how, "ref"))
        why = "the library has plain C alone for these shapes";
    else if (dnnl_primitive_create(&d->primitive[which].v, made) != dnnl_success ||
             !make_arguments(d, which, made, n, arguments))
        why = "the library makes no code for these shapes";
    dnnl_primitive_desc_destroy(made);
    return why;
}

const char *dnn_make(dnn_plan *d, int which, const_dnnl_op_desc_t description, const_dnnl_op_desc_t forward, int n,
                     const int *arguments)
{
    dnnl_primitive_desc_t made = NULL, hint = NULL;
    one_thread();
    bool ok = !forward || dnnl_primitive_desc_create(&hint, forward, d->attributes, d->engine, NULL) == dnnl_success;
    ok = ok && dnnl_primitive_desc_create(&made, description, d->attributes, d->engine, hint) == dnnl_success;
    if (hint)
        dnnl_primitive_desc_destroy(hint);
    return ok ? make(d, which, made, n, arguments) : "the library does not do these shapes";
}

const char *dnn_make_reorder(dnn_plan *d, int which, const dnnl_memory_desc_t *from, const dnnl_memory_desc_t *to)
{
    static const int arguments[] = {DNNL_ARG_FROM, DNNL_ARG_TO};
    dnnl_primitive_desc_t made = NULL;
    one_thread();
    if (dnnl_reorder_primitive_desc_create(&made, from, d->engine, to, d->engine, d->attributes) != dnnl_success)
        return "the library does not reorder this weight";
    return make(d, which, made, 2, arguments);
}

const dnnl_memory_desc_t *dnn_layout(const dnn_plan *d, int which, int i)
{
    const dnnl_memory_desc_t *layout = NULL;
    dnnl_memory_get_memory_desc(d->slot[0].argument[which][i].memory, &layout);
    return layout;
}

size_t dnn_scratch_bytes(const dnn_plan *d) { return d->scratch_bytes; }

/* --- running ---------------------------------------------------------------------------------------- */

dnn_slot *dnn_take(dnn_plan *d)
{
    one_thread();
    for (int i = 0;; i = (i + 1) % d->n_slots)
        if (!atomic_flag_test_and_set_explicit(&d->slot[i].taken, memory_order_acquire))
            return &d->slot[i];
}

void dnn_give(dnn_slot *s) { atomic_flag_clear_explicit(&s->taken, memory_order_release); }

/* Points a memory object somewhere else. The library then writes zeros where a layout has padding (never between
 * elements of ours), so what stays where it is, as packed weights do, is left alone. */
static void point(dnn_slot *s, int which, int k, const void *memory)
{
    if (s->memory[which][k] == memory)
        return;
    const union { const void *in; void *any; } handle = {memory}; /* inputs are not written, but the library knows no const */
    const dnnl_status_t status = dnnl_memory_set_data_handle_v2(s->argument[which][k].memory, handle.any, s->stream);
    assert(status == dnnl_success);
    (void)status;
    s->memory[which][k] = memory;
}

void dnn_execute(const dnn_plan *d, dnn_slot *s, int which, const void *const *memory, void *thread_scratch)
{
    const int n = d->primitive[which].n;
    for (int k = 0; k < n; k++)
        point(s, which, k, memory[k]);
    if (d->primitive[which].scratchpad)
        point(s, which, n, thread_scratch);
    const dnnl_status_t status = dnnl_primitive_execute(d->primitive[which].v, s->stream,
                                                  n + d->primitive[which].scratchpad, s->argument[which]);
    assert(status == dnnl_success); /* the arguments are those that the primitive was made for */
    (void)status;
}

/* --- layouts ---------------------------------------------------------------------------------------- */

static const struct { rn_type type; dnnl_data_type_t library; } types[] = {
    {RN_F32, dnnl_f32}, {RN_BF16, dnnl_bf16},
};

dnnl_data_type_t dnn_type(rn_type type)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (types[i].type == type)
            return types[i].library;
    return dnnl_data_type_undef;
}

const char *dnn_refusal(const rn_call *c, bool weighted)
{
    const bool narrow = c->in[0].type == RN_BF16;
    for (int i = 0; i < c->n_in + c->n_out; i++) {
        const rn_shape s = i < c->n_in ? c->in[i] : c->out[i - c->n_in];
        if (s.rank && dnn_type(s.type) == dnnl_data_type_undef)
            return "float32 and bfloat16 only";
        if (s.rank && s.type == RN_BF16 && !narrow)
            return "a bfloat16 result of float32 operands: the library has none";
    }
    if (!weighted && c->in[1].type != c->in[0].type)
        return "both operands must have one type";
    return dnn_library_open() ? NULL : "libdnnl.so.2 cannot be loaded";
}

dnnl_memory_desc_t dnn_strided(rn_type type, int axes, const dnnl_dims_t dims, const dnnl_dims_t strides)
{
    dnnl_memory_desc_t md = {0};
    dnnl_memory_desc_init_by_strides(&md, axes, dims, dnn_type(type), strides);
    return md;
}

dnnl_memory_desc_t dnn_matrix(rn_type type, int64_t rows, int64_t columns, int64_t pitch, bool turned)
{
    return dnn_strided(type, 2, (const dnnl_dims_t){rows, columns},
                       turned ? (const dnnl_dims_t){1, pitch} : (const dnnl_dims_t){pitch, 1});
}

dnnl_memory_desc_t dnn_any(const dnnl_memory_desc_t *like, rn_type type)
{
    dnnl_memory_desc_t md = {0};
    dnnl_memory_desc_init_by_tag(&md, like->ndims, like->dims, dnn_type(type), dnnl_format_tag_any);
    return md;
}

int64_t dnn_block(int64_t total)
{
    const int64_t units = dnn_most((total + MAX_ROWS - 1) / MAX_ROWS, dnn_least(UNITS, total / MIN_ROWS));
    return (total + units - 1) / units;
}
