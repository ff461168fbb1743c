/* Where plugins are looked for, and which one is used. The registry is built once per process, so each case has one of
 * its own. */
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

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

static void added_folders_must_be_absolute(void **state)
{
    (void)state;
    assert_failure(varlen_add_backend_folder(NULL), VARLEN_ERROR_INVALID_ARGUMENT, "path is NULL");
    assert_failure(varlen_add_backend_folder("plugins"), VARLEN_ERROR_INVALID_ARGUMENT,
                   "path = \"plugins\" is not absolute");
    assert_failure(varlen_add_backend_folder(""), VARLEN_ERROR_INVALID_ARGUMENT, "path = \"\" is not absolute");
}

static void standard_folders_are_searched_in_order(void **state)
{
    (void)state;
    char value[2 * SCRATCH_PATH_SIZE];
    snprintf(value, sizeof value, "relative:%s:/nonexistent/plugins:", folder.path);
    setenv("VARLEN_BACKEND_PATH", value, 1);
    const struct {
        const char *path;
        const char *origin;
        const char *reason;
    } rows[] = {
        {"relative", "VARLEN_BACKEND_PATH", "it is not an absolute path"},
        {folder.path, "VARLEN_BACKEND_PATH", ""},
        {"/nonexistent/plugins", "VARLEN_BACKEND_PATH", "No such file or directory"},
        {"", "VARLEN_BACKEND_PATH", "it is not an absolute path"},
        {"/varlen", "beside libvarlen", ""},
        {"/nonexistent/varlen", "install folder", "No such file or directory"},
    };
    assert_int_equal(varlen_search_folder_count(), ROWS_OF(rows));
    for (int32_t i = 0; i < varlen_search_folder_count(); i++) {
        assert_words(listed_folder(i).path, rows[i].path);
        assert_string_equal(listed_folder(i).origin, rows[i].origin);
        assert_words(listed_folder(i).reason, rows[i].reason);
        assert_int_equal(listed_folder(i).reason[0] == '\0', rows[i].reason[0] == '\0');
    }
}

static void finds_the_folder_beside_the_library(void **state)
{
    (void)state;
    assert_opens("beside");
}

static void finds_plugins_by_the_environment(void **state)
{
    (void)state;
    varlen_context *context;
    scratch_add_plugin(&folder, "good", "good");
    setenv("VARLEN_BACKEND_PATH", folder.path, 1);
    setenv("VARLEN_BACKEND", "good", 1);
    assert_ok(varlen_open(NULL, &context));
    varlen_close(context);
}

static void added_folders_come_first_and_in_order(void **state)
{
    (void)state;
    const scratch second = scratch_create();
    scratch_add_plugin(&folder, "good", "good");
    scratch_add_plugin(&second, "good", "good");
    assert_true(varlen_search_folder_count() >= 2); /* the first search is over */
    assert_ok(varlen_add_backend_folder(folder.path));
    assert_ok(varlen_add_backend_folder(second.path));
    assert_string_equal(listed_folder(0).path, folder.path);
    assert_string_equal(listed_folder(0).origin, "varlen_add_backend_folder");
    assert_string_equal(listed_folder(1).path, second.path);
    assert_string_equal(listed_folder(2).origin, "beside libvarlen");
    assert_int_equal(backend_with_path(scratch_path(&folder, "varlen-good.so")).state, VARLEN_BACKEND_USABLE);
    const varlen_backend_info shadowed = backend_with_path(scratch_path(&second, "varlen-good.so"));
    assert_int_equal(shadowed.state, VARLEN_BACKEND_REFUSED);
    assert_words(shadowed.reason, folder.path);
    assert_words(shadowed.reason, "is used instead");
    scratch_remove(&second);
}

static void a_loaded_backend_stays_when_folders_are_added(void **state)
{
    (void)state;
    scratch_add_plugin(&folder, "beside", "beside");
    assert_opens("beside");
    assert_ok(varlen_add_backend_folder(folder.path));
    const varlen_backend_info later = backend_with_path(scratch_path(&folder, "varlen-beside.so"));
    assert_int_equal(later.state, VARLEN_BACKEND_REFUSED);
    assert_words(later.reason, "/varlen/varlen-beside.so is used instead");
}

