#ifndef RN_SPEC_LOCATE_H
#define RN_SPEC_LOCATE_H
/* From an error that a component made to the place of the key that it speaks of. A component knows its values, not
 * where they stand: its errors carry the place of its name, and their texts begin with the key ("loss.scales: 3 does
 * not divide …"). */
#include "spec/spec.h"

/* The value of the key (of the component, or with its whole path of the spec), where somebody wrote one; else a value that the
 * text quotes; else the name of the component; no mark where no component of the variant stands at the error's place. */
rn_mark rn_variant_locate(const rn_variant *v, const rn_error *err);

#endif
