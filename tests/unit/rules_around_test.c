/* The rules of merge, cu_seqlens, pack, unpack and kv_append. Nothing is read, so the addresses may be made up. */
#include "core/rules_around.h"
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
#define MERGE                                                                                                          \
    .struct_size = sizeof(varlen_merge_args), .parts = 3, .heads = 4, .tokens = 10, .partial_out = TENSOR,             \
    .partial_lse = ARRAY, .out = WRITTEN(0), .value_dim = 64
#define PACK                                                                                                           \
    .struct_size = sizeof(varlen_pack_args), .element_size = 2, .batch = 3, .max_seqlen = 5, .heads = 4, .dim = 64,    \
    .total = 10, .padded = WRITTEN(0), .packed = WRITTEN(1), .cu_seqlens = ARRAY
#define APPEND                                                                                                         \
    .struct_size = sizeof(varlen_kv_append_args), .batch = 3, .kv_heads = 2, .head_dim = 64, .total_new = 5,           \
    .total_k = 30, .k_new = TENSOR, .v_new = TENSOR, .k_cache = WRITTEN(0), .v_cache = WRITTEN(1),                     \
    .cu_seqlens_new = ARRAY, .cu_seqlens_k = ARRAY, .seqused_k = ARRAY
#define PAGED_APPEND                                                                                                   \
    APPEND, .total_k = 0, .page_size = 16, .page_table_width = 4, .page_count = 8, .cu_seqlens_k = NULL,               \
            .page_table = ARRAY
#define ROTARY                                                                                                         \
    APPEND, .q_heads = 4, .q = WRITTEN(2), .rotary_dim = 32, .rotary_positions = 100, .rotary_cos = ARRAY,             \
            .rotary_sin = ARRAY

static void merge_resolves_strides(void **state)
{
    (void)state;
    const varlen_merge_args given = {MERGE};
    varlen_merge_args args;
    assert_ok(varlen_check_merge(&given, &args));
    assert_int_equal(args.partial_out.token_stride, 256);
    assert_int_equal(args.partial_out_stride, 2560);
    assert_int_equal(args.partial_lse_stride, 40);
    assert_int_equal(args.out.head_stride, 64);
}

static void merge_takes_no_tokens(void **state)
{
    (void)state;
    const varlen_merge_args given = {.struct_size = sizeof given, .parts = 1, .heads = 1, .value_dim = 8};
    varlen_merge_args args;
    assert_ok(varlen_check_merge(&given, &args));
}

static void merge_refuses_what_breaks_a_rule(void **state)
{
    (void)state;
    const struct {
        varlen_merge_args args;
        const char *words;
    } rows[] = {
        {{MERGE, .struct_size = 0}, "args.struct_size = 0 is below"},
        {{MERGE, .dtype = (varlen_dtype)6}, "dtype = 6 is not a varlen_dtype"},
        {{MERGE, .partial_dtype = (varlen_dtype)9}, "partial_dtype = 9 is not a varlen_dtype"},
        {{MERGE, .parts = 0}, "parts = 0 is below 1"},
        {{MERGE, .heads = 0}, "heads = 0 is below 1"},
        {{MERGE, .tokens = -1}, "tokens = -1 is below 0"},
        {{MERGE, .tokens = 2147483648}, "tokens = 2147483648 is above 2147483647"},
        {{MERGE, .value_dim = 0}, "value_dim = 0 is below 8"},
        {{MERGE, .value_dim = 12}, "value_dim = 12 is not a multiple of 8"},
        {{MERGE, .reserved = 1}, "reserved = 1 must be 0"},
        {{MERGE, .partial_out = {0}}, "partial_out.data is NULL"},
        {{MERGE, .out = {0}}, "out.data is NULL"},
        {{MERGE, .out = {(void *)0x10000, 64, 64}}, "so that rows of out, which is written, overlap"},
        {{MERGE, .partial_out_stride = 6}, "partial_out_stride = 6 is below the dim = 64"},
        {{MERGE, .partial_lse = NULL}, "partial_lse is NULL, but it weighs the parts"},
        {{MERGE, .partial_lse_stride = 39}, "partial_lse_stride = 39 is below heads * tokens = 40"},
        {{MERGE, .partial_lse_stride = INT64_MAX},
         "of (parts - 1) * partial_lse_stride + heads * tokens elements, goes past the end"},
    };
    for (size_t i = 0; i < ROWS_OF(rows); i++) {
        varlen_merge_args args;
        assert_failure(varlen_check_merge(&rows[i].args, &args), VARLEN_ERROR_INVALID_ARGUMENT, rows[i].words);
    }
}

