#ifndef RN_CLI_PROGRESS_H
#define RN_CLI_PROGRESS_H
/* What a run says while it works: lines that stay, and a bar that is redrawn on a terminal and becomes a plain
 * line now and then elsewhere. Lines that stay are kept for the run's log.txt as well.
 * Thread safety: one thread. */
#include <runner/error.h>

#include <stdio.h>

typedef struct rn_progress {
    FILE *out; /* stderr; NULL: silent */
    bool terminal, bar_shown;
    double bar_at, line_at; /* seconds, when the last one was drawn */
    char *log;              /* text of the run's log */
    size_t log_used, log_room;
} rn_progress;

void rn_progress_begin(rn_progress *p, bool quiet);
void rn_progress_free(rn_progress *p);
void rn_progress_line(rn_progress *p, const char *format, ...) RN_PRINTF(2, 3);

/* done: 0 … 1. On a terminal at most ten times a second, elsewhere every 30 s. */
void rn_progress_bar(rn_progress *p, double done, const char *format, ...) RN_PRINTF(3, 4);

/* Takes the bar away, where nothing follows it. */
void rn_progress_end(rn_progress *p);

/* The log begins empty with each run; it is written whole, under a temporary name, and renamed. */
void rn_progress_log_begin(rn_progress *p);
RN_NODISCARD bool rn_progress_log_write(const rn_progress *p, const char *path, rn_error *err);

/* "3 min 20 s", "0.42 s": for people. Returns text. */
enum { RN_DURATION_TEXT = 32 };
const char *rn_duration_text(double seconds, char text[RN_DURATION_TEXT]);

#endif
