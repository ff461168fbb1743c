/* What `varlen bench` measures: see bench/workloads.h. */
#include "bench/workloads.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "bench/lengths.h"
#include "work.h"

/* clang-format off */
static const bench_workload workloads[] = {
    {.name = "even-16x1k-h16-d128", .length = 1024, .batch = 16,
     .q_heads = 16, .kv_heads = 16, .head_dim = 128, .value_dim = 128},
    {.name = "even-16x1k-h16-d128-causal", .length = 1024, .batch = 16,
     .q_heads = 16, .kv_heads = 16, .head_dim = 128, .value_dim = 128, .mask = VARLEN_MASK_CAUSAL},
    {.name = "even-4x4k-h16-d128", .length = 4096, .batch = 4,
     .q_heads = 16, .kv_heads = 16, .head_dim = 128, .value_dim = 128},
    {.name = "even-4x4k-h16-d128-causal", .length = 4096, .batch = 4,
     .q_heads = 16, .kv_heads = 16, .head_dim = 128, .value_dim = 128, .mask = VARLEN_MASK_CAUSAL},
    {.name = "even-1x16k-h16-d128", .length = 16384, .batch = 1,
     .q_heads = 16, .kv_heads = 16, .head_dim = 128, .value_dim = 128},
    {.name = "even-1x16k-h16-d128-causal", .length = 16384, .batch = 1,
     .q_heads = 16, .kv_heads = 16, .head_dim = 128, .value_dim = 128, .mask = VARLEN_MASK_CAUSAL},
    {.name = "even-4x4k-h32-d64-causal", .length = 4096, .batch = 4,
     .q_heads = 32, .kv_heads = 32, .head_dim = 64, .value_dim = 64, .mask = VARLEN_MASK_CAUSAL},
    {.name = "even-4x4k-h16-d192/128-causal", .length = 4096, .batch = 4,
     .q_heads = 16, .kv_heads = 16, .head_dim = 192, .value_dim = 128, .mask = VARLEN_MASK_CAUSAL},
    {.name = "even-4x4k-h8-d256-causal", .length = 4096, .batch = 4,
     .q_heads = 8, .kv_heads = 8, .head_dim = 256, .value_dim = 256, .mask = VARLEN_MASK_CAUSAL},
    {.name = "mixed-40x32k-gqa32/8-d128-causal", .lengths = bench_lengths_mixed, .batch = 40,
     .q_heads = 32, .kv_heads = 8, .head_dim = 128, .value_dim = 128, .mask = VARLEN_MASK_CAUSAL},
    {.name = "chat-50x32k-gqa64/8-d128-causal", .lengths = bench_lengths_chat, .batch = 50,
     .q_heads = 64, .kv_heads = 8, .head_dim = 128, .value_dim = 128, .mask = VARLEN_MASK_CAUSAL},
    {.name = "skew-1x16k+63x128-gqa32/8-d128-causal", .lengths = bench_lengths_skew, .batch = 64,
     .q_heads = 32, .kv_heads = 8, .head_dim = 128, .value_dim = 128, .mask = VARLEN_MASK_CAUSAL},
    {.name = "chunk-8x512q/16k-gqa32/8-d128-causal", .length = 16384, .batch = 8, .queries = 512,
     .q_heads = 32, .kv_heads = 8, .head_dim = 128, .value_dim = 128, .mask = VARLEN_MASK_CAUSAL},
    {.name = "short-256x(32..512)-h12-d64", .lengths = bench_lengths_short_256, .batch = 256,
     .q_heads = 12, .kv_heads = 12, .head_dim = 64, .value_dim = 64},
    {.name = "vit-512x64-h16-d64", .length = 64, .batch = 512,
     .q_heads = 16, .kv_heads = 16, .head_dim = 64, .value_dim = 64},
    {.name = "tiny-1x128-h32-d128-causal", .length = 128, .batch = 1,
     .q_heads = 32, .kv_heads = 32, .head_dim = 128, .value_dim = 128, .mask = VARLEN_MASK_CAUSAL},
    {.name = "decode-64x4k-gqa32/8-d128-page16", .lengths = bench_lengths_decode, .batch = 64, .queries = 1,
     .q_heads = 32, .kv_heads = 8, .head_dim = 128, .value_dim = 128, .mask = VARLEN_MASK_CAUSAL, .page_size = 16},
    {.name = "decode-64x4k-gqa32/8-d128-page16-e4m3", .lengths = bench_lengths_decode, .batch = 64, .queries = 1,
     .q_heads = 32, .kv_heads = 8, .head_dim = 128, .value_dim = 128, .mask = VARLEN_MASK_CAUSAL, .page_size = 16,
     .kv_dtype = VARLEN_FLOAT8_E4M3},
    {.name = "decode-64x4k-gqa32/8-d128-page16-int8", .lengths = bench_lengths_decode, .batch = 64, .queries = 1,
     .q_heads = 32, .kv_heads = 8, .head_dim = 128, .value_dim = 128, .mask = VARLEN_MASK_CAUSAL, .page_size = 16,
     .kv_dtype = VARLEN_INT8},
    {.name = "decode-100x2k-gqa64/8-d128-page64", .length = 2048, .batch = 100, .queries = 1,
     .q_heads = 64, .kv_heads = 8, .head_dim = 128, .value_dim = 128, .mask = VARLEN_MASK_CAUSAL, .page_size = 64},
    {.name = "decode-4x64k-gqa32/8-d128-page256", .length = 65536, .batch = 4, .queries = 1,
     .q_heads = 32, .kv_heads = 8, .head_dim = 128, .value_dim = 128, .mask = VARLEN_MASK_CAUSAL, .page_size = 256},
    {.name = "decode-1x128k-gqa32/8-d128-page256", .length = 131072, .batch = 1, .queries = 1,
     .q_heads = 32, .kv_heads = 8, .head_dim = 128, .value_dim = 128, .mask = VARLEN_MASK_CAUSAL, .page_size = 256},
    {.name = "verify-32x4k-q4-gqa32/8-d128-page16", .lengths = bench_lengths_verify, .batch = 32, .queries = 4,
     .q_heads = 32, .kv_heads = 8, .head_dim = 128, .value_dim = 128, .mask = VARLEN_MASK_CAUSAL, .page_size = 16},
    {.name = "shared-prefix-64x8k-gqa32/8-d128", .length = 8192, .batch = 64, .queries = 1, .shared_keys = true,
     .q_heads = 32, .kv_heads = 8, .head_dim = 128, .value_dim = 128, .mask = VARLEN_MASK_CAUSAL},
    {.name = "chunked-prefill-16k/1k-gqa32/8-d128", .lengths = bench_lengths_chunks, .batch = 16, .queries = 1024,
     .shared_keys = true, .positions = true,
     .q_heads = 32, .kv_heads = 8, .head_dim = 128, .value_dim = 128, .mask = VARLEN_MASK_CAUSAL},
    {.name = "even-4x4k-gqa16/8-d512-causal", .length = 4096, .batch = 4,
     .q_heads = 16, .kv_heads = 8, .head_dim = 512, .value_dim = 512, .mask = VARLEN_MASK_CAUSAL},
    {.name = "latent-128x4k-gqa128/1-d576/512-page64", .length = 4096, .batch = 128, .queries = 1, .v_in_k = true,
     .q_heads = 128, .kv_heads = 1, .head_dim = 576, .value_dim = 512, .mask = VARLEN_MASK_CAUSAL, .page_size = 64},
    {.name = "latent-128x4k-gqa16/1-d576/512-page64", .length = 4096, .batch = 128, .queries = 1, .v_in_k = true,
     .q_heads = 16, .kv_heads = 1, .head_dim = 576, .value_dim = 512, .mask = VARLEN_MASK_CAUSAL, .page_size = 64},
    {.name = "decode-64x4k-gqa16/2-d512-page16-e4m3", .lengths = bench_lengths_decode, .batch = 64, .queries = 1,
     .q_heads = 16, .kv_heads = 2, .head_dim = 512, .value_dim = 512, .mask = VARLEN_MASK_CAUSAL, .page_size = 16,
     .kv_dtype = VARLEN_FLOAT8_E4M3},
    {.name = "latent-128x4k-gqa16/1-d576/512-page64-e4m3", .length = 4096, .batch = 128, .queries = 1, .v_in_k = true,
     .q_heads = 16, .kv_heads = 1, .head_dim = 576, .value_dim = 512, .mask = VARLEN_MASK_CAUSAL, .page_size = 64,
     .kv_dtype = VARLEN_FLOAT8_E4M3},
    {.name = "latent-32x4k-q4-gqa128/1-d576/512-page64", .length = 4096, .batch = 32, .queries = 4, .v_in_k = true,
     .q_heads = 128, .kv_heads = 1, .head_dim = 576, .value_dim = 512, .mask = VARLEN_MASK_CAUSAL, .page_size = 64},
    {.name = "one-1x4k-h4-d128-causal", .length = 4096, .batch = 1, .for_host = true,
     .q_heads = 4, .kv_heads = 4, .head_dim = 128, .value_dim = 128, .mask = VARLEN_MASK_CAUSAL},
    {.name = "even-6x2k-gqa8/2-d128-causal", .length = 2048, .batch = 6, .for_host = true,
     .q_heads = 8, .kv_heads = 2, .head_dim = 128, .value_dim = 128, .mask = VARLEN_MASK_CAUSAL},
    {.name = "documents-24-gqa8/2-d128-causal", .lengths = bench_lengths_documents, .batch = 24, .for_host = true,
     .q_heads = 8, .kv_heads = 2, .head_dim = 128, .value_dim = 128, .mask = VARLEN_MASK_CAUSAL},
    {.name = "leftpad-24-gqa8/2-d128-causal", .lengths = bench_lengths_documents, .batch = 24, .for_host = true,
     .q_heads = 8, .kv_heads = 2, .head_dim = 128, .value_dim = 128, .mask = VARLEN_MASK_CAUSAL, .leftpad = true},
    {.name = "short-64x(32..512)-h8-d64", .lengths = bench_lengths_short_64, .batch = 64, .for_host = true,
     .q_heads = 8, .kv_heads = 8, .head_dim = 64, .value_dim = 64},
    {.name = "decode-8x8k-gqa32/8-d128", .length = 8192, .batch = 8, .queries = 1, .for_host = true,
     .q_heads = 32, .kv_heads = 8, .head_dim = 128, .value_dim = 128, .mask = VARLEN_MASK_CAUSAL},
    {.name = "decode-8x8k-gqa32/8-d128-page16", .length = 8192, .batch = 8, .queries = 1, .for_host = true,
     .q_heads = 32, .kv_heads = 8, .head_dim = 128, .value_dim = 128, .mask = VARLEN_MASK_CAUSAL, .page_size = 16},
    {.name = "prefix-lm-4x8k-gqa32/8-d128", .length = 8192, .batch = 4,
     .q_heads = 32, .kv_heads = 8, .head_dim = 128, .value_dim = 128, .rows = BENCH_ROWS_PREFIX},
    {.name = "image-spans-4x8k-gqa32/8-d128", .length = 8192, .batch = 4,
     .q_heads = 32, .kv_heads = 8, .head_dim = 128, .value_dim = 128, .rows = BENCH_ROWS_IMAGES},
    {.name = "block-diffusion-4x8k-gqa32/8-d128", .length = 8192, .batch = 4,
     .q_heads = 32, .kv_heads = 8, .head_dim = 128, .value_dim = 128, .rows = BENCH_ROWS_BLOCKS},
    {.name = "chunked-4x8k-gqa32/8-d128-causal", .length = 8192, .batch = 4,
     .q_heads = 32, .kv_heads = 8, .head_dim = 128, .value_dim = 128, .mask = VARLEN_MASK_CAUSAL, .chunk = 2048},
    {.name = "band-512-4x8k-gqa32/8-d128", .length = 8192, .batch = 4,
     .q_heads = 32, .kv_heads = 8, .head_dim = 128, .value_dim = 128, .rows = BENCH_ROWS_BAND},
    {.name = "causal-as-key-end-4x8k-gqa32/8-d128", .length = 8192, .batch = 4,
     .q_heads = 32, .kv_heads = 8, .head_dim = 128, .value_dim = 128, .rows = BENCH_ROWS_CAUSAL},
    {.name = "tree-32x4k-q64-gqa32/8-d128-page16", .length = 4096, .batch = 32, .queries = 64,
     .q_heads = 32, .kv_heads = 8, .head_dim = 128, .value_dim = 128, .rows = BENCH_ROWS_TREE, .page_size = 16},
    {.name = "prefix-lm-6x2k-gqa8/2-d128", .length = 2048, .batch = 6, .for_host = true,
     .q_heads = 8, .kv_heads = 2, .head_dim = 128, .value_dim = 128, .rows = BENCH_ROWS_PREFIX},
    {.name = "image-spans-6x2k-gqa8/2-d128", .length = 2048, .batch = 6, .for_host = true,
     .q_heads = 8, .kv_heads = 2, .head_dim = 128, .value_dim = 128, .rows = BENCH_ROWS_IMAGES},
    {.name = "block-diffusion-6x2k-gqa8/2-d128", .length = 2048, .batch = 6, .for_host = true,
     .q_heads = 8, .kv_heads = 2, .head_dim = 128, .value_dim = 128, .rows = BENCH_ROWS_BLOCKS},
    {.name = "chunked-6x2k-gqa8/2-d128-causal", .length = 2048, .batch = 6, .for_host = true,
     .q_heads = 8, .kv_heads = 2, .head_dim = 128, .value_dim = 128, .mask = VARLEN_MASK_CAUSAL, .chunk = 512},
    {.name = "band-512-6x2k-gqa8/2-d128", .length = 2048, .batch = 6, .for_host = true,
     .q_heads = 8, .kv_heads = 2, .head_dim = 128, .value_dim = 128, .rows = BENCH_ROWS_BAND},
    {.name = "causal-as-key-end-6x2k-gqa8/2-d128", .length = 2048, .batch = 6, .for_host = true,
     .q_heads = 8, .kv_heads = 2, .head_dim = 128, .value_dim = 128, .rows = BENCH_ROWS_CAUSAL},
    {.name = "tree-8x4k-q32-gqa32/8-d128-page16", .length = 4096, .batch = 8, .queries = 32, .for_host = true,
     .q_heads = 32, .kv_heads = 8, .head_dim = 128, .value_dim = 128, .rows = BENCH_ROWS_TREE, .page_size = 16},
    {.name = "shared-prefix-8x8k-gqa32/8-d128", .length = 8192, .batch = 8, .queries = 1, .for_host = true,
     .shared_keys = true,
     .q_heads = 32, .kv_heads = 8, .head_dim = 128, .value_dim = 128, .mask = VARLEN_MASK_CAUSAL},
    {.name = "chunked-prefill-4k/1k-gqa8/2-d128", .lengths = bench_lengths_chunks, .batch = 4, .queries = 1024,
     .for_host = true, .shared_keys = true, .positions = true,
     .q_heads = 8, .kv_heads = 2, .head_dim = 128, .value_dim = 128, .mask = VARLEN_MASK_CAUSAL},
    {.name = "even-2x2k-gqa4/2-d512-causal", .length = 2048, .batch = 2, .for_host = true,
     .q_heads = 4, .kv_heads = 2, .head_dim = 512, .value_dim = 512, .mask = VARLEN_MASK_CAUSAL},
    {.name = "latent-8x4k-gqa8/1-d576/512-page64", .length = 4096, .batch = 8, .queries = 1, .v_in_k = true,
     .for_host = true, .q_heads = 8, .kv_heads = 1, .head_dim = 576, .value_dim = 512, .mask = VARLEN_MASK_CAUSAL,
     .page_size = 64},
    {.name = "latent-8x4k-gqa128/1-d576/512-page64", .length = 4096, .batch = 8, .queries = 1, .v_in_k = true,
     .for_host = true, .q_heads = 128, .kv_heads = 1, .head_dim = 576, .value_dim = 512, .mask = VARLEN_MASK_CAUSAL,
     .page_size = 64},
    {.name = "decode-8x8k-gqa32/8-d128-e4m3", .length = 8192, .batch = 8, .queries = 1, .for_host = true,
     .q_heads = 32, .kv_heads = 8, .head_dim = 128, .value_dim = 128, .mask = VARLEN_MASK_CAUSAL,
     .kv_dtype = VARLEN_FLOAT8_E4M3},
    {.name = "decode-8x8k-gqa32/8-d128-int8", .length = 8192, .batch = 8, .queries = 1, .for_host = true,
     .q_heads = 32, .kv_heads = 8, .head_dim = 128, .value_dim = 128, .mask = VARLEN_MASK_CAUSAL,
     .kv_dtype = VARLEN_INT8},
};
/* clang-format on */