static void cu_seqlens_rules(void **state)
{
    (void)state;
    static int32_t memory[16];
    const varlen_status refused = VARLEN_ERROR_INVALID_ARGUMENT;
    assert_ok(varlen_check_cu_seqlens(3, memory, memory + 3));
    assert_ok(varlen_check_cu_seqlens(3, memory + 4, memory));
    assert_ok(varlen_check_cu_seqlens(0, NULL, memory));
    assert_failure(varlen_check_cu_seqlens(-1, memory, memory + 3), refused, "batch = -1 is below 0");
    assert_failure(varlen_check_cu_seqlens(3, NULL, memory), refused, "lengths is NULL");
    assert_failure(varlen_check_cu_seqlens(3, memory, NULL), refused, "cu_seqlens is NULL");
    assert_failure(varlen_check_cu_seqlens(3, memory, memory), refused, "overlaps lengths");
    assert_failure(varlen_check_cu_seqlens(3, memory, memory + 2), refused, "overlaps lengths");
    assert_failure(varlen_check_cu_seqlens(3, memory + 3, memory), refused, "overlaps lengths");
    assert_failure(varlen_check_cu_seqlens(3, (void *)0x20002, memory), refused, "lengths = 0x20002 is not aligned");
}

static void pack_resolves_strides(void **state)
{
    (void)state;
    const varlen_pack_args given = {PACK};
    varlen_pack_args args;
    assert_ok(varlen_check_pack(&given, false, &args));
    assert_int_equal(args.padded_batch_stride, 5 * 256);
    assert_int_equal(args.packed.token_stride, 256);
}

static void only_the_written_side_must_not_overlap(void **state)
{
    (void)state;
    const varlen_pack_args given = {PACK, .padded = {(void *)0x10000, 256, 0}, .padded_batch_stride = 256};
    varlen_pack_args args;
    assert_ok(varlen_check_pack(&given, false, &args));
    assert_failure(varlen_check_pack(&given, true, &args), VARLEN_ERROR_INVALID_ARGUMENT,
                   "so that rows of padded, which is written, overlap");
}

static void pack_refuses_what_breaks_a_rule(void **state)
{
    (void)state;
    const struct {
        varlen_pack_args args;
        const char *words;
    } rows[] = {
        {{PACK, .struct_size = 0}, "args.struct_size = 0 is below"},
        {{PACK, .element_size = 3}, "element_size = 3 is none of 1, 2, 4 and 8"},
        {{PACK, .batch = -1}, "batch = -1 is below 0"},
        {{PACK, .max_seqlen = -1}, "max_seqlen = -1 is below 0"},
        {{PACK, .heads = 0}, "heads = 0 is below 1"},
        {{PACK, .dim = 0}, "dim = 0 is below 1"},
        {{PACK, .dim = -1}, "dim = -1 is below 1"},
        {{PACK, .padded = {(void *)0x10001, 0, 0}}, "padded.data = 0x10001 is not aligned to 2 bytes"},
        {{PACK, .total = -1}, "total = -1 is below 0"},
        {{PACK, .total = 2147483648}, "total = 2147483648 is above 2147483647"},
        {{PACK, .reserved = 2}, "reserved = 2 must be 0"},
        {{PACK, .padded = {0}}, "padded.data is NULL"},
        {{PACK, .packed = {0}}, "packed.data is NULL"},
        {{PACK, .padded_batch_stride = 6}, "padded_batch_stride = 6 is below the dim = 64"},
        {{PACK, .cu_seqlens = NULL}, "cu_seqlens is NULL"},
        {{PACK, .leftpad = (void *)0x20002}, "leftpad = 0x20002 is not aligned to its elements' 4 bytes"},
        {{PACK, .batch = INT32_MAX, .max_seqlen = INT32_MAX, .heads = INT32_MAX},
         "padded_batch_stride = 0 stands for a dense stride, which takes padded past the end"},
    };
    for (size_t i = 0; i < ROWS_OF(rows); i++) {
        varlen_pack_args args;
        assert_failure(varlen_check_pack(&rows[i].args, false, &args), VARLEN_ERROR_INVALID_ARGUMENT, rows[i].words);
    }
}

