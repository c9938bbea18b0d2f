#ifndef PLUGINS_TASKS_WEIGHT_H
#define PLUGINS_TASKS_WEIGHT_H
/* How much an error counts, by logSNR: the weighting of a spec, and the matching of one schedule's loss to another's.
 * Thread safety: pure. */
#include <runner/schedule.h>

typedef struct loss_weight {
    rn_chosen weighting;           /* what NULL: the plain square of what is compared */
    rn_prediction prediction;
    bool on_prediction;            /* compared is what the network predicts; else ε */
    const rn_curve *own, *matched; /* matched NULL: none */
} loss_weight;

/* W of E_t[W·‖ε̂ − ε‖²], t uniform along the own curve, at its t. */
double loss_weight_on_eps(const loss_weight *w, double t);

/* The same for the square that is compared: ‖ε̂ − ε‖², or ‖out − target‖² on the prediction. */
double loss_weight_on_compared(const loss_weight *w, double t);

/* w(λ) of ½·E_t[w(λ)·(−dλ/dt)·‖ε̂ − ε‖²]: 2·W/(−dλ/dt), since t's density in λ is 1/(−dλ/dt). Two losses with equal w
 * ask for the same network. 0 where the own curve does not go. Source: Kingma, Gao 2023 (arXiv:2303.00848). */
double loss_weight_in_common_frame(const loss_weight *w, double logsnr);

#endif
