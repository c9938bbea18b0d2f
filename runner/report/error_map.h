#ifndef RN_REPORT_ERROR_MAP_H
#define RN_REPORT_ERROR_MAP_H
/* The error of x̂ by logSNR × scale as a table, and where it differs from the baseline's: why an arm wins.
 * Memory comes from the arena; where it is exhausted the table is short, and rn_arena_check() tells. */
#include "base/json.h"
#include "store/store.h"

enum { RN_MAP_SCALES = 12, RN_MAP_BINS = 24 };

typedef struct rn_error_cell {
    double mean, baseline;    /* over the seeds; baseline NaN: nothing to compare with */
    double share, low, high;  /* mean over seeds of error/baseline − 1, and its 95 % interval (NaN: fewer than two pairs) */
    int64_t n, n_pairs;       /* seeds; those that the baseline has too */
} rn_error_cell;

typedef struct rn_error_map {
    int64_t scale[RN_MAP_SCALES]; /* pooling factors, ascending */
    double logsnr[RN_MAP_BINS];
    int scales, bins;
    int64_t images;
    rn_error_cell cell[RN_MAP_SCALES][RN_MAP_BINS];
} rn_error_map;

/* Rows of one run beside its baseline's (rn_store_shown_errors). */
void rn_error_map_of_run(const rn_row_grid *row, size_t n, rn_error_map *map, rn_arena *arena);
/* One variant of an experiment's rows (rn_store_final_errors), paired by seed with the baseline among them. */
void rn_error_map_of_variant(const rn_row_grid *row, size_t n, const char *variant, rn_error_map *map, rn_arena *arena);

/* The errors themselves; the difference to the baseline in per cent, with a * where the interval leaves out 0. */
void rn_error_map_print(FILE *out, const rn_error_map *map, rn_arena *arena);
void rn_error_map_print_shares(FILE *out, const rn_error_map *map, rn_arena *arena);
/* Where it is at least 2 % lower, and where higher (and, with two seeds or more, marked), in words: two lines, or one. */
void rn_error_map_print_words(FILE *out, const rn_error_map *map);
void rn_error_map_json(rn_json *j, const rn_error_map *map);

bool rn_error_map_compares(const rn_error_map *map); /* is there a baseline's number in any cell? */

#endif
