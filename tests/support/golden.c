#include "support/golden.h"

#include <errno.h>
#include <sys/stat.h>

/* What was read once stays until the program ends, reachable from here. */
static struct {
    struct table {
        char file[200];
        golden_table t;
        char *text;
        struct table *next;
    } *tables;
    struct tensors {
        char file[200];
        rn_safetensors *open;
        struct tensors *next;
    } *tensors;
} read_before;

static const char *folder_of(const char *variable, const char *otherwise)
{
    const char *path = getenv(variable);
    if (!path || !*path)
        path = otherwise;
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode) ? path : NULL;
}

const char *golden_folder(void) { return folder_of("RUNNER_GOLDEN", SOURCE_FOLDER "/../shared/golden"); }
const char *golden_data_folder(void) { return folder_of("RUNNER_DATA", SOURCE_FOLDER "/../shared/data"); }

static void *get(void *memory)
{
    if (!memory)
        fail_msg("no memory");
    return memory;
}

static char *read_whole(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        fail_msg("could not read '%s': %s", path, strerror(errno));
    size_t used = 0, size = 1 << 16;
    char *text = get(malloc(size));
    for (size_t n; (n = fread(text + used, 1, size - 1 - used, f)) > 0;)
        if ((used += n) == size - 1)
            text = get(realloc(text, size *= 2));
    fclose(f);
    text[used] = '\0';
    return text;
}

/* Cuts line into cells at tabs, in place; returns how many. */
static int cut(char *line, char **cell, int most)
{
    int n = 0;
    while (n < most && line) {
        cell[n++] = line;
        line = strchr(line, '\t');
        if (line)
            *line++ = '\0';
    }
    if (line)
        fail_msg("more than %d columns: '%s'", most, line);
    return n;
}

enum { MOST_COLUMNS = 64 };

static void parse_table(golden_table *t, const char *file, char *text)
{
    int size = 0, number = 0;
    char *next;
    for (char *line = text; line && *line; line = next) {
        number++;
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        const size_t n = strlen(line);
        if (n && line[n - 1] == '\r')
            line[n - 1] = '\0';
        if (!*line || *line == '#')
            continue;
        char *cell[MOST_COLUMNS];
        const int cells = cut(line, cell, MOST_COLUMNS);
        if (!t->column) {
            t->columns = cells;
            t->column = get(malloc(sizeof(char *) * (size_t)cells));
            memcpy(t->column, cell, sizeof(char *) * (size_t)cells);
            continue;
        }
        if (cells != t->columns)
            fail_msg("%s:%d: %d cells under %d columns", file, number, cells, t->columns);
        if (t->rows == size) {
            size = size ? 2 * size : 64;
            t->cell = get(realloc(t->cell, sizeof(char *) * (size_t)size * (size_t)cells));
            t->line = get(realloc(t->line, sizeof(int) * (size_t)size));
        }
        memcpy(t->cell + (size_t)t->rows * (size_t)cells, cell, sizeof(char *) * (size_t)cells);
        t->line[t->rows++] = number;
    }
    if (!t->column)
        fail_msg("%s: no line that names the columns", file);
}

static void path_of(const char *file, char *path, size_t size)
{
    const char *folder = golden_folder();
    if (!folder)
        fail_msg("the folder of reference numbers is absent; RUNNER_GOLDEN names it");
    if (snprintf(path, size, "%s/%s", folder, file) >= (int)size)
        fail_msg("the path of '%s' is too long", file);
}

const golden_table *golden_read(const char *file)
{
    for (struct table *e = read_before.tables; e; e = e->next)
        if (strcmp(e->file, file) == 0)
            return &e->t;
    char path[4096];
    path_of(file, path, sizeof path);
    struct table *e = get(calloc(1, sizeof *e));
    snprintf(e->file, sizeof e->file, "%s", file);
    e->text = read_whole(path);
    parse_table(&e->t, file, e->text);
    e->next = read_before.tables;
    read_before.tables = e;
    return &e->t;
}

const char *golden_cell(const golden_table *t, int row, const char *column)
{
    for (int i = 0; i < t->columns; i++)
        if (strcmp(t->column[i], column) == 0)
            return t->cell[(size_t)row * (size_t)t->columns + (size_t)i];
    fail_msg("no column '%s' beside '%s'", column, t->column[0]);
    return "";
}

static double number_of(const char *text, const char *what, int line)
{
    char *end;
    const double v = strtod(text, &end);
    if (end == text || *end)
        fail_msg("line %d, %s: '%s' is no number", line, what, text);
    return v;
}

