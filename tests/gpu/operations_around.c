/* The calls around attention. */
#include "operations.h"

#include "fill.h"

#include <math.h>
#include <stddef.h>

static varlen_tensor tensor_at(const placement *place, int index)
{
    return (varlen_tensor){.data = buffer_at(place, index)};
}

/* ---- merge: one rounding to float16 on each backend ----------------------------------------------------------------
 */

enum { PARTS = 3, PARTIAL_OUT = 0, PARTIAL_LSE, MERGED_OUT, MERGED_LSE };

static void lay_out_merge(workload *work)
{
    const varlen_attention *a = &work->operation->attention;
    const int64_t rows = a->total_q * a->q_heads;
    workload_add_input(work, PARTIAL_OUT, "partial_out", FLOAT32, PARTS * rows * a->head_dim);
    workload_add_input(work, PARTIAL_LSE, "partial_lse", FLOAT32, PARTS * rows);
    workload_add_result(work, MERGED_OUT, "out", FLOAT16, rows * a->head_dim, 0x1p-10, ZEROS);
    workload_add_result(work, MERGED_LSE, "lse", FLOAT32, rows, 0x1p-16, MINUS_INFINITIES);
}

/* A part of a batch: each part of the keys was seen by a third of the rows. */
static void fill_merge(const workload *work, unsigned char *memory, filling how, random_source *source)
{
    float *lse = buffer_in(work, memory, PARTIAL_LSE);
    fill_floats(work, memory, PARTIAL_OUT, source);
    fill_floats(work, memory, PARTIAL_LSE, source);
    for (int64_t n = 0; n < work->buffers[PARTIAL_LSE].count && how == FILL_PART; n++)
        lse[n] = random_below(source, 3) ? -INFINITY : lse[n];
}

static varlen_status merge(const placement *place, varlen_stream stream)
{
    const varlen_attention *a = &place->work->operation->attention;
    const varlen_merge_args args = {
        .struct_size = sizeof args,
        .dtype = VARLEN_FLOAT16,
        .partial_dtype = VARLEN_FLOAT32,
        .parts = PARTS,
        .heads = a->q_heads,
        .tokens = a->total_q,
        .partial_out = tensor_at(place, PARTIAL_OUT),
        .partial_lse = buffer_at(place, PARTIAL_LSE),
        .out = tensor_at(place, MERGED_OUT),
        .lse = buffer_at(place, MERGED_LSE),
        .value_dim = a->head_dim,
    };
    return varlen_merge(place->context, stream, &args);
}

const operation merge_parts = {
    .name = "merge",
    .attention = {.q_heads = 3, .head_dim = 64, .total_q = 200},
    .lay_out = lay_out_merge,
    .fill = fill_merge,
    .submit = merge,
    .repeats = true,
};

/* ---- cu_seqlens ----------------------------------------------------------------------------------------------------
 */

enum { LENGTHS, SUMS };

static void lay_out_sums(workload *work)
{
    const int32_t batch = work->operation->attention.batch;
    workload_add_input(work, LENGTHS, "lengths", INT32, batch);
    workload_add_result(work, SUMS, "cu_seqlens", INT32, batch + 1, 0, ZEROS);
}

static void fill_lengths(const workload *work, unsigned char *memory, filling how, random_source *source)
{
    const int32_t batch = work->operation->attention.batch;
    int32_t *lengths = buffer_in(work, memory, LENGTHS);
    for (int32_t b = 0; b < batch; b++)
        lengths[b] = (int32_t)random_below(source, fill_limit(b, batch, 1000, how) + 1);
    if (how == FILL_BAD)
        lengths[batch / 2] = -FAR_OUT;
}

static varlen_status cu_seqlens(const placement *place, varlen_stream stream)
{
    return varlen_cu_seqlens(place->context, stream, place->work->operation->attention.batch, buffer_at(place, LENGTHS),
                             buffer_at(place, SUMS));
}

const operation sum_lengths = {
    .name = "cu_seqlens",
    .attention = {.batch = 5000},
    .lay_out = lay_out_sums,
    .fill = fill_lengths,
    .submit = cu_seqlens,
    .has_metadata = true,
    .repeats = true,
};

/* ---- pack and unpack -----------------------------------------------------------------------------------------------
 */

enum { PADDED, PACKED, CU_SEQLENS, LEFTPAD };

static void lay_out_rows(workload *work, buffer_when_bad padded, buffer_when_bad packed)
{
    const varlen_attention *a = &work->operation->attention;
    const int64_t row = (int64_t)a->q_heads * a->head_dim;
    workload_add_result(work, PADDED, "padded", FLOAT16, (int64_t)a->batch * a->max_seqlen_q * row, 0, padded);
    workload_add_result(work, PACKED, "packed", FLOAT16, a->total_q * row, 0, packed);
    workload_add_input(work, CU_SEQLENS, "cu_seqlens", INT32, a->batch + 1);
    workload_add_input(work, LEFTPAD, "leftpad", INT32, a->batch);
}

static void lay_out_pack(workload *work)
{
    lay_out_rows(work, LEFT_ALONE, ZEROS);
}

static void lay_out_unpack(workload *work)
{
    lay_out_rows(work, ZEROS, LEFT_ALONE);
}

static void fill_rows(const workload *work, unsigned char *memory, filling how, random_source *source)
{
    const varlen_attention *a = &work->operation->attention;
    int32_t *sums = buffer_in(work, memory, CU_SEQLENS), *leftpad = buffer_in(work, memory, LEFTPAD);
    fill_floats(work, memory, work->buffers[PADDED].when_bad == LEFT_ALONE ? PADDED : PACKED, source);
    sums[0] = 0;
    for (int32_t b = 0; b < a->batch; b++) {
        const int32_t length = (int32_t)random_below(source, fill_limit(b, a->batch, a->max_seqlen_q, how) + 1);
        sums[b + 1] = sums[b] + length;
        leftpad[b] = (int32_t)random_below(source, a->max_seqlen_q - length + 1);
    }
    if (how == FILL_BAD)
        sums[a->batch / 2] = FAR_OUT;
}

static varlen_pack_args pack_args(const placement *place)
{
    const varlen_attention *a = &place->work->operation->attention;
    return (varlen_pack_args){
        .struct_size = sizeof(varlen_pack_args),
        .element_size = 2,
        .batch = a->batch,
        .max_seqlen = a->max_seqlen_q,
        .heads = a->q_heads,
        .dim = a->head_dim,
        .total = a->total_q,
        .padded = tensor_at(place, PADDED),
        .packed = tensor_at(place, PACKED),
        .cu_seqlens = buffer_at(place, CU_SEQLENS),
        .leftpad = buffer_at(place, LEFTPAD),
    };
}

static varlen_status pack(const placement *place, varlen_stream stream)
{
    const varlen_pack_args args = pack_args(place);
    return varlen_pack(place->context, stream, &args);
}

static varlen_status unpack(const placement *place, varlen_stream stream)
{
    const varlen_pack_args args = pack_args(place);
    return varlen_unpack(place->context, stream, &args);
}

/* clang-format off */
#define ROWS .attention = {.batch = 20, .max_seqlen_q = 30, .total_q = 600, .q_heads = 3, .head_dim = 24}, \
    .fill = fill_rows, .has_metadata = true, .repeats = true
/* clang-format on */

const operation pack_rows = {.name = "pack", ROWS, .lay_out = lay_out_pack, .submit = pack};
const operation unpack_rows = {.name = "unpack", ROWS, .lay_out = lay_out_unpack, .submit = unpack};
