/* Products of matrices by a warp: see backends/gpu/platform.h. */
#ifndef VARLEN_HIP_FRAGMENTS_H
#define VARLEN_HIP_FRAGMENTS_H

#include "platform/operands.h"

/* sums += the outer product of `left` operands, of the slots, and those of a group of columns. */
template <typename T, int ROWS, int COLUMNS>
GPU_DEVICE void add_products(warp_sums<ROWS, COLUMNS> &sums, const unit_operand (&left)[ROWS / UNIT_SIZE], int group,
                             int j, const unit_operand &right)
{
#pragma unroll
    for (int slot = 0; slot < ROWS / UNIT_SIZE; slot++) {
        sums.unit[slot][group][j] = unit_product<T>(right, left[slot], sums.unit[slot][group][j]);
        unit_stays(sums.unit[slot][group][j]);
    }
}

/* Left operands from a group of neighbours, where rows are dealt out. */
template <int ROWS, typename LOAD_GROUP>
GPU_DEVICE void load_left_groups(unit_operand (&left)[ROWS / UNIT_SIZE], LOAD_GROUP load_group)
{
    constexpr int width = unit_width(ROWS);
#pragma unroll
    for (int group = 0; group < ROWS / UNIT_SIZE / width; group++) {
        unit_operand some[width];
        load_group(some, group);
#pragma unroll
        for (int j = 0; j < width; j++)
            left[group * width + j] = some[j];
    }
}

/* Rows of a left matrix that a warp keeps for many products. */
template <typename T, int ROWS, int DIM> struct register_rows {
    unit_chunk chunk[ROWS / UNIT_SIZE][DIM / CHUNK_STEPS] = {}; /* as in copy_batch */

    /* From global memory: address(row) of its `dim` elements; zeros past them. */
    template <typename ADDRESS> GPU_DEVICE void load(int32_t dim, ADDRESS address)
    {
        constexpr int width = unit_width(ROWS);
        const lane_place place = fresh_place_of_lane();
#pragma unroll
        for (int slot = 0; slot < ROWS / UNIT_SIZE; slot++) {
            const char *row = address(group_start<ROWS>(slot) + place.lane * width);
#pragma unroll
            for (int n = 0; n < DIM / CHUNK_STEPS; n++)
#pragma unroll
                for (int i = 0; i < CHUNK_WORDS; i += 4) {
                    const int column = n * CHUNK_STEPS + i * 2 + chunk_lane_step(place);
                    const words_16 words = load_global_16(row + column * (int)sizeof(T), column < dim);
#pragma unroll
                    for (int w = 0; w < 4; w++)
                        chunk[slot][n].word[i + w] = words.word[w];
                }
        }
    }
};

/* One chunk of steps of multiply_rows, the left rows' chunks being there. */
template <typename T, int DIM, int ROWS, int COLUMNS>
GPU_DEVICE void multiply_chunk(warp_sums<ROWS, COLUMNS> &sums, const lane_place &place,
                               const unit_chunk (&left)[ROWS / UNIT_SIZE], const shared_tile<T, DIM> &b, int b_row,
                               int step)
{
    using type = warp_sums<ROWS, COLUMNS>;
    constexpr int width = type::WIDTH;
#pragma unroll
    for (int n = 0; n < COLUMNS / UNIT_SIZE; n++) {
        const int group = n / width;
        const unit_chunk right = load_chunk<width>(place, b, b_row + group_start<COLUMNS>(n), step);
#pragma unroll
        for (int number = 0; number < CHUNK_OPERANDS; number++) {
            unit_operand operands[ROWS / UNIT_SIZE];
            get_operands(operands, left, number);
            add_products<T>(sums, operands, group, n % width, right.operand(number));
        }
        finish_before_more();
    }
}

template <typename T, int DIM, int ROWS, int COLUMNS>
GPU_DEVICE void multiply_rows(warp_sums<ROWS, COLUMNS> &sums, const shared_tile<T, DIM> &a, int a_row,
                              const shared_tile<T, DIM> &b, int b_row)
{
#pragma unroll
    for (int step = 0; step < DIM; step += CHUNK_STEPS) {
        const lane_place place = place_of_lane();
        unit_chunk left[ROWS / UNIT_SIZE];
        load_left_chunks<ROWS>(left, place, a, a_row, step);
        multiply_chunk(sums, place, left, b, b_row, step);
    }
}

template <typename T, int DIM, int ROWS, int COLUMNS>
GPU_DEVICE void multiply_rows(warp_sums<ROWS, COLUMNS> &sums, const register_rows<T, ROWS, DIM> &a,
                              const shared_tile<T, DIM> &b, int b_row)
{
    const lane_place place = fresh_place_of_lane();
#pragma unroll
    for (int n = 0; n < DIM / CHUNK_STEPS; n++) {
        unit_chunk left[ROWS / UNIT_SIZE];
#pragma unroll
        for (int slot = 0; slot < ROWS / UNIT_SIZE; slot++)
            left[slot] = a.chunk[slot][n];
        multiply_chunk(sums, place, left, b, b_row, n * CHUNK_STEPS);
    }
}

