/* Bad input through the public API: the status, the words, that no backend was called, and that nothing was written. */
#include <math.h>

#include "support/fakes.h"
#include "support/test.h"

/* Rows below are these arguments with fields set anew. */
#pragma GCC diagnostic ignored "-Woverride-init"
#define FEATURES (VARLEN_FEATURE_SEQUSED_Q | VARLEN_FEATURE_SEQUSED_K | VARLEN_FEATURE_LSE)
#define ATTENTION                                                                                                      \
    .struct_size = sizeof(varlen_attention), .batch = 3, .q_heads = 4, .kv_heads = 2, .head_dim = 8, .total_q = 6,     \
    .total_k = 6, .features = FEATURES
#define PAGED ATTENTION, .total_k = 0, .page_size = 2, .page_table_width = 2, .page_count = 3
#define INPUTS                                                                                                         \
    .struct_size = sizeof(varlen_inputs), .q = {input, 0, 0}, .k = {input, 0, 0}, .v = {input, 0, 0},                  \
    .cu_seqlens_q = offsets, .cu_seqlens_k = offsets
#define GIVEN(...) (&(const varlen_inputs){INPUTS, __VA_ARGS__})
#define PAGED_INPUTS INPUTS, .cu_seqlens_k = NULL, .seqused_k = used, .page_table = pages
#define PAGED_GIVEN(...) (&(const varlen_inputs){PAGED_INPUTS, __VA_ARGS__})
#define FORWARD                                                                                                        \
    .struct_size = sizeof(varlen_forward_args), .inputs = &packed_inputs, .out = {written[0], 0, 0}, .lse = written[1]
#define PAGED_FORWARD FORWARD, .inputs = &paged_inputs
#define BACKWARD                                                                                                       \
    .struct_size = sizeof(varlen_backward_args), .inputs = &packed_inputs, .out = {input, 0, 0}, .lse = input,         \
    .dout = {input, 0, 0}, .dq = {written[0], 0, 0}, .dk = {written[1], 0, 0}, .dv = {written[2], 0, 0}
#define INTS(...) ((const int32_t[]){__VA_ARGS__})

static _Alignas(256) float input[256];
static _Alignas(256) float written[3][256];
static const int32_t offsets[] = {0, 2, 5, 6};
static const int32_t used[] = {3, 0, 4};
static const int32_t pages[] = {0, 1, 0, 0, 2, 0};

static const varlen_inputs packed_inputs = {INPUTS}, paged_inputs = {PAGED_INPUTS};

static varlen_context *context;

static int set_up(void **state)
{
    (void)state;
    const varlen_open_options options = {.struct_size = sizeof options, .backend = "fake"};
    assert_ok(varlen_open(&options, &context));
    fake_record_of_thread()->calls = 0;
    memset(written, 0x5a, sizeof written);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    varlen_close(context);
    return 0;
}

static void assert_nothing_happened(void)
{
    assert_int_equal(fake_record_of_thread()->calls, 0);
    for (size_t i = 0; i < sizeof written; i++)
        assert_int_equal(((const unsigned char *)written)[i], 0x5a);
}

static void good_input_passes(void **state)
{
    (void)state;
    const varlen_attention packed = {ATTENTION};
    const varlen_attention paged = {PAGED};
    const varlen_forward_args packed_args = {FORWARD};
    const varlen_forward_args paged_args = {PAGED_FORWARD};
    const varlen_backward_args backward_args = {BACKWARD};
    assert_ok(varlen_forward(context, NULL, &packed, &packed_args));
    assert_ok(varlen_forward(context, NULL, &paged, &paged_args));
    assert_ok(varlen_backward(context, NULL, &packed, &backward_args));
    assert_int_equal(fake_record_of_thread()->calls, 3);
}

