/* The kernels of the forward pass of wide heads: blocks that take items until none is left. */
#ifndef VARLEN_GPU_WIDE_FORWARD_KERNEL_H
#define VARLEN_GPU_WIDE_FORWARD_KERNEL_H

#include "warp_tiles/forward_kernel.h"
#include "warp_tiles/wide_forward_results.h"

template <typename INSTANCE> struct wide_forward_tile {
    GPU_DEVICE static void work(const forward_arguments &args, forward_shared &shared)
    {
        wide_forward_work<INSTANCE> work(args, shared);
        work.multiply_all();
        wide_forward_finish(work);
    }
};

template <typename T, int HEAD_DIM, int VALUE_DIM>
GPU_KERNEL((wide_forward_instance<T, HEAD_DIM, VALUE_DIM, ARCHITECTURE>::THREADS), 1)
wide_forward_kernel(GPU_ARGUMENTS(forward_arguments) args)
{
    using INSTANCE = wide_forward_instance<T, HEAD_DIM, VALUE_DIM, ARCHITECTURE>;
    forward_take_items<INSTANCE, wide_forward_tile<INSTANCE>>(args);
}

/* The same for quantised keys and values. */
template <typename T, int HEAD_DIM, int VALUE_DIM>
GPU_KERNEL((wide_forward_instance<T, HEAD_DIM, VALUE_DIM, ARCHITECTURE, true>::THREADS), 1)
wide_quantized_kernel(GPU_ARGUMENTS(forward_arguments) args)
{
    using INSTANCE = wide_forward_instance<T, HEAD_DIM, VALUE_DIM, ARCHITECTURE, true>;
    forward_take_items<INSTANCE, wide_forward_tile<INSTANCE>>(args);
}

#endif
