/* struct_size: programs that were built against older and newer headers, and those that forgot it. */
#include "core/structs.h"
#include "support/test.h"

enum { SIZE = sizeof(varlen_open_options) };

/* varlen_open_options as a later header might have it. */
typedef struct newer_options {
    varlen_open_options known;
    int32_t later[2];
} newer_options;

static void reads_a_struct_of_this_size(void **state)
{
    (void)state;
    const varlen_open_options given = {.struct_size = SIZE, .backend = "cpu", .threads = 3};
    varlen_open_options whole;
    memset(&whole, 0xff, sizeof whole);
    assert_ok(varlen_struct_read(VARLEN_STRUCT_OPEN_OPTIONS, &given, &whole));
    assert_memory_equal(&whole, &given, sizeof whole);
}

static void reads_a_newer_struct_whose_new_fields_are_zero(void **state)
{
    (void)state;
    const newer_options given = {.known = {.struct_size = sizeof given, .threads = 3}};
    varlen_open_options whole;
    assert_ok(varlen_struct_read(VARLEN_STRUCT_OPEN_OPTIONS, &given, &whole));
    assert_int_equal(whole.struct_size, SIZE);
    assert_int_equal(whole.threads, 3);
}

static void refuses_a_newer_struct_whose_new_fields_are_set(void **state)
{
    (void)state;
    const newer_options given = {.known = {.struct_size = sizeof given}, .later = {0, 0x100}};
    varlen_open_options whole;
    char words[128];
    snprintf(words, sizeof words,
             "options.struct_size = %zu is above the %d bytes that this library knows, and byte %zu", sizeof given,
             SIZE, offsetof(newer_options, later[1]) + 1);
    assert_failure(varlen_struct_read(VARLEN_STRUCT_OPEN_OPTIONS, &given, &whole), VARLEN_ERROR_INVALID_ARGUMENT,
                   words);
}

static void refuses_sizes_that_no_release_had(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, SIZE - 1, 4097, SIZE_MAX};
    for (size_t i = 0; i < ROWS_OF(sizes); i++) {
        varlen_open_options given = {.struct_size = sizes[i]};
        varlen_open_options whole = {.threads = 7};
        char words[64];
        snprintf(words, sizeof words, "options.struct_size = %zu is %s", sizes[i], sizes[i] < SIZE ? "below" : "above");
        assert_failure(varlen_struct_read(VARLEN_STRUCT_OPEN_OPTIONS, &given, &whole), VARLEN_ERROR_INVALID_ARGUMENT,
                       words);
        assert_failure(varlen_struct_write(VARLEN_STRUCT_OPEN_OPTIONS, &whole, &given), VARLEN_ERROR_INVALID_ARGUMENT,
                       words);
        assert_int_equal(given.threads, 0);
    }
}

static void refuses_null(void **state)
{
    (void)state;
    varlen_attention whole = {0};
    assert_failure(varlen_struct_read(VARLEN_STRUCT_ATTENTION, NULL, &whole), VARLEN_ERROR_INVALID_ARGUMENT,
                   "attention is NULL");
    assert_failure(varlen_struct_write(VARLEN_STRUCT_DEVICE_INFO, &whole, NULL), VARLEN_ERROR_INVALID_ARGUMENT,
                   "info is NULL");
}

static void writes_zeros_where_a_newer_struct_goes_on(void **state)
{
    (void)state;
    const varlen_open_options whole = {.struct_size = 1, .threads = 5};
    newer_options given;
    memset(&given, 0xff, sizeof given);
    given.known.struct_size = sizeof given;
    assert_ok(varlen_struct_write(VARLEN_STRUCT_OPEN_OPTIONS, &whole, &given));
    assert_int_equal(given.known.struct_size, sizeof given);
    assert_int_equal(given.known.threads, 5);
    assert_int_equal(given.later[0], 0);
    assert_int_equal(given.later[1], 0);
}

/* Every kind has its row, and the first release is this one. */
static void every_kind_takes_its_struct(void **state)
{
    (void)state;
    static const size_t sizes[VARLEN_STRUCT_KIND_COUNT] = {
        [VARLEN_STRUCT_OPEN_OPTIONS] = sizeof(varlen_open_options),
        [VARLEN_STRUCT_ATTENTION] = sizeof(varlen_attention),
        [VARLEN_STRUCT_INPUTS] = sizeof(varlen_inputs),
        [VARLEN_STRUCT_FORWARD_ARGS] = sizeof(varlen_forward_args),
        [VARLEN_STRUCT_BACKWARD_ARGS] = sizeof(varlen_backward_args),
        [VARLEN_STRUCT_MERGE_ARGS] = sizeof(varlen_merge_args),
        [VARLEN_STRUCT_PACK_ARGS] = sizeof(varlen_pack_args),
        [VARLEN_STRUCT_KV_APPEND_ARGS] = sizeof(varlen_kv_append_args),
        [VARLEN_STRUCT_BACKEND_INFO] = sizeof(varlen_backend_info),
        [VARLEN_STRUCT_DEVICE_INFO] = sizeof(varlen_device_info),
        [VARLEN_STRUCT_SEARCH_FOLDER] = sizeof(varlen_search_folder),
        [VARLEN_STRUCT_ENVIRONMENT_VARIABLE] = sizeof(varlen_environment_variable),
    };
    for (int kind = 0; kind < VARLEN_STRUCT_KIND_COUNT; kind++) {
        size_t given[64] = {sizes[kind]};
        size_t whole[64];
        assert_true(sizes[kind] <= sizeof given);
        assert_ok(varlen_struct_read((varlen_struct_kind)kind, given, whole));
        assert_memory_equal(given, whole, sizes[kind]);
        given[0]--;
        assert_failure(varlen_struct_read((varlen_struct_kind)kind, given, whole), VARLEN_ERROR_INVALID_ARGUMENT,
                       "set it to sizeof");
    }
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        cmocka_unit_test(reads_a_struct_of_this_size),
        cmocka_unit_test(reads_a_newer_struct_whose_new_fields_are_zero),
        cmocka_unit_test(refuses_a_newer_struct_whose_new_fields_are_set),
        cmocka_unit_test(refuses_sizes_that_no_release_had),
        cmocka_unit_test(refuses_null),
        cmocka_unit_test(writes_zeros_where_a_newer_struct_goes_on),
        cmocka_unit_test(every_kind_takes_its_struct),
    };
    return cmocka_run_group_tests_name("structs", cases, NULL, NULL);
}