static void bad_problems(void **state)
{
    (void)state;
    const struct {
        varlen_attention attention;
        const char *words;
    } rows[] = {
        {{ATTENTION, .struct_size = 0}, "attention.struct_size = 0"},
        {{ATTENTION, .struct_size = 104}, "attention.struct_size = 104"},
        {{ATTENTION, .kv_heads = 3}, "kv_heads = 3 does not divide q_heads = 4"},
        {{ATTENTION, .head_dim = 12}, "head_dim = 12 is not a multiple of 8"},
        {{ATTENTION, .features = (uint64_t)1 << 40}, "features = 0x10000000000 has unknown bits 0x10000000000"},
        {{ATTENTION, .dropout_p = 1.0f}, "dropout_p = 1 is not in 0 <= p < 1"},
        {{ATTENTION, .softmax_scale = NAN}, "softmax_scale = nan is not finite"},
        {{ATTENTION, .flags = 0x10}, "flags = 0x10 has unknown bits 0x10"},
        {{ATTENTION, .dtype = (varlen_dtype)9}, "dtype = 9 is not a varlen_dtype"},
        {{ATTENTION, .dtype = VARLEN_INT8}, "dtype = int8 is a dtype of keys and values alone"},
        {{ATTENTION, .mask = (varlen_mask)5}, "mask = 5 is not a varlen_mask"},
        {{ATTENTION, .alignment = (varlen_alignment)5}, "alignment = 5 is not a varlen_alignment"},
    };
    const varlen_forward_args forward = {FORWARD};
    const varlen_backward_args backward = {BACKWARD};
    for (size_t i = 0; i < ROWS_OF(rows); i++) {
        const varlen_attention *attention = &rows[i].attention;
        size_t size = 99;
        assert_failure(varlen_forward(context, NULL, attention, &forward), VARLEN_ERROR_INVALID_ARGUMENT,
                       rows[i].words);
        assert_failure(varlen_backward(context, NULL, attention, &backward), VARLEN_ERROR_INVALID_ARGUMENT,
                       rows[i].words);
        assert_failure(varlen_supports(context, attention, VARLEN_PASS_FORWARD), VARLEN_ERROR_INVALID_ARGUMENT,
                       rows[i].words);
        assert_failure(varlen_workspace_size(context, attention, VARLEN_PASS_FORWARD, &size),
                       VARLEN_ERROR_INVALID_ARGUMENT, rows[i].words);
        assert_int_equal(size, 99);
    }
    assert_nothing_happened();
}

static void bad_forward_arguments(void **state)
{
    (void)state;
    const struct {
        varlen_forward_args args;
        varlen_status status;
        const char *words;
    } rows[] = {
        {{FORWARD, .struct_size = 0}, VARLEN_ERROR_INVALID_ARGUMENT, "args.struct_size = 0"},
        {{FORWARD, .inputs = NULL}, VARLEN_ERROR_INVALID_ARGUMENT, "inputs is NULL"},
        {{FORWARD, .inputs = GIVEN(.q = {0})}, VARLEN_ERROR_INVALID_ARGUMENT, "q.data is NULL"},
        {{FORWARD, .inputs = GIVEN(.cu_seqlens_q = NULL)}, VARLEN_ERROR_INVALID_ARGUMENT, "cu_seqlens_q is NULL"},
        {{FORWARD, .inputs = GIVEN(.cu_seqlens_k = NULL)}, VARLEN_ERROR_INVALID_ARGUMENT, "cu_seqlens_k is NULL"},
        {{FORWARD, .inputs = GIVEN(.k = {input, 18, 0})},
         VARLEN_ERROR_INVALID_ARGUMENT,
         "k.token_stride = 18 is not a multiple of 16"},
        {{FORWARD, .inputs = GIVEN(.v = {input + 1, 0, 0})},
         VARLEN_ERROR_INVALID_ARGUMENT,
         "is not aligned to 16 bytes"},
        {{FORWARD, .workspace = input + 4}, VARLEN_ERROR_INVALID_ARGUMENT, "is not aligned to 64 bytes"},
        {{FORWARD, .inputs = GIVEN(.cu_seqlens_q = INTS(1, 2, 5, 6))},
         VARLEN_ERROR_BAD_METADATA,
         "cu_seqlens_q[0] = 1 is not 0"},
        {{FORWARD, .inputs = GIVEN(.cu_seqlens_q = INTS(0, 5, 2, 6))},
         VARLEN_ERROR_BAD_METADATA,
         "cu_seqlens_q[2] = 2 is below cu_seqlens_q[1] = 5"},
        {{FORWARD, .inputs = GIVEN(.cu_seqlens_k = INTS(0, 2, 5, 7))},
         VARLEN_ERROR_BAD_METADATA,
         "cu_seqlens_k[3] = 7 is above total_k = 6"},
        {{FORWARD, .inputs = GIVEN(.seqused_q = INTS(2, 4, 1))},
         VARLEN_ERROR_BAD_METADATA,
         "seqused_q[1] = 4 is above the 3 rows of its slot"},
        {{FORWARD, .inputs = GIVEN(.seqused_k = INTS(2, 4, 1))},
         VARLEN_ERROR_BAD_METADATA,
         "seqused_k[1] = 4 is above the 3 rows of its slot"},
    };
    const varlen_attention attention = {ATTENTION};
    for (size_t i = 0; i < ROWS_OF(rows); i++)
        assert_failure(varlen_forward(context, NULL, &attention, &rows[i].args), rows[i].status, rows[i].words);
    assert_nothing_happened();
}

