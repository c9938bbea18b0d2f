#ifndef RN_CLI_SIGNALS_H
#define RN_CLI_SIGNALS_H
/* SIGINT and SIGTERM: the first one asks for a stop after the step, a second one ends the process at once.
 * A file that would grow beyond the shell's limit (ulimit -f) is an error of writing, as a full disk is, and no signal. */

#include <runner/error.h>

void rn_signals_catch(void);
int rn_signal_seen(void); /* its number, or 0 */

/* Was one seen? Then also RN_EINTERRUPTED, with which work between two steps ends. */
bool rn_stop_asked(rn_error *err);

#endif
