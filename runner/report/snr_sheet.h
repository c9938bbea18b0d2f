#ifndef RN_REPORT_SNR_SHEET_H
#define RN_REPORT_SNR_SHEET_H
/* The picture of the pooling law, in both of its readings (Hoogeboom, Heek, Salimans 2023, figure 3): the same noise at two
 * resolutions, and plain schedules against shifted ones. Rows are schedules, columns are t.
 * Thread safety: different files may be written from different threads. */
#include <runner/schedule.h>

typedef struct rn_snr_sheet {
    const char *name;            /* of the experiment */
    const float *image;          /* [height, width, 3] in −1 … 1 */
    int64_t height, width, pool; /* pool divides both */
    const double *t;             /* columns */
    int64_t n_t;
    const rn_curve *curve;       /* rows of the second part */
    const char *const *label;    /* their names; long ones are broken at commas and spaces */
    int64_t n_curves;
    rn_curve plain;              /* without shift: the first part, and what the others are compared with */
    const char *plain_label;
    uint32_t seed;               /* of the noise */
} rn_snr_sheet;

/* Writes a PNG file; *width, *height are its pixels. texts: as of rn_png_write. Errors: RN_EIO, RN_EMEMORY, RN_ELIMIT. */
RN_NODISCARD bool rn_snr_sheet_write(const char *path, const rn_snr_sheet *sheet, const char *const *texts, int64_t *width,
                                     int64_t *height, rn_error *err);

#endif
