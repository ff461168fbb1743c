/* Products of matrices by a warp: see backends/gpu/platform.h. Where elements lie is unlike CUDA on purpose: code that
 * is right on both depends on the contract alone.
 *
 *     sums      thread holds row lane % 16 and columns lane / 16 * 4 .. + 3 of each 16 x 8 piece
 *     tiles     rows end in 8 elements of padding, and begin one piece later than the row before */
#ifndef VARLEN_SIMT_FRAGMENTS_H
#define VARLEN_SIMT_FRAGMENTS_H

#include "platform/device.h"
#include "product.h"

template <typename T, int DIM> struct shared_tile {
    static_assert(DIM % 64 == 0, "rows are whole groups of eight pieces");
    T *data;

    static constexpr int PIECES = DIM / 8 + 1;

    static constexpr int bytes(int rows)
    {
        return (rows * PIECES * 8 * (int)sizeof(T) + 1023) / 1024 * 1024;
    }

    T *piece(int row, int column) const
    {
        simt_require((uintptr_t)data % 1024 == 0, "a tile's data are not aligned to 1024 bytes");
        simt_require(row >= 0 && column >= 0 && column < DIM && column % 8 == 0, "there is no such piece in a tile");
        return data + (row * PIECES + (column / 8 + row) % PIECES) * 8;
    }
};

/* Rows of `groups` are four of the tile. */
template <typename T, int DIM> struct interleaved_tile {
    T *data;

    static constexpr int bytes(int rows)
    {
        return shared_tile<T, 4 * DIM>::bytes(rows / 4);
    }

    T *piece(int row, int column) const
    {
        simt_require(row % 4 == 0 && column % 2 == 0, "there is no such piece in an interleaved tile");
        return shared_tile<T, 4 * DIM>{data}.piece(row / 4, column * 4);
    }
};

template <int ROWS, int COLUMNS> struct warp_sums {
    static_assert(ROWS % 16 == 0 && COLUMNS % 16 == 0, "made of 16 x 16 pieces");
    static constexpr int SLOTS = ROWS / 16;
    static constexpr int RUN = 4;
    static constexpr int COLUMN_PIECES = COLUMNS / 8;

    float piece[SLOTS][COLUMN_PIECES][RUN];

    void clear()
    {
        memset(piece, 0, sizeof piece);
    }

    template <typename F> void for_each_run(F f)
    {
        for (int slot = 0; slot < SLOTS; slot++)
            for (int n = 0; n < COLUMN_PIECES; n++)
                f(slot, n * 8 + thread_index() % WARP / 16 * 4, &piece[slot][n][0]);
    }

    template <typename F> void for_each_run_with(warp_sums &other, F f)
    {
        for (int slot = 0; slot < SLOTS; slot++)
            for (int n = 0; n < COLUMN_PIECES; n++)
                f(slot, n * 8 + thread_index() % WARP / 16 * 4, &piece[slot][n][0], &other.piece[slot][n][0]);
    }

    static int slot_row(int slot)
    {
        return slot * 16 + thread_index() % 16;
    }
};

GPU_DEVICE bool sums_first_lane()
{
    return thread_index() % WARP < 16;
}

GPU_DEVICE float sums_row_max(float x)
{
    return fmaxf(x, warp_xor(x, 16));
}

GPU_DEVICE float sums_row_sum(float x)
{
    return x + warp_xor(x, 16);
}

template <typename T, int ROWS, int COLUMNS> struct warp_operand {
    T piece[ROWS / 16][COLUMNS / 8][4];
};

template <typename T, int ROWS, int COLUMNS>
GPU_DEVICE warp_operand<T, ROWS, COLUMNS> operand_of(const warp_sums<ROWS, COLUMNS> &sums)
{
    warp_operand<T, ROWS, COLUMNS> operand;
    for (int m = 0; m < ROWS / 16; m++)
        for (int n = 0; n < COLUMNS / 8; n++)
            for (int i = 0; i < 4; i++)
                operand.piece[m][n][i] = from_float<T>(sums.piece[m][n][i]);
    return operand;
}

template <typename T, int DIM> inline T simt_element(const shared_tile<T, DIM> &tile, int row, int column)
{
    return tile.piece(row, column & ~7)[column % 8];
}

template <typename T, int DIM> inline T simt_element(const interleaved_tile<T, DIM> &tile, int row, int column)
{
    return tile.piece(row & ~3, column & ~1)[column % 2 * 4 + row % 4];
}

