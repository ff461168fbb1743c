/* Products of matrices by mma.sync m16n8k16 with operands from ldmatrix: see backends/gpu/platform.h. PTX ISA, "Matrix
 * fragments for mma.m16n8k16", gives the layouts:
 *
 *     sums      thread holds rows lane/4 and lane/4 + 8, columns 2 * (lane % 4) and the next, of each 16 x 8 piece
 *     left      the same of each 16 x 16 piece, as pairs: sums of two 16 x 8 pieces, rounded, are a left operand */
#ifndef VARLEN_CUDA_FRAGMENTS_H
#define VARLEN_CUDA_FRAGMENTS_H

#include "platform/device.h"

/* The eight 16-byte pieces of 128 bytes change places with the row's number, so that the eight rows that one ldmatrix
 * reads at the same column lie in different banks. Rows of 64 bytes have four pieces, two rows the eight. */
template <typename T, int DIM> struct shared_tile {
    static_assert(DIM % 64 == 0 || DIM == 32, "rows are whole groups of eight pieces, or half of one");
    static constexpr int GROUP = DIM == 32 ? 32 : 64; /* elements among which pieces change places */
    T *data;

    static constexpr int bytes(int rows)
    {
        return rows * DIM * (int)sizeof(T);
    }

    GPU_DEVICE static int swizzle(int row)
    {
        return DIM == 32 ? (row / 2 & 3) * 8 : (row & 7) * 8;
    }

    GPU_DEVICE T *piece(int row, int column) const
    {
        return data + row * DIM + (column & ~(GROUP - 1)) + ((column & (GROUP - 1)) ^ swizzle(row));
    }

    /* piece(row + lane_row, column + lane_column), with row a multiple of 8, column of 16, lane_column 0 or 8: what
     * differs between lanes is kept apart, so that few addresses serve all the pieces of a product. */
    GPU_DEVICE T *lane_piece(int row, int lane_row, int column, int lane_column) const
    {
        int swizzled = (column & (GROUP - 16)) ^ (lane_column ^ swizzle(lane_row));
        return data + lane_row * DIM + swizzled + (row * DIM + (column & ~(GROUP - 1)));
    }
};

GPU_DEVICE int lane_index()
{
    return thread_index() % WARP;
}

/* The same, read anew: what is computed from it is computed here, and not kept in registers from far outside, where
 * every product of a kernel would want its own addresses. */
GPU_DEVICE int fresh_lane_index()
{
    int lane;
    asm volatile("mov.u32 %0, %%laneid;" : "=r"(lane));
    return lane;
}

template <int ROWS, int COLUMNS> struct warp_sums {
    static_assert(ROWS % 16 == 0 && COLUMNS % 16 == 0, "made of 16 x 16 pieces");
    static constexpr int SLOTS = ROWS / 8;
    static constexpr int RUN = 2;
    static constexpr int ROW_PIECES = ROWS / 16;
    static constexpr int COLUMN_PIECES = COLUMNS / 8;

    float piece[ROW_PIECES][COLUMN_PIECES][4];

    GPU_DEVICE void clear()
    {
#pragma unroll
        for (int m = 0; m < ROW_PIECES; m++)
#pragma unroll
            for (int n = 0; n < COLUMN_PIECES; n++)
#pragma unroll
                for (int i = 0; i < 4; i++)
                    piece[m][n][i] = 0.0f;
    }

    template <typename F> GPU_DEVICE void for_each_run(F f)
    {
#pragma unroll
        for (int slot = 0; slot < SLOTS; slot++)
#pragma unroll
            for (int n = 0; n < COLUMN_PIECES; n++)
                f(slot, n * 8 + lane_index() % 4 * 2, &piece[slot / 2][n][slot % 2 * 2]);
    }

    template <typename F> GPU_DEVICE void for_each_run_with(warp_sums &other, F f)
    {
#pragma unroll
        for (int slot = 0; slot < SLOTS; slot++)
#pragma unroll
            for (int n = 0; n < COLUMN_PIECES; n++)
                f(slot, n * 8 + lane_index() % 4 * 2, &piece[slot / 2][n][slot % 2 * 2],
                  &other.piece[slot / 2][n][slot % 2 * 2]);
    }

    GPU_DEVICE static int slot_row(int slot)
    {
        return slot * 8 + lane_index() / 4;
    }
};

GPU_DEVICE bool sums_first_lane()
{
    return lane_index() % 4 == 0;
}

GPU_DEVICE float sums_row_max(float x)
{
    x = fmaxf(x, warp_xor(x, 1));
    return fmaxf(x, warp_xor(x, 2));
}

GPU_DEVICE float sums_row_sum(float x)
{
    x += warp_xor(x, 1);
    return x + warp_xor(x, 2);
}

template <typename T, int ROWS, int COLUMNS> struct warp_operand {
    uint32_t pair[ROWS / 16][COLUMNS / 16][4];
};

