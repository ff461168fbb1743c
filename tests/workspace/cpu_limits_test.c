/* The bounds of backends/cpu/limits.h against what batches are really cut into: never below, and, over the totals of a
 * batch without empty sequences, at most twice as much. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conformance/random.h"
#include "limits.h"
#include "splits.h"
#include "tasks.h"

enum { MOST_SEQUENCES = 300, MOST_TASKS = 200000, TILE_KEYS = 128, ROUNDS = 20000 };

/* Rows of panels and of forward tiles, as in the kernel sets. */
static const int32_t rows_of_panels[] = {12, 24, 48, 64};
static const int32_t rows_of_tiles[] = {48, 96, 192, 256};

typedef struct batch {
    varlen_attention attention;
    cpu_inputs inputs;
    int32_t cu_seqlens_q[MOST_SEQUENCES + 1];
    int32_t cu_seqlens_k[MOST_SEQUENCES + 1];
} batch;

static cpu_task tasks[MOST_TASKS];

static void begin(batch *b, int32_t group)
{
    memset(b, 0, sizeof *b);
    b->attention.kv_heads = 2;
    b->attention.q_heads = 2 * group;
    b->attention.head_dim = b->attention.value_dim = 64;
    b->attention.window_left = b->attention.window_right = VARLEN_UNBOUNDED;
}

static void add(batch *b, int64_t queries, int64_t keys)
{
    int32_t n = b->attention.batch++;
    b->cu_seqlens_q[n + 1] = b->cu_seqlens_q[n] + (int32_t)queries;
    b->cu_seqlens_k[n + 1] = b->cu_seqlens_k[n] + (int32_t)keys;
}

static void finish(batch *b)
{
    b->attention.total_q = b->cu_seqlens_q[b->attention.batch];
    b->attention.total_k = b->cu_seqlens_k[b->attention.batch];
    b->inputs.attention = &b->attention;
    b->inputs.metadata.cu_seqlens_q = b->cu_seqlens_q;
    b->inputs.metadata.cu_seqlens_k = b->cu_seqlens_k;
}

static int64_t rows_of(const batch *b, int32_t n)
{
    return (int64_t)(b->cu_seqlens_q[n + 1] - b->cu_seqlens_q[n]) * cpu_group(&b->attention);
}

static int32_t keys_of(const batch *b, int32_t n)
{
    return b->cu_seqlens_k[n + 1] - b->cu_seqlens_k[n];
}

/* What a batch needs. */
typedef struct counts {
    int64_t forward_tasks;
    int64_t backward_tasks;
    int64_t partial_rows;
    int64_t panels; /* of sequences of more than one tile */
} counts;

static counts count(const batch *b, int kernels)
{
    counts result = {.forward_tasks = cpu_forward_tasks(tasks, &b->inputs, rows_of_tiles[kernels])};
    const cpu_panel_spans no_spans = {.tile_keys = TILE_KEYS};
    result.backward_tasks = cpu_backward_tasks(tasks, &b->inputs, &no_spans);
    assert_true(result.forward_tasks <= MOST_TASKS && result.backward_tasks <= MOST_TASKS);
    for (int32_t n = 0; n < b->attention.batch; n++) {
        int64_t rows = rows_of(b, n);
        int32_t queries = b->cu_seqlens_q[n + 1] - b->cu_seqlens_q[n];
        int32_t parts = rows > 0 ? cpu_split_parts(cpu_group(&b->attention), queries, keys_of(b, n)) : 1;
        result.partial_rows += parts > 1 ? rows * parts : 0;
        if (keys_of(b, n) > TILE_KEYS)
            result.panels += (rows + rows_of_panels[kernels] - 1) / rows_of_panels[kernels];
    }
    return result;
}

static counts limits_of(const batch *b, int kernels)
{
    const varlen_attention *a = &b->attention;
    return (counts){(int64_t)cpu_forward_task_limit(a, rows_of_tiles[kernels]),
                    (int64_t)cpu_backward_task_limit(a, TILE_KEYS), (int64_t)cpu_partial_limit(a),
                    (int64_t)cpu_panel_limit(a, rows_of_panels[kernels], TILE_KEYS)};
}

/* Panels of one sequence behind those of the other. */
static void expect_panels_apart(const batch *b, int kernels, int64_t limit)
{
    int64_t free_from = 0, panel_rows = rows_of_panels[kernels];
    for (int32_t n = 0; n < b->attention.batch; n++) {
        if (keys_of(b, n) <= TILE_KEYS || rows_of(b, n) == 0)
            continue;
        int64_t first = cpu_first_panel(&b->inputs, n, rows_of_panels[kernels], TILE_KEYS);
        assert_true(first >= free_from);
        free_from = first + (rows_of(b, n) + panel_rows - 1) / panel_rows;
    }
    assert_true(free_from <= limit);
}

