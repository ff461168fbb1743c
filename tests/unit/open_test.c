/* Opening contexts: which backend is tried, and what is said when none opens. */
#include <stdlib.h>

#include "support/fakes.h"
#include "support/test.h"

static int set_up(void **state)
{
    (void)state;
    const fake_record fresh = {.device_flags = VARLEN_DEVICE_HOST_MEMORY};
    *fake_record_of_thread() = fresh;
    *bare_record_of_thread() = fresh;
    unsetenv("VARLEN_BACKEND");
    unsetenv("VARLEN_VALIDATE");
    return 0;
}

static varlen_status open_backend(const char *backend, varlen_context **context)
{
    const varlen_open_options options = {.struct_size = sizeof options, .backend = backend};
    return varlen_open(&options, context);
}

static varlen_context *opened(const char *backend)
{
    varlen_context *context;
    assert_ok(open_backend(backend, &context));
    return context;
}

static void assert_opens_as(const char *selection, const char *backend, int32_t device)
{
    varlen_context *context = opened(selection);
    varlen_device_info info = {.struct_size = sizeof info};
    assert_ok(varlen_context_device(context, &info));
    assert_string_equal(info.backend, backend);
    assert_int_equal(info.device, device);
    varlen_close(context);
}

static void assert_does_not_open(const char *selection, varlen_status status, const char *words)
{
    varlen_context *context = (varlen_context *)&status;
    assert_failure(open_backend(selection, &context), status, words);
    assert_null(context);
}

static void auto_opens_the_best_that_has_a_device(void **state)
{
    (void)state;
    varlen_context *context;
    assert_opens_as("auto", "fake", 0);
    assert_ok(varlen_open(NULL, &context)); /* neither the options nor the environment name one */
    varlen_close(context);
    assert_int_equal(fake_record_of_thread()->opens, 2);
    assert_int_equal(fake_record_of_thread()->closes, 2);
    assert_int_equal(bare_record_of_thread()->opens, 0);
}

static void auto_goes_on_to_the_next(void **state)
{
    (void)state;
    fake_record_of_thread()->result = VARLEN_ERROR_DEVICE;
    assert_opens_as("auto", "bare", 0);
}

static void auto_says_why_each_did_not_open(void **state)
{
    (void)state;
    fake_record_of_thread()->result = VARLEN_ERROR_DEVICE;
    bare_record_of_thread()->result = VARLEN_ERROR_OUT_OF_MEMORY;
    assert_does_not_open("auto", VARLEN_ERROR_BACKEND_UNAVAILABLE,
                         "backend absent:0 did not open: no fake device is plugged in; "
                         "backend fake:0 did not open: the fake backend was told to fail; "
                         "backend bare:0 did not open: the fake backend was told to fail; "
                         "there is no further backend; found: bare, fake, absent; searched: ");
}

static void lists_are_tried_in_their_order(void **state)
{
    (void)state;
    assert_opens_as("bare,fake", "bare", 0);
    assert_opens_as("absent,fake:1", "fake", 1);
    assert_opens_as("nosuch,bare", "bare", 0);
    bare_record_of_thread()->result = VARLEN_ERROR_DEVICE;
    assert_does_not_open("absent,bare", VARLEN_ERROR_BACKEND_UNAVAILABLE,
                         "backend absent:0 did not open: no fake device is plugged in; "
                         "backend bare:0 did not open: the fake backend was told to fail");
}

static void a_backend_named_alone_never_falls_through(void **state)
{
    (void)state;
    assert_does_not_open("absent", VARLEN_ERROR_BACKEND_UNAVAILABLE,
                         "backend absent:0 did not open: no fake device is plugged in");
    fake_record_of_thread()->result = VARLEN_ERROR_OUT_OF_MEMORY;
    assert_does_not_open("fake", VARLEN_ERROR_OUT_OF_MEMORY, "backend fake:0 did not open: the fake backend was told");
    assert_does_not_open("nosuch", VARLEN_ERROR_BACKEND_UNAVAILABLE, "there is no backend nosuch");
    assert_int_equal(bare_record_of_thread()->opens, 0);
}

