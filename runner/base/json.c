#include "base/json.h"

#include <math.h>

void rn_json_begin(rn_json *j, FILE *f)
{
    *j = (rn_json){.f = f};
}

static void put_string(FILE *f, const char *text)
{
    fputc('"', f);
    for (const unsigned char *p = (const unsigned char *)text; *p; p++)
        if (*p == '"' || *p == '\\')
            fprintf(f, "\\%c", *p);
        else if (*p < 0x20 || *p == 0x7f)
            fprintf(f, "\\u%04x", *p);
        else
            fputc(*p, f);
    fputc('"', f);
}

/* The comma, the indentation and the name before a value. */
static void lead(rn_json *j, const char *name)
{
    if (j->depth) {
        fputs(j->any[j->depth - 1] ? ",\n" : "\n", j->f);
        j->any[j->depth - 1] = true;
    }
    fprintf(j->f, "%*s", 2 * j->depth, "");
    if (name) {
        put_string(j->f, name);
        fputs(": ", j->f);
    }
}

static void open(rn_json *j, const char *name, char first, char last)
{
    lead(j, name);
    fputc(first, j->f);
    if (j->depth < RN_JSON_DEPTH) {
        j->any[j->depth] = false;
        j->close[j->depth++] = last;
    }
}

void rn_json_object(rn_json *j, const char *name)
{
    open(j, name, '{', '}');
}

void rn_json_array(rn_json *j, const char *name)
{
    open(j, name, '[', ']');
}

void rn_json_end(rn_json *j)
{
    if (j->depth == 0)
        return;
    j->depth--;
    if (j->any[j->depth])
        fprintf(j->f, "\n%*s", 2 * j->depth, "");
    fputc(j->close[j->depth], j->f);
}

void rn_json_text(rn_json *j, const char *name, const char *text)
{
    lead(j, name);
    if (text)
        put_string(j->f, text);
    else
        fputs("null", j->f);
}

void rn_json_int(rn_json *j, const char *name, int64_t value)
{
    lead(j, name);
    fprintf(j->f, "%" PRId64, value);
}

void rn_json_number(rn_json *j, const char *name, double value)
{
    lead(j, name);
    if (isfinite(value))
        fprintf(j->f, "%.17g", value);
    else
        fputs("null", j->f);
}

void rn_json_bool(rn_json *j, const char *name, bool value)
{
    lead(j, name);
    fputs(value ? "true" : "false", j->f);
}

void rn_json_finish(rn_json *j)
{
    fputc('\n', j->f);
}
