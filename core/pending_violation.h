/* A violation that a device has found, until the program asks for it. */
#ifndef VARLEN_CORE_PENDING_VIOLATION_H
#define VARLEN_CORE_PENDING_VIOLATION_H

#include <varlen/backend.h>

#include "os.h"

/* The first that has been found since the program was last told one. */
typedef struct varlen_pending_violation {
    varlen_mutex lock;
    varlen_violation first; /* guarded by it */
} varlen_pending_violation;

/* Takes what the device has found, if anything: logs it, and keeps it unless another one waits to be told. Fails if the
 * backend cannot say. */
varlen_status varlen_pending_collect(varlen_context *context);

/* Fails with the violation that waits, which then is told. VARLEN_OK if there is none. */
varlen_status varlen_pending_tell(varlen_context *context);

#endif
