/* The kernel that makes a plan. Block 0 inspects cu_seqlens and lengths, then orders the sequences by a counting sort
 * over classes of weight and describes their items; the other blocks inspect page tables meanwhile, or whether
 * sequences share keys. A POLICY says how sequences become items:
 *
 *     item_type                                 what describes an item
 *     work(sequence)              -> int64_t    adds up to what choose_split gets, in units of PLAN_WORK keys
 *     choose_split(work)          -> int32_t    keys per part, handed to the next four
 *     weight(sequence, split, most_seen) -> int64_t    of the heaviest item, where no query sees more keys
 *     counts(sequence, split)     -> {items, partials}
 *     item(problem, sequence, split, index, partial) -> item_type    number `index` of a sequence's items; `partial` is
 *                                                                    how many partials sequences before it have
 *     narrow(problem, item)                     by a warp, when an item is described and rows have bounds */
#ifndef VARLEN_GPU_PLAN_KERNEL_H
#define VARLEN_GPU_PLAN_KERNEL_H

#include "call/scan.h"
#include "plan/plan.h"
#include "plan/row_bounds.h"

template <typename POLICY> struct plan_arguments {
    gpu_problem problem;
    gpu_plan plan;
    typename POLICY::item_type *items;
    POLICY policy;
    int32_t validate;
};

GPU_DEVICE uint64_t inspect_page_table(const gpu_metadata &metadata, int32_t block, int32_t blocks)
{
    inspected_pages pages = pages_of(metadata);
    for (int32_t b = block; b < metadata.batch; b += blocks) {
        gpu_span columns = used_columns(metadata, b);
        for (int32_t column = columns.begin + thread_index(); column < columns.end; column += PLAN_THREADS)
            if (inspect_page(pages, b, column).rule)
                return violation_place(STAGE_PAGES, b);
    }
    return no_violation;
}

/* Sequences that share keys with one before them. */
GPU_DEVICE uint64_t inspect_shared_keys(const gpu_metadata &metadata, int32_t block, int32_t blocks)
{
    for (int32_t b = block * PLAN_THREADS + thread_index(); b < metadata.batch; b += blocks * PLAN_THREADS)
        if (sharer_before(metadata, b) < b)
            return violation_place(STAGE_SHARED_KEYS, b);
    return no_violation;
}

/* What blocks beside the first inspect. */
GPU_DEVICE uint64_t inspect_places(const gpu_metadata &metadata, int32_t block, int32_t blocks)
{
    return metadata.paged ? inspect_page_table(metadata, block, blocks) : inspect_shared_keys(metadata, block, blocks);
}

/* Classes go by the weight's logarithm in steps of 1/8 or so, heaviest first: by a float's exponent and the first three
 * bits behind it. The lightest class has all weights below 8. */
GPU_DEVICE int32_t weight_class(int64_t weight)
{
    constexpr int32_t step_bit = 20;
    constexpr int32_t level_of_8 = (127 + 3) << 3;
    const float rounded = (float)weight;
    int32_t bits = 0;
    __builtin_memcpy(&bits, &rounded, sizeof bits);
    const int32_t level = larger((bits >> step_bit) - level_of_8, 0);
    return larger(PLAN_WEIGHTS - 1 - level, 0);
}

/* Gaps, as the threads of a block find them in shared memory: a word for each side, which any of them may set. */
struct found_gaps {
    int32_t in_queries; /* GAPS_IN_QUERIES or 0 */
    int32_t in_keys;    /* GAPS_IN_KEYS or 0 */
};

/* Where a sequence is in its class. */
struct class_place {
    int32_t index; /* of the class */
    int32_t rank;
};

enum { PLAN_KEPT = 1024 }; /* sequences, at most, of a batch whose sequences are kept in shared memory */

struct plan_shared {
    gpu_sequence sequences[PLAN_KEPT]; /* of the batch, if it has no more */
    int32_t order[PLAN_KEPT];          /* likewise, in place of gpu_plan.order */
    class_place places[PLAN_KEPT];     /* likewise */
    int32_t widest[PLAN_KEPT];         /* likewise, of ranges of rows: see row_bounds.h */
    uint64_t place;
    found_gaps gaps;
    int32_t several;
    int32_t class_next[PLAN_WEIGHTS]; /* the next rank in each class */
    plan_counts before[PLAN_THREADS]; /* of a round of ranks: the first item and partial of each */
    block_scan_memory<PLAN_THREADS, uint64_t> scan;
    block_sum_memory<PLAN_THREADS> sum;
};

/* Adds 1 to counters[index] for each thread of the warp that `counts`, and returns what the thread's was before. Equal
 * lengths are common: then one thread adds for all. */
GPU_DEVICE int32_t count_up(int32_t *counters, int32_t index, bool counts)
{
    const int32_t first = warp_first(index);
    if (warp_any(!counts || index != first))
        return counts ? atomic_add(&counters[index], 1) : 0;
    const int32_t lane = thread_index() % WARP;
    int32_t before = 0;
    if (lane == 0)
        before = atomic_add(&counters[index], WARP);
    return warp_first(before) + lane;
}

