/* The table as a whole: cases counted off through the suites' rows, passes and dtypes. */
#include "suites.h"

#include "dtypes.h"

#include <stdio.h>

static const case_suite *const suites[] = {
    &suite_lengths, &suite_masks,      &suite_ranges,          &suite_chunks,     &suite_positions,
    &suite_trees,   &suite_leftpad_q,  &suite_features,        &suite_values,     &suite_shapes,
    &suite_wide,    &suite_latent,     &suite_quantized,       &suite_paged,      &suite_key_starts,
    &suite_copies,  &suite_layout,     &suite_alone,           &suite_twice,      &suite_threads,
    &suite_poison,  &suite_max_seqlen, &suite_memory,          &suite_cu_seqlens, &suite_pack,
    &suite_unpack,  &suite_pack_bytes, &suite_unpack_bytes,    &suite_append,     &suite_append_attend,
    &suite_merge,   &suite_metadata,   &suite_metadata_around,
};

enum { SUITES = sizeof suites / sizeof suites[0] };

static const case_head *row_at(const case_suite *suite, int row)
{
    return (const case_head *)((const char *)suite->rows + (size_t)row * suite->row_size);
}

static uint32_t dtypes_of(const case_suite *suite, const case_head *head)
{
    if (suite->one_dtype)
        return CASE_BFLOAT16;
    return head->dtypes ? head->dtypes : CASE_FLOAT32 | CASE_HALVES;
}

static uint32_t passes_of(const case_suite *suite, const case_head *head)
{
    if (suite->passes == 0)
        return CASE_FORWARD;
    return head->passes ? head->passes & suite->passes : suite->passes;
}

/* Calls the cases of a row by their numbers, from *index down; true once it has come to 0. */
static bool find_in_row(const case_suite *suite, const case_head *head, int *index, suite_case *found)
{
    for (unsigned pass = 0; pass <= VARLEN_PASS_BACKWARD; pass++) {
        for (unsigned dtype = 0; dtype <= VARLEN_BFLOAT16; dtype++) {
            if (!(passes_of(suite, head) & 1u << pass) || !(dtypes_of(suite, head) & 1u << dtype))
                continue;
            if ((*index)-- == 0) {
                *found = (suite_case){suite, head, (varlen_pass)pass, (varlen_dtype)dtype};
                return true;
            }
        }
    }
    return false;
}

bool suites_find(int index, suite_case *found)
{
    for (int n = 0; n < SUITES; n++)
        for (int row = 0; row < suites[n]->row_count; row++)
            if (find_in_row(suites[n], row_at(suites[n], row), &index, found))
                return true;
    return false;
}

void suite_case_name(const suite_case *found, char name[CONFORMANCE_NAME_SIZE])
{
    static const char *const passes[] = {[VARLEN_PASS_FORWARD] = "forward/", [VARLEN_PASS_BACKWARD] = "backward/"};
    snprintf(name, CONFORMANCE_NAME_SIZE, "%s%s/%s%s%s", found->suite->passes ? passes[found->pass] : "",
             found->suite->name, found->row->name, found->suite->one_dtype ? "" : "/",
             found->suite->one_dtype ? "" : dtype_name(found->dtype));
}
