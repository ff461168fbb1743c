#include "host/group_latent.h"

#include "group_tuning.h"
#include "host/forward.h"
#include "host/group_latent_launch.h"
#include "host/group_layouts.h"
#include "host/instance_table.h"
#include "host/limits.h"
#include "host/make_problem.h"
#include "host/planned_forward.h"

namespace
{

constexpr group_forward_tuning TUNING = group_forward_tuning_of(LATENT_HEAD_DIM, LATENT_VALUE_DIM, false);

/* Of a sequence whose keys are split, at most, unless its rows are no more than DECODE_ROWS. */
constexpr int32_t LATENT_DECODE_QUERIES = 4;

/* Of each processor: partial results of rows this wide are worth less than blocks that wait at the end. */
constexpr int32_t LATENT_ITEMS_PER_PROCESSOR = 2;

constexpr int32_t SMALLEST_TILE = TILE_ROWS / 2; /* rows, of which the others would be multiplied for nothing */
constexpr int32_t LARGEST_BATCH = 1 << 20;       /* sequences, so that partial results are numbered in 32 bits */

/* Heads of a tile: all of a group, or a part of which there are several. */
int32_t tile_heads_of(const varlen_attention &attention)
{
    const int32_t group = group_of(attention);
    int32_t heads = group < TILE_ROWS ? group : TILE_ROWS;
    while (group % heads != 0)
        heads--;
    return heads;
}

int32_t tile_queries_of(const varlen_attention &attention)
{
    return group_of(attention) <= TILE_ROWS ? TILE_ROWS / group_of(attention) : 1;
}

group_boxes boxes_of(const varlen_attention &attention)
{
    const int32_t queries = tile_queries_of(attention);
    return {queries, queries * tile_heads_of(attention), key_box_rows(attention, TUNING.chunk_keys)};
}

forward_sizes sizes_of(const gpu_state &state, const varlen_attention &attention)
{
    const int32_t tile_rows = boxes_of(attention).tile_rows;
    const int32_t decode_rows = LATENT_DECODE_QUERIES * group_of(attention);
    return {tile_rows, tile_rows, state.processors * LATENT_ITEMS_PER_PROCESSOR,
            decode_rows > DECODE_ROWS ? decode_rows : DECODE_ROWS, tile_rows};
}

/* Boxes of so many heads of a group. */
tensor_layout with_heads(tensor_layout layout, int32_t heads)
{
    constexpr int32_t group_dimension = 1;
    layout.box[group_dimension] = (uint32_t)heads;
    return layout;
}

group_forward_tensors tensors_of(const forward_arguments &args, const varlen_attention &attention)
{
    const gpu_problem &problem = args.problem;
    const group_boxes boxes = boxes_of(attention);
    const int32_t heads = tile_heads_of(attention);
    const layout_maker make = {problem, attention.dtype, boxes, args.plan.header};
    return {boxes, with_heads(make.queries(problem.q, problem.head_dim), heads),
            make.keys(problem.k, problem.k_page_bytes, problem.head_dim),
            make.keys(problem.v, problem.v_page_bytes, problem.value_dim),
            with_heads(make.ended_queries(args.out, problem.value_dim), heads)};
}

/* Strides of what there is one of do not matter. */
bool values_are_in_keys(const gpu_problem &problem)
{
    return problem.v.data == problem.k.data && problem.v.token_bytes == problem.k.token_bytes &&
           (problem.v.head_bytes == problem.k.head_bytes || problem.kv_heads == 1) &&
           (problem.v_page_bytes == problem.k_page_bytes || !problem.metadata.paged);
}

} // namespace

bool latent_takes_forward(const gpu_state &, const varlen_attention &attention, family_reason *why)
{
    if (attention.head_dim <= LARGEST_HEAD_DIM)
        return declines(why, "head_dim = %d is not above %d", attention.head_dim, LARGEST_HEAD_DIM);
    if (attention.value_dim > attention.head_dim)
        return declines(why, "value_dim = %d is above head_dim = %d", attention.value_dim, attention.head_dim);
    if (attention.kv_dtype)
        return declines(why, "keys and values are quantised");
    if (may_be_general(attention))
        return declines(why, "scores need more than a scale and a mask of a band");
    if (tile_queries_of(attention) * tile_heads_of(attention) < SMALLEST_TILE)
        return declines(why, "q_heads / kv_heads = %d has no divisor from %d to %d", group_of(attention), SMALLEST_TILE,
                        TILE_ROWS);
    if (attention.batch > LARGEST_BATCH)
        return declines(why, "batch = %d is above %d", attention.batch, LARGEST_BATCH);
    return keys_suit_boxes(attention, why);
}

/* Wider heads need no less than the widest of the other kernels, whose keys are split into more parts. */
size_t latent_forward_workspace(const gpu_state &state, const varlen_attention &attention)
{
    varlen_attention narrower = attention;
    narrower.head_dim = LARGEST_HEAD_DIM;
    narrower.value_dim = attention.value_dim < LARGEST_VALUE_DIM ? attention.value_dim : LARGEST_VALUE_DIM;
    const size_t own = planned_forward_workspace(attention, sizes_of(state, attention));
    const size_t least = warp_groups_take_forward(state, narrower, nullptr)
                             ? warp_groups_forward_workspace(state, narrower)
                             : forward_warp_tiles_workspace(state, narrower);
    return own > least ? own : least;
}

varlen_status forward_latent(const gpu_state &state, varlen_stream stream, const varlen_attention &attention,
                             const varlen_forward_args &args)
{
    const gpu_problem problem = make_problem(attention, *args.inputs);
    const forward_sizes sizes = sizes_of(state, attention);
    forward_arguments work = make_forward_arguments(state, attention, args, problem, sizes);
    const varlen_status status = launch_forward_plan(state, stream, attention, sizes, args.workspace, work);
    if (status != VARLEN_OK)
        return status;
    const auto launch =
        attention.dtype == VARLEN_BFLOAT16 ? group_latent_launch<bfloat16> : group_latent_launch<float16>;
    return launch(state, stream, work, tensors_of(work, attention), values_are_in_keys(problem));
}
