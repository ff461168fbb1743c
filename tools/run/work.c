/* What the lengths of the sequences of `varlen run` come to: see run/problem.h. */
#include "run/problem.h"

static int64_t at(const run_problem *problem, run_input input, int32_t index, int64_t absent)
{
    const int32_t *values = problem->inputs[input].data;
    return values ? values[index] : absent;
}

static int64_t slot_of(const run_problem *problem, run_input cu_seqlens, int32_t sequence)
{
    return at(problem, cu_seqlens, sequence + 1, 0) - at(problem, cu_seqlens, sequence, 0);
}

static int64_t queries_of(const run_problem *problem, int32_t sequence)
{
    return at(problem, INPUT_SEQUSED_Q, sequence, slot_of(problem, INPUT_CU_SEQLENS_Q, sequence));
}

static int64_t keys_of(const run_problem *problem, int32_t sequence)
{
    const run_input cu_seqlens = problem->inputs[INPUT_CU_SEQLENS_K].data ? INPUT_CU_SEQLENS_K : INPUT_CU_SEQLENS_Q;
    const int64_t used = at(problem, INPUT_SEQUSED_K, sequence, slot_of(problem, cu_seqlens, sequence));
    return used - at(problem, INPUT_LEFTPAD_K, sequence, 0);
}

/* How far a query sees from its position. */
typedef struct mask_reach {
    int64_t left;
    int64_t right;
} mask_reach;

static mask_reach reach_of(const varlen_attention *attention)
{
    const int64_t far = INT64_MAX / 4; /* an unbounded side, with room to add a position */
    switch (attention->mask) {
    case VARLEN_MASK_CAUSAL: return (mask_reach){far, 0};
    case VARLEN_MASK_WINDOW:
        return (mask_reach){attention->window_left == VARLEN_UNBOUNDED ? far : attention->window_left,
                            attention->window_right == VARLEN_UNBOUNDED ? far : attention->window_right};
    default: return (mask_reach){far, far};
    }
}

static int64_t visible_pairs(const varlen_attention *attention, int64_t queries, int64_t keys)
{
    const mask_reach reach = reach_of(attention);
    const int64_t shift = attention->alignment == VARLEN_ALIGN_TOP_LEFT ? 0 : keys - queries;
    int64_t pairs = 0;
    for (int64_t i = 0; i < queries; i++) {
        const int64_t position = i + shift;
        const int64_t first = position - reach.left > 0 ? position - reach.left : 0;
        const int64_t last = position + reach.right < keys - 1 ? position + reach.right : keys - 1;
        pairs += last >= first ? last - first + 1 : 0;
    }
    return pairs;
}

run_work run_problem_work(const run_problem *problem)
{
    run_work work = {0};
    int64_t longest = 0;
    for (int32_t sequence = 0; sequence < problem->attention.batch; sequence++) {
        const int64_t queries = queries_of(problem, sequence);
        const int64_t keys = keys_of(problem, sequence);
        work.queries += queries;
        work.keys += keys;
        work.visible_pairs += visible_pairs(&problem->attention, queries, keys);
        longest = queries > longest ? queries : longest;
    }
    work.padded_rows = longest * problem->attention.batch;
    return work;
}
