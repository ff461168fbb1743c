/* The sentences for broken rules in cu_seqlens, lengths, key ranges, page tables and key_starts. */
#include "violation.h"

#include <inttypes.h>

#include "error.h"

/* How the sentences name an argument, and what bounds it. */
typedef struct argument {
    const char *name;
    const char *total;   /* what its last element must not exceed */
    const char *rows;    /* what it counts */
    const char *maximum; /* the bound on one sequence */
} argument;

static const argument arguments[] = {
    [VARLEN_METADATA_CU_SEQLENS_Q] = {"cu_seqlens_q", "total_q", "queries", "max_seqlen_q"},
    [VARLEN_METADATA_CU_SEQLENS_K] = {"cu_seqlens_k", "total_k", "keys", "max_seqlen_k"},
    [VARLEN_METADATA_SEQUSED_Q] = {"seqused_q", "total_q", "queries", "max_seqlen_q"},
    [VARLEN_METADATA_SEQUSED_K] = {"seqused_k", "total_k", "keys", "max_seqlen_k"},
    [VARLEN_METADATA_LEFTPAD_K] = {"leftpad_k", "total_k", "keys", "max_seqlen_k"},
    [VARLEN_METADATA_PAGE_TABLE] = {"page_table", "page_count", "pages", "page_table_width"},
    [VARLEN_METADATA_CU_SEQLENS] = {"cu_seqlens", "total", "tokens", "max_seqlen"},
    [VARLEN_METADATA_CU_SEQLENS_NEW] = {"cu_seqlens_new", "total_new", "new tokens", "total_new"},
    [VARLEN_METADATA_LENGTHS] = {"lengths", "2147483647", "tokens", "2147483647"},
    [VARLEN_METADATA_KEY_BEGIN] = {"key_begin", "total_k", "keys", "max_seqlen_k"},
    [VARLEN_METADATA_KEY_END] = {"key_end", "total_k", "keys", "max_seqlen_k"},
    [VARLEN_METADATA_QUERY_POSITIONS] = {"query_positions", "2147483647", "queries", "max_seqlen_q"},
    [VARLEN_METADATA_KEY_STARTS] = {"key_starts", "total_k", "keys", "max_seqlen_k"},
    [VARLEN_METADATA_LEFTPAD_Q] = {"leftpad_q", "total_q", "queries", "max_seqlen_q"},
    [VARLEN_METADATA_LEFTPAD] = {"leftpad", "total", "tokens, padding before them included", "max_seqlen"},
    [VARLEN_METADATA_TREE_MASK] = {"tree_mask", "total_q", "queries", "max_seqlen_q"},
};

static const unsigned argument_count = sizeof arguments / sizeof arguments[0];

/* What a slot holds that is a row of page_table. */
static void add_paged_slot(varlen_text *text, const varlen_violation *v)
{
    varlen_text_add(text, "the %" PRId64 " keys that its row of page_table holds (page_table_width = %d", v->bound,
                    v->column);
    if (v->column > 0)
        varlen_text_add(text, " x page_size = %" PRId64, v->bound / v->column);
    varlen_text_add(text, ")");
}

/* The rules about one sequence as a whole. */
static void add_words_of_sequence(varlen_text *text, const argument *a, const varlen_violation *v)
{
    varlen_text_add(text, "sequence %d ", v->index);
    switch (v->rule) {
    case VARLEN_VIOLATION_MAXIMUM:
        varlen_text_add(text, "has %" PRId64 " %s, above %s = %" PRId64, v->value, a->rows, a->maximum, v->bound);
        break;
    case VARLEN_VIOLATION_POSITION:
        varlen_text_add(text, "needs rotary position %" PRId64 ", but rotary_positions = %" PRId64, v->value, v->bound);
        break;
    case VARLEN_VIOLATION_CAPACITY:
        varlen_text_add(text, "would have %" PRId64 " keys, above the %" PRId64 " rows of its slot", v->value,
                        v->bound);
        break;
    case VARLEN_VIOLATION_PAGED_CAPACITY:
        varlen_text_add(text, "would have %" PRId64 " keys, above ", v->value);
        add_paged_slot(text, v);
        break;
    case VARLEN_VIOLATION_TREE:
        varlen_text_add(text, "has %" PRId64 " queries, above the %" PRId64 " that a row of %s holds", v->value,
                        v->bound, a->name);
        break;
    default: /* VARLEN_VIOLATION_COUNT */
        varlen_text_add(text, "would have %" PRId64 " keys, above the %" PRId64 " that %s can count", v->value,
                        v->bound, a->name);
        break;
    }
}

