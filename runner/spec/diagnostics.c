#include "spec/diagnostics.h"

#include "base/nearest.h"

#include <stdlib.h>
#include <string.h>

enum {
    KEPT = 1000,       /* beyond them errors are only counted */
    QUOTE_COLUMNS = 120, /* of a quoted line */
    CELL_BYTES = 8,    /* of the longest escape, "\u2028" */
    SHOWN_POINTS = 60, /* of a value in a text */
    JOINED_NAMES = 40,
};

static bool same(const char *a, const char *b) { return a == b || (a && b && strcmp(a, b) == 0); }

static const char *line_of(rn_diagnostics *d, rn_mark m)
{
    if (!m.source)
        return NULL;
    const char *text;
    size_t bytes;
    rn_source_line(m.source, m.line, &text, &bytes);
    return rn_arena_text_n(&d->arena, text, bytes);
}

bool rn_diagnose(rn_diagnostics *d, rn_about about, const char *format, ...)
{
    char text[2048];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);

    const char *place = about.mark.source ? rn_mark_text(&d->arena, about.mark) : "";
    const char *path = about.path ? about.path : "";
    for (const rn_diagnostic *e = d->first; e; e = e->next)
        if (same(e->text, text) && same(e->place, place) && same(e->path, path))
            return false;
    d->n++;
    rn_diagnostic *e = d->n > KEPT ? NULL : rn_arena_alloc(&d->arena, sizeof *e);
    if (!e)
        return false;
    const rn_place p = rn_mark_place(about.mark);
    *e = (rn_diagnostic){
        .code = about.code, .place = place, .line = p.line, .column = p.column,
        .file = p.file ? rn_arena_text(&d->arena, p.file) : "",
        .path = rn_arena_text(&d->arena, path), .text = rn_arena_text(&d->arena, text),
        .quote = line_of(d, about.mark), .mark_column = about.mark.column, .width = about.mark.width,
        .known = about.known ? rn_arena_text(&d->arena, about.known) : NULL,
        .note = about.note ? rn_arena_text(&d->arena, about.note) : NULL,
    };
    if (!e->place || !e->path || !e->text)
        return false;
    if (d->last)
        d->last->next = e;
    else
        d->first = e;
    d->last = e;
    return false;
}

/* Files in the order of their names, options after them; inside by line and column. */
static int by_place(const void *a_, const void *b_)
{
    const rn_diagnostic *a = *(const rn_diagnostic *const *)a_, *b = *(const rn_diagnostic *const *)b_;
    const int set_a = strcmp(a->file, "--set") == 0, set_b = strcmp(b->file, "--set") == 0;
    if (set_a != set_b)
        return set_a - set_b;
    const int file = strcmp(a->file, b->file);
    if (file)
        return file;
    if (a->line != b->line)
        return a->line < b->line ? -1 : 1;
    if (a->column != b->column)
        return a->column < b->column ? -1 : 1;
    return strcmp(a->path, b->path);
}

void rn_diagnostics_sort(rn_diagnostics *d)
{
    size_t n = 0;
    for (const rn_diagnostic *e = d->first; e; e = e->next)
        n++;
    const rn_diagnostic **all = rn_arena_array(&d->arena, n + 1, sizeof *all);
    if (!all || n == 0)
        return;
    n = 0;
    for (const rn_diagnostic *e = d->first; e; e = e->next)
        all[n++] = e;
    qsort(all, n, sizeof *all, by_place);
    /* relinked copies: what was given out stays as it was */
    d->first = NULL;
    d->last = NULL;
    for (size_t i = 0; i < n; i++) {
        rn_diagnostic *e = rn_arena_alloc(&d->arena, sizeof *e);
        if (!e)
            return;
        *e = *all[i];
        e->next = NULL;
        if (d->last)
            d->last->next = e;
        else
            d->first = e;
        d->last = e;
    }
}

/* Bytes of the UTF-8 sequence at p, 1 where there is none. */
static int sequence_at(const unsigned char *p)
{
    const int n = p[0] >= 0xf0 && p[0] < 0xf8 ? 4 : p[0] >= 0xe0 ? 3 : p[0] >= 0xc2 ? 2 : 1;
    if (p[0] >= 0xf8)
        return 1;
    for (int i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 1;
    return n;
}

/* One code point as a terminal may show it: control characters and broken bytes as escapes. Columns taken. */
static int cell_of(const unsigned char *p, int n, char cell[CELL_BYTES])
{
    if (n == 1 && (p[0] < 0x20 || p[0] >= 0x7f)) {
        const char *const named = p[0] == '\t' ? "\\t" : p[0] == '\n' ? "\\n" : p[0] == '\r' ? "\\r" : NULL;
        return named ? snprintf(cell, CELL_BYTES, "%s", named) : snprintf(cell, CELL_BYTES, "\\x%02x", p[0]);
    }
    if (n == 2 && p[0] == 0xc2 && p[1] < 0xa0) /* C1 controls: some terminals obey them */
        return snprintf(cell, CELL_BYTES, "\\x%02x", p[1]);
    if (n == 3 && p[0] == 0xe2 && (p[1] == 0x80 || p[1] == 0x81)) { /* separators and overrides of direction */
        const unsigned point = 0x2000u | (unsigned)(p[1] & 0x3f) << 6 | (p[2] & 0x3f);
        if ((point >= 0x2028 && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069))
            return snprintf(cell, CELL_BYTES, "\\u%04x", point);
    }
    memcpy(cell, p, (size_t)n);
    cell[n] = '\0';
    return 1;
}

static void print_escaped(FILE *f, const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p;) {
        const int n = sequence_at(p);
        char cell[CELL_BYTES];
        cell_of(p, n, cell);
        fputs(cell, f);
        p += n;
    }
}

