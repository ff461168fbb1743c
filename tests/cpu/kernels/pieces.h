/* The tests of each piece, compiled for one kernel set. */
#ifndef VARLEN_TESTS_CPU_KERNELS_PIECES_H
#define VARLEN_TESTS_CPU_KERNELS_PIECES_H

/* Each returns how many of its tests fail. */
int test_backward(void);
int test_columns(void);
int test_conversion(void);
int test_decode(void);
int test_dropout(void);
int test_load(void);
int test_pairs(void);
int test_products(void);
int test_quantized(void);
int test_row_softmax(void);
int test_softmax(void);
int test_softmax_pairs(void);
int test_vector(void);

#endif
