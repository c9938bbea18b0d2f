#ifndef RN_DATA_LIST_H
#define RN_DATA_LIST_H
/* What a data set would give: every image is decoded, and the refused ones are listed with their reasons. This is
 * what `runner data` shows. Thread safety: none; listing itself uses the threads of rn_parallel. */
#include "base/arena.h"
#include "data/data.h"

#include <stdio.h>

typedef struct rn_format_count {
    const char *format; /* "png", "jpeg" … */
    int64_t count;
} rn_format_count;

typedef struct rn_size_count {
    int64_t width, height, count;
} rn_size_count;

typedef struct rn_class_count {
    const char *name;
    int64_t count;
} rn_class_count;

typedef struct rn_listing {
    const rn_dataset *set;
    void *state;
    bool drawn;          /* a set without end, whose images are not decoded: there is nothing to refuse */
    int64_t count;       /* images that are read */
    int64_t file_bytes;  /* of all images, encoded */
    rn_format_count *format; /* by falling count, as are sizes */
    rn_size_count *size;
    rn_class_count *class_count; /* in the order of labels */
    int64_t n_formats, n_sizes, n_classes;
    rn_size resolution;     /* the resolution asked for; 0: none */
    int64_t enlarged;       /* images smaller than that */
    rn_data_refused *refused; /* by path */
    int64_t n_refused;
    rn_arena arena; /* of all that */
} rn_listing;

/* Lists the set of a configuration; resolution {0, 0}: none is asked for. Refused images are no error.
 * Errors: those of opening the set; RN_EMEMORY. */
RN_NODISCARD bool rn_listing_open(const rn_data_config *config, rn_listing *listing, rn_error *err);
void rn_listing_close(rn_listing *listing); /* a zeroed one is fine */

/* A few lines for people: long lists of sizes and classes are cut, refused images never. Control characters of
 * paths are escaped. */
void rn_listing_print(FILE *out, const rn_listing *listing);
/* All of it as one JSON object. Bytes of paths that are no UTF-8 become U+FFFD. */
void rn_listing_json(FILE *out, const rn_listing *listing);

#endif