/* The quoted line around the caret: what lies outside of QUOTE_COLUMNS becomes "…". A tab before the caret
 * would put the caret elsewhere on every terminal, so it is shown as a blank. */
static void print_quote(FILE *f, const rn_diagnostic *e)
{
    char number[16] = "";
    if (strcmp(e->file, "--set") != 0 && strcmp(e->file, "default") != 0)
        snprintf(number, sizeof number, "%d", e->line);
    const int gutter = 2 + (int)(number[0] ? strlen(number) : strlen(e->file));
    const unsigned char *p = (const unsigned char *)e->quote;
    const int first = e->mark_column > QUOTE_COLUMNS - 40 ? e->mark_column - (QUOTE_COLUMNS / 2) : 1;
    fprintf(f, "  %s | %s", number[0] ? number : e->file, first > 1 ? "…" : "");
    int column = 1, shown = first > 1, before = first > 1, under = 0;
    for (; *p; column++) {
        const int n = sequence_at(p);
        char cell[CELL_BYTES];
        const int wide = *p == '\t' ? (cell[0] = ' ', cell[1] = '\0', 1) : cell_of(p, n, cell);
        p += n;
        if (column < first)
            continue;
        if (shown + wide > QUOTE_COLUMNS - 1) {
            fputs("…", f);
            break;
        }
        fputs(cell, f);
        shown += wide;
        if (column < e->mark_column)
            before += wide;
        else if (column < e->mark_column + e->width)
            under += wide;
    }
    fprintf(f, "\n%*s | %*s^", gutter, "", before, "");
    for (int i = 1; i < under; i++)
        fputc('~', f);
    if (e->known) {
        fputs("  known here: ", f);
        print_escaped(f, e->known);
    }
    fputc('\n', f);
    if (e->note) {
        fprintf(f, "%*s | ", gutter, "");
        print_escaped(f, e->note);
        fputc('\n', f);
    }
}

void rn_diagnostics_print(FILE *f, const rn_diagnostics *d)
{
    int shown = 0;
    if (d->n && !d->first)
        fputs("out of memory while telling what is wrong\n", f);
    for (const rn_diagnostic *e = d->first; e && shown < RN_DIAGNOSTICS_SHOWN; e = e->next, shown++) {
        const char *const parts[] = {e->place, e->path};
        for (int i = 0; i < 2; i++)
            if (parts[i][0]) {
                print_escaped(f, parts[i]);
                fputs(": ", f);
            }
        print_escaped(f, e->text);
        fputc('\n', f);
        if (e->quote && e->mark_column > 0) {
            print_quote(f, e);
        } else if (e->note) {
            fputs("  ", f);
            print_escaped(f, e->note);
            fputc('\n', f);
        }
    }
    if (d->n > shown)
        fprintf(f, "and %" PRId64 " more\n", d->n - shown);
}

bool rn_diagnostics_error(const rn_diagnostics *d, rn_error *err)
{
    const rn_diagnostic *e = d->first;
    if (!e)
        return rn_fail(err, RN_EMEMORY, "out of memory while checking the spec");
    return rn_fail_at(err, e->code, (rn_place){e->file, e->line, e->column}, "%s%s%s", e->path, e->path[0] ? ": " : "",
                      e->text);
}

void rn_diagnostics_free(rn_diagnostics *d)
{
    rn_arena_free(&d->arena);
    *d = (rn_diagnostics){0};
}

const char *rn_shown(rn_arena *a, const char *text)
{
    char *out = rn_arena_alloc(a, SHOWN_POINTS * CELL_BYTES + 8);
    if (!out)
        return "";
    size_t used = 0;
    out[used++] = '\'';
    const unsigned char *p = (const unsigned char *)text;
    for (int points = 0; *p && points < SHOWN_POINTS; points++) {
        const int n = sequence_at(p);
        char cell[CELL_BYTES];
        cell_of(p, n, cell);
        memcpy(out + used, cell, strlen(cell));
        used += strlen(cell);
        p += n;
    }
    snprintf(out + used, 8, "%s'", *p ? "…" : "");
    return out;
}

const char *rn_did_you_mean(rn_arena *a, const char *name, const char *const *known, size_t n)
{
    const char *best = rn_nearest(name, known, n);
    const char *text = best ? rn_arena_print(a, "; did you mean '%s'?", best) : NULL;
    return text ? text : "";
}

const char *rn_joined(rn_arena *a, const char *const *names, size_t n)
{
    size_t bytes = 32;
    const size_t shown = n < JOINED_NAMES ? n : JOINED_NAMES;
    for (size_t i = 0; i < shown; i++)
        bytes += strlen(names[i]) + 2;
    char *out = rn_arena_alloc(a, bytes);
    if (!out)
        return "";
    char *p = out;
    for (size_t i = 0; i < shown; i++)
        p += snprintf(p, bytes - (size_t)(p - out), "%s%s", i ? ", " : "", names[i]);
    if (shown < n)
        snprintf(p, bytes - (size_t)(p - out), ", and %zu more", n - shown);
    return out;
}
