/* varlen_pack and varlen_unpack: see backends/gpu/pack.h. */
#include "pack.h"

#include "host/around.h"
#include "host/around_shape.h"
#include "host/make_problem.h"

static pack_arguments make_arguments(const gpu_state &state, const varlen_pack_args &args)
{
    const int64_t element = varlen_dtype_size(args.dtype);
    pack_arguments work = {};
    work.padded = make_gpu_tensor(args.padded, args.dtype);
    work.packed = make_gpu_tensor(args.packed, args.dtype);
    work.cu_seqlens = args.cu_seqlens;
    work.padded_bytes = args.padded_batch_stride * element;
    work.total = args.total;
    work.batch = args.batch;
    work.max_seqlen = args.max_seqlen;
    work.shape = {(uint32_t)args.heads, (uint32_t)(args.dim * element / 16)};
    work.validate = state.validate;
    work.mailbox = state.mailbox;
    return work;
}

template <auto KERNEL>
static varlen_status copy_launch(void *state, varlen_stream stream, const varlen_pack_args &args, int64_t rows)
{
    const gpu_state &gpu = *(const gpu_state *)state;
    const pack_arguments work = make_arguments(gpu, args);
    const launch_shape shape =
        around_shape(gpu, size_product((size_t)rows, (size_t)work.shape.heads * work.shape.pieces), AROUND_THREADS,
                     sizeof(uint64_t));
    return on_device(gpu.device, [&] { return launch<KERNEL>(gpu.device, shape, stream, work); });
}

varlen_status gpu_pack(void *state, varlen_stream stream, const varlen_pack_args *args)
{
    return copy_launch<pack_kernel>(state, stream, *args, args->total);
}

varlen_status gpu_unpack(void *state, varlen_stream stream, const varlen_pack_args *args)
{
    return copy_launch<unpack_kernel>(state, stream, *args, (int64_t)args->batch * args->max_seqlen);
}