/* A step of a product whose right matrix has the steps as its rows: `step` and `lane_step` as in load_transposed. */
template <typename T, typename TILE, int ROWS, int COLUMNS, typename STEP>
GPU_DEVICE void multiply_transposed(warp_sums<ROWS, COLUMNS> &sums, const lane_place &place,
                                    const unit_operand (&left)[ROWS / UNIT_SIZE], const TILE &b, STEP step,
                                    int lane_step, int b_column)
{
    using type = warp_sums<ROWS, COLUMNS>;
    constexpr int width = type::WIDTH;
#pragma unroll
    for (int group = 0; group < type::COLUMN_GROUPS; group++) {
        unit_operand right[width];
        load_transposed<width>(right, place, b, step, lane_step, b_column + group * width * UNIT_SIZE);
#pragma unroll
        for (int j = 0; j < width; j++)
            add_products<T>(sums, left, group, j, right[j]);
        finish_before_more();
    }
}

template <typename T, typename TILE, int ROWS, int STEPS, int COLUMNS>
GPU_DEVICE void multiply_operand(warp_sums<ROWS, COLUMNS> &sums, const warp_operand<T, ROWS, STEPS> &p, const TILE &b,
                                 int b_row, int b_column)
{
    using type = warp_operand<T, ROWS, STEPS>;
    constexpr int width = type::sums::WIDTH;
    const lane_place place = fresh_place_of_lane();
    b_row = fresh_number(b_row);
#pragma unroll
    for (int n = 0; n < STEPS / UNIT_SIZE; n++) {
        unit_operand left[ROWS / UNIT_SIZE];
#pragma unroll
        for (int slot = 0; slot < ROWS / UNIT_SIZE; slot++)
            left[slot] = p.unit[slot][n / width][n % width];
        multiply_transposed<T>(
            sums, place, left, b, [&](int i) { return b_row + type::operand_step(n / width, n % width, i); },
            type::operand_lane_step(place), b_column);
    }
}

template <int STEPS, typename T, int A_DIM, int B_DIM, int ROWS, int COLUMNS>
GPU_DEVICE void multiply_columns(warp_sums<ROWS, COLUMNS> &sums, const shared_tile<T, A_DIM> &a, int a_column,
                                 const shared_tile<T, B_DIM> &b, int b_column)
{
    constexpr int width = unit_width(ROWS);
    const lane_place place = place_of_lane();
    const int lane_step = UNIT_GROUPS == 1 ? 0 : place.group * UNIT_ELEMENTS;
#pragma unroll
    for (int first = 0; first < STEPS; first += UNIT_SIZE) {
        const auto step = [&](int i) { return first + i; };
        unit_operand left[ROWS / UNIT_SIZE];
        load_left_groups<ROWS>(left, [&](unit_operand(&some)[width], int group) {
            load_transposed<width>(some, place, a, step, lane_step, a_column + group * width * UNIT_SIZE);
        });
        multiply_transposed<T>(sums, place, left, b, step, lane_step, b_column);
    }
}

template <int STEPS, typename T, int A_DIM, int B_DIM, int ROWS, int COLUMNS>
GPU_DEVICE void multiply_tiles(warp_sums<ROWS, COLUMNS> &sums, const shared_tile<T, A_DIM> &a, int a_row,
                               const shared_tile<T, B_DIM> &b, int b_column)
{
    static_assert(STEPS % CHUNK_STEPS == 0, "steps are made of chunks");
    const lane_place place = place_of_lane();
#pragma unroll
    for (int first = 0; first < STEPS; first += CHUNK_STEPS) {
        unit_chunk chunks[ROWS / UNIT_SIZE];
        load_left_chunks<ROWS>(chunks, place, a, a_row, first);
#pragma unroll
        for (int number = 0; number < CHUNK_OPERANDS; number++) {
            unit_operand left[ROWS / UNIT_SIZE];
            get_operands(left, chunks, number);
            multiply_transposed<T>(
                sums, place, left, b, [&](int i) { return first + number * UNIT_ELEMENTS + i; }, chunk_lane_step(place),
                b_column);
        }
    }
}

template <typename T, int DIM, int ROWS, int COLUMNS>
GPU_DEVICE void store_sums(const shared_tile<T, DIM> &tile, int row, int column, const warp_sums<ROWS, COLUMNS> &sums)
{
    using type = warp_sums<ROWS, COLUMNS>;
    const lane_place place = place_of_lane();
#pragma unroll
    for (int slot = 0; slot < type::SLOTS; slot++)
#pragma unroll
        for (int n = 0; n < type::COLUMN_GROUPS * type::GROUP_RUNS; n++) {
            const int group = n / type::GROUP_RUNS;
            const int run = n % type::GROUP_RUNS;
            float values[type::RUN];
            sums.get_run(values, slot, group, run);
            in_shared_memory<T> *to =
                tile.element(row + group_start<ROWS>(slot), place.lane * type::ROW_WIDTH,
                             column + group * type::WIDTH * UNIT_SIZE, type::run_column(place, run));
            store_shared<type::RUN>(to, values);
        }
}

#endif
