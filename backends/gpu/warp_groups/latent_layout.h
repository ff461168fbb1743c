/* What is where in a block of warp groups that works on the forward pass of wide heads, and of latent attention, whose
 * values are the first columns of its keys.
 *
 * A tile's sums of values are too wide for the registers of one group: two groups share a tile, and each has half of
 * the value columns. Scores of a chunk are computed once, by one of them: odd chunks are the first group's, even ones
 * the second's. Its weights go to the other group by shared memory. */
#ifndef VARLEN_GPU_WARP_GROUPS_LATENT_LAYOUT_H
#define VARLEN_GPU_WARP_GROUPS_LATENT_LAYOUT_H

#include "warp_groups/forward_layout.h"

/* The heads of a group may be more than a tile has rows: then `q` and `out` have boxes of some of them. */
struct latent_arguments : group_forward_arguments {
    int32_t values_in_keys; /* v is the first columns of k: it is not copied, and `v` is not read */
};

template <typename T_, int HEAD_DIM_, int VALUE_DIM_, int ARCHITECTURE_> struct latent_instance {
    using T = T_;
    static constexpr int HEAD_DIM = HEAD_DIM_;
    static constexpr int VALUE_DIM = VALUE_DIM_;
    static constexpr group_forward_tuning TUNING = group_forward_tuning_of(HEAD_DIM, VALUE_DIM, false);
    static constexpr int HALVES = TUNING.groups;
    static constexpr int THREADS = (HALVES + 1) * GROUP;
    static constexpr int CHUNK_KEYS = TUNING.chunk_keys;
    static constexpr int PLACES = TUNING.stages;
    static constexpr int TILE_PLACES = TUNING.query_stages;
    static constexpr int ITEMS = 8;
    static constexpr int COPYING_WARPS = 2; /* of keys and values */
    static constexpr int HALF_DIM = VALUE_DIM / HALVES;
    using rule = score_rule<false>;
    using query_matrix = shared_matrix<T, TILE_ROWS, HEAD_DIM>;
    using out_matrix = shared_matrix<T, TILE_ROWS, VALUE_DIM>; /* in the place of queries that are done with */
    using key_matrix = shared_matrix<T, CHUNK_KEYS, HEAD_DIM>;
    using value_matrix = shared_matrix<T, CHUNK_KEYS, VALUE_DIM>;
    using weight_matrix = shared_matrix<T, TILE_ROWS, CHUNK_KEYS>; /* behind the values, where keys have been read */
    static constexpr int PANELS = key_matrix::PANELS;
    static constexpr int HALF_PANELS = value_matrix::PANELS / HALVES;
    static constexpr int WEIGHTS_PANEL = value_matrix::PANELS;
    static_assert(HALVES == 2 && PLACES == 2 && TILE_PLACES == 1, "what latent_place and latent_work go by");
    static_assert(HALF_DIM % value_matrix::PANEL == 0 && HALF_DIM <= 256, "whole panels, of one product");
    static_assert(query_matrix::PANEL == key_matrix::PANEL, "a panel of keys is multiplied by one of queries");
    static_assert(value_matrix::BYTES + weight_matrix::BYTES <= key_matrix::BYTES, "there is room for the weights");

    static constexpr int KEYS_AT = query_matrix::BYTES;
    static constexpr int STATE_AT = KEYS_AT + PLACES * key_matrix::BYTES;

    GPU_DEVICE static query_matrix queries()
    {
        return {(T *)shared_memory()};
    }
    GPU_DEVICE static out_matrix out()
    {
        return {queries().data};
    }
    GPU_DEVICE static key_matrix keys(int place)
    {
        return {(T *)(shared_memory() + KEYS_AT + place * key_matrix::BYTES)};
    }
    GPU_DEVICE static value_matrix values(int place)
    {
        return {keys(place).data};
    }
    GPU_DEVICE static weight_matrix weights(int place)
    {
        return {keys(place).panel(WEIGHTS_PANEL)};
    }
};

/* Where a chunk's keys, or values, are. */
struct latent_place {
    int32_t stage;
    int32_t parity;
};

/* Of chunk `number` of all that a block has. Values that are in no keys have a place of their own. */
GPU_DEVICE latent_place place_of_keys(const latent_arguments &args, int32_t number)
{
    return args.values_in_keys ? latent_place{number & 1, number >> 1 & 1} : latent_place{0, number & 1};
}

GPU_DEVICE latent_place place_of_values(const latent_arguments &args, int32_t number)
{
    return args.values_in_keys ? place_of_keys(args, number) : latent_place{1, number & 1};
}

/* What a chunk has made of a row, for the group that has not weighed it. */
struct latent_row {
    float maximum;
    float rescale;
};

/* Behind the matrices. */
template <typename INSTANCE> struct latent_shared {
    arrival_barrier full[INSTANCE::PLACES][INSTANCE::PANELS];
    arrival_barrier empty[INSTANCE::PLACES][INSTANCE::HALVES]; /* the second has the columns behind the values, too */
    stage_barriers queries[INSTANCE::TILE_PLACES];
    arrival_barrier told[INSTANCE::HALVES]; /* weights of a chunk, and what they have made of rows; sums of a tile */
    item_place<forward_item> items[INSTANCE::ITEMS];
    latent_row rows[INSTANCE::HALVES][TILE_ROWS];
    float sums[INSTANCE::HALVES][TILE_ROWS];
    int32_t arrivals;

    GPU_DEVICE static latent_shared &of_block()
    {
        return *(latent_shared *)(shared_memory() + INSTANCE::STATE_AT);
    }

    /* By one thread. Each computing warp empties each half of a place, and items, which warps that copy empty too; one
     * thread empties the queries, and all of a group tell the other. */
    GPU_DEVICE void create_barriers()
    {
        constexpr int warps = INSTANCE::HALVES * (GROUP / WARP);
        constexpr int copying_warps = 1 + INSTANCE::COPYING_WARPS;
        for (int place = 0; place < INSTANCE::PLACES; place++) {
            for (int panel = 0; panel < INSTANCE::PANELS; panel++)
                full[place][panel].create(1);
            for (int which = 0; which < INSTANCE::HALVES; which++)
                empty[place][which].create(warps);
        }
        queries[0].create(1);
        for (int which = 0; which < INSTANCE::HALVES; which++)
            told[which].create(GROUP);
        for (int n = 0; n < INSTANCE::ITEMS; n++)
            items[n].create(warps + copying_warps);
        barriers_created();
    }
};

template <typename INSTANCE>
constexpr int latent_shared_bytes = INSTANCE::STATE_AT + (int)sizeof(latent_shared<INSTANCE>);

template <typename INSTANCE>
constexpr bool latent_fits_shared_memory = latent_shared_bytes<INSTANCE> <= shared_memory_limit(ARCHITECTURE);

#endif