template <typename T, int ROWS, int COLUMNS>
GPU_DEVICE warp_operand<T, ROWS, COLUMNS> operand_of(const warp_sums<ROWS, COLUMNS> &sums)
{
    warp_operand<T, ROWS, COLUMNS> operand;
#pragma unroll
    for (int m = 0; m < ROWS / 16; m++)
#pragma unroll
        for (int k = 0; k < COLUMNS / 16; k++)
#pragma unroll
            for (int half = 0; half < 2; half++) {
                const float(&piece)[4] = sums.piece[m][2 * k + half];
                operand.pair[m][k][2 * half] = element_pair<T>(piece[0], piece[1]);
                operand.pair[m][k][2 * half + 1] = element_pair<T>(piece[2], piece[3]);
            }
    return operand;
}

GPU_DEVICE void load_matrices(uint32_t (&matrix)[4], const void *row)
{
    uint32_t address = (uint32_t)__cvta_generic_to_shared(row);
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(matrix[0]), "=r"(matrix[1]), "=r"(matrix[2]), "=r"(matrix[3])
                 : "r"(address));
}

GPU_DEVICE void load_matrices_transposed(uint32_t (&matrix)[4], const void *row)
{
    uint32_t address = (uint32_t)__cvta_generic_to_shared(row);
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(matrix[0]), "=r"(matrix[1]), "=r"(matrix[2]), "=r"(matrix[3])
                 : "r"(address));
}

template <typename T>
GPU_DEVICE void multiply_piece(float (&sums)[4], const uint32_t (&left)[4], uint32_t right_0, uint32_t right_1);

template <>
GPU_DEVICE void multiply_piece<float16>(float (&sums)[4], const uint32_t (&left)[4], uint32_t right_0, uint32_t right_1)
{
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
                 "{%0, %1, %2, %3};"
                 : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
                 : "r"(left[0]), "r"(left[1]), "r"(left[2]), "r"(left[3]), "r"(right_0), "r"(right_1));
}

template <>
GPU_DEVICE void multiply_piece<bfloat16>(float (&sums)[4], const uint32_t (&left)[4], uint32_t right_0,
                                         uint32_t right_1)
{
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
                 "{%0, %1, %2, %3};"
                 : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
                 : "r"(left[0]), "r"(left[1]), "r"(left[2]), "r"(left[3]), "r"(right_0), "r"(right_1));
}

/* There is no room for them: sums take all registers. */
template <typename T, int ROWS, int DIM> struct register_rows;

/* ldmatrix transposes. */
template <typename T, int DIM> struct interleaved_tile;

/* Left and right operands of 16 rows or columns, from a tile whose rows run along the products' steps. */
template <typename T, int DIM>
GPU_DEVICE void load_left(uint32_t (&left)[4], const shared_tile<T, DIM> &tile, int row, int step, int lane)
{
    load_matrices(left, tile.lane_piece(row, lane % 16, step, lane / 16 * 8));
}

template <typename T, int DIM>
GPU_DEVICE void load_right(uint32_t (&right)[4], const shared_tile<T, DIM> &tile, int row, int step, int lane)
{
    load_matrices(right, tile.lane_piece(row, lane / 16 * 8 + lane % 8, step, lane / 8 % 2 * 8));
}

/* The same from a tile whose rows are the products' steps. */
template <typename T, int DIM>
GPU_DEVICE void load_left_transposed(uint32_t (&left)[4], const shared_tile<T, DIM> &tile, int step, int column,
                                     int lane)
{
    load_matrices_transposed(left, tile.lane_piece(step, lane / 16 * 8 + lane % 8, column, lane / 8 % 2 * 8));
}

template <typename T, int DIM>
GPU_DEVICE void load_right_transposed(uint32_t (&right)[4], const shared_tile<T, DIM> &tile, int step, int column,
                                      int lane)
{
    load_matrices_transposed(right, tile.lane_piece(step, lane % 16, column, lane / 16 * 8));
}

template <typename T, int ROWS, int COLUMNS>
GPU_DEVICE void multiply_pieces(warp_sums<ROWS, COLUMNS> &sums, const uint32_t (&left)[ROWS / 16][4],
                                const uint32_t (&right)[4], int sixteen)
{
#pragma unroll
    for (int m = 0; m < ROWS / 16; m++) {
        multiply_piece<T>(sums.piece[m][2 * sixteen], left[m], right[0], right[1]);
        multiply_piece<T>(sums.piece[m][2 * sixteen + 1], left[m], right[2], right[3]);
    }
}

/* STEPS steps of 16, each of which multiplies a left operand by COLUMNS / 16 right ones. load_left_at(left, step) and
 * load_right_at(right, step, n) fetch them, right ones AHEAD products before they are used: shared memory answers after
 * some 30 cycles, in which the matrix unit does about five pieces. */
