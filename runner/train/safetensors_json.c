#include "train/safetensors_json.h"

#include "base/utf8.h"

#include <string.h>

/* Cut at SHOWN bytes, and no control character gets through. */
enum { SHOWN = 64 };
_Static_assert(RN_JSON_SHOWN >= SHOWN + 4, "room for an ellipsis and a NUL");

const char *rn_json_shown(const char *text, char out[RN_JSON_SHOWN])
{
    size_t n = 0;
    for (; text[n] && n < SHOWN; n++)
        out[n] = (unsigned char)text[n] < 0x20 || text[n] == 0x7f ? '?' : text[n];
    if (text[n]) {
        while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
            n--; /* not in the middle of a character */
        memcpy(out + n, "…", 3), n += 3;
    }
    out[n] = '\0';
    return out;
}

bool rn_json_refuse(const rn_json_reader *c, const char *what)
{
    return rn_fail(c->err, RN_EFORMAT, "%s: header, byte %zu: %s", c->path, (size_t)(c->at - c->begin), what);
}

bool rn_json_no_memory(const rn_json_reader *c)
{
    return rn_fail(c->err, RN_EMEMORY, "%s: no memory for the header of %zu bytes", c->path,
                   (size_t)(c->end - c->begin));
}

void rn_json_space(rn_json_reader *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\t' || *c->at == '\n' || *c->at == '\r'))
        c->at++;
}

bool rn_json_next_is(rn_json_reader *c, char wanted)
{
    rn_json_space(c);
    if (c->at == c->end || *c->at != wanted)
        return false;
    c->at++;
    return true;
}

bool rn_json_expect(rn_json_reader *c, char wanted)
{
    if (rn_json_next_is(c, wanted))
        return true;
    return rn_fail(c->err, RN_EFORMAT, c->at == c->end ? "%s: header ends at byte %zu where '%c' is due"
                                                       : "%s: header, byte %zu: '%c' is due here",
                   c->path, (size_t)(c->at - c->begin), wanted);
}

bool rn_json_separator(rn_json_reader *c, char end, bool *more)
{
    *more = rn_json_next_is(c, ',');
    return *more || rn_json_expect(c, end);
}

static bool hex4(rn_json_reader *c, uint32_t *v)
{
    *v = 0;
    for (int i = 0; i < 4; i++, c->at++) {
        const char d = c->at < c->end ? *c->at : '\0';
        if (d >= '0' && d <= '9')
            *v = *v << 4 | (uint32_t)(d - '0');
        else if ((d | 32) >= 'a' && (d | 32) <= 'f')
            *v = *v << 4 | (uint32_t)((d | 32) - 'a' + 10);
        else
            return rn_json_refuse(c, "four hexadecimal digits are due after \\u");
    }
    return true;
}

/* What follows a backslash, as UTF-8 at *out. */
static bool escape(rn_json_reader *c, char **out)
{
    static const char plain[] = "\"\\/bfnrt", value[] = "\"\\/\b\f\n\r\t";
    const char letter = c->at < c->end ? *c->at++ : '\0';
    const char *known = letter ? strchr(plain, letter) : NULL;
    if (known) {
        *(*out)++ = value[known - plain];
        return true;
    }
    uint32_t v, low;
    if (letter != 'u')
        return rn_json_refuse(c, "an escape that JSON does not have");
    if (!hex4(c, &v))
        return false;
    if (v >= 0xd800 && v < 0xdc00 && c->end - c->at >= 2 && c->at[0] == '\\' && c->at[1] == 'u') {
        c->at += 2;
        if (!hex4(c, &low))
            return false;
        if (low < 0xdc00 || low > 0xdfff)
            return rn_json_refuse(c, "half a surrogate pair");
        v = 0x10000 + ((v - 0xd800) << 10) + (low - 0xdc00);
    }
    if (v == 0)
        return rn_json_refuse(c, "a NUL inside a text");
    if (v >= 0xd800 && v <= 0xdfff)
        return rn_json_refuse(c, "half a surrogate pair");
    char *o = *out;
    if (v < 0x80)
        *o++ = (char)v;
    else {
        const int more = v < 0x800 ? 1 : v < 0x10000 ? 2 : 3;
        *o++ = (char)((0xf00 >> more & 0xff) | (v >> 6 * more));
        for (int i = more - 1; i >= 0; i--)
            *o++ = (char)(0x80 | (v >> 6 * i & 0x3f));
    }
    *out = o;
    return true;
}

bool rn_json_string(rn_json_reader *c, const char **text)
{
    if (!rn_json_expect(c, '"'))
        return false;
    const char *close = c->at;
    while (close < c->end && *close != '"')
        close += *close == '\\' ? 2 : 1;
    if (close >= c->end)
        return rn_json_refuse(c, "a text without an end");
    char *out = rn_arena_alloc(c->arena, (size_t)(close - c->at) + 1);
    if (!out)
        return rn_json_no_memory(c);
    *text = out;
    while (c->at < close) {
        const size_t n = rn_utf8_length(c->at, (size_t)(close - c->at));
        if (*c->at == '\\') {
            c->at++;
            if (!escape(c, &out))
                return false;
        } else if (n == 0) {
            return rn_json_refuse(c, *c->at ? "a text that is not UTF-8" : "a NUL inside a text");
        } else if (n == 1 && (unsigned char)*c->at < 0x20) {
            return rn_json_refuse(c, "a control character inside a text");
        } else {
            memcpy(out, c->at, n);
            out += n;
            c->at += n;
        }
    }
    *out = '\0';
    c->at = close + 1;
    return true;
}

/* A natural number below 2⁶³. */
static bool rn_json_natural(rn_json_reader *c, int64_t *v)
{
    rn_json_space(c);
    const char *first = c->at;
    for (*v = 0; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++)
        if (__builtin_mul_overflow(*v, 10, v) || __builtin_add_overflow(*v, *c->at - '0', v))
            return rn_json_refuse(c, "a number beyond 2^63");
    if (c->at == first || (*first == '0' && c->at - first > 1) ||
        (c->at < c->end && (*c->at == '.' || (*c->at | 32) == 'e')))
        return rn_json_refuse(c, "a whole number from 0 on is due");
    return true;
}

bool rn_json_naturals(rn_json_reader *c, int64_t *v, int most, int *n)
{
    *n = 0;
    if (!rn_json_expect(c, '['))
        return false;
    if (rn_json_next_is(c, ']'))
        return true;
    for (bool more = true; more;) {
        if (*n == most)
            return rn_fail(c->err, RN_EFORMAT, "%s: header, byte %zu: more than %d numbers in a list", c->path,
                           (size_t)(c->at - c->begin), most);
        if (!rn_json_natural(c, &v[(*n)++]) || !rn_json_separator(c, ']', &more))
            return false;
    }
    return true;
}
