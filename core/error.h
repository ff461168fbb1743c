/* The calling thread's error message, and the one way to fail. */
#ifndef VARLEN_CORE_ERROR_H
#define VARLEN_CORE_ERROR_H

#include <stdbool.h>

#include "text.h"

/* Sets the thread's message and returns `status`. Arguments may point into the message that is there now. */
varlen_status varlen_fail(varlen_status status, const char *format, ...) VARLEN_PRINTF(2, 3);

/* Makes room for the messages of this thread, so that its failures find it. False without memory. */
bool varlen_error_prepare(void);

/* The status of the thread's last failure since it set the mark, VARLEN_OK if there was none: tells if a backend that
 * failed also gave its reason. */
void varlen_error_mark(void);
varlen_status varlen_error_since_mark(void);

/* The message as it is now, to be put back when a failure inside a call turns out not to be the call's own. */
varlen_text varlen_error_keep(void);
void varlen_error_restore(const varlen_text *kept);

/* Returns from the calling function if `call` did not give VARLEN_OK. */
#define VARLEN_TRY(call)                                                                                               \
    do {                                                                                                               \
        const varlen_status varlen_try_status = (call);                                                                \
        if (varlen_try_status != VARLEN_OK)                                                                            \
            return varlen_try_status;                                                                                  \
    } while (0)

#endif