template <typename T, int STEPS, int ROWS, int COLUMNS, typename LOAD_LEFT, typename LOAD_RIGHT>
GPU_DEVICE void multiply_steps(warp_sums<ROWS, COLUMNS> &sums, LOAD_LEFT load_left_at, LOAD_RIGHT load_right_at)
{
    constexpr int AHEAD = 2;
    constexpr int rights = COLUMNS / 16;
    constexpr int products = STEPS * rights;
    uint32_t left[2][ROWS / 16][4];
    uint32_t right[AHEAD + 1][4];
    load_left_at(left[0], 0);
#pragma unroll
    for (int number = 0; number < AHEAD && number < products; number++)
        load_right_at(right[number], number / rights, number % rights);
#pragma unroll
    for (int number = 0; number < products; number++) {
        const int step = number / rights;
        const int ahead = number + AHEAD;
        if (number % rights == 0 && step + 1 < STEPS)
            load_left_at(left[(step + 1) % 2], step + 1);
        if (ahead < products)
            load_right_at(right[ahead % (AHEAD + 1)], ahead / rights, ahead % rights);
        multiply_pieces<T>(sums, left[step % 2], right[number % (AHEAD + 1)], number % rights);
    }
}

template <typename T, int DIM, int ROWS, int COLUMNS>
GPU_DEVICE void multiply_rows(warp_sums<ROWS, COLUMNS> &sums, const shared_tile<T, DIM> &a, int a_row,
                              const shared_tile<T, DIM> &b, int b_row)
{
    const int lane = fresh_lane_index();
    multiply_steps<T, DIM / 16>(
        sums,
        [&](uint32_t(&left)[ROWS / 16][4], int step) {
#pragma unroll
            for (int m = 0; m < ROWS / 16; m++)
                load_left(left[m], a, a_row + m * 16, step * 16, lane);
        },
        [&](uint32_t(&right)[4], int step, int n) { load_right(right, b, b_row + n * 16, step * 16, lane); });
}

template <typename T, int DIM, int ROWS, int STEPS, int COLUMNS>
GPU_DEVICE void multiply_operand(warp_sums<ROWS, COLUMNS> &sums, const warp_operand<T, ROWS, STEPS> &p,
                                 const shared_tile<T, DIM> &b, int b_row, int b_column)
{
    const int lane = fresh_lane_index();
    multiply_steps<T, STEPS / 16>(
        sums,
        [&](uint32_t(&left)[ROWS / 16][4], int step) {
#pragma unroll
            for (int m = 0; m < ROWS / 16; m++)
#pragma unroll
                for (int i = 0; i < 4; i++)
                    left[m][i] = p.pair[m][step][i];
        },
        [&](uint32_t(&right)[4], int step, int n) {
            load_right_transposed(right, b, b_row + step * 16, b_column + n * 16, lane);
        });
}

template <int STEPS, typename T, int A_DIM, int B_DIM, int ROWS, int COLUMNS>
GPU_DEVICE void multiply_columns(warp_sums<ROWS, COLUMNS> &sums, const shared_tile<T, A_DIM> &a, int a_column,
                                 const shared_tile<T, B_DIM> &b, int b_column)
{
    const int lane = fresh_lane_index();
    multiply_steps<T, STEPS / 16>(
        sums,
        [&](uint32_t(&left)[ROWS / 16][4], int step) {
#pragma unroll
            for (int m = 0; m < ROWS / 16; m++)
                load_left_transposed(left[m], a, step * 16, a_column + m * 16, lane);
        },
        [&](uint32_t(&right)[4], int step, int n) {
            load_right_transposed(right, b, step * 16, b_column + n * 16, lane);
        });
}

template <int STEPS, typename T, int A_DIM, int B_DIM, int ROWS, int COLUMNS>
GPU_DEVICE void multiply_tiles(warp_sums<ROWS, COLUMNS> &sums, const shared_tile<T, A_DIM> &a, int a_row,
                               const shared_tile<T, B_DIM> &b, int b_column)
{
    const int lane = fresh_lane_index();
    multiply_steps<T, STEPS / 16>(
        sums,
        [&](uint32_t(&left)[ROWS / 16][4], int step) {
#pragma unroll
            for (int m = 0; m < ROWS / 16; m++)
                load_left(left[m], a, a_row + m * 16, step * 16, lane);
        },
        [&](uint32_t(&right)[4], int step, int n) {
            load_right_transposed(right, b, step * 16, b_column + n * 16, lane);
        });
}

template <typename T, int DIM, int ROWS, int COLUMNS>
GPU_DEVICE void store_sums(const shared_tile<T, DIM> &tile, int row, int column, warp_sums<ROWS, COLUMNS> &sums)
{
    const int lane = fresh_lane_index();
#pragma unroll
    for (int eight = 0; eight < ROWS / 8; eight++)
#pragma unroll
        for (int n = 0; n < COLUMNS / 8; n++) {
            const float *run = &sums.piece[eight / 2][n][eight % 2 * 2];
            T *piece = tile.lane_piece(row + eight * 8, lane / 4, column + n / 2 * 16, n % 2 * 8);
            *(uint32_t *)(piece + lane % 4 * 2) = element_pair<T>(run[0], run[1]);
        }
}

#endif
