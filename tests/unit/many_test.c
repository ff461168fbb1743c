/* Many folders and many files: eight times as many take about eight times as long, not sixty-four. */
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "support/listing.h"
#include "support/scratch.h"

enum { FILES = 500, FOLDERS = 2500, RATIO = 8 };

/* Of a square law the ratio would be 64. Processor time, for other work on the machine is none of this. */
static const double largest_ratio = 24;

/* The processor time that `work` takes in a process of its own. */
static double seconds_of(void (*work)(const scratch *folder, int count), const scratch *folder, int count)
{
    double *seconds = mmap(NULL, sizeof *seconds, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(seconds != MAP_FAILED);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        work(folder, count);
        *seconds = (double)clock() / CLOCKS_PER_SEC;
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    const double result = *seconds;
    munmap(seconds, sizeof *seconds);
    return result;
}

static void expect(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "%s: %s\n", what, varlen_error_message());
    _exit(1);
}

static void open_and_list(int32_t backends, int32_t folders)
{
    varlen_context *context;
    expect(open_backend("auto", &context) == VARLEN_ERROR_BACKEND_UNAVAILABLE, "auto opens");
    expect(open_backend("nosuch", &context) == VARLEN_ERROR_BACKEND_UNAVAILABLE, "nosuch opens");
    expect(varlen_backend_count() == backends, "backends are missing");
    for (int32_t i = 0; i < varlen_backend_count(); i++) {
        varlen_backend_info info = {.struct_size = sizeof info};
        expect(varlen_get_backend(i, &info) == VARLEN_OK && info.state == VARLEN_BACKEND_REFUSED,
               "a backend is listed");
    }
    expect(varlen_search_folder_count() == folders, "folders are missing");
    for (int32_t i = 0; i < varlen_search_folder_count(); i++) {
        varlen_search_folder found = {.struct_size = sizeof found};
        expect(varlen_get_search_folder(i, &found) == VARLEN_OK, "a folder is listed");
    }
}

static void list_files(const scratch *folder, int count)
{
    char path[2 * SCRATCH_PATH_SIZE];
    snprintf(path, sizeof path, "%s/%d", folder->path, count);
    expect(varlen_add_backend_folder(path) == VARLEN_OK, "a folder is added");
    open_and_list(count, 3);
}

static void list_folders(const scratch *folder, int count)
{
    char path[2 * SCRATCH_PATH_SIZE];
    for (int i = 0; i < count; i++) {
        snprintf(path, sizeof path, "%s/%d/%d", folder->path, count, i);
        expect(varlen_add_backend_folder(path) == VARLEN_OK, "a folder is added");
    }
    open_and_list(0, count + 2);
}

/* `path` becomes that of one of the files. */
static void name_file(char path[2 * SCRATCH_PATH_SIZE], const scratch *folder, int count, int number)
{
    snprintf(path, 2 * SCRATCH_PATH_SIZE, "%s/%d/varlen-b%d.so", folder->path, count, number);
}

static void make_files(const scratch *folder, int count)
{
    char path[2 * SCRATCH_PATH_SIZE];
    snprintf(path, sizeof path, "%s/%d", folder->path, count);
    assert_int_equal(mkdir(path, 0755), 0);
    for (int i = 0; i < count; i++) {
        name_file(path, folder, count, i);
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fclose(file);
    }
}

static void remove_files(const scratch *folder, int count)
{
    char path[2 * SCRATCH_PATH_SIZE];
    for (int i = 0; i < count; i++) {
        name_file(path, folder, count, i);
        assert_int_equal(unlink(path), 0);
    }
    snprintf(path, sizeof path, "%s/%d", folder->path, count);
    assert_int_equal(rmdir(path), 0);
}

static void assert_grows_evenly(void (*work)(const scratch *folder, int count), const scratch *folder, int few)
{
    const double less = seconds_of(work, folder, few);
    const double more = seconds_of(work, folder, RATIO * few);
    print_message("%d take %.3f s, %d take %.3f s\n", few, less, RATIO * few, more);
    assert_true(more < largest_ratio * less);
}

static void many_files(void **state)
{
    (void)state;
    const scratch folder = scratch_create();
    make_files(&folder, FILES);
    make_files(&folder, RATIO * FILES);
    assert_grows_evenly(list_files, &folder, FILES);
    remove_files(&folder, FILES);
    remove_files(&folder, RATIO * FILES);
    scratch_remove(&folder);
}

/* That do not exist: making them would take longer than the test. */
static void many_folders(void **state)
{
    (void)state;
    const scratch folder = scratch_create();
    assert_grows_evenly(list_folders, &folder, FOLDERS);
    scratch_remove(&folder);
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        cmocka_unit_test(many_files),
        cmocka_unit_test(many_folders),
    };
    return cmocka_run_group_tests_name("many", cases, NULL, NULL);
}
