#ifndef RN_REPORT_PLOT_H
#define RN_REPORT_PLOT_H
/* Curves as an SVG file: panels side by side over one pair of axes, with one legend. Colours are those of Okabe and Ito,
 * which people with any colour vision can tell apart; dashes tell lines apart in print.
 * Thread safety: different files may be written from different threads. */
#include <runner/error.h>

typedef struct rn_plot_line {
    const char *name; /* in the legend; lines of the same name share colour and dashes */
    const double *x, *y;
    int64_t n;
    bool backdrop; /* broad and grey, under the others: what they are to be compared with */
} rn_plot_line;

typedef struct rn_plot_panel {
    const char *title;
    const rn_plot_line *line;
    int64_t n_lines;
} rn_plot_panel;

typedef struct rn_plot {
    const char *title, *x_label, *y_label;
    double x_min, x_max, x_step; /* of the axis and its marks */
    double y_min, y_max, y_step;
    const rn_plot_panel *panel;
    int64_t n_panels; /* at least 1 */
} rn_plot;

/* Texts may be any UTF-8. Points that are not finite interrupt a line; what leaves the axes is cut off.
 * Errors: RN_EIO, RN_EMEMORY. */
RN_NODISCARD bool rn_plot_write(const char *path, const rn_plot *plot, rn_error *err);

#endif
