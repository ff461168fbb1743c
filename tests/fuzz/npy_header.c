/* The header of a .npy file: a header that is accepted says what is taken from it, also when it is written again. */
#include "target.h"

#include "finding.h"

#include "npy/header.h"

#include <stdlib.h>
#include <string.h>

static void check_parsed(const npy_array *array)
{
    int64_t count = 1;
    bool overflow = false;
    if (array->dimensions < 0 || array->dimensions > NPY_MAX_DIMENSIONS)
        finding("%d dimensions", array->dimensions);
    for (int n = 0; n < array->dimensions; n++) {
        if (array->shape[n] < 0)
            finding("dimension %d has %lld steps", n, (long long)array->shape[n]);
        overflow = overflow || __builtin_mul_overflow(count, array->shape[n], &count);
    }
    if (!overflow && array->count != count)
        finding("%lld elements, where the shape has %lld", (long long)array->count, (long long)count);
}

static void check_written_again(const npy_array *array)
{
    char text[512];
    reason why;
    npy_array again = {0};
    const int length = npy_header_print(array, text, sizeof text);
    if (length < 0 || (size_t)length >= sizeof text)
        finding("a header of %d bytes is written", length);
    if (!npy_header_parse("again", text, (size_t)length, &again, &why))
        finding("what is written is refused: %s: %s", text, why.text);
    if (memcmp(&again, array, sizeof again) != 0)
        finding("what is written is read as another array: %s", text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    npy_array array = {0};
    reason why = {.text = ""};
    if (npy_header_parse("file.npy", (const char *)data, size, &array, &why)) {
        check_parsed(&array);
        check_written_again(&array);
    } else {
        if (strncmp(why.text, "file.npy: ", 10) != 0)
            finding("the reason \"%s\" does not name the file", why.text);
        text_check("a header's reason", why.text);
    }
    return 0;
}
