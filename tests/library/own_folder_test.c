/* Which folder is the one beside libvarlen: the one it was loaded from, whatever the working directory has become, and
 * whoever owns it may put plugins there. Each case has a process of its own. */
#include <dlfcn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "library.h"
#include "support/alone.h"
#include "support/scratch.h"

enum { STRANGER = 54321, ANOTHER = 54322 };

static scratch folder; /* of the case that is running: lib/ as it is shipped, and hostile/ with a lib/ of its own */

static void copy_file(const char *from, const char *to)
{
    char command[4 * SCRATCH_PATH_SIZE];
    snprintf(command, sizeof command, "cp '%s' '%s'", from, to);
    assert_int_equal(system(command), 0);
}

static int set_up(void **state)
{
    (void)state;
    folder = scratch_create();
    static const char *const folders[] = {"lib",         "lib/varlen",         "hostile",
                                          "hostile/lib", "hostile/lib/varlen", "hostile/varlen"};
    for (size_t i = 0; i < ROWS_OF(folders); i++)
        assert_int_equal(mkdir(scratch_path(&folder, folders[i]), 0755), 0);
    library_copy(scratch_path(&folder, "lib/libvarlen.so.0"));
    scratch_add_plugin(&folder, "good", "good");
    char good[2 * SCRATCH_PATH_SIZE];
    snprintf(good, sizeof good, "%s", scratch_path(&folder, "varlen-good.so"));
    copy_file(good, scratch_path(&folder, "hostile/lib/varlen/varlen-good.so"));
    copy_file(good, scratch_path(&folder, "hostile/varlen/varlen-good.so"));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    char command[2 * SCRATCH_PATH_SIZE];
    assert_int_equal(chdir("/"), 0);
    snprintf(command, sizeof command, "rm -r '%s'", folder.path);
    return system(command);
}

/* The copy is loaded, and the working directory is the hostile one now. */
static void assert_beside_is_where_it_was(const library *copy)
{
    const varlen_open_options options = {.struct_size = sizeof options, .backend = "good"};
    varlen_context *context;
    bool is_found = false;
    assert_int_equal(copy->open(&options, &context), VARLEN_ERROR_BACKEND_UNAVAILABLE);
    for (int32_t i = 0; i < copy->search_folder_count(); i++) {
        varlen_search_folder found = {.struct_size = sizeof found};
        assert_int_equal(copy->get_search_folder(i, &found), VARLEN_OK);
        if (strcmp(found.origin, "beside libvarlen") != 0)
            continue;
        is_found = true;
        assert_string_equal(found.path, scratch_path(&folder, "lib/varlen"));
        assert_string_equal(found.reason, "");
    }
    assert_true(is_found);
}

static void a_relative_path_is_that_of_the_loading(void **state)
{
    (void)state;
    assert_int_equal(chdir(folder.path), 0);
    const library copy = library_load("./lib/libvarlen.so.0");
    assert_int_equal(chdir("hostile"), 0);
    assert_beside_is_where_it_was(&copy);
}

static const char mark[] = "OWN_FOLDER_TEST_STARTED";

/* In a process that was started with LD_LIBRARY_PATH=. in lib/. */
static void after_start(void)
{
    snprintf(folder.path, sizeof folder.path, "%s", getenv(mark));
    const library copy = library_load("libvarlen.so.0");
    assert_int_equal(chdir("../hostile"), 0);
    assert_beside_is_where_it_was(&copy);
}

static void a_relative_search_path_is_that_of_the_start(void **state)
{
    (void)state;
    assert_int_equal(chdir(scratch_path(&folder, "lib")), 0);
    setenv("LD_LIBRARY_PATH", ".", 1);
    setenv(mark, folder.path, 1);
    char command[SCRATCH_PATH_SIZE];
    const ssize_t length = readlink("/proc/self/exe", command, sizeof command - 1);
    assert_true(length > 0);
    command[length] = '\0';
    assert_int_equal(system(command), 0);
}

/* ---- A tree that is shipped with a plugin that is cut short ---- */

static void a_plugin_that_is_cut_short_is_passed_over(void **state)
{
    (void)state;
    char plugin[2 * SCRATCH_PATH_SIZE];
    struct stat status;
    snprintf(plugin, sizeof plugin, "%s", scratch_path(&folder, "lib/varlen/varlen-cuda.so"));
    copy_file(TEST_BACKENDS "/varlen-cpu.so", plugin);
    assert_int_equal(stat(plugin, &status), 0);
    assert_int_equal(truncate(plugin, status.st_size / 2), 0);
    copy_file(TEST_BACKENDS "/varlen-cpu.so", scratch_path(&folder, "lib/varlen/varlen-cpu.so"));

    const library copy = library_load(scratch_path(&folder, "lib/libvarlen.so.0"));
    copy.close(library_open(&copy, "auto"));
    const varlen_open_options options = {.struct_size = sizeof options, .backend = "cuda"};
    varlen_context *context;
    assert_int_equal(copy.open(&options, &context), VARLEN_ERROR_BACKEND_UNAVAILABLE);
    assert_words(copy.error_message(), "varlen-cuda.so: it is cut short or damaged");
}

/* ---- Owners ---- */

static void give(const char *path, uid_t user)
{
    if (geteuid() != 0) {
        print_message("skipped: only root may give files to others\n");
        skip();
    }
    assert_int_equal(chown(path, user, 0), 0);
}

/* Who owns libvarlen, or a folder that it is in, runs code in this process already. */
static void the_owner_of_the_library_is_trusted(void **state)
{
    (void)state;
    char good[2 * SCRATCH_PATH_SIZE];
    snprintf(good, sizeof good, "%s", scratch_path(&folder, "varlen-good.so"));
    copy_file(good, scratch_path(&folder, "lib/varlen/varlen-good.so"));
    give(folder.path, STRANGER);
    give(scratch_path(&folder, "lib/varlen/varlen-good.so"), STRANGER);
    const library copy = library_load(scratch_path(&folder, "lib/libvarlen.so.0"));
    copy.close(library_open(&copy, "good"));
}

static void another_is_not(void **state)
{
    (void)state;
    char good[2 * SCRATCH_PATH_SIZE];
    snprintf(good, sizeof good, "%s", scratch_path(&folder, "varlen-good.so"));
    copy_file(good, scratch_path(&folder, "lib/varlen/varlen-good.so"));
    give(folder.path, STRANGER);
    give(scratch_path(&folder, "lib/varlen/varlen-good.so"), ANOTHER);
    const library copy = library_load(scratch_path(&folder, "lib/libvarlen.so.0"));
    const varlen_open_options options = {.struct_size = sizeof options, .backend = "good"};
    varlen_context *context;
    assert_int_equal(copy.open(&options, &context), VARLEN_ERROR_BACKEND_UNAVAILABLE);
    assert_words(copy.error_message(), "varlen-good.so belongs to user 54322");
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest cases[] = {
        CASE(a_relative_path_is_that_of_the_loading),
        CASE(a_relative_search_path_is_that_of_the_start),
        CASE(a_plugin_that_is_cut_short_is_passed_over),
        CASE(the_owner_of_the_library_is_trusted),
        CASE(another_is_not),
    };
    if (getenv(mark)) {
        after_start();
        return EXIT_SUCCESS;
    }
    return run_each_alone("library/own_folder", cases, ROWS_OF(cases));
}
