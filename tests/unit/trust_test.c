/* From which files and folders code is loaded. Each case has a process of its own. */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/alone.h"
#include "support/listing.h"
#include "support/scratch.h"

/* A user and a group that nobody here is. */
enum { STRANGER = 54321 };

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
    varlen_context *context;
    char file[64];
    snprintf(file, sizeof file, "varlen-%s.so", name);
    assert_failure(open_backend(name, &context), VARLEN_ERROR_BACKEND_UNAVAILABLE, words);
    const varlen_backend_info info = backend_with_path(scratch_path(&folder, file));
    assert_int_equal(info.state, VARLEN_BACKEND_REFUSED);
    assert_words(info.reason, words);
}

/* The first folder of the search must not be searched, for `words`. */
static void assert_folder_refused(const char *words)
{
    varlen_context *context;
    assert_words(listed_folder(0).reason, words);
    assert_failure(open_backend("good", &context), VARLEN_ERROR_BACKEND_UNAVAILABLE, "there is no backend good");
    assert_words(varlen_error_message(), words);
}

/* Only root may give files away. */
static void give(const char *path, uid_t user, gid_t group)
{
    if (geteuid() != 0) {
        print_message("skipped: only root may give files to others\n");
        skip();
    }
    assert_int_equal(lchown(path, user, group), 0);
}

/* plugins/ in the scratch folder with a good plugin in it; the folder between is the scratch folder itself. */
static const char *nested_folder(void)
{
    static char path[2 * SCRATCH_PATH_SIZE];
    char file[3 * SCRATCH_PATH_SIZE];
    snprintf(path, sizeof path, "%s/plugins", folder.path);
    snprintf(file, sizeof file, "%s/varlen-good.so", path);
    scratch_add_plugin(&folder, "good", "good");
    assert_int_equal(mkdir(path, 0755), 0);
    assert_int_equal(rename(scratch_path(&folder, "varlen-good.so"), file), 0);
    return path;
}

static int tear_down_nested(void **state)
{
    char path[2 * SCRATCH_PATH_SIZE];
    snprintf(path, sizeof path, "%s", scratch_path(&folder, "plugins/varlen-good.so"));
    unlink(path);
    rmdir(scratch_path(&folder, "plugins"));
    return tear_down(state);
}

/* ---- Who may write ---- */

static void refuses_a_file_that_every_user_may_write(void **state)
{
    (void)state;
    scratch_add_plugin(&folder, "good", "good");
    scratch_set_mode(&folder, "varlen-good.so", 0666);
    assert_ok(varlen_add_backend_folder(folder.path));
    assert_refused("good", "every user may write the file");
    assert_words(varlen_error_message(), "(mode 0666)");
}

static void refuses_a_folder_that_every_user_may_write(void **state)
{
    (void)state;
    varlen_context *context;
    scratch_add_plugin(&folder, "good", "good");
    scratch_set_mode(&folder, "", 01777);
    assert_ok(varlen_add_backend_folder(folder.path));
    assert_string_equal(listed_folder(0).path, folder.path);
    assert_words(listed_folder(0).reason, "every user may write the folder");
    assert_words(listed_folder(0).reason, "(mode 1777)");
    assert_failure(open_backend("good", &context), VARLEN_ERROR_BACKEND_UNAVAILABLE, "there is no backend good");
    assert_words(varlen_error_message(), "every user may write the folder");
}

static void refuses_a_link_out_of_a_trusted_folder(void **state)
{
    (void)state;
    const scratch open_to_all = scratch_create();
    char target[2 * SCRATCH_PATH_SIZE];
    scratch_add_plugin(&open_to_all, "good", "good");
    scratch_set_mode(&open_to_all, "", 0777);
    snprintf(target, sizeof target, "%s", scratch_path(&open_to_all, "varlen-good.so"));
    assert_int_equal(symlink(target, scratch_path(&folder, "varlen-good.so")), 0);
    assert_ok(varlen_add_backend_folder(folder.path));
    assert_refused("good", "every user may write the folder");
    scratch_remove(&open_to_all);
}

