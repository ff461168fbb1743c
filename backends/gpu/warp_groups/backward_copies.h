/* The group that copies. Its first warp takes items, tells all others of them and fills the places of keys and values;
 * the next two fill those of queries and of dO, ahead of the products; the last one takes dQ away, or keeps turns. */
#ifndef VARLEN_GPU_WARP_GROUPS_BACKWARD_COPIES_H
#define VARLEN_GPU_WARP_GROUPS_BACKWARD_COPIES_H

#include "warp_groups/backward_dq.h"

/* The tile's keys, or values. Rows past the sequence are zeros. */
template <typename MATRIX>
GPU_DEVICE void copy_tile(const tensor_map &map, int32_t dim, const backward_item &item, const MATRIX &to,
                          stage_barriers &place, int32_t parity)
{
    const int32_t panels = panels_of<MATRIX>(dim);
    place.empty.wait(parity ^ 1);
    if (group_lane() == 0)
        place.full.arrive_and_expect(panels * MATRIX::PANEL_BYTES);
    warp_barrier();
    if (group_lane() < panels)
        copy_tensor(to.panel(group_lane()), map,
                    {group_lane() * MATRIX::PANEL, MATRIX::ROWS - item.keys,
                     item.sequence.first_key + item.first_key + item.keys, item.kv_head},
                    place.full);
}

/* Items in order: those that wait for others are taken after them. */
template <typename INSTANCE>
GPU_DEVICE void take_backward_items(const group_backward_arguments &args, group_backward_shared<INSTANCE> &shared)
{
    using place_type = item_place<backward_item>;
    const backward_arguments &call = args.call;
    const int32_t numbers = call.plan.header->items * call.problem.kv_heads;
    stage_turn<INSTANCE::ITEMS> turn;
    stage_turn<INSTANCE::KEY_STAGES> keys;
    for (bool exists = true; exists;) {
        place_type &place = shared.items[turn.stage];
        place.empty.wait(turn.parity ^ 1);
        const int32_t number = warp_first(group_lane() == 0 ? plan_take_in_order(call.plan) : 0);
        const quotient_and_rest planned = divide_with_rest(number, call.problem.kv_heads_divisor);
        exists = number < numbers;
        place.fill(exists ? place_type::word_of(call.items[planned.quotient]) : 0, planned.rest, exists);
        place.full.wait(turn.parity);
        turn.advance();
        if (!exists)
            return;
        const backward_item &item = place.item;
        copy_tile(args.k, call.problem.head_dim, item, INSTANCE::keys(keys.stage), shared.keys[keys.stage],
                  keys.parity);
        copy_tile(args.v, call.problem.value_dim, item, INSTANCE::values(keys.stage), shared.values[keys.stage],
                  keys.parity);
        keys.advance();
        place.empty.arrive();
    }
}

/* Rows of a chunk, of q or dout; `more` bytes come with them. */
template <typename MATRIX>
GPU_DEVICE void copy_chunk_rows(const group_backward_arguments &args, const tensor_map &map, int32_t dim,
                                const backward_item &item, int32_t chunk, const MATRIX &to, stage_barriers &place,
                                int32_t parity, int32_t more)
{
    const int32_t panels = panels_of<MATRIX>(dim);
    const int32_t query = chunk * args.chunk_queries;
    const int32_t valid = smaller(item.sequence.queries - query, args.chunk_queries);
    place.empty.wait(parity ^ 1);
    if (group_lane() == 0)
        place.full.arrive_and_expect(panels * args.call.cut.chunk_rows * MATRIX::SWIZZLE + more);
    warp_barrier();
    if (group_lane() < panels)
        copy_tensor(to.panel(group_lane()), map,
                    {group_lane() * MATRIX::PANEL, 0, args.chunk_queries - valid,
                     item.sequence.first_query + query + valid, item.kv_head},
                    place.full);
}

/* All chunks of all items, with their statistics. */
template <typename INSTANCE>
GPU_DEVICE void copy_queries(const group_backward_arguments &args, group_backward_shared<INSTANCE> &shared)
{
    using statistics = chunk_statistics<INSTANCE::ROWS>;
    constexpr int statistics_lane = INSTANCE::query_matrix::PANELS;
    stage_turn<INSTANCE::STAGES> turn;
    for_each_item(shared, stage_turn<INSTANCE::ITEMS>(), [&](const backward_item &item) {
        for (int32_t chunk = item.first_chunk; chunk < item.end_chunk; chunk++) {
            stage_barriers &place = shared.queries[turn.stage];
            copy_chunk_rows(args, args.q, args.call.problem.head_dim, item, chunk, INSTANCE::queries(turn.stage), place,
                            turn.parity, (int32_t)sizeof(statistics));
            if (group_lane() == statistics_lane)
                copy_bulk(&shared.statistics[turn.stage],
                          args.call.statistics + chunk_number(args.call, item, chunk) * 2 * INSTANCE::ROWS,
                          (int)sizeof(statistics), place.full);
            turn.advance();
        }
    });
}

template <typename INSTANCE>
GPU_DEVICE void copy_douts(const group_backward_arguments &args, group_backward_shared<INSTANCE> &shared)
{
    stage_turn<INSTANCE::STAGES> turn;
    for_each_item(shared, stage_turn<INSTANCE::ITEMS>(), [&](const backward_item &item) {
        for (int32_t chunk = item.first_chunk; chunk < item.end_chunk; chunk++) {
            copy_chunk_rows(args, args.dout, args.call.problem.value_dim, item, chunk, INSTANCE::douts(turn.stage),
                            shared.douts[turn.stage], turn.parity, 0);
            turn.advance();
        }
    });
}

template <typename INSTANCE>
GPU_DEVICE void group_backward_copy(const group_backward_arguments &args, group_backward_shared<INSTANCE> &shared)
{
    const int32_t warp = warp_first(thread_index() / WARP);
    if (warp == 0)
        take_backward_items(args, shared);
    else if (warp == 1)
        copy_queries(args, shared);
    else if (warp == 2)
        copy_douts(args, shared);
    else if constexpr (INSTANCE::SHARED_KEYS)
        keep_all_turns(args.call, shared);
    else if constexpr (INSTANCE::DQ)
        take_dq_away(args, shared);
}

#endif