int bench_workload_count(void)
{
    return (int)(sizeof workloads / sizeof workloads[0]);
}

const bench_workload *bench_workload_at(int index)
{
    return &workloads[index];
}

/* A piece of a comma list. */
typedef struct list_word {
    const char *text;
    size_t length;
} list_word;

/* Takes the first word off the list; false at its end. */
static bool next_word(const char **words, list_word *word)
{
    if (!*words)
        return false;
    *word = (list_word){*words, strcspn(*words, ",")};
    *words = (*words)[word->length] ? *words + word->length + 1 : NULL;
    return true;
}

static bool is_name(const list_word *word, const char *name)
{
    return strlen(name) == word->length && memcmp(name, word->text, word->length) == 0;
}

static bool is_part_of(const list_word *word, const char *name)
{
    return word->length > 0 && memmem(name, strlen(name), word->text, word->length);
}

static bool is_some_name(const list_word *word)
{
    for (int i = 0; i < bench_workload_count(); i++)
        if (is_name(word, workloads[i].name))
            return true;
    return false;
}

static bool picks(const list_word *word, const char *name)
{
    return is_some_name(word) ? is_name(word, name) : is_part_of(word, name);
}

bool bench_workload_picked(const bench_workload *workload, const char *words)
{
    list_word word;
    while (next_word(&words, &word))
        if (picks(&word, workload->name))
            return true;
    return false;
}

