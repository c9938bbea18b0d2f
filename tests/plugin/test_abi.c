/* The plugin ABI against its record, tests/plugin/abi_<RN_ABI>.txt: offset, size and declaration of every field of
 * every public struct, the values of enumerators, the prototypes of exported functions. All that is recorded must
 * still hold while the number stays; fields may only be added at the end of structs that begin with their size.
 * `test_plugin_abi --write` writes the record of a new number. */
#include "support/scratch.h"

#include <ctype.h>
#include <runner/plugin.h>

#define HEADERS SOURCE_FOLDER "/include"
enum { MAX_LINES = 4096, MAX_TEXT = 1024 };

/* --- reading the headers ---------------------------------------------------------------------------- */

/* Lines of the preprocessed headers that come from include/runner, attributes and needless space taken out. */
static char *public_text(void)
{
    char *all, *end;
    assert_int_equal(scratch_run(&all, "cd '" HEADERS "/runner' && for h in *.h; do echo \"#include <runner/$h>\"; done | "
                                       C_COMPILER " -std=c11 -D'__attribute__(x)=' -I'" HEADERS "' -E -"), 0);
    char *text = malloc(strlen(all) + 1), *to = text;
    assert_non_null(text);
    bool ours = false;
    for (char *line = all; *line; line = *end ? end + 1 : end) {
        end = strchrnul(line, '\n');
        if (*line == '#') {
            const char *path = memmem(line, (size_t)(end - line), HEADERS "/runner/", sizeof HEADERS "/runner/" - 1);
            ours = path != NULL;
            continue;
        }
        for (const char *c = line; ours && c <= end && *c; c++) {
            const bool space = isspace((unsigned char)*c);
            if (!space || (to > text && to[-1] != ' '))
                *to++ = space ? ' ' : *c;
        }
    }
    *to = '\0';
    free(all);
    return text;
}

typedef struct lines {
    char *v[MAX_LINES];
    int n;
} lines;

static void RN_PRINTF(2, 3) add(lines *l, const char *format, ...)
{
    char text[MAX_TEXT];
    va_list args;
    va_start(args, format);
    assert_true(vsnprintf(text, sizeof text, format, args) < (int)sizeof text);
    va_end(args);
    assert_true(l->n < MAX_LINES);
    l->v[l->n] = strdup(text);
    assert_non_null(l->v[l->n++]);
}

static void forget(lines *l)
{
    for (int i = 0; i < l->n; i++)
        free(l->v[i]);
    free(l);
}

/* Cuts text at the next `stop` outside brackets; returns what follows it, NULL at the end. */
static char *cut(char *text, char stop)
{
    int depth = 0;
    for (char *c = text; *c; c++) {
        if (depth == 0 && *c == stop) {
            *c = '\0';
            return c + 1;
        }
        depth += (*c == '(' || *c == '{' || *c == '[') - (*c == ')' || *c == '}' || *c == ']');
    }
    return NULL;
}

static char *trimmed(char *text)
{
    while (*text == ' ')
        text++;
    for (size_t n = strlen(text); n > 0 && text[n - 1] == ' '; n--)
        text[n - 1] = '\0';
    return text;
}

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* The name that a declarator declares: x of "(*x)(…)", of "x[8]", of "const int *x". */
static void name_of(const char *declarator, char name[MAX_TEXT])
{
    const char *pointer = strstr(declarator, "(*"), *end = strchrnul(declarator, '[');
    if (pointer)
        for (end = pointer + 2; is_word(*end); end++)
            ;
    while (end > declarator && end[-1] == ' ')
        end--;
    const char *begin = end;
    while (begin > declarator && is_word(begin[-1]))
        begin--;
    snprintf(name, MAX_TEXT, "%.*s", (int)(end - begin), begin);
}

/* Statements of the program that prints the record of a struct or an enum. */
static void add_struct(lines *program, const char *name, char *body)
{
    add(program, "printf(\"struct %s %%zu\\n\", sizeof(%s));", name, name);
    for (char *next, *field = body; field; field = next) {
        next = cut(field, ';');
        field = trimmed(field);
        char whole[MAX_TEXT], member[MAX_TEXT];
        snprintf(whole, sizeof whole, "%s", field);
        for (char *more, *declarator = field; *field && declarator; declarator = more) {
            more = cut(declarator, ',');
            name_of(declarator, member);
            add(program, "printf(\"field %s.%s %%zu %%zu %s\\n\", offsetof(%s, %s), sizeof(((%s *)0)->%s));", name,
                member, whole, name, member, name, member);
        }
    }
}

static void add_enum(lines *program, char *body)
{
    for (char *next, *item = body; item; item = next) {
        next = cut(item, ',');
        (void)cut(item, '=');
        item = trimmed(item);
        const size_t n = strlen(item);
        if (n > 0 && !(n > 4 && strcmp(item + n - 4, "_END") == 0)) /* the ends move when kinds are added */
            add(program, "printf(\"enum %s %%d\\n\", (int)%s);", item, item);
    }
}

/* One declaration at file level, without its semicolon. */
static void add_declaration(lines *program, char *text)
{
    text = trimmed(text);
    const bool is_struct = strncmp(text, "typedef struct", 14) == 0 || strncmp(text, "struct", 6) == 0;
    const bool is_enum = strncmp(text, "typedef enum", 12) == 0 || strncmp(text, "enum", 4) == 0;
    char *body = strchr(text, '{'), *end = body ? strrchr(body, '}') : NULL;
    if ((is_struct || is_enum) && body && end) {
        char name[MAX_TEXT], *after = trimmed(end + 1);
        *body = *end = '\0';
        name_of(*after ? after : trimmed(text), name);
        if (is_struct)
            add_struct(program, name, body + 1);
        else
            add_enum(program, body + 1);
    } else if (!is_struct && !is_enum && *text && strncmp(text, "static", 6) != 0) {
        add(program, "puts(\"declaration %s\");", text);
    }
}

