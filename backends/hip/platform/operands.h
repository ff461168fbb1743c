/* Operands of products, from tiles in shared memory and from sums. */
#ifndef VARLEN_HIP_OPERANDS_H
#define VARLEN_HIP_OPERANDS_H

#include "platform/sums.h"

/* Steps of a product that are read from a row at once, 16 bytes to a lane and load: a chunk. */
constexpr int CHUNK_OPERANDS = UNIT_ELEMENTS < 8 ? 8 / UNIT_ELEMENTS : 1;
constexpr int CHUNK_STEPS = CHUNK_OPERANDS * UNIT_SIZE;
constexpr int CHUNK_WORDS = CHUNK_OPERANDS * UNIT_ELEMENTS / 2;

struct unit_chunk {
    uint32_t word[CHUNK_WORDS];

    GPU_DEVICE unit_operand operand(int number) const
    {
        unit_operand result;
#pragma unroll
        for (int i = 0; i < UNIT_ELEMENTS / 2; i++)
            result.pair[i] = word[number * (UNIT_ELEMENTS / 2) + i];
        return result;
    }
};

/* The step of a chunk that is the first that a lane reads. */
GPU_DEVICE int chunk_lane_step(const lane_place &place)
{
    return UNIT_GROUPS == 1 ? 0 : place.group * 8;
}

/* Row `row` + lane's own of a tile whose rows run along the steps; WIDTH rows are neighbours to a lane. */
template <int WIDTH, typename T, int DIM>
GPU_DEVICE unit_chunk load_chunk(const lane_place &place, const shared_tile<T, DIM> &tile, int row, int step)
{
    unit_chunk chunk;
#pragma unroll
    for (int i = 0; i < CHUNK_WORDS; i += 4)
        load_shared<8>(&chunk.word[i], tile.element(row, place.lane * WIDTH, step + i * 2, chunk_lane_step(place)));
    return chunk;
}

/* A chunk of each of ROWS left rows, from `row` on. */
template <int ROWS, typename T, int DIM>
GPU_DEVICE void load_left_chunks(unit_chunk (&chunks)[ROWS / UNIT_SIZE], const lane_place &place,
                                 const shared_tile<T, DIM> &tile, int row, int step)
{
#pragma unroll
    for (int slot = 0; slot < ROWS / UNIT_SIZE; slot++)
        chunks[slot] = load_chunk<unit_width(ROWS)>(place, tile, row + group_start<ROWS>(slot), step);
}

template <int SLOTS>
GPU_DEVICE void get_operands(unit_operand (&operands)[SLOTS], const unit_chunk (&chunks)[SLOTS], int number)
{
#pragma unroll
    for (int slot = 0; slot < SLOTS; slot++)
        operands[slot] = chunks[slot].operand(number);
}

/* WIDTH operands from a tile whose rows are the steps: columns `column` + place.lane * WIDTH and following. Element i
 * of an operand is from row step(i) + lane_step. Where operands are long, rows wait until those before them have been
 * put in their places. */
template <int WIDTH, typename T, int DIM, typename STEP>
GPU_DEVICE void load_transposed(unit_operand (&operands)[WIDTH], const lane_place &place,
                                const shared_tile<T, DIM> &tile, STEP step, int lane_step, int column)
{
    constexpr int rows = 4;
#pragma unroll
    for (int first = 0; first < UNIT_ELEMENTS; first += rows) {
        uint32_t words[rows][WIDTH < 2 ? 1 : WIDTH / 2];
        if (first > 0)
            finish_before_more();
#pragma unroll
        for (int i = 0; i < rows; i++)
            load_shared<WIDTH>(words[i], tile.element(step(first + i), lane_step, column, place.lane * WIDTH));
#pragma unroll
        for (int j = 0; j < WIDTH; j++)
#pragma unroll
            for (int i = 0; i < rows; i += 2)
                operands[j].pair[(first + i) / 2] = j % 2 ? upper_halves(words[i][j / 2], words[i + 1][j / 2])
                                                          : lower_halves(words[i][j / 2], words[i + 1][j / 2]);
    }
}

/* The same from a tile whose rows are interleaved: the words are there. */
template <int WIDTH, typename T, int DIM, typename STEP>
GPU_DEVICE void load_transposed(unit_operand (&operands)[WIDTH], const lane_place &place,
                                const interleaved_tile<T, DIM> &tile, STEP step, int lane_step, int column)
{
    static_assert(UNIT_ELEMENTS == interleaved_tile<T, DIM>::ROWS && WIDTH % 2 == 0, "a piece is two operands");
#pragma unroll
    for (int j = 0; j < WIDTH; j += 2) {
        uint32_t words[4];
        load_shared<8>(words, tile.element(step(0), lane_step, column + j, place.lane * WIDTH));
        operands[j] = {{words[0], words[1]}};
        operands[j + 1] = {{words[2], words[3]}};
    }
}

/* Sums rounded to T, as the operand of a product whose steps are their columns. */
template <typename T, int ROWS, int STEPS> struct warp_operand {
    using sums = warp_sums<ROWS, STEPS>;
    unit_operand unit[sums::SLOTS][sums::COLUMN_GROUPS][sums::WIDTH];

    /* Element i of operand `number` of a group is step `operand_step` + operand_lane_step. */
    GPU_DEVICE static int operand_step(int group, int number, int i)
    {
        constexpr int width = sums::WIDTH;
        const int first = group * width * UNIT_SIZE;
        if constexpr (UNIT_GROUPS > 1) {
            return first + number * UNIT_SUMS + i;
        } else {
            const int element =
                number * UNIT_SUMS + i % UNIT_SUMS; /* of those of one lane: its own, or those of the other group */
            return first + (element / width * UNIT_SUM_STRIDE + i / UNIT_SUMS) * width + element % width;
        }
    }

    GPU_DEVICE static int operand_lane_step(const lane_place &place)
    {
        return UNIT_GROUPS == 1 ? 0 : place.group * UNIT_ELEMENTS * sums::WIDTH;
    }
};

template <typename T, int ROWS, int COLUMNS>
GPU_DEVICE warp_operand<T, ROWS, COLUMNS> operand_of(const warp_sums<ROWS, COLUMNS> &sums)
{
    constexpr int width = warp_sums<ROWS, COLUMNS>::WIDTH;
    warp_operand<T, ROWS, COLUMNS> operand;
#pragma unroll
    for (int slot = 0; slot < ROWS / UNIT_SIZE; slot++)
#pragma unroll
        for (int n = 0; n < COLUMNS / UNIT_SIZE; n++) {
            const unit_sums(&units)[width] = sums.unit[slot][n / width];
            uint32_t own[UNIT_SUMS / 2];
#pragma unroll
            for (int i = 0; i < UNIT_SUMS; i += 2) {
                const int element = n % width * UNIT_SUMS + i; /* of the group, in the order of a lane's columns */
                own[i / 2] = operand_pair<T>(units[element % width][element / width],
                                             units[(element + 1) % width][(element + 1) / width]);
            }
            operand.unit[slot][n / width][n % width] = unit_operand_of(own);
        }
    return operand;
}

#endif