static void bad_pages(void **state)
{
    (void)state;
    const varlen_attention attention = {PAGED};
    const varlen_forward_args past_the_end = {PAGED_FORWARD,
                                              .inputs = PAGED_GIVEN(.page_table = INTS(0, 3, 0, 0, 2, 0))};
    const varlen_forward_args too_long = {PAGED_FORWARD, .inputs = PAGED_GIVEN(.seqused_k = INTS(3, 0, 5))};
    assert_failure(varlen_forward(context, NULL, &attention, &past_the_end), VARLEN_ERROR_BAD_METADATA,
                   "page_table[0][1] = 3 is not a page: page_count = 3");
    assert_failure(
        varlen_forward(context, NULL, &attention, &too_long), VARLEN_ERROR_BAD_METADATA,
        "seqused_k[2] = 5 is above the 4 keys that its row of page_table holds (page_table_width = 2 x page_size = 2)");
    assert_failure(varlen_supports(context, &attention, VARLEN_PASS_BACKWARD), VARLEN_ERROR_UNSUPPORTED,
                   "page_size = 2: the backward pass takes packed keys and values only");
    assert_nothing_happened();
}

static void bad_backward_arguments(void **state)
{
    (void)state;
    const varlen_attention attention = {ATTENTION};
    const varlen_backward_args no_gradient = {BACKWARD, .dk = {0}};
    const varlen_backward_args decreasing = {BACKWARD, .inputs = GIVEN(.cu_seqlens_k = INTS(0, 5, 2, 6))};
    assert_failure(varlen_backward(context, NULL, &attention, &no_gradient), VARLEN_ERROR_INVALID_ARGUMENT,
                   "dk.data is NULL");
    assert_failure(varlen_backward(context, NULL, &attention, &decreasing), VARLEN_ERROR_BAD_METADATA,
                   "cu_seqlens_k[2] = 2 is below cu_seqlens_k[1] = 5");
    assert_nothing_happened();
}

static void bad_merge(void **state)
{
    (void)state;
    varlen_merge_args args = {.struct_size = sizeof args,
                              .parts = 0,
                              .heads = 2,
                              .tokens = 2,
                              .partial_out = {input, 0, 0},
                              .partial_lse = input,
                              .out = {written[0], 0, 0},
                              .lse = written[1],
                              .value_dim = 8};
    assert_failure(varlen_merge(context, NULL, &args), VARLEN_ERROR_INVALID_ARGUMENT, "parts = 0 is below 1");
    args.parts = 2;
    args.partial_lse = NULL;
    assert_failure(varlen_merge(context, NULL, &args), VARLEN_ERROR_INVALID_ARGUMENT, "partial_lse is NULL");
    assert_failure(varlen_merge(context, NULL, NULL), VARLEN_ERROR_INVALID_ARGUMENT, "args is NULL");
    assert_nothing_happened();
}

static void bad_lengths(void **state)
{
    (void)state;
    int32_t *sums = (int32_t *)written[0];
    assert_failure(varlen_cu_seqlens(context, NULL, 3, INTS(2, -3, 1), sums), VARLEN_ERROR_BAD_METADATA,
                   "lengths[1] = -3 is below 0");
    assert_failure(varlen_cu_seqlens(context, NULL, 2, INTS(INT32_MAX, 1), sums), VARLEN_ERROR_BAD_METADATA,
                   "the sum of lengths[0] .. lengths[1] is above 2147483647");
    assert_failure(varlen_cu_seqlens(context, NULL, 2, NULL, sums), VARLEN_ERROR_INVALID_ARGUMENT, "lengths is NULL");
    assert_failure(varlen_cu_seqlens(context, NULL, -1, INTS(1), sums), VARLEN_ERROR_INVALID_ARGUMENT,
                   "batch = -1 is below 0");
    assert_nothing_happened();
}

