/* varlen_merge: see backends/gpu/merge.h. */
#include "around/merge.h"

#include "host/around.h"
#include "host/around_launch.h"
#include "host/make_problem.h"

template <typename T, typename PARTIAL>
static varlen_status merge_launch(const gpu_state &state, varlen_stream stream, const merge_arguments &args)
{
    const int64_t threads_per_row = args.value_dim / 8;
    const launch_shape shape = around_launch(state, size_product((size_t)args.tokens, (size_t)args.heads),
                                             AROUND_THREADS / threads_per_row, 0);
    return launch<merge_kernel<T, PARTIAL>>(state.device, shape, stream, args);
}

template <typename T>
static varlen_status merge_partials(const gpu_state &state, varlen_stream stream, varlen_dtype partial_dtype,
                                    const merge_arguments &args)
{
    switch (partial_dtype) {
    case VARLEN_FLOAT16: return merge_launch<T, float16>(state, stream, args);
    case VARLEN_BFLOAT16: return merge_launch<T, bfloat16>(state, stream, args);
    default: return merge_launch<T, float>(state, stream, args);
    }
}

static merge_arguments make_arguments(const varlen_merge_args &args)
{
    merge_arguments work = {};
    work.partial_out = make_gpu_tensor(args.partial_out, args.partial_dtype);
    work.out = make_gpu_tensor(args.out, args.dtype);
    work.partial_lse = args.partial_lse;
    work.lse = args.lse;
    work.partial_out_bytes = args.partial_out_stride * varlen_dtype_size(args.partial_dtype);
    work.partial_lse_stride = args.partial_lse_stride;
    work.tokens = args.tokens;
    work.parts = args.parts;
    work.heads = args.heads;
    work.value_dim = args.value_dim;
    return work;
}

varlen_status gpu_merge(void *state, varlen_stream stream, const varlen_merge_args *args)
{
    const gpu_state &gpu = *(const gpu_state *)state;
    const merge_arguments work = make_arguments(*args);
    return on_device(gpu.device, [&] {
        switch (args->dtype) {
        case VARLEN_FLOAT16: return merge_partials<float16>(gpu, stream, args->partial_dtype, work);
        case VARLEN_BFLOAT16: return merge_partials<bfloat16>(gpu, stream, args->partial_dtype, work);
        default: return merge_partials<float>(gpu, stream, args->partial_dtype, work);
        }
    });
}
