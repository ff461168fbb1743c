/* What is done to any field; see fields.h. */
#include "fields.h"

#include "arena.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

int32_t field_hostile_int32(fuzz_input *input, int32_t value)
{
    static const int32_t extremes[] = {0,       1,     -1, -2, INT32_MAX, INT32_MIN, INT32_MAX - 1,
                                       1 << 30, 65536, 3,  8,  256,       257};
    const int32_t choice = input_below(input, 32);
    switch (choice) {
    case 0: return (int32_t)input_bytes(input, 4);
    case 1: return (int32_t)((uint32_t)value + 1);
    case 2: return (int32_t)((uint32_t)value - 1);
    case 3: return (int32_t)((uint32_t)value * 2);
    case 4: return (int32_t)((uint32_t)value + 8);
    case 5: return (int32_t)(0u - (uint32_t)value);
    case 6: return input_byte(input);
    default: return extremes[choice % (int32_t)(sizeof extremes / sizeof extremes[0])];
    }
}

static int64_t hostile_int64(fuzz_input *input, int64_t value)
{
    static const int64_t extremes[] = {0,
                                       1,
                                       -1,
                                       -2,
                                       -16,
                                       INT64_MAX,
                                       INT64_MIN,
                                       INT64_MAX - 15,
                                       (int64_t)1 << 62,
                                       (int64_t)1 << 61,
                                       (int64_t)1 << 32,
                                       (int64_t)1 << 31,
                                       INT32_MAX,
                                       8,
                                       16,
                                       24};
    const int32_t choice = input_below(input, 32);
    switch (choice) {
    case 0: return (int64_t)input_bytes(input, 8);
    case 1: return (int64_t)((uint64_t)value + 8);
    case 2: return (int64_t)((uint64_t)value - 8);
    case 3: return (int64_t)((uint64_t)value * 2);
    case 4: return (int64_t)((uint64_t)value / 2);
    case 5: return (int64_t)(0u - (uint64_t)value);
    case 6: return input_byte(input);
    case 7: return (int64_t)1 << input_below(input, 63);
    default: return extremes[choice % (int32_t)(sizeof extremes / sizeof extremes[0])];
    }
}

static float hostile_float(fuzz_input *input)
{
    static const float extremes[] = {0,         -0.0f,  1,       -1,       0.5f,        NAN,        INFINITY,
                                     -INFINITY, 1e-40f, 3.4e38f, -3.4e38f, 0.99999994f, 1.0000001f, 1e-6f};
    const int32_t choice = input_below(input, 16);
    float any;
    const uint32_t bits = (uint32_t)input_bytes(input, choice > 13 ? 4 : 0);
    memcpy(&any, &bits, sizeof any);
    return choice > 13 ? any : extremes[choice];
}

static void *read_pointer(const void *object, const field *of)
{
    void *pointer;
    memcpy(&pointer, (const char *)object + of->offset, sizeof pointer);
    return pointer;
}

/* Pointers lead to other blocks, or a little beside; none leads to memory that is not the target's and is read. */
static void *hostile_pointer(fuzz_input *input, const field_table *table, const void *object, void *value)
{
    static const uint8_t steps[] = {0, 0, 0, 16, 64, 1, 2, 4, 8, 32};
    const int32_t choice = input_below(input, 8);
    const uintptr_t step = steps[input_below(input, sizeof steps)];
    if (choice == 0)
        return NULL;
    if (choice == 1)
        return (void *)((uintptr_t)value + step);
    if (choice == 2)
        return (void *)(~(uintptr_t)0 - 255 + step);
    const field *other = &table->fields[input_below(input, table->count)];
    if (other->kind != FIELD_POINTER)
        return (void *)((uintptr_t)value - step);
    return (void *)((uintptr_t)read_pointer(object, other) + step);
}

void fields_make_hostile(fuzz_input *input, const field_table *table, void *object)
{
    const field *chosen = &table->fields[input_below(input, table->count)];
    void *place = (char *)object + chosen->offset;
    switch (chosen->kind) {
    case FIELD_INT32: {
        int32_t value;
        memcpy(&value, place, sizeof value);
        value = field_hostile_int32(input, value);
        memcpy(place, &value, sizeof value);
        break;
    }
    case FIELD_INT64:
    case FIELD_UINT64: {
        int64_t value;
        memcpy(&value, place, sizeof value);
        value = hostile_int64(input, value);
        memcpy(place, &value, sizeof value);
        break;
    }
    case FIELD_FLOAT: {
        const float value = hostile_float(input);
        memcpy(place, &value, sizeof value);
        break;
    }
    case FIELD_POINTER: {
        void *value = hostile_pointer(input, table, object, read_pointer(object, chosen));
        memcpy(place, &value, sizeof value);
        break;
    }
    }
}

static void print_field(const field *of, const void *object)
{
    const char *place = (const char *)object + of->offset;
    int32_t small;
    int64_t large;
    float number;
    memcpy(&small, place, sizeof small);
    memcpy(&number, place, sizeof number);
    switch (of->kind) {
    case FIELD_INT32:
        if (small)
            fprintf(stderr, "    .%s = %" PRId32 "\n", of->name, small);
        return;
    case FIELD_FLOAT:
        if (small)
            fprintf(stderr, "    .%s = %.9g\n", of->name, number);
        return;
    default:
        memcpy(&large, place, sizeof large);
        if (large)
            fprintf(stderr, of->kind == FIELD_POINTER ? "    .%s = 0x%" PRIx64 "\n" : "    .%s = %" PRId64 "\n",
                    of->name, large);
    }
}

void fields_print(const field_table *table, const void *object)
{
    fprintf(stderr, "%s:\n", table->name);
    for (int32_t n = 0; n < table->count; n++)
        print_field(&table->fields[n], object);
}

void *fields_place_struct(fuzz_input *input, const char *name, const void *object, size_t size, bool hostile)
{
    const int32_t choice = input_below(input, 16);
    size_t claimed = size, backed = size;
    if (choice >= 14)
        claimed = backed = size + 8 * (size_t)(1 + input_below(input, 40)); /* a newer header */
    if (hostile && choice == 13)
        claimed = backed = 8 + (size_t)input_bytes(input, 2) % 8192;
    if (hostile && choice == 12) {
        claimed = (size_t)hostile_int64(input, (int64_t)size);
        backed = claimed < sizeof claimed ? sizeof claimed : claimed;
        backed = backed > 4096 ? size : backed; /* what is past the largest size is a number that was never set */
    }
    char *placed = arena_take(name, backed, 0);
    memcpy(placed, object, size < backed ? size : backed);
    if (backed > size)
        memset(placed + size, 0, backed - size);
    if (hostile && choice == 13 && backed > size)
        placed[size + input_bytes(input, 2) % (backed - size)] = (char)input_byte(input);
    memcpy(placed, &claimed, sizeof claimed);
    return placed;
}
