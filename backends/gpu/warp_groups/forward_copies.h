/* The warp that copies: it takes items, tells the computing groups of them, and fills the places for queries, keys and
 * values as these become empty, many copies ahead of the products.
 *
 * Tiles of all items that a block takes are numbered on, and number t is group t % GROUPS's. So groups work on
 * neighbouring tiles of a long sequence, whose keys they share, or on a short sequence each. */
#ifndef VARLEN_GPU_WARP_GROUPS_FORWARD_COPIES_H
#define VARLEN_GPU_WARP_GROUPS_FORWARD_COPIES_H

#include "warp_groups/forward_layout.h"

/* Where a box of keys lies: rows `valid` and following of it are zeros. */
struct key_box {
    int32_t start; /* row of its first key, in the tensor or in its page */
    int32_t valid;
    int32_t page;
};

template <typename INSTANCE> struct group_forward_copies {
    using T = typename INSTANCE::T;
    using query_matrix = typename INSTANCE::query_matrix;
    using key_matrix = typename INSTANCE::key_matrix;
    using value_matrix = typename INSTANCE::value_matrix;
    static constexpr int GROUPS = INSTANCE::GROUPS;

    const group_forward_arguments &args;
    group_forward_shared<INSTANCE> &shared;
    int32_t numbers; /* of items and kv heads that there are */
    stage_turn<INSTANCE::STAGES> keys;
    stage_turn<INSTANCE::STAGES> values;
    stage_turn<INSTANCE::ITEMS> items;
    stage_turn<INSTANCE::QUERY_STAGES>
        queries; /* of the next tile of group 0, and of others up to `next_group` later */
    int32_t next_group = 0;

    GPU_DEVICE group_forward_copies(const group_forward_arguments &arguments,
                                    group_forward_shared<INSTANCE> &its_shared)
        : args(arguments), shared(its_shared),
          numbers(arguments.call.plan.header->items * arguments.call.problem.kv_heads)
    {
    }

    GPU_DEVICE static int32_t lane()
    {
        return thread_index() % WARP;
    }

    /* One tile of queries for the group whose turn it is. */
    GPU_DEVICE void copy_queries(const forward_item &item, int32_t tile)
    {
        stage_barriers &place = shared.queries[next_group][queries.stage];
        const query_matrix to = INSTANCE::queries(next_group, queries.stage);
        const int32_t query = item.sequence.first_query + divide(item.first_row, args.call.problem.group) +
                              tile * args.boxes.tile_queries;
        place.empty.wait(queries.parity ^ 1);
        if (lane() == 0)
            place.full.arrive_and_expect(query_matrix::PANELS * args.boxes.tile_rows * query_matrix::SWIZZLE);
        warp_barrier();
        if (lane() < query_matrix::PANELS)
            copy_tensor(to.panel(lane()), args.q, {lane() * query_matrix::PANEL, 0, query, item.kv_head}, place.full);
        next_group++;
        if (next_group == GROUPS) {
            next_group = 0;
            queries.advance();
        }
    }

    /* Box `number` of a chunk that begins at key `first` of its sequence. */
    GPU_DEVICE key_box box_of(const forward_item &item, int32_t first, int32_t number) const
    {
        const gpu_metadata &metadata = args.call.problem.metadata;
        const int32_t key = first + number * args.boxes.key_rows;
        const int32_t valid = clamped(item.sequence.keys - key, args.boxes.key_rows);
        if (!metadata.paged)
            return {item.sequence.first_key + key, valid, 0};
        if (valid == 0)
            return {0, 0, 0};
        const quotient_and_rest place = divide_with_rest(key, metadata.page_size);
        const int64_t row = (int64_t)item.sequence.index * metadata.page_table_width + place.quotient;
        return {place.rest, valid, metadata.page_table[row]};
    }

    template <typename MATRIX>
    GPU_DEVICE void copy_box(const tensor_map &map, const MATRIX &to, const key_box &box, int32_t kv_head, int32_t row,
                             int32_t panel, arrival_barrier &full)
    {
        const int32_t column = panel * MATRIX::PANEL;
        const int32_t below = args.boxes.key_rows - box.valid;
        T *place = to.panel(panel) + row * MATRIX::PANEL;
        if (args.call.problem.metadata.paged)
            copy_tensor(place, map, {column, below, box.start + box.valid, kv_head, box.page}, full);
        else
            copy_tensor(place, map, {column, below, box.start + box.valid, kv_head}, full);
    }

    /* A chunk of keys, or of values, in boxes for which a page has its place each. */
    template <typename MATRIX>
    GPU_DEVICE void copy_chunk(const tensor_map &map, const MATRIX &to, stage_barriers &place, int32_t parity,
                               const forward_item &item, int32_t chunk)
    {
        const int32_t boxes = INSTANCE::CHUNK_KEYS / args.boxes.key_rows;
        place.empty.wait(parity ^ 1);
        if (lane() == 0)
            place.full.arrive_and_expect(MATRIX::BYTES);
        warp_barrier();
        for (int32_t n = lane(); n < boxes * MATRIX::PANELS; n += WARP) {
            const int32_t number = n / MATRIX::PANELS;
            const key_box box = box_of(item, chunk * INSTANCE::CHUNK_KEYS, number);
            copy_box(map, to, box, item.kv_head, number * args.boxes.key_rows, n % MATRIX::PANELS, place.full);
        }
    }

    GPU_DEVICE void copy_keys(const forward_item &item, int32_t chunk)
    {
        copy_chunk(args.k, INSTANCE::keys(keys.stage), shared.keys[keys.stage], keys.parity, item, chunk);
        keys.advance();
    }

    GPU_DEVICE void copy_values(const forward_item &item, int32_t chunk)
    {
        copy_chunk(args.v, INSTANCE::values(values.stage), shared.values[values.stage], values.parity, item, chunk);
        values.advance();
    }

    /* From the last chunk to the first, in the order in which products need them. */
    GPU_DEVICE void copy_item(const forward_item &item)
    {
        const int32_t tiles = divide_up(item.rows, args.boxes.tile_rows);
        const gpu_span chunks = chunks_of<INSTANCE::CHUNK_KEYS>(item.keys);
        int32_t tile = 0;
        for (int32_t chunk = chunks.end - 1; chunk >= chunks.begin; chunk--) {
            copy_keys(item, chunk);
            for (; tile < tiles && tile < GROUPS; tile++)
                copy_queries(item, tile);
            if (chunk < chunks.end - 1)
                copy_values(item, chunk + 1);
        }
        if (chunks.begin < chunks.end)
            copy_values(item, chunks.begin);
        for (; tile < tiles; tile++)
            copy_queries(item, tile);
    }

    /* This lane's word of the description of what has a number. */
    GPU_DEVICE int32_t read_word(int32_t number) const
    {
        constexpr int words = (int)(sizeof(forward_item) / sizeof(int32_t));
        static_assert(words <= WARP, "a word for each thread of a warp");
        if (number >= numbers || lane() >= words)
            return 0;
        const int32_t item = divide(number, args.call.problem.kv_heads_divisor);
        return ((const int32_t *)&args.call.items[item])[lane()];
    }

    /* Tells the groups of an item, or that there is none any more. */
    GPU_DEVICE const forward_item &publish(int32_t number, int32_t word)
    {
        forward_item &item = shared.item[items.stage];
        shared.items[items.stage].empty.wait(items.parity ^ 1);
        if (lane() < (int)(sizeof(forward_item) / sizeof(int32_t)))
            ((int32_t *)&item)[lane()] = word;
        warp_barrier();
        if (lane() == 0) {
            item.kv_head = divide_with_rest(number, args.call.problem.kv_heads_divisor).rest;
            item.exists = number < numbers;
            shared.items[items.stage].full.arrive();
        }
        warp_barrier();
        items.advance();
        return item;
    }

    /* Numbers and descriptions are read an item ahead. */
    GPU_DEVICE void copy_all()
    {
        const gpu_plan &plan = args.call.plan;
        int32_t number = block_index();
        int32_t word = read_word(number);
        int32_t taken = lane() == 0 ? plan_take_next(plan) : 0;
        for (;;) {
            const forward_item &item = publish(number, word);
            if (number >= numbers)
                return;
            number = warp_first(taken);
            word = read_word(number);
            if (lane() == 0)
                taken = plan_take_next(plan);
            copy_item(item);
        }
    }
};

#endif
