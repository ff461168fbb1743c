/* The rules that the contents of cu_seqlens, lengths, key ranges, page tables and key_starts must keep. Because
 * cu_seqlens starts at 0 and never decreases, no entry is negative and no difference overflows once it has passed. */
#include "metadata.h"

#include <stdbool.h>

#include "shared_keys.h"

/* One side of a batch: queries, keys, new tokens, or packed rows. */
typedef struct side {
    varlen_metadata cu_seqlens_name;
    varlen_metadata seqused_name;
    varlen_metadata leftpad_name;
    const int32_t *cu_seqlens; /* NULL: slots are rows of a page table, unless */
    const int32_t *starts;     /* slots begin here, and end with the rows */
    const int32_t *seqused;    /* NULL: the whole slot */
    const int32_t *leftpad;    /* NULL: none */
    int64_t total;
    int64_t paged_rows; /* rows of a slot without cu_seqlens, */
    int32_t page_table_width;
    int32_t maximum; /* rows that one sequence may have */
    bool maximum_is_known;
} side;

typedef struct page_table {
    const int32_t *entries;
    int32_t width;
    int32_t page_size;
    int64_t page_count;
} page_table;

static int64_t slot_rows(const side *s, int32_t b)
{
    if (s->starts)
        return s->total - s->starts[b];
    return s->cu_seqlens ? (int64_t)s->cu_seqlens[b + 1] - s->cu_seqlens[b] : s->paged_rows;
}

static int64_t used_rows(const side *s, int32_t b)
{
    return s->seqused ? s->seqused[b] : slot_rows(s, b);
}

static int64_t padding_rows(const side *s, int32_t b)
{
    return s->leftpad ? s->leftpad[b] : 0;
}

static varlen_violation violation(varlen_violation_rule rule, varlen_metadata argument, int32_t index, int64_t value,
                                  int64_t bound)
{
    return (varlen_violation){.rule = rule, .argument = argument, .index = index, .value = value, .bound = bound};
}

/* More rows than the slot has. */
static varlen_violation slot_violation(const side *s, varlen_violation_rule packed_rule,
                                       varlen_violation_rule paged_rule, int32_t b, int64_t value)
{
    const bool packed = s->cu_seqlens || s->starts;
    varlen_violation found = violation(packed ? packed_rule : paged_rule, s->seqused_name, b, value, slot_rows(s, b));
    found.column = s->page_table_width;
    return found;
}

static const varlen_violation none = {.rule = VARLEN_VIOLATION_NONE};

static varlen_violation inspect_cu_seqlens(const side *s, int32_t batch)
{
    const int32_t *cu = s->cu_seqlens;
    if (cu[0] != 0)
        return violation(VARLEN_VIOLATION_START, s->cu_seqlens_name, 0, cu[0], 0);
    for (int32_t b = 0; b < batch; b++) {
        if (cu[b + 1] < cu[b])
            return violation(VARLEN_VIOLATION_DECREASE, s->cu_seqlens_name, b + 1, cu[b + 1], cu[b]);
        if (cu[b + 1] > s->total)
            return violation(VARLEN_VIOLATION_TOTAL, s->cu_seqlens_name, b + 1, cu[b + 1], s->total);
    }
    return none;
}

static varlen_violation inspect_start(const side *s, int32_t b)
{
    if (s->starts[b] < 0)
        return violation(VARLEN_VIOLATION_NEGATIVE, VARLEN_METADATA_KEY_STARTS, b, s->starts[b], 0);
    if (s->starts[b] > s->total)
        return violation(VARLEN_VIOLATION_TOTAL, VARLEN_METADATA_KEY_STARTS, b, s->starts[b], s->total);
    return none;
}

static varlen_violation inspect_lengths_of(const side *s, int32_t b)
{
    const int64_t slot = slot_rows(s, b);
    const int64_t used = used_rows(s, b);
    const int64_t padding = padding_rows(s, b);
    if (used < 0)
        return violation(VARLEN_VIOLATION_NEGATIVE, s->seqused_name, b, used, 0);
    if (used > slot)
        return slot_violation(s, VARLEN_VIOLATION_SLOT, VARLEN_VIOLATION_PAGED_SLOT, b, used);
    if (padding < 0)
        return violation(VARLEN_VIOLATION_NEGATIVE, s->leftpad_name, b, padding, 0);
    if (padding > used)
        return violation(VARLEN_VIOLATION_USED, s->leftpad_name, b, padding, used);
    if (s->maximum_is_known && used - padding > s->maximum)
        return violation(VARLEN_VIOLATION_MAXIMUM, s->cu_seqlens_name, b, used - padding, s->maximum);
    return none;
}