/* Compiles and runs the program that prints the record: the caller's lines. */
static lines *record(void)
{
    char *text = public_text();
    lines *program = calloc(1, sizeof *program), *printed = calloc(1, sizeof *printed);
    assert_true(program && printed);
    for (char *c = text; *c;) {
        const bool function = strncmp(c += *c == ' ', "static inline", 13) == 0;
        char *end = c;
        for (int depth = 0; *end; end++) {
            depth += (*end == '{') - (*end == '}');
            if (depth == 0 && *end == (function ? '}' : ';'))
                break;
        }
        char *next = *end ? end + 1 : end;
        *end = '\0';
        if (!function)
            add_declaration(program, c);
        c = next;
    }
    free(text);

    char *folder = scratch_folder(), *source = scratch_path(folder, "record.c"), *out;
    FILE *f = fopen(source, "w");
    assert_non_null(f);
    assert_int_equal(scratch_run(&out, "cd '" HEADERS "/runner' && for h in *.h; do echo \"#include <runner/$h>\"; done"), 0);
    fprintf(f, "%s#include <stdio.h>\nint main(void)\n{\n", out);
    free(out);
    for (int i = 0; i < program->n; i++)
        fprintf(f, "    %s\n", program->v[i]);
    fprintf(f, "    return 0;\n}\n");
    assert_int_equal(fclose(f), 0);
    if (scratch_run(&out, C_COMPILER " -std=c11 -I'" HEADERS "' '%s' -o '%s/record' && '%s/record'", source, folder, folder))
        fail_msg("%s", out);
    for (char *next, *line = out; line; line = next) {
        next = cut(line, '\n');
        if (*line)
            add(printed, "%s", line);
    }
    free(out), free(source), free(folder);
    forget(program);
    return printed;
}

/* --- comparing -------------------------------------------------------------------------------------- */

static const char record_file[] = SOURCE_FOLDER "/tests/plugin/abi_%d.txt";

static const char *found(const lines *l, const char *text, size_t n)
{
    for (int i = 0; i < l->n; i++)
        if (strncmp(l->v[i], text, n) == 0 && (l->v[i][n] == '\0' || l->v[i][n] == ' '))
            return l->v[i];
    return NULL;
}

/* Does the struct begin with its size? (abi, bytes for rn_plugin) */
static bool grows(const lines *l, const char *name)
{
    char bytes[MAX_TEXT + 16];
    snprintf(bytes, sizeof bytes, "field %s.bytes", name);
    const char *line = found(l, bytes, strlen(bytes));
    return line && strtoul(line + strlen(bytes), NULL, 10) <= 4;
}

static int fields(const lines *l, const char *name)
{
    char prefix[MAX_TEXT + 16];
    int n = 0;
    snprintf(prefix, sizeof prefix, "field %s.", name);
    for (int i = 0; i < l->n; i++)
        n += strncmp(l->v[i], prefix, strlen(prefix)) == 0;
    return n;
}

static void what_was_recorded_for_this_abi_number_still_holds(void **state)
{
    (void)state;
    char path[MAX_TEXT];
    size_t bytes;
    snprintf(path, sizeof path, record_file, RN_ABI);
    char *text = (char *)scratch_read(path, &bytes);
    lines *now = record(), *then = calloc(1, sizeof *then);
    assert_non_null(then);
    for (char *next, *line = text; line; line = next) {
        next = cut(line, '\n');
        if (*line)
            add(then, "%s", line);
    }
    int changed = 0;
    for (int i = 0; i < then->n; i++) {
        const char *line = then->v[i];
        char name[MAX_TEXT] = "";
        if (sscanf(line, "struct %1000s", name) == 1) {
            const char *size = found(now, line, strlen("struct ") + strlen(name));
            if (size && (grows(now, name) || (strcmp(size, line) == 0 && fields(now, name) == fields(then, name))))
                continue;
        } else if (found(now, line, strlen(line))) {
            continue;
        }
        print_error("no longer so: %s\n", line);
        changed++;
    }
    assert_true(then->n > 200);
    if (changed)
        fail_msg("%d lines of %s no longer hold: plugins that were built before would read wrong memory; append "
                 "fields at the end of structs that begin with their size, or raise RN_ABI", changed, path);
    free(text);
    forget(now);
    forget(then);
}

static void the_library_is_called_after_the_abi_number(void **state)
{
    (void)state;
    char *out;
    assert_int_equal(scratch_run(&out, "objdump -p '" BUILD_FOLDER "/lib/librunner.so' | grep SONAME"), 0);
    char wanted[64];
    snprintf(wanted, sizeof wanted, "librunner.so.%d\n", RN_ABI);
    assert_non_null(strstr(out, wanted));
    free(out);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--write") == 0) {
        char path[MAX_TEXT];
        snprintf(path, sizeof path, record_file, RN_ABI);
        lines *now = record();
        FILE *f = fopen(path, "w");
        if (!f)
            return 1;
        for (int i = 0; i < now->n; i++)
            fprintf(f, "%s\n", now->v[i]);
        forget(now);
        return fclose(f) != 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_recorded_for_this_abi_number_still_holds),
        cmocka_unit_test(the_library_is_called_after_the_abi_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