/* Elements of a tile from (row, column) on. */
template <typename TILE> inline void simt_read_tile(simt_matrix &matrix, const TILE &tile, int row, int column)
{
    for (int r = 0; r < matrix.rows; r++)
        for (int c = 0; c < matrix.columns; c++)
            matrix.row(r)[c] = to_float(simt_element(tile, row + r, column + c));
}

/* ELEMENTS is warp_sums or warp_operand: both hold the same pieces. */
template <typename ELEMENTS, typename F>
inline void simt_for_each_element(void *const (&threads)[WARP], int rows, int columns, F f)
{
    for (int lane = 0; lane < WARP; lane++) {
        ELEMENTS &elements = *(ELEMENTS *)threads[lane];
        for (int m = 0; m < rows / 16; m++)
            for (int n = 0; n < columns / 8; n++)
                for (int i = 0; i < 4; i++)
                    f(m * 16 + lane % 16, n * 8 + lane / 16 * 4 + i, elements.piece[m][n][i]);
    }
}

/* sums += left * right */
template <int ROWS, int COLUMNS>
inline void simt_add_product(const simt_product_threads &threads, const simt_matrix &left, const simt_matrix &right)
{
    static simt_matrix sums(ROWS, COLUMNS);
    simt_for_each_element<warp_sums<ROWS, COLUMNS>>(threads.sums, ROWS, COLUMNS,
                                                    [](int r, int c, float &x) { sums.row(r)[c] = x; });
    simt_multiply(sums, left, right);
    simt_for_each_element<warp_sums<ROWS, COLUMNS>>(threads.sums, ROWS, COLUMNS,
                                                    [](int r, int c, float &x) { x = sums.row(r)[c]; });
}

template <typename T, int DIM, int ROWS, int COLUMNS> inline void simt_complete_rows(void *const (&arguments)[WARP])
{
    static simt_matrix left(ROWS, DIM), right_rows(COLUMNS, DIM), right(DIM, COLUMNS);
    const simt_product_threads threads(arguments);
    simt_read_tile(left, shared_tile<T, DIM>{(T *)threads.a}, threads.a_row, 0);
    simt_read_tile(right_rows, shared_tile<T, DIM>{(T *)threads.b}, threads.b_row, 0);
    simt_transpose(right, right_rows);
    simt_add_product<ROWS, COLUMNS>(threads, left, right);
}

template <typename T, int DIM, int ROWS, int COLUMNS>
GPU_DEVICE void multiply_rows(warp_sums<ROWS, COLUMNS> &sums, const shared_tile<T, DIM> &a, int a_row,
                              const shared_tile<T, DIM> &b, int b_row)
{
    simt_product_thread thread = {&sums, nullptr, a.data, a_row, 0, b.data, b_row, 0};
    simt_meet("multiply_rows", simt_complete_rows<T, DIM, ROWS, COLUMNS>, &thread);
}

/* Rows of a left matrix. Every thread knows where all of them are: threads read what they want of each other's. */
template <typename T, int ROWS, int DIM> struct register_rows {
    const char *rows[ROWS];
    int32_t dim;

    template <typename ADDRESS> void load(int32_t used, ADDRESS address)
    {
        dim = used;
        for (int row = 0; row < ROWS; row++)
            rows[row] = address(row);
    }
};

template <typename T, int DIM, int ROWS, int COLUMNS> inline void simt_complete_kept(void *const (&arguments)[WARP])
{
    static simt_matrix left(ROWS, DIM), right_rows(COLUMNS, DIM), right(DIM, COLUMNS);
    const simt_product_threads threads(arguments);
    const register_rows<T, ROWS, DIM> &kept = *(const register_rows<T, ROWS, DIM> *)threads.operands[0];
    for (int r = 0; r < ROWS; r++)
        for (int c = 0; c < DIM; c++)
            left.row(r)[c] = c < kept.dim ? to_float(((const T *)kept.rows[r])[c]) : 0.0f;
    simt_read_tile(right_rows, shared_tile<T, DIM>{(T *)threads.b}, threads.b_row, 0);
    simt_transpose(right, right_rows);
    simt_add_product<ROWS, COLUMNS>(threads, left, right);
}

template <typename T, int DIM, int ROWS, int COLUMNS>
GPU_DEVICE void multiply_rows(warp_sums<ROWS, COLUMNS> &sums, const register_rows<T, ROWS, DIM> &a,
                              const shared_tile<T, DIM> &b, int b_row)
{
    simt_product_thread thread = {&sums, (void *)&a, nullptr, 0, 0, b.data, b_row, 0};
    simt_meet("multiply_rows of kept rows", simt_complete_kept<T, DIM, ROWS, COLUMNS>, &thread);
}

