/* Elements of tensors on the host: conversion between float32 and the formats of 16 and 8 bits, rounding to nearest
 * even; those of 8 bits take the largest finite number of theirs for what is larger. */
#ifndef VARLEN_TESTS_DTYPES_H
#define VARLEN_TESTS_DTYPES_H

#include <varlen/varlen.h>

uint16_t dtype_float16_from(float value);
float dtype_from_float16(uint16_t bits);
uint16_t dtype_bfloat16_from(float value);
float dtype_from_bfloat16(uint16_t bits);

/* Of VARLEN_FLOAT8_E4M3, VARLEN_FLOAT8_E5M2 and VARLEN_INT8. */
uint8_t dtype_byte_from(varlen_dtype dtype, float value);
float dtype_from_byte(varlen_dtype dtype, uint8_t bits);

/* The largest finite number of the dtype, where that is one of 8 bits. */
double dtype_largest(varlen_dtype dtype);

/* From a number to the next larger one, likewise. */
double dtype_step(varlen_dtype dtype, double value);

/* The nearest value that the dtype can hold. */
float dtype_round(varlen_dtype dtype, float value);

/* One element in memory, which need not be aligned. */
float dtype_load(varlen_dtype dtype, const void *element);
void dtype_store(varlen_dtype dtype, void *element, float value);

const char *dtype_name(varlen_dtype dtype); /* "f32", "f16", "bf16", "e4m3", "e5m2", "int8" */

#endif
