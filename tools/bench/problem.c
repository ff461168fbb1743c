/* A workload of `varlen bench` on the device: see bench/problem.h. */
#include "bench/problem.h"

#include <stdlib.h>

#include "npy/elements.h"

/* Random numbers that are repeated to fill a tensor: a prime, so that no two rows are equal. */
enum { PATTERN_ELEMENTS = 1048573 };

/* SplitMix64: reproducible everywhere, in three lines. */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static int32_t pages_of(const bench_workload *workload, int32_t sequence)
{
    return (bench_keys(workload, sequence) + workload->page_size - 1) / workload->page_size;
}

static int32_t longest_of(const bench_workload *workload)
{
    int32_t longest = 0;
    for (int32_t i = 0; i < workload->batch; i++)
        longest = bench_keys(workload, i) > longest ? bench_keys(workload, i) : longest;
    return longest;
}

static int32_t padding_of(const bench_workload *workload, int32_t sequence)
{
    return workload->leftpad ? longest_of(workload) - bench_keys(workload, sequence) : 0;
}

static int32_t query_slot(const bench_workload *workload, int32_t sequence)
{
    return padding_of(workload, sequence) + bench_queries(workload, sequence);
}

static int32_t key_slot(const bench_workload *workload, int32_t sequence)
{
    return padding_of(workload, sequence) + bench_keys(workload, sequence);
}

varlen_attention bench_attention(const bench_workload *workload, varlen_dtype dtype)
{
    varlen_attention attention = {
        .struct_size = sizeof attention,
        .dtype = dtype,
        .batch = workload->batch,
        .q_heads = workload->q_heads,
        .kv_heads = workload->kv_heads,
        .head_dim = workload->head_dim,
        .value_dim = workload->value_dim,
        .mask = workload->mask,
        .page_size = workload->page_size,
        .features = VARLEN_FEATURE_LSE | bench_features(workload),
        .attention_chunk = workload->chunk,
    };
    for (int32_t i = 0; i < workload->batch; i++) {
        const int32_t queries = bench_queries(workload, i);
        const int32_t keys = bench_keys(workload, i);
        attention.max_seqlen_q = queries > attention.max_seqlen_q ? queries : attention.max_seqlen_q;
        attention.max_seqlen_k = keys > attention.max_seqlen_k ? keys : attention.max_seqlen_k;
        attention.total_q += query_slot(workload, i);
        attention.total_k += workload->page_size ? 0 : key_slot(workload, i);
        if (workload->page_size) {
            const int32_t pages = pages_of(workload, i);
            attention.page_count += pages;
            attention.page_table_width = pages > attention.page_table_width ? pages : attention.page_table_width;
        }
    }
    if (workload->shared_keys)
        attention.total_k = bench_total_keys(workload);
    return attention;
}

static size_t rows_of_keys(const varlen_attention *attention)
{
    return (size_t)(attention->page_size ? attention->page_count * attention->page_size : attention->total_k);
}

/* Bytes of each buffer of floats that the pass needs; 0 = none. */
static void float_sizes(const bench_problem *problem, size_t sizes[BUFFER_COUNT])
{
    const varlen_attention *a = &problem->attention;
    const size_t element = (size_t)varlen_dtype_size(a->dtype);
    const size_t q_rows = (size_t)a->total_q * (size_t)a->q_heads;
    const size_t k_rows = rows_of_keys(a) * (size_t)a->kv_heads;
    const size_t dim = element * (size_t)a->head_dim;
    const size_t value_dim = element * (size_t)a->value_dim;
    sizes[BUFFER_Q] = q_rows * dim;
    sizes[BUFFER_K] = k_rows * dim;
    sizes[BUFFER_V] = k_rows * value_dim;
    sizes[BUFFER_OUT] = q_rows * value_dim;
    sizes[BUFFER_LSE] = q_rows * sizeof(float);
    if (problem->pass == VARLEN_PASS_FORWARD)
        return;
    sizes[BUFFER_DOUT] = q_rows * value_dim;
    sizes[BUFFER_DQ] = q_rows * dim;
    sizes[BUFFER_DK] = k_rows * dim;
    sizes[BUFFER_DV] = k_rows * value_dim;
}

