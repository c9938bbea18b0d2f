/* Which kernel a node gets. The sets of the spec's `kernels:` come first, in their order: the first kernel that accepts.
 * Of the others, the chooser's choice, or the first that accepts by rank where nobody chooses. Kernels of
 * RN_RANK_REFERENCE are for nodes that nobody else takes. A node with bfloat16 in or out goes to a kernel of bfloat16, or
 * to one of float32 on widened copies; both are contenders. */
#include "graph/program_internal.h"

#include <stdlib.h>
#include <string.h>

/* The contenders of a node in three parts, each in its order of preference. */
typedef struct contenders {
    rn_contender *v;
    int named, free, all; /* ends: of the spec's own sets, of those to choose from, of the reference kernels */
} contenders;

static bool is_narrow(const step_node *s)
{
    bool narrow = false;
    for (int k = 0; k < s->call.n_in; k++)
        narrow |= s->in_shape[k].type == RN_BF16;
    for (int k = 0; k < s->call.n_out; k++)
        narrow |= s->out_shape[k].type == RN_BF16;
    return narrow;
}

/* --- the list of contenders ------------------------------------------------------------------------- */

static bool is_named(const rn_program_options *o, const rn_kernel *k)
{
    for (int64_t i = 0; i < o->n_kernels; i++)
        if (strcmp(k->name, o->kernels[i]) == 0)
            return true;
    return false;
}

/* Does the kernel serve the type that the node has, or has when widened? */
static bool serves(const rn_program *p, const rn_kernel *k, bool narrow, bool wide)
{
    const rn_type wanted = narrow && !wide ? RN_BF16 : p->g->type;
    return k->type == wanted || (k->type == RN_NO_TYPE && wanted != RN_BF16);
}

enum { SET = 0, FREE, REFERENCE };

/* Appends kernels of the set `name`, or of the spec's other sets: as the node is, then widened. */
static void append(const rn_program *p, const rn_program_options *o, bool narrow, const rn_kernel *const *all, int n, int part,
                   const char *name, contenders *c)
{
    for (int wide = 0; wide <= narrow; wide++)
        for (int k = 0; k < n; k++) {
            const bool reference = all[k]->rank <= RN_RANK_REFERENCE;
            const bool fits = part == SET ? strcmp(all[k]->name, name) == 0 : !is_named(o, all[k]) && reference == (part == REFERENCE);
            if (fits && serves(p, all[k], narrow, wide))
                c->v[c->all++] = (rn_contender){all[k], wide};
        }
}

static bool list(rn_program *p, const rn_program_options *o, bool narrow, const rn_kernel *const *all, int n, contenders *c)
{
    *c = (contenders){.v = rn_arena_array(&p->arena, 2 * (size_t)n + 1, sizeof *c->v)};
    if (!c->v)
        return false;
    for (int64_t i = 0; i < o->n_kernels; i++) {
        bool before = false; /* a set that is named twice counts once: there is room for that */
        for (int64_t k = 0; k < i; k++)
            before |= strcmp(o->kernels[k], o->kernels[i]) == 0;
        if (!before)
            append(p, o, narrow, all, n, SET, o->kernels[i], c);
    }
    c->named = c->all;
    append(p, o, narrow, all, n, FREE, NULL, c);
    c->free = c->all;
    append(p, o, narrow, all, n, REFERENCE, NULL, c);
    return true;
}

/* --- one contender ---------------------------------------------------------------------------------- */

static rn_shape widen(rn_shape s)
{
    if (s.type == RN_BF16)
        s.type = RN_F32, s.pitch = 0;
    return s;
}

/* The node's call in float32. NULL: no memory. */
static widened_call *widen_node(rn_program *p, const step_node *s, rn_call *call)
{
    widened_call *w = rn_arena_alloc(&p->arena, sizeof *w);
    if (!w)
        return NULL;
    for (int k = 0; k < s->call.n_in; k++)
        w->in_shape[k] = widen(s->in_shape[k]);
    for (int k = 0; k < s->call.n_out; k++)
        w->out_shape[k] = widen(s->out_shape[k]);
    *call = s->call;
    call->in = w->in_shape, call->out = w->out_shape;
    return w;
}

/* Room for the copies behind the kernel's own scratch. */
static void place_copies(step_node *s)
{
    s->scratch_bytes = s->work.scratch_bytes;
    if (!s->wide)
        return;
    size_t at = rn_whole_lines(s->scratch_bytes);
    for (int k = 0; k < s->call.n_in; k++)
        if (s->in_shape[k].type == RN_BF16) {
            s->wide->in_offset[k] = at;
            at += rn_whole_lines((size_t)rn_bytes(s->wide->in_shape[k]));
        }
    for (int k = 0; k < s->call.n_out; k++)
        if (s->out_shape[k].type == RN_BF16) {
            s->wide->out_offset[k] = at;
            at += rn_whole_lines((size_t)rn_bytes(s->wide->out_shape[k]));
        }
    s->scratch_bytes = at;
}