template <typename T, typename TILE, int ROWS, int STEPS, int COLUMNS>
inline void simt_complete_operand(void *const (&arguments)[WARP])
{
    static simt_matrix left(ROWS, STEPS), right(STEPS, COLUMNS);
    const simt_product_threads threads(arguments);
    simt_for_each_element<warp_operand<T, ROWS, STEPS>>(threads.operands, ROWS, STEPS,
                                                        [](int r, int c, T &x) { left.row(r)[c] = to_float(x); });
    simt_read_tile(right, TILE{(T *)threads.b}, threads.b_row, threads.b_column);
    simt_add_product<ROWS, COLUMNS>(threads, left, right);
}

template <typename T, typename TILE, int ROWS, int STEPS, int COLUMNS>
GPU_DEVICE void multiply_operand(warp_sums<ROWS, COLUMNS> &sums, const warp_operand<T, ROWS, STEPS> &p, const TILE &b,
                                 int b_row, int b_column)
{
    simt_product_thread thread = {&sums, (void *)&p, nullptr, 0, 0, b.data, b_row, b_column};
    simt_meet("multiply_operand", simt_complete_operand<T, TILE, ROWS, STEPS, COLUMNS>, &thread);
}

template <int STEPS, typename T, int A_DIM, int B_DIM, int ROWS, int COLUMNS>
inline void simt_complete_columns(void *const (&arguments)[WARP])
{
    static simt_matrix left_columns(STEPS, ROWS), left(ROWS, STEPS), right(STEPS, COLUMNS);
    const simt_product_threads threads(arguments);
    simt_read_tile(left_columns, shared_tile<T, A_DIM>{(T *)threads.a}, 0, threads.a_column);
    simt_transpose(left, left_columns);
    simt_read_tile(right, shared_tile<T, B_DIM>{(T *)threads.b}, 0, threads.b_column);
    simt_add_product<ROWS, COLUMNS>(threads, left, right);
}

template <int STEPS, typename T, int A_DIM, int B_DIM, int ROWS, int COLUMNS>
GPU_DEVICE void multiply_columns(warp_sums<ROWS, COLUMNS> &sums, const shared_tile<T, A_DIM> &a, int a_column,
                                 const shared_tile<T, B_DIM> &b, int b_column)
{
    static_assert(STEPS % 16 == 0, "steps are made of 16s");
    simt_product_thread thread = {&sums, nullptr, a.data, 0, a_column, b.data, 0, b_column};
    simt_meet("multiply_columns", simt_complete_columns<STEPS, T, A_DIM, B_DIM, ROWS, COLUMNS>, &thread);
}

template <int STEPS, typename T, int A_DIM, int B_DIM, int ROWS, int COLUMNS>
inline void simt_complete_tiles(void *const (&arguments)[WARP])
{
    static simt_matrix left(ROWS, STEPS), right(STEPS, COLUMNS);
    const simt_product_threads threads(arguments);
    simt_read_tile(left, shared_tile<T, A_DIM>{(T *)threads.a}, threads.a_row, 0);
    simt_read_tile(right, shared_tile<T, B_DIM>{(T *)threads.b}, 0, threads.b_column);
    simt_add_product<ROWS, COLUMNS>(threads, left, right);
}

template <int STEPS, typename T, int A_DIM, int B_DIM, int ROWS, int COLUMNS>
GPU_DEVICE void multiply_tiles(warp_sums<ROWS, COLUMNS> &sums, const shared_tile<T, A_DIM> &a, int a_row,
                               const shared_tile<T, B_DIM> &b, int b_column)
{
    static_assert(STEPS % 16 == 0, "steps are made of 16s");
    simt_product_thread thread = {&sums, nullptr, a.data, a_row, 0, b.data, 0, b_column};
    simt_meet("multiply_tiles", simt_complete_tiles<STEPS, T, A_DIM, B_DIM, ROWS, COLUMNS>, &thread);
}

template <typename T, int DIM, int ROWS, int COLUMNS>
GPU_DEVICE void store_sums(const shared_tile<T, DIM> &tile, int row, int column, warp_sums<ROWS, COLUMNS> &sums)
{
    sums.for_each_run([&](int slot, int c, const float *run) {
        T *piece = tile.piece(row + sums.slot_row(slot), (column + c) & ~7);
        for (int i = 0; i < 4; i++)
            piece[c % 8 + i] = from_float<T>(run[i]);
    });
}

#endif
