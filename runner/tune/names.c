#include "tune/names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- a call ----------------------------------------------------------------------------------------- */

typedef struct text { char *at; size_t room; } text;

static void put(text *t, const char *format, ...) RN_PRINTF(2, 3);
static void put(text *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const int n = vsnprintf(t->at, t->room, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= t->room) {
        t->room = 0; /* full: nothing more is written */
        return;
    }
    t->at += n, t->room -= (size_t)n;
}

/* Attributes by their schema: the bytes of the struct have gaps between the fields. */
static void put_attributes(text *t, const rn_param *rows, const char *from)
{
    for (const rn_param *r = rows; r && r->type != RN_PARAM_END; r++) {
        const void *field = from + r->offset;
        if (r->type == RN_PARAM_GROUP)
            put_attributes(t, r->fields, field);
        else if (r->type == RN_PARAM_INT || r->type == RN_PARAM_CHOICE)
            put(t, " %s=%" PRId64, r->name, *(const int64_t *)field);
        else if (r->type == RN_PARAM_REAL)
            put(t, " %s=%.17g", r->name, *(const double *)field);
        else if (r->type == RN_PARAM_BOOL)
            put(t, " %s=%d", r->name, *(const bool *)field);
        else if (r->type == RN_PARAM_TEXT && *(const char *const *)field)
            put(t, " %s=%s", r->name, *(const char *const *)field);
    }
}

static void put_shape(text *t, rn_shape s, const char *mark)
{
    static const char *const short_type[] = {[RN_NO_TYPE] = "", [RN_F32] = "f32", [RN_F64] = "f64", [RN_BF16] = "bf16", [RN_I32] = "i32"};
    if (!s.rank) {
        put(t, " -");
        return;
    }
    put(t, " %s%s[", mark, short_type[s.type]);
    for (int i = 0; i < s.rank; i++)
        put(t, "%s%" PRId64, i ? "," : "", s.dim[i]);
    if (!rn_dense(s))
        put(t, "/%" PRId64, s.pitch);
    put(t, "]");
}

bool rn_call_name(const step_node *s, const char *device, int threads, char buffer[RN_CALL_TEXT])
{
    text t = {buffer, RN_CALL_TEXT};
    put(&t, "%d %s %s", threads, device, s->call.op->name);
    if (s->call.attr)
        put_attributes(&t, s->call.op->params, s->call.attr);
    put(&t, " |");
    for (int i = 0; i < s->call.n_in; i++)
        put_shape(&t, s->in_shape[i], !(s->parameters >> i & 1) ? "" : s->repacked ? "*" : "=");
    put(&t, " ->");
    for (int i = 0; i < s->call.n_out; i++)
        put_shape(&t, s->out_shape[i], "");
    if (!t.room)
        return false;
    for (char *c = buffer; *c; c++) /* a text attribute of a stranger's op: a choice is one line */
        if (*c == '\n' || *c == '\r')
            *c = ' ';
    return true;
}

/* --- a kernel --------------------------------------------------------------------------------------- */

const char *rn_kernel_name(const rn_kernel *k, bool widened, char buffer[RN_KERNEL_TEXT])
{
    char cpu[RN_CPU_TEXT];
    snprintf(buffer, RN_KERNEL_TEXT, "%.64s/%s/%s%s", k->name, k->type == RN_NO_TYPE ? "any" : rn_type_name(k->type),
             rn_cpu_text(k->cpu, cpu), widened ? "/widened" : "");
    return buffer;
}

/* --- a plan ----------------------------------------------------------------------------------------- */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

char *rn_plan_text(rn_arena *a, const rn_program *const *programs, int n)
{
    int64_t nodes = 0, lines = 0;
    size_t bytes = 1;
    for (int i = 0; i < n; i++)
        nodes += rn_program_nodes(programs[i]);
    char **line = rn_arena_array(a, (size_t)nodes + 1, sizeof *line);
    for (int i = 0; line && i < n; i++)
        for (int64_t k = 0; k < rn_program_nodes(programs[i]); k++) {
            const step_node *s = rn_program_step_node(programs[i], k);
            char call[RN_CALL_TEXT], kernel[RN_KERNEL_TEXT];
            if (!rn_call_name(s, s->kernel->device, rn_program_threads(programs[i]), call))
                continue;
            line[lines] = rn_arena_print(a, "choice 0 %s | %s\n", rn_kernel_name(s->kernel, s->wide != NULL, kernel), call);
            if (!line[lines])
                return NULL;
            bytes += strlen(line[lines++]);
        }
    char *out = line ? rn_arena_alloc(a, bytes) : NULL;
    if (!out)
        return NULL;
    qsort(line, (size_t)lines, sizeof *line, by_text);
    char *at = out;
    for (int64_t i = 0; i < lines; i++)
        if (i == 0 || strcmp(line[i], line[i - 1]) != 0)
            at = stpcpy(at, line[i]);
    return out;
}
