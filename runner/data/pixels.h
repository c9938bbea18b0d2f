#ifndef RN_DATA_PIXELS_H
#define RN_DATA_PIXELS_H
/* Bytes of an image and the numbers a network sees: x₀ = byte/127.5 − 1, and back round(127.5·(x + 1)),
 * clipped to 0 … 255. Thread safety: pure. */
#include <runner/dataset.h>

/* x[i] = bytes[i]/127.5 − 1, i < n. */
void rn_pixels_to_floats(const uint8_t *bytes, size_t n, float *x);

/* bytes[i] = round(127.5·(x[i] + 1)), clipped; what is not a number becomes 0. */
void rn_pixels_from_floats(const float *x, size_t n, uint8_t *bytes);

#endif
