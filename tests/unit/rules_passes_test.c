/* The rules of varlen_forward_args and varlen_backward_args. Nothing is read, so the addresses may be made up. */
#include "core/rules_attention.h"
#include "core/rules_passes.h"
#include "support/test.h"

/* Rows below are these arguments with fields set anew. */
#pragma GCC diagnostic ignored "-Woverride-init"
#define TENSOR                                                                                                         \
    {                                                                                                                  \
        (void *)0x10000, 0, 0                                                                                          \
    }
#define ARRAY ((void *)0x20000)
/* The outputs must not overlap. */
#define WRITTEN(number)                                                                                                \
    {                                                                                                                  \
        (void *)(0x1000000 + 0x100000 * (number)), 0, 0                                                                \
    }
/* Inputs with fields set anew, for .inputs. */
#define INPUTS                                                                                                         \
    .struct_size = sizeof(varlen_inputs), .q = TENSOR, .k = TENSOR, .v = TENSOR, .cu_seqlens_q = ARRAY,                \
    .cu_seqlens_k = ARRAY
#define GIVEN(...) (&(const varlen_inputs){INPUTS, __VA_ARGS__})
#define PAGED_INPUTS INPUTS, .cu_seqlens_k = NULL, .seqused_k = ARRAY, .page_table = ARRAY
#define PAGED_GIVEN(...) (&(const varlen_inputs){PAGED_INPUTS, __VA_ARGS__})
#define FORWARD .struct_size = sizeof(varlen_forward_args), .inputs = &packed_inputs, .out = WRITTEN(0)
#define PAGED_FORWARD FORWARD, .inputs = &paged_inputs
#define BACKWARD                                                                                                       \
    .struct_size = sizeof(varlen_backward_args), .inputs = &packed_inputs, .out = TENSOR, .lse = ARRAY,                \
    .dout = TENSOR, .dq = WRITTEN(0), .dk = WRITTEN(1), .dv = WRITTEN(2)

static const varlen_inputs packed_inputs = {INPUTS}, paged_inputs = {PAGED_INPUTS};

static varlen_attention packed_problem(void)
{
    const varlen_attention given = {
        .struct_size = sizeof given,
        .batch = 3,
        .q_heads = 4,
        .kv_heads = 2,
        .head_dim = 64,
        .value_dim = 32,
        .total_q = 10,
        .total_k = 20,
        .features = VARLEN_FEATURE_SEQUSED_Q | VARLEN_FEATURE_SEQUSED_K | VARLEN_FEATURE_ALIBI | VARLEN_FEATURE_SINKS |
                    VARLEN_FEATURE_DROPOUT_STATE | VARLEN_FEATURE_LSE | VARLEN_FEATURE_DSINKS | VARLEN_FEATURE_DLSE |
                    VARLEN_FEATURE_KEY_RANGES | VARLEN_FEATURE_TREE_MASK};
    varlen_attention attention;
    assert_ok(varlen_check_attention(&given, VARLEN_PASS_FORWARD, &attention));
    return attention;
}

static varlen_attention paged_problem(void)
{
    varlen_attention attention = packed_problem();
    attention.total_k = 0;
    attention.page_size = 16;
    attention.page_table_width = 4;
    attention.page_count = 8;
    return attention;
}

static void forward_resolves_strides(void **state)
{
    (void)state;
    const varlen_attention attention = packed_problem();
    const varlen_forward_args given = {FORWARD};
    varlen_inputs inputs;
    varlen_forward_args args;
    assert_ok(varlen_check_forward(&attention, &given, &inputs, &args));
    assert_ptr_equal(args.inputs, &inputs);
    assert_int_equal(inputs.q.token_stride, 4 * 64);
    assert_int_equal(inputs.k.token_stride, 2 * 64);
    assert_int_equal(inputs.v.token_stride, 2 * 32);
    assert_int_equal(args.out.token_stride, 4 * 32);
    assert_int_equal(inputs.k_page_stride, 0);
}

static void forward_resolves_page_strides(void **state)
{
    (void)state;
    const varlen_attention attention = paged_problem();
    const varlen_forward_args given = {PAGED_FORWARD, .inputs = PAGED_GIVEN(.v_page_stride = 4096)};
    varlen_inputs inputs;
    varlen_forward_args args;
    assert_ok(varlen_check_forward(&attention, &given, &inputs, &args));
    assert_int_equal(inputs.k_page_stride, 16 * 2 * 64);
    assert_int_equal(inputs.v_page_stride, 4096);
}

