/* The group that copies, of latent_kernel.h: one warp takes items, one copies queries, two copy keys and values. */
#ifndef VARLEN_GPU_WARP_GROUPS_LATENT_COPIES_H
#define VARLEN_GPU_WARP_GROUPS_LATENT_COPIES_H

#include "warp_groups/forward_copies.h"
#include "warp_groups/latent_layout.h"

template <typename INSTANCE>
GPU_DEVICE void copy_latent_queries(const latent_arguments &args, latent_shared<INSTANCE> &shared)
{
    using matrix = typename INSTANCE::query_matrix;
    const int32_t panels = panels_of<matrix>(args.call.problem.head_dim);
    copy_row_tiles<INSTANCE>(args, shared, [&](int32_t place, const forward_item &item, int32_t first) {
        arrival_barrier &full = shared.queries[place].full;
        const int32_t head = divide_with_rest(item.first_row, args.call.problem.group).rest;
        if (group_lane() == 0)
            full.arrive_and_expect(panels * args.boxes.tile_rows * matrix::SWIZZLE);
        warp_barrier();
        if (group_lane() < panels)
            copy_tensor(INSTANCE::queries().panel(group_lane()), args.q,
                        {group_lane() * matrix::PANEL, head, first, item.kv_head}, full);
    });
}

/* A warp's panels of a half of a chunk, every other one, of keys or of values, when the half's place is empty. Of
 * panels that do not exist, nothing is copied. */
template <typename INSTANCE, bool PAGED>
GPU_DEVICE void copy_half_chunk(const latent_arguments &args, latent_shared<INSTANCE> &shared, int32_t which,
                                const latent_place &place, const tensor_map &map, int32_t panels, int32_t warp,
                                const forward_item &item, int32_t first_key)
{
    using matrix = typename INSTANCE::key_matrix;
    constexpr int32_t warps = INSTANCE::COPYING_WARPS;
    constexpr int32_t most = (INSTANCE::PANELS - INSTANCE::HALF_PANELS + warps - 1) / warps;
    const matrix to = INSTANCE::keys(place.stage);
    const int32_t rows = PAGED ? args.boxes.key_rows : INSTANCE::CHUNK_KEYS;
    const int32_t first = which * INSTANCE::HALF_PANELS + warp;
    const int32_t end = which == 0 ? INSTANCE::HALF_PANELS : INSTANCE::PANELS;
    const int32_t expected = first + group_lane() * warps;
    arrival_barrier *full = shared.full[place.stage];
    shared.empty[place.stage][which].wait(place.parity ^ 1);
    if (expected < end)
        full[expected].arrive_and_expect(expected < panels ? matrix::PANEL_BYTES : 0);
    warp_barrier();
    for (int32_t n = group_lane(); n < INSTANCE::CHUNK_KEYS / rows * most; n += WARP) {
        const int32_t row = n / most * rows;
        const int32_t panel = first + n % most * warps;
        if (panel < smaller(end, panels))
            copy_key_box<PAGED>(args, map, item, first_key + row, panel * matrix::PANEL,
                                to.panel(panel) + row * matrix::PANEL, full[panel]);
    }
}

/* The first half before the second: scores begin with it. */
template <typename INSTANCE, bool PAGED>
GPU_DEVICE void copy_halves(const latent_arguments &args, latent_shared<INSTANCE> &shared, const latent_place &place,
                            const tensor_map &map, int32_t dim, int32_t warp, const forward_item &item,
                            int32_t first_key)
{
    const int32_t panels = panels_of<typename INSTANCE::key_matrix>(dim);
    for (int which = 0; which < INSTANCE::HALVES; which++)
        copy_half_chunk<INSTANCE, PAGED>(args, shared, which, place, map, panels, warp, item, first_key);
}

/* All chunks of all items, from the last to the first: the order in which products need them. */
template <typename INSTANCE, bool PAGED>
GPU_DEVICE void copy_latent_keys(const latent_arguments &args, latent_shared<INSTANCE> &shared, int32_t warp)
{
    const gpu_problem &problem = args.call.problem;
    int32_t number = 0;
    for_each_item(shared, item_turn<INSTANCE>(args), [&](const forward_item &item) {
        const gpu_span chunks = chunks_of<INSTANCE::CHUNK_KEYS>(item.keys);
        for (int32_t chunk = chunks.end - 1; chunk >= chunks.begin; chunk--, number++) {
            const int32_t first_key = chunk * INSTANCE::CHUNK_KEYS;
            copy_halves<INSTANCE, PAGED>(args, shared, place_of_keys(args, number), args.k, problem.head_dim, warp,
                                         item, first_key);
            if (!args.values_in_keys)
                copy_halves<INSTANCE, PAGED>(args, shared, place_of_values(args, number), args.v, problem.value_dim,
                                             warp, item, first_key);
        }
    });
}

template <typename INSTANCE> GPU_DEVICE void latent_copy(const latent_arguments &args, latent_shared<INSTANCE> &shared)
{
    const int32_t warp = thread_index() / WARP;
    if (warp == 0)
        take_items<INSTANCE>(args, shared);
    else if (warp == 1)
        copy_latent_queries(args, shared);
    else if (args.call.problem.metadata.paged)
        copy_latent_keys<INSTANCE, true>(args, shared, warp - 2);
    else
        copy_latent_keys<INSTANCE, false>(args, shared, warp - 2);
}

#endif
