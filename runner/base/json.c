#include "base/json.h"

#include <math.h>

void rn_json_begin(rn_json *j, FILE *f)
{
    *j = (rn_json){.f = f};
}

/* Bytes of the UTF-8 sequence at p, neither overlong nor a surrogate nor beyond U+10FFFF; 0: there is none. */
static int sequence_at(const unsigned char *p)
{
    const int n = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 0;
    for (int i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf0 && p[1] < 0x90) ||
        (p[0] == 0xf4 && p[1] > 0x8f))
        return 0;
    return n;
}

/* Names of files may be any bytes, JSON is UTF-8: what is none becomes U+FFFD. */
static void put_string(FILE *f, const char *text)
{
    fputc('"', f);
    for (const unsigned char *p = (const unsigned char *)text; *p;) {
        const int n = sequence_at(p);
        if (n == 0)
            fputs("\\ufffd", f);
        else if (*p == '"' || *p == '\\')
            fprintf(f, "\\%c", *p);
        else if (*p < 0x20 || *p == 0x7f)
            fprintf(f, "\\u%04x", *p);
        else
            fwrite(p, 1, (size_t)n, f);
        p += n ? n : 1;
    }
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