static void refuses_what_is_not_a_file(void **state)
{
    (void)state;
    assert_int_equal(mkdir(scratch_path(&folder, "varlen-good.so"), 0755), 0);
    assert_ok(varlen_add_backend_folder(folder.path));
    assert_refused("good", "varlen-good.so is not a file");
    assert_int_equal(rmdir(scratch_path(&folder, "varlen-good.so")), 0);
}

static void follows_a_link_to_a_trusted_file(void **state)
{
    (void)state;
    scratch_add_plugin(&folder, "good", "good");
    const scratch elsewhere = scratch_create();
    char target[2 * SCRATCH_PATH_SIZE];
    snprintf(target, sizeof target, "%s", scratch_path(&folder, "varlen-good.so"));
    assert_int_equal(symlink(target, scratch_path(&elsewhere, "varlen-good.so")), 0);
    assert_ok(varlen_add_backend_folder(elsewhere.path));
    assert_opens("good");
    scratch_remove(&elsewhere);
}

static void does_not_wait_for_a_pipe(void **state)
{
    (void)state;
    alarm(30);
    assert_int_equal(mkfifo(scratch_path(&folder, "varlen-good.so"), 0644), 0);
    assert_ok(varlen_add_backend_folder(folder.path));
    assert_refused("good", "varlen-good.so is not a file");
}

static void refuses_a_file_that_a_strange_group_may_write(void **state)
{
    (void)state;
    scratch_add_plugin(&folder, "good", "good");
    give(scratch_path(&folder, "varlen-good.so"), 0, STRANGER);
    scratch_set_mode(&folder, "varlen-good.so", 0664);
    assert_ok(varlen_add_backend_folder(folder.path));
    assert_refused("good", "group 54321 may write the file");
    assert_words(varlen_error_message(), "(mode 0664)");
}

static void a_strange_group_may_read(void **state)
{
    (void)state;
    scratch_add_plugin(&folder, "good", "good");
    give(scratch_path(&folder, "varlen-good.so"), 0, STRANGER);
    assert_ok(varlen_add_backend_folder(folder.path));
    assert_opens("good");
}

/* As files are made where each user has a group, and umask is 002. */
static void the_private_group_of_a_user_may_write(void **state)
{
    (void)state;
    if (geteuid() != getegid()) {
        print_message("skipped: the group of this user has another number\n");
        skip();
    }
    scratch_add_plugin(&folder, "good", "good");
    scratch_set_mode(&folder, "varlen-good.so", 0664);
    scratch_set_mode(&folder, "", 0775);
    assert_ok(varlen_add_backend_folder(folder.path));
    assert_opens("good");
}

/* ---- Who owns ---- */

static void refuses_a_file_of_a_stranger(void **state)
{
    (void)state;
    scratch_add_plugin(&folder, "good", "good");
    give(scratch_path(&folder, "varlen-good.so"), STRANGER, 0);
    assert_ok(varlen_add_backend_folder(folder.path));
    assert_refused("good", "varlen-good.so belongs to user 54321, who is neither root, nor the user of this process");
}

static void refuses_a_folder_of_a_stranger(void **state)
{
    (void)state;
    scratch_add_plugin(&folder, "good", "good");
    give(folder.path, STRANGER, 0);
    assert_ok(varlen_add_backend_folder(folder.path));
    assert_folder_refused("belongs to user 54321");
}

static void the_user_of_the_process_is_no_stranger(void **state)
{
    (void)state;
    scratch_add_plugin(&folder, "good", "good");
    give(scratch_path(&folder, "varlen-good.so"), STRANGER, STRANGER);
    give(folder.path, STRANGER, STRANGER);
    assert_int_equal(seteuid(STRANGER), 0);
    assert_ok(varlen_add_backend_folder(folder.path));
    assert_opens("good");
    assert_int_equal(seteuid(0), 0);
}