/* Numbers between -1 and 1 in the problem's dtype; the caller frees them. */
static void *make_pattern(varlen_dtype dtype)
{
    uint64_t state = 20240607;
    float *numbers = malloc(PATTERN_ELEMENTS * sizeof *numbers);
    void *pattern = malloc(PATTERN_ELEMENTS * (size_t)varlen_dtype_size(dtype));
    if (numbers && pattern) {
        for (int i = 0; i < PATTERN_ELEMENTS; i++)
            numbers[i] = (float)(next_random(&state) >> 40) * 0x1p-23f - 1.0f;
        elements_convert_floats(pattern, element_of_dtype(dtype), numbers, ELEMENT_FLOAT32, PATTERN_ELEMENTS);
    } else {
        free(pattern);
        pattern = NULL;
    }
    free(numbers);
    return pattern;
}

static varlen_status fill(const bench_problem *problem, void *buffer, size_t size, const void *pattern)
{
    const size_t period = PATTERN_ELEMENTS * (size_t)varlen_dtype_size(problem->attention.dtype);
    varlen_status status = VARLEN_OK;
    for (size_t at = 0; at < size && status == VARLEN_OK; at += period)
        status =
            varlen_copy(problem->context, NULL, (char *)buffer + at, pattern, size - at < period ? size - at : period);
    return status == VARLEN_OK ? varlen_stream_synchronize(problem->context, NULL) : status;
}

static bool make_floats(bench_problem *problem, reason *why)
{
    size_t sizes[BUFFER_COUNT] = {0};
    float_sizes(problem, sizes);
    void *pattern = make_pattern(problem->attention.dtype);
    bool ok = pattern || refuse(why, "out of memory");
    for (int i = 0; i < BUFFER_COUNT && ok; i++) {
        if (sizes[i] && varlen_alloc(problem->context, sizes[i], &problem->buffers[i]) != VARLEN_OK)
            ok = refuse(why, "%s", varlen_error_message());
        else if (sizes[i] && i <= BUFFER_DOUT && fill(problem, problem->buffers[i], sizes[i], pattern) != VARLEN_OK)
            ok = refuse(why, "%s", varlen_error_message());
    }
    free(pattern);
    return ok;
}

static bool upload_bytes(bench_problem *problem, bench_buffer buffer, const void *values, size_t size, reason *why)
{
    if (varlen_alloc(problem->context, size, &problem->buffers[buffer]) != VARLEN_OK ||
        varlen_copy(problem->context, NULL, problem->buffers[buffer], values, size) != VARLEN_OK ||
        varlen_stream_synchronize(problem->context, NULL) != VARLEN_OK)
        return refuse(why, "%s", varlen_error_message());
    return true;
}

static bool upload(bench_problem *problem, bench_buffer buffer, const int32_t *values, size_t count, reason *why)
{
    return upload_bytes(problem, buffer, values, count * sizeof *values, why);
}

typedef int32_t (*length_of)(const bench_workload *workload, int32_t sequence);

static bool upload_cu_seqlens(bench_problem *problem, bench_buffer buffer, const bench_workload *workload,
                              length_of length, reason *why)
{
    const size_t count = (size_t)workload->batch + 1;
    int32_t *cu_seqlens = calloc(count, sizeof *cu_seqlens);
    if (!cu_seqlens)
        return refuse(why, "out of memory");
    for (int32_t i = 0; i < workload->batch; i++)
        cu_seqlens[i + 1] = cu_seqlens[i] + length(workload, i);
    const bool ok = upload(problem, buffer, cu_seqlens, count, why);
    free(cu_seqlens);
    return ok;
}

static bool upload_numbers(bench_problem *problem, bench_buffer buffer, const bench_workload *workload,
                           length_of number, reason *why)
{
    const size_t count = (size_t)workload->batch;
    int32_t *numbers = calloc(count, sizeof *numbers);
    if (!numbers)
        return refuse(why, "out of memory");
    for (int32_t i = 0; i < workload->batch; i++)
        numbers[i] = number(workload, i);
    const bool ok = upload(problem, buffer, numbers, count, why);
    free(numbers);
    return ok;
}

static int32_t key_start(const bench_workload *workload, int32_t sequence)
{
    (void)workload;
    (void)sequence;
    return 0;
}

