#ifndef RN_CLI_SIGNALS_H
#define RN_CLI_SIGNALS_H
/* SIGINT and SIGTERM: the first one asks for a stop after the step, a second one ends the process at once. */

void rn_signals_catch(void);
int rn_signal_seen(void); /* its number, or 0 */

#endif