/* A batch as the plan reads it: once, where it is kept. */
template <typename POLICY> struct plan_batch {
    const plan_arguments<POLICY> &args;
    plan_shared &shared;
    const bool kept;

    GPU_DEVICE gpu_sequence sequence(int32_t index) const
    {
        return kept ? shared.sequences[index] : sequence_at(args.problem, index);
    }

    GPU_DEVICE int64_t weight(int32_t index, int32_t split) const
    {
        const gpu_sequence of = sequence(index);
        const int32_t most = row_mask::most_seen(args.problem, of);
        return args.policy.weight(of, split, kept && args.problem.bounds ? smaller(most, shared.widest[index]) : most);
    }

    GPU_DEVICE int32_t *order() const
    {
        return kept ? shared.order : args.plan.order;
    }
};

/* By all threads, before anything is found. Without sequences, all rows are a gap. */
GPU_DEVICE void clear_findings(plan_shared &shared, int32_t batch)
{
    if (thread_index() < PLAN_WEIGHTS)
        shared.class_next[thread_index()] = 0;
    if (thread_index() == 0) {
        shared.place = no_violation;
        shared.gaps = batch == 0 ? found_gaps{GAPS_IN_QUERIES, GAPS_IN_KEYS} : found_gaps{0, 0};
        shared.several = 0;
    }
    block_barrier();
}

/* Inspects all elements of the batch, finds the first violation and gaps, and keeps the sequences. Returns their work:
 * keys may be shared between sequences, so that there is more of it than memory. */
template <typename POLICY> GPU_DEVICE int64_t read_batch(const plan_batch<POLICY> &batch)
{
    const gpu_metadata &metadata = batch.args.problem.metadata;
    const inspected_side queries = queries_side(metadata);
    const inspected_side keys = keys_side(metadata);
    found_gaps &gaps = batch.shared.gaps;
    uint64_t first = no_violation;
    int64_t work = 0;
    for (int32_t n = thread_index(); n <= metadata.batch; n += PLAN_THREADS) {
        const inspected_element of_queries = side_element(queries, n);
        const inspected_element of_keys = side_element(keys, n);
        if (batch.args.validate) {
            inspect_element(first, queries, of_queries, STAGE_CU_SEQLENS_Q);
            inspect_element(first, keys, of_keys, STAGE_CU_SEQLENS_K);
        }
        if (n == 0 || first != no_violation)
            continue;
        if (has_gap(queries, of_queries, metadata.batch))
            gaps.in_queries = GAPS_IN_QUERIES;
        if (has_gap(keys, of_keys, metadata.batch))
            gaps.in_keys = GAPS_IN_KEYS;
        const gpu_sequence sequence = sequence_of(batch.args.problem, of_queries, of_keys);
        work += batch.args.policy.work(sequence);
        if (batch.kept) {
            batch.shared.sequences[n - 1] = sequence;
            batch.shared.widest[n - 1] = 0;
        }
    }
    if (first != no_violation)
        atomic_min(&batch.shared.place, first);
    return block_sum(batch.shared.sum, work);
}

/* The first rank of each class, in place of how many it has. By all threads of a warp. */
GPU_DEVICE void rank_classes(int32_t *class_next)
{
    constexpr int each = PLAN_WEIGHTS / WARP;
    static_assert((int)PLAN_WEIGHTS % WARP == 0, "as many for each thread");
    int32_t *own = class_next + thread_index() % WARP * each;
    int32_t count[each];
    int32_t sum = 0;
#pragma unroll
    for (int i = 0; i < each; i++) {
        count[i] = own[i];
        sum += count[i];
    }
    int32_t before = warp_scan(sum).before;
#pragma unroll
    for (int i = 0; i < each; i++) {
        own[i] = before;
        before += count[i];
    }
}

/* Ranks in order of weight: counts of the classes, their running sums, then a place for each sequence. */
template <typename POLICY> GPU_DEVICE void order_sequences(const plan_batch<POLICY> &of, int32_t split)
{
    static_assert((int)PLAN_WEIGHTS <= (int)PLAN_THREADS, "a thread for each class");
    plan_shared &shared = of.shared;
    const int32_t batch = of.args.problem.metadata.batch;
    auto count_in_class = [&](int32_t b) {
        const int32_t index = b < batch ? weight_class(of.weight(b, split)) : 0;
        return class_place{index, count_up(shared.class_next, index, b < batch)};
    };
    for (int32_t first = 0; first < batch; first += PLAN_THREADS) {
        const int32_t b = first + thread_index();
        const class_place place = count_in_class(b);
        if (of.kept && b < batch)
            shared.places[b] = place;
    }
    block_barrier();
    if (thread_index() < WARP)
        rank_classes(shared.class_next);
    block_barrier();
    for (int32_t first = 0; first < batch; first += PLAN_THREADS) {
        const int32_t b = first + thread_index();
        int32_t rank = 0;
        if (!of.kept)
            rank = count_in_class(b).rank;
        else if (b < batch)
            rank = shared.class_next[shared.places[b].index] + shared.places[b].rank;
        if (b < batch)
            of.order()[rank] = b;
    }
    block_barrier();
}

