/* Products of matrices by a warp, on the matrix units of mfma.h and wmma.h: see backends/gpu/platform.h.
 *
 * All products are made transposed: columns of sums are the unit's rows, so that a thread holds one row of sums in each
 * slot, and of it runs of neighbouring columns, and sums can become an operand of the next product without leaving
 * their threads. docs/hip.md draws where elements lie.
 *
 * The columns of a group of WIDTH units are dealt out in turn: unit j has columns j, WIDTH + j, 2 WIDTH + j and so on.
 * A thread that reads WIDTH neighbouring elements of a tile's row then has one for each unit: with as many rows as an
 * operand has steps, that is a block to be transposed in registers. Rows of sums are dealt out alike. */
#ifndef VARLEN_HIP_FRAGMENTS_H
#define VARLEN_HIP_FRAGMENTS_H

#include "platform/tile.h"
#if defined(__GFX11__) || defined(__GFX12__)
#include "platform/wmma.h"
#else
#include "platform/mfma.h"
#endif

constexpr int PRODUCTS_AHEAD = 1; /* whose operands are loaded together */
constexpr int UNIT_SIZE = 16;     /* rows and columns of its result, and steps of a product */

GPU_DEVICE int unit_lane()
{
    return thread_index() % UNIT_SIZE;
}

GPU_DEVICE int unit_group()
{
    return lane_index() / UNIT_SIZE;
}

/* Where a thread is. On RDNA every call reads it anew, so that addresses are computed where they are used. */
struct lane_place {
    int lane;  /* of 16 */
    int group; /* of 16 lanes */
};

GPU_DEVICE lane_place fresh_place()
{
    const int lane = lane_index();
    return {lane % UNIT_SIZE, lane / UNIT_SIZE};
}

/* How many units share a group of rows or columns. */
constexpr int unit_width(int dim)
{
    return dim % (4 * UNIT_SIZE) == 0 ? 4 : dim % (2 * UNIT_SIZE) == 0 ? 2 : 1;
}

/* The row, or column, that lane 0 has in unit n of DIM; other lanes have those behind it, unit_width(DIM) apart. */
template <int DIM> GPU_DEVICE int group_start(int n)
{
    constexpr int width = unit_width(DIM);
    return n / width * width * UNIT_SIZE + n % width;
}

template <int ROWS, int COLUMNS> struct warp_sums {
    static_assert(ROWS % UNIT_SIZE == 0 && COLUMNS % UNIT_SIZE == 0, "made of units");
    static constexpr int SLOTS = ROWS / UNIT_SIZE;
    static constexpr int ROW_WIDTH = unit_width(ROWS);
    static constexpr int WIDTH = unit_width(COLUMNS);
    static constexpr int COLUMN_GROUPS = COLUMNS / (WIDTH * UNIT_SIZE);
    /* Neighbouring columns of a group that a thread holds, and how they come in runs. */
    static constexpr int NEIGHBOURS = UNIT_SUM_STRIDE == 1 ? UNIT_SUMS * WIDTH : WIDTH;
    static constexpr int RUN = NEIGHBOURS < 4 ? NEIGHBOURS : 4;
    static constexpr int GROUP_RUNS = UNIT_SUMS * WIDTH / RUN;

    unit_sums unit[SLOTS][COLUMN_GROUPS][WIDTH];

    GPU_DEVICE void clear()
    {
#pragma unroll
        for (int slot = 0; slot < SLOTS; slot++)
#pragma unroll
            for (int group = 0; group < COLUMN_GROUPS; group++)
#pragma unroll
                for (int j = 0; j < WIDTH; j++)
                    unit[slot][group][j] = 0.0f;
    }

    /* Column of a run, counted in its group; its first element is sum number run * RUN / WIDTH of unit run * RUN %
     * WIDTH.
     */
    GPU_DEVICE static int run_column(const lane_place &place, int run)
    {
        const int sum = run * RUN / WIDTH;
        return (sum * UNIT_SUM_STRIDE + place.group * UNIT_ROW_STRIDE) * WIDTH + run * RUN % WIDTH;
    }

    GPU_DEVICE void get_run(float (&values)[RUN], int slot, int group, int run) const
    {
#pragma unroll
        for (int i = 0; i < RUN; i++)
            values[i] = unit[slot][group][(run * RUN + i) % WIDTH][(run * RUN + i) / WIDTH];
    }

    GPU_DEVICE void set_run(const float (&values)[RUN], int slot, int group, int run)
    {
#pragma unroll
        for (int i = 0; i < RUN; i++)
            unit[slot][group][(run * RUN + i) % WIDTH][(run * RUN + i) / WIDTH] = values[i];
    }

    template <typename F> GPU_DEVICE void for_each_run(F f)
    {
        const lane_place place = fresh_place();
#pragma unroll
        for (int slot = 0; slot < SLOTS; slot++)
#pragma unroll
            for (int n = 0; n < COLUMN_GROUPS * GROUP_RUNS; n++) {
                float values[RUN];
                get_run(values, slot, n / GROUP_RUNS, n % GROUP_RUNS);
                f(slot, n / GROUP_RUNS * WIDTH * UNIT_SIZE + run_column(place, n % GROUP_RUNS), values);
                set_run(values, slot, n / GROUP_RUNS, n % GROUP_RUNS);
            }
    }

    template <typename F> GPU_DEVICE void for_each_run_with(warp_sums &other, F f)
    {
        const lane_place place = fresh_place();
#pragma unroll
        for (int slot = 0; slot < SLOTS; slot++)
#pragma unroll
            for (int n = 0; n < COLUMN_GROUPS * GROUP_RUNS; n++) {
                float values[RUN];
                float others[RUN];
                get_run(values, slot, n / GROUP_RUNS, n % GROUP_RUNS);
                other.get_run(others, slot, n / GROUP_RUNS, n % GROUP_RUNS);
                f(slot, n / GROUP_RUNS * WIDTH * UNIT_SIZE + run_column(place, n % GROUP_RUNS), values, others);
                set_run(values, slot, n / GROUP_RUNS, n % GROUP_RUNS);
                other.set_run(others, slot, n / GROUP_RUNS, n % GROUP_RUNS);
            }
    }

    GPU_DEVICE static int slot_row(int slot)
    {
        return group_start<ROWS>(slot) + unit_lane() * ROW_WIDTH;
    }
};

