#include "tune/choices.h"

#include "base/file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static const char head[] = "runner-kernels 1";
enum { MOST_BYTES = 16 * 1024 * 1024, DIGITS = 64 };

void rn_choices_free(rn_choices *c)
{
    free(c->choice);
    free(c->tried);
    rn_arena_free(&c->arena);
    *c = (rn_choices){0};
}

/* --- in memory -------------------------------------------------------------------------------------- */

const rn_choice *rn_choices_find(const rn_choices *c, const char *call)
{
    for (int64_t i = 0; i < c->n_choices; i++)
        if (strcmp(c->choice[i].call, call) == 0)
            return &c->choice[i];
    return NULL;
}

const rn_tried *rn_choices_find_tried(const rn_choices *c, const char *op, const char *kernel)
{
    for (int64_t i = 0; i < c->n_tried; i++)
        if (strcmp(c->tried[i].kernel, kernel) == 0 && strcmp(c->tried[i].op, op) == 0)
            return &c->tried[i];
    return NULL;
}

bool rn_choices_put(rn_choices *c, rn_choice choice, bool replace)
{
    int64_t i = 0;
    while (i < c->n_choices && strcmp(c->choice[i].call, choice.call) != 0)
        i++;
    if (i < c->n_choices && !replace)
        return true;
    if (i == c->room_choices) {
        const int64_t room = 2 * c->room_choices + 64;
        rn_choice *larger = realloc(c->choice, (size_t)room * sizeof *larger);
        if (!larger)
            return false;
        c->choice = larger, c->room_choices = room;
    }
    choice.call = rn_arena_text(&c->arena, choice.call);
    choice.kernel = rn_arena_text(&c->arena, choice.kernel);
    if (!choice.call || !choice.kernel)
        return false;
    c->choice[i] = choice;
    c->n_choices += i == c->n_choices;
    return true;
}

bool rn_choices_put_tried(rn_choices *c, rn_tried tried)
{
    if (rn_choices_find_tried(c, tried.op, tried.kernel))
        return true;
    if (c->n_tried == c->room_tried) {
        const int64_t room = 2 * c->room_tried + 64;
        rn_tried *larger = realloc(c->tried, (size_t)room * sizeof *larger);
        if (!larger)
            return false;
        c->tried = larger, c->room_tried = room;
    }
    tried.op = rn_arena_text(&c->arena, tried.op);
    tried.kernel = rn_arena_text(&c->arena, tried.kernel);
    if (!tried.op || !tried.kernel)
        return false;
    c->tried[c->n_tried++] = tried;
    return true;
}

/* --- reading ---------------------------------------------------------------------------------------- */

static void seal(const char *text, size_t bytes, char digits[DIGITS + 1])
{
    uint8_t digest[32];
    rn_sha256_of(text, bytes, digest);
    rn_hex(digest, sizeof digest, digits);
}

/* Is the last line "end <hash of all above>", and the first the head? Cuts that last line off. */
static bool is_whole(char *text)
{
    char digits[DIGITS + 1];
    char *end = strstr(text, "\nend ");
    if (!end || strncmp(text, head, sizeof head - 1) != 0 || text[sizeof head - 1] != '\n')
        return false;
    end++;
    seal(text, (size_t)(end - text), digits);
    if (strncmp(end + 4, digits, DIGITS) != 0 || strcmp(end + 4 + DIGITS, "\n") != 0)
        return false;
    *end = '\0';
    return true;
}

/* The next word of a line; NULL at its end. */
static char *word(char **at)
{
    char *begin = *at + strspn(*at, " ");
    if (!*begin)
        return NULL;
    char *end = begin + strcspn(begin, " ");
    *at = *end ? end + 1 : end;
    *end = '\0';
    return begin;
}

static bool number(const char *text, double *value)
{
    char *end = NULL;
    *value = text ? strtod(text, &end) : 0;
    return text && end != text && !*end;
}

/* "0.000412 native/float32/any | 2 cpu conv2d …" */
static bool read_choice(rn_choices *c, char *line)
{
    rn_choice choice = {0};
    const bool timed = number(word(&line), &choice.seconds);
    choice.kernel = word(&line);
    if (!timed || !choice.kernel || strncmp(line, "| ", 2) != 0 || !line[2])
        return false;
    choice.call = line + 2;
    return rn_choices_put(c, choice, false);
}

