#include "base/json.h"

#include "base/utf8.h"

#include <assert.h>
#include <math.h>

void rn_json_begin(rn_json *j, FILE *f)
{
    *j = (rn_json){.f = f};
}

void rn_json_quote(FILE *f, const char *text)
{
    if (!text) {
        fputs("null", f);
        return;
    }
    fputc('"', f);
    for (const char *p = text; *p;) {
        const size_t n = rn_utf8_length(p, SIZE_MAX);
        if (n == 0)
            fputs("\\ufffd", f);
        else if (*p == '"' || *p == '\\')
            fprintf(f, "\\%c", *p);
        else if (n == 1 && ((unsigned char)*p < 0x20 || *p == 0x7f))
            fprintf(f, "\\u%04x", (unsigned)*p);
        else
            fwrite(p, 1, n, f);
        p += n ? n : 1;
    }
    fputc('"', f);
}

/* Between two values, before the first and after the last of an object or array. */
static void break_line(const rn_json *j)
{
    if (!j->row)
        fprintf(j->f, "\n%*s", 2 * j->depth, "");
}

/* The comma, the indentation and the name before a value. */
static void lead(rn_json *j, const char *name)
{
    if (j->depth) {
        if (j->any[j->depth - 1])
            fputs(j->row ? ", " : ",", j->f);
        break_line(j);
        j->any[j->depth - 1] = true;
    }
    if (name) {
        rn_json_quote(j->f, name);
        fputs(": ", j->f);
    }
}

static void begin_level(rn_json *j, const char *name, char first, char last)
{
    lead(j, name);
    fputc(first, j->f);
    assert(j->depth < RN_JSON_DEPTH);
    j->any[j->depth] = false;
    j->close[j->depth++] = last;
}

void rn_json_object(rn_json *j, const char *name)
{
    begin_level(j, name, '{', '}');
}

void rn_json_row(rn_json *j, const char *name)
{
    rn_json_object(j, name);
    if (!j->row)
        j->row = j->depth;
}

void rn_json_array(rn_json *j, const char *name)
{
    begin_level(j, name, '[', ']');
}

void rn_json_end(rn_json *j)
{
    assert(j->depth > 0);
    j->depth--;
    if (j->any[j->depth])
        break_line(j);
    fputc(j->close[j->depth], j->f);
    if (j->depth < j->row)
        j->row = 0;
}

void rn_json_text(rn_json *j, const char *name, const char *text)
{
    lead(j, name);
    rn_json_quote(j->f, text);
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