GPU_DEVICE bool sums_first_lane()
{
    return unit_group() == 0;
}

GPU_DEVICE float sums_row_max(float x)
{
    return unit_reduce(x, [](float a, float b) { return fmaxf(a, b); });
}

GPU_DEVICE float sums_row_sum(float x)
{
    return unit_reduce(x, [](float a, float b) { return a + b; });
}

/* Keeps the compiler from loading the operands of all products before the first: it has no count of the registers that
 * this takes. */
GPU_DEVICE void finish_before_more()
{
    __builtin_amdgcn_sched_barrier(0);
}

/* ---- Operands -----------------------------------------------------------------------------------------------------
 */

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
                own[i / 2] = element_pair<T>(units[element % width][element / width],
                                             units[(element + 1) % width][(element + 1) / width]);
            }
            operand.unit[slot][n / width][n % width] = unit_operand_of(own);
        }
    return operand;
}

/* ---- Products -----------------------------------------------------------------------------------------------------
 */

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
        const lane_place place = fresh_place();
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
#pragma unroll
            for (int slot = 0; slot < ROWS / UNIT_SIZE; slot++)
                operands[slot] = left[slot].operand(number);
            add_products<T>(sums, operands, group, n % width, right.operand(number));
        }
        if ((n + 1) % PRODUCTS_AHEAD == 0)
            finish_before_more();
    }
}

template <typename T, int DIM, int ROWS, int COLUMNS>
GPU_DEVICE void multiply_rows(warp_sums<ROWS, COLUMNS> &sums, const shared_tile<T, DIM> &a, int a_row,
                              const shared_tile<T, DIM> &b, int b_row)
{
    constexpr int width = unit_width(ROWS);
#pragma unroll
    for (int step = 0; step < DIM; step += CHUNK_STEPS) {
        const lane_place place = fresh_place();
        unit_chunk left[ROWS / UNIT_SIZE];
#pragma unroll
        for (int slot = 0; slot < ROWS / UNIT_SIZE; slot++)
            left[slot] = load_chunk<width>(place, a, a_row + group_start<ROWS>(slot), step);
        multiply_chunk(sums, place, left, b, b_row, step);
    }
}

template <typename T, int DIM, int ROWS, int COLUMNS>
GPU_DEVICE void multiply_rows(warp_sums<ROWS, COLUMNS> &sums, const register_rows<T, ROWS, DIM> &a,
                              const shared_tile<T, DIM> &b, int b_row)
{
    const lane_place place = fresh_place();
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
template <typename T, int DIM, int ROWS, int COLUMNS, typename STEP>
GPU_DEVICE void multiply_transposed(warp_sums<ROWS, COLUMNS> &sums, const lane_place &place,
                                    const unit_operand (&left)[ROWS / UNIT_SIZE], const shared_tile<T, DIM> &b,
                                    STEP step, int lane_step, int b_column)
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

template <typename T, int DIM, int ROWS, int STEPS, int COLUMNS>
GPU_DEVICE void multiply_operand(warp_sums<ROWS, COLUMNS> &sums, const warp_operand<T, ROWS, STEPS> &p,
                                 const shared_tile<T, DIM> &b, int b_row, int b_column)
{
    using type = warp_operand<T, ROWS, STEPS>;
    constexpr int width = type::sums::WIDTH;
    const lane_place place = fresh_place();
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
    const lane_place place = fresh_place();
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
    constexpr int width = unit_width(ROWS);
    const lane_place place = fresh_place();
#pragma unroll
    for (int first = 0; first < STEPS; first += CHUNK_STEPS) {
        unit_chunk chunks[ROWS / UNIT_SIZE];
#pragma unroll
        for (int slot = 0; slot < ROWS / UNIT_SIZE; slot++)
            chunks[slot] = load_chunk<width>(place, a, a_row + group_start<ROWS>(slot), first);
#pragma unroll
        for (int number = 0; number < CHUNK_OPERANDS; number++) {
            unit_operand left[ROWS / UNIT_SIZE];
#pragma unroll
            for (int slot = 0; slot < ROWS / UNIT_SIZE; slot++)
                left[slot] = chunks[slot].operand(number);
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
    const lane_place place = fresh_place();
#pragma unroll
    for (int slot = 0; slot < type::SLOTS; slot++)
#pragma unroll
        for (int n = 0; n < type::COLUMN_GROUPS * type::GROUP_RUNS; n++) {
            const int group = n / type::GROUP_RUNS;
            const int run = n % type::GROUP_RUNS;
            float values[type::RUN];
            sums.get_run(values, slot, group, run);
            T *to = tile.element(row + group_start<ROWS>(slot), place.lane * type::ROW_WIDTH,
                                 column + group * type::WIDTH * UNIT_SIZE, type::run_column(place, run));
            store_shared<T, type::RUN>(to, values);
        }
}

#endif
