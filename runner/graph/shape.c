#include <runner/shape.h>

#include <stdio.h>

const char *rn_type_name(rn_type type)
{
    static const char *const names[] = {"none", "float32", "float64", "bfloat16", "int32"};
    return (unsigned)type < sizeof names / sizeof *names ? names[type] : "unknown";
}

const char *rn_shape_text(rn_shape s, char text[RN_SHAPE_TEXT])
{
    int n = 0;
    text[0] = '\0';
    for (int i = 0; i < s.rank && n < RN_SHAPE_TEXT - 24; i++)
        n += snprintf(text + n, RN_SHAPE_TEXT - (size_t)n, "%s%" PRId64, i ? "×" : "", s.dim[i]);
    return text;
}
