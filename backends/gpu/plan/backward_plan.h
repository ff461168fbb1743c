/* What the backward pass is cut into: items, which are tiles of keys of one sequence and kv head, and chunks of query
 * rows. A tile's dk and dv are sums over chunks, kept by the item; a chunk's dq is a sum over tiles. */
#ifndef VARLEN_GPU_BACKWARD_PLAN_H
#define VARLEN_GPU_BACKWARD_PLAN_H

#include "plan/plan.h"
#include "plan/row_chunks.h"

struct alignas(64) backward_item {
    gpu_sequence sequence;
    int32_t tile; /* of the sequence */
    int32_t first_key;
    int32_t keys;
    int32_t first_chunk; /* chunks of the sequence that see some of the keys */
    int32_t end_chunk;
    int32_t first_whole; /* chunks all of whose rows see all keys of a whole tile; none if end is at or below first */
    int32_t end_whole;
    int32_t rows;       /* of the sequence */
    int64_t chunk_base; /* number of the sequence's chunk 0, */
    int64_t sum_base;   /* and among those whose dq is summed */
    int32_t kv_head;    /* of who took it */
    int32_t exists;     /* to whoever took it: 0, no item is left */
};

/* Whether some row of a chunk may see some of an item's keys. */
GPU_DEVICE bool chunk_sees(const gpu_problem &problem, const backward_item &item, int32_t chunk_rows, int32_t chunk)
{
    const int32_t first = chunk * chunk_rows;
    const gpu_span keys = keys_of_rows<row_mask>(problem, item.sequence, first, smaller(chunk_rows, item.rows - first));
    return keys.begin < item.first_key + item.keys && keys.end > item.first_key;
}

/* The least n below `count` of which `holds` is true; `count` if there is none. By all threads of a warp. */
template <typename F> GPU_DEVICE int32_t warp_first_that(int32_t count, F holds)
{
    int32_t found = count;
    for (int32_t first = 0; first < count && found == count; first += WARP) {
        const int32_t own = first + thread_index() % WARP;
        found = own < count && holds(own) ? own : count;
#pragma unroll
        for (int mask = 1; mask < WARP; mask *= 2)
            found = smaller(found, warp_xor(found, mask));
    }
    return found;
}

struct backward_policy {
    using item_type = backward_item;

    fast_divisor group;
    backward_cut cut;

    GPU_DEVICE int64_t work(const gpu_sequence &) const
    {
        return 0;
    }

    GPU_DEVICE int32_t choose_split(int64_t) const
    {
        return 0;
    }

    /* Where no query sees all keys, about as many queries see one key as the other way round. */
    GPU_DEVICE int64_t weight(const gpu_sequence &sequence, int32_t, int32_t most_seen) const
    {
        const int64_t queries = most_seen < sequence.keys ? (int64_t)most_seen + cut.tile_keys : sequence.queries;
        return smaller(queries, (int64_t)sequence.queries) * group.divisor;
    }

    GPU_DEVICE plan_counts counts(const gpu_sequence &sequence, int32_t) const
    {
        return {divide_up(sequence.keys, cut.tile_keys), 0};
    }

    /* Tiles of a sequence go in order: those that wait for others are taken after them. */
    GPU_DEVICE backward_item item(const gpu_problem &problem, const gpu_sequence &sequence, int32_t, int32_t index,
                                  int32_t) const
    {
        backward_item item = {};
        item.sequence = sequence;
        item.tile = index;
        item.first_key = index * cut.tile_keys;
        item.keys = smaller(cut.tile_keys, sequence.keys - item.first_key);
        gpu_span queries = row_mask::queries_that_see(problem, sequence, item.first_key, item.first_key + item.keys);
        item.first_chunk = queries.begin * (int32_t)group.divisor / cut.chunk_rows;
        item.end_chunk = divide_up(queries.end * (int32_t)group.divisor, cut.chunk_rows);
        item.rows = sequence.queries * (int32_t)group.divisor;
        if (item.keys == cut.tile_keys) {
            gpu_span whole =
                row_mask::queries_that_see_all(problem, sequence, item.first_key, item.first_key + item.keys);
            item.first_whole = divide_up(whole.begin * (int32_t)group.divisor, cut.chunk_rows);
            item.end_whole = whole.end * (int32_t)group.divisor / cut.chunk_rows;
        }
        item.chunk_base = first_row_chunk(problem, cut.chunk_rows, sequence.index);
        item.sum_base = item.chunk_base - chunks_without_sums(problem, cut, sequence.index);
        return item;
    }

    /* Leaves of an item's chunks those from the first to the last that see some of its keys: ranges of rows may hide
     * all from the others. By all threads of a warp. */
    GPU_DEVICE void narrow(const gpu_problem &problem, backward_item &item) const
    {
        const auto sees = [&](int32_t chunk) { return chunk_sees(problem, item, cut.chunk_rows, chunk); };
        const int32_t first = item.first_chunk;
        const int32_t last = item.end_chunk - 1;
        const int32_t before = warp_first_that(last + 1 - first, [&](int32_t n) { return sees(first + n); });
        const int32_t behind = warp_first_that(last + 1 - first - before, [&](int32_t n) { return sees(last - n); });
        warp_barrier();
        if (thread_index() % WARP == 0) {
            item.first_chunk = first + before;
            item.end_chunk = last + 1 - behind;
        }
    }
};

#endif
