/* The table of parameters: names, shapes, places in the flat array, first values, order in files. */
#include "graph/graph_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGN_ELEMENTS = 16 }; /* 64 bytes of float32 */

void rn_parameters_free(rn_parameters *p)
{
    rn_arena_free(&p->arena);
    free(p->v);
    free(p->slots);
    *p = (rn_parameters){0};
}

/* The slot where a name is, or where it would go. n_slots is a power of two and never full. */
static int64_t slot_of(const rn_parameters *p, const char *name)
{
    int64_t s = rn_stream_of(name) & (p->n_slots - 1);
    while (p->slots[s] && strcmp(p->v[p->slots[s] - 1].name, name) != 0)
        s = (s + 1) & (p->n_slots - 1);
    return s;
}

const rn_parameter *rn_parameters_find(const rn_parameters *p, const char *name)
{
    const int32_t i = p->n_slots ? p->slots[slot_of(p, name)] : 0;
    return i ? &p->v[i - 1] : NULL;
}

static bool grow(rn_parameters *p, rn_error *err)
{
    const int64_t room = p->room ? 2 * p->room : 64;
    rn_parameter *v = realloc(p->v, (size_t)room * sizeof *v);
    if (v)
        p->v = v;
    int32_t *slots = calloc((size_t)room * 2, sizeof *slots);
    if (!v || !slots) {
        free(slots);
        return rn_fail(err, RN_EMEMORY, "no memory for a table of %" PRId64 " parameters", room);
    }
    free(p->slots);
    p->room = room, p->slots = slots, p->n_slots = 2 * room;
    for (int64_t i = 0; i < p->n; i++)
        p->slots[slot_of(p, p->v[i].name)] = (int32_t)i + 1; /* NOLINT: the first n are filled */
    return true;
}

bool rn_parameters_get(rn_parameters *p, const char *name, rn_shape shape, rn_parameter_options options,
                       int64_t *index, rn_error *err)
{
    const rn_parameter *old = rn_parameters_find(p, name);
    if (old) {
        char a[RN_SHAPE_TEXT], b[RN_SHAPE_TEXT];
        if (!rn_same_dims(old->shape, shape))
            return rn_fail(err, RN_ESHAPE, "parameter '%s' is %s here and %s elsewhere", name, rn_shape_text(shape, a),
                           rn_shape_text(old->shape, b));
        *index = old - p->v;
        return true;
    }
    if (p->n == p->room && !grow(p, err))
        return false;
    char *copy = rn_arena_text(&p->arena, name);
    if (!copy)
        return rn_fail(err, RN_EMEMORY, "no memory for the parameter '%s'", name);
    p->v[p->n] = (rn_parameter){copy, shape, options, p->total, rn_count(shape)};
    p->slots[slot_of(p, name)] = (int32_t)p->n + 1;
    p->elements += rn_count(shape);
    p->total += (rn_count(shape) + ALIGN_ELEMENTS - 1) / ALIGN_ELEMENTS * ALIGN_ELEMENTS;
    *index = p->n++;
    return true;
}

/* Element i of a parameter in file order → its place in memory. */
static int64_t memory_index(const rn_parameter *p, int64_t i)
{
    const int64_t *d = p->shape.dim;
    switch (p->options.layout) {
    case RN_LAYOUT_IO: /* file [out, in] */
        return i % d[0] * d[1] + i / d[0];
    case RN_LAYOUT_HWIO: { /* file [out, in, kh, kw], memory [kh, kw, in, out] */
        const int64_t x = i % d[1], y = i / d[1] % d[0], in = i / (d[1] * d[0]) % d[2], out = i / (d[1] * d[0] * d[2]);
        return ((y * d[1] + x) * d[2] + in) * d[3] + out;
    }
    default:
        return i;
    }
}

/* The number of an element in the stream of its parameter is its place in the file, so first values do not
 * depend on the layout in memory. */
static double first_value(const rn_parameter *p, rn_stream stream, int64_t i)
{
    switch (p->options.init) {
    case RN_INIT_UNIFORM:
        return sqrt(3.0 / (double)p->options.fan_in) * (2 * rn_random_uniform(stream, (uint64_t)i) - 1);
    case RN_INIT_NORMAL:
        return 0.02 * rn_random_normal(stream, (uint64_t)i);
    case RN_INIT_ONE:
        return 1;
    default:
        return 0;
    }
}

void rn_parameters_init(const rn_parameters *p, uint32_t seed, rn_type type, void *values)
{
    memset(values, 0, (size_t)p->total * rn_type_bytes(type));
    for (int64_t k = 0; k < p->n; k++) {
        const rn_parameter *q = &p->v[k];
        const rn_stream stream = {.seed = seed, .stream = rn_stream_of(q->name)};
        for (int64_t i = 0; i < q->count; i++) {
            const double x = first_value(q, stream, i);
            const int64_t at = q->offset + memory_index(q, i);
            if (type == RN_F64)
                ((double *)values)[at] = (double)(float)x; /* a float64 graph begins where the float32 one does */
            else
                ((float *)values)[at] = (float)x;
        }
    }
}

int rn_parameter_file_dims(const rn_parameter *p, int64_t dim[RN_MAX_RANK])
{
    static const int io[RN_MAX_RANK] = {1, 0}, hwio[RN_MAX_RANK] = {3, 2, 0, 1};
    const int *order = p->options.layout == RN_LAYOUT_IO ? io : p->options.layout == RN_LAYOUT_HWIO ? hwio : NULL;
    for (int i = 0; i < p->shape.rank; i++)
        dim[i] = p->shape.dim[order ? order[i] : i];
    return p->shape.rank;
}

void rn_parameter_to_file(const rn_parameter *p, const float *memory, float *file)
{
    for (int64_t i = 0; i < p->count; i++)
        file[i] = memory[memory_index(p, i)];
}

void rn_parameter_from_file(const rn_parameter *p, const float *file, float *memory)
{
    for (int64_t i = 0; i < p->count; i++)
        memory[memory_index(p, i)] = file[i];
}
