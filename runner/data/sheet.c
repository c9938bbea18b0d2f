/* A sheet: many images in one, to be looked at. */
#include "data/png_write.h"

#include <math.h>
#include <string.h>

enum { GAP_PX = 2 };

bool rn_sheet_write(const char *path, const uint8_t *images, int64_t n, int64_t height, int64_t width,
                    const char *const *texts, rn_error *err)
{
    int64_t columns = (int64_t)ceil(sqrt((double)n));
    columns = columns > 0 ? columns : 1;
    const int64_t rows = n > 0 ? (n + columns - 1) / columns : 1;
    rn_pixels sheet = {0};
    if (!rn_pixels_alloc(&sheet, columns * (width + GAP_PX) - GAP_PX, rows * (height + GAP_PX) - GAP_PX, err))
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