static varlen_violation inspect_side(const side *s, int32_t batch)
{
    varlen_violation found = s->cu_seqlens ? inspect_cu_seqlens(s, batch) : none;
    for (int32_t b = 0; b < batch && !found.rule; b++) {
        found = s->starts ? inspect_start(s, b) : none;
        if (!found.rule)
            found = inspect_lengths_of(s, b);
    }
    return found;
}

/* The entries that rows first .. end - 1 of a slot go through. */
static varlen_violation inspect_pages(const page_table *table, int32_t sequence, int64_t first, int64_t end)
{
    const int32_t *row = table->entries + (int64_t)sequence * table->width;
    for (int64_t column = first / table->page_size; column * table->page_size < end; column++)
        if (row[column] < 0 || row[column] >= table->page_count) {
            varlen_violation found =
                violation(VARLEN_VIOLATION_PAGE, VARLEN_METADATA_PAGE_TABLE, sequence, row[column], table->page_count);
            found.column = (int32_t)column;
            return found;
        }
    return none;
}

/* key_begin or key_end of one sequence's rows. */
static varlen_violation inspect_bounds(varlen_metadata name, const int32_t *bounds, int64_t first, int64_t rows,
                                       int64_t keys)
{
    for (int64_t row = first; bounds && row < first + rows; row++) {
        if (bounds[row] < 0)
            return violation(VARLEN_VIOLATION_NEGATIVE, name, (int32_t)row, bounds[row], 0);
        if (bounds[row] > keys)
            return violation(VARLEN_VIOLATION_RANGE, name, (int32_t)row, bounds[row], keys);
    }
    return none;
}

/* What the rows of one sequence say that they see. */
static varlen_violation inspect_rows(const varlen_inputs *inputs, const side *queries, const side *keys, int32_t b)
{
    const int32_t tree_queries = 64; /* bits of a word */
    const int64_t first = queries->cu_seqlens[b] + padding_rows(queries, b);
    const int64_t rows = used_rows(queries, b) - padding_rows(queries, b);
    const int64_t visible = used_rows(keys, b) - padding_rows(keys, b);
    if (inputs->tree_mask && rows > tree_queries)
        return violation(VARLEN_VIOLATION_TREE, VARLEN_METADATA_TREE_MASK, b, rows, tree_queries);
    varlen_violation found = inspect_bounds(VARLEN_METADATA_KEY_BEGIN, inputs->key_begin, first, rows, visible);
    return found.rule ? found : inspect_bounds(VARLEN_METADATA_KEY_END, inputs->key_end, first, rows, visible);
}

varlen_violation varlen_inspect_attention(const varlen_attention *attention, varlen_pass pass,
                                          const varlen_inputs *inputs)
{
    const side queries = {.cu_seqlens_name = VARLEN_METADATA_CU_SEQLENS_Q,
                          .seqused_name = VARLEN_METADATA_SEQUSED_Q,
                          .cu_seqlens = inputs->cu_seqlens_q,
                          .seqused = inputs->seqused_q,
                          .leftpad_name = VARLEN_METADATA_LEFTPAD_Q,
                          .leftpad = inputs->leftpad_q,
                          .total = attention->total_q,
                          .maximum = attention->max_seqlen_q,
                          .maximum_is_known = attention->max_seqlen_q > 0};
    const side keys = {.cu_seqlens_name = VARLEN_METADATA_CU_SEQLENS_K,
                       .seqused_name = VARLEN_METADATA_SEQUSED_K,
                       .cu_seqlens = inputs->cu_seqlens_k,
                       .starts = inputs->key_starts,
                       .seqused = inputs->seqused_k,
                       .leftpad_name = VARLEN_METADATA_LEFTPAD_K,
                       .leftpad = inputs->leftpad_k,
                       .total = attention->total_k,
                       .paged_rows = (int64_t)attention->page_size * attention->page_table_width,
                       .page_table_width = attention->page_table_width,
                       .maximum = attention->max_seqlen_k,
                       .maximum_is_known = attention->max_seqlen_k > 0};
    const page_table table = {inputs->page_table, attention->page_table_width, attention->page_size,
                              attention->page_count};
    varlen_violation found = inspect_side(&queries, attention->batch);
    if (!found.rule)
        found = inspect_side(&keys, attention->batch);
    for (int32_t b = 0; b < attention->batch && attention->page_size > 0 && !found.rule; b++)
        if (padding_rows(&keys, b) < used_rows(&keys, b))
            found = inspect_pages(&table, b, padding_rows(&keys, b), used_rows(&keys, b));
    const bool by_row = inputs->key_begin || inputs->key_end || inputs->tree_mask;
    for (int32_t b = 0; b < attention->batch && by_row && !found.rule; b++)
        found = inspect_rows(inputs, &queries, &keys, b);
    if (!found.rule && inputs->key_starts && pass == VARLEN_PASS_BACKWARD)
        found = varlen_inspect_shared_keys(attention->batch, inputs);
    return found;
}

