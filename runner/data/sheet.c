/* A sheet: many images in one, to be looked at. */
#include "data/png_write.h"

#include <math.h>
#include <string.h>

enum { GAP_PX = 2 };

static int64_t columns_of(int64_t n)
{
    const int64_t columns = (int64_t)ceil(sqrt((double)n));
    return columns > 0 ? columns : 1;
}

void rn_sheet_size(int64_t n, int64_t height, int64_t width, int64_t *sheet_width, int64_t *sheet_height)
{
    const int64_t columns = columns_of(n), rows = n > 0 ? (n + columns - 1) / columns : 1;
    *sheet_width = columns * (width + GAP_PX) - GAP_PX;
    *sheet_height = rows * (height + GAP_PX) - GAP_PX;
}

bool rn_sheet_write(const char *path, const uint8_t *images, int64_t n, int64_t height, int64_t width,
                    const char *const *texts, rn_error *err)
{
    const int64_t columns = columns_of(n);
    int64_t sheet_width, sheet_height;
    rn_pixels sheet = {0};
    rn_sheet_size(n, height, width, &sheet_width, &sheet_height);
    if (!rn_pixels_alloc(&sheet, sheet_width, sheet_height, err))
        return rn_context(err, "the sheet '%s'", path);
    memset(sheet.rgb, 0, (size_t)(3 * sheet.width * sheet.height));
    for (int64_t i = 0; i < n; i++) {
        const int64_t top = i / columns * (height + GAP_PX), left = i % columns * (width + GAP_PX);
        for (int64_t y = 0; y < height; y++)
            memcpy(sheet.rgb + 3 * ((top + y) * sheet.width + left), images + 3 * width * (i * height + y),
                   (size_t)(3 * width));
    }
    const bool ok = rn_png_write(path, &sheet, texts, err);
    rn_pixels_free(&sheet);
    return ok;
}
