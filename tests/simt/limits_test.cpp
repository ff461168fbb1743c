/* The bounds of backends/gpu/host/limits.h against what the device makes of batches: never below, and, over the totals
 * of a batch without empty sequences, at most twice as much. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "host/limits.h"
#include "plan/row_bounds.h"

extern "C" {
#include <cmocka.h> /* which makes macros of common words */
}

namespace
{

constexpr int MOST_SEQUENCES = 200;
constexpr int ROUNDS = 20000;
constexpr int32_t KV_HEADS = 2;

/* SplitMix64. */
struct random_source {
    uint64_t state;

    int64_t below(int64_t bound)
    {
        uint64_t bits = state += 0x9e3779b97f4a7c15u;
        bits = (bits ^ bits >> 30) * 0xbf58476d1ce4e5b9u;
        bits = (bits ^ bits >> 27) * 0x94d049bb133111ebu;
        return (int64_t)((bits ^ bits >> 31) % (uint64_t)bound);
    }

    /* Small numbers as often as large ones. */
    int64_t some(int64_t bound)
    {
        return below(1 + below(1 + below(bound)));
    }
};

struct batch {
    varlen_attention attention;
    gpu_problem problem;
    int32_t cu_seqlens_q[MOST_SEQUENCES + 1];
    int32_t cu_seqlens_k[MOST_SEQUENCES + 1];
    int32_t seqused_k[MOST_SEQUENCES];
    int32_t key_starts[MOST_SEQUENCES];
};

void begin(batch &b, int32_t group, uint32_t flags)
{
    b = {};
    b.attention.kv_heads = KV_HEADS;
    b.attention.q_heads = KV_HEADS * group;
    b.attention.flags = flags;
    b.problem.group = make_fast_divisor((uint32_t)group);
    b.problem.window_left = b.problem.window_right = VARLEN_UNBOUNDED;
}

void add(batch &b, int64_t queries, int64_t keys)
{
    const int32_t n = b.attention.batch++;
    b.cu_seqlens_q[n + 1] = b.cu_seqlens_q[n] + (int32_t)queries;
    b.cu_seqlens_k[n + 1] = b.cu_seqlens_k[n] + (int32_t)keys;
    b.seqused_k[n] = (int32_t)keys;
}

/* With a page_size, slots have room for `longest` keys. */
void finish(batch &b, int32_t page_size, int64_t longest)
{
    b.attention.total_q = b.cu_seqlens_q[b.attention.batch];
    b.attention.total_k = b.cu_seqlens_k[b.attention.batch];
    b.problem.metadata.batch = b.attention.batch;
    b.problem.metadata.cu_seqlens_q = b.cu_seqlens_q;
    b.problem.metadata.cu_seqlens_k = b.cu_seqlens_k;
    if (!page_size)
        return;
    b.attention.total_k = 0;
    b.attention.page_size = page_size;
    b.attention.page_table_width = (int32_t)((longest + page_size - 1) / page_size);
    b.problem.metadata.paged = true;
    b.problem.metadata.seqused_k = b.seqused_k;
}

/* Instead of cu_seqlens_k: all sequences have the first of `keys` rows, of which none has more. */
void share_keys(batch &b, int64_t keys)
{
    b.attention.total_k = keys;
    b.attention.features |= VARLEN_FEATURE_KEY_STARTS;
    b.problem.metadata.cu_seqlens_k = nullptr;
    b.problem.metadata.seqused_k = b.seqused_k;
    b.problem.metadata.key_starts = b.key_starts;
}

/* Likewise: the last sequence's keys come first, and none are shared. */
void turn_keys_round(batch &b)
{
    for (int32_t n = 0; n < b.attention.batch; n++)
        b.key_starts[n] = (int32_t)b.attention.total_k - b.cu_seqlens_k[n + 1];
    share_keys(b, b.attention.total_k);
}

/* Items and partial results of the forward pass under one kv head. */
plan_counts count_forward(const batch &b, int32_t tile_rows, int32_t wanted_items)
{
    forward_policy policy = {};
    policy.group = b.problem.group;
    policy.kv_heads = KV_HEADS;
    policy.tile_rows = tile_rows;
    policy.decode_tile_rows = DECODE_TILE_ROWS;
    policy.batch_invariant = (b.attention.flags & VARLEN_FLAG_BATCH_INVARIANT) != 0;
    policy.wanted_items = wanted_items;
    int64_t work = 0;
    for (int32_t n = 0; n < b.attention.batch; n++)
        work += policy.work(sequence_at(b.problem, n));
    const int32_t split = policy.choose_split(work);
    plan_counts all = {0, 0};
    for (int32_t n = 0; n < b.attention.batch; n++) {
        const plan_counts own = policy.counts(sequence_at(b.problem, n), split);
        all = {all.items + own.items, all.partials + own.partials};
    }
    return all;
}

const int32_t groups[] = {1, 2, 3, 8, 16, 32, 64, 65};
const int32_t tiles_of_rows[] = {32, 64, 128};
const int32_t wanted[] = {1, 16, 1056};

void expect_half(const char *what, int64_t needed, int64_t limit)
{
    if (limit > 2 * needed)
        fail_msg("%s: a bound of %lld, where %lld are needed", what, (long long)limit, (long long)needed);
}

void forward_bounds(void **)
{
    static batch b;
    random_source source = {1};
    for (int round = 0; round < ROUNDS; round++) {
        const bool invariant = round % 2;
        const int64_t kind = source.below(4);
        const bool paged = kind == 0;
        const int64_t fewest = source.below(2);
        const int64_t queries = 1 + source.some(300);
        const int64_t keys = 1 + source.some(40000);
        begin(b, groups[source.below(8)], invariant ? VARLEN_FLAG_BATCH_INVARIANT : 0);
        for (int64_t n = 1 + source.some(MOST_SEQUENCES - 1); n > 0; n--)
            add(b, fewest + source.some(queries), source.some(keys));
        finish(b, paged ? 16 : 0, keys);
        if (kind == 1)
            share_keys(b, keys);
        if (source.below(4) == 0)
            b.attention.max_seqlen_k = (int32_t)keys;
        const int32_t tile_rows = tiles_of_rows[source.below(3)];
        const int32_t wanted_items = wanted[source.below(3)];
        const plan_counts needed = count_forward(b, tile_rows, wanted_items);
        const size_t partials = partial_limit(b.attention, wanted_items);
        const size_t items = forward_item_limit(b.attention, tile_rows, partials);
        assert_true((size_t)needed.partials * KV_HEADS <= partials);
        assert_true((size_t)needed.items <= items);
        if (wanted_items == 1 && !invariant)
            assert_int_equal(needed.partials, 0); /* what a plan of tiles of rows alone counts on */
    }
}

/* Where every sequence has queries, and none is split. Of lengths between, others of the same total need the most:
 * those that are decoded, in tiles of fewer rows. */
void forward_items_are_within_twice_what_batches_need(void **)
{
    static batch b;
    random_source source = {2};
    constexpr int32_t tile_rows = 128;
    for (int round = 0; round < ROUNDS; round++) {
        const bool shorter = source.below(2);
        const int64_t queries = shorter ? 1 + source.below(DECODE_TILE_ROWS) : 4 * tile_rows + source.some(3000);
        begin(b, 1, 0);
        for (int64_t n = 1 + source.some(MOST_SEQUENCES - 1); n > 0; n--)
            add(b, queries, 1);
        finish(b, 0, 0);
        expect_half("items of forward", count_forward(b, tile_rows, 1056).items, tile_limit(b.attention, tile_rows));
    }
}

/* Numbers of chunks: apart, and below the bound. */
template <typename FIRST> int64_t expect_apart(const batch &b, int32_t chunk_rows, int64_t above_keys, FIRST first)
{
    int64_t free_from = 0;
    int64_t chunks = 0;
    for (int32_t n = 0; n < b.attention.batch; n++) {
        const gpu_sequence sequence = sequence_at(b.problem, n);
        if (sequence.queries == 0 || sequence.keys <= above_keys)
            continue;
        const int64_t own = divide_up((int64_t)sequence.queries * b.problem.group.divisor, (int64_t)chunk_rows);
        assert_true(first(n) >= free_from);
        free_from = first(n) + own;
        chunks += own;
    }
    assert_true(chunks <= free_from);
    return free_from;
}

/* Every chunk is found by its number. */
void expect_found(const batch &b, int32_t chunk_rows)
{
    for (int32_t n = 0; n < b.attention.batch; n++) {
        const gpu_sequence sequence = sequence_at(b.problem, n);
        const int64_t rows = (int64_t)sequence.queries * b.problem.group.divisor;
        for (int64_t chunk = 0; chunk * chunk_rows < rows; chunk++) {
            const int64_t number = first_row_chunk(b.problem, chunk_rows, n) + chunk;
            const row_chunk found = row_chunk_at(b.problem, chunk_rows, number);
            assert_int_equal(found.sequence.index, n);
            assert_int_equal(found.first_row, chunk * chunk_rows);
        }
    }
}

void backward_bounds(void **)
{
    static batch b;
    random_source source = {3};
    for (int round = 0; round < ROUNDS; round++) {
        const int64_t fewest = source.below(2);
        const int32_t chunk_rows = 16 << source.below(3);
        const backward_cut cut = {64 << source.below(2), chunk_rows, chunk_rows, 64, 1, 16};
        const int64_t queries = 1 + source.some(300);
        const int64_t keys = 1 + source.some(1000);
        const int64_t shortest = source.below(2) ? cut.tile_keys + 1 : fewest;
        const bool started = source.below(4) == 0;
        begin(b, groups[source.below(8)], 0);
        for (int64_t n = 1 + source.some(MOST_SEQUENCES - 1); n > 0; n--)
            add(b, fewest + source.some(queries), shortest + source.some(keys));
        finish(b, 0, 0);
        if (started)
            turn_keys_round(b);
        const int64_t row_chunks = expect_apart(
            b, cut.chunk_rows, -1, [&](int32_t n) { return first_row_chunk(b.problem, cut.chunk_rows, n); });
        const int64_t sum_chunks = expect_apart(b, cut.chunk_rows, cut.tile_keys, [&](int32_t n) {
            return first_row_chunk(b.problem, cut.chunk_rows, n) - chunks_without_sums(b.problem, cut, n);
        });
        assert_true(row_chunks <= row_chunk_limit(b.attention, cut));
        assert_true(sum_chunks <= sum_chunk_limit(b.attention, cut));
        backward_cut without_dq = cut;
        without_dq.sums_dq = 0;
        assert_int_equal(sum_chunk_limit(b.attention, without_dq), 0);
        if (round % 20 == 0)
            expect_found(b, cut.chunk_rows);
        int64_t items = 0;
        int64_t chunks = 0;
        for (int32_t n = 0; n < b.attention.batch; n++) {
            const gpu_sequence sequence = sequence_at(b.problem, n);
            items += backward_policy{b.problem.group, cut}.counts(sequence, 0).items;
            chunks += divide_up(sequence.queries * (int32_t)b.problem.group.divisor, cut.chunk_rows);
        }
        assert_true((size_t)items <= backward_item_limit(b.attention, cut));
        if (fewest > 0)
            expect_half("chunks of rows", chunks, row_chunk_limit(b.attention, cut));
        if (fewest > 0 && shortest > cut.tile_keys)
            expect_half("chunks of sums", chunks, sum_chunk_limit(b.attention, cut));
        if (shortest > 0)
            expect_half("items of backward", items, (int64_t)backward_item_limit(b.attention, cut));
    }
}

/* Every bound of rows has a number of its own, by which its sequence is found. */
void bounds_of_rows(void **)
{
    static batch b;
    random_source source = {4};
    for (int round = 0; round < ROUNDS / 20; round++) {
        const int64_t fewest = source.below(2);
        const int64_t queries = 1 + source.some(300);
        begin(b, 1, 0);
        for (int64_t n = 1 + source.some(MOST_SEQUENCES - 1); n > 0; n--)
            add(b, fewest + source.some(queries), 1);
        finish(b, 0, 0);
        assert_int_equal(row_bound_limit(b.attention), 0);
        b.attention.features |= VARLEN_FEATURE_KEY_RANGES;
        int32_t free_from = 0;
        int64_t needed = 0;
        for (int32_t n = 0; n < b.attention.batch; n++) {
            const int32_t own = divide_up(sequence_at(b.problem, n).queries, (int32_t)BOUND_QUERIES);
            const int32_t first = first_bound(b.problem, n);
            if (own == 0)
                continue;
            assert_true(first >= free_from);
            free_from = first + own;
            needed += own;
            for (int32_t number = first; number < free_from; number++)
                assert_int_equal(sequence_of_bound(b.problem, number), n);
        }
        assert_true((size_t)free_from <= row_bound_limit(b.attention));
        if (fewest > 0)
            expect_half("bounds of rows", needed, (int64_t)row_bound_limit(b.attention));
    }
}

/* Keys of pages may be shared, so that the work of a batch has no bound in memory; more than 2^31 units of it must not
 * make more parts than there is room for. */
void work_may_pass_32_bits(void **)
{
    static batch b;
    begin(b, 16, 0);
    for (int n = 0; n < MOST_SEQUENCES; n++)
        add(b, 4, 0);
    finish(b, 1 << 20, 2000000000);
    for (int n = 0; n < MOST_SEQUENCES; n++)
        b.seqused_k[n] = 2000000000;
    const plan_counts needed = count_forward(b, 128, 1056);
    assert_true((size_t)needed.partials * KV_HEADS <= partial_limit(b.attention, 1056));
    assert_true((size_t)needed.items <= forward_item_limit(b.attention, 128, partial_limit(b.attention, 1056)));
}

} // namespace

int main()
{
    const struct CMUnitTest cases[] = {
        cmocka_unit_test(forward_bounds), cmocka_unit_test(forward_items_are_within_twice_what_batches_need),
        cmocka_unit_test(backward_bounds), cmocka_unit_test(bounds_of_rows), cmocka_unit_test(work_may_pass_32_bits)};
    return cmocka_run_group_tests_name("simt/limits", cases, nullptr, nullptr);
}
