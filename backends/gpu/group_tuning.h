/* Sizes of the kernels of warp groups, as tuning.h has those of warps: a row for each size that dims are rounded up to
 * and for each score rule.
 * Platforms that have such kernels have the table in platform/group_tuning.h:
 *
 *     GROUP_FORWARD_TUNINGS[]
 *     GROUP_QUANTIZED_TUNINGS[]   of these, a row for each size in instances/group_quantized.def
 *     GROUP_BACKWARD_TUNINGS[]
 *     GROUP_KEY_SWEEP_TUNINGS[]
 *     GROUP_DQ_SWEEP_TUNINGS[]    of these two, a row for each size that the backward pass may take in two sweeps */
#ifndef VARLEN_GPU_GROUP_TUNING_H
#define VARLEN_GPU_GROUP_TUNING_H

#include "architecture.h"

/* A block has `groups` warp groups that compute, each on tiles of 64 rows or all on halves of one, and one that copies.
 */
struct group_forward_tuning {
    int groups;
    int chunk_keys;
    int stages;            /* chunks of keys, and as many of values, in shared memory */
    int query_stages;      /* tiles of queries for each group: 2 begin to copy the next while one is multiplied */
    bool turns;            /* groups begin their products in turn: see warp_groups/forward_turns.h */
    int copying_registers; /* of a thread; what all groups have together is what the block was launched with */
    int computing_registers;
};

struct group_forward_row {
    int head_dim;
    int value_dim;
    bool general; /* of the score rule, which takes registers */
    group_forward_tuning tuning;
};

/* Over quantised keys and values. A block has one group more, which widens. */
struct group_quantized_tuning {
    group_forward_tuning forward; /* its stages are of widened chunks */
    int byte_stages;              /* of chunks as they are in memory: what is on its way */
    int widening_registers;
};

struct group_quantized_row {
    int head_dim;
    int value_dim;
    group_quantized_tuning tuning;
};

/* A block has `groups` warp groups that compute, each with 64 of a tile's keys or all with the same 64, and one that
 * copies. */
struct group_backward_tuning {
    int groups;
    bool shared_keys; /* groups share a tile of 64 keys: each has some of the columns of dK, dV and dQ */
    int chunk_rows;
    int stages;     /* chunks of rows in shared memory, of their dO, and of dS where dQ is found too */
    int key_stages; /* tiles of keys and values: 2 begin to copy the next while one is multiplied */
    int copying_registers;
    int computing_registers;
};

struct group_backward_row {
    int head_dim;
    int value_dim;
    bool general;
    group_backward_tuning tuning;
};

/* A block has `groups` warp groups that compute, each on tiles of 64 rows, and one that copies. */
struct group_dq_sweep_tuning {
    int groups;
    int chunk_keys;
    int key_stages; /* chunks of keys in shared memory: one is multiplied by dS while the next is by Q */
    int value_stages;
    int tile_places; /* for rows of q and dO: one for each group at least */
    int copying_registers;
    int computing_registers;
};

struct group_dq_sweep_row {
    int head_dim;
    int value_dim;
    bool general;
    group_dq_sweep_tuning tuning;
};

#include "platform/group_tuning.h"

/* The number of a row; one behind the last where there is none, which does not compile. */
template <typename ROW, int COUNT>
constexpr int find_group_tuning(const ROW (&rows)[COUNT], int head_dim, int value_dim, bool general)
{
    int found = 0;
    while (found < COUNT &&
           (rows[found].head_dim != head_dim || rows[found].value_dim != value_dim || rows[found].general != general))
        found++;
    return found;
}

constexpr group_forward_tuning group_forward_tuning_of(int head_dim, int value_dim, bool general)
{
    return GROUP_FORWARD_TUNINGS[find_group_tuning(GROUP_FORWARD_TUNINGS, head_dim, value_dim, general)].tuning;
}

constexpr int find_quantized_tuning(int head_dim, int value_dim)
{
    constexpr int rows = (int)(sizeof GROUP_QUANTIZED_TUNINGS / sizeof GROUP_QUANTIZED_TUNINGS[0]);
    int found = 0;
    while (found < rows && (GROUP_QUANTIZED_TUNINGS[found].head_dim != head_dim ||
                            GROUP_QUANTIZED_TUNINGS[found].value_dim != value_dim))
        found++;
    return found;
}

