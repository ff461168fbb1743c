/* The table of backends/gpu/tuning.h for the test platform: of what vendors do differently, some of each. */
#ifndef VARLEN_SIMT_TUNING_H
#define VARLEN_SIMT_TUNING_H

constexpr int FORWARD_ROWS = 128;

/* The one kind. */
constexpr int warp_threads(int kind)
{
    return kind;
}

constexpr int shared_memory_limit(int)
{
    return 256 * 1024;
}

/* The narrowest and the widest as on AMD's GPUs, those between as on NVIDIA's. */
constexpr bool simt_keeps_rows(int head_dim)
{
    return head_dim <= 64 || head_dim > 192;
}

constexpr forward_tuning forward_tuning_of(int head_dim, int, bool)
{
    forward_tuning tuning = {};
    tuning.warps = head_dim <= 128 ? 4 : 8;
    tuning.warp_rows = head_dim <= 128 ? 32 : 16;
    tuning.short_row_warps = 4;
    tuning.chunk_keys = head_dim > 64 && head_dim <= 128 ? 48 : 64;
    tuning.stages = simt_keeps_rows(head_dim) ? 1 : 2;
    tuning.decode_warps = 4;
    tuning.decode_keys = 64;
    tuning.blocks = head_dim <= 128 ? 2 : 1;
    tuning.queries_in_registers = simt_keeps_rows(head_dim);
    tuning.interleaved_values = simt_keeps_rows(head_dim);
    tuning.out_by_shared_memory = !simt_keeps_rows(head_dim);
    return tuning;
}

constexpr backward_tuning backward_tuning_of(int head_dim, int, bool)
{
    const bool wide = head_dim > 192; /* more threads than a block has rows, more warps than there is room for scores */
    backward_tuning tuning = {};
    tuning.warps = head_dim <= 64 ? 4 : 8;
    tuning.tile_keys = head_dim > 64 && head_dim <= 128 ? 128 : 64;
    tuning.chunk_rows = wide ? 16 : 64;
    tuning.score_warps = wide ? 4 : tuning.warps;
    tuning.row_warps = wide ? 1 : head_dim <= 128 ? 2 : 4;
    tuning.dq_row_warps = wide ? 1 : 2;
    tuning.stages = simt_keeps_rows(head_dim) ? 1 : 2;
    tuning.blocks = head_dim <= 64 ? 2 : 1;
    tuning.results_by_shared_memory = !simt_keeps_rows(head_dim);
    return tuning;
}

#endif
