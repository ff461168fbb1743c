/* The query rows of one kv head, its group's heads side by side.
 *
 * Row r of a sequence and kv head is query r / group, head r % group of the group: keys are read once for all heads of
 * a group, and the triangle that a causal mask leaves empty at the edge is as narrow as it can be. */
#ifndef VARLEN_GPU_QUERY_ROW_H
#define VARLEN_GPU_QUERY_ROW_H

#include "call/sequence.h"

struct query_row {
    int32_t query; /* counted in the sequence */
    int32_t head;  /* query head */
};

GPU_DEVICE query_row query_row_at(const gpu_problem &problem, int32_t kv_head, int32_t row)
{
    quotient_and_rest place = divide_with_rest(row, problem.group);
    return {place.quotient, kv_head * (int32_t)problem.group.divisor + place.rest};
}

GPU_DEVICE char *query_row_address(const gpu_problem &problem, const gpu_tensor &tensor, const gpu_sequence &sequence,
                                   int32_t kv_head, int32_t row)
{
    query_row place = query_row_at(problem, kv_head, row);
    return tensor_row(tensor, (int64_t)sequence.first_query + place.query, place.head);
}

#endif
