/* Devices: what every one of them promises, whatever the size. */
#include "plugin/load.h"
#include "support/scratch.h"

static const size_t sizes[] = {0, 1, 63, 64, 65, 4096, (2 << 20) - 1, 2 << 20, (2 << 20) + 1, (6 << 20) + 12345};

static void memory_is_zeroed_aligned_and_holds_what_was_uploaded(void **state)
{
    (void)state;
    rn_registry *r = rn_registry_open();
    rn_error err;
    assert_ok(rn_plugins_load(r, &(rn_plugin_search){0}, &err), err);
    int n = 0;
    for (int i = 0; i < rn_registry_count(r, RN_KIND_DEVICE); i++) {
        const rn_device *d = (const rn_device *)rn_registry_at(r, RN_KIND_DEVICE, i);
        for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++, n++) {
            const size_t bytes = sizes[k];
            uint8_t *memory = d->alloc(bytes), *there = malloc(bytes + 1), *back = malloc(bytes + 1);
            assert_non_null(memory);
            assert_int_equal((uintptr_t)memory % 64, 0);
            d->download(back, memory, bytes);
            for (size_t b = 0; b < bytes; b++) {
                if (back[b] != 0)
                    fail_msg("%s: byte %zu of %zu is not zero", d->name, b, bytes);
                there[b] = (uint8_t)(b * 7 + 1);
            }
            d->upload(memory, there, bytes);
            d->download(back, memory, bytes);
            assert_memory_equal(there, back, bytes);
            d->release(memory, bytes);
            free(there);
            free(back);
        }
        d->release(NULL, 0);
        assert_null(d->alloc(SIZE_MAX / 2 - 100));
        assert_null(d->alloc(SIZE_MAX));
    }
    assert_true(n > 0);
    rn_registry_close(r);
}

static void exactly_one_device_is_the_default(void **state)
{
    (void)state;
    rn_registry *r = rn_registry_open();
    rn_error err;
    assert_ok(rn_plugins_load(r, &(rn_plugin_search){0}, &err), err);
    int defaults = 0;
    for (int i = 0; i < rn_registry_count(r, RN_KIND_DEVICE); i++)
        defaults += rn_registry_at(r, RN_KIND_DEVICE, i)->is_default;
    assert_int_equal(defaults, 1);
    rn_registry_close(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_zeroed_aligned_and_holds_what_was_uploaded),
        cmocka_unit_test(exactly_one_device_is_the_default),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
