/* How a group that computes goes through the tiles of rows that it has, and the chunks of keys that these see: in the
 * forward pass, and where the backward pass finds dq by itself. */
#ifndef VARLEN_GPU_WARP_GROUPS_ROW_TILES_H
#define VARLEN_GPU_WARP_GROUPS_ROW_TILES_H

#include "warp_groups/forward_items.h"

/* Tile t of all that a block takes is in place t % PLACES: those of a group, one by one. */
template <int PLACES, int GROUPS> struct tile_turn {
    static_assert(PLACES >= GROUPS, "a place for each");
    int32_t place;
    int32_t parity = 0;

    GPU_DEVICE explicit tile_turn(int32_t group) : place(group)
    {
    }

    GPU_DEVICE void advance()
    {
        place += GROUPS;
        if (place >= PLACES) {
            place -= PLACES;
            parity ^= 1;
        }
    }
};

/* Of one group. ARGS are group_forward_arguments, or have them. */
template <typename INSTANCE, typename ARGS> struct row_tiles {
    static constexpr int CHUNK_KEYS = INSTANCE::CHUNK_KEYS;
    using mask = typename INSTANCE::rule::mask;

    const ARGS &args;
    const gpu_problem &problem;
    group_forward_shared<INSTANCE> &shared;
    const int32_t group; /* 0 .. GROUPS - 1 */
    stage_turn<INSTANCE::KEY_STAGES> keys;
    stage_turn<INSTANCE::VALUE_STAGES> values;
    tile_turn<INSTANCE::TILE_PLACES, INSTANCE::GROUPS> queries;
    int32_t storing = -1; /* the place in which the last tile's result is, until it has been stored */
    const forward_item *item;
    int32_t first_row; /* of the tile, in the item */
    int32_t rows;      /* of the tile */
    gpu_span seen;     /* by some row of the tile */
    gpu_span common;   /* by all of them */

    GPU_DEVICE row_tiles(const ARGS &arguments, group_forward_shared<INSTANCE> &its_shared, int32_t its_group)
        : args(arguments), problem(arguments.call.problem), shared(its_shared), group(its_group), queries(its_group)
    {
    }

    GPU_DEVICE void await_keys()
    {
        shared.keys[keys.stage].full.wait(keys.parity);
    }

    GPU_DEVICE void await_values()
    {
        shared.values[values.stage].full.wait(values.parity);
    }

    GPU_DEVICE static void leave(stage_barriers &stage)
    {
        if constexpr (LEAVING<INSTANCE> == WARP)
            stage.leave_by_thread();
        else
            stage.leave();
    }

    GPU_DEVICE void keys_done()
    {
        leave(shared.keys[keys.stage]);
        keys.advance();
    }

    GPU_DEVICE void values_done()
    {
        leave(shared.values[values.stage]);
        values.advance();
    }

    /* A chunk that no row of this group's tile sees, or of an item of which this group has no tile. */
    GPU_DEVICE void pass_by()
    {
        await_keys();
        keys_done();
        await_values();
        values_done();
    }

    /* An item of which this group has no tile. */
    GPU_DEVICE void pass_by_item(const forward_item &its_item)
    {
        const gpu_span all = chunks_of<CHUNK_KEYS>(its_item.keys);
        for (int32_t chunk = all.begin; chunk < all.end; chunk++)
            pass_by();
    }

    /* The queries of the last tile may be written over, when its result has been read. The thread that stores waits;
     * the others of the group are at work. */
    GPU_DEVICE void leave_queries()
    {
        if (storing >= 0 && thread_index() % GROUP == 0) {
            stores_wait_read<0>();
            shared.queries[storing].empty.arrive();
        }
        storing = -1;
    }

    /* The result of this tile is being stored. Where groups have a place each, the next is copied only when it has
     * been. */
    GPU_DEVICE void next_queries()
    {
        storing = queries.place;
        queries.advance();
        if constexpr (INSTANCE::TILE_PLACES == INSTANCE::GROUPS)
            leave_queries();
    }

    GPU_DEVICE void find_tile(const forward_item &its_item, int32_t tile)
    {
        item = &its_item;
        first_row = tile * args.boxes.tile_rows;
        rows = smaller(item->rows - first_row, args.boxes.tile_rows);
        const int32_t first = item->first_row + first_row;
        seen = keys_of_tile<mask>(args, *item, tile);
        const gpu_span all = mask::keys_seen_by_all(problem, item->sequence, divide(first, problem.group),
                                                    divide(first + rows - 1, problem.group) + 1);
        common = {larger(all.begin, seen.begin), smaller(all.end, seen.end)};
        if constexpr (mask::BY_ROWS)
            find_spans();
    }

    /* Past the tile's end, its last one. */
    GPU_DEVICE int32_t row_of_sequence(int32_t row) const
    {
        return item->first_row + first_row + smaller(row, rows - 1);
    }

    GPU_DEVICE query_row row_at(int32_t row) const
    {
        return query_row_at(problem, item->kv_head, row_of_sequence(row));
    }

    /* Of keys that the tile sees, those that a row does. */
    GPU_DEVICE gpu_span find_keys_of_row(int32_t row) const
    {
        const int32_t query = row_at(row).query;
        return intersection(mask::keys_seen_by(problem, item->sequence, query, query + 1), seen);
    }

    GPU_DEVICE gpu_span keys_of_row(int32_t row) const
    {
        if constexpr (mask::BY_ROWS)
            return shared.spans[group][row];
        else
            return find_keys_of_row(row);
    }

    /* All that keys_of_row tells. Nobody of the group reads the last tile's any more. */
    GPU_DEVICE void find_spans()
    {
        const int32_t row = thread_index() % GROUP;
        if (row < TILE_ROWS) {
            shared.spans[group][row] = find_keys_of_row(row);
            if (problem.tree_mask)
                shared.trees[group][row] = problem.tree_mask[item->sequence.first_query + row_at(row).query];
        }
        group_barrier(*this);
    }

    /* Whether all rows of the tile see all of so many keys from `first` on. */
    GPU_DEVICE bool all_see(int32_t first, int32_t count) const
    {
        return first >= common.begin && first + count <= common.end;
    }
};

