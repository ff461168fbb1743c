/* varlen_cu_seqlens, varlen_pack and varlen_unpack: between padded and packed rows. */
#include "around.h"
#include "outside.h"
#include "state.h"
#include "team.h"
#include "threads.h"

#include <stdbool.h>
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

/* Rows of all heads, as they lie in one of the two tensors. */
typedef struct copied_rows {
    char *data;
    int64_t token_bytes;
    int64_t head_bytes;
} copied_rows;

static copied_rows rows_from(const varlen_tensor *tensor, int64_t element, int64_t size)
{
    return (copied_rows){(char *)tensor->data + element * size, tensor->token_stride * size,
                         tensor->head_stride * size};
}

/* From token t of padded row b on. */
static copied_rows padded_rows(const varlen_pack_args *args, int32_t b, int64_t t)
{
    const int64_t element = b * args->padded_batch_stride + t * args->padded.token_stride;
    return rows_from(&args->padded, element, args->element_size);
}

/* Where sequence b begins in its padded row. */
static int64_t padding_of(const varlen_pack_args *args, int32_t b)
{
    return args->leftpad ? args->leftpad[b] : 0;
}

static cpu_slots packed_slots(const varlen_pack_args *args)
{
    return (cpu_slots){.cu_seqlens = args->cu_seqlens, .batch = args->batch, .total = args->total};
}

static copied_rows packed_rows(const varlen_pack_args *args, int64_t row)
{
    return rows_from(&args->packed, row * args->packed.token_stride, args->element_size);
}

/* Whether rows lie end to end without a gap, so that they are one piece of memory. */
static bool is_dense(const copied_rows *rows, const varlen_pack_args *args)
{
    int64_t head_bytes = (int64_t)args->dim * args->element_size;
    return rows->token_bytes == args->heads * head_bytes && (rows->head_bytes == head_bytes || args->heads == 1);
}

static void copy_rows(copied_rows to, copied_rows from, int64_t count, const varlen_pack_args *args)
{
    size_t head_bytes = (size_t)args->dim * (size_t)args->element_size;
    if (count > 0 && is_dense(&to, args) && is_dense(&from, args)) {
        memcpy(to.data, from.data, (size_t)(count * to.token_bytes));
        return;
    }
    for (int64_t t = 0; t < count; t++)
        for (int32_t head = 0; head < args->heads; head++)
            memcpy(to.data + t * to.token_bytes + head * to.head_bytes,
                   from.data + t * from.token_bytes + head * from.head_bytes, head_bytes);
}

static void clear_rows(copied_rows rows, int64_t begin, int64_t end, const varlen_pack_args *args)
{
    size_t head_bytes = (size_t)args->dim * (size_t)args->element_size;
    if (begin < end && is_dense(&rows, args)) {
        memset(rows.data + begin * rows.token_bytes, 0, (size_t)((end - begin) * rows.token_bytes));
        return;
    }
    for (int64_t t = begin; t < end; t++)
        for (int32_t head = 0; head < args->heads; head++)
            memset(rows.data + t * rows.token_bytes + head * rows.head_bytes, 0, head_bytes);
}

/* `rows` are written. */
static cpu_team_size team_for(const cpu_state *cpu, const varlen_pack_args *args, int64_t rows)
{
    return cpu_team_for(cpu, 1 + cpu_threads_for_rows(rows * args->heads, 2 * (int64_t)args->dim * args->element_size));
}

/* A sequence, or behind the last one a piece of the rows that belong to none. */
static void pack_sequence(const void *pointer, int32_t member, int64_t number)
{
    const varlen_pack_args *args = pointer;
    int32_t b = (int32_t)number;
    (void)member;
    if (number >= args->batch) {
        const cpu_slots slots = packed_slots(args);
        const cpu_row_range rest = cpu_gap(&slots, number);
        clear_rows(packed_rows(args, 0), rest.begin, rest.end, args);
        return;
    }
    int64_t begin = args->cu_seqlens[b];
    copy_rows(packed_rows(args, begin), padded_rows(args, b, padding_of(args, b)), args->cu_seqlens[b + 1] - begin,
              args);
}

varlen_status cpu_pack(void *state, varlen_stream stream, const varlen_pack_args *args)
{
    const cpu_state *cpu = state;
    (void)stream;
    const cpu_slots slots = packed_slots(args);
    const cpu_loop loop = {.body = pack_sequence, .count = cpu_gap_count(&slots)};
    cpu_team_run(team_for(cpu, args, args->total), args, &loop, 1);
    return VARLEN_OK;
}

static void unpack_sequence(const void *pointer, int32_t member, int64_t number)
{
    const varlen_pack_args *args = pointer;
    int32_t b = (int32_t)number;
    int64_t begin = args->cu_seqlens[b];
    int64_t length = args->cu_seqlens[b + 1] - begin;
    int64_t padding = padding_of(args, b);
    (void)member;
    clear_rows(padded_rows(args, b, 0), 0, padding, args);
    copy_rows(padded_rows(args, b, padding), packed_rows(args, begin), length, args);
    clear_rows(padded_rows(args, b, 0), padding + length, args->max_seqlen, args);
}

varlen_status cpu_unpack(void *state, varlen_stream stream, const varlen_pack_args *args)
{
    const cpu_state *cpu = state;
    (void)stream;
    const cpu_loop loop = {.body = unpack_sequence, .count = args->batch};
    cpu_team_run(team_for(cpu, args, (int64_t)args->batch * args->max_seqlen), args, &loop, 1);
    return VARLEN_OK;
}