bool bench_workload_unknown_word(const char *words, char *text, int size)
{
    list_word word;
    while (next_word(&words, &word)) {
        bool known = false;
        for (int i = 0; i < bench_workload_count() && !known; i++)
            known = picks(&word, workloads[i].name);
        if (!known) {
            snprintf(text, (size_t)size, "%.*s", (int)word.length, word.text);
            return true;
        }
    }
    return false;
}

int32_t bench_keys(const bench_workload *workload, int32_t sequence)
{
    return workload->lengths ? workload->lengths[sequence] : workload->length;
}

int32_t bench_queries(const bench_workload *workload, int32_t sequence)
{
    return workload->queries ? workload->queries : bench_keys(workload, sequence);
}

uint64_t bench_features(const bench_workload *workload)
{
    return bench_row_features(workload->rows) | (workload->shared_keys ? VARLEN_FEATURE_KEY_STARTS : 0) |
           (workload->positions ? VARLEN_FEATURE_QUERY_POSITIONS : 0) |
           (workload->leftpad ? VARLEN_FEATURE_LEFTPAD_Q | VARLEN_FEATURE_LEFTPAD_K : 0);
}

int64_t bench_total_keys(const bench_workload *workload)
{
    int64_t total = 0, longest = 0;
    for (int32_t i = 0; i < workload->batch; i++) {
        total += bench_keys(workload, i);
        longest = bench_keys(workload, i) > longest ? bench_keys(workload, i) : longest;
    }
    return workload->shared_keys ? longest : total;
}