static void the_next_file_is_tried_when_one_is_refused(void **state)
{
    (void)state;
    const scratch second = scratch_create();
    scratch_add_plugin(&folder, "newer-abi", "good");
    scratch_add_plugin(&second, "good", "good");
    assert_ok(varlen_add_backend_folder(folder.path));
    assert_ok(varlen_add_backend_folder(second.path));
    assert_int_equal(varlen_backend_count(), 3); /* these, and the one beside */
    assert_string_equal(varlen_error_message(), "");
    assert_opens("good");
    assert_words(backend_with_path(scratch_path(&folder, "varlen-good.so")).reason, "plugin ABI 2.0");
    assert_int_equal(backend_with_path(scratch_path(&second, "varlen-good.so")).state, VARLEN_BACKEND_USABLE);
    scratch_remove(&second);
}

static void backends_of_one_priority_are_tried_in_order_of_search(void **state)
{
    (void)state;
    varlen_context *context;
    varlen_device_info info = {.struct_size = sizeof info};
    scratch_add_plugin(&folder, "no-device", "fake"); /* of priority 10, like the one beside */
    assert_ok(varlen_add_backend_folder(folder.path));
    assert_ok(open_backend("auto", &context));
    assert_ok(varlen_context_device(context, &info));
    assert_string_equal(info.backend, "beside");
    varlen_close(context);
}

static void the_same_folder_is_searched_once(void **state)
{
    (void)state;
    char link[2 * SCRATCH_PATH_SIZE];
    scratch_add_plugin(&folder, "good", "good");
    snprintf(link, sizeof link, "%s-link", folder.path);
    assert_int_equal(symlink(folder.path, link), 0);
    assert_ok(varlen_add_backend_folder(folder.path));
    assert_ok(varlen_add_backend_folder(link));
    assert_string_equal(listed_folder(1).path, link);
    assert_words(listed_folder(1).reason, "it is the folder that is searched for varlen_add_backend_folder");
    assert_int_equal(varlen_backend_count(), 2); /* good, and the one beside */
    assert_int_equal(unlink(link), 0);
}

static void only_the_named_backend_is_loaded(void **state)
{
    (void)state;
    scratch_add_plugin(&folder, "good", "good");
    scratch_add_plugin(&folder, "no-device", "fake");
    assert_ok(varlen_add_backend_folder(folder.path));
    assert_opens("good");
    assert_non_null(dlopen(scratch_path(&folder, "varlen-good.so"), RTLD_NOW | RTLD_NOLOAD));
    assert_null(dlopen(scratch_path(&folder, "varlen-fake.so"), RTLD_NOW | RTLD_NOLOAD));
    assert_true(varlen_backend_count() > 0); /* counting loads all */
    assert_non_null(dlopen(scratch_path(&folder, "varlen-fake.so"), RTLD_NOW | RTLD_NOLOAD));
}

static void files_of_other_names_are_no_plugins(void **state)
{
    (void)state;
    scratch_add_text(&folder, "varlen-cpu.so.1", "");
    scratch_add_text(&folder, "libvarlen-cpu.so", "");
    scratch_add_text(&folder, "varlen-cpu", "");
    scratch_add_text(&folder, "varlen-.so", "");
    scratch_add_text(&folder, "varlen-auto.so", "");
    scratch_add_text(&folder, "varlen-Upper.so", "");
    assert_ok(varlen_add_backend_folder(folder.path));
    assert_int_equal(varlen_backend_count(), 4); /* the last three, and the one beside */
    static const char *const files[] = {"varlen-.so", "varlen-auto.so", "varlen-Upper.so"};
    for (size_t i = 0; i < ROWS_OF(files); i++)
        assert_words(backend_with_path(scratch_path(&folder, files[i])).reason,
                     "its file does not carry a backend's name");
}

