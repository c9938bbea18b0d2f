/* The shift: a schedule moved so that a large image, pooled to a reference side, has the SNR that the base
 * curve gives at that side. Averaging s×s pixels leaves the signal and divides the noise by s, so pooling
 * from side `to` to side `from` multiplies the SNR by (to/from)²; the shift takes that away beforehand.
 *
 *     one reference          λ(t) + 2·log(from/to)
 *     two, low at noise      λ(t) + t·2·log(low/to) + (1 − t)·2·log(high/to)
 *     two, low at data       λ(t) + t·2·log(high/to) + (1 − t)·2·log(low/to)
 *
 * The second form is what public programs compute: the strong shift where the layout of an image is decided.
 * The third is the one in print.
 *
 * Input scaling noises b·x₀ instead of x₀, and gives the network z divided by √(b²α² + σ²). That is the same process
 * with α' = bα/√(b²α² + σ²), σ' = σ/√(b²α² + σ²), whose logSNR is λ + 2·log b: a shift with from/to = b.
 * Sources: Hoogeboom, Heek, Salimans 2023 (arXiv:2301.11093), eq. 4 to 6; input scaling: Chen 2023 (arXiv:2301.10972),
 * section 2.2. */
#include <runner/schedule.h>

#include <math.h>

static const char *const ends_words[] = {"moved", "kept", NULL};
static const char *const low_at_words[] = {"noise", "data", NULL};

/* clang-format off */
static const rn_param shift_params[] = {
    /*             struct    field   unit     default min max    documentation */
    RN_INT_OR_NONE(rn_shift, from,   "pixel", "none", 1,  65536, "side at which the schedule stays as it is"),
    RN_INT_OR_NONE(rn_shift, low,    "pixel", "none", 1,  65536, "the smaller of two such sides, one for each end of the schedule"),
    RN_INT_OR_NONE(rn_shift, high,   "pixel", "none", 1,  65536, "the larger of the two"),
    RN_INT_OR_NONE(rn_shift, to,     "pixel", "none", 1,  65536, "side that is aligned with them; none: the shorter side of the resolution"),
    RN_CHOICE(rn_shift, ends,   ends_words,   "moved", "with from: the bounds of logSNR move along with the curve, or are kept"),
    RN_CHOICE(rn_shift, low_at, low_at_words, "noise", "with low and high: the end of the schedule that is aligned with low"),
    RN_PARAMS_END,
};

const rn_param rn_schedule_choice_params[] = {
    RN_INLINE(rn_schedule_choice, curve, "type", RN_KIND_SCHEDULE, "", "the base curve, logSNR as a function of t"),
    RN_GROUP_OR_NONE(rn_schedule_choice, shift, rn_shift, shift_params, "none", "align the SNR with that of another resolution: {from: 32}, or {low: 32, high: 256}"),
    {RN_PARAM_REAL, "input_scale", offsetof(rn_schedule_choice, input_scale), NULL, "none", 0, 1000, "factor b of the image before noise is added to it (Chen 2023): moves logSNR by 2·log b, as a shift with from/to = b does", 0, 0, 0, RN_KIND_NONE, RN_NULLABLE | RN_OPEN_MIN},
    RN_PARAMS_END,
};
/* clang-format on */

double rn_logsnr_shift(double logsnr, double from_px, double to_px)
{
    return logsnr + 2 * log(from_px / to_px);
}

/* With q = SNR·(from/to)²: ᾱ²/(1 − ᾱ²) = q, so ᾱ² = q/(1 + q) and β̄² = 1/(1 + q). */
double rn_logsnr_shift_by_snr(double logsnr, double from_px, double to_px)
{
    const double s = to_px / from_px, q = exp(logsnr) / (s * s);
    const double alpha2 = q / (1 + q), beta2 = 1 / (1 + q);
    return log(alpha2 / beta2);
}

/* One of the two forms, whole, and without words that belong to the other. */
static bool check_form(const rn_shift *s, rn_place at, rn_error *err)
{
    const bool two = s->low || s->high;
    if (!s->from && !two)
        return rn_fail_at(err, RN_EMISSING, at, "shift: no side to align with; "
                          "write {from: 32}, or {low: 32, high: 256} for a different one at each end");
    if (s->from && two)
        return rn_fail_at(err, RN_ERANGE, at, "shift: from beside low or high; "
                          "from is one side for the whole schedule, low and high are two: keep one of the forms");
    if (two && (!s->low || !s->high))
        return rn_fail_at(err, RN_EMISSING, at, "shift: %s without %s; an interpolated shift needs both",
                          s->low ? "low" : "high", s->low ? "high" : "low");
    if (two && s->low > s->high)
        return rn_fail_at(err, RN_ERANGE, at, "shift: low is %" PRId64 " px, above high, %" PRId64 " px; "
                          "exchange them, or say low_at: data for the other orientation", s->low, s->high);
    if (two && s->ends)
        return rn_fail_at(err, RN_ERANGE, at, "shift: ends: kept belongs to from; "
                          "with low and high each end moves by its own amount");
    if (s->from && s->low_at)
        return rn_fail_at(err, RN_ERANGE, at, "shift: low_at belongs to low and high, not to from");
    return true;
}

/* A schedule falls from image to noise. Seen on a grid, away from the ends, where unbounded curves are held. */
static bool check_falls(const rn_curve *c, rn_place at, rn_error *err)
{
    enum { POINTS = 64 };
    double before = rn_curve_logsnr(c, 1.0 / POINTS);
    for (int i = 2; i < POINTS; i++) {
        const double t = (double)i / POINTS, logsnr = rn_curve_logsnr(c, t);
        if (!(logsnr < before)) /* this way round NaN is found, too */
            return rn_fail_at(err, RN_ERANGE, at, "schedule %s: logSNR has to fall from t = 0 to t = 1, but is %g at "
                              "t = %g and %g before; check the parameters' order and the sides of the shift",
                              c->base->name, logsnr, t, before);
        before = logsnr;
    }
    return true;
}

bool rn_curve_make(const rn_schedule_choice *choice, double side_px, rn_curve *curve, rn_error *err)
{
    const rn_place at = choice->curve.place;
    if (!choice->curve.what)
        return rn_fail_at(err, RN_EMISSING, at, "schedule: no base curve; say type: and a schedule's name");
    rn_curve c = {.base = (const rn_schedule *)choice->curve.what, .params = choice->curve.params};
    const rn_shift *s = choice->shift;
    if (s) {
        if (!check_form(s, at, err))
            return false;
        const double to = s->to ? (double)s->to : side_px;
        const int64_t noise = s->from ? s->from : s->low_at ? s->high : s->low;
        const int64_t data = s->from ? s->from : s->low_at ? s->low : s->high;
        c.at_noise = rn_logsnr_shift(0, (double)noise, to);
        c.at_data = rn_logsnr_shift(0, (double)data, to);
        if (s->ends && c.at_data != 0) {
            c.move = -c.at_data;
            if (!c.base->has_bounds ||
                c.base->logsnr(c.params, 0, c.move) == c.base->logsnr(c.params, 0, 0)) /* bounds: none */
                return rn_fail_at(err, RN_ERANGE, at, "shift: ends: kept, but the schedule %s has no bounds to keep; "
                                  "say ends: moved", c.base->name);
        }
    }
    if (choice->input_scale > 0) {
        c.at_noise = rn_logsnr_shift(c.at_noise, choice->input_scale, 1);
        c.at_data = rn_logsnr_shift(c.at_data, choice->input_scale, 1);
    }
    if (!check_falls(&c, at, err))
        return false;
    *curve = c;
    return true;
}
