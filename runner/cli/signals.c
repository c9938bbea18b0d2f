#include "cli/signals.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t seen; /* a signal handler can reach nothing else */

static void note(int number)
{
    if (seen)
        signal(number, SIG_DFL), raise(number);
    seen = number;
}

void rn_signals_catch(void)
{
    struct sigaction a = {.sa_handler = note};
    sigemptyset(&a.sa_mask);
    sigaction(SIGINT, &a, NULL);
    sigaction(SIGTERM, &a, NULL);
    sigaction(SIGHUP, &a, NULL);
    a.sa_handler = SIG_IGN; /* a full quota and a reader that went away are errors of a write, told where it is */
    sigaction(SIGXFSZ, &a, NULL);
    sigaction(SIGPIPE, &a, NULL);
}

int rn_signal_seen(void)
{
    return seen;
}

bool rn_stop_asked(rn_error *err)
{
    if (!seen)
        return false;
    rn_fail(err, RN_EINTERRUPTED, "stopped by %s", seen == SIGINT ? "SIGINT" : "a signal");
    return true;
}
