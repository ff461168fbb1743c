/* The group that copies, of latent_kernel.h: one warp takes items, one copies queries, one each copies a half of the
 * columns of keys and values. */
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

/* One half of the panels of a chunk, of keys or of values, when its place is empty. */
template <typename INSTANCE, bool PAGED>
GPU_DEVICE void copy_half_chunk(const latent_arguments &args, latent_shared<INSTANCE> &shared, int32_t half,
                                const latent_place &place, const tensor_map &map, int32_t dim, const forward_item &item,
                                int32_t chunk)
{
    using matrix = typename INSTANCE::key_matrix;
    stage_barriers &barriers = shared.halves[place.stage][half];
    const matrix to = INSTANCE::keys(place.stage);
    const int32_t rows = PAGED ? args.boxes.key_rows : INSTANCE::CHUNK_KEYS;
    const int32_t first = half * INSTANCE::HALF_PANELS;
    const int32_t all = panels_of<matrix>(dim) - first;
    const int32_t panels = half == 0 ? smaller(all, (int32_t)INSTANCE::HALF_PANELS) : larger(all, 0);
    barriers.empty.wait(place.parity ^ 1);
    if (group_lane() == 0)
        barriers.full.arrive_and_expect(panels * matrix::PANEL_BYTES);
    warp_barrier();
    for (int32_t n = group_lane(); n < INSTANCE::CHUNK_KEYS / rows * matrix::PANELS; n += WARP) {
        const int32_t row = n / matrix::PANELS * rows;
        const int32_t panel = first + n % matrix::PANELS;
        if (panel < first + panels)
            copy_key_box<PAGED>(args, map, item, chunk * INSTANCE::CHUNK_KEYS + row, panel * matrix::PANEL,
                                to.panel(panel) + row * matrix::PANEL, barriers.full);
    }
}

/* All chunks of all items, from the last to the first: the order in which products need them. */
template <typename INSTANCE, bool PAGED>
GPU_DEVICE void copy_halves(const latent_arguments &args, latent_shared<INSTANCE> &shared, int32_t half)
{
    const gpu_problem &problem = args.call.problem;
    int32_t number = 0;
    for_each_item(shared, item_turn<INSTANCE>(args), [&](const forward_item &item) {
        const gpu_span chunks = chunks_of<INSTANCE::CHUNK_KEYS>(item.keys);
        for (int32_t chunk = chunks.end - 1; chunk >= chunks.begin; chunk--, number++) {
            copy_half_chunk<INSTANCE, PAGED>(args, shared, half, place_of_keys(args, number), args.k, problem.head_dim,
                                             item, chunk);
            if (!args.values_in_keys)
                copy_half_chunk<INSTANCE, PAGED>(args, shared, half, place_of_values(args, number), args.v,
                                                 problem.value_dim, item, chunk);
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
        copy_halves<INSTANCE, true>(args, shared, warp - 2);
    else
        copy_halves<INSTANCE, false>(args, shared, warp - 2);
}

#endif
