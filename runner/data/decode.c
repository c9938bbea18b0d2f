/* Which decoder reads a file, by its first bytes, and a good reason where none does. */
#include "data/decode.h"

#include <string.h>

static const rn_decoder *const decoders[] = {&rn_decoder_png, &rn_decoder_jpeg, NULL};

/* What else is found under the names of images, and what to do about it. */
static const struct {
    const char *magic, *is;
} strangers[] = {
    {"GIF8", "a GIF image"},
    {"BM", "a BMP image"},
    {"RIFF", "a WebP image or another RIFF file"},
    {"II*", "a TIFF image"},
    {"MM", "a TIFF image"},
    {"P5", "a PGM image"},
    {"P6", "a PPM image"},
    {"version https://git-lfs", "a large-file pointer instead of the file (fetch it with `git lfs pull`)"},
    {"<", "a page of HTML or XML"},
};

static bool begins(const rn_encoded *in, const char *magic, size_t n)
{
    return in->bytes >= n && memcmp(in->file, magic, n) == 0;
}

static bool is_text(const rn_encoded *in)
{
    for (size_t i = 0; i < in->bytes && i < 64; i++)
        if (in->file[i] < 9 || (in->file[i] > 13 && in->file[i] < 32) || in->file[i] == 127)
            return false;
    return true;
}

static const rn_decoder *decoder_of(const rn_encoded *in)
{
    for (const rn_decoder *const *d = decoders; *d; d++)
        if (begins(in, (*d)->magic, (*d)->magic_bytes))
            return *d;
    if (in->bytes == 0) {
        rn_fail(in->err, RN_EFORMAT, "'%s' is empty; PNG and JPEG images are read", in->name);
        return NULL;
    }
    const char *is = is_text(in) ? "text" : "no image of a known kind";
    for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++)
        if (begins(in, strangers[i].magic, strlen(strangers[i].magic))) {
            is = strangers[i].is;
            break;
        }
    rn_fail(in->err, RN_EFORMAT, "'%s' is %s; PNG and JPEG images are read", in->name, is);
    return NULL;
}

bool rn_encoded_check_size(const rn_encoded *in, int64_t width, int64_t height)
{
    if (width < 1 || height < 1)
        return rn_fail(in->err, RN_EFORMAT, "'%s': %" PRId64 "×%" PRId64 " pixels in the header", in->name, width,
                       height);
    if (width > in->max_pixels / height)
        return rn_fail(in->err, RN_ELIMIT,
                       "'%s': %" PRId64 "×%" PRId64 " pixels in the header, more than the limit of %" PRId64
                       " (max_pixels)", in->name, width, height, in->max_pixels);
    return true;
}

bool rn_image_decode(const uint8_t *file, size_t bytes, const char *name, int64_t max_pixels, rn_pixels *out,
                     rn_error *err)
{
    const rn_encoded in = {file, bytes, name, max_pixels, err};
    const rn_decoder *d = decoder_of(&in);
    return d && d->decode(&in, out);
}

bool rn_image_probe(const uint8_t *file, size_t bytes, const char *name, rn_image_info *info, rn_error *err)
{
    const rn_encoded in = {file, bytes, name, INT64_MAX, err};
    const rn_decoder *d = decoder_of(&in);
    int64_t width, height;
    if (!d || !d->probe(&in, &width, &height))
        return false;
    *info = (rn_image_info){.format = d->format, .width = width, .height = height};
    return true;
}
