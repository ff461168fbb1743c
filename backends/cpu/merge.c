/* varlen_merge: partial results combined by their lse. */
#include "around.h"
#include "element_size.h"
#include "inputs.h"
#include "rows.h"
#include "score_rule.h"
#include "span.h"
#include "state.h"
#include "team.h"
#include "threads.h"

#include <math.h>

/* -infinity if the part saw nothing, which FlashAttention-2 marks by +infinity. */
static double partial_lse(const varlen_merge_args *args, int32_t part, int64_t token, int32_t head)
{
    double lse = args->partial_lse[part * args->partial_lse_stride + head * args->tokens + token];
    return lse == INFINITY ? -INFINITY : lse;
}

static const char *partial_row(const varlen_merge_args *args, int32_t part, int64_t token, int32_t head)
{
    const varlen_tensor *tensor = &args->partial_out;
    int64_t element = part * args->partial_out_stride + token * tensor->token_stride + head * tensor->head_stride;
    return (const char *)tensor->data + element * cpu_element_size(args->partial_dtype);
}

/* The sum over parts of exp(lse), as sum * exp(maximum); nothing seen: maximum is -infinity. */
typedef struct merged_total {
    double maximum;
    double sum;
} merged_total;

static merged_total total_of(const varlen_merge_args *args, int64_t token, int32_t head)
{
    double maximum = -INFINITY;
    for (int32_t part = 0; part < args->parts; part++) {
        double own = partial_lse(args, part, token, head);
        maximum = own > maximum || isnan(own) ? own : maximum; /* NaN stays */
    }
    double sum = 0.0;
    for (int32_t part = 0; part < args->parts && maximum != -INFINITY; part++)
        sum += exp(partial_lse(args, part, token, head) - maximum);
    return (merged_total){maximum, sum};
}

/* The piece of a row that begins with element `first`. All parts of it are read before it is written, so that the
 * result may take a part's place. */
static void merge_piece(const varlen_merge_args *args, int64_t token, int32_t head, merged_total total, int32_t first)
{
    float sum[CPU_ROW_PIECE] = {0};
    float row[CPU_ROW_PIECE];
    const int32_t count = (int32_t)cpu_min(CPU_ROW_PIECE, args->value_dim - first);
    const int64_t offset = first * cpu_element_size(args->partial_dtype);
    for (int32_t part = 0; part < args->parts; part++) {
        double own = partial_lse(args, part, token, head);
        if (own == -INFINITY)
            continue;
        float weight = (float)(exp(own - total.maximum) / total.sum);
        row_load(row, partial_row(args, part, token, head) + offset, args->partial_dtype, count);
        row_add(sum, weight, row, count);
    }
    int64_t element = token * args->out.token_stride + head * args->out.head_stride + first;
    row_store((char *)args->out.data + element * cpu_element_size(args->dtype), sum, args->dtype, count);
}

static void merge_row(const varlen_merge_args *args, int64_t token, int32_t head)
{
    merged_total total = total_of(args, token, head);
    for (int32_t first = 0; first < args->value_dim; first += CPU_ROW_PIECE)
        merge_piece(args, token, head, total, first);
    if (args->lse)
        args->lse[head * args->tokens + token] =
            total.maximum == -INFINITY ? -INFINITY : score_finite((float)(total.maximum + log(total.sum)));
}

static void merge_token(const void *pointer, int32_t member, int64_t token)
{
    const varlen_merge_args *args = pointer;
    (void)member;
    for (int32_t head = 0; head < args->heads; head++)
        merge_row(args, token, head);
}

static cpu_team_size team_for(const cpu_state *cpu, const varlen_merge_args *args)
{
    int64_t row_bytes = (int64_t)args->value_dim *
                        ((int64_t)args->parts * cpu_element_size(args->partial_dtype) + cpu_element_size(args->dtype));
    return cpu_team_for(cpu, 1 + cpu_threads_for_rows(args->tokens * args->heads, row_bytes));
}

varlen_status cpu_merge(void *state, varlen_stream stream, const varlen_merge_args *args)
{
    const cpu_state *cpu = state;
    (void)stream;
    const cpu_loop loop = {.body = merge_token, .count = args->tokens, .chunk = 16};
    cpu_team_run(team_for(cpu, args), args, &loop, 1);
    return VARLEN_OK;
}