static int32_t query_position(const bench_workload *workload, int32_t sequence)
{
    return bench_keys(workload, sequence) - bench_queries(workload, sequence);
}

static bool upload_starts(bench_problem *problem, const bench_workload *workload, reason *why)
{
    return upload_numbers(problem, BUFFER_SEQUSED_K, workload, bench_keys, why) &&
           upload_numbers(problem, BUFFER_KEY_STARTS, workload, key_start, why);
}

/* Every page once, in random order, as in a cache that has been in use for a while. */
static void draw_pages(int32_t *pages, int64_t count)
{
    uint64_t state = 7;
    for (int64_t i = 0; i < count; i++) {
        const int64_t other = (int64_t)(next_random(&state) % (uint64_t)(i + 1));
        pages[i] = pages[other];
        pages[other] = (int32_t)i;
    }
}

static bool upload_pages(bench_problem *problem, const bench_workload *workload, reason *why)
{
    const varlen_attention *a = &problem->attention;
    const size_t table_size = (size_t)a->batch * (size_t)a->page_table_width;
    int32_t *pages = malloc((size_t)a->page_count * sizeof *pages);
    int32_t *table = calloc(table_size, sizeof *table);
    int32_t *used = malloc((size_t)a->batch * sizeof *used);
    bool ok = (pages && table && used) || refuse(why, "out of memory");
    if (ok) {
        const int32_t *next = pages;
        draw_pages(pages, a->page_count);
        for (int32_t i = 0; i < a->batch; i++) {
            used[i] = bench_keys(workload, i);
            for (int32_t page = 0; page < pages_of(workload, i); page++)
                table[(size_t)i * (size_t)a->page_table_width + (size_t)page] = *next++;
        }
        ok = upload(problem, BUFFER_SEQUSED_K, used, (size_t)a->batch, why) &&
             upload(problem, BUFFER_PAGE_TABLE, table, table_size, why);
    }
    free(pages);
    free(table);
    free(used);
    return ok;
}

/* One element for each row of q. */
typedef struct row_arrays {
    int32_t *begin;
    int32_t *end;
    uint64_t *tree;
} row_arrays;

static void fill_row_arrays(const row_arrays *arrays, const bench_workload *workload)
{
    size_t at = 0;
    for (int32_t i = 0; i < workload->batch; i++) {
        bench_row row = {.queries = bench_queries(workload, i), .keys = bench_keys(workload, i)};
        for (; row.query < row.queries; row.query++, at++) {
            arrays->begin[at] = bench_row_begin(workload->rows, &row);
            arrays->end[at] = bench_row_end(workload->rows, &row);
            arrays->tree[at] = bench_row_tree(&row);
        }
    }
}

static bool upload_row_arrays(bench_problem *problem, const bench_workload *workload, reason *why)
{
    const bench_rows rows = workload->rows;
    const size_t count = (size_t)problem->attention.total_q;
    const row_arrays arrays = {malloc(count * sizeof *arrays.begin), malloc(count * sizeof *arrays.end),
                               malloc(count * sizeof *arrays.tree)};
    bool ok = (arrays.begin && arrays.end && arrays.tree) || refuse(why, "out of memory");
    if (ok) {
        fill_row_arrays(&arrays, workload);
        ok = (!bench_rows_have_begin(rows) || upload(problem, BUFFER_KEY_BEGIN, arrays.begin, count, why)) &&
             (!bench_rows_have_end(rows) || upload(problem, BUFFER_KEY_END, arrays.end, count, why)) &&
             (rows != BENCH_ROWS_TREE ||
              upload_bytes(problem, BUFFER_TREE_MASK, arrays.tree, count * sizeof *arrays.tree, why));
    }
    free(arrays.begin);
    free(arrays.end);
    free(arrays.tree);
    return ok;
}

static bool make_workspace(bench_problem *problem, reason *why)
{
    size_t forward = 0;
    size_t backward = 0;
    if (varlen_workspace_size(problem->context, &problem->attention, VARLEN_PASS_FORWARD, &forward) != VARLEN_OK)
        return refuse(why, "%s", varlen_error_message());
    if (problem->pass == VARLEN_PASS_BACKWARD &&
        varlen_workspace_size(problem->context, &problem->attention, VARLEN_PASS_BACKWARD, &backward) != VARLEN_OK)
        return refuse(why, "%s", varlen_error_message());
    problem->workspace_size = forward > backward ? forward : backward;
    if (varlen_alloc(problem->context, problem->workspace_size, &problem->buffers[BUFFER_WORKSPACE]) != VARLEN_OK)
        return refuse(why, "%s", varlen_error_message());
    return true;
}

