/* Memory, streams and events of a context, and what it tells of its kernels. */
#include "support/fake_context.h"

static void memory_goes_through(void **state)
{
    (void)state;
    varlen_context *context = open_fake("fake");
    void *data;
    char text[4];
    assert_ok(varlen_alloc(context, 4, &data));
    assert_ok(varlen_fill(context, NULL, data, 'x', 4));
    assert_ok(varlen_copy(context, NULL, text, data, 4));
    assert_memory_equal(text, "xxxx", 4);
    assert_ok(varlen_free(context, data));
    assert_int_equal(fake_record_of_thread()->calls, 4);
    varlen_close(context);
}

static void nothing_needs_no_backend(void **state)
{
    (void)state;
    varlen_context *context = open_fake("fake");
    void *data = &data;
    assert_ok(varlen_alloc(context, 0, &data));
    assert_null(data);
    assert_ok(varlen_free(context, NULL));
    assert_ok(varlen_copy(context, NULL, NULL, NULL, 0));
    assert_ok(varlen_fill(context, NULL, NULL, 0, 0));
    assert_int_equal(fake_record_of_thread()->calls, 0);
    varlen_close(context);
}

static void failed_allocations_give_null(void **state)
{
    (void)state;
    varlen_context *context = open_fake("fake");
    void *data = &data;
    fake_record_of_thread()->result = VARLEN_ERROR_OUT_OF_MEMORY;
    assert_failure(varlen_alloc(context, 100, &data), VARLEN_ERROR_OUT_OF_MEMORY, "told to fail");
    assert_null(data);
    varlen_close(context);
}

static void streams_and_events_go_through(void **state)
{
    (void)state;
    varlen_context *context = open_fake("fake");
    varlen_stream stream = &stream;
    varlen_event event;
    double milliseconds = 0;
    assert_ok(varlen_stream_create(context, &stream));
    assert_ok(varlen_event_create(context, &event));
    assert_ok(varlen_event_record(context, event, stream));
    assert_ok(varlen_stream_wait(context, stream, event));
    assert_ok(varlen_event_synchronize(context, event));
    assert_ok(varlen_event_elapsed(context, event, event, &milliseconds));
    assert_true(milliseconds == 1.5);
    assert_ok(varlen_event_destroy(context, event));
    assert_ok(varlen_stream_synchronize(context, stream));
    assert_ok(varlen_stream_destroy(context, stream));
    assert_int_equal(fake_record_of_thread()->calls, 9);
    varlen_close(context);
}

static void backends_may_tell_no_families_of_kernels(void **state)
{
    (void)state;
    varlen_context *context = open_fake("fake");
    varlen_kernel_family family = {.struct_size = sizeof family, .name = "untouched"};
    assert_int_equal(varlen_kernel_family_count(context), 0);
    assert_int_equal(varlen_kernel_family_count(NULL), 0);
    assert_failure(varlen_get_kernel_family(context, 0, &family), VARLEN_ERROR_INVALID_ARGUMENT,
                   "index = 0 is not below varlen_kernel_family_count() = 0");
    assert_failure(varlen_get_kernel_family(NULL, 0, &family), VARLEN_ERROR_INVALID_ARGUMENT, "context is NULL");
    assert_string_equal(family.name, "untouched");
    varlen_close(context);
}

static void families_of_kernels_are_told(void **state)
{
    (void)state;
    varlen_context *context = open_fake("fake");
    varlen_kernel_family family = {.struct_size = sizeof family};
    fake_record_of_thread()->family_count = 2;
    fake_record_of_thread()->family_name = "tiles";
    assert_int_equal(varlen_kernel_family_count(context), 2);
    assert_ok(varlen_get_kernel_family(context, 1, &family));
    assert_string_equal(family.name, "tiles");
    assert_int_equal(family.pass, VARLEN_PASS_BACKWARD);
    assert_int_equal(family.calls, 11);
    assert_failure(varlen_get_kernel_family(context, 2, &family), VARLEN_ERROR_INVALID_ARGUMENT,
                   "index = 2 is not below varlen_kernel_family_count() = 2");
    assert_failure(varlen_get_kernel_family(context, -1, &family), VARLEN_ERROR_INVALID_ARGUMENT, "index = -1");
    varlen_close(context);
}

static void a_family_without_a_name_is_a_defect_of_the_backend(void **state)
{
    (void)state;
    varlen_context *context = open_fake("fake");
    varlen_kernel_family family = {.struct_size = sizeof family, .name = "untouched"};
    fake_record_of_thread()->family_count = 1;
    assert_failure(varlen_get_kernel_family(context, 0, &family), VARLEN_ERROR_INTERNAL,
                   "backend fake: kernel_families gave no name");
    assert_string_equal(family.name, "untouched");
    fake_record_of_thread()->family_count = -3;
    assert_int_equal(varlen_kernel_family_count(context), 0);
    varlen_close(context);
}

#define CASE(function) cmocka_unit_test_setup(function, forget_records)

int main(void)
{
    const struct CMUnitTest cases[] = {
        CASE(memory_goes_through),
        CASE(nothing_needs_no_backend),
        CASE(failed_allocations_give_null),
        CASE(streams_and_events_go_through),
        CASE(backends_may_tell_no_families_of_kernels),
        CASE(families_of_kernels_are_told),
        CASE(a_family_without_a_name_is_a_defect_of_the_backend),
    };
    return cmocka_run_group_tests_name("objects", cases, NULL, NULL);
}
