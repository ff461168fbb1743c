/* The number formats of files and devices, and conversions between them. */
#ifndef VARLEN_TOOLS_ELEMENTS_H
#define VARLEN_TOOLS_ELEMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <varlen/varlen.h>

#include "reason.h"

typedef enum element_type {
    ELEMENT_FLOAT32,
    ELEMENT_FLOAT64,
    ELEMENT_FLOAT16,
    ELEMENT_BFLOAT16,
    ELEMENT_INT32,
    ELEMENT_INT64,
    ELEMENT_INT8,  /* the bytes of quantised keys and values: never converted */
    ELEMENT_UINT8, /* likewise */
    ELEMENT_TYPE_COUNT
} element_type;

size_t element_size(element_type type);
const char *element_name(element_type type); /* "f32" */
bool element_is_float(element_type type);
bool element_is_byte(element_type type);

element_type element_of_dtype(varlen_dtype dtype);

/* Float formats only. Values are rounded to nearest even, once; what is too large becomes infinite. */
double element_get(const void *data, element_type type, int64_t index);
void elements_convert_floats(void *target, element_type target_type, const void *source, element_type source_type,
                             int64_t count);

/* Integer formats only. Refuses a value that does not fit, with its index. */
bool elements_convert_to_int32(int32_t *target, const void *source, element_type source_type, int64_t count,
                               reason *why);

#endif
