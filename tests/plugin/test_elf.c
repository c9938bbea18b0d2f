/* Shared objects that are none, are damaged, or do not fit: a real plugin is copied and harmed. */
#include "plugin/elf.h"
#include "plugin/load.h"
#include "support/scratch.h"

#include <elf.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PLUGIN BUILD_FOLDER "/lib/runner/devices.so"

typedef struct original {
    uint8_t *file;
    size_t bytes;
    char *folder;
    uint64_t random;
} original;

static int setup(void **state)
{
    static original o;
    o.file = scratch_read(PLUGIN, &o.bytes);
    o.folder = scratch_folder();
    *state = &o;
    return 0;
}

static int teardown(void **state)
{
    original *o = *state;
    free(o->file);
    free(o->folder);
    return 0;
}

/* xorshift64: repeatable cases */
static uint64_t draw(original *o, uint64_t below)
{
    o->random ^= o->random << 13;
    o->random ^= o->random >> 7;
    o->random ^= o->random << 17;
    return o->random % below;
}

static bool head_of(const uint8_t *file, size_t bytes, rn_plugin_head *head, rn_error *err)
{
    uint8_t *exact = malloc(bytes ? bytes : 1); /* a sanitizer sees any byte read beyond */
    assert_non_null(exact);
    memcpy(exact, file, bytes);
    const bool ok = rn_elf_plugin_head("x.so", exact, bytes, head, err);
    free(exact);
    return ok;
}

static void the_head_of_a_whole_plugin_is_read(void **state)
{
    original *o = *state;
    rn_plugin_head head;
    rn_error err;
    assert_ok(head_of(o->file, o->bytes, &head, &err), err);
    assert_int_equal(head.abi, RN_ABI);
    assert_int_equal(head.bytes, sizeof(rn_plugin));
}

static void the_head_is_read_without_section_headers(void **state)
{
    original *o = *state;
    Elf64_Ehdr h;
    memcpy(&h, o->file, sizeof h);
    h.e_shoff = 0;
    h.e_shnum = h.e_shstrndx = 0;
    uint8_t *file = malloc(o->bytes);
    memcpy(file, o->file, o->bytes);
    memcpy(file, &h, sizeof h);
    rn_plugin_head head;
    rn_error err;
    assert_ok(head_of(file, o->bytes, &head, &err), err);
    assert_int_equal(head.abi, RN_ABI);
    free(file);
}

static void refused_when_cut_to(original *o, size_t bytes)
{
    rn_plugin_head head;
    rn_error err;
    if (head_of(o->file, bytes, &head, &err))
        fail_msg("accepted when cut to %zu of %zu bytes", bytes, o->bytes);
    assert_int_equal(err.code, RN_EPLUGIN);
    assert_non_null(strstr(err.text, "plugin 'x.so': "));
    if (bytes >= SELFMAG && !strstr(err.text, "cut short"))
        fail_msg("cut to %zu bytes: '%s'", bytes, err.text);
}

static void every_truncation_is_refused_as_cut_short(void **state)
{
    original *o = *state;
    Elf64_Ehdr h;
    memcpy(&h, o->file, sizeof h);
    const size_t headers = h.e_phoff + (size_t)h.e_phnum * sizeof(Elf64_Phdr);
    const size_t lengths[] = {0, 1, 3, 4, 15, 16, 17, 18, 20, 24, 32, 40, 52, 58, 60, 63, 64, 65, headers - 1, headers,
                              headers + 1, 4095, 4096, 4097, 8191, 8192, o->bytes / 2, h.e_shoff - 1, h.e_shoff,
                              h.e_shoff + 1, o->bytes - 64, o->bytes - 1};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        refused_when_cut_to(o, lengths[i]);
    o->random = 1;
    for (int i = 0; i < 200; i++)
        refused_when_cut_to(o, draw(o, o->bytes));
}

