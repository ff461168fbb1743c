/* Attention, forward and backward. Keys and queries have lengths of their own; keys are used in part.
 *
 * Elements are float16, whose unit roundoff is u = 2^-11, and numbers are at most 1 in size, so that rounding the
 * weights and the result costs out at most 2 u on each backend; sums over keys or queries in backward are of both
 * signs, and are granted twice that. */
#include "operations.h"

#include "fill.h"
#include "reference.h"
#include "report.h"

#include <stddef.h>

enum { Q, K, V, OUT, LSE, DLSE, DOUT, DQ, DK, DV, DSINKS };
enum { CU_SEQLENS_Q = DSINKS + 1, CU_SEQLENS_K, SEQUSED_K, PAGE_TABLE, SINKS, DROPOUT };

static const double out_tolerance = 0x1p-9;
static const double gradient_tolerance = 0x1p-8;
static const double lse_tolerance = 0x1p-16;

static void lay_out_inputs(workload *work)
{
    const varlen_attention *a = &work->operation->attention;
    const int64_t keys = a->page_size ? a->page_count * a->page_size : a->total_k;
    workload_add_input(work, Q, "q", FLOAT16, a->total_q * a->q_heads * a->head_dim);
    workload_add_input(work, K, "k", FLOAT16, keys * a->kv_heads * a->head_dim);
    workload_add_input(work, V, "v", FLOAT16, keys * a->kv_heads * a->head_dim);
    workload_add_input(work, CU_SEQLENS_Q, "cu_seqlens_q", INT32, a->batch + 1);
    workload_add_input(work, SEQUSED_K, "seqused_k", INT32, a->batch);
    if (a->page_size)
        workload_add_input(work, PAGE_TABLE, "page_table", INT32, (int64_t)a->batch * a->page_table_width);
    else
        workload_add_input(work, CU_SEQLENS_K, "cu_seqlens_k", INT32, a->batch + 1);
    if (a->dropout_p > 0) {
        workload_add_input(work, SINKS, "sinks", FLOAT32, a->q_heads);
        workload_add_input(work, DROPOUT, "dropout_state", UINT64, 2);
    }
}

static void lay_out_forward(workload *work)
{
    const varlen_attention *a = &work->operation->attention;
    const int64_t rows = a->total_q * a->q_heads;
    lay_out_inputs(work);
    workload_add_result(work, OUT, "out", FLOAT16, rows * a->head_dim, out_tolerance, ZEROS);
    workload_add_result(work, LSE, "lse", FLOAT32, rows, lse_tolerance, MINUS_INFINITIES);
}

static void lay_out_backward(workload *work)
{
    const varlen_attention *a = &work->operation->attention;
    const int64_t queries = a->total_q * a->q_heads * a->head_dim, keys = a->total_k * a->kv_heads * a->head_dim;
    lay_out_inputs(work);
    workload_add_input(work, OUT, "out", FLOAT16, queries);
    workload_add_input(work, LSE, "lse", FLOAT32, a->total_q * a->q_heads);
    workload_add_input(work, DOUT, "dout", FLOAT16, queries);
    workload_add_result(work, DQ, "dq", FLOAT16, queries, gradient_tolerance, ZEROS);
    workload_add_result(work, DK, "dk", FLOAT16, keys, gradient_tolerance, ZEROS);
    workload_add_result(work, DV, "dv", FLOAT16, keys, gradient_tolerance, ZEROS);
    if (a->dropout_p > 0) {
        workload_add_input(work, DLSE, "dlse", FLOAT32, a->total_q * a->q_heads);
        workload_add_result(work, DSINKS, "dsinks", FLOAT32, a->q_heads, gradient_tolerance, ZEROS);
    }
}

static void fill_packed_keys(const workload *work, unsigned char *memory, filling how, random_source *source)
{
    const varlen_attention *a = &work->operation->attention;
    int32_t *cu_seqlens = buffer_in(work, memory, CU_SEQLENS_K), *used = buffer_in(work, memory, SEQUSED_K);
    fill_cu_seqlens(cu_seqlens, a->batch, a->total_k, how == FILL_BAD ? FILL_ALL : how, source);
    for (int32_t b = 0; b < a->batch; b++) {
        const int64_t slot = cu_seqlens[b + 1] - cu_seqlens[b];
        used[b] = (int32_t)(slot - random_below(source, slot / 4 + 1));
    }
}