/* Its stride leads nowhere, and a table of no columns is none. */
static void forward_passes_over_what_is_not_used(void **state)
{
    (void)state;
    varlen_attention attention = paged_problem();
    const varlen_forward_args given = {PAGED_FORWARD,
                                       .inputs = PAGED_GIVEN(.alibi_slopes = ARRAY, .alibi_batch_stride = INT64_MIN)};
    varlen_inputs inputs;
    varlen_forward_args args;
    attention.batch = 1;
    attention.page_table_width = 0;
    assert_ok(varlen_check_forward(&attention, &given, &inputs, &args));
    assert_int_equal(inputs.alibi_batch_stride, 0);
    assert_null(inputs.page_table);
}

static void forward_takes_empty_batches_without_data(void **state)
{
    (void)state;
    varlen_attention attention = packed_problem();
    const varlen_inputs sums = {.struct_size = sizeof sums, .cu_seqlens_q = ARRAY, .cu_seqlens_k = ARRAY};
    const varlen_inputs sums_of_queries = {.struct_size = sizeof sums_of_queries, .cu_seqlens_q = ARRAY};
    const varlen_forward_args given = {.struct_size = sizeof given, .inputs = &sums};
    const varlen_forward_args paged = {.struct_size = sizeof paged, .inputs = &sums_of_queries};
    varlen_inputs inputs;
    varlen_forward_args args;
    attention.batch = 0;
    attention.total_q = 0;
    attention.total_k = 0;
    assert_ok(varlen_check_forward(&attention, &given, &inputs, &args));
    attention.page_size = 16;
    assert_ok(varlen_check_forward(&attention, &paged, &inputs, &args));
}

static void forward_refuses_what_breaks_a_rule(void **state)
{
    (void)state;
    const struct {
        varlen_forward_args args;
        const char *words;
    } rows[] = {
        {{FORWARD, .struct_size = 8}, "args.struct_size = 8 is below"},
        {{FORWARD, .inputs = NULL}, "inputs is NULL"},
        {{FORWARD, .inputs = GIVEN(.struct_size = 8)}, "inputs.struct_size = 8 is below"},
        {{FORWARD, .inputs = GIVEN(.q = {0})}, "q.data is NULL"},
        {{FORWARD, .inputs = GIVEN(.k = {0})}, "k.data is NULL"},
        {{FORWARD, .inputs = GIVEN(.v = {0})}, "v.data is NULL"},
        {{FORWARD, .out = {0}}, "out.data is NULL"},
        {{FORWARD, .inputs = GIVEN(.q = {(void *)0x10000, 254, 0})},
         "q.token_stride = 254 is not a multiple of 16 bytes (4 elements)"},
        {{FORWARD, .out = {(void *)0x10000, 32, 32}}, "so that rows of out, which is written, overlap"},
        {{FORWARD, .inputs = GIVEN(.cu_seqlens_q = NULL)}, "cu_seqlens_q is NULL, but it says where sequences start"},
        {{FORWARD, .inputs = GIVEN(.cu_seqlens_k = NULL)}, "cu_seqlens_k is NULL, but keys are packed (page_size = 0)"},
        {{FORWARD, .inputs = GIVEN(.cu_seqlens_q = (void *)0x20001)},
         "cu_seqlens_q = 0x20001 is not aligned to its elements' 4 bytes"},
        {{FORWARD, .inputs = GIVEN(.page_table = ARRAY)}, "page_table is given, but keys are packed"},
        {{FORWARD, .inputs = GIVEN(.k_page_stride = 64)}, "k_page_stride = 64 must be 0 without paging"},
        {{FORWARD, .inputs = GIVEN(.v_page_stride = 64)}, "v_page_stride = 64 must be 0 without paging"},
        {{FORWARD, .inputs = GIVEN(.alibi_batch_stride = 4)}, "alibi_batch_stride = 4 must be 0 without alibi_slopes"},
        {{FORWARD, .inputs = GIVEN(.alibi_slopes = ARRAY, .alibi_batch_stride = 3)},
         "= 3 is neither 0 nor at least q_heads = 4"},
        {{FORWARD, .inputs = GIVEN(.alibi_slopes = ARRAY, .alibi_batch_stride = -4)},
         "= -4 is neither 0 nor at least q_heads = 4"},
        {{FORWARD, .inputs = GIVEN(.alibi_slopes = ARRAY, .alibi_batch_stride = INT64_MAX)},
         "alibi_slopes = 0x20000, of (batch - 1) * alibi_batch_stride + q_heads elements, goes past the end"},
        {{FORWARD, .lse = (void *)0x20002}, "lse = 0x20002 is not aligned"},
        {{FORWARD, .inputs = GIVEN(.dropout_state = (void *)0x20004)},
         "dropout_state = 0x20004 is not aligned to its elements' 8 bytes"},
        {{FORWARD, .inputs = GIVEN(.key_begin = (void *)0x20002)},
         "key_begin = 0x20002 is not aligned to its elements' 4 bytes"},
        {{FORWARD, .inputs = GIVEN(.tree_mask = (void *)0x20004)},
         "tree_mask = 0x20004 is not aligned to its elements' 8 bytes"},
    };
    const varlen_attention attention = packed_problem();
    for (size_t i = 0; i < ROWS_OF(rows); i++) {
        varlen_inputs inputs;
        varlen_forward_args args;
        assert_failure(varlen_check_forward(&attention, &rows[i].args, &inputs, &args), VARLEN_ERROR_INVALID_ARGUMENT,
                       rows[i].words);
    }
}

