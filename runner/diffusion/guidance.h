#ifndef RN_DIFFUSION_GUIDANCE_H
#define RN_DIFFUSION_GUIDANCE_H
/* Classifier-free guidance at sampling: away from what the network sees without a label, at the noise levels of an
 * interval.
 *
 *     ε̂ = ε̂(z) + scale·(ε̂(z, label) − ε̂(z)),  and so  x̂ = x̂(z) + scale·(x̂(z, label) − x̂(z)),  since z is the same
 *
 * scale 1 is no guidance; outside the interval the network's answer to the label stands alone. Sources: Ho, Salimans 2022
 * (arXiv:2207.12598), whose w is scale − 1; Kynkäänniemi et al. 2024 (arXiv:2404.07724) for the interval.
 * Thread safety: functions are pure. */
#include "spec/experiment.h"

/* Is the answer at that logSNR a mixture of two? Ends of the interval belong to it. guidance: NULL, none. */
bool rn_guidance_at(const rn_guidance *guidance, double logsnr);

/* x0[i] = without[i] + scale·(x0[i] − without[i]): x0 comes in as the answer to the label. */
void rn_guidance_mix(double scale, const double *without, double *x0, int64_t n);

/* Is there what guidance needs? Errors, with the place of the model: RN_ERANGE where the model has no classes, samples are
 * drawn without labels, or the interval is empty. */
RN_NODISCARD bool rn_guidance_check(const rn_experiment *e, rn_error *err);

#endif