static void bad_pack(void **state)
{
    (void)state;
    varlen_pack_args args = {.struct_size = sizeof args,
                             .element_size = 4,
                             .batch = 3,
                             .max_seqlen = 2,
                             .heads = 1,
                             .dim = 8,
                             .total = 6,
                             .padded = {written[0], 0, 0},
                             .packed = {written[1], 0, 0},
                             .cu_seqlens = offsets};
    const char *words = "sequence 1 has 3 tokens, above max_seqlen = 2";
    assert_failure(varlen_pack(context, NULL, &args), VARLEN_ERROR_BAD_METADATA, words);
    assert_failure(varlen_unpack(context, NULL, &args), VARLEN_ERROR_BAD_METADATA, words);
    args.dim = 0;
    assert_failure(varlen_pack(context, NULL, &args), VARLEN_ERROR_INVALID_ARGUMENT, "dim = 0 is below 1");
    assert_failure(varlen_unpack(context, NULL, NULL), VARLEN_ERROR_INVALID_ARGUMENT, "args is NULL");
    assert_nothing_happened();
}

static void bad_append(void **state)
{
    (void)state;
    varlen_kv_append_args args = {.struct_size = sizeof args,
                                  .batch = 3,
                                  .kv_heads = 1,
                                  .head_dim = 8,
                                  .total_new = 3,
                                  .total_k = 6,
                                  .k_new = {input, 0, 0},
                                  .v_new = {input, 0, 0},
                                  .k_cache = {written[0], 0, 0},
                                  .v_cache = {written[1], 0, 0},
                                  .cu_seqlens_new = INTS(0, 1, 2, 3),
                                  .cu_seqlens_k = offsets,
                                  .seqused_k = INTS(1, 2, 1)};
    assert_failure(varlen_kv_append(context, NULL, &args), VARLEN_ERROR_BAD_METADATA,
                   "sequence 2 would have 2 keys, above the 1 rows of its slot");
    args.cu_seqlens_new = NULL;
    assert_failure(varlen_kv_append(context, NULL, &args), VARLEN_ERROR_INVALID_ARGUMENT, "cu_seqlens_new is NULL");
    assert_failure(varlen_kv_append(context, NULL, NULL), VARLEN_ERROR_INVALID_ARGUMENT, "args is NULL");
    assert_nothing_happened();
}

static void bad_copies(void **state)
{
    (void)state;
    char *bytes = (char *)written;
    const varlen_status refused = VARLEN_ERROR_INVALID_ARGUMENT;
    assert_failure(varlen_copy(context, NULL, NULL, input, 4), refused, "destination is NULL, but size = 4");
    assert_failure(varlen_copy(context, NULL, bytes, NULL, 4), refused, "source is NULL, but size = 4");
    assert_failure(varlen_copy(context, NULL, bytes, bytes + 3, 4), refused, "overlap: size = 4");
    assert_failure(varlen_copy(context, NULL, bytes + 3, bytes, 4), refused, "overlap: size = 4");
    assert_failure(varlen_copy(context, NULL, bytes, bytes, 1), refused, "overlap: size = 1");
    assert_failure(varlen_copy(context, NULL, bytes, bytes + 8, SIZE_MAX), refused, "overlap: size = ");
    assert_failure(varlen_fill(context, NULL, NULL, 1, 4), refused, "destination is NULL, but size = 4");
    assert_nothing_happened();
    assert_ok(varlen_copy(context, NULL, bytes, bytes + 4, 4)); /* side by side */
    assert_ok(varlen_copy(context, NULL, bytes + 4, bytes, 4));
}

