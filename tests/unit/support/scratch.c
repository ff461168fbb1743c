/* Folders that exist for the duration of a test. */
#define _GNU_SOURCE
#include "scratch.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"

const char *scratch_path(const scratch *folder, const char *file)
{
    static char path[2 * SCRATCH_PATH_SIZE];
    snprintf(path, sizeof path, file[0] ? "%s/%s" : "%s%s", folder->path, file);
    return path;
}

scratch scratch_create(void)
{
    scratch folder;
    const char *parent = getenv("TMPDIR");
    char *real = realpath(parent ? parent : "/tmp", NULL);
    assert_non_null(real);
    snprintf(folder.path, sizeof folder.path, "%s/varlen-test-XXXXXX", real);
    free(real);
    assert_non_null(mkdtemp(folder.path));
    return folder;
}

void scratch_remove(const scratch *folder)
{
    DIR *entries = opendir(folder->path);
    assert_non_null(entries);
    for (const struct dirent *entry; (entry = readdir(entries));)
        if (entry->d_name[0] != '.')
            assert_int_equal(unlink(scratch_path(folder, entry->d_name)), 0);
    closedir(entries);
    assert_int_equal(rmdir(folder->path), 0);
}

static void write_file(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0644), 0);
}

void scratch_add_plugin(const scratch *folder, const char *plugin, const char *name)
{
    char source[SCRATCH_PATH_SIZE];
    char target[64];
    struct stat status;
    snprintf(source, sizeof source, "%s/%s.so", VARLEN_TEST_PLUGINS, plugin);
    snprintf(target, sizeof target, "varlen-%s.so", name);
    assert_int_equal(stat(source, &status), 0);
    char *bytes = malloc((size_t)status.st_size);
    FILE *file = fopen(source, "rb");
    assert_non_null(bytes);
    assert_non_null(file);
    assert_int_equal(fread(bytes, 1, (size_t)status.st_size, file), status.st_size);
    fclose(file);
    write_file(scratch_path(folder, target), bytes, (size_t)status.st_size);
    free(bytes);
}

void scratch_add_text(const scratch *folder, const char *file, const char *text)
{
    write_file(scratch_path(folder, file), text, strlen(text));
}

void scratch_set_mode(const scratch *folder, const char *file, mode_t mode)
{
    assert_int_equal(chmod(scratch_path(folder, file), mode), 0);
}
