/* dQ of a chunk on its way out, in parts, one of each group: to the sums over tiles, or, where no other tile adds to
 * it, to dq. WORK is group_backward_work. */
#ifndef VARLEN_GPU_WARP_GROUPS_BACKWARD_DQ_H
#define VARLEN_GPU_WARP_GROUPS_BACKWARD_DQ_H

#include "warp_groups/backward_layout.h"

/* An item's turn to add to a chunk of rows. */
struct dq_turn {
    int32_t *turns; /* NULL: there are none */
    int32_t turn;

    template <typename RULE>
    GPU_DEVICE static dq_turn of(const backward_arguments &call, const backward_item &item, int32_t chunk)
    {
        if (!call.turns)
            return {nullptr, 0};
        const chunk_turn turn = turn_at_chunk<RULE>(call, item, call.cut.chunk_rows, call.cut.tile_keys, chunk);
        if (!turn.exists)
            return {nullptr, 0};
        return {call.turns + sum_number(call, item, chunk), turn.number};
    }

    GPU_DEVICE void await() const
    {
        if (!turns)
            return;
        while (load_volatile(turns) != turn) {
        }
        fence();
    }

    /* To the next item, when this one's additions have been made. */
    GPU_DEVICE void pass() const
    {
        if (!turns)
            return;
        fence();
        store_volatile(turns, turn + 1);
    }
};

/* Where a part of a chunk's dQ is summed. */
template <typename INSTANCE>
GPU_DEVICE float *dq_sums_of(const backward_arguments &call, const backward_item &item, int32_t chunk, int32_t part)
{
    return call.dq_sums + (sum_number(call, item, chunk) * INSTANCE::GROUPS + part) * INSTANCE::DQ_FLOATS;
}

template <typename INSTANCE>
GPU_DEVICE void store_dq(const group_backward_arguments &args, const backward_item &item, int32_t chunk, int32_t part,
                         const typename INSTANCE::T *from)
{
    using matrix = typename INSTANCE::dq_matrix;
    const int32_t query = chunk * args.chunk_queries;
    const int32_t valid = smaller(item.sequence.queries - query, args.chunk_queries);
    const int32_t column = INSTANCE::dq_column(part);
    const int32_t panels = smaller(panels_of<matrix>(args.call.problem.head_dim - column), (int32_t)matrix::PANELS);
    for (int panel = 0; panel < panels; panel++)
        store_tensor(args.dq,
                     {column + panel * matrix::PANEL, 0, args.chunk_queries - valid,
                      item.sequence.first_query + query + valid, item.kv_head},
                     matrix{(typename INSTANCE::T *)from}.panel(panel));
    stores_commit();
}

/* Parts of a chunk's dQ as they come, to the sums over tiles. They have a turn together. */
template <typename INSTANCE>
GPU_DEVICE void add_parts(const backward_arguments &call, group_backward_shared<INSTANCE> &shared,
                          const backward_item &item, int32_t chunk, int32_t parity, const dq_turn &turn)
{
    turn.await();
#pragma unroll
    for (int32_t part = 0; part < INSTANCE::GROUPS; part++) {
        shared.dq[part].full.wait(parity);
        add_bulk(dq_sums_of<INSTANCE>(call, item, chunk, part), INSTANCE::dq_sums(part),
                 INSTANCE::DQ_FLOATS * (int)sizeof(float));
    }
    stores_commit();
}

/* The same, to dq itself. */
template <typename INSTANCE>
GPU_DEVICE void store_parts(const group_backward_arguments &args, group_backward_shared<INSTANCE> &shared,
                            const backward_item &item, int32_t chunk, int32_t parity)
{
#pragma unroll
    for (int32_t part = 0; part < INSTANCE::GROUPS; part++) {
        shared.dq[part].full.wait(parity);
        if (!INSTANCE::DQ_BY_ROWS || part == INSTANCE::GROUPS - 1)
            store_dq<INSTANCE>(args, item, chunk, part, INSTANCE::dq(part).data);
    }
}

/* Places are empty again in the order of the parts. */
template <typename INSTANCE> GPU_DEVICE void empty_parts(group_backward_shared<INSTANCE> &shared)
{
#pragma unroll
    for (int32_t part = 0; part < INSTANCE::GROUPS; part++)
        shared.dq[part].empty.arrive();
}

template <typename INSTANCE>
GPU_DEVICE void take_chunk_away(const group_backward_arguments &args, group_backward_shared<INSTANCE> &shared,
                                const backward_item &item, int32_t chunk, int32_t parity)
{
    const bool summed = dq_is_summed(item.sequence, args.call.cut);
    const dq_turn turn = dq_turn::of<typename INSTANCE::rule>(args.call, item, chunk);
    if (summed)
        add_parts(args.call, shared, item, chunk, parity, turn);
    else
        store_parts(args, shared, item, chunk, parity);
    stores_wait_read<0>();
    empty_parts(shared);
    if (summed && turn.turns) {
        stores_wait<0>();
        turn.pass();
    }
}

template <typename INSTANCE>
GPU_DEVICE void take_dq_away(const group_backward_arguments &args, group_backward_shared<INSTANCE> &shared)
{
    int32_t parity = 0;
    for_each_item(shared, stage_turn<INSTANCE::ITEMS>(), [&](const backward_item &item) {
        for (int32_t chunk = item.first_chunk; chunk < item.end_chunk; chunk++) {
            if (group_lane() == 0)
                take_chunk_away(args, shared, item, chunk, parity);
            parity ^= 1;
        }
    });
    stores_wait<0>();
}

