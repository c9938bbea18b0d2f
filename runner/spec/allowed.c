#include "spec/allowed.h"

#include "spec/diagnostics.h"
#include "spec/scalar.h"

#include <math.h>
#include <string.h>

bool rn_in_range(const rn_param *row, double v)
{
    const bool above = row->flags & RN_OPEN_MIN ? v > row->min : v >= row->min;
    const bool below = row->flags & RN_OPEN_MAX ? v < row->max : v <= row->max;
    return above && below;
}

/* " from 1 to 8", " above 0 and at most 10", "" where all is allowed. */
static const char *range(rn_arena *a, const rn_param *r)
{
    char low[RN_REAL_TEXT], high[RN_REAL_TEXT];
    rn_real_text(r->min, low);
    rn_real_text(r->max, high);
    const bool open_min = r->flags & RN_OPEN_MIN, open_max = r->flags & RN_OPEN_MAX;
    if (isinf(r->min) && isinf(r->max))
        return "";
    if (isinf(r->max))
        return rn_arena_print(a, open_min ? " above %s" : " of at least %s", low);
    if (isinf(r->min))
        return rn_arena_print(a, open_max ? " below %s" : " of at most %s", high);
    if (r->min == r->max)
        return rn_arena_print(a, ": %s", low);
    if (!open_min && !open_max)
        return rn_arena_print(a, " from %s to %s", low, high);
    return rn_arena_print(a, " %s %s and %s %s", open_min ? "above" : "of at least", low, open_max ? "below" : "at most",
                          high);
}

static const char *words(rn_arena *a, const char *const *choices)
{
    size_t n = 0;
    while (choices[n])
        n++;
    if (n == 2)
        return rn_arena_print(a, "%s or %s", choices[0], choices[1]);
    return rn_arena_print(a, "%s%s", n > 2 ? "one of " : "", rn_joined(a, choices, n));
}

static const char *without_none(rn_arena *a, const rn_catalogue *catalogue, const rn_param *r)
{
    const char *const kind = r->kind && catalogue ? catalogue->kind_name(r->kind) : "component";
    const char *const article = strchr("aeiou", kind[0]) ? "an" : "a";
    switch (r->type) {
    case RN_PARAM_INT: return rn_arena_print(a, "a whole number%s", range(a, r));
    case RN_PARAM_REAL: return rn_arena_print(a, "a number%s", range(a, r));
    case RN_PARAM_BOOL: return "true or false";
    case RN_PARAM_TEXT: return "a text";
    case RN_PARAM_PATH: return "a path";
    case RN_PARAM_CHOICE: return words(a, r->choices);
    case RN_PARAM_INTS: return rn_arena_print(a, "a list of whole numbers, each%s", range(a, r));
    case RN_PARAM_REALS:
        if (r->choices)
            return rn_arena_print(a, "%s, or a list of numbers, each%s", words(a, r->choices), range(a, r));
        return rn_arena_print(a, "a list of numbers, each%s", range(a, r));
    case RN_PARAM_TEXTS: return r->flags & RN_PATHS ? "a list of paths" : "a list of texts";
    case RN_PARAM_SIZE: return rn_arena_print(a, "a whole number%s, or [height, width]", range(a, r));
    case RN_PARAM_GROUP:
    case RN_PARAM_GROUP_PTR: return "a mapping";
    case RN_PARAM_LIST: return "a list of mappings";
    case RN_PARAM_COMPONENT: return rn_arena_print(a, "the name of %s %s, or a mapping with its type", article, kind);
    case RN_PARAM_COMPONENTS: return rn_arena_print(a, "a list of %s names, or of mappings with their type", kind);
    case RN_PARAM_INLINE: return rn_arena_print(a, "the name of %s %s", article, kind);
    case RN_PARAM_QUANTITY: return rn_arena_print(a, "a number%s with its unit, %s", range(a, r), words(a, r->choices));
    case RN_PARAM_END: break;
    }
    return "";
}

const char *rn_allowed(rn_arena *a, const rn_catalogue *catalogue, const rn_param *row)
{
    const char *text = without_none(a, catalogue, row);
    if (row->flags & RN_NULLABLE)
        text = rn_arena_print(a, "%s, or none", text ? text : "");
    return text ? text : "";
}
