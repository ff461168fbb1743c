/* int32 arrays in device memory as outputs. */
#ifndef VARLEN_TESTS_BLOCK_INTS_H
#define VARLEN_TESTS_BLOCK_INTS_H

#include "device_block.h"

/* Fails the case unless the block was seen to hold these; takes them as they should be. */
void block_expect_ints(case_trial *trial, device_block *block, const int32_t *expected, int64_t count);

#endif