/* "native avx2: float32 only; …": why kernels did not get the node. */
static void note(rn_program *p, step_node *s, const rn_contender *c, const char *why)
{
    const char *before = s->refusals;
    char cpu[RN_CPU_TEXT] = "";
    if (c->kernel->cpu)
        rn_cpu_text(c->kernel->cpu, cpu);
    s->refusals = rn_arena_print(&p->arena, "%s%s%s%s%s%s: %s", before, before[0] ? "; " : "", c->kernel->name, cpu[0] ? " " : "",
                                 cpu, c->widened ? ", widened" : "", why);
    if (!s->refusals)
        s->refusals = before;
}

/* Gives the node the contender's kernel, if that accepts; its reason, if not. */
static const char *refusal(rn_program *p, step_node *s, const rn_contender *c)
{
    const rn_kernel *k = c->kernel;
    rn_call call = s->call;
    rn_work work = {0};
    if ((k->cpu & p->cpu) != k->cpu)
        return "this processor lacks its instructions";
    widened_call *wide = c->widened ? widen_node(p, s, &call) : NULL;
    if (c->widened && !wide)
        return "no memory to widen";
    const char *why = k->plan(&call, p->threads, &work);
    if (why)
        return why;
    for (int i = 0; i < call.n_in; i++)
        if (!(s->parameters >> i & 1))
            work.packed_bytes[i] = 0; /* its values change from node to node: there is no time to pack them */
    s->kernel = k;
    s->kernel_call = call;
    s->wide = wide;
    s->label = wide ? rn_arena_print(&p->arena, "%s, widened", k->name) : NULL;
    s->label = s->label ? s->label : k->name;
    s->work = work;
    place_copies(s);
    return NULL;
}

static bool accepts(rn_program *p, step_node *s, const rn_contender *c)
{
    const char *why = refusal(p, s, c);
    if (why)
        note(p, s, c, why);
    return !why;
}

static void forget(step_node *s)
{
    if (s->kernel && s->kernel->forget)
        s->kernel->forget(&s->work);
}

/* --- the choice ------------------------------------------------------------------------------------- */

/* Why the other contenders were not taken. */
static void explain(rn_program *p, step_node *s, const rn_contender *v, int n, int taken)
{
    for (int i = 0; i < n; i++) {
        step_node other = *s;
        other.kernel = NULL;
        const char *why = i == taken ? NULL : refusal(p, &other, &v[i]);
        if (i == taken)
            continue;
        note(p, s, &v[i], why ? why : "not the fastest here");
        forget(&other);
    }
}

/* Every contender that accepts, and the chooser takes one. False: it takes none, or there is no memory. */
static bool compare(rn_program *p, step_node *s, const rn_chooser *chooser, const contenders *c)
{
    const int most = c->free - c->named;
    step_node *v = calloc((size_t)most, sizeof *v), referee = *s;
    int n = 0, chosen = -1;
    for (int i = 0; v && i < most; i++) {
        step_node *candidate = &v[n];
        *candidate = *s;
        n += accepts(p, candidate, &c->v[c->named + i]);
        s->refusals = candidate->refusals;
    }
    bool has_referee = false;
    for (int i = c->free; n && !has_referee && i < c->all; i++)
        has_referee = !refusal(p, &referee, &c->v[i]);
    if (n)
        chosen = chooser->choose(chooser->context, v, n, has_referee ? &referee : NULL, p->threads);
    for (int i = 0; i < n; i++)
        if (i != chosen)
            forget(&v[i]);
    if (has_referee)
        forget(&referee);
    if (chosen >= 0) {
        v[chosen].refusals = s->refusals;
        *s = v[chosen];
    }
    free(v);
    return chosen >= 0;
}

static bool consult(rn_program *p, step_node *s, const rn_chooser *chooser, const contenders *c)
{
    const rn_contender *v = c->v + c->named;
    const int n = c->free - c->named;
    const int known = n ? chooser->recall(chooser->context, s, p->threads, v, n) : -1;
    if (known < 0 || !accepts(p, s, &v[known]))
        return n > 0 && compare(p, s, chooser, c);
    if (chooser->explain)
        explain(p, s, v, n, known);
    return true;
}

bool rn_node_choose_kernel(rn_program *p, step_node *s, const rn_program_options *o, const char *device, rn_error *err)
{
    int n;
    contenders c;
    const char *op = s->call.op->name;
    const rn_kernel *const *all = rn_registry_kernels(p->g->registry, op, device, &n);
    s->refusals = "";
    if (!list(p, o, is_narrow(s), all, n, &c))
        return rn_fail(err, RN_EMEMORY, "no memory for the kernels of the op '%s'", op);
    for (int i = 0; i < c.named; i++)
        if (accepts(p, s, &c.v[i]))
            return true;
    if (o->chooser && consult(p, s, o->chooser, &c))
        return true;
    for (int i = o->chooser ? c.free : c.named; i < c.all; i++)
        if (accepts(p, s, &c.v[i]))
            return true;
    return rn_fail(err, RN_EPLUGIN, "no kernel runs the op '%s' in %s%s%s", op, rn_type_name(p->g->type),
                   s->refusals[0] ? ": " : "; no loaded plugin offers one", s->refusals);
}
