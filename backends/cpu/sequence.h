/* One sequence of a batch, and where its rows are. */
#ifndef VARLEN_CPU_SEQUENCE_H
#define VARLEN_CPU_SEQUENCE_H

#include "element_size.h"

typedef struct cpu_sequence {
    int32_t index;        /* in the batch */
    int32_t queries;      /* sq, padding skipped */
    int32_t keys;         /* sk, padding skipped */
    int64_t first_query;  /* row of q, padding skipped */
    int64_t first_key;    /* row of k if packed; row of the slot if paged. Padding skipped */
    int64_t shift;        /* p - i, the same for all queries */
    const int32_t *pages; /* the sequence's row of page_table; NULL if packed, or if no sequence has keys yet */
    /* Of each query, NULL where they are not given. */
    const int32_t *key_begin;
    const int32_t *key_end;
    const uint64_t *tree;
} cpu_sequence;

/* Arrays that say where sequences lie: the part that forward and backward have in common. */
typedef struct cpu_metadata {
    const int32_t *cu_seqlens_q;
    const int32_t *cu_seqlens_k;
    const int32_t *seqused_q;
    const int32_t *seqused_k;
    const int32_t *leftpad_q;
    const int32_t *leftpad_k;
    const int32_t *key_begin;
    const int32_t *key_end;
    const uint64_t *tree_mask;
    const int32_t *page_table;
    int32_t page_table_width;
    int32_t page_size; /* 0: packed */
    varlen_alignment alignment;
    const int32_t *query_positions; /* NULL: as the alignment says */
    const int32_t *key_starts;      /* NULL: cu_seqlens_k, where keys are packed */
} cpu_metadata;

static inline int64_t cpu_position_shift(const cpu_metadata *metadata, const cpu_sequence *sequence)
{
    if (metadata->query_positions)
        return metadata->query_positions[sequence->index];
    if (metadata->alignment == VARLEN_ALIGN_TOP_LEFT)
        return 0;
    return (int64_t)sequence->keys - sequence->queries;
}

static inline cpu_sequence cpu_sequence_at(const cpu_metadata *metadata, int32_t index)
{
    const int32_t *cu_q = metadata->cu_seqlens_q + index;
    cpu_sequence sequence = {.index = index, .first_query = cu_q[0]};
    sequence.queries = metadata->seqused_q ? metadata->seqused_q[index] : cu_q[1] - cu_q[0];
    if (metadata->leftpad_q) {
        sequence.first_query += metadata->leftpad_q[index];
        sequence.queries -= metadata->leftpad_q[index];
    }

    if (metadata->page_size > 0) {
        if (metadata->page_table_width > 0)
            sequence.pages = metadata->page_table + (int64_t)index * metadata->page_table_width;
        sequence.keys = metadata->seqused_k[index];
    } else if (metadata->key_starts) {
        sequence.first_key = metadata->key_starts[index];
        sequence.keys = metadata->seqused_k[index];
    } else {
        const int32_t *cu_k = metadata->cu_seqlens_k + index;
        sequence.first_key = cu_k[0];
        sequence.keys = metadata->seqused_k ? metadata->seqused_k[index] : cu_k[1] - cu_k[0];
    }
    if (metadata->leftpad_k) {
        sequence.first_key += metadata->leftpad_k[index];
        sequence.keys -= metadata->leftpad_k[index];
    }
    sequence.key_begin = metadata->key_begin ? metadata->key_begin + sequence.first_query : NULL;
    sequence.key_end = metadata->key_end ? metadata->key_end + sequence.first_query : NULL;
    sequence.tree = metadata->tree_mask ? metadata->tree_mask + sequence.first_query : NULL;
    sequence.shift = cpu_position_shift(metadata, &sequence);
    return sequence;
}

/* All keys or all values, packed or paged. */
typedef struct cpu_cache {
    varlen_tensor tensor;
    int64_t page_stride; /* elements */
    int32_t page_size;   /* 0: packed */
    varlen_dtype dtype;
} cpu_cache;

/* Those of one head and one sequence. */
typedef struct cpu_key_rows {
    char *data; /* of the head */
    const int32_t *pages;
    int64_t first_row;
    int64_t row_bytes;
    int64_t page_bytes;
    int32_t page_size;
} cpu_key_rows;

static inline cpu_key_rows cpu_key_rows_of(const cpu_cache *cache, int32_t head, const cpu_sequence *sequence)
{
    int64_t element = cpu_element_size(cache->dtype);
    return (cpu_key_rows){
        .data = (char *)cache->tensor.data + head * cache->tensor.head_stride * element,
        .pages = sequence->pages,
        .first_row = sequence->first_key,
        .row_bytes = cache->tensor.token_stride * element,
        .page_bytes = cache->page_stride * element,
        .page_size = cache->page_size,
    };
}

/* Row of key j. */
static inline void *cpu_key_row(const cpu_key_rows *rows, int64_t j)
{
    int64_t row = rows->first_row + j;
    if (rows->page_size == 0)
        return rows->data + row * rows->row_bytes;
    /* Rows of a slot are counted in int32; a division of 64 bits takes some five times as long. */
    uint32_t page = (uint32_t)row / (uint32_t)rows->page_size;
    uint32_t row_of_page = (uint32_t)row % (uint32_t)rows->page_size;
    return rows->data + rows->pages[page] * rows->page_bytes + row_of_page * rows->row_bytes;
}

#endif
