#include "report/canvas.h"

#include <string.h>

bool rn_canvas_make(rn_pixels *canvas, int64_t width, int64_t height, rn_error *err)
{
    if (!rn_pixels_alloc(canvas, width, height, err))
        return false;
    memset(canvas->rgb, 255, (size_t)(3 * width * height));
    return true;
}

static void put(rn_pixels *c, int64_t x, int64_t y, rn_colour colour)
{
    if (x < 0 || y < 0 || x >= c->width || y >= c->height)
        return;
    uint8_t *p = c->rgb + 3 * (y * c->width + x);
    p[0] = colour.r, p[1] = colour.g, p[2] = colour.b;
}

void rn_canvas_fill(rn_pixels *c, int64_t left, int64_t top, int64_t width, int64_t height, rn_colour colour)
{
    for (int64_t y = top; y < top + height; y++)
        for (int64_t x = left; x < left + width; x++)
            put(c, x, y, colour);
}

void rn_canvas_picture(rn_pixels *c, int64_t left, int64_t top, const uint8_t *rgb, int64_t width, int64_t height,
                       int64_t zoom)
{
    for (int64_t y = 0; y < height; y++)
        for (int64_t x = 0; x < width; x++, rgb += 3)
            rn_canvas_fill(c, left + x * zoom, top + y * zoom, zoom, zoom, (rn_colour){rgb[0], rgb[1], rgb[2]});
}

/* Is there ink at a point of a letter, in dots? Every dot is a square, but for two things that make slopes of stairs: the
 * outer corner of a bend is cut off, and between two dots that touch at a corner the gaps are filled, both along the diagonal. */
static bool is_ink(char c, double x, double y)
{
    const int column = (int)x, row = (int)y;
    const double u = x - column - 0.5, v = y - row - 0.5; /* from the middle of the dot */
    const int to_x = u < 0 ? -1 : 1, to_y = v < 0 ? -1 : 1; /* the corner that is nearest */
    const bool beside = rn_glyph_dot(c, row, column + to_x), above = rn_glyph_dot(c, row + to_y, column),
               across = rn_glyph_dot(c, row + to_y, column + to_x);
    const bool in_corner = u * to_x + v * to_y > 0.5;
    if (!rn_glyph_dot(c, row, column))
        return in_corner && beside && above && !across;
    const bool bend = !beside && !above && !across && rn_glyph_dot(c, row, column - to_x) && rn_glyph_dot(c, row - to_y, column);
    return !(in_corner && bend);
}

/* The share of pixel (x, y) of a letter, enlarged `zoom` times, that is ink, 0 … 255: 4×4 points of it are looked at. */
static int coverage(char c, int64_t x, int64_t y, int64_t zoom)
{
    enum { SIDE = 4 };
    int ink = 0;
    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < SIDE; j++)
            ink += is_ink(c, ((double)x + (j + 0.5) / SIDE) / (double)zoom, ((double)y + (i + 0.5) / SIDE) / (double)zoom);
    return ink * 255 / (SIDE * SIDE);
}

void rn_canvas_text(rn_pixels *c, int64_t left, int64_t top, const char *text, int64_t zoom, rn_colour colour)
{
    for (; *text; text++, left += (RN_GLYPH_WIDTH + 1) * zoom)
        for (int64_t y = 0; y < RN_GLYPH_HEIGHT * zoom; y++)
            for (int64_t x = 0; x < RN_GLYPH_WIDTH * zoom; x++) {
                const int ink = coverage(*text, x, y, zoom);
                if (!ink || left + x < 0 || top + y < 0 || left + x >= c->width || top + y >= c->height)
                    continue;
                uint8_t *p = c->rgb + 3 * ((top + y) * c->width + left + x);
                const int ours[3] = {colour.r, colour.g, colour.b};
                for (int k = 0; k < 3; k++)
                    p[k] = (uint8_t)((p[k] * (255 - ink) + ours[k] * ink) / 255);
            }
}

int64_t rn_canvas_text_width(const char *text, int64_t zoom)
{
    const int64_t n = (int64_t)strlen(text);
    return n ? (n * (RN_GLYPH_WIDTH + 1) - 1) * zoom : 0;
}
