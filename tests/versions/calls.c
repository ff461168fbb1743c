#include "calls.h"

enum { HEADS = 1, TOKENS = 4, DIM = 16 };

static _Alignas(256) char memory[12][256];
static const int32_t ends[] = {0, 1, TOKENS}, no_keys[] = {0, 0};

static varlen_tensor tensor(int number)
{
    return (varlen_tensor){.data = memory[number]};
}

static varlen_context *opened(void)
{
    const varlen_open_options options = {.struct_size = sizeof options, .backend = "fake"};
    varlen_context *context;
    assert_ok(varlen_open(&options, &context));
    return context;
}

static void make_attention(calls *made)
{
    made->attention = (varlen_attention){.struct_size = sizeof(varlen_attention),
                                         .batch = 2,
                                         .q_heads = HEADS,
                                         .kv_heads = HEADS,
                                         .head_dim = DIM,
                                         .total_q = TOKENS,
                                         .total_k = TOKENS,
                                         .features = VARLEN_FEATURE_LSE};
    made->inputs = (varlen_inputs){.struct_size = sizeof(varlen_inputs),
                                   .q = tensor(0),
                                   .k = tensor(1),
                                   .v = tensor(2),
                                   .cu_seqlens_q = ends,
                                   .cu_seqlens_k = ends};
    made->forward =
        (varlen_forward_args){.struct_size = sizeof(varlen_forward_args), .out = tensor(3), .lse = (float *)memory[4]};
    made->backward = (varlen_backward_args){.struct_size = sizeof(varlen_backward_args),
                                            .out = tensor(3),
                                            .lse = (float *)memory[4],
                                            .dout = tensor(5),
                                            .dq = tensor(6),
                                            .dk = tensor(7),
                                            .dv = tensor(8)};
}

static void make_around(calls *made)
{
    made->merge = (varlen_merge_args){.struct_size = sizeof(varlen_merge_args),
                                      .parts = 1,
                                      .heads = HEADS,
                                      .tokens = TOKENS,
                                      .partial_out = tensor(0),
                                      .partial_lse = (float *)memory[1],
                                      .out = tensor(2),
                                      .value_dim = DIM};
    made->pack = (varlen_pack_args){.struct_size = sizeof(varlen_pack_args),
                                    .element_size = 1,
                                    .batch = 2,
                                    .max_seqlen = TOKENS,
                                    .heads = HEADS,
                                    .dim = DIM,
                                    .total = TOKENS,
                                    .padded = tensor(0),
                                    .packed = tensor(1),
                                    .cu_seqlens = ends};
    made->kv_append = (varlen_kv_append_args){.struct_size = sizeof(varlen_kv_append_args),
                                              .batch = 2,
                                              .kv_heads = HEADS,
                                              .head_dim = DIM,
                                              .total_new = TOKENS,
                                              .total_k = TOKENS,
                                              .k_new = tensor(0),
                                              .v_new = tensor(1),
                                              .k_cache = tensor(2),
                                              .v_cache = tensor(3),
                                              .cu_seqlens_new = ends,
                                              .cu_seqlens_k = ends,
                                              .seqused_k = no_keys};
}

calls calls_make(void)
{
    calls made = {.context = NULL};
    fake_record_of_thread()->calls = 0;
    fake_record_of_thread()->misfits = 0;
    made.context = opened();
    make_attention(&made);
    make_around(&made);
    return made;
}

varlen_status calls_forward(const calls *made)
{
    varlen_forward_args args = made->forward;
    args.inputs = &made->inputs;
    return varlen_forward(made->context, NULL, &made->attention, &args);
}

varlen_status calls_backward(const calls *made)
{
    varlen_backward_args args = made->backward;
    args.inputs = &made->inputs;
    return varlen_backward(made->context, NULL, &made->attention, &args);
}

void calls_expect_served(const calls *made)
{
    size_t size;
    char text[VARLEN_EXPLAIN_SIZE];
    fake_record_of_thread()->explanation = "";
    assert_ok(varlen_supports(made->context, &made->attention, VARLEN_PASS_FORWARD));
    assert_ok(varlen_workspace_size(made->context, &made->attention, VARLEN_PASS_BACKWARD, &size));
    assert_ok(varlen_explain(made->context, &made->attention, VARLEN_PASS_FORWARD, text, sizeof text));
    assert_ok(calls_forward(made));
    assert_ok(calls_backward(made));
    assert_ok(varlen_merge(made->context, NULL, &made->merge));
    assert_ok(varlen_pack(made->context, NULL, &made->pack));
    assert_ok(varlen_unpack(made->context, NULL, &made->pack));
    assert_ok(varlen_kv_append(made->context, NULL, &made->kv_append));
    assert_int_equal(fake_record_of_thread()->calls, 6);
    assert_int_equal(fake_record_of_thread()->misfits, 0);
}
