#include "data/pixels.h"

#include <stdlib.h>

bool rn_pixels_alloc(rn_pixels *p, int64_t width, int64_t height, rn_error *err)
{
    if (width < 1 || height < 1 || width > INT32_MAX || height > INT32_MAX)
        return rn_fail(err, RN_ELIMIT, "an image of %" PRId64 "×%" PRId64 " pixels: sides are from 1 to %d", width,
                       height, INT32_MAX);
    const uint64_t bytes = (uint64_t)width * (uint64_t)height; /* below 2⁶², so three times it fits */
    uint8_t *rgb = bytes > SIZE_MAX / 3 ? NULL : malloc(3 * (size_t)bytes);
    if (!rgb)
        return rn_fail(err, RN_EMEMORY, "no memory for an image of %" PRId64 "×%" PRId64 " pixels (%" PRIu64 " bytes)",
                       width, height, 3 * bytes);
    *p = (rn_pixels){.rgb = rgb, .width = width, .height = height};
    return true;
}

void rn_pixels_free(rn_pixels *p)
{
    free(p->rgb);
    *p = (rn_pixels){0};
}

void rn_pixels_to_floats(const uint8_t *bytes, size_t n, float *x)
{
    for (size_t i = 0; i < n; i++)
        x[i] = (float)bytes[i] / 127.5f - 1;
}

void rn_pixels_from_floats(const float *x, size_t n, uint8_t *bytes)
{
    for (size_t i = 0; i < n; i++) {
        const float level = 127.5f * (x[i] + 1) + 0.5f;
        bytes[i] = !(level > 0) ? 0 : level >= 255 ? 255 : (uint8_t)level; /* this way round NaN becomes 0 */
    }
}