static void append_resolves_defaults(void **state)
{
    (void)state;
    const varlen_kv_append_args given = {PAGED_APPEND};
    varlen_kv_append_args args;
    assert_ok(varlen_check_kv_append(&given, &args));
    assert_int_equal(args.value_dim, 64);
    assert_int_equal(args.k_new.token_stride, 128);
    assert_int_equal(args.v_cache.token_stride, 128);
    assert_int_equal(args.k_page_stride, 16 * 128);
    const varlen_kv_append_args rotary = {ROTARY};
    assert_ok(varlen_check_kv_append(&rotary, &args));
    assert_int_equal(args.q.token_stride, 256);
}

static void append_takes_keys_alone(void **state)
{
    (void)state;
    const varlen_kv_append_args rows[] = {
        {APPEND, .v_new = {0}, .v_cache = {0}},
        {PAGED_APPEND, .v_new = {0}, .v_cache = {0}},
        {APPEND, .total_new = 0, .v_new = {0}},                                      /* of no elements */
        {APPEND, .total_k = 0, .k_cache = {0}, .v_cache = {0}},                      /* likewise */
        {ROTARY, .v_new = {0}, .v_cache = {0}, .rotary_begin = 31, .q = WRITTEN(1)}, /* where v_cache would be */
        {ROTARY, .rotary_begin = 32},
    };
    for (size_t i = 0; i < ROWS_OF(rows); i++) {
        varlen_kv_append_args args;
        assert_ok(varlen_check_kv_append(&rows[i], &args));
        assert_int_equal(args.value_dim, 64);
    }
}

