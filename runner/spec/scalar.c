#include "spec/scalar.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_BYTES = 400 }; /* 1 with 308 zeros is a number, too */

static const struct { const char *text; int64_t factor; } suffixes[] = {
    {"Ki", INT64_C(1) << 10}, {"Mi", INT64_C(1) << 20}, {"Gi", INT64_C(1) << 30}, {"k", 1000}, {"M", 1000000},
};

/* The parts of a number: digits without underscores, ready for strtod and strtoull. */
typedef struct parts {
    char digits[NUMBER_BYTES];
    bool negative, hex, whole; /* whole: neither point nor exponent */
    int64_t factor;
} parts;

/* Copies digits and the underscores between them; how many bytes of p they took, 0 for none. */
static size_t take_digits(const char *p, bool hex, char *out, size_t *used)
{
    size_t i = 0;
    for (;; i++) {
        const unsigned char c = (unsigned char)p[i];
        const bool digit = hex ? isxdigit(c) : isdigit(c);
        const unsigned char after = c ? (unsigned char)p[i + 1] : 0;
        if (c == '_' && i > 0 && p[i - 1] != '_' && (hex ? isxdigit(after) : isdigit(after)))
            continue;
        if (!digit || *used + 2 >= NUMBER_BYTES)
            return i;
        out[(*used)++] = (char)c;
    }
}

static bool split(const char *text, parts *n)
{
    const char *p = text;
    size_t used = 0;
    *n = (parts){.whole = true, .factor = 1};
    if (*p == '+' || *p == '-')
        n->negative = *p++ == '-';
    if (p[0] == '0' && p[1] == 'x') {
        n->hex = true;
        const size_t taken = take_digits(p + 2, true, n->digits, &used);
        return taken > 0 && p[2 + taken] == '\0';
    }
    const size_t before = take_digits(p, false, n->digits, &used);
    size_t after = 0;
    p += before;
    if (*p == '.') {
        n->digits[used++] = *p++;
        n->whole = false;
        after = take_digits(p, false, n->digits, &used);
        p += after;
    }
    if (before + after == 0)
        return false;
    if (*p == 'e' || *p == 'E') {
        const char *q = p + 1;
        if (used + 2 >= NUMBER_BYTES)
            return false;
        n->digits[used++] = 'e';
        if (*q == '+' || *q == '-')
            n->digits[used++] = *q++;
        const size_t exponent = take_digits(q, false, n->digits, &used);
        if (exponent == 0)
            return false;
        p = q + exponent;
        n->whole = false;
    }
    for (size_t i = 0; *p && i < sizeof suffixes / sizeof *suffixes; i++)
        if (strcmp(p, suffixes[i].text) == 0) {
            n->factor = suffixes[i].factor;
            return true;
        }
    return *p == '\0';
}

/* inf and nan in the spellings of YAML and of people. */
static bool special(const char *text, double *value)
{
    const char *p = text;
    const bool negative = *p == '-';
    if (*p == '+' || *p == '-')
        p++;
    if (*p == '.')
        p++;
    if (strcmp(p, "inf") == 0 || strcmp(p, "Inf") == 0 || strcmp(p, "INF") == 0)
        *value = negative ? -HUGE_VAL : HUGE_VAL;
    else if (strcmp(p, "nan") == 0 || strcmp(p, "NaN") == 0 || strcmp(p, "NAN") == 0)
        *value = (double)NAN;
    else
        return false;
    return true;
}

rn_number rn_scalar_real(const char *text, double *value)
{
    parts n;
    if (special(text, value))
        return RN_NUMBER_OK;
    if (!split(text, &n))
        return RN_NUMBER_NONE;
    double v;
    if (n.hex) {
        errno = 0;
        v = (double)strtoull(n.digits, NULL, 16);
        if (errno == ERANGE)
            return RN_NUMBER_LARGE;
    } else {
        v = strtod(n.digits, NULL) * (double)n.factor;
    }
    if (!isfinite(v))
        return RN_NUMBER_LARGE;
    *value = n.negative ? -v : v;
    return RN_NUMBER_OK;
}