static void expect_above(const batch *b, int kernels)
{
    counts needed = count(b, kernels), limits = limits_of(b, kernels);
    assert_true(needed.forward_tasks <= limits.forward_tasks);
    assert_true(needed.backward_tasks <= limits.backward_tasks);
    assert_true(needed.partial_rows <= limits.partial_rows);
    expect_panels_apart(b, kernels, limits.panels);
}

/* 0 to a bound of some magnitude, small numbers as often as large ones. */
static int64_t some(random_source *source, int64_t bound)
{
    return random_below(source, 1 + random_below(source, 1 + random_below(source, bound)));
}

static const int32_t groups[] = {1, 2, 3, 8, 9, 16, 32, 33, 64, 128};

static int32_t some_group(random_source *source)
{
    return groups[random_below(source, sizeof groups / sizeof groups[0])];
}

static void no_batch_needs_more(void **state)
{
    (void)state;
    static batch b;
    random_source source = {random_seed_of("no batch needs more")};
    for (int round = 0; round < ROUNDS; round++) {
        begin(&b, some_group(&source));
        int64_t queries = 1 + some(&source, 200), keys = 1 + some(&source, 40000);
        for (int64_t n = random_below(&source, 1 + some(&source, MOST_SEQUENCES)); n > 0; n--)
            add(&b, some(&source, queries), some(&source, keys));
        finish(&b);
        if (random_below(&source, 4) == 0) {
            b.attention.max_seqlen_q = (int32_t)queries;
            b.attention.max_seqlen_k = (int32_t)keys;
        }
        expect_above(&b, round % 4);
    }
}

/* Of pages, a slot's rows are known, not what they hold together. */
/* A batch whose sequences each use some of as many keys, which is returned. */
static int64_t some_used_keys(batch *b, random_source *source, int32_t used[MOST_SEQUENCES])
{
    begin(b, some_group(source));
    const int64_t keys = some(source, 40000);
    for (int64_t n = random_below(source, 1 + some(source, MOST_SEQUENCES)); n > 0; n--)
        add(b, some(source, 40), used[b->attention.batch] = (int32_t)random_below(source, keys + 1));
    finish(b);
    return keys;
}

static void assert_forward_within_limits(batch *b, int kernels)
{
    counts needed = count(b, kernels), limits = limits_of(b, kernels);
    assert_true(needed.forward_tasks <= limits.forward_tasks);
    assert_true(needed.partial_rows <= limits.partial_rows);
}

static void no_paged_batch_needs_more(void **state)
{
    (void)state;
    static batch b;
    static int32_t used[MOST_SEQUENCES];
    random_source source = {random_seed_of("no paged batch needs more")};
    for (int round = 0; round < ROUNDS; round++) {
        int64_t keys = some_used_keys(&b, &source, used);
        b.attention.total_k = 0;
        b.attention.page_size = b.inputs.metadata.page_size = 16;
        b.attention.page_table_width = (int32_t)(keys / 16 + 1);
        b.inputs.metadata.seqused_k = used;
        assert_forward_within_limits(&b, round % 4);
    }
}

/* Forward, every sequence may have all the keys. */
static void no_batch_of_shared_keys_needs_more(void **state)
{
    (void)state;
    static batch b;
    static int32_t used[MOST_SEQUENCES], starts[MOST_SEQUENCES];
    random_source source = {random_seed_of("no batch of shared keys needs more")};
    for (int round = 0; round < ROUNDS; round++) {
        int64_t keys = some_used_keys(&b, &source, used);
        b.attention.total_k = keys;
        b.attention.features = VARLEN_FEATURE_KEY_STARTS;
        b.inputs.metadata.seqused_k = used;
        b.inputs.metadata.key_starts = starts;
        assert_forward_within_limits(&b, round % 4);
    }
}

/* Backward, each key has one sequence, but they lie in any order: here, the last first. */
static void no_batch_of_keys_in_another_order_needs_more(void **state)
{
    (void)state;
    static batch b;
    static int32_t used[MOST_SEQUENCES], starts[MOST_SEQUENCES];
    random_source source = {random_seed_of("no batch of keys in another order needs more")};
    for (int round = 0; round < ROUNDS; round++) {
        begin(&b, some_group(&source));
        int64_t queries = 1 + some(&source, 200), keys = 1 + some(&source, 4000);
        for (int64_t n = random_below(&source, 1 + some(&source, MOST_SEQUENCES)); n > 0; n--)
            add(&b, some(&source, queries), some(&source, keys));
        finish(&b);
        for (int32_t n = 0; n < b.attention.batch; n++) {
            used[n] = keys_of(&b, n);
            starts[n] = (int32_t)(b.attention.total_k - b.cu_seqlens_k[n + 1]);
        }
        b.attention.features = VARLEN_FEATURE_KEY_STARTS;
        b.inputs.metadata.seqused_k = used;
        b.inputs.metadata.key_starts = starts;
        expect_above(&b, round % 4);
    }
}