/* Flips of one bit in the headers and in what the dynamic table points to. What the check accepts must then be
 * safe to open: that is tried in a child, which may refuse but not crash. */
static void flipped_bits_never_crash(void **state)
{
    original *o = *state;
    Elf64_Ehdr h;
    memcpy(&h, o->file, sizeof h);
    const size_t headers = h.e_phoff + (size_t)h.e_phnum * sizeof(Elf64_Phdr);
    char *path = scratch_path(o->folder, "flipped.so");
    uint8_t *file = malloc(o->bytes);
    int refused = 0, opened = 0;
    o->random = 2;
    for (int i = 0; i < 500; i++) {
        const size_t byte = draw(o, headers);
        const unsigned bit = (unsigned)draw(o, 8);
        memcpy(file, o->file, o->bytes);
        file[byte] ^= (uint8_t)(1u << bit);
        rn_plugin_head head;
        rn_error err;
        if (!head_of(file, o->bytes, &head, &err)) {
            refused++;
            continue;
        }
        opened++;
        scratch_write(path, file, o->bytes);
        fflush(NULL);
        const pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            signal(SIGSEGV, SIG_DFL); /* cmocka's handler would go on with the next test */
            signal(SIGBUS, SIG_DFL);
            rn_registry *r = rn_registry_open();
            const bool ok = rn_plugin_load_file(r, path, &err);
            _exit(ok || err.code == RN_EPLUGIN ? 0 : 1);
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
            fail_msg("bit %u of byte %zu: accepted, and then status %x", bit, byte, (unsigned)status);
    }
    assert_true(refused > 100);
    assert_true(opened > 20);
    /* anywhere in the file: the check alone (code and data are no business of it) */
    for (int i = 0; i < 2000; i++) {
        memcpy(file, o->file, o->bytes);
        for (int k = 0; k < 3; k++)
            file[draw(o, o->bytes)] ^= (uint8_t)(1u << draw(o, 8));
        rn_plugin_head head;
        rn_error err;
        if (!head_of(file, o->bytes, &head, &err))
            assert_int_equal(err.code, RN_EPLUGIN);
    }
    free(file);
    free(path);
}

/* Where needle first stands in the file, from `begin` on. */
static size_t find(const original *o, size_t begin, const void *needle, size_t n)
{
    const uint8_t *p = memmem(o->file + begin, o->bytes - begin, needle, n);
    if (!p)
        fail_msg("the plugin does not hold what the test wants to change");
    return (size_t)(p - o->file);
}

static void patch_abi(const original *o, uint8_t *file, uint32_t abi)
{
    const uint32_t head[2] = {RN_ABI, sizeof(rn_plugin)};
    memcpy(file + find(o, 0, head, sizeof head), &abi, sizeof abi);
}

static void newer_abi(const original *o, uint8_t *file) { patch_abi(o, file, RN_ABI + 1); }
static void older_abi(const original *o, uint8_t *file) { patch_abi(o, file, 0); }
static void larger_than_its_symbol(const original *o, uint8_t *file)
{
    const uint32_t head[2] = {RN_ABI, sizeof(rn_plugin)}, bytes = sizeof(rn_plugin) + 8;
    memcpy(file + find(o, 0, head, sizeof head) + 4, &bytes, sizeof bytes);
}
static void smaller_than_its_name(const original *o, uint8_t *file)
{
    const uint32_t head[2] = {RN_ABI, sizeof(rn_plugin)}, bytes = 8;
    memcpy(file + find(o, 0, head, sizeof head) + 4, &bytes, sizeof bytes);
}
static void renamed_symbol(const original *o, uint8_t *file)
{
    memcpy(file + find(o, 0, "rn_plugin_export", 17), "rn_plugin_expose", 16);
}
static void other_machine(const original *o, uint8_t *file)
{
    (void)o;
    file[offsetof(Elf64_Ehdr, e_machine)] = EM_S390;
    file[offsetof(Elf64_Ehdr, e_machine) + 1] = 0;
}
static void narrow_machine(const original *o, uint8_t *file)
{
    (void)o;
    file[EI_CLASS] = ELFCLASS32;
}
static void object_file(const original *o, uint8_t *file)
{
    (void)o;
    file[offsetof(Elf64_Ehdr, e_type)] = ET_REL;
}
static void unknown_function(const original *o, uint8_t *file)
{
    /* munmap is what the cpu device imports */
    memcpy(file + find(o, 0, "\0munmap", 8) + 1, "rn_map", 6);
}

