/* Bad contents of cu_seqlens, lengths and page tables, and the sentences that they get. */
#include "core/metadata.h"
#include "core/violation.h"
#include "support/test.h"

static const varlen_attention packed = {.batch = 3, .total_q = 10, .total_k = 10};
static const varlen_attention bounded = {
    .batch = 3, .total_q = 10, .total_k = 10, .max_seqlen_q = 4, .max_seqlen_k = 4};
static const varlen_attention paged = {
    .batch = 2, .total_q = 10, .page_size = 4, .page_table_width = 3, .page_count = 5};

#define INTS(...) ((const int32_t[]){__VA_ARGS__})

static void assert_sound(varlen_violation found)
{
    assert_ok(varlen_fail_violation(&found));
}

static void assert_found(varlen_violation found, const char *sentence)
{
    assert_int_equal(varlen_fail_violation(&found), VARLEN_ERROR_BAD_METADATA);
    assert_string_equal(varlen_error_message(), sentence);
}

static void sound_metadata_passes(void **state)
{
    (void)state;
    const varlen_inputs rows[] = {
        {.cu_seqlens_q = INTS(0, 2, 5, 10), .cu_seqlens_k = INTS(0, 0, 4, 8)},
        {.cu_seqlens_q = INTS(0, 0, 0, 0), .cu_seqlens_k = INTS(0, 10, 10, 10)},
        {.cu_seqlens_q = INTS(0, 2, 5, 10),
         .cu_seqlens_k = INTS(0, 2, 5, 10),
         .seqused_q = INTS(2, 0, 5),
         .seqused_k = INTS(2, 3, 0),
         .leftpad_q = INTS(2, 0, 1),
         .leftpad_k = INTS(0, 3, 0)},
    };
    for (size_t i = 0; i < ROWS_OF(rows); i++)
        assert_sound(varlen_inspect_attention(&packed, VARLEN_PASS_FORWARD, &rows[i]));
}

static void attention_violations(void **state)
{
    (void)state;
    const int32_t *good = INTS(0, 2, 5, 10);
    const struct {
        const varlen_attention *attention;
        varlen_inputs inputs;
        const char *sentence;
    } rows[] = {
        {&packed, {.cu_seqlens_q = INTS(1, 2, 5, 10)}, "cu_seqlens_q[0] = 1 is not 0"},
        {&packed, {.cu_seqlens_q = INTS(-1, 2, 5, 10)}, "cu_seqlens_q[0] = -1 is not 0"},
        {&packed, {.cu_seqlens_q = INTS(0, 5, 2, 10)}, "cu_seqlens_q[2] = 2 is below cu_seqlens_q[1] = 5"},
        {&packed, {.cu_seqlens_q = INTS(0, -5, 2, 10)}, "cu_seqlens_q[1] = -5 is below cu_seqlens_q[0] = 0"},
        {&packed, {.cu_seqlens_q = INTS(0, 2, 5, 11)}, "cu_seqlens_q[3] = 11 is above total_q = 10"},
        {&packed, {.cu_seqlens_k = INTS(3, 3, 5, 10)}, "cu_seqlens_k[0] = 3 is not 0"},
        {&packed, {.cu_seqlens_k = INTS(0, 2, 11, 10)}, "cu_seqlens_k[2] = 11 is above total_k = 10"},
        {&packed,
         {.cu_seqlens_k = INTS(0, 2, 5, INT32_MIN)},
         "cu_seqlens_k[3] = -2147483648 is below cu_seqlens_k[2] = 5"},
        {&packed, {.seqused_q = INTS(2, -1, 5)}, "seqused_q[1] = -1 is below 0"},
        {&packed, {.seqused_q = INTS(2, 4, 5)}, "seqused_q[1] = 4 is above the 3 rows of its slot"},
        {&packed, {.seqused_k = INTS(2, 3, -7)}, "seqused_k[2] = -7 is below 0"},
        {&packed, {.seqused_k = INTS(3, 3, 5)}, "seqused_k[0] = 3 is above the 2 rows of its slot"},
        {&packed, {.leftpad_q = INTS(0, -1, 0)}, "leftpad_q[1] = -1 is below 0"},
        {&packed, {.leftpad_q = INTS(0, 0, 6)}, "leftpad_q[2] = 6 is above the 5 queries in use"},
        {&packed,
         {.seqused_q = INTS(1, 3, 5), .leftpad_q = INTS(2, 0, 0)},
         "leftpad_q[0] = 2 is above the 1 queries in use"},
        {&packed, {.leftpad_k = INTS(0, -1, 0)}, "leftpad_k[1] = -1 is below 0"},
        {&packed, {.leftpad_k = INTS(0, 0, 6)}, "leftpad_k[2] = 6 is above the 5 keys in use"},
        {&packed,
         {.seqused_k = INTS(1, 3, 5), .leftpad_k = INTS(2, 0, 0)},
         "leftpad_k[0] = 2 is above the 1 keys in use"},
        {&bounded, {.seqused_k = INTS(2, 3, 4)}, "sequence 2 has 5 queries, above max_seqlen_q = 4"},
        {&bounded, {.seqused_q = INTS(2, 3, 4)}, "sequence 2 has 5 keys, above max_seqlen_k = 4"},
    };
    for (size_t i = 0; i < ROWS_OF(rows); i++) {
        varlen_inputs inputs = rows[i].inputs;
        inputs.cu_seqlens_q = inputs.cu_seqlens_q ? inputs.cu_seqlens_q : good;
        inputs.cu_seqlens_k = inputs.cu_seqlens_k ? inputs.cu_seqlens_k : good;
        assert_found(varlen_inspect_attention(rows[i].attention, VARLEN_PASS_FORWARD, &inputs), rows[i].sentence);
    }
}

