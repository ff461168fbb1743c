/* The sentences for broken rules in cu_seqlens, lengths and page tables. */
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
};

static const unsigned argument_count = sizeof arguments / sizeof arguments[0];

/* What a slot holds that is a row of page_table. */
static varlen_text paged_slot(const varlen_violation *v)
{
    varlen_text text = {0};
    varlen_text_add(&text, "the %" PRId64 " keys that its row of page_table holds (page_table_width = %d", v->bound,
                    v->column);
    if (v->column > 0)
        varlen_text_add(&text, " x page_size = %" PRId64, v->bound / v->column);
    varlen_text_add(&text, ")");
    return text;
}

static varlen_status fail_known(const argument *a, const varlen_violation *v)
{
    const varlen_status bad = VARLEN_ERROR_BAD_METADATA;
    switch (v->rule) {
    case VARLEN_VIOLATION_NONE: return VARLEN_OK;
    case VARLEN_VIOLATION_START: return varlen_fail(bad, "%s[0] = %" PRId64 " is not 0", a->name, v->value);
    case VARLEN_VIOLATION_DECREASE:
        return varlen_fail(bad, "%s[%d] = %" PRId64 " is below %s[%d] = %" PRId64, a->name, v->index, v->value, a->name,
                           v->index - 1, v->bound);
    case VARLEN_VIOLATION_TOTAL:
        return varlen_fail(bad, "%s[%d] = %" PRId64 " is above %s = %" PRId64, a->name, v->index, v->value, a->total,
                           v->bound);
    case VARLEN_VIOLATION_NEGATIVE:
        return varlen_fail(bad, "%s[%d] = %" PRId64 " is below 0", a->name, v->index, v->value);
    case VARLEN_VIOLATION_SLOT:
        return varlen_fail(bad, "%s[%d] = %" PRId64 " is above the %" PRId64 " rows of its slot", a->name, v->index,
                           v->value, v->bound);
    case VARLEN_VIOLATION_USED:
        return varlen_fail(bad, "%s[%d] = %" PRId64 " is above the %" PRId64 " keys in use", a->name, v->index,
                           v->value, v->bound);
    case VARLEN_VIOLATION_MAXIMUM:
        return varlen_fail(bad, "sequence %d has %" PRId64 " %s, above %s = %" PRId64, v->index, v->value, a->rows,
                           a->maximum, v->bound);
    case VARLEN_VIOLATION_PAGE:
        return varlen_fail(bad, "%s[%d][%d] = %" PRId64 " is not a page: page_count = %" PRId64, a->name, v->index,
                           v->column, v->value, v->bound);
    case VARLEN_VIOLATION_OVERFLOW:
        return varlen_fail(bad, "the sum of %s[0] .. %s[%d] is above 2147483647", a->name, a->name, v->index);
    case VARLEN_VIOLATION_CAPACITY:
        return varlen_fail(bad, "sequence %d would have %" PRId64 " keys, above the %" PRId64 " rows of its slot",
                           v->index, v->value, v->bound);
    case VARLEN_VIOLATION_POSITION:
        return varlen_fail(bad, "sequence %d needs rotary position %" PRId64 ", but rotary_positions = %" PRId64,
                           v->index, v->value, v->bound);
    case VARLEN_VIOLATION_PAGED_SLOT:
        return varlen_fail(bad, "%s[%d] = %" PRId64 " is above %s", a->name, v->index, v->value, paged_slot(v).data);
    case VARLEN_VIOLATION_PAGED_CAPACITY:
        return varlen_fail(bad, "sequence %d would have %" PRId64 " keys, above %s", v->index, v->value,
                           paged_slot(v).data);
    case VARLEN_VIOLATION_COUNT:
        return varlen_fail(bad, "sequence %d would have %" PRId64 " keys, above the %" PRId64 " that %s can count",
                           v->index, v->value, v->bound, a->name);
    }
    return varlen_fail(VARLEN_ERROR_INTERNAL, "the backend reports rule %d of %s, which does not exist", (int)v->rule,
                       a->name);
}

varlen_status varlen_fail_violation(const varlen_violation *violation)
{
    if ((unsigned)violation->argument >= argument_count)
        return varlen_fail(VARLEN_ERROR_INTERNAL, "the backend reports metadata %d, which does not exist",
                           (int)violation->argument);
    return fail_known(&arguments[violation->argument], violation);
}
