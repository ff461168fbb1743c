/* What must happen to a call whose metadata is bad. */
#ifndef VARLEN_TESTS_VIOLATION_H
#define VARLEN_TESTS_VIOLATION_H

#include "device_block.h"

/* Skips the case where VARLEN_VALIDATE turns the search for bad metadata off. */
void violation_skip_if_not_searched(case_trial *trial);

/* `status` is what the call gave. Fails the case unless the violation is told in these very words: by the call, in host
 * memory; else by varlen_context_status, once, while other calls go through. In host memory nothing in `blocks` may
 * have changed: the case ends well here, and false is returned. Elsewhere it is true: the outputs are the caller's to
 * check. */
bool violation_expect(const block_list *blocks, varlen_status status, const char *words);

#endif