static void paged_forward_refuses_what_breaks_a_rule(void **state)
{
    (void)state;
    const struct {
        varlen_forward_args args;
        const char *words;
    } rows[] = {
        {{PAGED_FORWARD, .inputs = PAGED_GIVEN(.cu_seqlens_k = ARRAY)},
         "cu_seqlens_k is given, but keys are paged (page_size > 0)"},
        {{PAGED_FORWARD, .inputs = PAGED_GIVEN(.seqused_k = NULL)}, "seqused_k is NULL, but keys are paged"},
        {{PAGED_FORWARD, .inputs = PAGED_GIVEN(.page_table = NULL)}, "page_table is NULL, but keys are paged"},
        {{PAGED_FORWARD, .inputs = PAGED_GIVEN(.k_page_stride = 8)}, "k_page_stride = 8 is below the dim = 64"},
        {{PAGED_FORWARD, .inputs = PAGED_GIVEN(.k = {0})}, "k.data is NULL"},
        {{PAGED_FORWARD, .inputs = PAGED_GIVEN(.page_table = (void *)-4)},
         "of batch * page_table_width elements, goes past the end of"},
    };
    const varlen_attention attention = paged_problem();
    for (size_t i = 0; i < ROWS_OF(rows); i++) {
        varlen_inputs inputs;
        varlen_forward_args args;
        assert_failure(varlen_check_forward(&attention, &rows[i].args, &inputs, &args), VARLEN_ERROR_INVALID_ARGUMENT,
                       rows[i].words);
    }
}

static void backward_resolves_strides(void **state)
{
    (void)state;
    const varlen_attention attention = packed_problem();
    const varlen_backward_args given = {BACKWARD};
    varlen_inputs inputs;
    varlen_backward_args args;
    assert_ok(varlen_check_backward(&attention, &given, &inputs, &args));
    const varlen_tensor *const tensors[] = {&inputs.q,  &inputs.k, &inputs.v, &args.out,
                                            &args.dout, &args.dq,  &args.dk,  &args.dv};
    static const int64_t strides[] = {4 * 64, 2 * 64, 2 * 32, 4 * 32, 4 * 32, 4 * 64, 2 * 64, 2 * 32};
    for (size_t i = 0; i < ROWS_OF(tensors); i++)
        assert_int_equal(tensors[i]->token_stride, strides[i]);
}

