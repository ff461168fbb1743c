/* Which arguments may share memory. No element is touched, so the addresses are made up. */
#include "core/extents.h"
#include "core/rules_around.h"
#include "core/rules_attention.h"
#include "core/rules_passes.h"
#include "support/test.h"

/* Rows below are these arguments with fields set anew. */
#pragma GCC diagnostic ignored "-Woverride-init"
#define AT(number) ((void *)(0x1000000 + 0x100000 * (number)))
#define TENSOR(number)                                                                                                 \
    {                                                                                                                  \
        AT(number), 0, 0                                                                                               \
    }

/* ---- Geometry ---- */

enum { MEMORY = 512 };

/* Marks the bytes of `count[0]` x `count[1]` x `count[2]` pieces of `size` bytes. */
static void mark(unsigned char *bytes, int begin, int size, const int count[3], const int stride[3])
{
    for (int i = 0; i < count[0]; i++)
        for (int j = 0; j < count[1]; j++)
            for (int k = 0; k < count[2]; k++)
                for (int n = 0; n < size; n++)
                    bytes[begin + i * stride[0] + j * stride[1] + k * stride[2] + n] = 1;
}

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 16;
}

/* Strides from a few that often are alike, so that views of one buffer come up. */
static void add_random(varlen_extents *extents, unsigned char *bytes, bool written, uint32_t *state)
{
    static const int strides[] = {0, 2, 3, 4, 6, 8, 12, 16, 24, 48};
    const int begin = (int)(next_random(state) % 64), size = 1 + (int)(next_random(state) % 4);
    int count[3], stride[3];
    varlen_extents_add(extents, "x", (void *)(uintptr_t)(4096 + begin), size, written);
    for (int i = 0; i < 3; i++) {
        count[i] = 1 + (int)(next_random(state) % 3);
        stride[i] = strides[next_random(state) % (sizeof strides / sizeof strides[0])];
        varlen_extents_repeat(extents, count[i], stride[i]);
    }
    mark(bytes, begin, size, count, stride);
}

static void never_takes_shared_memory_for_separate(void **state)
{
    (void)state;
    uint32_t random = 1;
    int interleaved = 0;
    for (int trial = 0; trial < 200000; trial++) {
        unsigned char first[MEMORY] = {0}, second[MEMORY] = {0};
        varlen_extents extents = {.count = 0};
        bool shared = false;
        add_random(&extents, first, true, &random);
        add_random(&extents, second, false, &random);
        for (int i = 0; i < MEMORY; i++)
            shared = shared || (first[i] && second[i]);
        const bool refused = varlen_check_overlaps(&extents) != VARLEN_OK;
        assert_true(refused || !shared);
        const varlen_extent *a = &extents.at[0], *b = &extents.at[1];
        const bool extents_meet =
            a->begin < b->begin + (uintptr_t)b->reach[0] && b->begin < a->begin + (uintptr_t)a->reach[0];
        interleaved += !refused && extents_meet;
    }
    assert_true(interleaved > 1000); /* or the test has shown nothing */
}

/* ---- Attention ---- */

/* Inputs with fields set anew, for .inputs. */
#define INPUTS                                                                                                         \
    .struct_size = sizeof(varlen_inputs), .q = TENSOR(0), .k = TENSOR(1), .v = TENSOR(2), .cu_seqlens_q = AT(3),       \
    .cu_seqlens_k = AT(3)
#define GIVEN(...) (&(const varlen_inputs){INPUTS, __VA_ARGS__})
#define FORWARD .struct_size = sizeof(varlen_forward_args), .inputs = &packed_inputs, .out = TENSOR(4), .lse = AT(5)
#define BACKWARD                                                                                                       \
    .struct_size = sizeof(varlen_backward_args), .inputs = &packed_inputs, .out = TENSOR(4), .lse = AT(5),             \
    .dout = TENSOR(6), .dq = TENSOR(7), .dk = TENSOR(8), .dv = TENSOR(9)

static const varlen_inputs packed_inputs = {INPUTS};