rn_number rn_scalar_int(const char *text, int64_t *value)
{
    parts n;
    double real;
    if (special(text, &real))
        return RN_NUMBER_FRACTION;
    if (!split(text, &n))
        return RN_NUMBER_NONE;
    if (n.whole) { /* not through a double, which has 53 bits */
        errno = 0;
        const unsigned long long v = strtoull(n.digits, NULL, n.hex ? 16 : 10);
        if (errno == ERANGE || v > (unsigned long long)(INT64_MAX / n.factor))
            return RN_NUMBER_LARGE;
        *value = (int64_t)v * n.factor * (n.negative ? -1 : 1);
        return RN_NUMBER_OK;
    }
    const rn_number r = rn_scalar_real(text, &real);
    if (r != RN_NUMBER_OK)
        return r;
    if (real != floor(real))
        return RN_NUMBER_FRACTION;
    if (fabs(real) > 9007199254740992.0) /* 2⁵³: beyond it a double skips whole numbers */
        return RN_NUMBER_LARGE;
    *value = (int64_t)real;
    return RN_NUMBER_OK;
}

/* Spellings and multiples of units. A unit that is not here is known by its own name alone. */
static const struct { const char *name, *unit; double factor; } spellings[] = {
    {"image", "images", 1}, {"step", "steps", 1},  {"sec", "s", 1},       {"second", "s", 1},   {"seconds", "s", 1},
    {"min", "s", 60},       {"minute", "s", 60},   {"minutes", "s", 60},  {"h", "s", 3600},     {"hour", "s", 3600},
    {"hours", "s", 3600},   {"MFLOP", "FLOP", 1e6}, {"GFLOP", "FLOP", 1e9}, {"TFLOP", "FLOP", 1e12}, {"PFLOP", "FLOP", 1e15},
    {"EFLOP", "FLOP", 1e18},
};

static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

static bool find_unit(const char *name, const char *const *units, int64_t *unit, double *factor)
{
    *factor = 1;
    for (size_t i = 0; i < sizeof spellings / sizeof *spellings; i++)
        if (strcmp(name, spellings[i].name) == 0) {
            name = spellings[i].unit;
            *factor = spellings[i].factor;
            break;
        }
    for (*unit = 0; units[*unit]; ++*unit)
        if (strcmp(name, units[*unit]) == 0)
            return true;
    return false;
}

rn_number rn_scalar_quantity(const char *text, const char *const *units, double *value, int64_t *unit,
                             char name[RN_UNIT_NAME])
{
    char digits[NUMBER_BYTES];
    double factor;
    size_t end = strlen(text), begin = end;
    while (begin > 0 && is_letter(text[begin - 1]))
        begin--;
    snprintf(name, RN_UNIT_NAME, "%.*s", RN_UNIT_NAME - 1, text + begin);
    for (end = begin; end > 0 && text[end - 1] == ' ';)
        end--;
    if (end == 0 || end >= sizeof digits)
        return RN_NUMBER_NONE;
    memcpy(digits, text, end);
    digits[end] = '\0';
    const rn_number number = rn_scalar_real(digits, value);
    if (number != RN_NUMBER_OK)
        return number;
    if (strlen(text + begin) >= RN_UNIT_NAME || !find_unit(name, units, unit, &factor))
        return RN_NUMBER_FRACTION;
    *value *= factor;
    return isfinite(*value) ? RN_NUMBER_OK : RN_NUMBER_LARGE;
}

size_t rn_scalar_units(const char *const *units, const char **names, size_t most)
{
    size_t n = 0;
    for (size_t k = 0; units[k] && n < most; k++) {
        names[n++] = units[k];
        for (size_t i = 0; i < sizeof spellings / sizeof *spellings && n < most; i++)
            if (strcmp(spellings[i].unit, units[k]) == 0)
                names[n++] = spellings[i].name;
    }
    return n;
}

bool rn_scalar_bool(const char *text, bool *value)
{
    *value = strcmp(text, "true") == 0;
    return *value || strcmp(text, "false") == 0;
}

bool rn_scalar_is_none(const char *text)
{
    return text[0] == '\0' || strcmp(text, "none") == 0 || strcmp(text, "null") == 0 || strcmp(text, "~") == 0;
}

const char *rn_real_text(double value, char text[RN_REAL_TEXT])
{
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, RN_REAL_TEXT, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    return text;
}
