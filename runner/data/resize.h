#ifndef RN_DATA_RESIZE_H
#define RN_DATA_RESIZE_H
/* Resizing: separable filters, widened by the scale when shrinking (antialiased), half-pixel centres, weights
 * normalised where the border cuts them. Thread safety: pure. */
#include <runner/dataset.h>

/* A filter is a function of the distance in pixels, zero beyond ±support. */
typedef struct rn_filter {
    const char *name;
    double support;
    double (*weight)(double x);
    bool antialias; /* widened when shrinking */
} rn_filter;

/* box, bilinear, bicubic (a = −0.5), lanczos (3 lobes); torch_bilinear is bilinear without antialiasing, as
 * PyTorch's interpolate and with it some feature extractors do it. */
extern const rn_filter rn_filters[]; /* ends with a row without a name */
extern const rn_filter *const rn_filter_lanczos;
const rn_filter *rn_filter_find(const char *name); /* NULL: there is none */

/* The part [top, top + height) × [left, left + width) of an image resized to full_height×full_width. */
typedef struct rn_window {
    int64_t full_height, full_width, top, left, height, width;
} rn_window;

/* Shrinks or enlarges so that height×width is just covered, then cuts out the centre: the side that needs the
 * larger scale becomes exactly height or width, the other is rounded to the nearest pixel (halves up); of an odd
 * surplus the larger half goes right and below. */
rn_window rn_window_covering(int64_t from_height, int64_t from_width, int64_t height, int64_t width);

/* out [height, width, 3] bytes of the window. Rows first, rounded and clipped to bytes, then columns: within one
 * level of Pillow's. Errors: RN_EMEMORY. */
RN_NODISCARD bool rn_resize(const rn_pixels *in, const rn_filter *filter, rn_window w, uint8_t *out, rn_error *err);

/* in [from_height, from_width, channels] → out [height, width, channels], not rounded, not clipped: bicubic and
 * Lanczos overshoot. Errors: RN_EMEMORY. */
RN_NODISCARD bool rn_resize_floats(const float *in, int64_t from_height, int64_t from_width, int64_t channels,
                                   const rn_filter *filter, int64_t height, int64_t width, float *out, rn_error *err);

#endif