static void devices_must_exist(void **state)
{
    (void)state;
    assert_opens_as("fake:1", "fake", 1);
    assert_does_not_open("fake:2", VARLEN_ERROR_BACKEND_UNAVAILABLE,
                         "backend fake:2 did not open: device = 2 is not below its 2 devices");
}

static void devices_are_counted_within_reason(void **state)
{
    (void)state;
    static const int32_t counts[] = {2000000000, 1025, -1, INT32_MIN};
    varlen_device_info device = {.struct_size = sizeof device};
    varlen_backend_info info = {.struct_size = sizeof info};
    char words[128];
    for (size_t i = 0; i < ROWS_OF(counts); i++) {
        fake_record_of_thread()->device_count = counts[i];
        snprintf(words, sizeof words, "it says that it has %d devices, which is not in 1 .. 1024", counts[i]);
        assert_does_not_open("fake", VARLEN_ERROR_BACKEND_UNAVAILABLE, words);
        assert_failure(varlen_get_device("fake", 5, &device), VARLEN_ERROR_BACKEND_UNAVAILABLE, words);
        assert_ok(varlen_get_backend(1, &info));
        assert_int_equal(info.state, VARLEN_BACKEND_NO_DEVICE);
        assert_int_equal(info.device_count, 0);
        assert_string_equal(info.reason, words);
    }
    fake_record_of_thread()->device_count = 1024;
    assert_opens_as("fake:1023", "fake", 1023);
}

/* Drivers start and stop. */
static void devices_are_asked_for_each_time(void **state)
{
    (void)state;
    varlen_backend_info info = {.struct_size = sizeof info};
    fake_record_of_thread()->devices = VARLEN_ERROR_OUT_OF_MEMORY;
    assert_does_not_open("fake", VARLEN_ERROR_OUT_OF_MEMORY, "the fake device does not answer");
    assert_ok(varlen_get_backend(1, &info));
    assert_string_equal(info.name, "fake");
    assert_int_equal(info.state, VARLEN_BACKEND_NO_DEVICE);
    assert_string_equal(info.reason, "the fake device does not answer");
    fake_record_of_thread()->devices = VARLEN_OK;
    assert_ok(varlen_get_backend(1, &info));
    assert_int_equal(info.state, VARLEN_BACKEND_USABLE);
    assert_int_equal(info.device_count, 2);
    assert_string_equal(info.reason, "");
    assert_opens_as("fake", "fake", 0);
}

static void names_of_devices_end_and_can_be_printed(void **state)
{
    (void)state;
    char name[128];
    varlen_device_info info = {.struct_size = sizeof info};
    memset(name, 'x', sizeof name);
    memcpy(name, "a\nb\x1b[2J", 7);
    fake_record_of_thread()->device_name = name;
    assert_ok(varlen_get_device("fake", 0, &info));
    assert_memory_equal(info.name, "a\\nb\\x1b[2Jxxx", 14);
    assert_int_equal(strlen(info.name), sizeof info.name - 1);
    assert_int_equal(strlen(info.architecture), sizeof info.architecture - 1);
    assert_int_equal(info.device, 0);
}

static void the_environment_chooses_unless_the_program_does(void **state)
{
    (void)state;
    setenv("VARLEN_BACKEND", "bare", 1);
    assert_opens_as(NULL, "bare", 0);
    assert_opens_as("fake", "fake", 0);
    assert_opens_as("", "bare", 0); /* names nothing either */
    setenv("VARLEN_BACKEND", "absent, bare", 1);
    assert_opens_as(NULL, "bare", 0);
    setenv("VARLEN_BACKEND", "bare fake", 1);
    assert_does_not_open(NULL, VARLEN_ERROR_INVALID_ARGUMENT, "VARLEN_BACKEND: \"bare fake\" is not a backend's name");
}

