/* Whether the keys of sequences overlap, where key_starts says where they begin. */
#ifndef VARLEN_CORE_SHARED_KEYS_H
#define VARLEN_CORE_SHARED_KEYS_H

#include <varlen/backend.h>

/* VARLEN_VIOLATION_SHARED for the first sequence some of whose keys are an earlier one's too, and the first such
 * earlier one. key_starts, seqused_k and leftpad_k have passed their own rules. */
varlen_violation varlen_inspect_shared_keys(int32_t batch, const varlen_inputs *inputs);

#endif
