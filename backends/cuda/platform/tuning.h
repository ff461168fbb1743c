/* The table of backends/gpu/tuning.h for NVIDIA GPUs, which have 64K registers to a processor. */
#ifndef VARLEN_CUDA_TUNING_H
#define VARLEN_CUDA_TUNING_H

constexpr int FORWARD_ROWS = 128;

/* A kind is the shared memory that a block may have, in KB: 99 on GPUs for desktops and workstations (8.6, 8.9, 12.x),
 * 163 on Ampere's (8.0), 227 on Hopper's. */
constexpr int warp_threads(int)
{
    return 32;
}

constexpr int shared_memory_limit(int kind)
{
    return kind * 1024;
}

constexpr forward_tuning forward_tuning_of(int head_dim, int kind, bool)
{
    const bool small = kind == 99;
    const bool wide = head_dim > 192; /* with values as wide: two blocks a processor leave room for little */
    forward_tuning tuning = {};
    tuning.warps = 4;
    tuning.warp_rows = wide ? 16 : 32;
    tuning.short_row_warps = 4;
    tuning.chunk_keys = wide ? 32 : head_dim > 64 ? 48 : 64;
    if (small)
        tuning.chunk_keys = wide ? 16 : head_dim > 128 ? 32 : 48;
    tuning.stages = 2;
    tuning.decode_warps = wide ? 2 : 4;
    tuning.decode_keys = wide ? 32 : 64;
    tuning.blocks = small && head_dim > 64 ? 1 : 2;
    tuning.out_by_shared_memory = true;
    return tuning;
}

/* Where less fits than a warp's 16 x 16 scores for each warp, few warps have all of them. */
constexpr backward_tuning small_backward_tuning_of(int head_dim)
{
    const bool wide = head_dim > 192;
    backward_tuning tuning = {};
    tuning.warps = head_dim <= 64 ? 4 : 8;
    tuning.tile_keys = wide ? 32 : 64;
    tuning.chunk_rows = wide ? 16 : head_dim > 64 ? 32 : 64;
    tuning.score_warps = wide ? 2 : tuning.warps;
    tuning.row_warps = wide ? 1 : 2;
    tuning.dq_row_warps = wide ? 1 : 2;
    tuning.stages = 2;
    tuning.blocks = 1;
    tuning.results_by_shared_memory = true;
    return tuning;
}

constexpr backward_tuning backward_tuning_of(int head_dim, int kind, bool general)
{
    if (kind == 99)
        return small_backward_tuning_of(head_dim);
    const bool half_rows = kind == 163 && head_dim > 192;
    backward_tuning tuning = {};
    tuning.warps = head_dim <= 64 ? 4 : 8;
    tuning.tile_keys = head_dim > 64 && head_dim <= 128 ? 128 : 64;
    tuning.chunk_rows = half_rows ? 32 : 64;
    tuning.score_warps = tuning.warps;
    tuning.row_warps = head_dim <= 128 || half_rows ? 2 : 4;
    tuning.dq_row_warps = 2;
    tuning.stages = 2;
    tuning.blocks = head_dim > 64 ? 1 : general ? 2 : 3;
    tuning.results_by_shared_memory = true;
    return tuning;
}

#endif
