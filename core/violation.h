/* Putting a broken rule of metadata into words. */
#ifndef VARLEN_CORE_VIOLATION_H
#define VARLEN_CORE_VIOLATION_H

#include "text.h"

/* Adds the sentence for `violation` and gives VARLEN_ERROR_BAD_METADATA, or VARLEN_ERROR_INTERNAL if no rule or
 * argument has these numbers. VARLEN_OK, and no sentence, if it is VARLEN_VIOLATION_NONE. */
varlen_status varlen_violation_words(const varlen_violation *violation, varlen_text *words);

/* Fails with VARLEN_ERROR_BAD_METADATA and the sentence for `violation`, whether the host or a device has found it.
 * VARLEN_OK if it is VARLEN_VIOLATION_NONE. */
varlen_status varlen_fail_violation(const varlen_violation *violation);

#endif
