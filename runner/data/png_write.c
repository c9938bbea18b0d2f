#include "data/png_write.h"

#include "base/file.h"

#include <errno.h>
#include <math.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TEXTS = 32 };

struct job {
    const char *path;
    const rn_pixels *image;
    const char *const *texts;
    rn_error *err;
};

static void on_error(png_structp png, png_const_charp text)
{
    const struct job *job = png_get_error_ptr(png);
    rn_fail(job->err, RN_EIO, "could not write '%s': %s", job->path, text);
    longjmp(png_jmpbuf(png), 1);
}

static void on_warning(png_structp png, png_const_charp text)
{
    (void)png, (void)text;
}

static void on_write(png_structp png, png_bytep data, size_t n)
{
    if (fwrite(data, 1, n, png_get_io_ptr(png)) != n)
        png_error(png, strerror(errno));
}

static void on_flush(png_structp png)
{
    (void)png; /* rn_file_write flushes and syncs */
}

static void write_texts(png_structp png, png_infop info, const char *const *texts)
{
    png_text row[MAX_TEXTS] = {0};
    int n = 0;
    for (; texts && texts[2 * n] && n < MAX_TEXTS; n++) {
        row[n].compression = PNG_TEXT_COMPRESSION_NONE;
        memcpy(&row[n].key, &texts[2 * n], sizeof row[n].key); /* libpng copies the texts but forgot the const */
        memcpy(&row[n].text, &texts[2 * n + 1], sizeof row[n].text);
        row[n].text_length = strlen(texts[2 * n + 1]);
    }
    png_set_text(png, info, row, n);
}

static bool write_image(png_structp png, png_infop info, const struct job *job, FILE *f)
{
    if (setjmp(png_jmpbuf(png)))
        return false; /* on_error has said why */
    const rn_pixels *p = job->image;
    png_set_write_fn(png, f, on_write, on_flush);
    png_set_IHDR(png, info, (png_uint_32)p->width, (png_uint_32)p->height, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    write_texts(png, info, job->texts);
    png_write_info(png, info);
    for (int64_t y = 0; y < p->height; y++)
        png_write_row(png, p->rgb + 3 * p->width * y);
    png_write_end(png, NULL);
    return true;
}

static bool write_file(void *context, FILE *f, rn_error *err)
{
    struct job *job = context;
    job->err = err;
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, job, on_error, on_warning);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    const bool ok = info ? write_image(png, info, job, f)
                         : rn_fail(err, RN_EMEMORY, "no memory to encode '%s'", job->path);
    png_destroy_write_struct(&png, &info);
    return ok;
}

bool rn_png_write(const char *path, const rn_pixels *image, const char *const *texts, rn_error *err)
{
    struct job job = {.path = path, .image = image, .texts = texts};
    return rn_file_write(path, write_file, &job, err);
}