static void an_empty_variable_is_not_set(void **state)
{
    (void)state;
    setenv("VARLEN_BACKEND", "", 1);
    assert_opens_as(NULL, "fake", 0);
    assert_opens_as("", "fake", 0);
}

static void success_leaves_the_message_alone(void **state)
{
    (void)state;
    assert_does_not_open("nosuch", VARLEN_ERROR_BACKEND_UNAVAILABLE, "there is no backend nosuch");
    char before[1024];
    snprintf(before, sizeof before, "%s", varlen_error_message());
    assert_opens_as("auto", "fake", 0);
    assert_string_equal(varlen_error_message(), before);
}

static void options_reach_the_backend(void **state)
{
    (void)state;
    const varlen_open_options options = {.struct_size = sizeof options, .backend = "fake:1", .threads = 7};
    varlen_context *context;
    assert_ok(varlen_open(&options, &context));
    assert_int_equal(fake_record_of_thread()->open.struct_size, sizeof(varlen_backend_open));
    assert_int_equal(fake_record_of_thread()->open.device, 1);
    assert_int_equal(fake_record_of_thread()->open.threads, 7);
    varlen_close(context);
}

static void options_are_checked(void **state)
{
    (void)state;
    const struct {
        varlen_open_options options;
        const char *words;
    } rows[] = {
        {{.struct_size = 0}, "options.struct_size = 0 is below"},
        {{.struct_size = sizeof(varlen_open_options), .threads = -1}, "options.threads = -1 is below 0"},
        {{.struct_size = sizeof(varlen_open_options), .threads = 1025}, "options.threads = 1025 is above 1024"},
        {{.struct_size = sizeof(varlen_open_options), .reserved = 1}, "options.reserved = 1 must be 0"},
    };
    for (size_t i = 0; i < ROWS_OF(rows); i++) {
        varlen_context *context = (varlen_context *)&rows;
        assert_failure(varlen_open(&rows[i].options, &context), VARLEN_ERROR_INVALID_ARGUMENT, rows[i].words);
        assert_null(context);
    }
    assert_failure(varlen_open(NULL, NULL), VARLEN_ERROR_INVALID_ARGUMENT, "context is NULL");
}

static void validation_is_0_or_1(void **state)
{
    (void)state;
    setenv("VARLEN_VALIDATE", "no", 1);
    assert_does_not_open("fake", VARLEN_ERROR_INVALID_ARGUMENT, "VARLEN_VALIDATE = \"no\" is neither 0 nor 1");
    setenv("VARLEN_VALIDATE", "1", 1);
    assert_opens_as("fake", "fake", 0);
}

static void closing_nothing_is_allowed(void **state)
{
    (void)state;
    varlen_close(NULL);
    assert_int_equal(fake_record_of_thread()->closes, 0);
}

#define CASE(function) cmocka_unit_test_setup(function, set_up)

int main(void)
{
    const struct CMUnitTest cases[] = {
        CASE(auto_opens_the_best_that_has_a_device),
        CASE(auto_goes_on_to_the_next),
        CASE(auto_says_why_each_did_not_open),
        CASE(lists_are_tried_in_their_order),
        CASE(a_backend_named_alone_never_falls_through),
        CASE(devices_must_exist),
        CASE(devices_are_counted_within_reason),
        CASE(devices_are_asked_for_each_time),
        CASE(names_of_devices_end_and_can_be_printed),
        CASE(the_environment_chooses_unless_the_program_does),
        CASE(an_empty_variable_is_not_set),
        CASE(success_leaves_the_message_alone),
        CASE(options_reach_the_backend),
        CASE(options_are_checked),
        CASE(validation_is_0_or_1),
        CASE(closing_nothing_is_allowed),
    };
    return cmocka_run_group_tests_name("open", cases, NULL, NULL);
}
