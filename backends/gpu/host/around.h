/* The calls around attention: merge, running sums, pack and unpack, appending to a cache. */
#ifndef VARLEN_GPU_HOST_AROUND_H
#define VARLEN_GPU_HOST_AROUND_H

#include <varlen/backend.h>

varlen_status gpu_merge(void *state, varlen_stream stream, const varlen_merge_args *args);
varlen_status gpu_cu_seqlens(void *state, varlen_stream stream, int32_t batch, const int32_t *lengths,
                             int32_t *cu_seqlens);
varlen_status gpu_pack(void *state, varlen_stream stream, const varlen_pack_args *args);
varlen_status gpu_unpack(void *state, varlen_stream stream, const varlen_pack_args *args);
varlen_status gpu_kv_append(void *state, varlen_stream stream, const varlen_kv_append_args *args);

#endif