varlen_violation varlen_inspect_lengths(int32_t batch, const int32_t *lengths)
{
    int64_t sum = 0;
    for (int32_t b = 0; b < batch; b++) {
        if (lengths[b] < 0)
            return violation(VARLEN_VIOLATION_NEGATIVE, VARLEN_METADATA_LENGTHS, b, lengths[b], 0);
        sum += lengths[b];
        if (sum > INT32_MAX)
            return violation(VARLEN_VIOLATION_OVERFLOW, VARLEN_METADATA_LENGTHS, b, sum, INT32_MAX);
    }
    return none;
}

/* Where sequence b begins in its padded row, which must hold it. */
static varlen_violation inspect_pack_leftpad(const varlen_pack_args *args, int32_t b)
{
    const int64_t padding = args->leftpad[b];
    const int64_t end = padding + args->cu_seqlens[b + 1] - args->cu_seqlens[b];
    if (padding < 0)
        return violation(VARLEN_VIOLATION_NEGATIVE, VARLEN_METADATA_LEFTPAD, b, padding, 0);
    if (end > args->max_seqlen)
        return violation(VARLEN_VIOLATION_MAXIMUM, VARLEN_METADATA_LEFTPAD, b, end, args->max_seqlen);
    return none;
}

varlen_violation varlen_inspect_pack(const varlen_pack_args *args)
{
    const side rows = {.cu_seqlens_name = VARLEN_METADATA_CU_SEQLENS,
                       .cu_seqlens = args->cu_seqlens,
                       .total = args->total,
                       .maximum = args->max_seqlen,
                       .maximum_is_known = true};
    varlen_violation found = inspect_side(&rows, args->batch);
    for (int32_t b = 0; args->leftpad && b < args->batch && !found.rule; b++)
        found = inspect_pack_leftpad(args, b);
    return found;
}

static varlen_violation inspect_append_to(const varlen_kv_append_args *args, const side *keys, int32_t b)
{
    const int64_t used = used_rows(keys, b);
    const int64_t added = (int64_t)args->cu_seqlens_new[b + 1] - args->cu_seqlens_new[b];
    const int64_t positions = used - padding_rows(keys, b) + added;
    const page_table table = {args->page_table, args->page_table_width, args->page_size, args->page_count};
    if (used + added > slot_rows(keys, b))
        return slot_violation(keys, VARLEN_VIOLATION_CAPACITY, VARLEN_VIOLATION_PAGED_CAPACITY, b, used + added);
    if (used + added > INT32_MAX) /* seqused_k_out is 32 bits wide */
        return violation(VARLEN_VIOLATION_COUNT, VARLEN_METADATA_SEQUSED_K, b, used + added, INT32_MAX);
    if (added > 0 && args->rotary_dim > 0 && positions > args->rotary_positions)
        return violation(VARLEN_VIOLATION_POSITION, VARLEN_METADATA_SEQUSED_K, b, positions - 1,
                         args->rotary_positions);
    return added > 0 && args->page_size > 0 ? inspect_pages(&table, b, used, used + added) : none;
}

varlen_violation varlen_inspect_kv_append(const varlen_kv_append_args *args)
{
    const side added = {.cu_seqlens_name = VARLEN_METADATA_CU_SEQLENS_NEW,
                        .cu_seqlens = args->cu_seqlens_new,
                        .total = args->total_new};
    const side keys = {.cu_seqlens_name = VARLEN_METADATA_CU_SEQLENS_K,
                       .seqused_name = VARLEN_METADATA_SEQUSED_K,
                       .cu_seqlens = args->cu_seqlens_k,
                       .seqused = args->seqused_k,
                       .leftpad_name = VARLEN_METADATA_LEFTPAD_K,
                       .leftpad = args->leftpad_k,
                       .total = args->total_k,
                       .paged_rows = (int64_t)args->page_size * args->page_table_width,
                       .page_table_width = args->page_table_width};
    varlen_violation found = inspect_side(&added, args->batch);
    if (!found.rule)
        found = inspect_side(&keys, args->batch);
    for (int32_t b = 0; b < args->batch && !found.rule; b++)
        found = inspect_append_to(args, &keys, b);
    return found;
}
