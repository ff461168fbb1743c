/* The group that copies. Its first warp takes items and tells all others of them; one warp each fills the places for
 * queries, keys and values as these become empty, many copies ahead of the products.
 *
 * Tiles of all items that a block takes are numbered on, and number t is group t % GROUPS's. So groups work on
 * neighbouring tiles of a long sequence, whose keys they share, or on a short sequence each. */
#ifndef VARLEN_GPU_WARP_GROUPS_FORWARD_COPIES_H
#define VARLEN_GPU_WARP_GROUPS_FORWARD_COPIES_H

#include "warp_groups/forward_items.h"

/* Tells of items, the next ones' numbers and descriptions being on their way. */
template <typename INSTANCE>
GPU_DEVICE void take_items(const group_forward_arguments &args, group_forward_shared<INSTANCE> &shared)
{
    using place_type = item_place<forward_item>;
    const forward_arguments &call = args.call;
    const int32_t numbers = call.plan.header->items * call.problem.kv_heads;
    item_turn<INSTANCE> turn(args);
    auto word_of = [&](int32_t number) {
        const int32_t item = divide(number, call.problem.kv_heads_divisor);
        return number < numbers ? place_type::word_of(call.items[item]) : 0;
    };
    int32_t number = block_index();
    int32_t word = word_of(number);
    int32_t taken = group_lane() == 0 ? plan_take_next(call.plan) : 0;
    for (bool exists = true; exists;) {
        exists = number < numbers;
        place_type &place = shared.items[turn.stage];
        place.empty.wait(turn.parity ^ 1);
        place.fill(word, divide_with_rest(number, call.problem.kv_heads_divisor).rest, exists);
        turn.advance();
        number = warp_first(taken);
        word = word_of(number);
        if (group_lane() == 0 && number < numbers)
            taken = plan_take_next(call.plan);
    }
}

/* Each tile of queries, into the places of the group whose it is. */
template <typename INSTANCE>
GPU_DEVICE void copy_queries(const group_forward_arguments &args, group_forward_shared<INSTANCE> &shared)
{
    using matrix = typename INSTANCE::query_matrix;
    const group_boxes &boxes = args.boxes;
    stage_turn<INSTANCE::QUERY_STAGES> turn; /* of group `group` and those behind it */
    int32_t group = 0;
    for_each_item(shared, item_turn<INSTANCE>(args), [&](const forward_item &item) {
        const int32_t first = item.sequence.first_query + divide(item.first_row, args.call.problem.group);
        const int32_t tiles = divide_up(item.rows, boxes.tile_rows);
        for (int32_t tile = 0; tile < tiles; tile++) {
            stage_barriers &place = shared.queries[group][turn.stage];
            const matrix to = INSTANCE::queries(group, turn.stage);
            place.empty.wait(turn.parity ^ 1);
            if (group_lane() == 0)
                place.full.arrive_and_expect(matrix::PANELS * boxes.tile_rows * matrix::SWIZZLE);
            warp_barrier();
            if (group_lane() < matrix::PANELS)
                copy_tensor(to.panel(group_lane()), args.q,
                            {group_lane() * matrix::PANEL, 0, first + tile * boxes.tile_queries, item.kv_head},
                            place.full);
            if (++group == INSTANCE::GROUPS) {
                group = 0;
                turn.advance();
            }
        }
    });
}

/* A box that begins at a key of an item's sequence. Rows past the sequence are zeros. In the place of a box that would
 * have no others goes the last one again: the hardware looks for memory where such a map begins. */
template <bool PAGED>
GPU_DEVICE void copy_key_box(const group_forward_arguments &args, const tensor_map &map, const forward_item &item,
                             int32_t key, int32_t column, void *to, arrival_barrier &full)
{
    const gpu_metadata &metadata = args.call.problem.metadata;
    const gpu_sequence &sequence = item.sequence;
    const int32_t rows = args.boxes.key_rows;
    if constexpr (PAGED) {
        const int32_t last = (sequence.keys - 1) & -rows; /* a power of two */
        const int32_t begin = smaller(key, last);
        const int32_t valid = smaller(sequence.keys - begin, rows);
        const quotient_and_rest place = divide_with_rest(begin, metadata.page_size);
        const int32_t page = metadata.page_table[(int64_t)sequence.index * metadata.page_table_width + place.quotient];
        copy_tensor(to, map, {column, rows - valid, place.rest + valid, item.kv_head, page}, full);
    } else {
        const int32_t valid = smaller(sequence.keys - key, rows);
        copy_tensor(to, map, {column, rows - valid, sequence.first_key + key + valid, item.kv_head}, full);
    }
}

/* All chunks of all items, keys or values, from the last chunk to the first: the order in which products need them. */
template <typename INSTANCE, bool PAGED, typename MATRIX>
GPU_DEVICE void copy_chunks(const group_forward_arguments &args, group_forward_shared<INSTANCE> &shared,
                            const tensor_map &map, int32_t dim, stage_barriers *places, MATRIX (*matrix_at)(int stage))
{
    const int32_t rows = PAGED ? args.boxes.key_rows : INSTANCE::CHUNK_KEYS;
    const int32_t pieces = INSTANCE::CHUNK_KEYS / rows * MATRIX::PANELS;
    const int32_t panels = panels_of<MATRIX>(dim);
    stage_turn<INSTANCE::STAGES> turn;
    for_each_item(shared, item_turn<INSTANCE>(args), [&](const forward_item &item) {
        const gpu_span chunks = chunks_of<INSTANCE::CHUNK_KEYS>(item.keys);
        for (int32_t chunk = chunks.end - 1; chunk >= chunks.begin; chunk--) {
            stage_barriers &place = places[turn.stage];
            const MATRIX to = matrix_at(turn.stage);
            place.empty.wait(turn.parity ^ 1);
            if (group_lane() == 0)
                place.full.arrive_and_expect(panels * MATRIX::PANEL_BYTES);
            warp_barrier();
            for (int32_t n = group_lane(); n < pieces; n += WARP) {
                const int32_t row = n / MATRIX::PANELS * rows;
                const int32_t panel = n % MATRIX::PANELS;
                if (panel >= panels)
                    continue;
                copy_key_box<PAGED>(args, map, item, chunk * INSTANCE::CHUNK_KEYS + row, panel * MATRIX::PANEL,
                                    to.panel(panel) + row * MATRIX::PANEL, place.full);
            }
            turn.advance();
        }
    });
}

template <typename INSTANCE, bool PAGED>
GPU_DEVICE void copy_keys_and_values(const group_forward_arguments &args, group_forward_shared<INSTANCE> &shared,
                                     int32_t warp)
{
    if (warp == 2)
        copy_chunks<INSTANCE, PAGED>(args, shared, args.k, args.call.problem.head_dim, shared.keys, INSTANCE::keys);
    else
        copy_chunks<INSTANCE, PAGED>(args, shared, args.v, args.call.problem.value_dim, shared.values,
                                     INSTANCE::values);
}

template <typename INSTANCE>
GPU_DEVICE void group_forward_copy(const group_forward_arguments &args, group_forward_shared<INSTANCE> &shared)
{
    const int32_t warp = thread_index() / WARP;
    if (warp == 0)
        take_items(args, shared);
    else if (warp == 1)
        copy_queries(args, shared);
    else if (args.call.problem.metadata.paged)
        copy_keys_and_values<INSTANCE, true>(args, shared, warp);
    else
        copy_keys_and_values<INSTANCE, false>(args, shared, warp);
}

#endif
