/* The table of backends/gpu/tuning.h for NVIDIA GPUs: 64K registers and, from sm_80 on, 163 KB of shared memory. */
#ifndef VARLEN_CUDA_TUNING_H
#define VARLEN_CUDA_TUNING_H

constexpr int FORWARD_ROWS = 128;

constexpr forward_tuning forward_tuning_of(int head_dim, int, bool)
{
    forward_tuning tuning = {};
    const bool wide = head_dim > 192; /* with values as wide: two blocks a processor leave room for little */
    tuning.warps = 4;
    tuning.warp_rows = wide ? 16 : 32;
    tuning.short_row_warps = 4;
    tuning.block_keys = wide ? 32 : head_dim > 64 ? 48 : 64;
    tuning.stages = 2;
    tuning.decode_warps = wide ? 2 : 4;
    tuning.decode_keys = wide ? 32 : 64;
    tuning.blocks = 2;
    tuning.out_by_shared_memory = true;
    return tuning;
}

constexpr backward_tuning backward_tuning_of(int head_dim, int, bool general)
{
    backward_tuning tuning = {};
    tuning.warps = head_dim <= 64 ? 4 : 8;
    tuning.tile_keys = head_dim > 64 && head_dim <= 128 ? 128 : 64;
    tuning.block_rows = 64;
    tuning.score_warps = tuning.warps;
    tuning.row_warps = head_dim <= 128 ? 2 : 4;
    tuning.dq_row_warps = 2;
    tuning.stages = 2;
    tuning.blocks = head_dim > 64 ? 1 : general ? 2 : 3;
    tuning.results_by_shared_memory = true;
    return tuning;
}

#endif
