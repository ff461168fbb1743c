/* The fields of public structs, for what is done to any of them: made hostile, and printed. */
#ifndef VARLEN_FUZZ_FIELDS_H
#define VARLEN_FUZZ_FIELDS_H

#include "input.h"

typedef enum field_kind { FIELD_INT32, FIELD_INT64, FIELD_UINT64, FIELD_FLOAT, FIELD_POINTER } field_kind;

typedef struct field {
    const char *name;
    size_t offset;
    field_kind kind;
} field;

#define FIELD(type, name, kind)                                                                                        \
    {                                                                                                                  \
#name, offsetof(type, name), FIELD_##kind                                                                      \
    }
#define FIELDS_OF_TENSOR(type, name)                                                                                   \
    FIELD(type, name.data, POINTER), FIELD(type, name.token_stride, INT64), FIELD(type, name.head_stride, INT64)

typedef struct field_table {
    const char *name; /* of the struct */
    const field *fields;
    int32_t count;
} field_table;

#define FIELD_TABLE(name, fields)                                                                                      \
    {                                                                                                                  \
        name, fields, sizeof(fields) / sizeof(fields)[0]                                                               \
    }

extern const field_table fields_of_attention;
extern const field_table fields_of_inputs;
extern const field_table fields_of_forward;
extern const field_table fields_of_backward;
extern const field_table fields_of_merge;
extern const field_table fields_of_pack;
extern const field_table fields_of_kv_append;

/* Gives one field a value that it should not have, or seldom has: extremes, neighbours, another field's pointer. */
void fields_make_hostile(fuzz_input *input, const field_table *table, void *object);

/* On stderr, one line for each field that is not 0. */
void fields_print(const field_table *table, const void *object);

/* A copy of a struct in the arena, as a program with another header has it: mostly of its own size, sometimes larger
 * with zeros behind, and, where `hostile`, of any size, with anything behind. */
void *fields_place_struct(fuzz_input *input, const char *name, const void *object, size_t size, bool hostile);

/* An element of metadata gets a wrong value. */
int32_t field_hostile_int32(fuzz_input *input, int32_t value);

#endif