/* float16, [10, 4, 64] each: 512 bytes a token, 5120 in all. */
static varlen_attention problem(void)
{
    const varlen_attention given = {
        .struct_size = sizeof given,
        .dtype = VARLEN_FLOAT16,
        .batch = 3,
        .q_heads = 4,
        .kv_heads = 4,
        .head_dim = 64,
        .total_q = 10,
        .total_k = 10,
        .features = VARLEN_FEATURE_SEQUSED_Q | VARLEN_FEATURE_SEQUSED_K | VARLEN_FEATURE_LEFTPAD_Q |
                    VARLEN_FEATURE_ALIBI | VARLEN_FEATURE_SINKS | VARLEN_FEATURE_DROPOUT_STATE | VARLEN_FEATURE_LSE |
                    VARLEN_FEATURE_DSINKS | VARLEN_FEATURE_DLSE | VARLEN_FEATURE_KEY_RANGES | VARLEN_FEATURE_TREE_MASK};
    varlen_attention attention;
    assert_ok(varlen_check_attention(&given, VARLEN_PASS_FORWARD, &attention));
    return attention;
}

static void forward_refuses_overlaps(void **state)
{
    (void)state;
    const struct {
        varlen_forward_args args;
        const char *words;
    } rows[] = {
        {{FORWARD, .out = TENSOR(0)},
         "out (0x1000000 .. 0x10013ff), which is written, overlaps q (0x1000000 .. 0x10013ff)"},
        {{FORWARD, .out = TENSOR(1)}, "out (0x1100000 .. 0x11013ff), which is written, overlaps k"},
        {{FORWARD, .out = TENSOR(2)}, "overlaps v (0x1200000 .. 0x12013ff)"},
        {{FORWARD, .out = {(char *)AT(0) + 5104, 0, 0}}, "which is written, overlaps q"},
        {{FORWARD, .out = {(char *)AT(1) - 5104, 0, 0}}, "which is written, overlaps k"},
        {{FORWARD, .out = TENSOR(3)}, "overlaps cu_seqlens_q (0x1300000 .. 0x130000f)"},
        {{FORWARD, .lse = AT(4)}, "out (0x1400000 .. 0x14013ff), which is written, overlaps lse"},
        {{FORWARD, .lse = AT(2)}, "lse (0x1200000 .. 0x120009f), which is written, overlaps v"},
        {{FORWARD, .inputs = GIVEN(.seqused_k = AT(5))},
         "lse (0x1500000 .. 0x150009f), which is written, overlaps seqused_k"},
        {{FORWARD, .workspace = AT(0), .workspace_size = 1}, "workspace (0x1000000 .. 0x1000000), which is written"},
        {{FORWARD, .workspace = AT(6), .workspace_size = SIZE_MAX},
         "workspace = 0x1600000, of workspace_size elements"},
        {{FORWARD, .workspace = (char *)AT(4) - 64, .workspace_size = 65}, "overlaps workspace"},
        {{FORWARD, .inputs = GIVEN(.sinks = AT(4))}, "overlaps sinks (0x1400000 .. 0x140000f)"},
        {{FORWARD, .inputs = GIVEN(.alibi_slopes = AT(4))}, "overlaps alibi_slopes"},
        {{FORWARD, .inputs = GIVEN(.dropout_state = AT(4))}, "overlaps dropout_state"},
        {{FORWARD, .inputs = GIVEN(.leftpad_q = AT(4))}, "overlaps leftpad_q"},
        {{FORWARD, .inputs = GIVEN(.key_begin = AT(4))}, "overlaps key_begin"},
        {{FORWARD, .inputs = GIVEN(.key_end = AT(4))}, "overlaps key_end"},
        {{FORWARD, .inputs = GIVEN(.tree_mask = AT(4))}, "overlaps tree_mask"},
        /* out as a part of q's buffer, with rows of its own but another stride */
        {{FORWARD, .inputs = GIVEN(.q = {AT(0), 512, 0}), .out = {(char *)AT(0) + 512, 256, 0}},
         "which is written, overlaps q"},
        /* heads 3 and 4 of a row of eight, where q has heads 0 .. 3 */
        {{FORWARD, .inputs = GIVEN(.q = {AT(0), 512, 0}), .out = {(char *)AT(0) + 384, 512, 0}},
         "which is written, overlaps q"},
    };
    const varlen_attention attention = problem();
    for (size_t i = 0; i < ROWS_OF(rows); i++) {
        varlen_inputs inputs;
        varlen_forward_args args;
        assert_failure(varlen_check_forward(&attention, &rows[i].args, &inputs, &args), VARLEN_ERROR_INVALID_ARGUMENT,
                       rows[i].words);
    }
}

