#include "support/json_check.h"

#include <stdbool.h>
#include <string.h>

enum { DEPTH = 64 };

typedef struct reader { /* p: the next byte; the text ends with NUL */
    const char *begin, *p;
    json_checked *out;
    int depth;
} reader;

static bool wrong(reader *r, const char *what)
{
    if (!r->out->wrong) {
        r->out->wrong = what;
        r->out->at = (size_t)(r->p - r->begin);
    }
    return false;
}

static void space(reader *r)
{
    r->p += strspn(r->p, " \t\r\n");
}

static bool passed(reader *r, char c)
{
    if (*r->p != c)
        return false;
    r->p++;
    return true;
}

static bool digits(reader *r)
{
    const size_t n = strspn(r->p, "0123456789");
    r->p += n;
    return n > 0 || wrong(r, "a digit");
}

/* Length of the UTF-8 sequence at p, 0 where there is none. Overlong forms, surrogates and what lies above U+10FFFF
 * are none. */
static size_t utf8_length(const unsigned char *p)
{
    static const struct { unsigned char low, high, second_low, second_high; size_t length; } rows[] = {
        {0x00, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
        {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4},
        {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (p[0] < rows[i].low || p[0] > rows[i].high)
            continue;
        if (rows[i].length > 1 && (p[1] < rows[i].second_low || p[1] > rows[i].second_high))
            return 0;
        for (size_t k = 2; k < rows[i].length; k++)
            if ((p[k] & 0xc0) != 0x80)
                return 0;
        return rows[i].length;
    }
    return 0;
}

static bool string(reader *r)
{
    if (!passed(r, '"'))
        return wrong(r, "a text");
    while (*r->p != '"') {
        if ((unsigned char)*r->p < 0x20)
            return wrong(r, "no control character in a text");
        if (passed(r, '\\')) {
            if (*r->p == 'u') {
                r->p++;
                if (strspn(r->p, "0123456789abcdefABCDEF") < 4)
                    return wrong(r, "four hexadecimal digits");
                r->p += 4;
            } else if (*r->p && strchr("\"\\/bfnrt", *r->p)) {
                r->p++;
            } else {
                return wrong(r, "an escape");
            }
            continue;
        }
        const size_t n = utf8_length((const unsigned char *)r->p);
        if (n == 0)
            return wrong(r, "UTF-8");
        r->p += n;
    }
    r->p++;
    return true;
}

static bool number(reader *r)
{
    (void)passed(r, '-');
    if (*r->p == '0')
        r->p++;
    else if (!digits(r))
        return false;
    if (passed(r, '.') && !digits(r))
        return false;
    if (*r->p == 'e' || *r->p == 'E') {
        r->p++;
        if (!passed(r, '+'))
            (void)passed(r, '-');
        return digits(r);
    }
    return true;
}

static bool value(reader *r, bool *has_name);

static bool object(reader *r, bool *has_name)
{
    r->out->objects++;
    space(r);
    if (passed(r, '}'))
        return true;
    do {
        space(r);
        const char *key = r->p;
        if (!string(r))
            return false;
        const bool is_name = r->p - key == 6 && memcmp(key, "\"name\"", 6) == 0;
        space(r);
        if (!passed(r, ':'))
            return wrong(r, "':'");
        space(r);
        if (is_name && *has_name)
            return wrong(r, "one name");
        *has_name |= is_name && *r->p == '"';
        bool of_value = false;
        if (!value(r, &of_value))
            return false;
        space(r);
    } while (passed(r, ','));
    r->out->named += *has_name;
    return passed(r, '}') || wrong(r, "',' or '}'");
}

static bool array(reader *r)
{
    long objects = 0, named = 0;
    space(r);
    if (passed(r, ']'))
        return true;
    do {
        space(r);
        bool of_item = false;
        const bool is_object = *r->p == '{';
        if (!value(r, &of_item))
            return false;
        objects += is_object;
        named += is_object && of_item;
        space(r);
    } while (passed(r, ','));
    if (named)
        r->out->nameless_rows += objects - named;
    return passed(r, ']') || wrong(r, "',' or ']'");
}

static bool value(reader *r, bool *has_name)
{
    static const char *const words[] = {"true", "false", "null"};
    space(r);
    if (++r->depth > DEPTH)
        return wrong(r, "less depth");
    bool ok;
    if (passed(r, '{'))
        ok = object(r, has_name);
    else if (passed(r, '['))
        ok = array(r);
    else if (*r->p == '"')
        ok = string(r);
    else if (*r->p == '-' || (*r->p >= '0' && *r->p <= '9'))
        ok = number(r);
    else {
        size_t i = 0;
        while (i < 3 && strncmp(r->p, words[i], strlen(words[i])) != 0)
            i++;
        ok = i < 3 || wrong(r, "a value");
        r->p += i < 3 ? strlen(words[i]) : 0;
    }
    r->depth--;
    return ok;
}

json_checked json_check(const char *text)
{
    json_checked out = {0};
    reader r = {.begin = text, .p = text, .out = &out};
    bool has_name = false;
    if (value(&r, &has_name)) {
        space(&r);
        if (*r.p)
            (void)wrong(&r, "the end");
    }
    return out;
}
