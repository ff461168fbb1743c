/* Failures that pass: a process that was short of descriptors or memory at its first call has all backends later. Each
 * case has a process of its own. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "support/alone.h"
#include "support/listing.h"
#include "support/scratch.h"

static scratch folder; /* of the case that is running */
static struct rlimit limit;

static int set_up(void **state)
{
    (void)state;
    folder = scratch_create();
    scratch_add_plugin(&folder, "good", "good");
    setenv("VARLEN_BACKEND_PATH", folder.path, 1);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    scratch_remove(&folder);
    return 0;
}

/* Lets the process open `count` more descriptors, and no more. */
static void leave_descriptors(int count)
{
    const int next = open("/", O_RDONLY | O_CLOEXEC);
    assert_true(next >= 0);
    close(next);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    const struct rlimit lower = {.rlim_cur = (rlim_t)(next + count), .rlim_max = limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &lower), 0);
}

static void leave_all_descriptors(void)
{
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void assert_lacks_descriptors(const char *backend)
{
    varlen_context *context;
    assert_failure(open_backend(backend, &context), VARLEN_ERROR_BACKEND_UNAVAILABLE, "Too many open files");
}

static void a_folder_is_listed_again(void **state)
{
    (void)state;
    leave_descriptors(0);
    assert_lacks_descriptors("good");
    assert_words(listed_folder(0).reason, "Too many open files");
    leave_all_descriptors();
    assert_opens("good");
    assert_string_equal(listed_folder(0).reason, "");
}

static void a_folder_that_was_added_is_listed_again(void **state)
{
    (void)state;
    const scratch second = scratch_create();
    scratch_add_plugin(&second, "no-device", "fake");
    leave_descriptors(0);
    assert_ok(varlen_add_backend_folder(second.path));
    assert_lacks_descriptors("fake");
    leave_all_descriptors();
    assert_int_equal(backend_with_path(scratch_path(&second, "varlen-fake.so")).state, VARLEN_BACKEND_NO_DEVICE);
    scratch_remove(&second);
}

static void a_file_is_opened_again(void **state)
{
    (void)state;
    assert_true(varlen_search_folder_count() > 0); /* lists the folders */
    leave_descriptors(0);
    assert_lacks_descriptors("good");
    leave_all_descriptors();
    assert_opens("good");
}

/* One is enough to look at the file, but not to load it beside that. */
static void a_file_is_loaded_again(void **state)
{
    (void)state;
    assert_true(varlen_search_folder_count() > 0);
    leave_descriptors(1);
    assert_lacks_descriptors("good");
    leave_all_descriptors();
    assert_opens("good");
}

static void a_dependency_is_looked_for_again(void **state)
{
    (void)state;
    scratch_add_plugin(&folder, "missing-dependency", "fake");
    assert_true(varlen_search_folder_count() > 0);
    varlen_context *context;
    leave_descriptors(2);
    assert_int_equal(open_backend("fake", &context), VARLEN_ERROR_BACKEND_UNAVAILABLE);
    leave_all_descriptors();
    assert_failure(open_backend("fake", &context), VARLEN_ERROR_BACKEND_UNAVAILABLE, "No such file or directory");
}

static void auto_finds_all_later(void **state)
{
    (void)state;
    leave_descriptors(0);
    assert_lacks_descriptors("auto");
    leave_all_descriptors();
    assert_opens("auto");
}

static void listings_tell_what_is_so_now(void **state)
{
    (void)state;
    assert_true(varlen_search_folder_count() > 0);
    leave_descriptors(0);
    const int32_t count = varlen_backend_count();
    assert_int_equal(listed_backend(0).state, VARLEN_BACKEND_REFUSED);
    assert_words(listed_backend(0).reason, "Too many open files");
    leave_all_descriptors();
    assert_int_equal(varlen_backend_count(), count);
    assert_int_equal(listed_backend(0).state, VARLEN_BACKEND_USABLE);
    assert_string_equal(listed_backend(0).reason, "");
    assert_string_equal(varlen_error_message(), "");
}

static void what_cannot_pass_is_remembered(void **state)
{
    (void)state;
    varlen_context *context;
    scratch_add_text(&folder, "varlen-fake.so", "no library");
    assert_failure(open_backend("fake", &context), VARLEN_ERROR_BACKEND_UNAVAILABLE, "it is not a shared library");
    scratch_add_plugin(&folder, "no-device", "fake");
    assert_failure(open_backend("fake", &context), VARLEN_ERROR_BACKEND_UNAVAILABLE, "it is not a shared library");
}

static void an_entry_without_memory_is_entered_again(void **state)
{
    (void)state;
    varlen_context *context;
    scratch_add_plugin(&folder, "declines-once", "fake");
    assert_failure(open_backend("fake", &context), VARLEN_ERROR_OUT_OF_MEMORY,
                   "varlen-fake.so: no memory for the fake backend");
    assert_opens("fake");
}

#if defined(SANITIZED)
#define NEEDS_ADDRESSES 1 /* far more than a limit could leave */
#else
#define NEEDS_ADDRESSES 0
#endif

static void want_of_memory_is_called_that(void **state)
{
    (void)state;
    varlen_context *context;
    if (NEEDS_ADDRESSES)
        skip();
    assert_true(varlen_search_folder_count() > 0);
    assert_int_equal(getrlimit(RLIMIT_AS, &limit), 0);
    const struct rlimit none = {.rlim_cur = 1 << 20, .rlim_max = limit.rlim_max}; /* below what it has: no more */
    assert_int_equal(setrlimit(RLIMIT_AS, &none), 0);
    const varlen_status status = open_backend("good", &context);
    assert_int_equal(setrlimit(RLIMIT_AS, &limit), 0);
    assert_failure(status, VARLEN_ERROR_OUT_OF_MEMORY, "memory");
    assert_opens("good");
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest cases[] = {
        CASE(a_folder_is_listed_again),
        CASE(a_folder_that_was_added_is_listed_again),
        CASE(a_file_is_opened_again),
        CASE(a_file_is_loaded_again),
        CASE(a_dependency_is_looked_for_again),
        CASE(auto_finds_all_later),
        CASE(listings_tell_what_is_so_now),
        CASE(what_cannot_pass_is_remembered),
        CASE(an_entry_without_memory_is_entered_again),
        CASE(want_of_memory_is_called_that),
    };
    return run_each_alone("passing", cases, ROWS_OF(cases));
}
