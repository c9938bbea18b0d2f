/* JPEG through libjpeg-turbo with its defaults (integer inverse transform, smooth chroma), which are those of
 * Pillow. Warnings of the library mean damage and refuse the file. CMYK becomes RGB by our own arithmetic. */
#include "data/decode.h"

#include <setjmp.h>
#include <stdio.h>

#include <jerror.h>
#include <jpeglib.h>

/* Files of sane encoders have up to a dozen; each costs a pass over the whole image. */
enum { MAX_SCANS = 64 };

struct job {
    struct jpeg_error_mgr errors; /* first: the library hands back a pointer to it */
    struct jpeg_progress_mgr progress;
    struct jpeg_decompress_struct jpeg;
    jmp_buf back;
    const rn_encoded *in;
};

static void on_error(j_common_ptr jpeg)
{
    struct job *job = (struct job *)jpeg->err;
    char text[JMSG_LENGTH_MAX];
    jpeg->err->format_message(jpeg, text);
    const bool memory = jpeg->err->msg_code == JERR_OUT_OF_MEMORY;
    rn_fail(job->in->err, memory ? RN_EMEMORY : RN_EFORMAT, "'%s': %s: %s", job->in->name,
            memory ? "no memory" : "damaged or unsupported JPEG", text);
    longjmp(job->back, 1);
}

/* Level −1 is a warning: data are missing or make no sense, and the library would go on with grey. */
static void on_message(j_common_ptr jpeg, int level)
{
    if (level < 0)
        on_error(jpeg);
}

static void on_progress(j_common_ptr jpeg)
{
    struct job *job = (struct job *)jpeg->err;
    if (job->jpeg.input_scan_number <= MAX_SCANS)
        return;
    rn_fail(job->in->err, RN_ELIMIT, "'%s': more than %d scans", job->in->name, MAX_SCANS);
    longjmp(job->back, 1);
}

static void begin(struct job *job, const rn_encoded *in)
{
    job->in = in;
    job->jpeg.err = jpeg_std_error(&job->errors);
    job->errors.error_exit = on_error;
    job->errors.emit_message = on_message;
}

/* Opens the decompressor and reads up to the first scan. May longjmp. */
static bool read_header(struct job *job)
{
    jpeg_create_decompress(&job->jpeg);
    job->progress.progress_monitor = on_progress;
    job->jpeg.progress = &job->progress;
    jpeg_mem_src(&job->jpeg, job->in->file, job->in->bytes);
    jpeg_read_header(&job->jpeg, TRUE);
    return rn_encoded_check_size(job->in, job->jpeg.image_width, job->jpeg.image_height);
}

/* Every 8×8 block of the finest component costs a bit or more, unless it is coded arithmetically: what has
 * fewer bits is refused before anything of the image's size is allocated. */
static bool check_plausible(const struct job *job)
{
    const uint64_t blocks = ((uint64_t)job->jpeg.image_width + 7) / 8 * (((uint64_t)job->jpeg.image_height + 7) / 8);
    if (!job->jpeg.arith_code && blocks / 8 > job->in->bytes)
        return rn_fail(job->in->err, RN_EFORMAT, "'%s': damaged JPEG: %zu bytes are too few for %u×%u pixels",
                       job->in->name, job->in->bytes, job->jpeg.image_width, job->jpeg.image_height);
    return true;
}

static bool choose_colours(struct job *job)
{
    switch (job->jpeg.jpeg_color_space) {
    case JCS_GRAYSCALE:
    case JCS_YCbCr:
    case JCS_RGB:
        job->jpeg.out_color_space = JCS_RGB;
        return true;
    case JCS_CMYK:
    case JCS_YCCK:
        job->jpeg.out_color_space = JCS_CMYK;
        return true;
    default:
        return rn_fail(job->in->err, RN_EFORMAT, "'%s': a JPEG of %d components; grey, YCbCr, RGB and CMYK are read",
                       job->in->name, job->jpeg.num_components);
    }
}

/* R = (255 − C)(255 − K)/255. Adobe's files hold 255 − C and 255 − K. */
static void cmyk_to_rgb(const uint8_t *cmyk, int64_t n, bool inverted, uint8_t *rgb)
{
    for (int64_t i = 0; i < n; i++)
        for (int c = 0; c < 3; c++) {
            const int ink = cmyk[4 * i + c], black = cmyk[4 * i + 3];
            const int product = inverted ? ink * black : (255 - ink) * (255 - black);
            rgb[3 * i + c] = (uint8_t)((product + 127) / 255);
        }
}

static bool read_image(struct job *job, rn_pixels *out)
{
    if (setjmp(job->back))
        return false; /* on_error has said why */
    if (!read_header(job) || !check_plausible(job) || !choose_colours(job))
        return false;
    struct jpeg_decompress_struct *j = &job->jpeg;
    if (!rn_pixels_alloc(out, j->image_width, j->image_height, job->in->err))
        return false;
    jpeg_start_decompress(j);
    JSAMPARRAY row = NULL; /* CMYK has four bytes a pixel and needs a row of its own */
    if (j->out_color_space == JCS_CMYK)
        row = j->mem->alloc_sarray((j_common_ptr)j, JPOOL_IMAGE, j->output_width * 4, 1);
    while (j->output_scanline < j->output_height) {
        JSAMPROW to = out->rgb + (size_t)j->output_scanline * 3 * j->output_width;
        if (row) {
            jpeg_read_scanlines(j, row, 1);
            cmyk_to_rgb(row[0], j->output_width, j->saw_Adobe_marker, to);
        } else {
            jpeg_read_scanlines(j, &to, 1);
        }
    }
    jpeg_finish_decompress(j); /* up to the end marker: without it the file was cut */
    return true;
}

static bool decode(const rn_encoded *in, rn_pixels *out)
{
    struct job job = {0};
    rn_pixels pixels = {0};
    begin(&job, in);
    const bool ok = read_image(&job, &pixels);
    jpeg_destroy_decompress(&job.jpeg);
    if (ok)
        *out = pixels;
    else
        rn_pixels_free(&pixels);
    return ok;
}

static bool try_header(struct job *job)
{
    return setjmp(job->back) ? false : read_header(job);
}

static bool probe(const rn_encoded *in, int64_t *width, int64_t *height)
{
    struct job job = {0};
    begin(&job, in);
    const bool ok = try_header(&job);
    if (ok) {
        *width = job.jpeg.image_width;
        *height = job.jpeg.image_height;
    }
    jpeg_destroy_decompress(&job.jpeg);
    return ok;
}

const rn_decoder rn_decoder_jpeg = {.format = "jpeg", .magic = "\xff\xd8", .magic_bytes = 2, .decode = decode,
                                    .probe = probe};
