/* Reading choices from bytes; see input.h. */
#include "input.h"

#include <string.h>

uint8_t input_byte(fuzz_input *input)
{
    if (input->left == 0)
        return 0;
    input->left--;
    return *input->at++;
}

uint64_t input_bytes(fuzz_input *input, int count)
{
    uint64_t value = 0;
    for (int n = 0; n < count; n++)
        value |= (uint64_t)input_byte(input) << 8 * n;
    return value;
}

int32_t input_below(fuzz_input *input, int32_t bound)
{
    return input_byte(input) % bound;
}

bool input_chance(fuzz_input *input, int32_t of_256)
{
    return input_byte(input) >= 256 - of_256;
}

int32_t input_pick(fuzz_input *input, const int32_t *values, int32_t count)
{
    return values[input_below(input, count)];
}

void input_text(fuzz_input *input, char *text, size_t size)
{
    size_t length = input->left < size - 1 ? input->left : size - 1;
    if (length > 0)
        memcpy(text, input->at, length);
    text[length] = '\0';
    input->at += length;
    input->left -= length;
}
