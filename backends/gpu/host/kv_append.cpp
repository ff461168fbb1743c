/* varlen_kv_append: see backends/gpu/kv_append.h. */
#include "around/kv_append.h"

#include "host/around.h"
#include "host/around_launch.h"
#include "host/make_problem.h"

static append_cache make_cache(const varlen_tensor &rows, int64_t page_stride, varlen_dtype dtype)
{
    return {make_gpu_tensor(rows, dtype), page_stride * varlen_dtype_size(dtype)};
}

static append_cache make_scale_cache(const float *scales, int64_t token_stride, int64_t head_stride,
                                     int64_t page_stride)
{
    return {make_scales(scales, token_stride, head_stride), page_stride * (int64_t)sizeof(float)};
}

/* What turns, in whole pieces of eight: the rest of a row stays where it is. */
static rotated_columns make_queries(const varlen_kv_append_args &args)
{
    const int32_t begin = args.rotary_begin % 8;
    rotated_columns queries = {make_gpu_tensor(args.q, args.dtype), (begin + args.rotary_dim + 7) / 8 * 8, begin};
    if (queries.rows.data)
        queries.rows.data += (args.rotary_begin - begin) * varlen_dtype_size(args.dtype);
    return queries;
}

static append_arguments make_arguments(const gpu_state &state, const varlen_kv_append_args &args)
{
    const varlen_dtype cache_dtype = args.cache_dtype ? args.cache_dtype : args.dtype;
    append_arguments work = {};
    work.q = make_queries(args);
    work.k_new = make_gpu_tensor(args.k_new, args.dtype);
    work.v_new = make_gpu_tensor(args.v_new, args.dtype);
    work.k_cache = make_cache(args.k_cache, args.k_page_stride, cache_dtype);
    work.v_cache = make_cache(args.v_cache, args.v_page_stride, cache_dtype);
    work.k_scales =
        make_scale_cache(args.k_scale, args.k_scale_token_stride, args.k_scale_head_stride, args.k_scale_page_stride);
    work.v_scales =
        make_scale_cache(args.v_scale, args.v_scale_token_stride, args.v_scale_head_stride, args.v_scale_page_stride);
    work.cache_dtype = args.cache_dtype;
    work.scales_given = args.scales_given;
    work.cu_seqlens_new = args.cu_seqlens_new;
    work.cu_seqlens_k = args.page_size > 0 ? nullptr : args.cu_seqlens_k;
    work.seqused_k = args.seqused_k;
    work.leftpad_k = args.leftpad_k;
    work.page_table = args.page_table;
    work.seqused_k_out = args.seqused_k_out;
    work.rotary_cos = args.rotary_cos;
    work.rotary_sin = args.rotary_sin;
    work.rotary_positions = args.rotary_positions;
    work.total_new = args.total_new;
    work.total_k = args.total_k;
    work.page_count = args.page_count;
    work.batch = args.batch;
    work.kv_heads = args.kv_heads;
    work.q_heads = args.q_heads;
    work.head_dim = args.head_dim;
    work.value_dim = args.value_dim;
    work.rotary_dim = args.rotary_dim;
    work.rotary_begin = args.rotary_begin;
    work.rotary_interleaved = args.rotary_interleaved;
    work.paged = args.page_size > 0;
    work.page_table_width = args.page_table_width;
    work.page_size = make_fast_divisor(args.page_size > 0 ? (uint32_t)args.page_size : 1);
    work.validate = state.validate;
    work.mailbox = state.mailbox;
    return work;
}

template <typename T>
static varlen_status append_launch(const gpu_state &state, varlen_stream stream, const append_arguments &args)
{
    const int32_t value_dim = args.v_cache.rows.data ? args.value_dim : 0;
    const int64_t dims = (int64_t)args.kv_heads * (args.head_dim + value_dim) + (int64_t)args.q_heads * args.q.dim;
    const launch_shape shape = around_launch(state, size_product((size_t)args.total_new, (size_t)dims),
                                             AROUND_THREADS * 8, sizeof(append_memory));
    const launch_shape one_block = {1, AROUND_THREADS, sizeof(append_shared)};
    varlen_status status = launch<kv_append_kernel<T>>(state.device, shape, stream, args);
    if (status == VARLEN_OK && args.seqused_k_out)
        status = launch<append_lengths_kernel>(state.device, one_block, stream, args);
    return status;
}

varlen_status gpu_kv_append(void *state, varlen_stream stream, const varlen_kv_append_args *args)
{
    const gpu_state &gpu = *(const gpu_state *)state;
    const append_arguments work = make_arguments(gpu, *args);
    return on_device(gpu.device, [&] {
        switch (args->dtype) {
        case VARLEN_FLOAT16: return append_launch<float16>(gpu, stream, work);
        case VARLEN_BFLOAT16: return append_launch<bfloat16>(gpu, stream, work);
        default: return append_launch<float>(gpu, stream, work);
        }
    });
}