static void append_refuses_what_breaks_a_rule(void **state)
{
    (void)state;
    const struct {
        varlen_kv_append_args args;
        const char *words;
    } rows[] = {
        {{APPEND, .struct_size = 0}, "args.struct_size = 0 is below"},
        {{APPEND, .dtype = (varlen_dtype)6}, "dtype = 6 is not a varlen_dtype"},
        {{APPEND, .batch = -1}, "batch = -1 is below 0"},
        {{APPEND, .kv_heads = 0}, "kv_heads = 0 is below 1"},
        {{APPEND, .q_heads = -1}, "q_heads = -1 is below 0"},
        {{APPEND, .head_dim = 12}, "head_dim = 12 is not a multiple of 8"},
        {{APPEND, .total_new = -1}, "total_new = -1 is below 0"},
        {{APPEND, .page_size = 16}, "total_k = 30 must be 0 with paging"},
        {{APPEND, .page_count = 8}, "page_count = 8 must be 0 without paging"},
        {{APPEND, .k_new = {0}}, "k_new.data is NULL"},
        {{APPEND, .v_new = {0}}, "v_new.data is NULL, but v_cache.data is given"},
        {{APPEND, .k_cache = {0}}, "k_cache.data is NULL"},
        {{APPEND, .v_cache = {0}}, "v_cache.data is NULL, but v_new.data is given"},
        {{PAGED_APPEND, .v_cache = {0}}, "v_cache.data is NULL, but v_new.data is given"},
        {{APPEND, .v_new = {0}, .v_cache = {0}, .value_dim = 12}, "value_dim = 12 is not a multiple of 8"},
        {{APPEND, .v_cache = {(void *)0x10000, 64, 64}}, "so that rows of v_cache, which is written, overlap"},
        {{APPEND, .k_page_stride = 64}, "k_page_stride = 64 must be 0 without paging"},
        {{APPEND, .cu_seqlens_new = NULL}, "cu_seqlens_new is NULL"},
        {{APPEND, .cu_seqlens_k = NULL}, "cu_seqlens_k is NULL, but the cache is packed"},
        {{APPEND, .seqused_k = NULL}, "seqused_k is NULL, but it says where the new rows go"},
        {{APPEND, .page_table = ARRAY}, "page_table is given, but the cache is packed"},
        {{PAGED_APPEND, .cu_seqlens_k = ARRAY}, "cu_seqlens_k is given, but the cache is paged"},
        {{PAGED_APPEND, .page_table = NULL}, "page_table is NULL, but the cache is paged"},
        {{PAGED_APPEND, .k_page_stride = 1024},
         "k_page_stride = 1024 is below the 2048 elements that k_cache.token_stride"},
        {{ROTARY, .rotary_dim = 33}, "rotary_dim = 33 is not a multiple of 2"},
        {{ROTARY, .rotary_dim = 66}, "rotary_dim = 66 is above head_dim = 64"},
        {{ROTARY, .rotary_dim = -2}, "rotary_dim = -2 is below 0"},
        {{ROTARY, .rotary_begin = 33}, "rotary_begin = 33 + rotary_dim = 32 is above head_dim = 64"},
        {{ROTARY, .rotary_begin = INT32_MAX}, "rotary_begin = 2147483647 + rotary_dim = 32 is above head_dim = 64"},
        {{ROTARY, .rotary_begin = -1}, "rotary_begin = -1 is below 0"},
        {{APPEND, .rotary_begin = 8}, "rotary_begin = 8 must be 0 with rotary_dim = 0"},
        {{ROTARY, .rotary_dim = 0}, "q_heads = 4 must be 0 with rotary_dim = 0"},
        {{ROTARY, .q_heads = 0}, "q.data is given, but q_heads = 0"},
        {{ROTARY, .q = {(void *)0x10000, 64, 64}}, "so that rows of q, which is written, overlap"},
        {{ROTARY, .q = {0}}, "q.data is NULL"},
        {{ROTARY, .rotary_interleaved = 2}, "rotary_interleaved = 2 is above 1"},
        {{ROTARY, .rotary_positions = -1}, "rotary_positions = -1 is below 0"},
        {{ROTARY, .rotary_positions = INT64_MAX}, "of rotary_positions * rotary_dim / 2 elements, goes past the end"},
        {{ROTARY, .rotary_cos = NULL}, "rotary_cos is NULL, but rotary_dim > 0"},
        {{ROTARY, .rotary_sin = NULL}, "rotary_sin is NULL, but rotary_dim > 0"},
        {{APPEND, .reserved = 1}, "reserved = 1 must be 0"},
    };
    for (size_t i = 0; i < ROWS_OF(rows); i++) {
        varlen_kv_append_args args;
        assert_failure(varlen_check_kv_append(&rows[i].args, &args), VARLEN_ERROR_INVALID_ARGUMENT, rows[i].words);
    }
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        cmocka_unit_test(merge_resolves_strides),
        cmocka_unit_test(merge_takes_no_tokens),
        cmocka_unit_test(merge_refuses_what_breaks_a_rule),
        cmocka_unit_test(cu_seqlens_rules),
        cmocka_unit_test(pack_resolves_strides),
        cmocka_unit_test(only_the_written_side_must_not_overlap),
        cmocka_unit_test(pack_refuses_what_breaks_a_rule),
        cmocka_unit_test(append_resolves_defaults),
        cmocka_unit_test(append_takes_keys_alone),
        cmocka_unit_test(append_refuses_what_breaks_a_rule),
    };
    return cmocka_run_group_tests_name("rules_around", cases, NULL, NULL);
}
