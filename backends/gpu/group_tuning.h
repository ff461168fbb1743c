/* Sizes of the kernels of warp groups, as tuning.h has those of warps: a row for each size that dims are rounded up to
 * and for each score rule.
 * Platforms that have such kernels have the table in platform/group_tuning.h:
 *
 *     GROUP_FORWARD_TUNINGS[] */
#ifndef VARLEN_GPU_GROUP_TUNING_H
#define VARLEN_GPU_GROUP_TUNING_H

#include "architecture.h"

/* A block has `groups` warp groups that compute, each on tiles of 64 rows, and one that copies. */
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

#include "platform/group_tuning.h"

constexpr group_forward_tuning group_forward_tuning_of(int head_dim, int value_dim, bool general)
{
    int found = 0;
    while (GROUP_FORWARD_TUNINGS[found].head_dim != head_dim || GROUP_FORWARD_TUNINGS[found].value_dim != value_dim ||
           GROUP_FORWARD_TUNINGS[found].general != general)
        found++;
    return GROUP_FORWARD_TUNINGS[found].tuning;
}

/* 512 registers for four threads, one of each scheduler's. */
constexpr bool is_sound(const group_forward_tuning &tuning)
{
    return tuning.groups > 0 && tuning.groups <= 3 && tuning.chunk_keys % 32 == 0 && tuning.chunk_keys <= 256 &&
           tuning.stages > 1 && tuning.query_stages > 0 && tuning.copying_registers % 8 == 0 &&
           tuning.computing_registers % 8 == 0 &&
           tuning.copying_registers + tuning.groups * tuning.computing_registers <= 512;
}

constexpr bool are_sound(const group_forward_row *rows, int count)
{
    for (int n = 0; n < count; n++)
        if (!is_sound(rows[n].tuning))
            return false;
    return true;
}
static_assert(are_sound(GROUP_FORWARD_TUNINGS, sizeof GROUP_FORWARD_TUNINGS / sizeof GROUP_FORWARD_TUNINGS[0]),
              "every row");

#endif
