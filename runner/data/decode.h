#ifndef RN_DATA_DECODE_H
#define RN_DATA_DECODE_H
/* One reader for each format of encoded images; decode.c chooses by the first bytes. A damaged file is
 * refused, with the reason, even where the library could make something of it: half a picture is worse in
 * training than none. Thread safety: pure. */
#include "data/pixels.h"

/* The encoded image, and where to say what is wrong with it. */
typedef struct rn_encoded {
    const uint8_t *file;
    size_t bytes;
    const char *name; /* for messages */
    int64_t max_pixels;
    rn_error *err;
} rn_encoded;

typedef struct rn_decoder {
    const char *format;
    const char *magic; /* first bytes */
    size_t magic_bytes;
    bool (*decode)(const rn_encoded *in, rn_pixels *out);
    bool (*probe)(const rn_encoded *in, int64_t *width, int64_t *height);
} rn_decoder;

extern const rn_decoder rn_decoder_png, rn_decoder_jpeg;

/* RN_ELIMIT where a header asks for more than max_pixels. */
RN_NODISCARD bool rn_encoded_check_size(const rn_encoded *in, int64_t width, int64_t height);

#endif