#define WORDS(...) ((const uint64_t[]){__VA_ARGS__})

/* Sequences of 2, 3 and 4 queries in slots of 2, 3 and 5, with 2, 2 and 5 keys. */
static varlen_inputs ranged(const int32_t *key_begin, const int32_t *key_end)
{
    static const int32_t cu_seqlens[] = {0, 2, 5, 10}, used[] = {2, 3, 4}, padding[] = {0, 1, 0};
    return (varlen_inputs){.cu_seqlens_q = cu_seqlens,
                           .cu_seqlens_k = cu_seqlens,
                           .seqused_q = used,
                           .leftpad_k = padding,
                           .key_begin = key_begin,
                           .key_end = key_end};
}

static void key_ranges(void **state)
{
    (void)state;
    const varlen_inputs sound[] = {
        ranged(INTS(0, 2, 2, 0, 2, 5, 0, 5, 1, -9), NULL),
        ranged(NULL, INTS(2, 0, 0, 1, 2, 0, 5, 5, 5, 99)),
        ranged(INTS(2, 2, 2, 2, 2, 5, 5, 5, 5, INT32_MAX), INTS(0, 0, 0, 0, 0, 0, 0, 0, 0, INT32_MIN)),
    };
    for (size_t i = 0; i < ROWS_OF(sound); i++)
        assert_sound(varlen_inspect_attention(&packed, VARLEN_PASS_FORWARD, &sound[i]));
    const struct {
        varlen_inputs inputs;
        const char *sentence;
    } rows[] = {
        {ranged(INTS(0, 2, 2, -1, 2, 5, 0, 5, 1, 0), NULL), "key_begin[3] = -1 is below 0"},
        {ranged(INTS(0, 2, 2, 0, 3, 5, 0, 5, 1, 0), NULL), "key_begin[4] = 3 is above the 2 keys of its sequence"},
        {ranged(NULL, INTS(2, 0, 0, 1, 2, INT32_MIN, 5, 5, 5, 0)), "key_end[5] = -2147483648 is below 0"},
        {ranged(NULL, INTS(2, 0, 0, 1, 2, 0, 5, 5, 6, 0)), "key_end[8] = 6 is above the 5 keys of its sequence"},
    };
    for (size_t i = 0; i < ROWS_OF(rows); i++)
        assert_found(varlen_inspect_attention(&packed, VARLEN_PASS_FORWARD, &rows[i].inputs), rows[i].sentence);
}

