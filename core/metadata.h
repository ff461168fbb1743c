/* The search for broken rules in the contents of cu_seqlens, lengths, key ranges, page tables and key_starts that lie
 * in host memory. */
#ifndef VARLEN_CORE_METADATA_H
#define VARLEN_CORE_METADATA_H

#include <varlen/backend.h>

/* Each gives the first violation, in the order in which a call reads its metadata: VARLEN_VIOLATION_NONE if there is
 * none. The arguments have passed the rules that need no data. Nothing is read that the call would not read. */
varlen_violation varlen_inspect_attention(const varlen_attention *attention, varlen_pass pass,
                                          const varlen_inputs *inputs);
varlen_violation varlen_inspect_lengths(int32_t batch, const int32_t *lengths);
varlen_violation varlen_inspect_pack(const varlen_pack_args *args);
varlen_violation varlen_inspect_kv_append(const varlen_kv_append_args *args);

#endif
