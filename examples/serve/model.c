#include "model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

float model_load(varlen_dtype dtype, const void *elements, size_t index)
{
    if (dtype == VARLEN_FLOAT32)
        return ((const float *)elements)[index];
    const uint32_t bits = (uint32_t)((const uint16_t *)elements)[index] << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Values are finite: bfloat16 is the upper half of a float32, rounded to nearest, ties to even. */
void model_store(varlen_dtype dtype, void *elements, size_t index, float value)
{
    if (dtype == VARLEN_FLOAT32) {
        ((float *)elements)[index] = value;
        return;
    }
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    ((uint16_t *)elements)[index] = (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/* The finalizer of MurmurHash3: every bit of the result depends on every bit of the number. */
static uint32_t scramble(uint32_t number)
{
    number = (number ^ number >> 16) * 0x85ebca6bu;
    number = (number ^ number >> 13) * 0xc2b2ae35u;
    return number ^ number >> 16;
}

int32_t model_word(uint32_t sequence, uint32_t position)
{
    return (int32_t)(scramble(scramble(sequence) + position) % MODEL_WORDS);
}

/* In -2 .. 2, so that scores are spread enough to tell keys apart. */
static float weight(size_t index)
{
    return (float)(int32_t)scramble((uint32_t)index) * 0x1p-30f;
}

static void fill_rotary(model *made)
{
    for (int32_t position = 0; position < made->positions; position++)
        for (int32_t i = 0; i < MODEL_DIM / 2; i++) {
            const double angle = position * pow(10000.0, -2.0 * i / MODEL_DIM);
            made->rotary_cos[position * (MODEL_DIM / 2) + i] = (float)cos(angle);
            made->rotary_sin[position * (MODEL_DIM / 2) + i] = (float)sin(angle);
        }
}

int model_make(model *made, varlen_dtype dtype, int32_t positions)
{
    const size_t elements = (size_t)MODEL_LAYERS * MODEL_WORDS * MODEL_QKV;
    const size_t angles = (size_t)positions * (MODEL_DIM / 2);
    *made = (model){.dtype = dtype,
                    .positions = positions,
                    .qkv = malloc(elements * (size_t)varlen_dtype_size(dtype)),
                    .rotary_cos = malloc(angles * sizeof(float)),
                    .rotary_sin = malloc(angles * sizeof(float))};
    if (!made->qkv || !made->rotary_cos || !made->rotary_sin)
        return -1;
    for (size_t i = 0; i < elements; i++)
        model_store(dtype, made->qkv, i, weight(i));
    fill_rotary(made);
    return 0;
}

void model_free(model *made)
{
    free(made->qkv);
    free(made->rotary_cos);
    free(made->rotary_sin);
}

const void *model_qkv(const model *made, int32_t layer, int32_t word)
{
    const size_t row = (size_t)layer * MODEL_WORDS + (size_t)word;
    return (const char *)made->qkv + row * MODEL_QKV * (size_t)varlen_dtype_size(made->dtype);
}

int32_t model_next(const model *made, const void *out)
{
    int32_t best = 0;
    for (int32_t word = 1; word < MODEL_WORDS; word++)
        if (model_load(made->dtype, out, (size_t)word) > model_load(made->dtype, out, (size_t)best))
            best = word;
    return best;
}
