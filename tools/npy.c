/* NumPy .npy files: see npy.h. */
#include "npy.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "npy_header.h"

static const unsigned char magic[6] = {0x93, 'N', 'U', 'M', 'P', 'Y'};

enum { LONGEST_HEADER = 1 << 20, HEADER_ALIGNMENT = 64 };

typedef struct npy_file {
    const char *path;
    FILE *stream;
    int64_t size;
    int64_t position;
} npy_file;

static bool read_bytes(npy_file *file, void *target, int64_t size, const char *what, reason *why)
{
    if (size > file->size - file->position)
        return refuse(why, "%s: truncated: %s takes %" PRId64 " bytes, %" PRId64 " are left", file->path, what, size,
                      file->size - file->position);
    if (size > 0 && fread(target, 1, (size_t)size, file->stream) != (size_t)size)
        return refuse(why, "%s: cannot be read: %s", file->path, ferror(file->stream) ? strerror(errno) : "it shrank");
    file->position += size;
    return true;
}

static bool open_file(npy_file *file, reason *why)
{
    file->stream = fopen(file->path, "rb");
    struct stat status;
    if (!file->stream || fstat(fileno(file->stream), &status) != 0)
        return refuse(why, "%s: cannot be opened: %s", file->path, strerror(errno));
    if (!S_ISREG(status.st_mode))
        return refuse(why, "%s: not a regular file", file->path);
    file->size = (int64_t)status.st_size;
    return true;
}

/* The magic, the version, and the length of the dictionary that follows. */
static bool read_preamble(npy_file *file, int64_t *header_size, reason *why)
{
    unsigned char start[8];
    if (!read_bytes(file, start, sizeof start, "the start of a .npy file", why))
        return false;
    if (memcmp(start, magic, sizeof magic) != 0)
        return refuse(why, "%s: not a .npy file: it does not begin with \\x93NUMPY", file->path);
    const int version = start[6];
    if (version < 1 || version > 3)
        return refuse(why, "%s: .npy version %d.%d; versions 1 to 3 are read", file->path, version, start[7]);
    unsigned char length[4] = {0};
    if (!read_bytes(file, length, version == 1 ? 2 : 4, "the header's length", why))
        return false;
    *header_size = (int64_t)length[0] | (int64_t)length[1] << 8 | (int64_t)length[2] << 16 | (int64_t)length[3] << 24;
    return true;
}

static bool read_header(npy_file *file, npy_array *array, reason *why)
{
    int64_t size = 0;
    if (!read_preamble(file, &size, why))
        return false;
    if (size > LONGEST_HEADER)
        return refuse(why, "%s: bad header: %" PRId64 " bytes long", file->path, size);
    char *text = malloc((size_t)size + 1);
    if (!text)
        return refuse(why, "%s: out of memory", file->path);
    const bool ok =
        read_bytes(file, text, size, "the header", why) && npy_header_parse(file->path, text, (size_t)size, array, why);
    free(text);
    return ok;
}

static bool read_data(npy_file *file, npy_array *array, reason *why)
{
    int64_t size = 0;
    char shape[128];
    npy_shape_text(array, shape, sizeof shape);
    if (__builtin_mul_overflow(array->count, (int64_t)element_size(array->type), &size))
        return refuse(why, "%s: the shape %s overflows: more than 2^63 bytes", file->path, shape);
    const int64_t left = file->size - file->position;
    if (size > left)
        return refuse(why, "%s: truncated: shape %s of %s takes %" PRId64 " bytes, the file holds %" PRId64, file->path,
                      shape, element_name(array->type), size, left);
    if (size < left)
        return refuse(why, "%s: %" PRId64 " bytes follow the array of shape %s", file->path, left - size, shape);
    if (size == 0)
        return true;
    array->data = malloc((size_t)size);
    if (!array->data)
        return refuse(why, "%s: out of memory for %" PRId64 " bytes", file->path, size);
    return read_bytes(file, array->data, size, "the array", why);
}

bool npy_read(const char *path, npy_array *array, reason *why)
{
    npy_file file = {.path = path};
    *array = (npy_array){0};
    const bool ok = open_file(&file, why) && read_header(&file, array, why) && read_data(&file, array, why);
    if (file.stream)
        fclose(file.stream);
    if (!ok)
        npy_free(array);
    return ok;
}

static bool write_stream(FILE *stream, const npy_array *array)
{
    char header[512];
    const int length = npy_header_print(array, header, sizeof header);
    const int start = (int)sizeof magic + 4;
    /* The data begin at a multiple of 64 bytes; the dictionary ends in a newline. */
    const int padded = (start + length + 1 + HEADER_ALIGNMENT - 1) / HEADER_ALIGNMENT * HEADER_ALIGNMENT - start;
    const unsigned char version_and_length[4] = {1, 0, (unsigned char)(padded & 0xff), (unsigned char)(padded >> 8)};
    fwrite(magic, 1, sizeof magic, stream);
    fwrite(version_and_length, 1, sizeof version_and_length, stream);
    fprintf(stream, "%s%*s\n", header, padded - 1 - length, "");
    const size_t count = (size_t)array->count;
    if (count > 0 && fwrite(array->data, element_size(array->type), count, stream) != count)
        return false;
    return !ferror(stream);
}

bool npy_write(const char *path, const npy_array *array, reason *why)
{
    FILE *stream = fopen(path, "wb");
    if (!stream)
        return refuse(why, "%s: cannot be created: %s", path, strerror(errno));
    const bool written = write_stream(stream, array);
    if (fclose(stream) != 0 || !written)
        return refuse(why, "%s: cannot be written: %s", path, strerror(errno));
    return true;
}

void npy_free(npy_array *array)
{
    free(array->data);
    *array = (npy_array){0};
}

const char *npy_shape_text(const npy_array *array, char *text, size_t size)
{
    size_t length = (size_t)snprintf(text, size, "[");
    for (int i = 0; i < array->dimensions && length < size; i++)
        length += (size_t)snprintf(text + length, size - length, "%s%" PRId64, i ? ", " : "", array->shape[i]);
    if (length < size)
        snprintf(text + length, size - length, "]");
    return text;
}