/* The last sequence fills its slot, so that a bad entry can stand where no short row has one. */
static void fill_paged_keys(const workload *work, unsigned char *memory, filling how, random_source *source)
{
    const varlen_attention *a = &work->operation->attention;
    const int64_t slot = (int64_t)a->page_size * a->page_table_width;
    int32_t *table = buffer_in(work, memory, PAGE_TABLE), *used = buffer_in(work, memory, SEQUSED_K);
    for (int32_t b = 0; b < a->batch; b++) {
        const int64_t limit = fill_limit(b, a->batch, slot, how);
        used[b] = (int32_t)(b == a->batch - 1 ? limit : random_below(source, limit + 1));
        fill_pages(table + (int64_t)b * a->page_table_width, a, used[b], source);
    }
    if (how == FILL_BAD)
        table[(int64_t)a->batch * a->page_table_width - 2] = FAR_OUT;
}

static void fill_inputs(const workload *work, unsigned char *memory, filling how, random_source *source)
{
    const varlen_attention *a = &work->operation->attention;
    int32_t *cu_seqlens = buffer_in(work, memory, CU_SEQLENS_Q);
    uint64_t *dropout = buffer_in(work, memory, DROPOUT);
    fill_floats(work, memory, Q, source);
    fill_floats(work, memory, K, source);
    fill_floats(work, memory, V, source);
    if (dropout) {
        fill_floats(work, memory, SINKS, source);
        dropout[0] = random_bits(source);
        dropout[1] = random_bits(source);
    }
    if (a->page_size)
        fill_paged_keys(work, memory, how, source);
    else
        fill_packed_keys(work, memory, how, source);
    fill_cu_seqlens(cu_seqlens, a->batch, a->total_q, a->page_size && how == FILL_BAD ? FILL_ALL : how, source);
}

static varlen_tensor tensor_at(const placement *place, int index)
{
    return (varlen_tensor){.data = buffer_at(place, index)};
}

static varlen_inputs inputs_at(const placement *place)
{
    return (varlen_inputs){
        .struct_size = sizeof(varlen_inputs),
        .q = tensor_at(place, Q),
        .k = tensor_at(place, K),
        .v = tensor_at(place, V),
        .cu_seqlens_q = buffer_at(place, CU_SEQLENS_Q),
        .cu_seqlens_k = buffer_at(place, CU_SEQLENS_K),
        .seqused_k = buffer_at(place, SEQUSED_K),
        .page_table = buffer_at(place, PAGE_TABLE),
        .sinks = buffer_at(place, SINKS),
        .dropout_state = buffer_at(place, DROPOUT),
    };
}

static varlen_status forward(const placement *place, varlen_stream stream)
{
    const varlen_inputs inputs = inputs_at(place);
    const varlen_forward_args args = {
        .struct_size = sizeof args,
        .inputs = &inputs,
        .out = tensor_at(place, OUT),
        .lse = buffer_at(place, LSE),
        .workspace = place->scratch,
        .workspace_size = place->scratch_size,
    };
    return varlen_forward(place->context, stream, &place->work->operation->attention, &args);
}

static varlen_status backward(const placement *place, varlen_stream stream)
{
    const varlen_inputs inputs = inputs_at(place);
    const varlen_backward_args args = {
        .struct_size = sizeof args,
        .inputs = &inputs,
        .out = tensor_at(place, OUT),
        .lse = buffer_at(place, LSE),
        .dout = tensor_at(place, DOUT),
        .dq = tensor_at(place, DQ),
        .dk = tensor_at(place, DK),
        .dv = tensor_at(place, DV),
        .dsinks = buffer_at(place, DSINKS),
        .dlse = buffer_at(place, DLSE),
        .workspace = place->scratch,
        .workspace_size = place->scratch_size,
    };
    return varlen_backward(place->context, stream, &place->work->operation->attention, &args);
}

static varlen_status forward_scratch(varlen_context *context, const workload *work, size_t *size)
{
    return varlen_workspace_size(context, &work->operation->attention, VARLEN_PASS_FORWARD, size);
}

static varlen_status backward_scratch(varlen_context *context, const workload *work, size_t *size)
{
    return varlen_workspace_size(context, &work->operation->attention, VARLEN_PASS_BACKWARD, size);
}

