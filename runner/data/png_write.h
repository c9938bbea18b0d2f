#ifndef RN_DATA_PNG_WRITE_H
#define RN_DATA_PNG_WRITE_H
/* Images to PNG files, written under a temporary name and renamed. The same pixels and texts give the same
 * bytes: no time is stored. Thread safety: different files may be written from different threads. */
#include <runner/dataset.h>

/* texts: keyword, value, keyword, value, …, NULL, stored as tEXt chunks; NULL for none. A keyword has 1 to 79
 * bytes of Latin-1. Errors: RN_EIO, RN_EMEMORY. */
RN_NODISCARD bool rn_png_write(const char *path, const rn_pixels *image, const char *const *texts, rn_error *err);

/* n images of [height, width, 3] bytes, one after the other, in rows as near to a square as may be, with
 * black gaps of 2 pixels between them. */
RN_NODISCARD bool rn_sheet_write(const char *path, const uint8_t *images, int64_t n, int64_t height, int64_t width,
                                 const char *const *texts, rn_error *err);

/* Pixels of a sheet of n images. */
void rn_sheet_size(int64_t n, int64_t height, int64_t width, int64_t *sheet_width, int64_t *sheet_height);

#endif
