#include "cli/progress.h"
#include "base/clock.h"
#include "base/file.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const double bar_every_s = 0.1, line_every_s = 30;

const char *rn_duration_text(double s, char text[RN_DURATION_TEXT])
{
    if (s < 1)
        snprintf(text, RN_DURATION_TEXT, "%.2f s", s);
    else if (s < 60)
        snprintf(text, RN_DURATION_TEXT, "%.1f s", s);
    else if (s < 3600)
        snprintf(text, RN_DURATION_TEXT, "%d min %02d s", (int)s / 60, (int)s % 60);
    else
        snprintf(text, RN_DURATION_TEXT, "%" PRId64 " h %02d min", (int64_t)s / 3600, (int)((int64_t)s / 60 % 60));
    return text;
}

void rn_progress_begin(rn_progress *p, bool quiet)
{
    *p = (rn_progress){.out = quiet ? NULL : stderr};
    p->terminal = p->out && isatty(fileno(p->out));
}

void rn_progress_free(rn_progress *p)
{
    free(p->log);
    p->log = NULL;
}

static void keep(rn_progress *p, const char *text, size_t n)
{
    if (p->log_used + n + 1 > p->log_room) {
        const size_t room = 2 * (p->log_room + n + 4096);
        char *larger = realloc(p->log, room);
        if (!larger)
            return; /* a log without this line is better than no run */
        p->log = larger, p->log_room = room;
    }
    memcpy(p->log + p->log_used, text, n + 1);
    p->log_used += n;
}

static void clear_bar(rn_progress *p)
{
    if (p->bar_shown)
        fputs("\r\033[K", p->out);
    p->bar_shown = false;
}

void rn_progress_end(rn_progress *p)
{
    clear_bar(p);
    if (p->out)
        fflush(p->out);
}

void rn_progress_line(rn_progress *p, const char *format, ...)
{
    char text[2048];
    va_list args;
    va_start(args, format);
    const int n = vsnprintf(text, sizeof text - 1, format, args);
    va_end(args);
    if (n < 0)
        return;
    const size_t used = (size_t)n < sizeof text - 2 ? (size_t)n : sizeof text - 2;
    text[used] = '\n', text[used + 1] = '\0';
    if (p->out) {
        clear_bar(p);
        fputs(text, p->out);
        fflush(p->out);
    }
    keep(p, text, used + 1);
}

void rn_progress_bar(rn_progress *p, double done, const char *format, ...)
{
    enum { WIDTH = 24 };
    const double now = rn_clock();
    if (!p->out || now - (p->terminal ? p->bar_at : p->line_at) < (p->terminal ? bar_every_s : line_every_s))
        return;
    if (!p->terminal && p->line_at == 0) { /* the first plain line is due a while after the beginning */
        p->line_at = now;
        return;
    }
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (p->terminal) {
        char bar[WIDTH + 1];
        for (int i = 0; i < WIDTH; i++)
            bar[i] = (double)i < done * WIDTH ? '#' : '.';
        bar[WIDTH] = '\0';
        fprintf(p->out, "\r\033[K[%s] %3.0f %%  %s", bar, 100 * done, text);
        p->bar_shown = true;
        p->bar_at = now;
    } else {
        fprintf(p->out, "  %3.0f %%  %s\n", 100 * done, text);
        p->line_at = now;
    }
    fflush(p->out);
}

void rn_progress_log_begin(rn_progress *p)
{
    p->log_used = 0;
}

bool rn_progress_log_write(const rn_progress *p, const char *path, rn_error *err)
{
    return rn_file_write_bytes(path, p->log ? p->log : "", p->log_used, err);
}
