/* Whole .npy files: read as they are, or refused with a reason that names them. */
#include "target.h"

#include "finding.h"

#include "npy/npy.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* A file in memory that is used again and again. */
typedef struct memory_file {
    int descriptor;
    char path[64];
} memory_file;

static memory_file make_file(const char *name)
{
    memory_file file = {.descriptor = memfd_create(name, 0)};
    if (file.descriptor < 0)
        finding("no file in memory can be made");
    snprintf(file.path, sizeof file.path, "/proc/self/fd/%d", file.descriptor);
    return file;
}

static void put(const memory_file *file, const void *bytes, size_t size)
{
    if (ftruncate(file->descriptor, 0) != 0 || (size > 0 && pwrite(file->descriptor, bytes, size, 0) != (ssize_t)size))
        finding("a file in memory cannot be written");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static memory_file file;
    npy_array array;
    reason why = {.text = ""};
    if (!file.path[0])
        file = make_file("given");
    put(&file, data, size);
    if (!npy_read(file.path, &array, &why)) {
        if (strncmp(why.text, file.path, strlen(file.path)) != 0)
            finding("the reason \"%s\" does not name the file", why.text);
        text_check("a file's reason", why.text);
        if (array.data || array.count || array.dimensions)
            finding("refused, and the array is not zeroed");
        return 0;
    }
    const size_t bytes = (size_t)array.count * element_size(array.type);
    if (bytes > size || (bytes > 0 && memcmp(array.data, data + size - bytes, bytes) != 0))
        finding("%zu bytes are read from a file of %zu, and are not its last", bytes, size);
    npy_free(&array);
    return 0;
}
