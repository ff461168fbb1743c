/* NumPy .npy files: see npy.h. */
#include "npy/npy.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "npy/header.h"
#include "npy/input_file.h"

static const unsigned char magic[6] = {0x93, 'N', 'U', 'M', 'P', 'Y'};

enum { LONGEST_HEADER = 1 << 20, HEADER_ALIGNMENT = 64 };

typedef struct npy_file {
    input_file input;
    int64_t position;
} npy_file;

static bool refuse_truncated(const npy_file *file, const char *what, int64_t size, int64_t left, reason *why)
{
    return refuse(why, "%s: truncated: %s takes %" PRId64 " bytes, %" PRId64 " are left", file->input.path, what, size,
                  left);
}

static bool read_bytes(npy_file *file, void *target, int64_t size, const char *what, reason *why)
{
    size_t count = 0;
    if (file->input.size >= 0 && size > file->input.size - file->position)
        return refuse_truncated(file, what, size, file->input.size - file->position, why);
    if (!input_file_read(&file->input, target, (size_t)size, &count, why))
        return false;
    file->position += (int64_t)count;
    return (int64_t)count == size || refuse_truncated(file, what, size, (int64_t)count, why);
}

/* "not a .npy file: it begins with 50 4b 03 04 14 00, not with 93 4e 55 4d 50 59 (\x93NUMPY)" */
static bool refuse_magic(const npy_file *file, const unsigned char *start, reason *why)
{
    const bool is_zip = start[0] == 'P' && start[1] == 'K';
    return refuse(why,
                  "%s: not a .npy file: it begins with %02x %02x %02x %02x %02x %02x, not with 93 4e 55 4d 50 59 "
                  "(\\x93NUMPY)%s",
                  file->input.path, start[0], start[1], start[2], start[3], start[4], start[5],
                  is_zip ? "; a .npz archive is to be unpacked first" : "");
}

/* The magic, the version, and the length of the dictionary that follows. */
static bool read_preamble(npy_file *file, int64_t *header_size, reason *why)
{
    unsigned char start[8];
    if (!read_bytes(file, start, sizeof start, "the start of a .npy file", why))
        return false;
    if (memcmp(start, magic, sizeof magic) != 0)
        return refuse_magic(file, start, why);
    const int version = start[6];
    if (version < 1 || version > 3)
        return refuse(why, "%s: .npy version %d.%d; versions 1 to 3 are read", file->input.path, version, start[7]);
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
        return refuse(why, "%s: the header's length = %" PRId64 " is above %d bytes", file->input.path, size,
                      LONGEST_HEADER);
    char *text = malloc((size_t)size + 1);
    if (!text)
        return refuse(why, "%s: out of memory", file->input.path);
    const bool ok = read_bytes(file, text, size, "the header", why) &&
                    npy_header_parse(file->input.path, text, (size_t)size, array, why);
    free(text);
    return ok;
}

/* Before anything is allocated, as far as the file's size is known. */
static bool check_size(const npy_file *file, const npy_array *array, int64_t size, reason *why)
{
    char shape[128];
    const int64_t left = file->input.size - file->position;
    npy_shape_text(array, shape, sizeof shape);
    if (file->input.size < 0 || size == left)
        return true;
    if (size < left)
        return refuse(why, "%s: %" PRId64 " bytes follow the array of shape %s", file->input.path, left - size, shape);
    return refuse(why, "%s: truncated: shape %s of %s takes %" PRId64 " bytes, the file holds %" PRId64,
                  file->input.path, shape, element_name(array->type), size, left);
}

static bool check_end(npy_file *file, const npy_array *array, reason *why)
{
    char shape[128], next;
    size_t count = 0;
    if (!input_file_read(&file->input, &next, 1, &count, why))
        return false;
    return count == 0 || refuse(why, "%s: more bytes follow the array of shape %s", file->input.path,
                                npy_shape_text(array, shape, sizeof shape));
}

static bool read_data(npy_file *file, npy_array *array, reason *why)
{
    int64_t size = 0;
    char shape[128];
    if (__builtin_mul_overflow(array->count, (int64_t)element_size(array->type), &size))
        return refuse(why, "%s: shape = %s overflows: more than 2^63 bytes", file->input.path,
                      npy_shape_text(array, shape, sizeof shape));
    if (!check_size(file, array, size, why))
        return false;
    if (size > 0) {
        array->data = malloc((size_t)size);
        if (!array->data)
            return refuse(why, "%s: out of memory for %" PRId64 " bytes", file->input.path, size);
    }
    return read_bytes(file, array->data, size, "the array", why) && check_end(file, array, why);
}

bool npy_read(const char *path, npy_array *array, reason *why)
{
    npy_file file = {.position = 0};
    *array = (npy_array){0};
    if (!input_file_open(&file.input, path, why))
        return false;
    const bool ok = read_header(&file, array, why) && read_data(&file, array, why);
    input_file_close(&file.input);
    if (!ok)
        npy_free(array);
    return ok;
}

void npy_write(FILE *stream, const npy_array *array)
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
    if (array->count > 0)
        fwrite(array->data, element_size(array->type), (size_t)array->count, stream);
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
