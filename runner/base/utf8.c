#include "base/utf8.h"

/* First bytes of a sequence, and what may stand second; further bytes are 80…bf. */
static const struct {
    unsigned char first, last, second_first, second_last;
    size_t length;
} rows[] = {
    {0x01, 0x7f, 0x00, 0x00, 1}, {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
    {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
    {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
};

size_t rn_utf8_length(const char *text, size_t n)
{
    const unsigned char *t = (const unsigned char *)text;
    for (size_t i = 0; n > 0 && i < sizeof rows / sizeof *rows; i++) {
        if (t[0] < rows[i].first || t[0] > rows[i].last)
            continue;
        const size_t length = rows[i].length;
        if (length > n || (length > 1 && (t[1] < rows[i].second_first || t[1] > rows[i].second_last)))
            return 0;
        for (size_t k = 2; k < length; k++)
            if (t[k] < 0x80 || t[k] > 0xbf)
                return 0;
        return length;
    }
    return 0;
}

bool rn_utf8_valid(const char *text, size_t n)
{
    for (size_t i = 0, step; i < n; i += step)
        if (!(step = rn_utf8_length(text + i, n - i)))
            return false;
    return true;
}