static void expect_half(const char *what, int64_t needed, int64_t limit)
{
    if (limit > 2 * needed)
        fail_msg("%s: a bound of %lld, where %lld are needed", what, (long long)limit, (long long)needed);
}

/* Tasks and panels, where no sequence is empty, and none so short that it needs no panel. */
static void bounds_are_within_twice_what_batches_need(void **state)
{
    (void)state;
    static batch b;
    random_source source = {random_seed_of("bounds are within twice what batches need")};
    for (int round = 0; round < ROUNDS; round++) {
        begin(&b, some_group(&source));
        int64_t queries = 1 + some(&source, 200), keys = 1 + some(&source, 900);
        int64_t shortest = random_below(&source, 2) ? TILE_KEYS + 1 : 1;
        for (int64_t n = 1 + some(&source, MOST_SEQUENCES - 1); n > 0; n--)
            add(&b, 1 + some(&source, queries), shortest + some(&source, keys));
        finish(&b);
        counts needed = count(&b, round % 4), limits = limits_of(&b, round % 4);
        if (limits.partial_rows == 0)
            expect_half("tasks of forward", needed.forward_tasks, limits.forward_tasks);
        expect_half("tasks of backward", needed.backward_tasks, limits.backward_tasks);
        if (shortest > TILE_KEYS)
            expect_half("panels", needed.panels, limits.panels);
    }
}

/* A batch of the same totals and as many sequences as another, made to need as many partial rows as it can: as many
 * sequences as there are keys to split, of as many rows as are split; then longer keys, one part at a time. */
static void make_greedy(batch *greedy, const batch *other)
{
    int32_t group = cpu_group(&other->attention);
    int64_t sequences = other->attention.batch, queries = other->attention.total_q, keys = other->attention.total_k;
    int64_t each = cpu_max(SPLIT_ROWS / group, SPLIT_QUERIES);
    int64_t split = cpu_min(cpu_min(sequences, keys / (SPLIT_KEYS + 1)), (queries + each - 1) / each);
    int64_t spare = split > 0 ? (keys - split * (SPLIT_KEYS + 1)) / SPLIT_KEYS : 0;
    begin(greedy, group);
    for (int64_t n = 0; n < split; n++) {
        int64_t more = cpu_min(spare, SPLIT_PARTS - 2), own = cpu_min(each, queries);
        add(greedy, own, SPLIT_KEYS + 1 + more * SPLIT_KEYS);
        spare -= more;
        queries -= own;
        keys -= SPLIT_KEYS + 1 + more * SPLIT_KEYS;
    }
    for (int64_t n = split; n < sequences; n++) {
        add(greedy, queries, keys);
        queries = keys = 0;
    }
    finish(greedy);
    greedy->attention.total_q = other->attention.total_q;
    greedy->attention.total_k = other->attention.total_k;
}

static void partial_rows_are_within_twice_what_the_totals_allow(void **state)
{
    (void)state;
    static batch b, greedy;
    random_source source = {random_seed_of("partial rows are within twice what the totals allow")};
    for (int round = 0; round < ROUNDS; round++) {
        begin(&b, some_group(&source));
        int64_t queries = 1 + some(&source, 100), keys = 1 + some(&source, 20000);
        for (int64_t n = 1 + some(&source, MOST_SEQUENCES - 1); n > 0; n--)
            add(&b, 1 + some(&source, queries), 1 + some(&source, keys));
        finish(&b);
        make_greedy(&greedy, &b);
        expect_above(&greedy, round % 4);
        expect_half("partial rows", count(&greedy, round % 4).partial_rows, limits_of(&b, round % 4).partial_rows);
    }
}

int main(void)
{
    const struct CMUnitTest cases[] = {cmocka_unit_test(no_batch_needs_more),
                                       cmocka_unit_test(no_paged_batch_needs_more),
                                       cmocka_unit_test(no_batch_of_shared_keys_needs_more),
                                       cmocka_unit_test(no_batch_of_keys_in_another_order_needs_more),
                                       cmocka_unit_test(bounds_are_within_twice_what_batches_need),
                                       cmocka_unit_test(partial_rows_are_within_twice_what_the_totals_allow)};
    return cmocka_run_group_tests_name("workspace/cpu-limits", cases, NULL, NULL);
}