static void forward_takes_what_is_apart(void **state)
{
    (void)state;
    const varlen_forward_args rows[] = {
        {FORWARD, .inputs = GIVEN(.k = TENSOR(0), .v = TENSOR(0))}, /* inputs */
        {FORWARD, .out = {(char *)AT(0) + 5120, 0, 0}},             /* end to end */
        {FORWARD, .inputs = GIVEN(.q = {AT(0), 512, 0}),
         .out = {(char *)AT(0) + 512, 512, 0}}, /* eight heads to a row */
        {FORWARD, .inputs = GIVEN(.q = {AT(0), 64, 1280}),
         .out = {(char *)AT(0) + 1280, 64, 1280}}, /* [heads, 2, tokens, dim] */
        {FORWARD, .inputs = GIVEN(.q = {AT(0), 768, 0}, .k = {(char *)AT(0) + 512, 768, 0}),
         .out = {(char *)AT(0) + 1024, 768, 0}}, /* all in [tokens, 3, heads] */
        {FORWARD, .workspace = AT(6), .workspace_size = 0x100000},
    };
    const varlen_attention attention = problem();
    for (size_t i = 0; i < ROWS_OF(rows); i++) {
        varlen_inputs inputs;
        varlen_forward_args args;
        assert_ok(varlen_check_forward(&attention, &rows[i], &inputs, &args));
    }
}

static void backward_refuses_overlaps(void **state)
{
    (void)state;
    const struct {
        varlen_backward_args args;
        const char *words;
    } rows[] = {
        {{BACKWARD, .dq = TENSOR(0)}, "dq (0x1000000 .. 0x10013ff), which is written, overlaps q"},
        {{BACKWARD, .dq = TENSOR(6)}, "which is written, overlaps dout"},
        {{BACKWARD, .dk = TENSOR(4)}, "dk (0x1400000 .. 0x14013ff), which is written, overlaps out"},
        {{BACKWARD, .dv = TENSOR(8)}, "dk (0x1800000 .. 0x18013ff), which is written, overlaps dv"},
        {{BACKWARD, .dv = TENSOR(5)}, "which is written, overlaps lse"},
        {{BACKWARD, .inputs = GIVEN(.sinks = AT(10)), .dsinks = AT(10)},
         "dsinks (0x1a00000 .. 0x1a0000f), which is written, overlaps"},
        {{BACKWARD, .workspace = AT(9), .workspace_size = 64}, "overlaps workspace"},
        {{BACKWARD, .dlse = AT(9)}, "which is written, overlaps dlse"},
    };
    const varlen_attention attention = problem();
    varlen_inputs inputs;
    varlen_backward_args args;
    for (size_t i = 0; i < ROWS_OF(rows); i++)
        assert_failure(varlen_check_backward(&attention, &rows[i].args, &inputs, &args), VARLEN_ERROR_INVALID_ARGUMENT,
                       rows[i].words);
    /* dq, dk, dv of [tokens, 3, heads, dim] */
    const varlen_backward_args fused = {BACKWARD, .dq = {AT(7), 768, 0}, .dk = {(char *)AT(7) + 512, 768, 0},
                                        .dv = {(char *)AT(7) + 1024, 768, 0}};
    assert_ok(varlen_check_backward(&attention, &fused, &inputs, &args));
}

/* ---- Around attention ---- */

/* float32: a part is [10, 4, 64], 10240 bytes; its lse 160. */
#define MERGE                                                                                                          \
    .struct_size = sizeof(varlen_merge_args), .parts = 3, .heads = 4, .tokens = 10, .partial_out = TENSOR(0),          \
    .partial_lse = AT(1), .out = TENSOR(2), .lse = AT(3), .value_dim = 64

