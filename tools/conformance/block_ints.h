/* int32 arrays in device memory. */
#ifndef VARLEN_TESTS_BLOCK_INTS_H
#define VARLEN_TESTS_BLOCK_INTS_H

#include "device_block.h"

/* A copy of some that calls are given; NULL of NULL. */
const int32_t *block_add_ints(block_list *list, const char *name, const int32_t *values, int64_t count);

/* Fails the case unless the block was seen to hold these; takes them as they should be. */
void block_expect_ints(case_trial *trial, device_block *block, const int32_t *expected, int64_t count);

#endif
