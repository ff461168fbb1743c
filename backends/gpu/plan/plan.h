/* Who does what in a call: made on the device from cu_seqlens by one small kernel, so that the host need not know any
 * length. It cuts sequences into items, those of the sequences with the heaviest items first, and describes each in the
 * workspace; blocks of the computing kernel then take one item after another.
 *
 * An item is described once for all kv heads. Number n of what blocks take stands for item n / kv_heads and kv head
 * n % kv_heads, so that blocks that work side by side read neighbouring heads. What an item is, a pass's policy says.
 */
#ifndef VARLEN_GPU_PLAN_H
#define VARLEN_GPU_PLAN_H

#include "call/sequence.h"
#include "call/violation.h"

enum {
    PLAN_THREADS = 512,
    PLAN_WORK = 128,        /* keys that work is counted in */
    PLAN_OTHER_BLOCKS = 32, /* blocks that inspect page tables, or shared keys */
    PLAN_WEIGHTS = 256,     /* classes of weight that order tells apart */
};

enum {
    GAPS_IN_QUERIES = 1,
    GAPS_IN_KEYS = 2, /* packed ones */
};

/* See small_batch.h. */
enum {
    SMALL_BATCH = 16,             /* sequences, at most */
    SMALL_BATCH_SPLIT = INT32_MAX /* for a policy: keys are not split */
};

struct plan_header {
    uint64_t place;                           /* of the first violation in cu_seqlens and lengths; no_violation */
    uint64_t other_places[PLAN_OTHER_BLOCKS]; /* of those that other blocks inspect */
    int32_t items;                            /* for each kv head */
    int32_t taken;                            /* numbers that blocks have taken besides their first */
    int32_t gaps;                             /* GAPS_IN_QUERIES | GAPS_IN_KEYS: rows that belong to no sequence */
    int32_t several;                          /* whether some sequence has more than one item */
};

struct gpu_plan {
    plan_header *header;  /* NULL: no plan is made, see small_batch.h */
    int32_t *order;       /* [batch]: sequences, heaviest items first */
    row_bounds *bounds;   /* where rows have ranges of keys of their own */
    int32_t *arrivals;    /* [partial_limit]: how many parts of a tile are done, at the number of its first part */
    int32_t other_blocks; /* how many of other_places are in use */
};

GPU_DEVICE uint64_t plan_violation(const gpu_plan &plan)
{
    uint64_t place = plan.header->place;
    for (int block = 0; block < plan.other_blocks; block++)
        place = smaller(place, plan.header->other_places[block]);
    return place;
}

/* What a kernel must know of a batch before it writes anything. */
struct batch_findings {
    uint64_t place; /* of the first violation; no_violation */
    int32_t gaps;   /* GAPS_IN_QUERIES | GAPS_IN_KEYS */
};

GPU_DEVICE batch_findings plan_findings(const gpu_plan &plan)
{
    return {plan_violation(plan), plan.header->gaps};
}

/* What a policy makes of a sequence. */
struct plan_counts {
    int32_t items;
    int32_t partials;
};

/* Numbers that a block takes: the first is the block's own, the next ones come from a counter. */
GPU_DEVICE int32_t plan_take_next(const gpu_plan &plan)
{
    return grid_blocks() + atomic_add(&plan.header->taken, 1);
}

/* The same for passes whose items wait for earlier ones: a number is taken when all before it have been, by blocks that
 * have started. A block's own number could be that of one that does not start while this one waits. */
GPU_DEVICE int32_t plan_take_in_order(const gpu_plan &plan)
{
    return atomic_add(&plan.header->taken, 1);
}

/* Reads the description of what warp 0 took last into shared memory, for all threads of the block, and takes the next
 * by `take`. An ITEM has fields kv_head and exists, which are set here. */
template <typename ITEM, typename TAKE>
GPU_DEVICE void plan_next_item(const gpu_problem &problem, const gpu_plan &plan, const ITEM *items, int32_t &number,
                               ITEM &item, TAKE take)
{
    constexpr int words = (int)(sizeof(ITEM) / sizeof(int32_t));
    static_assert(words <= WARP, "a word for each thread of a warp");
    block_barrier(); /* nobody reads the last item any more */
    if (thread_index() < WARP) {
        number = warp_first(number);
        const bool exists = number < plan.header->items * problem.kv_heads;
        const quotient_and_rest place = divide_with_rest(number, problem.kv_heads_divisor);
        if (exists && thread_index() < words)
            ((int32_t *)&item)[thread_index()] = ((const int32_t *)&items[place.quotient])[thread_index()];
        if (exists && thread_index() == 0)
            number = take(plan);
        warp_barrier();
        if (thread_index() == 0) {
            item.kv_head = place.rest;
            item.exists = exists;
        }
    }
    block_barrier();
}

#endif
