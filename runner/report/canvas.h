#ifndef RN_REPORT_CANVAS_H
#define RN_REPORT_CANVAS_H
/* Figures as pixels: pictures, lines and letters on white, for a PNG file. What lies outside of the canvas is not drawn.
 * Thread safety: one thread per canvas. */
#include <runner/dataset.h>

/* Dots of a letter: columns, and rows of which the last two are below the line. */
enum { RN_GLYPH_WIDTH = 5, RN_GLYPH_HEIGHT = 9 };

/* Does the letter have a dot there? Space to tilde are known; any other is an empty frame. */
bool rn_glyph_dot(char c, int row, int column);

typedef struct rn_colour { uint8_t r, g, b; } rn_colour;

/* A white canvas; to be freed by rn_pixels_free. Errors: RN_ELIMIT, RN_EMEMORY. */
RN_NODISCARD bool rn_canvas_make(rn_pixels *canvas, int64_t width, int64_t height, rn_error *err);
void rn_canvas_fill(rn_pixels *canvas, int64_t left, int64_t top, int64_t width, int64_t height, rn_colour colour);

/* rgb [height, width, 3], each pixel as a square of `zoom` pixels. */
void rn_canvas_picture(rn_pixels *canvas, int64_t left, int64_t top, const uint8_t *rgb, int64_t width, int64_t height,
                       int64_t zoom);

/* ASCII text with its upper left corner there, each dot `zoom` pixels; corners are smoothed from a zoom of 2 on. */
void rn_canvas_text(rn_pixels *canvas, int64_t left, int64_t top, const char *text, int64_t zoom, rn_colour colour);
/* Pixels that the text takes from left to right. */
int64_t rn_canvas_text_width(const char *text, int64_t zoom);

#endif