static void null_contexts(void **state)
{
    (void)state;
    const varlen_attention attention = {ATTENTION};
    const varlen_forward_args forward = {FORWARD};
    const varlen_backward_args backward = {BACKWARD};
    varlen_device_info info = {.struct_size = sizeof info};
    varlen_event event = (varlen_event)input;
    varlen_stream stream = NULL;
    void *data = input;
    size_t size;
    double milliseconds;
    int32_t *sums = (int32_t *)written[0];
    const varlen_status statuses[] = {
        varlen_context_device(NULL, &info),
        varlen_context_status(NULL),
        varlen_supports(NULL, &attention, VARLEN_PASS_FORWARD),
        varlen_workspace_size(NULL, &attention, VARLEN_PASS_FORWARD, &size),
        varlen_forward(NULL, NULL, &attention, &forward),
        varlen_backward(NULL, NULL, &attention, &backward),
        varlen_merge(NULL, NULL, NULL),
        varlen_cu_seqlens(NULL, NULL, 1, offsets, sums),
        varlen_pack(NULL, NULL, NULL),
        varlen_unpack(NULL, NULL, NULL),
        varlen_kv_append(NULL, NULL, NULL),
        varlen_alloc(NULL, 1, &data),
        varlen_free(NULL, input),
        varlen_copy(NULL, NULL, written, input, 1),
        varlen_fill(NULL, NULL, written, 0, 1),
        varlen_stream_create(NULL, &stream),
        varlen_stream_destroy(NULL, stream),
        varlen_stream_synchronize(NULL, stream),
        varlen_stream_wait(NULL, stream, event),
        varlen_event_create(NULL, &event),
        varlen_event_destroy(NULL, event),
        varlen_event_record(NULL, event, stream),
        varlen_event_synchronize(NULL, event),
        varlen_event_elapsed(NULL, event, event, &milliseconds),
    };
    for (size_t i = 0; i < ROWS_OF(statuses); i++)
        assert_failure(statuses[i], VARLEN_ERROR_INVALID_ARGUMENT, "context is NULL");
    assert_null(data);
    assert_nothing_happened();
}

static void null_outputs_and_events(void **state)
{
    (void)state;
    const varlen_attention attention = {ATTENTION};
    const varlen_forward_args forward = {FORWARD};
    const varlen_status refused = VARLEN_ERROR_INVALID_ARGUMENT;
    const varlen_event event = (varlen_event)input;
    double milliseconds = 0;
    assert_failure(varlen_context_device(context, NULL), refused, "info is NULL");
    assert_failure(varlen_workspace_size(context, &attention, VARLEN_PASS_FORWARD, NULL), refused, "size is NULL");
    assert_failure(varlen_forward(context, NULL, NULL, &forward), refused, "attention is NULL");
    assert_failure(varlen_forward(context, NULL, &attention, NULL), refused, "args is NULL");
    assert_failure(varlen_backward(context, NULL, &attention, NULL), refused, "args is NULL");
    assert_failure(varlen_alloc(context, 1, NULL), refused, "data is NULL");
    assert_failure(varlen_stream_create(context, NULL), refused, "stream is NULL");
    assert_failure(varlen_event_create(context, NULL), refused, "event is NULL");
    assert_failure(varlen_event_destroy(context, NULL), refused, "event is NULL");
    assert_failure(varlen_event_record(context, NULL, NULL), refused, "event is NULL");
    assert_failure(varlen_event_synchronize(context, NULL), refused, "event is NULL");
    assert_failure(varlen_stream_wait(context, NULL, NULL), refused, "event is NULL");
    assert_failure(varlen_event_elapsed(context, NULL, event, &milliseconds), refused, "start is NULL");
    assert_failure(varlen_event_elapsed(context, event, NULL, &milliseconds), refused, "end is NULL");
    assert_failure(varlen_event_elapsed(context, event, event, NULL), refused, "milliseconds is NULL");
    assert_nothing_happened();
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest cases[] = {
        CASE(good_input_passes),
        CASE(bad_problems),
        CASE(bad_forward_arguments),
        CASE(bad_pages),
        CASE(bad_backward_arguments),
        CASE(bad_merge),
        CASE(bad_lengths),
        CASE(bad_pack),
        CASE(bad_append),
        CASE(bad_copies),
        CASE(null_contexts),
        CASE(null_outputs_and_events),
    };
    return cmocka_run_group_tests_name("bad_input", cases, NULL, NULL);
}