static void merge_may_go_to_a_part(void **state)
{
    (void)state;
    const varlen_merge_args rows[] = {
        {MERGE, .out = TENSOR(0)},
        {MERGE, .out = {(char *)AT(0) + 20480, 256, 64}, .lse = (float *)AT(1) + 80},
        {MERGE, .partial_out = {AT(0), 768, 0}, .partial_out_stride = 256, .out = {(char *)AT(0) + 1024, 768, 64}},
    };
    varlen_merge_args args;
    for (size_t i = 0; i < ROWS_OF(rows); i++)
        assert_ok(varlen_check_merge(&rows[i], &args));
}

static void merge_refuses_other_overlaps(void **state)
{
    (void)state;
    const struct {
        varlen_merge_args args;
        const char *words;
    } rows[] = {
        {{MERGE, .out = {(char *)AT(0) + 30720 - 16, 0, 0}},
         "out (0x10077f0 .. 0x1009fef), which is written, overlaps"},
        {{MERGE, .out = {(char *)AT(0) + 256, 0, 0}}, "overlaps partial_out (0x1000000 .. 0x10077ff)"},
        {{MERGE, .out = {AT(0), 512, 64}}, "which is written, overlaps partial_out"},
        {{MERGE, .out = TENSOR(0), .dtype = VARLEN_FLOAT16}, "which is written, overlaps partial_out"},
        {{MERGE, .out = TENSOR(0), .partial_out_stride = VARLEN_EXPANDED},
         "partial_out_stride = VARLEN_EXPANDED (-1), but partial_out is written"},
        {{MERGE, .out = {AT(0), 256, 64}, .partial_out = {AT(0), 256, 64}, .partial_out_stride = 256},
         "partial_out_stride = 256 is below the 2560 elements that dimensions inside it take, so that rows of "
         "partial_out, which is written, overlap"},
        {{MERGE, .lse = (float *)AT(1) + 1}, "lse (0x1100004 .. 0x11000a3), which is written, overlaps partial_lse"},
        {{MERGE, .lse = (float *)AT(1) + 119}, "which is written, overlaps partial_lse"},
        {{MERGE, .lse = AT(2)}, "which is written, overlaps lse"},
        {{MERGE, .lse = AT(0)}, "lse (0x1000000 .. 0x100009f), which is written, overlaps partial_out"},
    };
    for (size_t i = 0; i < ROWS_OF(rows); i++) {
        varlen_merge_args args;
        assert_failure(varlen_check_merge(&rows[i].args, &args), VARLEN_ERROR_INVALID_ARGUMENT, rows[i].words);
    }
}

#define PACK                                                                                                           \
    .struct_size = sizeof(varlen_pack_args), .element_size = 8, .batch = 3, .max_seqlen = 5, .heads = 1, .dim = 1,     \
    .total = 15, .padded = TENSOR(0), .packed = TENSOR(1), .cu_seqlens = AT(2)

static void pack_refuses_overlaps(void **state)
{
    (void)state;
    const varlen_pack_args in_place = {PACK, .packed = TENSOR(0)}, over_sums = {PACK, .packed = TENSOR(2)};
    varlen_pack_args args;
    assert_failure(varlen_check_pack(&in_place, false, &args), VARLEN_ERROR_INVALID_ARGUMENT,
                   "packed (0x1000000 .. 0x1000077), which is written, overlaps padded");
    assert_failure(varlen_check_pack(&in_place, true, &args), VARLEN_ERROR_INVALID_ARGUMENT,
                   "padded (0x1000000 .. 0x1000077), which is written, overlaps packed");
    assert_failure(varlen_check_pack(&over_sums, false, &args), VARLEN_ERROR_INVALID_ARGUMENT,
                   "which is written, overlaps cu_seqlens (0x1200000 .. 0x120000f)");
    assert_ok(varlen_check_pack(&over_sums, true, &args)); /* both are read */
    const varlen_pack_args over_padding = {PACK, .leftpad = AT(1)};
    assert_failure(varlen_check_pack(&over_padding, false, &args), VARLEN_ERROR_INVALID_ARGUMENT,
                   "which is written, overlaps leftpad (0x1100000 .. 0x110000b)");
    assert_ok(varlen_check_pack(&over_padding, true, &args));
}

