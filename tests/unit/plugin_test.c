/* Loading plugins and refusing them. What is loaded stays so, and each case has a process of its own. */
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/plugin.h"
#include "plugins/fake.h"
#include "support/alone.h"
#include "support/listing.h"
#include "support/scratch.h"

static scratch folder; /* of the case that is running */

static int set_up(void **state)
{
    (void)state;
    folder = scratch_create();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    scratch_remove(&folder);
    return 0;
}

/* Opening by name must fail with `words`, and the listing must give the same reason. */
static void assert_refused(const char *name, const char *words)
{
    varlen_context *context = (varlen_context *)&folder;
    char file[64];
    snprintf(file, sizeof file, "varlen-%s.so", name);
    assert_failure(open_backend(name, &context), VARLEN_ERROR_BACKEND_UNAVAILABLE, words);
    assert_words(varlen_error_message(), name);
    assert_null(context);
    const varlen_backend_info info = backend_with_path(scratch_path(&folder, file));
    assert_int_equal(info.state, VARLEN_BACKEND_REFUSED);
    assert_words(info.reason, words);
    assert_string_equal(info.description, "");
    assert_int_equal(info.device_count, 0);
}

static void add_and_refuse(const char *plugin, const char *words)
{
    scratch_add_plugin(&folder, plugin, "fake");
    assert_ok(varlen_add_backend_folder(folder.path));
    assert_refused("fake", words);
}

static char logged[256];

static void keep_line(void *user, varlen_log_level level, const char *message)
{
    (void)level;
    ++*(int *)user;
    snprintf(logged, sizeof logged, "%s", message);
}

/* ---- Loading ---- */

static void loads_a_good_plugin(void **state)
{
    (void)state;
    scratch_add_plugin(&folder, "good", "good");
    assert_ok(varlen_add_backend_folder(folder.path));
    assert_opens("good");
    const varlen_backend_info info = backend_with_path(scratch_path(&folder, "varlen-good.so"));
    assert_string_equal(info.name, "good");
    assert_string_equal(info.description, "does nothing");
    assert_string_equal(info.reason, "");
    assert_int_equal(info.state, VARLEN_BACKEND_USABLE);
    assert_int_equal(info.priority, 10);
    assert_int_equal(info.device_count, 2);
    assert_int_equal(info.abi_version, VARLEN_BACKEND_ABI_VERSION);
    assert_string_equal(varlen_error_message(), "");
}

static void calls_reach_the_plugin(void **state)
{
    (void)state;
    varlen_context *context;
    scratch_add_plugin(&folder, "good", "good");
    assert_ok(varlen_add_backend_folder(folder.path));
    assert_ok(open_backend("good:1", &context));
    void *library = dlopen(scratch_path(&folder, "varlen-good.so"), RTLD_NOW | RTLD_NOLOAD);
    assert_non_null(library);
    fake_record *(*record_of_thread)(void);
    *(void **)&record_of_thread = dlsym(library, "fake_record_of_thread");
    assert_non_null(record_of_thread);
    assert_int_equal(record_of_thread()->opens, 1);
    assert_int_equal(record_of_thread()->open.device, 1);
    assert_ok(varlen_stream_synchronize(context, NULL));
    assert_int_equal(record_of_thread()->calls, 1);
    varlen_close(context);
    assert_int_equal(record_of_thread()->closes, 1);
    dlclose(library);
}

static void symbols_of_plugins_are_not_offered_to_others(void **state)
{
    (void)state;
    scratch_add_plugin(&folder, "good", "good");
    assert_ok(varlen_add_backend_folder(folder.path));
    assert_opens("good");
    assert_null(dlsym(RTLD_DEFAULT, "fake_record_of_thread"));
}

static void loads_a_newer_minor_version(void **state)
{
    (void)state;
    scratch_add_plugin(&folder, "newer-minor", "fake");
    assert_ok(varlen_add_backend_folder(folder.path));
    assert_opens("fake");
    const varlen_backend_info info = backend_with_path(scratch_path(&folder, "varlen-fake.so"));
    assert_int_equal(info.abi_version, VARLEN_BACKEND_ABI_MAJOR << 16 | 7);
    assert_int_equal(info.device_count, 2); /* functions that this library does not know were not copied over it */
}

static void refuses_an_older_major_version(void **state)
{
    (void)state;
    add_and_refuse("older-abi", "it was built for plugin ABI 0.9, but this library takes 1.x");
    assert_int_equal(backend_with_path(scratch_path(&folder, "varlen-fake.so")).abi_version, 9);
}

static void refuses_a_newer_major_version(void **state)
{
    (void)state;
    add_and_refuse("newer-abi", "it was built for plugin ABI 2.0, but this library takes 1.x");
}

static void refuses_a_table_below_the_first_release(void **state)
{
    (void)state;
    add_and_refuse("small-table", "its struct_size = 64 is below");
}

static void refuses_another_name_than_the_file(void **state)
{
    (void)state;
    add_and_refuse("other-name", "it calls itself other, but its file says fake");
}

static void refuses_a_table_without_a_name(void **state)
{
    (void)state;
    add_and_refuse("without-name", "it has no name");
}

static void refuses_a_table_without_a_required_function(void **state)
{
    (void)state;
    add_and_refuse("without-open", "it has no open, which is not optional");
}