static void backward_refuses_what_breaks_a_rule(void **state)
{
    (void)state;
    const struct {
        varlen_backward_args args;
        const char *words;
    } rows[] = {
        {{BACKWARD, .struct_size = 0}, "args.struct_size = 0 is below"},
        {{BACKWARD, .inputs = GIVEN(.q = {0})}, "q.data is NULL"},
        {{BACKWARD, .out = {0}}, "out.data is NULL"},
        {{BACKWARD, .dout = {0}}, "dout.data is NULL"},
        {{BACKWARD, .dq = {0}}, "dq.data is NULL"},
        {{BACKWARD, .dk = {0}}, "dk.data is NULL"},
        {{BACKWARD, .dv = {0}}, "dv.data is NULL"},
        {{BACKWARD, .dv = {(void *)0x10000, 32, 32}}, "so that rows of dv, which is written, overlap"},
        {{BACKWARD, .lse = NULL}, "lse is NULL, but the weights are computed from it"},
        {{BACKWARD, .dsinks = ARRAY}, "dsinks is given, but sinks is NULL"},
        {{BACKWARD, .dlse = (void *)0x10002}, "dlse = 0x10002 is not aligned to its elements' 4 bytes"},
        {{BACKWARD, .inputs = GIVEN(.cu_seqlens_k = NULL)}, "cu_seqlens_k is NULL"},
        {{BACKWARD, .inputs = GIVEN(.alibi_batch_stride = 4)}, "alibi_batch_stride = 4 must be 0 without alibi_slopes"},
    };
    const varlen_attention attention = packed_problem();
    for (size_t i = 0; i < ROWS_OF(rows); i++) {
        varlen_inputs inputs;
        varlen_backward_args args;
        assert_failure(varlen_check_backward(&attention, &rows[i].args, &inputs, &args), VARLEN_ERROR_INVALID_ARGUMENT,
                       rows[i].words);
    }
}

/* Each argument needs its bit of features, and no other. */
static void arguments_need_their_features(void **state)
{
    (void)state;
    const struct {
        uint64_t feature;
        const char *words;
        const varlen_inputs *inputs;
        float *lse;
    } rows[] = {
        {VARLEN_FEATURE_SEQUSED_Q, "seqused_q is given, but features has no VARLEN_FEATURE_SEQUSED_Q",
         GIVEN(.seqused_q = ARRAY), NULL},
        {VARLEN_FEATURE_SEQUSED_K, "seqused_k is given, but features has no VARLEN_FEATURE_SEQUSED_K",
         GIVEN(.seqused_k = ARRAY), NULL},
        {VARLEN_FEATURE_LEFTPAD_Q, "leftpad_q is given, but features has no VARLEN_FEATURE_LEFTPAD_Q",
         GIVEN(.leftpad_q = ARRAY), NULL},
        {VARLEN_FEATURE_LEFTPAD_K, "leftpad_k is given, but features has no VARLEN_FEATURE_LEFTPAD_K",
         GIVEN(.leftpad_k = ARRAY), NULL},
        {VARLEN_FEATURE_ALIBI, "alibi_slopes is given, but features has no VARLEN_FEATURE_ALIBI",
         GIVEN(.alibi_slopes = ARRAY), NULL},
        {VARLEN_FEATURE_SINKS, "sinks is given, but features has no VARLEN_FEATURE_SINKS", GIVEN(.sinks = ARRAY), NULL},
        {VARLEN_FEATURE_DROPOUT_STATE, "dropout_state is given, but features has no VARLEN_FEATURE_DROPOUT_STATE",
         GIVEN(.dropout_state = ARRAY), NULL},
        {VARLEN_FEATURE_KEY_RANGES, "key_begin is given, but features has no VARLEN_FEATURE_KEY_RANGES",
         GIVEN(.key_begin = ARRAY), NULL},
        {VARLEN_FEATURE_KEY_RANGES, "key_end is given, but features has no VARLEN_FEATURE_KEY_RANGES",
         GIVEN(.key_end = ARRAY), NULL},
        {VARLEN_FEATURE_TREE_MASK, "tree_mask is given, but features has no VARLEN_FEATURE_TREE_MASK",
         GIVEN(.tree_mask = ARRAY), NULL},
        {VARLEN_FEATURE_EXPANDED, "v.head_stride = VARLEN_EXPANDED (-1), but features has no VARLEN_FEATURE_EXPANDED",
         GIVEN(.v = {(void *)0x10000, 0, VARLEN_EXPANDED}), NULL},
        {VARLEN_FEATURE_LSE, "lse is given, but features has no VARLEN_FEATURE_LSE", &packed_inputs, (void *)0x30000},
    };
    for (size_t i = 0; i < ROWS_OF(rows); i++) {
        const varlen_forward_args given = {FORWARD, .inputs = rows[i].inputs, .lse = rows[i].lse};
        varlen_attention attention = packed_problem();
        varlen_inputs inputs;
        varlen_forward_args args;
        attention.features = ~rows[i].feature;
        assert_failure(varlen_check_forward(&attention, &given, &inputs, &args), VARLEN_ERROR_INVALID_ARGUMENT,
                       rows[i].words);
        attention.features = rows[i].feature;
        assert_ok(varlen_check_forward(&attention, &given, &inputs, &args));
    }
}

