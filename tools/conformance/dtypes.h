/* Elements of tensors on the host: conversion between float32 and the 16-bit formats, rounding to nearest even. */
#ifndef VARLEN_TESTS_DTYPES_H
#define VARLEN_TESTS_DTYPES_H

#include <varlen/varlen.h>

uint16_t dtype_float16_from(float value);
float dtype_from_float16(uint16_t bits);
uint16_t dtype_bfloat16_from(float value);
float dtype_from_bfloat16(uint16_t bits);

/* The nearest value that the dtype can hold. */
float dtype_round(varlen_dtype dtype, float value);

/* One element in memory, which need not be aligned. */
float dtype_load(varlen_dtype dtype, const void *element);
void dtype_store(varlen_dtype dtype, void *element, float value);

const char *dtype_name(varlen_dtype dtype); /* "f32", "f16", "bf16" */

#endif
