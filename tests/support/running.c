#include "support/running.h"

static void *room(size_t bytes)
{
    const size_t whole = (bytes + 64) / 64 * 64;
    void *p = aligned_alloc(64, whole);
    assert_non_null(p);
    return memset(p, 0, whole);
}

void running_open(running *r, rn_graph *g, const rn_parameters *p, uint32_t seed)
{
    running_open_with(r, g, p, seed, NULL);
}

void running_open_with(running *r, rn_graph *g, const rn_parameters *p, uint32_t seed, const char *kernels)
{
    rn_error err = {0};
    const rn_program_options options = {.kernels = &kernels, .n_kernels = kernels != NULL};
    if (!rn_graph_check(g, &err))
        fail_msg("%s", err.text);
    *r = (running){.parameters = p, .type = rn_graph_type(g)};
    if (!rn_program_compile(g, &options, &r->program, &err))
        fail_msg("%s", err.text);
    r->set = (rn_parameter_set){room((size_t)p->total * rn_type_bytes(r->type)), 1};
    r->arena = room(rn_program_arena_bytes(r->program));
    rn_parameters_init(p, seed, r->type, r->set.values);
    assert_ok(rn_program_bind(r->program, r->arena, &r->set, NULL, &err), err);
}

void running_close(running *r)
{
    rn_program_close(r->program);
    free(r->set.values);
    free(r->arena);
}

double running_even(uint32_t stream, int64_t i)
{
    return 2 * rn_random_uniform((rn_stream){.seed = 1, .stream = stream}, (uint64_t)i) - 1;
}

static void even(rn_type type, void *to, int64_t n, uint32_t stream)
{
    for (int64_t i = 0; i < n; i++) {
        const double u = running_even(stream, i);
        if (type == RN_F64)
            ((double *)to)[i] = u;
        else
            ((float *)to)[i] = (float)u;
    }
}

void running_fill(running *r, const char *input, uint32_t stream)
{
    assert_non_null(rn_program_input(r->program, input));
    even(r->type, rn_program_input(r->program, input), rn_count(rn_program_shape(r->program, input)), stream);
}

void running_set_parameter(running *r, const char *name, uint32_t stream)
{
    const rn_parameter *p = rn_parameters_find(r->parameters, name);
    if (!p)
        fail_msg("no parameter '%s'", name);
    even(r->type, (char *)r->set.values + (size_t)p->offset * rn_type_bytes(r->type), p->count, stream);
    r->set.version++;
}

double running_at(const running *r, const char *name, int64_t i)
{
    const void *v = rn_program_output(r->program, name);
    const rn_shape s = rn_program_shape(r->program, name);
    assert_non_null(v);
    const int64_t at = i / rn_last(s) * rn_pitch(s) + i % rn_last(s);
    return r->type == RN_F64 ? ((const double *)v)[at] : (double)((const float *)v)[at];
}

void running_run(running *r) { rn_program_run(r->program, &(rn_step){0}); }

double running_difference(const running *ra, const char *a, const running *rb, const char *b)
{
    const int64_t n = rn_count(rn_program_shape(ra->program, a));
    double most = 0, largest = 0;
    assert_int_equal(n, rn_count(rn_program_shape(rb->program, b)));
    assert_true(n > 0);
    for (int64_t i = 0; i < n; i++) {
        const double x = running_at(ra, a, i), y = running_at(rb, b, i);
        most = fabs(x - y) <= most ? most : fabs(x - y); /* this way round NaN stays */
        largest = fabs(y) > largest ? fabs(y) : largest;
    }
    return largest > 0 ? most / largest : most;
}
