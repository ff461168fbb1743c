/* The table of backends/gpu/tuning.h for AMD GPUs: 64 KB of shared memory, and registers as docs/hip.md counts them. */
#ifndef VARLEN_HIP_TUNING_H
#define VARLEN_HIP_TUNING_H

constexpr int FORWARD_ROWS = 256;

/* A kind is the threads of a warp: 32 on RDNA, 64 on CDNA. */
constexpr int warp_threads(int kind)
{
    return kind;
}

constexpr int shared_memory_limit(int)
{
    return 64 * 1024;
}

/* CDNA keeps q in registers; the 256 of RDNA are for sums. Where there is one stage, registers are the other. Two waves
 * of CDNA share the 512 registers of a SIMD: with so many to a wave alone the compiler would put sums into accumulation
 * registers, from where softmax has to fetch them. */
constexpr forward_tuning forward_tuning_of(int head_dim, int kind, bool)
{
    const bool cdna = kind == 64;
    const bool narrow = head_dim <= 128;
    forward_tuning tuning = {};
    tuning.warps = narrow && (cdna || head_dim > 64) ? 8 : 4;
    tuning.warp_rows = cdna ? 32 : 16;
    tuning.short_row_warps = cdna ? tuning.warps : 4;
    tuning.chunk_keys = cdna && narrow ? 64 : cdna || narrow ? 32 : 16;
    tuning.stages = head_dim <= 64 ? 2 : 1;
    tuning.decode_warps = tuning.chunk_keys / 16;
    tuning.decode_keys = tuning.chunk_keys;
    tuning.blocks = head_dim <= 64 && !cdna ? 2 : 1;
    tuning.queries_in_registers = cdna;
    tuning.interleaved_values = cdna;
    return tuning;
}

constexpr backward_tuning backward_tuning_of(int head_dim, int kind, bool)
{
    const bool cdna = kind == 64;
    backward_tuning tuning = {};
    tuning.warps = !cdna && ((head_dim > 64 && head_dim <= 128) || head_dim > 192) ? 8 : 4;
    tuning.tile_keys = head_dim <= 128 ? 64 : 32;
    tuning.chunk_rows = head_dim <= 192 ? 32 : 16;
    tuning.score_warps = head_dim <= 192 ? tuning.warps : 2;
    tuning.row_warps = head_dim <= 192 ? 2 : 1;
    tuning.dq_row_warps = head_dim <= 192 && !cdna ? 2 : 1;
    tuning.stages = head_dim <= 64 ? 2 : 1;
    tuning.blocks = 1;
    return tuning;
}

#endif