/* float16, pages [8, 16, 2, 64]: 256 bytes a token, 4096 a page. */
#define APPEND                                                                                                         \
    .struct_size = sizeof(varlen_kv_append_args), .dtype = VARLEN_FLOAT16, .batch = 3, .kv_heads = 2, .head_dim = 64,  \
    .total_new = 5, .page_size = 16, .page_table_width = 4, .page_count = 8, .k_new = TENSOR(0), .v_new = TENSOR(1),   \
    .k_cache = TENSOR(2), .v_cache = TENSOR(3), .cu_seqlens_new = AT(4), .seqused_k = AT(5), .page_table = AT(6),      \
    .seqused_k_out = AT(7)
#define ROTARY                                                                                                         \
    APPEND, .q_heads = 4, .q = TENSOR(8), .rotary_dim = 32, .rotary_positions = 100, .rotary_cos = AT(9),              \
            .rotary_sin = AT(9)

static void append_refuses_overlaps(void **state)
{
    (void)state;
    const struct {
        varlen_kv_append_args args;
        const char *words;
    } rows[] = {
        {{APPEND, .v_cache = TENSOR(2)}, "k_cache (0x1200000 .. 0x1207fff), which is written, overlaps v_cache"},
        {{APPEND, .k_new = TENSOR(2)}, "which is written, overlaps k_new"},
        {{APPEND, .seqused_k_out = (int32_t *)AT(5) + 1},
         "seqused_k_out (0x1500004 .. 0x150000f), which is written, overlaps seqused_k (0x1500000 .. 0x150000b)"},
        {{APPEND, .seqused_k_out = AT(6)}, "which is written, overlaps page_table"},
        {{APPEND, .seqused_k = AT(4), .seqused_k_out = AT(4)}, "seqused_k (0x1400000 .. 0x140000b), which is written"},
        {{ROTARY, .q = TENSOR(0)}, "q (0x1000000 .. 0x10009ff), which is written, overlaps k_new"},
        {{ROTARY, .rotary_sin = AT(8)}, "q (0x1800000 .. 0x18009ff), which is written, overlaps rotary_sin"},
    };
    for (size_t i = 0; i < ROWS_OF(rows); i++) {
        varlen_kv_append_args args;
        assert_failure(varlen_check_kv_append(&rows[i].args, &args), VARLEN_ERROR_INVALID_ARGUMENT, rows[i].words);
    }
}

static void append_takes_what_is_apart(void **state)
{
    (void)state;
    const varlen_kv_append_args rows[] = {
        {APPEND, .seqused_k_out = AT(5)},
        /* [pages, 2, page_size, heads, dim] and [pages, page_size, 2, heads, dim] */
        {APPEND, .v_cache = {(char *)AT(2) + 4096, 0, 0}, .k_page_stride = 4096, .v_page_stride = 4096},
        {APPEND, .k_cache = {AT(2), 256, 0}, .v_cache = {(char *)AT(2) + 256, 256, 0}},
        /* q, k, v of one projection */
        {ROTARY, .q = {AT(0), 512, 0}, .k_new = {(char *)AT(0) + 512, 512, 0}, .v_new = {(char *)AT(0) + 768, 512, 0}},
    };
    varlen_kv_append_args args;
    for (size_t i = 0; i < ROWS_OF(rows); i++)
        assert_ok(varlen_check_kv_append(&rows[i], &args));
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        cmocka_unit_test(never_takes_shared_memory_for_separate),
        cmocka_unit_test(forward_refuses_overlaps),
        cmocka_unit_test(forward_takes_what_is_apart),
        cmocka_unit_test(backward_refuses_overlaps),
        cmocka_unit_test(merge_may_go_to_a_part),
        cmocka_unit_test(merge_refuses_other_overlaps),
        cmocka_unit_test(pack_refuses_overlaps),
        cmocka_unit_test(append_refuses_overlaps),
        cmocka_unit_test(append_takes_what_is_apart),
    };
    return cmocka_run_group_tests_name("overlaps", cases, NULL, NULL);
}