bool bench_problem_open(varlen_context *context, const bench_workload *workload, varlen_dtype dtype, varlen_pass pass,
                        bench_problem *problem, reason *why)
{
    *problem = (bench_problem){.context = context, .attention = bench_attention(workload, dtype), .pass = pass};
    const bool ok =
        make_floats(problem, why) && upload_cu_seqlens(problem, BUFFER_CU_SEQLENS_Q, workload, query_slot, why) &&
        (workload->page_size     ? upload_pages(problem, workload, why)
         : workload->shared_keys ? upload_starts(problem, workload, why)
                                 : upload_cu_seqlens(problem, BUFFER_CU_SEQLENS_K, workload, key_slot, why)) &&
        (!workload->leftpad || upload_numbers(problem, BUFFER_LEFTPAD, workload, padding_of, why)) &&
        (!workload->positions || upload_numbers(problem, BUFFER_QUERY_POSITIONS, workload, query_position, why)) &&
        (workload->rows == BENCH_ROWS_ALIKE || upload_row_arrays(problem, workload, why)) &&
        make_workspace(problem, why);
    if (!ok)
        bench_problem_close(problem);
    return ok;
}

void bench_problem_close(bench_problem *problem)
{
    for (int i = 0; i < BUFFER_COUNT; i++)
        varlen_free(problem->context, problem->buffers[i]);
    *problem = (bench_problem){0};
}

static varlen_inputs inputs_of(const bench_problem *problem)
{
    void *const *buffers = problem->buffers;
    return (varlen_inputs){
        .struct_size = sizeof(varlen_inputs),
        .q = {.data = buffers[BUFFER_Q]},
        .k = {.data = buffers[BUFFER_K]},
        .v = {.data = buffers[BUFFER_V]},
        .cu_seqlens_q = buffers[BUFFER_CU_SEQLENS_Q],
        .cu_seqlens_k = buffers[BUFFER_CU_SEQLENS_K],
        .seqused_k = buffers[BUFFER_SEQUSED_K],
        .page_table = buffers[BUFFER_PAGE_TABLE],
        .leftpad_k = buffers[BUFFER_LEFTPAD],
        .key_begin = buffers[BUFFER_KEY_BEGIN],
        .key_end = buffers[BUFFER_KEY_END],
        .query_positions = buffers[BUFFER_QUERY_POSITIONS],
        .key_starts = buffers[BUFFER_KEY_STARTS],
        .tree_mask = buffers[BUFFER_TREE_MASK],
        .leftpad_q = buffers[BUFFER_LEFTPAD],
    };
}

varlen_status bench_problem_forward(const bench_problem *problem)
{
    void *const *buffers = problem->buffers;
    const varlen_inputs inputs = inputs_of(problem);
    const varlen_forward_args args = {
        .struct_size = sizeof args,
        .inputs = &inputs,
        .out = {.data = buffers[BUFFER_OUT]},
        .lse = buffers[BUFFER_LSE],
        .workspace = buffers[BUFFER_WORKSPACE],
        .workspace_size = problem->workspace_size,
    };
    return varlen_forward(problem->context, NULL, &problem->attention, &args);
}

varlen_status bench_problem_backward(const bench_problem *problem)
{
    void *const *buffers = problem->buffers;
    const varlen_inputs inputs = inputs_of(problem);
    const varlen_backward_args args = {
        .struct_size = sizeof args,
        .inputs = &inputs,
        .out = {.data = buffers[BUFFER_OUT]},
        .lse = buffers[BUFFER_LSE],
        .dout = {.data = buffers[BUFFER_DOUT]},
        .dq = {.data = buffers[BUFFER_DQ]},
        .dk = {.data = buffers[BUFFER_DK]},
        .dv = {.data = buffers[BUFFER_DV]},
        .workspace = buffers[BUFFER_WORKSPACE],
        .workspace_size = problem->workspace_size,
    };
    return varlen_backward(problem->context, NULL, &problem->attention, &args);
}
