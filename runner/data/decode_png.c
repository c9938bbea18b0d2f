/* PNG through libpng: all colour types and depths to RGB bytes, alpha dropped, 16 bits divided by 257. Gamma
 * and colour profiles are ignored, so chunks other than those that make the picture are not even looked at. */
#include "data/decode.h"

#include <png.h>
#include <stdlib.h>
#include <string.h>

/* A chunk that we read has no business to be larger. The palette has 768 bytes. */
enum { MAX_CHUNK_BYTES = 1 << 20, MAX_ANCILLARY_CHUNKS = 1000 };
/* deflate makes at most 1032 bytes from one; a file that would have to do more is cut or a lie. */
enum { MAX_EXPANSION = 1032 };

struct source {
    const rn_encoded *in;
    size_t at;
};

static void on_read(png_structp png, png_bytep data, size_t n)
{
    struct source *s = png_get_io_ptr(png);
    if (n > s->in->bytes - s->at)
        png_error(png, "the file ends within the image");
    memcpy(data, s->in->file + s->at, n);
    s->at += n;
}

static void on_error(png_structp png, png_const_charp text)
{
    const rn_encoded *in = png_get_error_ptr(png);
    rn_fail(in->err, RN_EFORMAT, "'%s': damaged PNG: %s", in->name, text);
    longjmp(png_jmpbuf(png), 1);
}

static void on_warning(png_structp png, png_const_charp text)
{
    (void)png, (void)text; /* only chunks that do not matter here make warnings */
}

static uint32_t big_endian(const uint8_t *b)
{
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

/* IHDR is the first chunk and has a fixed place. */
static bool probe(const rn_encoded *in, int64_t *width, int64_t *height)
{
    if (in->bytes < 33 || big_endian(in->file + 8) != 13 || memcmp(in->file + 12, "IHDR", 4) != 0)
        return rn_fail(in->err, RN_EFORMAT, "'%s': damaged PNG: no complete header", in->name);
    const int64_t w = big_endian(in->file + 16), h = big_endian(in->file + 20);
    if (!rn_encoded_check_size(in, w, h))
        return false;
    *width = w;
    *height = h;
    return true;
}

/* Everything to interleaved RGB bytes. */
static void ask_for_rgb(png_structp png, png_infop info)
{
    const int type = png_get_color_type(png, info);
    if (type == PNG_COLOR_TYPE_PALETTE)
        png_set_palette_to_rgb(png);
    if (type == PNG_COLOR_TYPE_GRAY && png_get_bit_depth(png, info) < 8)
        png_set_expand_gray_1_2_4_to_8(png);
    if (!(type & PNG_COLOR_MASK_COLOR))
        png_set_gray_to_rgb(png);
    png_set_scale_16(png); /* rounds x/257; png_set_strip_16 would cut the low byte off */
    png_set_strip_alpha(png);
}

/* All that may longjmp, in a function whose variables nobody looks at afterwards. */
static bool read_image(png_structp png, png_infop info, const rn_encoded *in, rn_pixels *out, png_bytep **rows)
{
    if (setjmp(png_jmpbuf(png)))
        return false; /* on_error has said why */
    png_read_info(png, info);
    const int64_t w = png_get_image_width(png, info), h = png_get_image_height(png, info);
    const uint64_t bits = (uint64_t)w * png_get_channels(png, info) * png_get_bit_depth(png, info);
    if ((bits / 8 + 1) * (uint64_t)h / MAX_EXPANSION > in->bytes)
        png_error(png, "the file is too small for the size in its header");
    ask_for_rgb(png, info);
    png_set_interlace_handling(png);
    png_read_update_info(png, info);
    if (png_get_rowbytes(png, info) != 3 * (size_t)w)
        png_error(png, "rows that are not RGB");
    if (!rn_pixels_alloc(out, w, h, in->err))
        return false;
    *rows = malloc((size_t)h * sizeof **rows);
    if (!*rows)
        return rn_fail(in->err, RN_EMEMORY, "no memory for the %" PRId64 " rows of '%s'", h, in->name);
    for (int64_t y = 0; y < h; y++)
        (*rows)[y] = out->rgb + 3 * w * y;
    png_read_image(png, *rows);
    png_read_end(png, NULL); /* the checksum of the last IDAT, and IEND: a file without it was cut */
    return true;
}

static bool decode(const rn_encoded *in, rn_pixels *out)
{
    int64_t w, h;
    if (!probe(in, &w, &h))
        return false;
    struct source source = {in, 0};
    rn_pixels pixels = {0};
    png_bytep *rows = NULL;
    rn_encoded context = *in;
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &context, on_error, on_warning);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    bool ok = false;
    if (!info) {
        rn_fail(in->err, RN_EMEMORY, "no memory to decode '%s'", in->name);
    } else {
        png_set_read_fn(png, &source, on_read);
        png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX); /* the product was checked above */
        png_set_chunk_malloc_max(png, MAX_CHUNK_BYTES);
        png_set_chunk_cache_max(png, MAX_ANCILLARY_CHUNKS);
        /* −1: all chunks but IHDR, PLTE, tRNS, IDAT and IEND are passed over */
        png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
        ok = read_image(png, info, in, &pixels, &rows);
    }
    png_destroy_read_struct(&png, &info, NULL);
    free(rows);
    if (ok)
        *out = pixels;
    else
        rn_pixels_free(&pixels);
    return ok;
}

const rn_decoder rn_decoder_png = {.format = "png", .magic = "\x89PNG\r\n\x1a\n", .magic_bytes = 8,
                                   .decode = decode, .probe = probe};