static const struct {
    const char *name;
    void (*harm)(const original *o, uint8_t *file);
    const char *reason;
} harms[] = {
    {"newer.so", newer_abi, "a newer runner: its ABI number is"},
    {"older.so", older_abi, "an older runner: its ABI number is"},
    {"larger.so", larger_than_its_symbol, "the symbol has"},
    {"smaller.so", smaller_than_its_name, "name, version and licence alone need"},
    {"renamed.so", renamed_symbol, "exports no rn_plugin_export"},
    {"s390.so", other_machine, "built for another machine: s390"},
    {"narrow.so", narrow_machine, "no 64-bit"},
    {"object.so", object_file, "an object file"},
    {"future.so", unknown_function, "built for a newer runner: it needs 'rn_map'"},
};

static void load_must_fail(const char *path, const char *reason)
{
    rn_registry *r = rn_registry_open();
    rn_error err;
    if (rn_plugin_load_file(r, path, &err))
        fail_msg("'%s' was loaded", path);
    assert_int_equal(err.code, RN_EPLUGIN);
    if (!strstr(err.text, reason) || !strstr(err.text, path))
        fail_msg("'%s' does not say '%s' of '%s'", err.text, reason, path);
    assert_int_equal(rn_registry_plugins(r), 0);
    rn_registry_close(r);
}

static void what_does_not_fit_is_refused_with_its_reason(void **state)
{
    original *o = *state;
    uint8_t *file = malloc(o->bytes);
    for (size_t i = 0; i < sizeof harms / sizeof *harms; i++) {
        memcpy(file, o->file, o->bytes);
        harms[i].harm(o, file);
        char *path = scratch_path(o->folder, harms[i].name);
        scratch_write(path, file, o->bytes);
        load_must_fail(path, harms[i].reason);
        free(path);
    }
    free(file);
}

static const struct {
    const char *name, *content, *reason;
} others[] = {
    {"empty.so", "", "the file is empty"},
    {"text.so", "This is a letter to my aunt, and no shared object.\n", "no shared object"},
    {"script.so", "#!/bin/sh\nexit 0\n", "no shared object"},
    {"magic.so", "\177ELF", "cut short"},
};

static void what_is_no_shared_object_is_refused(void **state)
{
    original *o = *state;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        char *path = scratch_path(o->folder, others[i].name);
        scratch_write(path, others[i].content, strlen(others[i].content));
        load_must_fail(path, others[i].reason);
        free(path);
    }
    char *folder = scratch_path(o->folder, "folder.so");
    assert_int_equal(mkdir(folder, 0777), 0);
    load_must_fail(folder, "a folder");
    free(folder);
    char *nothing = scratch_path(o->folder, "nothing.so");
    load_must_fail(nothing, "No such file");
    free(nothing);
    load_must_fail("/dev/null", "a device");
    load_must_fail(BUILD_FOLDER "/tests/test_plugin_elf", "exports no rn_plugin_export"); /* a program */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_head_of_a_whole_plugin_is_read),
        cmocka_unit_test(the_head_is_read_without_section_headers),
        cmocka_unit_test(every_truncation_is_refused_as_cut_short),
        cmocka_unit_test(flipped_bits_never_crash),
        cmocka_unit_test(what_does_not_fit_is_refused_with_its_reason),
        cmocka_unit_test(what_is_no_shared_object_is_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