static void gradients_need_their_features(void **state)
{
    (void)state;
    varlen_attention attention = packed_problem();
    const varlen_backward_args sinks = {BACKWARD, .inputs = GIVEN(.sinks = ARRAY), .dsinks = (void *)0x30000};
    const varlen_backward_args loss_of_lse = {BACKWARD, .dlse = ARRAY};
    const varlen_backward_args expanded = {BACKWARD, .dout = {(void *)0x10000, VARLEN_EXPANDED, 0}};
    varlen_inputs inputs;
    varlen_backward_args args;
    attention.features = VARLEN_FEATURE_SINKS;
    assert_failure(varlen_check_backward(&attention, &sinks, &inputs, &args), VARLEN_ERROR_INVALID_ARGUMENT,
                   "dsinks is given, but features has no VARLEN_FEATURE_DSINKS");
    assert_failure(varlen_check_backward(&attention, &loss_of_lse, &inputs, &args), VARLEN_ERROR_INVALID_ARGUMENT,
                   "dlse is given, but features has no VARLEN_FEATURE_DLSE");
    assert_failure(varlen_check_backward(&attention, &expanded, &inputs, &args), VARLEN_ERROR_INVALID_ARGUMENT,
                   "dout.token_stride = VARLEN_EXPANDED (-1), but features has no VARLEN_FEATURE_EXPANDED");
    /* lse, which backward needs, has no bit */
    attention.features |= VARLEN_FEATURE_DSINKS | VARLEN_FEATURE_DLSE | VARLEN_FEATURE_EXPANDED;
    assert_ok(varlen_check_backward(&attention, &sinks, &inputs, &args));
    assert_ok(varlen_check_backward(&attention, &loss_of_lse, &inputs, &args));
    assert_ok(varlen_check_backward(&attention, &expanded, &inputs, &args));
}

static void workspace(void **state)
{
    (void)state;
    assert_ok(varlen_check_workspace(NULL, 0, 0));
    assert_ok(varlen_check_workspace((void *)0x10040, 4096, 4096));
    assert_failure(varlen_check_workspace((void *)0x10020, 4096, 4096), VARLEN_ERROR_INVALID_ARGUMENT,
                   "workspace = 0x10020 is not aligned to 64 bytes");
    assert_failure(varlen_check_workspace((void *)0x10000, 4095, 4096), VARLEN_ERROR_INVALID_ARGUMENT,
                   "workspace_size = 4095 is below the 4096 bytes that varlen_workspace_size asks for");
    assert_failure(varlen_check_workspace(NULL, 4096, 4096), VARLEN_ERROR_INVALID_ARGUMENT,
                   "workspace is NULL, but the call needs 4096 bytes");
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        cmocka_unit_test(forward_resolves_strides),
        cmocka_unit_test(forward_passes_over_what_is_not_used),
        cmocka_unit_test(forward_resolves_page_strides),
        cmocka_unit_test(forward_takes_empty_batches_without_data),
        cmocka_unit_test(forward_refuses_what_breaks_a_rule),
        cmocka_unit_test(paged_forward_refuses_what_breaks_a_rule),
        cmocka_unit_test(backward_resolves_strides),
        cmocka_unit_test(backward_refuses_what_breaks_a_rule),
        cmocka_unit_test(arguments_need_their_features),
        cmocka_unit_test(gradients_need_their_features),
        cmocka_unit_test(workspace),
    };
    return cmocka_run_group_tests_name("rules_passes", cases, NULL, NULL);
}
