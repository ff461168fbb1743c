/* How many blocks a call around attention is worth. */
#ifndef VARLEN_GPU_HOST_AROUND_LAUNCH_H
#define VARLEN_GPU_HOST_AROUND_LAUNCH_H

#include "../../workspace_size.h"
#include "around/work_share.h"

#include "host/state.h"

/* One block for each `per_block` of `work`, as many as are under way at once, and at least one. */
inline launch_shape around_launch(const gpu_state &state, size_t work, size_t per_block, size_t shared_bytes)
{
    const size_t most = (size_t)state.processors * AROUND_BLOCKS;
    const size_t wanted = work / per_block + (work % per_block != 0);
    const size_t blocks = wanted < 1 ? 1 : wanted < most ? wanted : most;
    return {(int32_t)blocks, AROUND_THREADS, (int32_t)shared_bytes};
}

#endif