static void refuses_a_table_that_does_not_say_what_it_was_built_with(void **state)
{
    (void)state;
    add_and_refuse("without-sizes", "it has no struct_sizes");
}

static void refuses_a_table_with_a_size_that_no_version_has(void **state)
{
    (void)state;
    add_and_refuse("huge-attention", "it was built with a varlen_attention of 5000 bytes, which is not in 120 .. 1024");
}

static void refuses_a_table_without_limits(void **state)
{
    (void)state;
    add_and_refuse("without-limits", "it has no forward_limits");
}

static void refuses_a_library_without_the_symbol(void **state)
{
    (void)state;
    add_and_refuse("no-symbol", "it does not export varlen_backend_entry");
}

static void keeps_the_reason_of_an_entry_that_declines(void **state)
{
    (void)state;
    add_and_refuse("declines", "the host's plugin ABI is 1.0");
}

static void refuses_an_entry_that_declines_silently(void **state)
{
    (void)state;
    add_and_refuse("declines-silently", "its varlen_backend_entry returned NULL without a reason");
}

static void the_environment_of_plugins_is_the_declared_one(void **state)
{
    (void)state;
    int lines = 0;
    setenv("VARLEN_CPU_ISA", "some", 1);
    setenv("VARLEN_SECRET", "some", 1);
    varlen_set_log_sink(keep_line, &lines);
    assert_string_equal(varlen_plugin_host.environment("VARLEN_CPU_ISA"), "some");
    assert_int_equal(lines, 0);
    assert_null(varlen_plugin_host.environment("VARLEN_SECRET"));
    assert_int_equal(lines, 1);
    assert_words(logged, "VARLEN_SECRET is not one of varlen's environment variables");
}

/* So that words which take time are put together for somebody. */
static void plugins_may_ask_whether_a_line_is_wanted(void **state)
{
    (void)state;
    int lines = 0;
    varlen_set_log_sink(keep_line, &lines);
    assert_true(varlen_plugin_host.log_wanted(VARLEN_LOG_DEBUG));
    assert_false(varlen_plugin_host.log_wanted((varlen_log_level)(VARLEN_LOG_DEBUG + 1)));
    varlen_set_log_sink(NULL, NULL);
    assert_false(varlen_plugin_host.log_wanted(VARLEN_LOG_ERROR));
    assert_int_equal(lines, 0);
}

static void words_of_plugins_are_one_line(void **state)
{
    (void)state;
    scratch_add_plugin(&folder, "two-lines", "fake");
    assert_ok(varlen_add_backend_folder(folder.path));
    assert_string_equal(backend_with_path(scratch_path(&folder, "varlen-fake.so")).description,
                        "does\\nnothing \\x1b[2J");
}

static void refuses_a_plugin_whose_dependency_is_missing(void **state)
{
    (void)state;
    add_and_refuse("missing-dependency", "libfake-dependency.so");
}

static void refuses_a_file_that_is_no_library(void **state)
{
    (void)state;
    scratch_add_text(&folder, "varlen-fake.so", "This is not a shared library.\n");
    assert_ok(varlen_add_backend_folder(folder.path));
    assert_refused("fake", "it is not a shared library");
}

static void says_why_there_is_no_device(void **state)
{
    (void)state;
    varlen_context *context;
    scratch_add_plugin(&folder, "no-device", "fake");
    assert_ok(varlen_add_backend_folder(folder.path));
    const varlen_backend_info info = backend_with_path(scratch_path(&folder, "varlen-fake.so"));
    assert_int_equal(info.state, VARLEN_BACKEND_NO_DEVICE);
    assert_string_equal(info.reason, "no fake device is plugged in");
    assert_string_equal(info.description, "does nothing");
    assert_string_equal(varlen_error_message(), "");
    assert_failure(open_backend("fake", &context), VARLEN_ERROR_BACKEND_UNAVAILABLE,
                   "backend fake:0 did not open: no fake device is plugged in");
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest cases[] = {
        CASE(loads_a_good_plugin),
        CASE(calls_reach_the_plugin),
        CASE(symbols_of_plugins_are_not_offered_to_others),
        CASE(loads_a_newer_minor_version),
        CASE(refuses_an_older_major_version),
        CASE(refuses_a_newer_major_version),
        CASE(refuses_a_table_below_the_first_release),
        CASE(refuses_another_name_than_the_file),
        CASE(refuses_a_table_without_a_name),
        CASE(refuses_a_table_without_a_required_function),
        CASE(refuses_a_table_that_does_not_say_what_it_was_built_with),
        CASE(refuses_a_table_with_a_size_that_no_version_has),
        CASE(refuses_a_table_without_limits),
        CASE(refuses_a_library_without_the_symbol),
        CASE(keeps_the_reason_of_an_entry_that_declines),
        CASE(refuses_an_entry_that_declines_silently),
        CASE(the_environment_of_plugins_is_the_declared_one),
        CASE(plugins_may_ask_whether_a_line_is_wanted),
        CASE(words_of_plugins_are_one_line),
        CASE(refuses_a_plugin_whose_dependency_is_missing),
        CASE(refuses_a_file_that_is_no_library),
        CASE(says_why_there_is_no_device),
    };
    return run_each_alone("plugin", cases, ROWS_OF(cases));
}