int64_t bench_total_queries(const bench_workload *workload)
{
    int64_t total = 0;
    for (int32_t i = 0; i < workload->batch; i++)
        total += bench_queries(workload, i);
    return total;
}

int64_t bench_visible_pairs(const bench_workload *workload, int32_t sequence)
{
    const varlen_attention shape = {.mask = workload->mask, .attention_chunk = workload->chunk};
    bench_row row = {.queries = bench_queries(workload, sequence), .keys = bench_keys(workload, sequence)};
    int64_t pairs = 0;
    for (; row.query < row.queries; row.query++) {
        const int32_t begin = bench_row_begin(workload->rows, &row);
        const int32_t end = bench_row_end(workload->rows, &row);
        const uint64_t tree = bench_row_tree(&row);
        const row_masks masks = {.key_begin = bench_rows_have_begin(workload->rows) ? &begin : NULL,
                                 .key_end = bench_rows_have_end(workload->rows) ? &end : NULL,
                                 .tree_mask = workload->rows == BENCH_ROWS_TREE ? &tree : NULL};
        pairs += visible_keys_of(&shape, row.keys - row.queries + row.query, row.queries, row.keys, &masks);
    }
    return pairs;
}

static int64_t visible_pairs(const bench_workload *workload)
{
    int64_t pairs = 0;
    for (int32_t i = 0; i < workload->batch; i++)
        pairs += bench_visible_pairs(workload, i);
    return pairs;
}

static attention_work work_of(const bench_workload *workload)
{
    return (attention_work){bench_total_queries(workload), bench_total_keys(workload), visible_pairs(workload),
                            workload->v_in_k};
}

/* What of the problem counts. */
static varlen_attention sizes_of(const bench_workload *workload, varlen_dtype dtype)
{
    return (varlen_attention){.dtype = dtype,
                              .q_heads = workload->q_heads,
                              .kv_heads = workload->kv_heads,
                              .head_dim = workload->head_dim,
                              .value_dim = workload->value_dim,
                              .kv_dtype = workload->kv_dtype};
}

double bench_flops(const bench_workload *workload, varlen_pass pass)
{
    const varlen_attention sizes = sizes_of(workload, VARLEN_FLOAT32);
    const attention_work work = work_of(workload);
    return work_flops(&sizes, &work, pass);
}

double bench_bytes(const bench_workload *workload, varlen_dtype dtype, varlen_pass pass)
{
    const varlen_attention sizes = sizes_of(workload, dtype);
    const attention_work work = work_of(workload);
    return work_bytes(&sizes, &work, pass);
}
