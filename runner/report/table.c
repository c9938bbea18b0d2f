#include "report/table.h"

#include <string.h>

struct rn_table_line {
    rn_table_line *next;
    const char *section; /* NULL: a row */
    const char *cell[RN_TABLE_COLUMNS];
};

/* One code point; what is no UTF-8 counts byte by byte. Returns the bytes taken. */
static size_t decode(const unsigned char *s, uint32_t *c)
{
    const size_t n = s[0] < 0x80 ? 1 : s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : s[0] >= 0xc2 ? 2 : 1;
    *c = n == 1 ? s[0] : s[0] & (0xffu >> (n + 1));
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80) {
            *c = s[0];
            return 1;
        }
        *c = *c << 6 | (s[i] & 0x3f);
    }
    return n;
}

typedef struct range { uint32_t first, last; } range;

/* The blocks that matter for names and texts; Unicode's full tables are a hundred times as long. */
static const range narrow[] = {{0x300, 0x36f}, {0x483, 0x489}, {0x591, 0x5bd}, {0x610, 0x61a}, {0x64b, 0x65f},
                               {0x200b, 0x200f}, {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}};
static const range wide[] = {{0x1100, 0x115f}, {0x2e80, 0x303e}, {0x3041, 0x33ff}, {0x3400, 0x4dbf}, {0x4e00, 0x9fff},
                             {0xa000, 0xa4cf}, {0xac00, 0xd7a3}, {0xf900, 0xfaff}, {0xfe30, 0xfe4f}, {0xff00, 0xff60},
                             {0xffe0, 0xffe6}, {0x1f300, 0x1f64f}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd}};

static bool is_in(uint32_t c, const range *r, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (c >= r[i].first && c <= r[i].last)
            return true;
    return false;
}

size_t rn_text_width(const char *text)
{
    size_t width = 0;
    for (const unsigned char *s = (const unsigned char *)text; *s;) {
        uint32_t c;
        s += decode(s, &c);
        if (!is_in(c, narrow, sizeof narrow / sizeof *narrow))
            width += is_in(c, wide, sizeof wide / sizeof *wide) ? 2 : 1;
    }
    return width;
}

void rn_table_init(rn_table *t, rn_arena *arena, const char *align, const char *const *head)
{
    memset(t, 0, sizeof *t);
    t->arena = arena;
    while (t->columns < RN_TABLE_COLUMNS && align[t->columns]) {
        t->align[t->columns] = align[t->columns];
        t->head[t->columns] = head ? head[t->columns] : NULL;
        t->columns++;
    }
}

static rn_table_line *add_line(rn_table *t)
{
    rn_table_line *line = rn_arena_alloc(t->arena, sizeof *line);
    if (line) {
        if (t->last)
            t->last->next = line;
        else
            t->first = line;
        t->last = line;
    }
    return line;
}

RN_PRINTF(2, 0)
static const char *print_cell(rn_table *t, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    const int n = vsnprintf(NULL, 0, format, again);
    va_end(again);
    char *text = rn_arena_alloc(t->arena, n < 0 ? 1 : (size_t)n + 1);
    if (!text)
        return NULL;
    if (n > 0)
        vsnprintf(text, (size_t)n + 1, format, args);
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = ' ';
    return text;
}

void rn_table_cell(rn_table *t, const char *format, ...)
{
    if (t->filled == 0 && !add_line(t))
        return;
    va_list args;
    va_start(args, format);
    t->last->cell[t->filled] = print_cell(t, format, args);
    va_end(args);
    t->filled = (t->filled + 1) % t->columns;
}

void rn_table_end_row(rn_table *t) { t->filled = 0; }

void rn_table_section(rn_table *t, const char *format, ...)
{
    rn_table_end_row(t);
    if (!add_line(t))
        return;
    va_list args;
    va_start(args, format);
    const char *text = print_cell(t, format, args);
    va_end(args);
    t->last->section = text ? text : "";
}

static void repeat(const char *text, size_t n, FILE *out)
{
    while (n-- > 0)
        fputs(text, out);
}

/* Nothing is printed behind the last cell of a row that has text. */
static void print_row(const rn_table *t, const char *const *cell, const size_t *width, FILE *out)
{
    size_t pending = 0;
    for (int i = 0; i < t->columns; i++) {
        const char *text = cell[i] ? cell[i] : "";
        const size_t own = rn_text_width(text), room = width[i] > own ? width[i] - own : 0;
        if (!*text) {
            pending += width[i] + 2;
            continue;
        }
        const bool right = t->align[i] == 'r';
        repeat(" ", pending + (right ? room : 0), out);
        fputs(text, out);
        pending = (right ? 0 : room) + 2;
    }
    fputc('\n', out);
}

void rn_table_print(const rn_table *t, FILE *out)
{
    size_t width[RN_TABLE_COLUMNS] = {0};
    bool has_head = false;
    for (int i = 0; i < t->columns; i++) {
        has_head = has_head || t->head[i];
        width[i] = t->head[i] ? rn_text_width(t->head[i]) : 0;
        for (const rn_table_line *line = t->first; line; line = line->next)
            if (!line->section && line->cell[i] && rn_text_width(line->cell[i]) > width[i])
                width[i] = rn_text_width(line->cell[i]);
    }
    if (has_head)
        print_row(t, t->head, width, out);
    for (const rn_table_line *line = t->first; line; line = line->next)
        if (line->section)
            fprintf(out, "%s\n", line->section);
        else
            print_row(t, line->cell, width, out);
}
