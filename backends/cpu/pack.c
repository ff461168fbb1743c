/* varlen_cu_seqlens, varlen_pack and varlen_unpack: between padded and packed rows. */
#include "around.h"
#include "outside.h"
#include "state.h"
#include "team.h"
#include "threads.h"

#include <string.h>

varlen_status cpu_cu_seqlens(void *state, varlen_stream stream, int32_t batch, const int32_t *lengths,
                             int32_t *cu_seqlens)
{
    (void)state;
    (void)stream;
    cu_seqlens[0] = 0;
    for (int32_t b = 0; b < batch; b++)
        cu_seqlens[b + 1] = cu_seqlens[b] + lengths[b];
    return VARLEN_OK;
}

/* Padded row t of sequence b, of all heads. */
static varlen_tensor padded_row(const varlen_pack_args *args, int32_t b, int32_t t)
{
    int64_t element = b * args->padded_batch_stride + t * args->padded.token_stride;
    varlen_tensor row = args->padded;
    row.data = (char *)row.data + element * varlen_dtype_size(args->dtype);
    return row;
}

static varlen_tensor packed_row(const varlen_pack_args *args, int64_t row_index)
{
    varlen_tensor row = args->packed;
    row.data = (char *)row.data + row_index * row.token_stride * varlen_dtype_size(args->dtype);
    return row;
}

static void copy_row(const varlen_tensor *destination, const varlen_tensor *source, const varlen_pack_args *args)
{
    int64_t element = varlen_dtype_size(args->dtype);
    for (int32_t head = 0; head < args->heads; head++)
        memcpy((char *)destination->data + head * destination->head_stride * element,
               (const char *)source->data + head * source->head_stride * element, (size_t)(args->dim * element));
}

/* `rows` are written. */
static cpu_team_size team_for(const cpu_state *cpu, const varlen_pack_args *args, int64_t rows)
{
    return cpu_team_for(
        cpu, 1 + cpu_threads_for_rows(rows * args->heads, 2 * (int64_t)args->dim * varlen_dtype_size(args->dtype)));
}

/* A sequence, or behind the last one a piece of the rows that belong to none. */
static void pack_sequence(const void *pointer, int32_t member, int64_t number)
{
    const varlen_pack_args *args = pointer;
    int32_t b = (int32_t)number;
    (void)member;
    if (number >= args->batch) {
        cpu_row_range rest = cpu_gap(args->cu_seqlens, NULL, args->batch, args->total, number);
        cpu_clear_rows(&args->packed, args->dtype, args->heads, args->dim, rest);
        return;
    }
    for (int32_t t = 0; t < args->cu_seqlens[b + 1] - args->cu_seqlens[b]; t++) {
        varlen_tensor source = padded_row(args, b, t);
        varlen_tensor destination = packed_row(args, (int64_t)args->cu_seqlens[b] + t);
        copy_row(&destination, &source, args);
    }
}

varlen_status cpu_pack(void *state, varlen_stream stream, const varlen_pack_args *args)
{
    const cpu_state *cpu = state;
    (void)stream;
    const cpu_loop loop = {.body = pack_sequence, .count = cpu_gap_count(args->cu_seqlens, args->batch, args->total)};
    cpu_team_run(team_for(cpu, args, args->total), args, &loop, 1);
    return VARLEN_OK;
}

static void unpack_sequence(const void *pointer, int32_t member, int64_t number)
{
    const varlen_pack_args *args = pointer;
    int32_t b = (int32_t)number;
    int32_t length = args->cu_seqlens[b + 1] - args->cu_seqlens[b];
    (void)member;
    for (int32_t t = 0; t < length; t++) {
        varlen_tensor source = packed_row(args, (int64_t)args->cu_seqlens[b] + t);
        varlen_tensor destination = padded_row(args, b, t);
        copy_row(&destination, &source, args);
    }
    varlen_tensor row = padded_row(args, b, 0);
    cpu_clear_rows(&row, args->dtype, args->heads, args->dim, (cpu_row_range){length, args->max_seqlen});
}

varlen_status cpu_unpack(void *state, varlen_stream stream, const varlen_pack_args *args)
{
    const cpu_state *cpu = state;
    (void)stream;
    const cpu_loop loop = {.body = unpack_sequence, .count = args->batch};
    cpu_team_run(team_for(cpu, args, (int64_t)args->batch * args->max_seqlen), args, &loop, 1);
    return VARLEN_OK;
}
