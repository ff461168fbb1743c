/* A fuzz target: one property, held against whatever problem the bytes describe. A fuzz engine calls it, or replay.c.
 */
#ifndef VARLEN_FUZZ_TARGET_H
#define VARLEN_FUZZ_TARGET_H

#include <stddef.h>
#include <stdint.h>

/* Returns 0; ends the process with a finding (finding.h) where the property does not hold. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
