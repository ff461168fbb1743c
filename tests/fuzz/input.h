/* The bytes of a fuzz engine, read as choices. Where they end, every choice is the first: the plain problem. */
#ifndef VARLEN_FUZZ_INPUT_H
#define VARLEN_FUZZ_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct fuzz_input {
    const uint8_t *at;
    size_t left;
} fuzz_input;

uint8_t input_byte(fuzz_input *input);
uint64_t input_bytes(fuzz_input *input, int count); /* the first is the lowest; count <= 8 */

/* 0 .. bound - 1, from one byte; 1 <= bound <= 256. */
int32_t input_below(fuzz_input *input, int32_t bound);

/* True in `of_256` of 256 bytes, which 0 is not one of. */
bool input_chance(fuzz_input *input, int32_t of_256);

/* One of the values; one that is listed twice comes twice as often. */
#define INPUT_PICK(input, ...)                                                                                         \
    input_pick((input), (const int32_t[]){__VA_ARGS__}, (int32_t)(sizeof((const int32_t[]){__VA_ARGS__}) / 4))
int32_t input_pick(fuzz_input *input, const int32_t *values, int32_t count);

/* The rest, as text ended by 0, cut to `size`. */
void input_text(fuzz_input *input, char *text, size_t size);

#endif
