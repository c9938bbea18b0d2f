/* From the code of an error to the exit status of the process. */
#include "cli/cli.h"
#include "cli/signals.h"

#include <signal.h>

int rn_exit_status(rn_code code)
{
    switch (code) {
    case RN_OK:
        return 0;
    case RN_EUSAGE:
    case RN_ESYNTAX:
    case RN_EUNKNOWN_KEY:
    case RN_EDUPLICATE:
    case RN_ETYPE:
    case RN_ERANGE:
    case RN_EMISSING:
    case RN_EUNKNOWN:
    case RN_ESHAPE:
    case RN_ELIMIT:
        return 2;
    case RN_EIO:
    case RN_EFORMAT:
    case RN_EPLUGIN:
    case RN_EMEMORY:
    case RN_EDATABASE:
    case RN_EDATA:
    case RN_EINTERNAL:
        return 3;
    case RN_EINTERRUPTED:
        return rn_signal_seen() == SIGTERM ? 143 : 130;
    case RN_EFAILED:
        return 1;
    }
    return 3;
}
