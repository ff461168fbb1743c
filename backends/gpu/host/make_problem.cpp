#include "host/make_problem.h"

#include "host/limits.h"

#include <cfloat>
#include <cmath>

gpu_tensor make_gpu_tensor(const varlen_tensor &tensor, varlen_dtype dtype)
{
    int64_t element = varlen_dtype_size(dtype);
    return {(char *)tensor.data, tensor.token_stride * element, tensor.head_stride * element};
}

static gpu_metadata make_metadata(const varlen_attention &attention, const varlen_inputs &inputs)
{
    gpu_metadata metadata = {};
    metadata.cu_seqlens_q = inputs.cu_seqlens_q;
    metadata.cu_seqlens_k = inputs.cu_seqlens_k;
    metadata.seqused_q = inputs.seqused_q;
    metadata.seqused_k = inputs.seqused_k;
    metadata.leftpad_q = inputs.leftpad_q;
    metadata.leftpad_k = inputs.leftpad_k;
    metadata.query_positions = inputs.query_positions;
    metadata.key_starts = inputs.key_starts;
    metadata.total_q = attention.total_q;
    metadata.total_k = attention.total_k;
    metadata.batch = attention.batch;
    metadata.max_seqlen_q = attention.max_seqlen_q;
    metadata.max_seqlen_k = attention.max_seqlen_k;
    metadata.paged = attention.page_size > 0;
    metadata.page_table = inputs.page_table;
    metadata.page_table_width = attention.page_table_width;
    metadata.page_count = attention.page_count;
    metadata.page_size = make_fast_divisor(metadata.paged ? (uint32_t)attention.page_size : 1);
    return metadata;
}

/* 0 times a mask's -infinity, and its reciprocal. */
static bool scale_is_general(float scale)
{
    return !(scale * gpu_log2e >= 0x1p-100f);
}

gpu_tensor make_scales(const float *scales, int64_t token_stride, int64_t head_stride)
{
    return {(char *)scales, token_stride * (int64_t)sizeof(float), head_stride * (int64_t)sizeof(float)};
}

static void set_quantized(gpu_problem &problem, const varlen_attention &attention, const varlen_inputs &inputs)
{
    problem.kv_dtype = attention.kv_dtype;
    problem.k_scales = make_scales(inputs.k_scale, inputs.k_scale_token_stride, inputs.k_scale_head_stride);
    problem.v_scales = make_scales(inputs.v_scale, inputs.v_scale_token_stride, inputs.v_scale_head_stride);
    problem.k_scale_page_bytes = inputs.k_scale_page_stride * (int64_t)sizeof(float);
    problem.v_scale_page_bytes = inputs.v_scale_page_stride * (int64_t)sizeof(float);
}

gpu_problem make_problem(const varlen_attention &attention, const varlen_inputs &inputs)
{
    const varlen_dtype kv_dtype = kv_dtype_of(attention);
    const int64_t element = varlen_dtype_size(kv_dtype);
    gpu_problem problem = {};
    problem.metadata = make_metadata(attention, inputs);
    problem.q = make_gpu_tensor(inputs.q, attention.dtype);
    problem.k = make_gpu_tensor(inputs.k, kv_dtype);
    problem.v = make_gpu_tensor(inputs.v, kv_dtype);
    set_quantized(problem, attention, inputs);
    problem.k_page_bytes = inputs.k_page_stride * element;
    problem.v_page_bytes = inputs.v_page_stride * element;
    problem.q_heads = attention.q_heads;
    problem.kv_heads = attention.kv_heads;
    problem.head_dim = attention.head_dim;
    problem.value_dim = attention.value_dim;
    problem.group = make_fast_divisor((uint32_t)(attention.q_heads / attention.kv_heads));
    problem.kv_heads_divisor = make_fast_divisor((uint32_t)attention.kv_heads);
    problem.window_left = attention.window_left;
    problem.window_right = attention.window_right;
    problem.top_left = attention.alignment == VARLEN_ALIGN_TOP_LEFT;
    problem.scale = attention.softmax_scale;
    problem.softcap = attention.softcap;
    problem.alibi_slopes = inputs.alibi_slopes;
    problem.alibi_batch_stride = inputs.alibi_batch_stride;
    problem.sinks = inputs.sinks;
    problem.dropout_seed = inputs.dropout_seed;
    problem.dropout_offset = inputs.dropout_offset;
    problem.dropout_state = inputs.dropout_state;
    problem.dropout_p = attention.dropout_p;
    problem.dropout_threshold = (uint32_t)((double)attention.dropout_p * 4294967296.0);
    problem.key_begin = inputs.key_begin;
    problem.key_end = inputs.key_end;
    problem.tree_mask = inputs.tree_mask;
    if (attention.attention_chunk > 0)
        problem.chunk = make_fast_divisor((uint32_t)attention.attention_chunk);
    problem.transforms = problem.softcap > 0.0f || problem.alibi_slopes || scale_is_general(problem.scale);
    problem.multiplier = problem.transforms ? gpu_log2e : fminf(problem.scale * gpu_log2e, FLT_MAX);
    problem.unit = problem.transforms ? 1.0f : problem.scale;
    return problem;
}

static bool has_row_mask(const gpu_problem &problem)
{
    return problem.key_begin || problem.key_end || problem.tree_mask || problem.chunk.divisor;
}

bool problem_is_general(const gpu_problem &problem)
{
    return problem.transforms || problem.dropout_threshold || has_row_mask(problem);
}

bool may_be_general(const varlen_attention &attention)
{
    const uint64_t features = VARLEN_FEATURE_SOFTCAP | VARLEN_FEATURE_ALIBI | VARLEN_FEATURE_DROPOUT |
                              VARLEN_FEATURE_KEY_RANGES | VARLEN_FEATURE_CHUNK | VARLEN_FEATURE_TREE_MASK;
    return (attention.features & features) || scale_is_general(attention.softmax_scale);
}

gpu_plan take_plan(workspace_cursor &cursor, const varlen_attention &attention, size_t partials)
{
    gpu_plan plan = {};
    plan.header = workspace_take<plan_header>(cursor, 1);
    plan.order = workspace_take<int32_t>(cursor, (size_t)attention.batch);
    plan.arrivals = workspace_take<int32_t>(cursor, partials);
    plan.bounds = workspace_take<row_bounds>(cursor, row_bound_limit(attention));
    return plan;
}

gpu_problem with_bounds(const gpu_problem &problem, const gpu_plan &plan)
{
    gpu_problem bounded = problem;
    bounded.bounds = problem.key_begin || problem.key_end ? plan.bounds : nullptr;
    return bounded;
}