static void tree_masks_hold_64_queries(void **state)
{
    (void)state;
    const varlen_attention problem = {.batch = 2, .total_q = 129, .total_k = 10};
    varlen_inputs inputs = {.cu_seqlens_q = INTS(0, 64, 129),
                            .cu_seqlens_k = INTS(0, 3, 3),
                            .seqused_q = INTS(64, 64),
                            .tree_mask = WORDS(0)};
    assert_sound(varlen_inspect_attention(&problem, VARLEN_PASS_FORWARD, &inputs)); /* no word is looked at */
    inputs.seqused_q = NULL;
    assert_found(varlen_inspect_attention(&problem, VARLEN_PASS_FORWARD, &inputs),
                 "sequence 1 has 65 queries, above the 64 that a row of tree_mask holds");
}

static void bounds_count_what_is_used(void **state)
{
    (void)state;
    const varlen_inputs inputs = {.cu_seqlens_q = INTS(0, 2, 5, 10),
                                  .cu_seqlens_k = INTS(0, 2, 5, 10),
                                  .seqused_q = INTS(2, 3, 4),
                                  .leftpad_k = INTS(0, 0, 1)};
    const varlen_inputs padded = {
        .cu_seqlens_q = INTS(0, 2, 5, 10), .cu_seqlens_k = INTS(0, 2, 5, 9), .leftpad_q = INTS(0, 0, 1)};
    assert_sound(varlen_inspect_attention(&bounded, VARLEN_PASS_FORWARD, &padded));
    assert_sound(varlen_inspect_attention(&bounded, VARLEN_PASS_FORWARD, &inputs));
}

static void paged_violations(void **state)
{
    (void)state;
    const int32_t *table = INTS(0, 4, 2, 1, 3, 0);
    const struct {
        varlen_inputs inputs;
        const char *sentence;
    } rows[] = {
        {{.seqused_k = INTS(13, 0)},
         "seqused_k[0] = 13 is above the 12 keys that its row of page_table holds (page_table_width = 3 x page_size = "
         "4)"},
        {{.seqused_k = INTS(0, -1)}, "seqused_k[1] = -1 is below 0"},
        {{.seqused_k = INTS(12, 12), .page_table = INTS(0, 5, 2, 1, 3, 0)},
         "page_table[0][1] = 5 is not a page: page_count = 5"},
        {{.seqused_k = INTS(4, 5), .page_table = INTS(0, 9, 9, 1, -1, 9)},
         "page_table[1][1] = -1 is not a page: page_count = 5"},
    };
    for (size_t i = 0; i < ROWS_OF(rows); i++) {
        varlen_inputs inputs = rows[i].inputs;
        inputs.cu_seqlens_q = INTS(0, 2, 5);
        inputs.page_table = inputs.page_table ? inputs.page_table : table;
        assert_found(varlen_inspect_attention(&paged, VARLEN_PASS_FORWARD, &inputs), rows[i].sentence);
    }
}

static void entries_that_no_key_goes_through_are_not_read(void **state)
{
    (void)state;
    const varlen_inputs rows[] = {
        {.seqused_k = INTS(4, 5), .page_table = INTS(0, 9, 9, 1, 0, 9)},
        {.seqused_k = INTS(0, 0), .page_table = INTS(9, 9, 9, 9, 9, 9)},
        {.seqused_k = INTS(12, 5), .leftpad_k = INTS(8, 5), .page_table = INTS(9, 9, 0, 9, 9, 9)},
    };
    for (size_t i = 0; i < ROWS_OF(rows); i++) {
        varlen_inputs inputs = rows[i];
        inputs.cu_seqlens_q = INTS(0, 2, 5);
        assert_sound(varlen_inspect_attention(&paged, VARLEN_PASS_FORWARD, &inputs));
    }
}

