#include "support/scratch.h"

#include <ftw.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_FOLDERS = 64 };
static char *folders[MAX_FOLDERS];
static int n_folders;
static pid_t owner; /* a forked child removes nothing */

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st, (void)kind, (void)ftw;
    return remove(path);
}

static void remove_all(void)
{
    if (getpid() != owner)
        return;
    for (int i = 0; i < n_folders; i++) {
        nftw(folders[i], remove_one, 16, FTW_DEPTH | FTW_PHYS);
        free(folders[i]);
    }
}

char *scratch_folder(void)
{
    char *folder = strdup(BUILD_FOLDER "/scratch-XXXXXX");
    assert_non_null(folder);
    assert_non_null(mkdtemp(folder));
    assert_true(n_folders < MAX_FOLDERS);
    if (n_folders == 0) {
        owner = getpid();
        atexit(remove_all);
    }
    folders[n_folders] = strdup(folder);
    assert_non_null(folders[n_folders]);
    n_folders++;
    return folder;
}

char *scratch_path(const char *folder, const char *name)
{
    char *path = malloc(strlen(folder) + strlen(name) + 2);
    assert_non_null(path);
    sprintf(path, "%s/%s", folder, name);
    return path;
}

void scratch_write(const char *path, const void *data, size_t bytes)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, bytes, f), bytes);
    assert_int_equal(fclose(f), 0);
}

static uint8_t *read_all(FILE *f, size_t *bytes)
{
    size_t used = 0, room = 1 << 16;
    uint8_t *data = malloc(room + 1);
    assert_non_null(data);
    for (size_t n; (n = fread(data + used, 1, room - used, f)) > 0;) {
        used += n;
        if (used == room) {
            data = realloc(data, (room *= 2) + 1);
            assert_non_null(data);
        }
    }
    data[used] = 0;
    *bytes = used;
    return data;
}

uint8_t *scratch_read(const char *path, size_t *bytes)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        fail_msg("could not read '%s'", path);
    uint8_t *data = read_all(f, bytes);
    fclose(f);
    return data;
}

int scratch_run(char **text, const char *format, ...)
{
    char command[8192] = "( ";
    va_list args;
    va_start(args, format);
    const int n = vsnprintf(command + 2, sizeof command - 16, format, args);
    va_end(args);
    assert_true(n > 0 && (size_t)n < sizeof command - 16);
    strcat(command, " ) 2>&1");
    fflush(NULL);
    FILE *f = popen(command, "r");
    assert_non_null(f);
    size_t bytes;
    char *out = (char *)read_all(f, &bytes);
    const int status = pclose(f);
    if (text)
        *text = out;
    else
        free(out);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

double scratch_number(const char *json, const char *name)
{
    char key[64];
    snprintf(key, sizeof key, "\"%s\": ", name);
    const char *at = strstr(json, key);
    if (!at)
        fail_msg("no %s in %s", name, json);
    return strtod(at + strlen(key), NULL);
}
