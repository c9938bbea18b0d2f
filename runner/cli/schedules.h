#ifndef RN_CLI_SCHEDULES_H
#define RN_CLI_SCHEDULES_H
/* The schedules of a spec's variants and the resolutions that their shifts align them with; for the verbs `schedule` and
 * `snr`, which look at them before anything is trained. */
#include "spec/spec.h"

#include <runner/schedule.h>

/* The schedule that a variant trains on. Errors: those of its task, with their place. */
RN_NODISCARD bool rn_variant_curve(const rn_variant *v, rn_curve *curve, rn_error *err);

/* The shorter side of the variant's images in pixels: what a shift is relative to. */
int64_t rn_variant_side(const rn_variant *v);

/* The curve without its shift: what it is at the resolution that it is aligned with. */
rn_curve rn_curve_unshifted(const rn_curve *curve);

/* "cosine", "cosine, shift from 16", "cosine, shift from 32 at the image end and 16 at the noise end", in the arena. */
const char *rn_curve_words(rn_arena *a, const rn_curve *curve, int64_t side_px);

/* Reference sides in pixels, ascending: those where a variant's pooled images have the SNR of its schedule without shift, at
 * one end at least. A schedule moved by δ has it at side·e^(δ/2). Where no schedule is moved: half and a quarter of the
 * smallest side. Only whole numbers below some variant's side. */
enum { RN_REFERENCES = 16 };
typedef struct rn_references { int64_t px[RN_REFERENCES]; int n; } rn_references;
void rn_spec_references(const rn_spec *spec, const rn_curve *curve, rn_references *references);

#endif