/* Until all groups have added their parts. */
template <typename INSTANCE> GPU_DEVICE void await_parts(group_backward_shared<INSTANCE> &shared, int32_t parity)
{
#pragma unroll
    for (int32_t part = 0; part < INSTANCE::GROUPS; part++)
        shared.dq[part].full.wait(parity);
}

/* Where groups share keys, they add from registers, and this is who waits for the item's turns and passes them on when
 * all parts have been added. A place of dQ is empty when its group may add, and full when it has. */
template <typename INSTANCE>
GPU_DEVICE void keep_turns(const backward_arguments &call, group_backward_shared<INSTANCE> &shared,
                           const backward_item &item, int32_t &parity)
{
    dq_turn last = {nullptr, 0};
    for (int32_t chunk = item.first_chunk; chunk < item.end_chunk; chunk++) {
        const dq_turn turn = dq_turn::of<typename INSTANCE::rule>(call, item, chunk);
        turn.await();
        if (chunk > item.first_chunk)
            await_parts(shared, parity ^ 1);
        empty_parts(shared);
        last.pass();
        last = turn;
        parity ^= 1;
    }
    if (item.first_chunk < item.end_chunk)
        await_parts(shared, parity ^ 1);
    last.pass();
}

template <typename INSTANCE>
GPU_DEVICE void keep_all_turns(const backward_arguments &call, group_backward_shared<INSTANCE> &shared)
{
    int32_t parity = 0;
    for_each_item(shared, stage_turn<INSTANCE::ITEMS>(), [&](const backward_item &item) {
        if (group_lane() == 0 && call.turns && dq_is_summed(item.sequence, call.cut))
            keep_turns(call, shared, item, parity);
        warp_barrier();
    });
}

/* Results on their way through places that inputs are copied to. What no copy fills is zeros again, whatever infinities
 * a sequence has: products of other sequences read it. */
template <int COLUMNS>
GPU_DEVICE void scale_existing(group_sums<COLUMNS> &sums, float factor, int32_t rows, int32_t columns)
{
    sums.for_each_run([&](int slot, int column, float *run) {
#pragma unroll
        for (int i = 0; i < group_sums<COLUMNS>::RUN; i++)
            run[i] = sums.slot_row(slot) < rows && column + i < columns ? run[i] * factor : 0.0f;
    });
}

/* To the warp that takes it away. When a part's place is empty, so are those of the parts before it. */
template <typename WORK> GPU_DEVICE void hand_over(WORK &work, typename WORK::dq_type &dq)
{
    using INSTANCE = typename WORK::instance;
    stage_barriers &place = work.shared.dq[work.group];
    place.empty.wait(work.dq_parity ^ 1);
    if (dq_is_summed(work.item->sequence, work.args.call.cut)) {
        group_store_flat(INSTANCE::dq_sums(work.group), dq);
    } else {
        scale_sums(dq, work.problem.scale);
        group_store(INSTANCE::dq(work.group), INSTANCE::dq_row(work.group), 0, dq);
    }
    fence_shared();
    warp_barrier();
    if (group_lane() == 0)
        place.full.arrive();
    work.dq_parity ^= 1;
}

template <typename WORK> GPU_DEVICE void add_dq_from_registers(WORK &work, typename WORK::dq_type &dq, int32_t chunk)
{
    using INSTANCE = typename WORK::instance;
    const backward_arguments &call = work.args.call;
    stage_barriers &place = work.shared.dq[work.group];
    if (call.turns)
        place.empty.wait(work.dq_parity);
    const float *sums = dq.registers.touch();
    float *to = dq_sums_of<INSTANCE>(call, *work.item, chunk, work.group);
#pragma unroll
    for (int i = 0; i < INSTANCE::DQ_COLUMNS / 8; i++) {
        const float four[4] = {sums[4 * i], sums[4 * i + 1], sums[4 * i + 2], sums[4 * i + 3]};
        atomic_add_4(to + (i * GROUP + thread_index() % GROUP) * 4, four);
    }
    if (!call.turns)
        return;
    warp_barrier();
    if (group_lane() == 0)
        place.full.arrive();
    work.dq_parity ^= 1;
}

/* Through the place of the chunk's queries, of which the group has read its own columns last. */
template <typename WORK>
GPU_DEVICE void store_dq_from_registers(WORK &work, typename WORK::dq_type &dq, int32_t chunk, int32_t stage)
{
    using INSTANCE = typename WORK::instance;
    const typename INSTANCE::query_matrix rows = INSTANCE::queries(stage);
    const int column = INSTANCE::dq_column(work.group);
    scale_existing(dq, work.problem.scale, work.args.call.cut.chunk_rows, work.problem.head_dim - column);
    group_barrier(work); /* all warps of the group are done with them */
    group_store(rows, 0, column, dq);
    fence_shared();
    group_barrier(work);
    if (thread_index() % GROUP != 0)
        return;
    store_dq<INSTANCE>(work.args, *work.item, chunk, work.group, rows.panel(column / INSTANCE::query_matrix::PANEL));
    stores_wait_read<0>();
}

#endif
