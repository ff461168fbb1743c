/* Upper bounds on what any batch of a problem is cut into. Lengths need not be known: sequences share the totals, so
 * that many of them are short. A bound never falls as a size of the problem grows, nor as max_seqlen does, of which 0
 * is the largest. */
#ifndef VARLEN_GPU_HOST_LIMITS_H
#define VARLEN_GPU_HOST_LIMITS_H

#include "../../workspace_size.h"
#include "plan/backward_plan.h"
#include "plan/forward_plan.h"

inline int64_t smaller_of(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Query heads that share a kv head. */
inline int32_t group_of(const varlen_attention &attention)
{
    return attention.q_heads / attention.kv_heads;
}

/* Rows of queries under one kv head. */
inline int64_t query_rows(const varlen_attention &attention)
{
    return attention.total_q * group_of(attention);
}

/* Sequences that have queries. */
inline int64_t sequences_with_queries(const varlen_attention &attention)
{
    return smaller_of(attention.batch, attention.total_q);
}

/* Whether sequences may have more keys than there are, since they share some. */
inline bool may_share_keys(const varlen_attention &attention)
{
    return attention.page_size > 0 || (attention.features & VARLEN_FEATURE_KEY_STARTS);
}

/* Those of them that have more than so many keys. */
inline int64_t sequences_with_keys(const varlen_attention &attention, int64_t keys)
{
    const int64_t sequences = sequences_with_queries(attention);
    return may_share_keys(attention) ? sequences : smaller_of(sequences, attention.total_k / (keys + 1));
}

/* Rows of keys that a sequence has room for. */
inline int64_t slot_limit(const varlen_attention &attention)
{
    return attention.page_size > 0 ? (int64_t)attention.page_size * attention.page_table_width : attention.total_k;
}

/* Keys of the longest sequence. */
inline int64_t key_limit(const varlen_attention &attention)
{
    const int64_t slot = smaller_of(slot_limit(attention), INT32_MAX);
    return attention.max_seqlen_k > 0 ? smaller_of(slot, attention.max_seqlen_k) : slot;
}

/* Bounds of rows that have ranges of keys of their own, as first_bound numbers them. */
inline size_t row_bound_limit(const varlen_attention &attention)
{
    if (!(attention.features & VARLEN_FEATURE_KEY_RANGES))
        return 0;
    return (size_t)(attention.total_q / BOUND_QUERIES + sequences_with_queries(attention));
}

/* ---- Forward ------------------------------------------------------------------------------------------------------
 */

/* Tiles under one kv head. A sequence has one, and one more for each 16 further rows while it is decoded, up to
 * DECODE_ROWS of them, or else for each tile_rows. */
inline int64_t tile_limit(const varlen_attention &attention, int32_t tile_rows)
{
    const int64_t sequences = sequences_with_queries(attention);
    const int64_t rows = query_rows(attention);
    const int64_t decoded = (rows - sequences) / DECODE_TILE_ROWS;
    return sequences + smaller_of(decoded, (DECODE_ROWS / DECODE_TILE_ROWS - 1) * sequences + rows / tile_rows);
}

/* Partial results of split keys, of all kv heads. A tile whose keys are split has parts for at most twice its keys /
 * part_keys: where parts go by the work of a batch, those of all tiles are at most twice the items that are wanted. */
inline size_t partial_limit(const varlen_attention &attention, int32_t wanted_items, int32_t decode_rows = DECODE_ROWS,
                            int32_t decode_tile_rows = DECODE_TILE_ROWS)
{
    const bool invariant = attention.flags & VARLEN_FLAG_BATCH_INVARIANT;
    const int64_t shortest = invariant ? SPLIT_INVARIANT : SPLIT_SHORTEST;
    const int64_t longest = key_limit(attention);
    if (longest <= shortest || group_of(attention) > decode_rows)
        return 0;
    const int64_t sequences = sequences_with_keys(attention, shortest);
    int64_t parts = sequences * (invariant ? (int64_t)SPLIT_PARTS_INVARIANT : longest / shortest + 1);
    if (!may_share_keys(attention))
        parts = smaller_of(parts, sequences + attention.total_k / shortest);
    const int64_t most = longest / shortest + 1;
    const int64_t each = invariant ? smaller_of(SPLIT_PARTS_INVARIANT, most) : most;
    const size_t tiles = (size_t)(sequences + query_rows(attention) / decode_tile_rows);
    const size_t by_sequences = size_product((size_t)parts, (size_t)((decode_rows - 1) / decode_tile_rows + 1));
    const size_t by_rows = size_product(tiles, (size_t)each);
    const size_t all = size_product(by_rows < by_sequences ? by_rows : by_sequences, (size_t)attention.kv_heads);
    const size_t wanted = 2 * (size_t)wanted_items;
    return invariant || all < wanted ? all : wanted;
}

/* Items under one kv head. */
inline size_t forward_item_limit(const varlen_attention &attention, int32_t tile_rows, size_t partials)
{
    return (size_t)tile_limit(attention, tile_rows) + partials / (size_t)attention.kv_heads;
}

/* ---- Backward -----------------------------------------------------------------------------------------------------
 */

/* Items under one kv head. */
inline size_t backward_item_limit(const varlen_attention &attention, const backward_cut &cut)
{
    return (size_t)(attention.total_k / cut.tile_keys + smaller_of(attention.batch, attention.total_k));
}

/* Chunks of rows under one kv head, as first_row_chunk numbers them. */
inline int64_t row_chunk_limit(const varlen_attention &attention, const backward_cut &cut)
{
    return query_rows(attention) / cut.chunk_rows + sequences_with_queries(attention);
}

/* Those of sequences that have more keys than a tile, as chunks_without_sums has it; none where nothing is summed. */
inline int64_t sum_chunk_limit(const varlen_attention &attention, const backward_cut &cut)
{
    const int64_t sequences = cut.sums_dq ? sequences_with_keys(attention, cut.tile_keys) : 0;
    return sequences > 0 ? query_rows(attention) / cut.chunk_rows + sequences : 0;
}

#endif
