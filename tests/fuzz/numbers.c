/* Tame numbers for tensors; see numbers.h. */
#include "numbers.h"

#include "arena.h"

#include "conformance/dtypes.h"
#include "conformance/random.h"

#include <stdbool.h>
#include <string.h>

enum { TABLE_BYTES = 1 << 14, DTYPES = VARLEN_INT8 + 1 };

static unsigned char tables[DTYPES][TABLE_BYTES];
static bool is_ready;
static uint32_t next;

static void make_tables(void)
{
    random_source source = {1};
    for (int dtype = 0; dtype < DTYPES; dtype++) {
        const int64_t size = varlen_dtype_size((varlen_dtype)dtype);
        const double deviation = size > 1 ? 1 : 2; /* integers of more than one kind */
        for (int64_t at = 0; at < TABLE_BYTES; at += size)
            dtype_store((varlen_dtype)dtype, tables[dtype] + at, (float)(deviation * random_normal(&source)));
    }
    is_ready = true;
}

void numbers_seed(uint32_t seed)
{
    next = seed;
}

void numbers_fill_newest(varlen_dtype dtype)
{
    size_t size;
    char *data = arena_newest(&size);
    if (!is_ready)
        make_tables();
    size_t from = next++ * 2654435761u % (TABLE_BYTES / 16) * 16;
    while (size > 0) {
        const size_t piece = size < TABLE_BYTES - from ? size : TABLE_BYTES - from;
        memcpy(data, tables[dtype] + from, piece);
        data += piece;
        size -= piece;
        from = 0;
    }
}

float number_of(uint8_t choice)
{
    return ((float)choice - 127) / 64;
}
