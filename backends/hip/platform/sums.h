/* Sums of matrices that a warp holds, in units of mfma.h or wmma.h: see backends/gpu/platform.h.
 *
 * All products are made transposed: columns of sums are the unit's rows, so that a thread holds one row of sums in each
 * slot, and of it runs of neighbouring columns, and sums can become an operand of the next product without leaving
 * their threads. docs/hip.md draws where elements lie.
 *
 * The columns of a group of WIDTH units are dealt out in turn: unit j has columns j, WIDTH + j, 2 WIDTH + j and so on.
 * A thread that reads WIDTH neighbouring elements of a tile's row then has one for each unit: with as many rows as an
 * operand has steps, that is a block to be transposed in registers. Rows of sums are dealt out alike. */
#ifndef VARLEN_HIP_SUMS_H
#define VARLEN_HIP_SUMS_H

#include "platform/tile.h"
#if defined(__GFX11__) || defined(__GFX12__)
#include "platform/wmma.h"
#else
#include "platform/mfma.h"
#endif

constexpr int UNIT_SIZE = 16; /* rows and columns of its result, and steps of a product */

GPU_DEVICE int unit_lane()
{
    return thread_index() % UNIT_SIZE;
}

GPU_DEVICE int unit_group()
{
    return lane_index() / UNIT_SIZE;
}

/* Where a thread is. */
struct lane_place {
    int lane;  /* of 16 */
    int group; /* of 16 lanes */
};

GPU_DEVICE lane_place place_of_lane()
{
    return {unit_lane(), unit_group()};
}

/* A number that the compiler takes for a new one: addresses are computed anew from it where they are used, and not kept
 * in registers from far outside of a loop. */
GPU_DEVICE lane_place fresh_place_of_lane()
{
    int lane = lane_index();
    asm volatile("" : "+v"(lane));
    __builtin_assume(lane >= 0 && lane < WARP);
    return {lane % UNIT_SIZE, lane / UNIT_SIZE};
}

/* Likewise, unless the compiler knows it. */
GPU_DEVICE int fresh_number(int number)
{
    if (!__builtin_constant_p(number))
        asm volatile("" : "+v"(number));
    return number;
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

    /* f(slot, group, run, column) for each run of this thread, in order. */
    template <typename F> GPU_DEVICE static void for_each_place(F f)
    {
        const lane_place place = fresh_place_of_lane();
#pragma unroll
        for (int slot = 0; slot < SLOTS; slot++)
#pragma unroll
            for (int n = 0; n < COLUMN_GROUPS * GROUP_RUNS; n++)
                f(slot, n / GROUP_RUNS, n % GROUP_RUNS,
                  n / GROUP_RUNS * WIDTH * UNIT_SIZE + run_column(place, n % GROUP_RUNS));
    }

    template <typename F> GPU_DEVICE void for_each_run(F f)
    {
        for_each_place([&](int slot, int group, int run, int column) __attribute__((always_inline)) {
            float values[RUN];
            get_run(values, slot, group, run);
            f(slot, column, values);
            set_run(values, slot, group, run);
            finish_before_more();
        });
    }

    template <typename F> GPU_DEVICE void for_each_run_with(warp_sums &other, F f)
    {
        for_each_place([&](int slot, int group, int run, int column) __attribute__((always_inline)) {
            float values[RUN];
            float others[RUN];
            get_run(values, slot, group, run);
            other.get_run(others, slot, group, run);
            f(slot, column, values, others);
            set_run(values, slot, group, run);
            other.set_run(others, slot, group, run);
        });
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

#endif
