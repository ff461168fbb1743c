/* varlen_pack and varlen_unpack: see backends/gpu/pack.h. */
#include "around/pack.h"

#include "host/around.h"
#include "host/around_launch.h"
#include "host/make_problem.h"

static gpu_tensor tensor_of(const varlen_tensor &tensor, int64_t element_size)
{
    return {(char *)tensor.data, tensor.token_stride * element_size, tensor.head_stride * element_size};
}

/* The widest piece, up to 16 bytes, that all rows of both tensors are made of and aligned to. */
static uint32_t piece_size(const pack_arguments &work, int64_t row_bytes)
{
    const gpu_tensor &padded = work.padded;
    const gpu_tensor &packed = work.packed;
    const uint64_t places = (uint64_t)(uintptr_t)padded.data | (uint64_t)(uintptr_t)packed.data |
                            (uint64_t)(padded.token_bytes | padded.head_bytes | work.padded_bytes) |
                            (uint64_t)(packed.token_bytes | packed.head_bytes | row_bytes);
    uint32_t size = 16;
    while (places % size != 0)
        size /= 2;
    return size;
}

/* `piece` is given the size of the pieces. */
static pack_arguments make_arguments(const gpu_state &state, const varlen_pack_args &args, uint32_t *piece)
{
    const int64_t row_bytes = (int64_t)args.dim * args.element_size;
    pack_arguments work = {};
    work.padded = tensor_of(args.padded, args.element_size);
    work.packed = tensor_of(args.packed, args.element_size);
    work.cu_seqlens = args.cu_seqlens;
    work.leftpad = args.leftpad;
    work.padded_bytes = args.padded_batch_stride * args.element_size;
    work.total = args.total;
    work.batch = args.batch;
    work.max_seqlen = args.max_seqlen;
    *piece = piece_size(work, row_bytes);
    work.counts = {(uint32_t)args.heads, (uint32_t)(row_bytes / *piece)};
    work.validate = state.validate;
    work.mailbox = state.mailbox;
    return work;
}

template <auto KERNEL>
static varlen_status copy_launch(const gpu_state &gpu, varlen_stream stream, const pack_arguments &work, int64_t rows)
{
    const launch_shape shape =
        around_launch(gpu, size_product((size_t)rows, (size_t)work.counts.heads * work.counts.pieces), AROUND_THREADS,
                      sizeof(uint64_t));
    return on_device(gpu.device, [&] { return launch<KERNEL>(gpu.device, shape, stream, work); });
}

varlen_status gpu_pack(void *state, varlen_stream stream, const varlen_pack_args *args)
{
    const gpu_state &gpu = *(const gpu_state *)state;
    uint32_t piece;
    const pack_arguments work = make_arguments(gpu, *args, &piece);
    switch (piece) {
    case 1: return copy_launch<pack_kernel<uint8_t>>(gpu, stream, work, work.total);
    case 2: return copy_launch<pack_kernel<uint16_t>>(gpu, stream, work, work.total);
    case 4: return copy_launch<pack_kernel<uint32_t>>(gpu, stream, work, work.total);
    case 8: return copy_launch<pack_kernel<uint64_t>>(gpu, stream, work, work.total);
    default: return copy_launch<pack_kernel<words_16>>(gpu, stream, work, work.total);
    }
}

varlen_status gpu_unpack(void *state, varlen_stream stream, const varlen_pack_args *args)
{
    const gpu_state &gpu = *(const gpu_state *)state;
    const int64_t rows = (int64_t)args->batch * args->max_seqlen;
    uint32_t piece;
    const pack_arguments work = make_arguments(gpu, *args, &piece);
    switch (piece) {
    case 1: return copy_launch<unpack_kernel<uint8_t>>(gpu, stream, work, rows);
    case 2: return copy_launch<unpack_kernel<uint16_t>>(gpu, stream, work, rows);
    case 4: return copy_launch<unpack_kernel<uint32_t>>(gpu, stream, work, rows);
    case 8: return copy_launch<unpack_kernel<uint64_t>>(gpu, stream, work, rows);
    default: return copy_launch<unpack_kernel<words_16>>(gpu, stream, work, rows);
    }
}