/* The last of `count` ranks whose first item is at or before `item`. */
GPU_DEVICE int32_t rank_of(const plan_counts *before, int32_t count, int32_t item)
{
    int32_t low = 0;
    int32_t high = count - 1;
    while (low < high) {
        int32_t middle = (low + high + 1) / 2;
        if (before[middle].items <= item)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

/* Counts in one number, so that one scan sums both. */
GPU_DEVICE uint64_t packed_counts(const plan_counts &counts)
{
    return (uint64_t)(uint32_t)counts.partials << 32 | (uint32_t)counts.items;
}

GPU_DEVICE plan_counts unpacked_counts(uint64_t packed)
{
    return {(int32_t)(uint32_t)packed, (int32_t)(uint32_t)(packed >> 32)};
}

/* When they are described. By all threads. */
template <typename POLICY>
GPU_DEVICE void narrow_items(const plan_batch<POLICY> &of, typename POLICY::item_type *items, int32_t count)
{
    block_barrier();
    for (int32_t n = thread_index() / WARP; n < count; n += PLAN_THREADS / WARP)
        of.args.policy.narrow(of.args.problem, items[n]);
}

/* Describes all items, in rounds of as many ranks as there are threads. Returns how many there are. */
template <typename POLICY> GPU_DEVICE plan_counts describe_items(const plan_batch<POLICY> &of, int32_t split)
{
    const plan_arguments<POLICY> &args = of.args;
    plan_shared &shared = of.shared;
    const int32_t batch = args.problem.metadata.batch;
    const int32_t thread = thread_index();
    plan_counts before = {0, 0}; /* this round */
    for (int32_t first = 0; first < batch; first += PLAN_THREADS) {
        const int32_t ranks = smaller(batch - first, (int32_t)PLAN_THREADS);
        plan_counts own = {0, 0};
        if (thread < ranks)
            own = args.policy.counts(of.sequence(of.order()[first + thread]), split);
        if (own.items > 1)
            shared.several = 1;
        const block_sums<uint64_t> sums = block_scan(shared.scan, packed_counts(own));
        const plan_counts all = unpacked_counts(sums.all);
        shared.before[thread] = unpacked_counts(sums.before);
        block_barrier();
        for (int32_t n = thread; n < all.items; n += PLAN_THREADS) {
            const int32_t rank = rank_of(shared.before, ranks, n);
            const gpu_sequence sequence = of.sequence(of.order()[first + rank]);
            args.items[before.items + n] =
                args.policy.item(args.problem, sequence, split, n - shared.before[rank].items,
                                 before.partials + shared.before[rank].partials);
        }
        if (args.problem.bounds)
            narrow_items(of, args.items + before.items, all.items);
        before = {before.items + all.items, before.partials + all.partials};
        block_barrier();
    }
    return before;
}

template <typename POLICY> GPU_DEVICE void make_plan(const plan_batch<POLICY> &batch, int64_t work)
{
    const plan_arguments<POLICY> &args = batch.args;
    const int32_t split = args.policy.choose_split(work);
    order_sequences(batch, split);
    const plan_counts total = describe_items(batch, split);
    for (int32_t n = thread_index(); n < total.partials * args.problem.kv_heads; n += PLAN_THREADS)
        args.plan.arrivals[n] = 0;
    if (thread_index() == 0) {
        args.plan.header->items = total.items;
        args.plan.header->several = batch.shared.several;
        args.plan.header->gaps = batch.shared.gaps.in_queries | batch.shared.gaps.in_keys;
    }
}

template <typename POLICY> GPU_KERNEL(PLAN_THREADS, 1) plan_kernel(GPU_ARGUMENTS(plan_arguments<POLICY>) args)
{
    plan_shared &shared = *(plan_shared *)shared_memory();
    const gpu_metadata &metadata = args.problem.metadata;
    plan_header *header = args.plan.header;
    let_next_kernel_start();
    if (block_index() > 0) {
        uint64_t mine = inspect_places(metadata, block_index() - 1, args.plan.other_blocks);
        uint64_t place = first_place(mine, &shared.place);
        if (thread_index() == 0)
            header->other_places[block_index() - 1] = place;
        return;
    }
    const plan_batch<POLICY> batch = {args, shared, metadata.batch <= PLAN_KEPT};
    clear_findings(shared, metadata.batch);
    const int64_t work = read_batch(batch);
    uint64_t place = shared.place;
    if (place == no_violation && (args.problem.bounds || args.problem.tree_mask)) {
        const uint64_t mine = find_rows<PLAN_THREADS>(args.problem, args.plan.bounds,
                                                      batch.kept ? shared.widest : nullptr, args.validate);
        block_barrier(); /* all have read the place before one writes it again */
        place = first_place(mine, &shared.place);
    }
    if (thread_index() == 0) {
        header->place = place;
        header->taken = 0;
        header->items = 0;
        header->several = 0;
        header->gaps = 0;
    }
    if (place == no_violation)
        make_plan(batch, work);
}

#endif