/* What the score steps ask of a tile's rows, of keys from `first` on. A WORK has row_tiles and SUMS, whose slots are
 * rows. */
template <typename WORK, typename SUMS> struct tile_score_rows {
    const WORK &work;
    const gpu_problem &problem;
    const gpu_sequence &sequence;
    int32_t first;

    GPU_DEVICE int32_t first_key() const
    {
        return first;
    }

    GPU_DEVICE query_row row(int slot) const
    {
        return work.row_at(SUMS::slot_row(slot));
    }

    GPU_DEVICE gpu_span seen(int slot) const
    {
        return work.keys_of_row(SUMS::slot_row(slot));
    }

    GPU_DEVICE uint64_t tree(int slot) const
    {
        return work.shared.trees[work.group][SUMS::slot_row(slot)];
    }
};

/* A tile's rows, when they are there, against the chunks of its item, from the last on: those that it does not see are
 * left at once. A WORK has row_tiles, and clear_sums, multiply_few and multiply_chunks for the others. */
template <typename WORK> GPU_DEVICE void multiply_chunks_of_item(WORK &work)
{
    constexpr int CHUNK_KEYS = WORK::CHUNK_KEYS;
    const gpu_span all = chunks_of<CHUNK_KEYS>(work.item->keys);
    gpu_span own = chunks_of<CHUNK_KEYS>(work.seen);
    if (work.seen.begin >= work.seen.end)
        own = {all.begin, all.begin};
    int32_t end = own.end;
    work.clear_sums();
    work.shared.queries[work.queries.place].full.wait(work.queries.parity);
    for (int32_t chunk = all.end; chunk > own.end; chunk--)
        work.pass_by();
    if (ends_with_few<CHUNK_KEYS>(work.seen)) {
        end--;
        work.template multiply_few<CHUNK_KEYS / 2>(end);
    }
    if (own.begin < end)
        work.multiply_chunks(own.begin, end);
    for (int32_t chunk = own.begin; chunk > all.begin; chunk--)
        work.pass_by();
    work.leave_queries(); /* of no keys, nothing has been multiplied */
}

/* One tile after another, as group_forward_copies numbers them. A WORK is or has row_tiles; f(item, tile) works on one
 * of the group's. */
template <typename INSTANCE, typename WORK, typename F> GPU_DEVICE void for_each_row_tile(WORK &work, F f)
{
    constexpr int GROUPS = INSTANCE::GROUPS;
    int32_t next_group = 0;
    for_each_item(work.shared, item_turn<INSTANCE>(work.args), [&](const forward_item &item) {
        const int32_t tiles = divide_up(item.rows, work.args.boxes.tile_rows);
        const int32_t tile = (work.group - next_group + GROUPS) % GROUPS;
        if (tile < tiles)
            f(item, tile);
        else
            work.pass_by_item(item);
        next_group = (next_group + tiles) % GROUPS;
    });
    work.leave_queries();
    stores_wait<0>();
}

/* A tile's result, which is where its queries were: boxes end where the sequence does. By one thread. */
template <typename WORK, typename MATRIX>
GPU_DEVICE void store_row_tile(const WORK &work, const tensor_map &map, int32_t dim, const MATRIX &from)
{
    const forward_item &item = *work.item;
    const int32_t query = divide(item.first_row + work.first_row, work.problem.group);
    const int32_t valid = smaller(item.sequence.queries - query, work.args.boxes.tile_queries);
    const int32_t below = work.args.boxes.tile_queries - valid;
#pragma unroll 1
    for (int panel = 0; panel < panels_of<MATRIX>(dim); panel++)
        store_tensor(map, {panel * MATRIX::PANEL, 0, below, item.sequence.first_query + query + valid, item.kv_head},
                     from.panel(panel));
    stores_commit();
}

#endif
