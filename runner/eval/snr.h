#ifndef RN_EVAL_SNR_H
#define RN_EVAL_SNR_H
/* The signal-to-noise ratio of noised images before and after average pooling, measured.
 *
 *     z = α·x + σ·ε,  pooled over s×s:  P(z) = α·P(x) + σ·P(ε),  Var P(ε) = 1/s²
 *
 * so α²/σ² grows by s² exactly: that is the law from which the shift of a schedule follows. The power SNR
 * α²·Var(x)/σ² also asks how much signal there is; pooling takes the detail out of x, so for photographs it grows by
 * s²·Var(P(x))/Var(x), which is less.
 * Source: Hoogeboom, Heek, Salimans 2023 (arXiv:2301.11093), section 3.1, eq. 4.
 * Thread safety: one thread; works with the threads of rn_parallel, of which no byte depends. */
#include <runner/schedule.h>

typedef struct rn_snr_images {
    const float *pixels; /* [n, height, width, 3] in −1 … 1 */
    int64_t n, height, width;
} rn_snr_images;

/* One schedule at one t. Before pooling [0], after [1]. */
typedef struct rn_snr_point {
    double t, logsnr, alpha;
    double noise_variance[2];  /* mean square of z − α·x; of P(z) − α·P(x) */
    double signal_variance[2]; /* of each image around its own mean a channel: mean over images and channels */
    double snr[2];             /* α²/noise_variance */
    double power_snr[2];       /* α²·signal_variance/noise_variance */
} rn_snr_point;

/* point[i] for curve[i] at t. pool divides height and width. The noise comes from stream "snr noise" of the seed, draw
 * `draw`, the same for all curves. Errors: RN_EMEMORY. */
RN_NODISCARD bool rn_snr_measure(const rn_curve *curve, int64_t n_curves, double t, const rn_snr_images *images, int64_t pool,
                                 uint32_t seed, uint32_t draw, rn_snr_point *point, rn_error *err);

/* out [height/pool, width/pool, 3]: means over pool×pool pixels of x [height, width, 3]. */
void rn_snr_pool(const double *x, int64_t height, int64_t width, int64_t pool, double *out);

#endif