constexpr group_quantized_tuning group_quantized_tuning_of(int head_dim, int value_dim)
{
    return GROUP_QUANTIZED_TUNINGS[find_quantized_tuning(head_dim, value_dim)].tuning;
}

constexpr bool has_quantized_groups(int head_dim, int value_dim)
{
    constexpr int rows = (int)(sizeof GROUP_QUANTIZED_TUNINGS / sizeof GROUP_QUANTIZED_TUNINGS[0]);
    return find_quantized_tuning(head_dim, value_dim) < rows;
}

/* Of the one sweep that finds DQ too, or of that over keys alone. */
constexpr group_backward_tuning group_backward_tuning_of(int head_dim, int value_dim, bool general, bool dq)
{
    return dq ? GROUP_BACKWARD_TUNINGS[find_group_tuning(GROUP_BACKWARD_TUNINGS, head_dim, value_dim, general)].tuning
              : GROUP_KEY_SWEEP_TUNINGS[find_group_tuning(GROUP_KEY_SWEEP_TUNINGS, head_dim, value_dim, general)]
                    .tuning;
}

constexpr group_dq_sweep_tuning group_dq_sweep_tuning_of(int head_dim, int value_dim, bool general)
{
    return GROUP_DQ_SWEEP_TUNINGS[find_group_tuning(GROUP_DQ_SWEEP_TUNINGS, head_dim, value_dim, general)].tuning;
}

constexpr bool has_two_sweeps(int head_dim, int value_dim, bool general)
{
    constexpr int rows = (int)(sizeof GROUP_DQ_SWEEP_TUNINGS / sizeof GROUP_DQ_SWEEP_TUNINGS[0]);
    return find_group_tuning(GROUP_DQ_SWEEP_TUNINGS, head_dim, value_dim, general) < rows;
}

/* Groups can have no more registers than the block began with: a share of 512 each, in eights. `widening` is 0 where no
 * group widens. */
constexpr bool fit_registers(int groups, int copying, int computing, int widening = 0)
{
    const int all = groups + 1 + (widening > 0 ? 1 : 0);
    const int share = 512 / all / 8 * 8;
    return copying % 8 == 0 && computing % 8 == 0 && widening % 8 == 0 &&
           copying + widening + groups * computing <= all * share;
}

constexpr bool is_sound(const group_forward_tuning &tuning)
{
    return tuning.groups > 0 && tuning.groups <= 3 && tuning.chunk_keys % 32 == 0 && tuning.chunk_keys <= 256 &&
           tuning.stages > 1 && tuning.query_stages > 0 &&
           fit_registers(tuning.groups, tuning.copying_registers, tuning.computing_registers);
}

constexpr bool is_sound(const group_quantized_tuning &tuning)
{
    const group_forward_tuning &forward = tuning.forward;
    return is_sound(forward) && tuning.byte_stages > 1 && tuning.widening_registers > 0 &&
           fit_registers(forward.groups, forward.copying_registers, forward.computing_registers,
                         tuning.widening_registers);
}

constexpr bool is_sound(const group_backward_tuning &tuning)
{
    return tuning.groups == 2 && tuning.chunk_rows % 32 == 0 && tuning.stages > 1 && tuning.key_stages > 0 &&
           fit_registers(tuning.groups, tuning.copying_registers, tuning.computing_registers);
}

constexpr bool is_sound(const group_dq_sweep_tuning &tuning)
{
    return tuning.groups > 0 && tuning.chunk_keys % 32 == 0 && tuning.key_stages > 1 && tuning.value_stages > 1 &&
           tuning.tile_places >= tuning.groups &&
           fit_registers(tuning.groups, tuning.copying_registers, tuning.computing_registers);
}

template <typename ROW, int COUNT> constexpr bool are_sound_groups(const ROW (&rows)[COUNT])
{
    for (const ROW &row : rows)
        if (!is_sound(row.tuning))
            return false;
    return true;
}
static_assert(are_sound_groups(GROUP_FORWARD_TUNINGS) && are_sound_groups(GROUP_QUANTIZED_TUNINGS) &&
                  are_sound_groups(GROUP_BACKWARD_TUNINGS) && are_sound_groups(GROUP_KEY_SWEEP_TUNINGS) &&
                  are_sound_groups(GROUP_DQ_SWEEP_TUNINGS),
              "every row");

#endif
