#ifndef RN_REPORT_TABLE_H
#define RN_REPORT_TABLE_H
/* Tables for the terminal: columns as wide as their widest cell on the screen, which for UTF-8 is neither bytes nor
 * code points. Cells are filled one after the other, row by row:
 *
 *     rn_table t;
 *     rn_table_init(&t, &arena, "lr", (const char *const[]){"variant", "parameters"});
 *     rn_table_cell(&t, "%s", name);
 *     rn_table_cell(&t, "%" PRId64, count);
 *     rn_table_print(&t, stdout);
 *
 * Memory comes from the arena; where it is exhausted the table is short, and rn_arena_check() tells. */
#include "base/arena.h"

#include <stdio.h>

enum { RN_TABLE_COLUMNS = 24 };
typedef struct rn_table_line rn_table_line;
typedef struct rn_table {
    rn_arena *arena;
    int columns, filled; /* cells of the row that is being filled */
    char align[RN_TABLE_COLUMNS + 1];
    const char *head[RN_TABLE_COLUMNS];
    rn_table_line *first, *last;
} rn_table;

/* align: one letter per column, l or r. head: as many texts, or NULL for a table without a head. */
void rn_table_init(rn_table *t, rn_arena *arena, const char *align, const char *const *head);
/* The next cell; the row ends with its last one. Control characters become spaces. */
void rn_table_cell(rn_table *t, const char *format, ...) RN_PRINTF(2, 3);
/* Fills up the row that was begun, if any, with empty cells. */
void rn_table_end_row(rn_table *t);
/* A line across all columns; it has no part in their widths. */
void rn_table_section(rn_table *t, const char *format, ...) RN_PRINTF(2, 3);
void rn_table_print(const rn_table *t, FILE *out);

/* Columns that a UTF-8 text takes on a terminal: combining marks none, East Asian wide characters two. */
size_t rn_text_width(const char *text);

#endif