static void lengths(void **state)
{
    (void)state;
    assert_sound(varlen_inspect_lengths(3, INTS(2, 0, 1)));
    assert_sound(varlen_inspect_lengths(0, NULL));
    assert_sound(varlen_inspect_lengths(2, INTS(INT32_MAX, 0)));
    assert_found(varlen_inspect_lengths(3, INTS(2, -3, 1)), "lengths[1] = -3 is below 0");
    assert_found(varlen_inspect_lengths(3, INTS(INT32_MAX, 0, 1)),
                 "the sum of lengths[0] .. lengths[2] is above 2147483647");
}

static void pack(void **state)
{
    (void)state;
    varlen_pack_args args = {.batch = 2, .max_seqlen = 3, .total = 6, .cu_seqlens = INTS(0, 3, 5)};
    assert_sound(varlen_inspect_pack(&args));
    args.cu_seqlens = INTS(0, 3, 7);
    assert_found(varlen_inspect_pack(&args), "cu_seqlens[2] = 7 is above total = 6");
    args.cu_seqlens = INTS(0, 4, 6);
    assert_found(varlen_inspect_pack(&args), "sequence 0 has 4 tokens, above max_seqlen = 3");
    args.cu_seqlens = INTS(2, 3, 6);
    assert_found(varlen_inspect_pack(&args), "cu_seqlens[0] = 2 is not 0");
}

static void pack_padding(void **state)
{
    (void)state;
    varlen_pack_args args = {
        .batch = 3, .max_seqlen = 4, .total = 6, .cu_seqlens = INTS(0, 3, 3, 5), .leftpad = INTS(1, 4, 2)};
    assert_sound(varlen_inspect_pack(&args));
    args.leftpad = INTS(1, -1, 2);
    assert_found(varlen_inspect_pack(&args), "leftpad[1] = -1 is below 0");
    args.leftpad = INTS(1, 4, 3);
    assert_found(varlen_inspect_pack(&args),
                 "sequence 2 has 5 tokens, padding before them included, above max_seqlen = 4");
    args.leftpad = INTS(1, 4, INT32_MAX);
    assert_found(varlen_inspect_pack(&args),
                 "sequence 2 has 2147483649 tokens, padding before them included, above max_seqlen = 4");
    args.cu_seqlens = INTS(0, 3, 3, 7); /* looked for first, in all sequences */
    assert_found(varlen_inspect_pack(&args), "cu_seqlens[3] = 7 is above total = 6");
}

static void append_violations(void **state)
{
    (void)state;
    /* Two slots of 6 rows with 4 and 2 in use; 2 and 1 new rows. */
    const varlen_kv_append_args good = {.batch = 2,
                                        .total_new = 3,
                                        .total_k = 12,
                                        .cu_seqlens_new = INTS(0, 2, 3),
                                        .cu_seqlens_k = INTS(0, 6, 12),
                                        .seqused_k = INTS(4, 2),
                                        .leftpad_k = INTS(1, 0),
                                        .rotary_dim = 8,
                                        .rotary_positions = 5};
    varlen_kv_append_args args = good;
    assert_sound(varlen_inspect_kv_append(&args));
    args.cu_seqlens_new = INTS(0, 2, 4);
    assert_found(varlen_inspect_kv_append(&args), "cu_seqlens_new[2] = 4 is above total_new = 3");
    args = good;
    args.cu_seqlens_k = INTS(0, 6, 13);
    assert_found(varlen_inspect_kv_append(&args), "cu_seqlens_k[2] = 13 is above total_k = 12");
    args = good;
    args.seqused_k = INTS(5, 2);
    assert_found(varlen_inspect_kv_append(&args), "sequence 0 would have 7 keys, above the 6 rows of its slot");
    args.seqused_k = INTS(4, 7);
    assert_found(varlen_inspect_kv_append(&args), "seqused_k[1] = 7 is above the 6 rows of its slot");
    args = good;
    args.leftpad_k = INTS(1, 3);
    assert_found(varlen_inspect_kv_append(&args), "leftpad_k[1] = 3 is above the 2 keys in use");
    args = good;
    args.rotary_positions = 4;
    assert_found(varlen_inspect_kv_append(&args), "sequence 0 needs rotary position 4, but rotary_positions = 4");
    args.rotary_dim = 0;
    assert_sound(varlen_inspect_kv_append(&args));
}

