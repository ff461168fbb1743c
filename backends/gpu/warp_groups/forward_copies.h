/* The group that copies. Its first warp takes items and tells all others of them; one warp each fills the places for
 * queries, keys and values as these become empty, many copies ahead of the products.
 *
 * Tiles of all items that a block takes are numbered on, and number t is group t % GROUPS's. So groups work on
 * neighbouring tiles of a long sequence, whose keys they share, or on a short sequence each. */
#ifndef VARLEN_GPU_WARP_GROUPS_FORWARD_COPIES_H
#define VARLEN_GPU_WARP_GROUPS_FORWARD_COPIES_H

#include "warp_groups/forward_items.h"

/* Tells of items, the next ones' numbers and descriptions being on their way. */
template <typename INSTANCE, typename SHARED>
GPU_DEVICE void take_items(const group_forward_arguments &args, SHARED &shared)
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

/* copy(place, item, first), by all threads of a warp, for each tile of rows of all items, when the place with that
 * number is empty; `first` is the tile's first row of q. */
template <typename INSTANCE, typename SHARED, typename F>
GPU_DEVICE void copy_row_tiles(const group_forward_arguments &args, SHARED &shared, F copy)
{
    stage_turn<INSTANCE::TILE_PLACES> turn;
    for_each_item(shared, item_turn<INSTANCE>(args), [&](const forward_item &item) {
        const int32_t first = item.sequence.first_query + divide(item.first_row, args.call.problem.group);
        const int32_t tiles = divide_up(item.rows, args.boxes.tile_rows);
        for (int32_t tile = 0; tile < tiles; tile++) {
            shared.queries[turn.stage].empty.wait(turn.parity ^ 1);
            copy(turn.stage, item, first + tile * args.boxes.tile_queries);
            turn.advance();
        }
    });
}

template <typename INSTANCE>
GPU_DEVICE void copy_queries(const group_forward_arguments &args, group_forward_shared<INSTANCE> &shared)
{
    using matrix = typename INSTANCE::query_matrix;
    copy_row_tiles<INSTANCE>(args, shared, [&](int32_t place, const forward_item &item, int32_t first) {
        arrival_barrier &full = shared.queries[place].full;
        if (group_lane() == 0)
            full.arrive_and_expect(matrix::PANELS * args.boxes.tile_rows * matrix::SWIZZLE);
        warp_barrier();
        if (group_lane() < matrix::PANELS)
            copy_tensor(INSTANCE::queries(place).panel(group_lane()), args.q,
                        {group_lane() * matrix::PANEL, 0, first, item.kv_head}, full);
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
template <typename INSTANCE, bool PAGED, int STAGES, typename MATRIX>
GPU_DEVICE void copy_chunks(const group_forward_arguments &args, group_forward_shared<INSTANCE> &shared,
                            const tensor_map &map, int32_t dim, stage_barriers (&places)[STAGES],
                            MATRIX (*matrix_at)(int stage))
{
    const int32_t rows = PAGED ? args.boxes.key_rows : INSTANCE::CHUNK_KEYS;
    const int32_t pieces = INSTANCE::CHUNK_KEYS / rows * MATRIX::PANELS;
    const int32_t panels = panels_of<MATRIX>(dim);
    stage_turn<STAGES> turn;
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

/* What no copy fills, but products read: rows of a tile, where the heads of a group do not divide it, and panels. */
template <typename INSTANCE> GPU_DEVICE void clear_spare_places(const group_forward_arguments &args)
{
    using key_matrix = typename INSTANCE::key_matrix;
    using value_matrix = typename INSTANCE::value_matrix;
    if (args.boxes.tile_rows == TILE_ROWS && panels_of<key_matrix>(args.call.problem.head_dim) == key_matrix::PANELS &&
        panels_of<value_matrix>(args.call.problem.value_dim) == value_matrix::PANELS)
        return;
    for (int32_t byte = thread_index() * 16; byte < INSTANCE::STATE_AT; byte += INSTANCE::THREADS * 16)
        store_16(shared_memory() + byte, {{0, 0, 0, 0}});
    fence_shared();
}

template <typename INSTANCE>
GPU_DEVICE void group_forward_copy(const group_forward_arguments &args, group_forward_shared<INSTANCE> &shared)
{
    const int32_t warp = thread_index() / WARP;
    if (warp == 0)
        take_items<INSTANCE>(args, shared);
    else if (warp == 1)
        copy_queries(args, shared);
    else if (args.call.problem.metadata.paged)
        copy_keys_and_values<INSTANCE, true>(args, shared, warp);
    else
        copy_keys_and_values<INSTANCE, false>(args, shared, warp);
}

#endif