/* ---- The folders above ---- */

static void loads_from_below_a_sticky_folder(void **state)
{
    (void)state;
    const char *nested = nested_folder();
    scratch_set_mode(&folder, "", 01777);
    assert_ok(varlen_add_backend_folder(nested));
    assert_opens("good");
}

static void refuses_what_is_below_a_folder_that_every_user_may_write(void **state)
{
    (void)state;
    const char *nested = nested_folder();
    scratch_set_mode(&folder, "", 0777);
    assert_ok(varlen_add_backend_folder(nested));
    assert_folder_refused("every user may write the folder");
    assert_words(listed_folder(0).reason, "(mode 0777)");
}

static void refuses_what_is_below_a_folder_of_a_stranger(void **state)
{
    (void)state;
    const char *nested = nested_folder();
    give(folder.path, STRANGER, 0);
    assert_ok(varlen_add_backend_folder(nested));
    assert_folder_refused("belongs to user 54321");
    assert_words(listed_folder(0).reason, folder.path);
}

static void refuses_what_is_below_a_folder_of_a_strange_group(void **state)
{
    (void)state;
    const char *nested = nested_folder();
    give(folder.path, 0, STRANGER);
    scratch_set_mode(&folder, "", 0775);
    assert_ok(varlen_add_backend_folder(nested));
    assert_folder_refused("group 54321 may write the folder");
}

/* A stranger may have made it in a sticky folder. */
static void refuses_a_folder_of_a_stranger_in_a_sticky_one(void **state)
{
    (void)state;
    const char *nested = nested_folder();
    scratch_set_mode(&folder, "", 01777);
    give(nested, STRANGER, 0);
    assert_ok(varlen_add_backend_folder(nested));
    assert_folder_refused("belongs to user 54321");
}

/* A link is judged by where it leads. */
static void refuses_a_link_to_a_folder_of_a_stranger(void **state)
{
    (void)state;
    const char *nested = nested_folder();
    const scratch elsewhere = scratch_create();
    assert_int_equal(symlink(nested, scratch_path(&elsewhere, "link")), 0);
    give(nested, STRANGER, 0);
    assert_ok(varlen_add_backend_folder(scratch_path(&elsewhere, "link")));
    assert_folder_refused("belongs to user 54321");
    scratch_remove(&elsewhere);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
#define NESTED_CASE(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down_nested)

int main(void)
{
    const struct CMUnitTest cases[] = {
        CASE(refuses_a_file_that_every_user_may_write),
        CASE(refuses_a_folder_that_every_user_may_write),
        CASE(refuses_a_link_out_of_a_trusted_folder),
        CASE(refuses_what_is_not_a_file),
        CASE(follows_a_link_to_a_trusted_file),
        CASE(does_not_wait_for_a_pipe),
        CASE(refuses_a_file_that_a_strange_group_may_write),
        CASE(a_strange_group_may_read),
        CASE(the_private_group_of_a_user_may_write),
        CASE(refuses_a_file_of_a_stranger),
        CASE(refuses_a_folder_of_a_stranger),
        CASE(the_user_of_the_process_is_no_stranger),
        NESTED_CASE(loads_from_below_a_sticky_folder),
        NESTED_CASE(refuses_what_is_below_a_folder_that_every_user_may_write),
        NESTED_CASE(refuses_what_is_below_a_folder_of_a_stranger),
        NESTED_CASE(refuses_what_is_below_a_folder_of_a_strange_group),
        NESTED_CASE(refuses_a_folder_of_a_stranger_in_a_sticky_one),
        NESTED_CASE(refuses_a_link_to_a_folder_of_a_stranger),
    };
    return run_each_alone("trust", cases, ROWS_OF(cases));
}
