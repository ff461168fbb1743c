/* The list of the calls that are tested. */
#include "operations.h"

const operation *const operations[] = {
    &forward_packed, &forward_small,       &forward_dropout,  &forward_paged, &backward_packed,
    &backward_small, &backward_repeatable, &backward_dropout, &merge_parts,   &append_packed,
    &append_paged,   &sum_lengths,         &pack_rows,        &unpack_rows,
};

const int operation_count = (int)(sizeof operations / sizeof operations[0]);
