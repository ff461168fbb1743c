/* Who does what in a call: made on the device from cu_seqlens by one small kernel, so that the host need not know any
 * length. Sequences are put in order of the weight of their items, heaviest first; blocks of the computing kernel then
 * take one item after another from a counter.
 *
 *     rank          0              1         2     ...           a sequence's place in the order
 *     order         5              0         3                   its index in the batch
 *     first_item    0              7         9     ...  total    items, for each kv head, of the ranks before it
 *
 * Item number n stands for (n / kv_heads, kv head n % kv_heads): blocks that work side by side read neighbouring heads.
 * What an item of a sequence is, a pass's policy says. */
#ifndef VARLEN_GPU_PLAN_H
#define VARLEN_GPU_PLAN_H

#include "sequence.h"
#include "violation.h"

enum {
    PLAN_THREADS = 512,
    PLAN_PAGE_BLOCKS = 32, /* blocks that inspect page tables */
    PLAN_WEIGHTS = 256,    /* classes of weight that order tells apart */
};

enum {
    GAPS_IN_QUERIES = 1,
    GAPS_IN_KEYS = 2, /* packed ones */
};

struct plan_header {
    uint64_t place;                         /* of the first violation in cu_seqlens and lengths; no_violation */
    uint64_t page_places[PLAN_PAGE_BLOCKS]; /* of those in page tables */
    int32_t items;                          /* for each kv head */
    int32_t next_item;                      /* that no block has taken yet, kv heads counted */
    int32_t split_keys;                     /* keys per part, where a pass splits keys */
    int32_t gaps;                           /* GAPS_IN_QUERIES | GAPS_IN_KEYS: rows that belong to no sequence */
};

struct gpu_plan {
    plan_header *header;
    int32_t *order;         /* [batch] */
    int32_t *first_item;    /* [batch + 1] */
    int32_t *first_partial; /* [batch + 1]: partial results, for each kv head, of the ranks before it */
    int32_t *arrivals;      /* [partial_limit]: how many parts of a tile are done, at the number of its first part */
    int32_t partial_limit;
    int32_t page_blocks; /* how many of page_places are in use */
};

GPU_DEVICE uint64_t plan_violation(const gpu_plan &plan)
{
    uint64_t place = plan.header->place;
    for (int block = 0; block < plan.page_blocks; block++)
        place = smaller(place, plan.header->page_places[block]);
    return place;
}

/* The last rank whose first item is at or before `item`. */
GPU_DEVICE int32_t plan_rank_of(const gpu_plan &plan, int32_t batch, int32_t item)
{
    int32_t low = 0;
    int32_t high = batch - 1;
    while (low < high) {
        int32_t middle = (low + high + 1) / 2;
        if (plan.first_item[middle] <= item)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

/* The number of the next item that no block has taken yet, kv heads counted; at or past their count if none is left. By
 * one thread of a block. */
GPU_DEVICE int32_t plan_take_item(const gpu_plan &plan)
{
    return atomic_add(&plan.header->next_item, 1);
}

#endif
