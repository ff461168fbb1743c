/* The problem that `varlen explain` is asked about: see explain/problem.h. */
#include "explain/problem.h"

#include <inttypes.h>
#include <stdlib.h>

#include "bench/workloads.h"
#include "npy/npy.h"

/* Lengths of the sequences. */
typedef struct lengths {
    int32_t batch;
    int32_t *queries; /* owned, as is the next */
    int32_t *keys;
} lengths;

static bool lengths_make(lengths *made, int32_t batch, reason *why)
{
    const size_t count = (size_t)batch + 1; /* so that none is no size of 0 */
    *made = (lengths){
        .batch = batch, .queries = calloc(count, sizeof *made->queries), .keys = calloc(count, sizeof *made->keys)};
    return (made->queries && made->keys) || refuse(why, "out of memory");
}

static void lengths_free(lengths *made)
{
    free(made->queries);
    free(made->keys);
}

static const bench_workload *find_workload(const char *name)
{
    const bench_workload *found = NULL;
    int count = 0;
    for (int i = 0; i < bench_workload_count(); i++)
        if (bench_workload_picked(bench_workload_at(i), name)) {
            found = bench_workload_at(i);
            count++;
        }
    return count == 1 ? found : NULL;
}

static bool from_workload(const bench_workload *workload, lengths *made, reason *why)
{
    if (!lengths_make(made, workload->batch, why))
        return false;
    for (int32_t i = 0; i < made->batch; i++) {
        made->queries[i] = bench_queries(workload, i);
        made->keys[i] = bench_keys(workload, i);
    }
    return true;
}

static bool from_lists(const explain_arguments *arguments, lengths *made, reason *why)
{
    const length_list *queries = arguments->q_lens.count ? &arguments->q_lens : &arguments->lens;
    if (!lengths_make(made, arguments->lens.count, why))
        return false;
    for (int32_t i = 0; i < made->batch; i++) {
        made->keys[i] = arguments->lens.values[i];
        made->queries[i] = queries->values[queries->count == 1 ? 0 : i];
    }
    return true;
}

/* The differences of running sums, which must begin with 0 and not fall. */
static bool take_differences(const int32_t *sums, int32_t batch, int32_t *differences, reason *why)
{
    if (sums[0] != 0)
        return refuse(why, "element 0 = %d must be 0", sums[0]);
    for (int32_t i = 0; i < batch; i++) {
        if (sums[i + 1] < sums[i])
            return refuse(why, "element %d = %d is below element %d = %d", i + 1, sums[i + 1], i, sums[i]);
        differences[i] = sums[i + 1] - sums[i];
    }
    return true;
}

static bool convert(const npy_array *array, int32_t batch, int32_t *differences, reason *why)
{
    int32_t *sums = calloc((size_t)array->count, sizeof *sums);
    const bool ok = (sums || refuse(why, "out of memory")) &&
                    elements_convert_to_int32(sums, array->data, array->type, array->count, why) &&
                    take_differences(sums, batch, differences, why);
    free(sums);
    return ok;
}

/* Lengths by the file of `option`. */
static bool read_file(const char *option, const char *path, npy_array *array, reason *why)
{
    reason fault;
    char shape[256];
    if (!npy_read(path, array, &fault))
        return refuse(why, "%s %s", option, fault.text);
    if (element_is_float(array->type) || array->dimensions != 1 || array->count < 1 || array->count > INT32_MAX)
        return refuse(why, "%s %s is %s of %s, but must be [B+1] of i4 or i8", option, path,
                      npy_shape_text(array, shape, sizeof shape), element_name(array->type));
    return true;
}

static bool from_arrays(const explain_arguments *arguments, const npy_array *q, const npy_array *k, lengths *made,
                        reason *why)
{
    const char *k_path = arguments->cu_seqlens_k;
    reason fault;
    if (k_path && k->count != q->count)
        return refuse(why, "--cu-seqlens-q has %" PRId64 " elements but --cu-seqlens-k %" PRId64, q->count, k->count);
    if (!lengths_make(made, (int32_t)q->count - 1, why))
        return false;
    if (!convert(q, made->batch, made->queries, &fault))
        return refuse(why, "--cu-seqlens-q %s: %.1900s", arguments->cu_seqlens_q, fault.text);
    if (!convert(k_path ? k : q, made->batch, made->keys, &fault))
        return refuse(why, "--cu-seqlens-k %s: %.1900s", k_path, fault.text);
    return true;
}