/* "conv2d native/float32/any 1.3e-07 right" */
static bool read_tried(rn_choices *c, char *line)
{
    rn_tried tried = {.op = word(&line), .kernel = word(&line)};
    const bool measured = number(word(&line), &tried.error);
    const char *verdict = word(&line);
    if (!measured || !verdict || (strcmp(verdict, "right") != 0 && strcmp(verdict, "wrong") != 0))
        return false;
    tried.right = verdict[0] == 'r';
    return rn_choices_put_tried(c, tried);
}

static bool read_lines(rn_choices *c, char *text, bool sealed)
{
    bool good = true;
    for (char *line = strtok_r(text, "\n", &text); good && line; line = strtok_r(NULL, "\n", &text)) {
        if (strncmp(line, "choice ", 7) == 0)
            good = read_choice(c, line + 7) || !sealed;
        else if (sealed && strncmp(line, "kernel ", 7) == 0)
            good = read_tried(c, line + 7);
    }
    return good;
}

bool rn_choices_read(rn_choices *c, const char *path, bool sealed, rn_error *err)
{
    rn_arena a = {0};
    uint8_t *data;
    size_t bytes;
    bool ok = rn_file_read(&a, path, MOST_BYTES, &data, &bytes, err);
    if (ok && ((sealed && !is_whole((char *)data)) || !read_lines(c, (char *)data, sealed)))
        ok = rn_fail(err, RN_EFORMAT, "'%s' is damaged, or of another version", path);
    rn_arena_free(&a);
    return ok;
}

/* --- writing ---------------------------------------------------------------------------------------- */

static bool write_lines(void *context, FILE *f, rn_error *err)
{
    const rn_choices *c = context;
    char *text = NULL, digits[DIGITS + 1];
    size_t bytes = 0;
    FILE *t = open_memstream(&text, &bytes);
    if (!t)
        return rn_fail(err, RN_EMEMORY, "no memory for the choices of kernels");
    fprintf(t, "%s\n# The fastest kernels of this machine, as runner measured them (docs/performance.md). May be deleted at any time.\n", head);
    for (int64_t i = 0; i < c->n_tried; i++)
        fprintf(t, "kernel %s %s %.3g %s\n", c->tried[i].op, c->tried[i].kernel, c->tried[i].error, c->tried[i].right ? "right" : "wrong");
    for (int64_t i = 0; i < c->n_choices; i++)
        fprintf(t, "choice %.4g %s | %s\n", c->choice[i].seconds, c->choice[i].kernel, c->choice[i].call);
    const bool ok = fclose(t) == 0;
    if (ok) {
        seal(text, bytes, digits);
        fwrite(text, 1, bytes, f); /* rn_file_write asks the file */
        fprintf(f, "end %s\n", digits);
    }
    free(text);
    return ok || rn_fail(err, RN_EMEMORY, "no memory for the choices of kernels");
}

/* What the file has goes before ours: whoever comes later takes what others have taken. */
static bool merge(rn_choices *c, const char *path, rn_choices *all)
{
    rn_error ignored;
    if (!rn_choices_read(all, path, true, &ignored)) /* not there yet, or damaged */
        rn_choices_free(all);
    bool ok = true;
    for (int64_t i = 0; ok && i < c->n_tried; i++)
        ok = rn_choices_put_tried(all, c->tried[i]);
    for (int64_t i = 0; ok && i < c->n_choices; i++)
        ok = rn_choices_put(all, c->choice[i], false);
    return ok;
}

bool rn_choices_write(rn_choices *c, const char *path, rn_error *err)
{
    char folder[4096], lock[4096 + sizeof "/lock"];
    rn_choices all = {0};
    const char *slash = strrchr(path, '/');
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
    snprintf(lock, sizeof lock, "%s/lock", folder);
    if (!rn_folder_make(folder, err))
        return false;
    /* Between reading and renaming nobody else writes. A file system without locks loses at most what two processes
     * measured at the same moment. */
    const int fd = open(lock, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (fd >= 0)
        (void)flock(fd, LOCK_EX);
    const bool ok = merge(c, path, &all) ? rn_file_write(path, write_lines, &all, err)
                                         : rn_fail(err, RN_EMEMORY, "no memory for the choices of kernels");
    if (fd >= 0)
        close(fd);
    rn_choices_free(&all);
    return ok;
}