static void add_words(varlen_text *text, const argument *a, const varlen_violation *v)
{
    const char *name = a->name;
    const int32_t index = v->index;
    switch (v->rule) {
    case VARLEN_VIOLATION_START: varlen_text_add(text, "%s[0] = %" PRId64 " is not 0", name, v->value); break;
    case VARLEN_VIOLATION_DECREASE:
        varlen_text_add(text, "%s[%d] = %" PRId64 " is below %s[%d] = %" PRId64, name, index, v->value, name, index - 1,
                        v->bound);
        break;
    case VARLEN_VIOLATION_TOTAL:
        varlen_text_add(text, "%s[%d] = %" PRId64 " is above %s = %" PRId64, name, index, v->value, a->total, v->bound);
        break;
    case VARLEN_VIOLATION_NEGATIVE:
        varlen_text_add(text, "%s[%d] = %" PRId64 " is below 0", name, index, v->value);
        break;
    case VARLEN_VIOLATION_SLOT:
        varlen_text_add(text, "%s[%d] = %" PRId64 " is above the %" PRId64 " rows of its slot", name, index, v->value,
                        v->bound);
        break;
    case VARLEN_VIOLATION_PAGED_SLOT:
        varlen_text_add(text, "%s[%d] = %" PRId64 " is above ", name, index, v->value);
        add_paged_slot(text, v);
        break;
    case VARLEN_VIOLATION_USED:
        varlen_text_add(text, "%s[%d] = %" PRId64 " is above the %" PRId64 " %s in use", name, index, v->value,
                        v->bound, a->rows);
        break;
    case VARLEN_VIOLATION_RANGE:
        varlen_text_add(text, "%s[%d] = %" PRId64 " is above the %" PRId64 " keys of its sequence", name, index,
                        v->value, v->bound);
        break;
    case VARLEN_VIOLATION_PAGE:
        varlen_text_add(text, "%s[%d][%d] = %" PRId64 " is not a page: page_count = %" PRId64, name, index, v->column,
                        v->value, v->bound);
        break;
    case VARLEN_VIOLATION_OVERFLOW:
        varlen_text_add(text, "the sum of %s[0] .. %s[%d] is above 2147483647", name, name, index);
        break;
    case VARLEN_VIOLATION_SHARED:
        varlen_text_add(text,
                        "the keys of sequence %d begin at row %" PRId64 ", before row %" PRId64
                        ", where those of sequence %d end: varlen_backward takes no shared keys",
                        index, v->value, v->bound, v->column);
        break;
    default: add_words_of_sequence(text, a, v); break;
    }
}

varlen_status varlen_violation_words(const varlen_violation *violation, varlen_text *words)
{
    const unsigned named = (unsigned)violation->argument;
    if (violation->rule == VARLEN_VIOLATION_NONE)
        return VARLEN_OK;
    if (named >= argument_count || !arguments[named].name) {
        varlen_text_add(words, "the backend reports metadata %d, which does not exist", (int)violation->argument);
        return VARLEN_ERROR_INTERNAL;
    }
    if ((unsigned)violation->rule > VARLEN_VIOLATION_SHARED) {
        varlen_text_add(words, "the backend reports rule %d of %s, which does not exist", (int)violation->rule,
                        arguments[named].name);
        return VARLEN_ERROR_INTERNAL;
    }
    add_words(words, &arguments[named], violation);
    return VARLEN_ERROR_BAD_METADATA;
}

varlen_status varlen_fail_violation(const varlen_violation *violation)
{
    varlen_text words = {0};
    const varlen_status status = varlen_violation_words(violation, &words);
    return status == VARLEN_OK ? VARLEN_OK : varlen_fail(status, "%s", words.data);
}