/* out and lse are the CPU backend's, of metadata that is sound. */
static void fill_backward(const workload *work, unsigned char *memory, filling how, random_source *source)
{
    const varlen_attention *a = &work->operation->attention;
    placement place = {.work = work, .context = reference_context(), .data = memory};
    fill_floats(work, memory, DOUT, source);
    if (a->dropout_p > 0)
        fill_floats(work, memory, DLSE, source);
    fill_inputs(work, memory, how == FILL_BAD ? FILL_ALL : how, source);
    must(forward_scratch(place.context, work, &place.scratch_size), "varlen_workspace_size");
    must(varlen_alloc(place.context, place.scratch_size, &place.scratch), "varlen_alloc");
    must(forward(&place, NULL), "forward of backward's inputs");
    must(varlen_free(place.context, place.scratch), "varlen_free");
    if (how == FILL_BAD)
        ((int32_t *)buffer_in(work, memory, CU_SEQLENS_Q))[a->batch / 2] = FAR_OUT;
}

#define FEATURES                                                                                                       \
    (VARLEN_FEATURE_SEQUSED_K | VARLEN_FEATURE_SINKS | VARLEN_FEATURE_DSINKS | VARLEN_FEATURE_DROPOUT_STATE |          \
     VARLEN_FEATURE_LSE | VARLEN_FEATURE_DLSE)

/* clang-format off */
#define PACKED_SIZES \
    .struct_size = sizeof(varlen_attention), .dtype = VARLEN_FLOAT16, .batch = 30, .q_heads = 4, .kv_heads = 2, \
    .head_dim = 64, .total_q = 300, .total_k = 400, .mask = VARLEN_MASK_CAUSAL, .features = FEATURES

/* So few that a backend may have a short cut. */
#define SMALL_SIZES \
    .struct_size = sizeof(varlen_attention), .dtype = VARLEN_FLOAT16, .batch = 3, .q_heads = 4, .kv_heads = 2, \
    .head_dim = 64, .total_q = 90, .total_k = 60, .mask = VARLEN_MASK_CAUSAL, .features = FEATURES

#define FORWARD .lay_out = lay_out_forward, .fill = fill_inputs, .scratch_size = forward_scratch, .submit = forward, \
    .has_metadata = true

#define BACKWARD .lay_out = lay_out_backward, .fill = fill_backward, .scratch_size = backward_scratch, \
    .submit = backward, .has_metadata = true
/* clang-format on */

const operation forward_packed = {
    .name = "forward", .attention = {PACKED_SIZES, .flags = VARLEN_FLAG_DETERMINISTIC}, FORWARD, .repeats = true};

const operation forward_small = {
    .name = "forward, small", .attention = {SMALL_SIZES, .flags = VARLEN_FLAG_DETERMINISTIC}, FORWARD, .repeats = true};

const operation forward_dropout = {
    .name = "forward, dropout",
    .attention = {PACKED_SIZES, .dropout_p = 0.25F, .flags = VARLEN_FLAG_DETERMINISTIC},
    FORWARD,
    .repeats = true,
};

const operation forward_paged = {
    .name = "forward, paged",
    .attention = {.struct_size = sizeof(varlen_attention),
                  .dtype = VARLEN_FLOAT16,
                  .batch = 6,
                  .q_heads = 4,
                  .kv_heads = 2,
                  .head_dim = 64,
                  .total_q = 12,
                  .mask = VARLEN_MASK_CAUSAL,
                  .page_size = 16,
                  .page_table_width = 80,
                  .page_count = 100,
                  .features = FEATURES,
                  .flags = VARLEN_FLAG_DETERMINISTIC},
    FORWARD,
    .repeats = true,
};

const operation backward_packed = {.name = "backward", .attention = {PACKED_SIZES}, BACKWARD};

const operation backward_small = {.name = "backward, small",
                                  .attention = {SMALL_SIZES, .flags = VARLEN_FLAG_DETERMINISTIC},
                                  BACKWARD,
                                  .repeats = true};

const operation backward_repeatable = {
    .name = "backward, deterministic",
    .attention = {PACKED_SIZES, .flags = VARLEN_FLAG_DETERMINISTIC},
    BACKWARD,
    .repeats = true,
};

const operation backward_dropout = {
    .name = "backward, dropout",
    .attention = {PACKED_SIZES, .dropout_p = 0.25F, .flags = VARLEN_FLAG_DETERMINISTIC},
    BACKWARD,
    .repeats = true,
};
