#ifndef TESTS_SUPPORT_GOLDEN_H
#define TESTS_SUPPORT_GOLDEN_H
/* Reading the reference numbers: tab-separated index tables and the safetensors beside them. The folder is
 * $RUNNER_GOLDEN, or ../shared/golden seen from the project's root. Tests read the tables and name no case. */
#include "test.h"
#include "train/safetensors.h"

/* The folder, or NULL where it is absent (the test then exits with TEST_SKIPPED). */
const char *golden_folder(void);
/* The folder of images, $RUNNER_DATA or ../shared/data; NULL where it is absent. */
const char *golden_data_folder(void);

typedef struct golden_table {
    int columns, rows;
    char **column; /* names */
    char **cell;   /* [rows · columns] */
    int *line;     /* [rows], line in the file */
} golden_table;

/* Fails the test where the file cannot be read. Allocated once, never freed. */
const golden_table *golden_read(const char *file);
/* The cell under that column; fails the test if there is no such column. */
const char *golden_cell(const golden_table *t, int row, const char *column);
double golden_number(const golden_table *t, int row, const char *column);

/* "key=value;key=value": value of a key into text (size bytes); false if it is not there. */
bool golden_text(const char *params, const char *key, char *text, size_t size);
double golden_real(const char *params, const char *key, double otherwise);
int64_t golden_int(const char *params, const char *key, int64_t otherwise);
/* A list "1,2,3" of a key; returns how many, at most `most`. */
int golden_list(const char *params, const char *key, double *v, int most);

/* "y:2e-06,dx:5e-06" one after the other: false at the end. *at begins at the whole text. */
bool golden_result(const char **at, char *name, size_t size, double *tolerance);

/* The safetensors file of that name in the folder, opened once. */
const rn_safetensors *golden_tensors(const char *file);
/* Tensor "<a>/<b>" as doubles (malloc), its count and shape; NULL if it is not there. */
double *golden_tensor(const rn_safetensors *file, const char *a, const char *b, const rn_file_tensor **info);

/* max |got − want| / max |want| over the tensor; if want is all zero, max |got|; NaN anywhere gives NaN. */
double golden_error(const double *got, const double *want, int64_t n);

/* Prints "<table>: compared N rows, M belong to parts that are not built" and fails if N is 0. */
void golden_report(const char *table, int compared, int not_built);

#endif
