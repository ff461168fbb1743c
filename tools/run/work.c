/* What the lengths of the sequences of `varlen run` come to: see run/problem.h. */
#include "work.h"
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
    const int64_t used = at(problem, INPUT_SEQUSED_Q, sequence, slot_of(problem, INPUT_CU_SEQLENS_Q, sequence));
    return used - at(problem, INPUT_LEFTPAD_Q, sequence, 0);
}

static int64_t keys_of(const run_problem *problem, int32_t sequence)
{
    const run_input cu_seqlens = problem->inputs[INPUT_CU_SEQLENS_K].data ? INPUT_CU_SEQLENS_K : INPUT_CU_SEQLENS_Q;
    const int64_t used = at(problem, INPUT_SEQUSED_K, sequence, slot_of(problem, cu_seqlens, sequence));
    return used - at(problem, INPUT_LEFTPAD_K, sequence, 0);
}

static row_masks rows_of(const run_problem *problem, int32_t sequence)
{
    const int64_t first = at(problem, INPUT_CU_SEQLENS_Q, sequence, 0);
    const int32_t *begin = problem->inputs[INPUT_KEY_BEGIN].data;
    const int32_t *end = problem->inputs[INPUT_KEY_END].data;
    const uint64_t *tree = problem->inputs[INPUT_TREE_MASK].data;
    return (row_masks){begin ? begin + first : NULL, end ? end + first : NULL, tree ? tree + first : NULL};
}

static int64_t pairs_of(const run_problem *problem, int32_t sequence, int64_t queries, int64_t keys)
{
    const row_masks rows = rows_of(problem, sequence);
    const int32_t *positions = problem->inputs[INPUT_QUERY_POSITIONS].data;
    return positions ? visible_pairs_at(&problem->attention, positions[sequence], queries, keys, &rows)
                     : visible_pairs_of(&problem->attention, queries, keys, &rows);
}

/* Those that sequences may share count once, as far as any reaches. */
static int64_t shared_keys(const run_problem *problem)
{
    int64_t end = 0;
    for (int32_t sequence = 0; sequence < problem->attention.batch; sequence++) {
        const int64_t own = at(problem, INPUT_KEY_STARTS, sequence, 0) + at(problem, INPUT_SEQUSED_K, sequence, 0);
        end = own > end ? own : end;
    }
    return end;
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
        work.visible_pairs += pairs_of(problem, sequence, queries, keys);
        longest = queries > longest ? queries : longest;
    }
    if (problem->inputs[INPUT_KEY_STARTS].data)
        work.keys = work.keys < shared_keys(problem) ? work.keys : shared_keys(problem);
    work.padded_rows = longest * problem->attention.batch;
    return work;
}