static void appended_rows_need_their_pages(void **state)
{
    (void)state;
    varlen_kv_append_args args = {.batch = 2,
                                  .total_new = 3,
                                  .page_size = 4,
                                  .page_table_width = 3,
                                  .page_count = 5,
                                  .cu_seqlens_new = INTS(0, 3, 3),
                                  .seqused_k = INTS(6, 12),
                                  .page_table = INTS(9, 1, 2, 9, 9, 9)};
    assert_sound(varlen_inspect_kv_append(&args));
    args.page_table = INTS(0, 1, 5, 9, 9, 9);
    assert_found(varlen_inspect_kv_append(&args), "page_table[0][2] = 5 is not a page: page_count = 5");
    args.page_table = INTS(0, -2, 2, 9, 9, 9);
    assert_found(varlen_inspect_kv_append(&args), "page_table[0][1] = -2 is not a page: page_count = 5");
    args.seqused_k = INTS(10, 12);
    assert_found(varlen_inspect_kv_append(&args),
                 "sequence 0 would have 13 keys, above the 12 keys that its row of page_table holds "
                 "(page_table_width = 3 x page_size = 4)");
    args.page_size = INT32_MAX; /* a slot longer than seqused_k_out can say */
    args.seqused_k = INTS(INT32_MAX, 0);
    assert_found(varlen_inspect_kv_append(&args),
                 "sequence 0 would have 2147483650 keys, above the 2147483647 that seqused_k can count");
    args.page_table_width = 0; /* no table, and room for nobody */
    args.page_table = NULL;
    args.seqused_k = INTS(0, 0);
    assert_found(varlen_inspect_kv_append(&args),
                 "sequence 0 would have 3 keys, above the 0 keys that its row of page_table holds "
                 "(page_table_width = 0)");
    args.cu_seqlens_new = INTS(0, 0, 0);
    assert_sound(varlen_inspect_kv_append(&args));
}

static void violations_that_do_not_exist(void **state)
{
    (void)state;
    const varlen_violation rule = {.rule = (varlen_violation_rule)99};
    const varlen_violation argument = {.rule = VARLEN_VIOLATION_START, .argument = (varlen_metadata)99};
    assert_failure(varlen_fail_violation(&rule), VARLEN_ERROR_INTERNAL, "the backend reports rule 99 of cu_seqlens_q");
    assert_failure(varlen_fail_violation(&argument), VARLEN_ERROR_INTERNAL, "the backend reports metadata 99");
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        cmocka_unit_test(sound_metadata_passes),
        cmocka_unit_test(attention_violations),
        cmocka_unit_test(key_ranges),
        cmocka_unit_test(tree_masks_hold_64_queries),
        cmocka_unit_test(bounds_count_what_is_used),
        cmocka_unit_test(paged_violations),
        cmocka_unit_test(entries_that_no_key_goes_through_are_not_read),
        cmocka_unit_test(lengths),
        cmocka_unit_test(pack),
        cmocka_unit_test(pack_padding),
        cmocka_unit_test(append_violations),
        cmocka_unit_test(appended_rows_need_their_pages),
        cmocka_unit_test(violations_that_do_not_exist),
    };
    return cmocka_run_group_tests_name("metadata", cases, NULL, NULL);
}
