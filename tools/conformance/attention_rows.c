/* What the rows of an attention problem say that they see: key_begin, key_end and tree_mask. */
#include "attention_batch.h"

/* One sequence and the rows of its queries. */
typedef struct row_maker {
    const attention_batch *batch;
    random_source *source;
    int32_t queries;
    int32_t keys;
    int32_t first_row;
    int64_t position; /* of the first query */
} row_maker;

static int32_t within(int64_t value, int32_t limit)
{
    return (int32_t)(value < 0 ? 0 : value > limit ? limit : value);
}

/* Where the first query of a sequence stands. */
static int64_t position_of(const attention_batch *batch, int32_t b)
{
    if (batch->query_positions)
        return batch->query_positions[b];
    return batch->attention.alignment == VARLEN_ALIGN_TOP_LEFT ? 0 : batch_keys(batch, b) - batch_queries(batch, b);
}

static int32_t anywhere(const row_maker *m)
{
    return (int32_t)random_below(m->source, m->keys + 1);
}

/* Spans of 5 to 24 positions, one after the other, from position 0 on: the one that p lies in. */
static void span_around(int64_t p, int64_t *begin, int64_t *end)
{
    *begin = *end = 0;
    for (int32_t n = 0; p >= *end; n++) {
        *begin = *end;
        *end += 5 + n * 7 % 20;
    }
}

static int32_t end_of(const row_maker *m, range_kind kind, int64_t p)
{
    const int32_t block = 11;
    int64_t begin = 0, end = 0;
    switch (kind) {
    case RANGES_PREFIX: return within(p + 1 > m->keys / 3 ? p + 1 : m->keys / 3, m->keys);
    case RANGES_BLOCKS: return within(p < 0 ? 0 : (p / block + 1) * block, m->keys);
    case RANGES_IMAGES:
        span_around(p, &begin, &end);
        return within(begin % 2 ? end : p + 1, m->keys); /* some are images, the others text */
    default: return within(p + 1, m->keys);
    }
}

static void make_range(const row_maker *m, range_kind kind, int32_t i)
{
    const int32_t row = m->first_row + i;
    const int64_t p = m->position + i;
    int32_t *begin = m->batch->key_begin, *end = m->batch->key_end;
    int64_t first = 0, last = 0;
    switch (kind) {
    case RANGES_ANYWHERE:
        begin[row] = anywhere(m);
        end[row] = anywhere(m);
        break;
    case RANGES_BAND:
        begin[row] = within(p - 6 - random_below(m->source, 5), m->keys);
        end[row] = within(p + random_below(m->source, 9), m->keys);
        break;
    case RANGES_DOCUMENTS:
        span_around(p, &first, &last);
        begin[row] = within(first, m->keys);
        end[row] = within(last, m->keys);
        break;
    case RANGES_LATE: begin[row] = anywhere(m); break;
    case RANGES_NOTHING:
        begin[row] = i < 70 && i % 3 ? m->keys : 0;
        end[row] = i % 5 ? m->keys : 0;
        break;
    default: end[row] = end_of(m, kind, p); break;
    }
}

/* Drafts in the order in which they were made: a parent before its children. */
static void make_tree(const row_maker *m, tree_kind kind, int32_t i)
{
    uint64_t *words = m->batch->tree_mask + m->first_row;
    const uint64_t itself = (uint64_t)1 << i % 64;
    switch (kind) {
    case TREE_ANY: words[i] = random_bits(m->source); break;
    case TREE_NOTHING: words[i] = 0; break;
    case TREE_ALL: words[i] = UINT64_MAX; break;
    default: words[i] = itself | (i > 0 && i % 9 ? words[random_below(m->source, i)] : 0); break;
    }
}

/* What rows of no sequence have. */
static void fill_unowned(attention_batch *batch)
{
    for (int64_t n = 0; n < batch->q_rows; n++) {
        if (batch->key_begin)
            batch->key_begin[n] = n % 2 ? INT32_MIN : INT32_MAX;
        if (batch->key_end)
            batch->key_end[n] = n % 2 ? INT32_MAX : -1;
        if (batch->tree_mask)
            batch->tree_mask[n] = UINT64_MAX / 3;
    }
}

void batch_make_rows(case_trial *trial, attention_batch *batch, const attention_case *row, random_source *source)
{
    if (row->ranges != RANGES_NONE && row->ranges <= RANGES_LATE)
        batch->key_begin = TRIAL_TAKE(trial, batch->q_rows, int32_t);
    if (row->ranges != RANGES_NONE && row->ranges != RANGES_LATE)
        batch->key_end = TRIAL_TAKE(trial, batch->q_rows, int32_t);
    if (row->tree != TREE_NONE)
        batch->tree_mask = TRIAL_TAKE(trial, batch->q_rows, uint64_t);
    fill_unowned(batch);
    for (int32_t b = 0; b < batch->attention.batch; b++) {
        const row_maker maker = {batch,
                                 source,
                                 (int32_t)batch_queries(batch, b),
                                 (int32_t)batch_keys(batch, b),
                                 (int32_t)batch_query_row(batch, b, 0),
                                 position_of(batch, b)};
        for (int32_t i = 0; i < maker.queries; i++) {
            if (row->ranges != RANGES_NONE)
                make_range(&maker, row->ranges, i);
            if (row->tree != TREE_NONE)
                make_tree(&maker, row->tree, i);
        }
    }
}