double golden_number(const golden_table *t, int row, const char *column)
{
    return number_of(golden_cell(t, row, column), column, t->line[row]);
}

/* The value of a key: where it begins, and its length; NULL if it is not there. */
static const char *value_of(const char *params, const char *key, size_t *length)
{
    const size_t n = strlen(key);
    for (const char *at = params; at; at = strchr(at, ';') ? strchr(at, ';') + 1 : NULL)
        if (strncmp(at, key, n) == 0 && at[n] == '=') {
            *length = strcspn(at + n + 1, ";");
            return at + n + 1;
        }
    return NULL;
}

bool golden_text(const char *params, const char *key, char *text, size_t size)
{
    size_t n;
    const char *value = value_of(params, key, &n);
    if (!value)
        return false;
    if (n >= size)
        fail_msg("%s in '%s': longer than %zu bytes", key, params, size);
    memcpy(text, value, n);
    text[n] = '\0';
    return true;
}

double golden_real(const char *params, const char *key, double otherwise)
{
    char text[64];
    return golden_text(params, key, text, sizeof text) ? number_of(text, key, 0) : otherwise;
}

int64_t golden_int(const char *params, const char *key, int64_t otherwise)
{
    const double v = golden_real(params, key, (double)otherwise);
    if (!(v == floor(v) && fabs(v) < 9e15))
        fail_msg("%s in '%s': no whole number", key, params);
    return (int64_t)v;
}

int golden_list(const char *params, const char *key, double *v, int most)
{
    size_t left;
    const char *at = value_of(params, key, &left);
    int n = 0;
    while (at && left > 0) {
        char text[64];
        const size_t length = strcspn(at, ",;");
        if (n == most || length >= sizeof text)
            fail_msg("%s in '%s': a list of more than %d numbers, or no list", key, params, most);
        memcpy(text, at, length);
        text[length] = '\0';
        v[n++] = number_of(text, key, 0);
        at += length + (at[length] == ',');
        left -= length + (left > length);
    }
    return n;
}

bool golden_result(const char **at, char *name, size_t size, double *tolerance)
{
    if (!**at || strcmp(*at, "-") == 0)
        return false;
    const size_t item = strcspn(*at, ","), n = strcspn(*at, ":");
    if (n >= item || n >= size)
        fail_msg("'%s': not of the form tensor:tolerance", *at);
    memcpy(name, *at, n);
    name[n] = '\0';
    char *end;
    *tolerance = strtod(*at + n + 1, &end);
    if (end != *at + item)
        fail_msg("'%s': the tolerance is no number", *at);
    *at += item + ((*at)[item] == ',');
    return true;
}

const rn_safetensors *golden_tensors(const char *file)
{
    for (struct tensors *e = read_before.tensors; e; e = e->next)
        if (strcmp(e->file, file) == 0)
            return e->open;
    char path[4096];
    path_of(file, path, sizeof path);
    struct tensors *e = get(calloc(1, sizeof *e));
    rn_error err;
    snprintf(e->file, sizeof e->file, "%s", file);
    assert_ok(rn_safetensors_open(path, &e->open, &err), err);
    e->next = read_before.tensors;
    read_before.tensors = e;
    return e->open;
}

double *golden_tensor(const rn_safetensors *file, const char *a, const char *b, const rn_file_tensor **info)
{
    char name[512];
    snprintf(name, sizeof name, "%s/%s", a, b);
    const rn_file_tensor *t = rn_safetensors_find(file, name);
    if (info)
        *info = t;
    if (!t)
        return NULL;
    double *v = get(malloc(sizeof(double) * (size_t)(t->count ? t->count : 1)));
    if (!rn_file_tensor_double(t, v))
        fail_msg("%s: of a type that is not read", name);
    return v;
}

double golden_error(const double *got, const double *want, int64_t n)
{
    double error = 0, largest = 0;
    for (int64_t i = 0; i < n; i++) {
        const double d = fabs(got[i] - want[i]);
        if (isnan(d))
            return (double)NAN;
        error = fmax(error, d);
        largest = fmax(largest, fabs(want[i]));
    }
    return largest > 0 ? error / largest : error;
}

void golden_report(const char *table, int compared, int not_built)
{
    printf("%s: compared %d rows, %d belong to parts that are not built\n", table, compared, not_built);
    if (compared == 0)
        fail_msg("%s: nothing was compared", table);
}