static void names_of_files_are_shown_as_one_line(void **state)
{
    (void)state;
    varlen_context *context;
    char path[2 * SCRATCH_PATH_SIZE];
    scratch_add_text(&folder, "varlen-a\nb\x1b[2J.so", "");
    snprintf(path, sizeof path, "%s/c\nd", folder.path);
    assert_ok(varlen_add_backend_folder(folder.path));
    assert_ok(varlen_add_backend_folder(path));
    const varlen_backend_info info = backend_with_path(scratch_path(&folder, "varlen-a\\nb\\x1b[2J.so"));
    assert_string_equal(info.name, "a\\nb\\x1b[2J");
    assert_words(listed_folder(1).path, "/c\\nd");
    assert_failure(open_backend("nosuch", &context), VARLEN_ERROR_BACKEND_UNAVAILABLE, "found: a\\nb\\x1b[2J (no: ");
    assert_failure(varlen_add_backend_folder("x\ny"), VARLEN_ERROR_INVALID_ARGUMENT,
                   "path = \"x\\ny\" is not absolute");
}

static void unknown_names_fail_with_what_was_found_and_where(void **state)
{
    (void)state;
    varlen_context *context;
    scratch_add_plugin(&folder, "newer-abi", "fake");
    setenv("VARLEN_BACKEND", "nosuch", 1);
    assert_ok(varlen_add_backend_folder(folder.path));
    assert_failure(varlen_open(NULL, &context), VARLEN_ERROR_BACKEND_UNAVAILABLE,
                   "there is no backend nosuch; found: fake, beside; searched: ");
    assert_words(varlen_error_message(), folder.path);
    assert_words(varlen_error_message(), "/nonexistent/varlen (no: No such file or directory)");
}

static void indices_and_arguments_are_checked(void **state)
{
    (void)state;
    varlen_backend_info info = {.struct_size = sizeof info};
    varlen_search_folder found = {.struct_size = sizeof found};
    varlen_device_info device = {.struct_size = sizeof device};
    const varlen_status refused = VARLEN_ERROR_INVALID_ARGUMENT;
    assert_failure(varlen_get_backend(1, &info), refused, "index = 1 is not below varlen_backend_count() = 1");
    assert_failure(varlen_get_backend(-1, &info), refused, "index = -1 is not below");
    assert_failure(varlen_get_backend(0, NULL), refused, "info is NULL");
    assert_failure(varlen_get_search_folder(2, &found), refused, "index = 2 is not below varlen_search_folder_count()");
    assert_failure(varlen_get_search_folder(0, NULL), refused, "folder is NULL");
    assert_failure(varlen_get_device(NULL, 0, &device), refused, "backend is NULL");
    assert_failure(varlen_get_device("beside", -1, &device), refused, "device = -1 is below 0");
    assert_failure(varlen_get_device("beside", 0, NULL), refused, "info is NULL");
    assert_failure(varlen_get_device("beside", 2, &device), VARLEN_ERROR_BACKEND_UNAVAILABLE,
                   "device = 2 is not below its 2 devices");
    assert_failure(varlen_get_device("nosuch", 0, &device), VARLEN_ERROR_BACKEND_UNAVAILABLE,
                   "there is no backend nosuch");
    assert_null(info.name);
    assert_null(found.path);
    assert_int_equal(device.compute_units, 0);
}

static void describes_devices_without_opening_them(void **state)
{
    (void)state;
    varlen_device_info device = {.struct_size = sizeof device};
    assert_ok(varlen_get_device("beside", 1, &device));
    assert_string_equal(device.backend, "beside");
    assert_string_equal(device.name, "fake device");
    assert_string_equal(device.architecture, "second");
    assert_int_equal(device.device, 1);
    assert_int_equal(device.struct_size, sizeof device);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest cases[] = {
        CASE(added_folders_must_be_absolute),
        CASE(standard_folders_are_searched_in_order),
        CASE(finds_the_folder_beside_the_library),
        CASE(finds_plugins_by_the_environment),
        CASE(added_folders_come_first_and_in_order),
        CASE(a_loaded_backend_stays_when_folders_are_added),
        CASE(the_next_file_is_tried_when_one_is_refused),
        CASE(backends_of_one_priority_are_tried_in_order_of_search),
        CASE(the_same_folder_is_searched_once),
        CASE(only_the_named_backend_is_loaded),
        CASE(files_of_other_names_are_no_plugins),
        CASE(names_of_files_are_shown_as_one_line),
        CASE(unknown_names_fail_with_what_was_found_and_where),
        CASE(indices_and_arguments_are_checked),
        CASE(describes_devices_without_opening_them),
    };
    return run_each_alone("registry", cases, ROWS_OF(cases));
}
