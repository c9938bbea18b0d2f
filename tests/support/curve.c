#include "support/curve.h"

#include "support/schema.h"

/* ref and res are our from and to; "clipped" ends are kept ones; "interpolated" is the cosine with two sides. */
bool golden_curve(const char *schedule, rn_curve *curve)
{
    char type[64], word[64];
    if (!golden_text(schedule, "type", type, sizeof type))
        fail_msg("%s: no type", schedule);
    const bool interpolated = !strcmp(type, "interpolated");
    const rn_component *base = component_in(plugin_of("schedules")->schedules, interpolated ? "cosine" : type);
    if (!base)
        return false;
    rn_shift shift = {.from = golden_int(schedule, "ref", 0), .low = golden_int(schedule, "ref_low", 0),
                      .high = golden_int(schedule, "ref_high", 0), .to = golden_int(schedule, "res", 0)};
    if (golden_text(schedule, "ends", word, sizeof word)) {
        assert_string_equal(word, "clipped");
        shift.ends = 1;
    }
    if (golden_text(schedule, "low_at", word, sizeof word))
        shift.low_at = !strcmp(word, "data");
    const rn_schedule_choice choice = {.curve = {.what = base, .params = params_of(base, schedule)},
                                       .shift = shift.from || shift.low ? &shift : NULL,
                                       .input_scale = golden_real(schedule, "input_scale", 0)};
    rn_error err;
    assert_ok(rn_curve_make(&choice, 64, curve, &err), err);
    return true;
}