static bool from_files(const explain_arguments *arguments, lengths *made, reason *why)
{
    npy_array q = {0}, k = {0};
    const char *k_path = arguments->cu_seqlens_k;
    const bool ok = read_file("--cu-seqlens-q", arguments->cu_seqlens_q, &q, why) &&
                    (!k_path || read_file("--cu-seqlens-k", k_path, &k, why)) &&
                    from_arrays(arguments, &q, &k, made, why);
    npy_free(&q);
    npy_free(&k);
    return ok;
}

static int32_t given_or(int32_t value, int32_t otherwise)
{
    return value ? value : otherwise;
}

/* All but what follows from the lengths. */
static varlen_attention describe(const explain_arguments *arguments)
{
    const int32_t q_heads = given_or(arguments->q_heads, 8);
    const int32_t head_dim = given_or(arguments->head_dim, 128);
    return (varlen_attention){
        .struct_size = sizeof(varlen_attention),
        .q_heads = q_heads,
        .kv_heads = given_or(arguments->kv_heads, q_heads),
        .head_dim = head_dim,
        .value_dim = given_or(arguments->value_dim, head_dim),
        .mask = (varlen_mask)arguments->mask,
        .page_size = arguments->page_size,
        .attention_chunk = arguments->chunk,
    };
}

static varlen_attention describe_workload(const bench_workload *workload)
{
    return (varlen_attention){
        .struct_size = sizeof(varlen_attention),
        .q_heads = workload->q_heads,
        .kv_heads = workload->kv_heads,
        .head_dim = workload->head_dim,
        .value_dim = workload->value_dim,
        .mask = workload->mask,
        .page_size = workload->page_size,
        .attention_chunk = workload->chunk,
        .features = bench_features(workload),
    };
}

static int32_t larger_of(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

static void add_sequence(explain_problem *problem, int32_t queries, int32_t keys)
{
    varlen_attention *attention = &problem->attention;
    attention->batch++;
    attention->max_seqlen_q = larger_of(attention->max_seqlen_q, queries);
    attention->max_seqlen_k = larger_of(attention->max_seqlen_k, keys);
    attention->total_q += queries;
    if (attention->page_size) {
        const int32_t pages = (int32_t)(((int64_t)keys + attention->page_size - 1) / attention->page_size);
        attention->page_count += pages;
        attention->page_table_width = larger_of(attention->page_table_width, pages);
    } else {
        attention->total_k += keys;
    }
    problem->work.queries += queries;
    problem->work.keys += keys;
}

/* A workload's rows may see less than its mask shows; those of --features key-ranges are not known. */
static int64_t visible_pairs(const varlen_attention *attention, const bench_workload *workload, const lengths *made,
                             int32_t sequence)
{
    const row_masks none = {0};
    return workload ? bench_visible_pairs(workload, sequence)
                    : visible_pairs_of(attention, made->queries[sequence], made->keys[sequence], &none);
}

bool explain_problem_make(const explain_arguments *arguments, explain_problem *problem, reason *why)
{
    const bench_workload *workload = arguments->workload ? find_workload(arguments->workload) : NULL;
    lengths sequences = {0};
    if (arguments->workload && !workload)
        return refuse(why,
                      "--workload %s: not the name of one workload, or a part of it; varlen bench --list prints them",
                      arguments->workload);
    *problem = (explain_problem){.attention = workload ? describe_workload(workload) : describe(arguments)};
    varlen_attention *attention = &problem->attention;
    attention->dtype = (varlen_dtype)arguments->dtype;
    attention->alignment = (varlen_alignment)arguments->alignment;
    attention->window_left = arguments->window.left;
    attention->window_right = arguments->window.right;
    attention->softcap = arguments->softcap;
    attention->dropout_p = arguments->dropout;
    attention->features |= explain_features(arguments->features, 0);
    const bool forward_only =
        attention->page_size || attention->features & VARLEN_FEATURE_TREE_MASK || (workload && workload->shared_keys);
    problem->passes = arguments->passes ? arguments->passes
                      : forward_only    ? 1 << VARLEN_PASS_FORWARD
                                        : 1 << VARLEN_PASS_FORWARD | 1 << VARLEN_PASS_BACKWARD;
    attention->features |= explain_features(arguments->features, problem->passes);
    attention->flags = explain_flags(arguments->features);
    const bool ok = workload                  ? from_workload(workload, &sequences, why)
                    : arguments->cu_seqlens_q ? from_files(arguments, &sequences, why)
                                              : from_lists(arguments, &sequences, why);
    for (int32_t i = 0; ok && i < sequences.batch; i++) {
        add_sequence(problem, sequences.queries[i], sequences.keys[i]);
        problem->work.visible_pairs += visible_pairs(attention, workload, &sequences, i);
    }
    if (workload && workload->shared_keys)
        problem->work.keys = attention->total_k = bench_total_keys(workload);
    lengths_free(&sequences);
    return ok;
}
