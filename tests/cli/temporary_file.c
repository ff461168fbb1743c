/* A file in a folder of its own: see temporary_file.h. */
#include "temporary_file.h"

#include <stdlib.h>
#include <unistd.h>

#include "unit/support/test.h"

temporary_file temporary_file_make(const void *bytes, size_t size)
{
    temporary_file file = {.folder = "/tmp/varlen-cli-XXXXXX"};
    assert_non_null(mkdtemp(file.folder));
    snprintf(file.path, sizeof file.path, "%s/a.npy", file.folder);
    FILE *stream = fopen(file.path, "wb");
    assert_non_null(stream);
    assert_int_equal(fwrite(bytes, 1, size, stream), size);
    assert_int_equal(fclose(stream), 0);
    return file;
}

void temporary_file_remove(const temporary_file *file)
{
    unlink(file->path);
    rmdir(file->folder);
}
