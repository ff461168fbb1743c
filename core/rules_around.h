/* The rules of the calls around attention: merge, pack and unpack, kv_append. */
#ifndef VARLEN_CORE_RULES_AROUND_H
#define VARLEN_CORE_RULES_AROUND_H

#include <stdbool.h>

#include <varlen/varlen.h>

/* Each makes `args` a whole struct, without zero strides and with value_dim set. */
varlen_status varlen_check_merge(const varlen_merge_args *given, varlen_merge_args *args);
varlen_status varlen_check_cu_seqlens(int32_t batch, const int32_t *lengths, const int32_t *cu_seqlens);
varlen_status varlen_check_pack(const varlen_pack_args *given, bool unpack, varlen_pack_args *args);
varlen_status varlen_check_kv_append(const varlen_kv_append_args *given, varlen_kv_append_args *args);

#endif
