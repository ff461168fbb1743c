/* The matrix products of the kernels. A panel is PANEL columns wide, one column per query row, so that a vector holds
 * the same element of LANES query rows and every step of the softmax works down the columns without a horizontal
 * reduction:
 *
 *     panel_scores       S[key][query]  = sum over dim of K[key][dim] * Q[dim][query]
 *     panel_accumulate   O[dim][query]  = O[dim][query] * factor[query] + sum over key of V[key][dim] * P[key][query]
 *     panel_contract     dV[key][dim]  += sum over query of P[key][query] * dO[query][dim]
 *
 * They are in panel_vectors.h, and for the matrix unit in panel_amx.h; panel_products.h has those of the kernel set.
 *
 * An element is a float, or a pair of bfloat16 (the one with the lower number in the lower half) that belong to two
 * neighbouring steps: then a product of n steps has n / 2, and each step adds two products. Both have four bytes. */
#ifndef VARLEN_CPU_PANEL_H
#define VARLEN_CPU_PANEL_H

#include "kernels/vector.h"

/* Changes speed, never results: PANEL_ROWS * PANEL_VECTORS sums, PANEL_VECTORS columns and one broadcast fit in the
 * registers: 32 with AVX-512 and NEON, 16 otherwise. The matrix unit wants an even number of vectors. */
#if defined(CPU_AMX)
enum { PANEL_ROWS = 8, PANEL_VECTORS = 4 };
#elif defined(__AVX512F__) || defined(__ARM_NEON)
enum { PANEL_ROWS = 8, PANEL_VECTORS = 3 };
#else
enum { PANEL_ROWS = 4, PANEL_VECTORS = 3 };
#endif
enum { PANEL = PANEL_VECTORS * LANES };

typedef enum panel_elements {
    PANEL_FLOATS,
    PANEL_PAIRS, /* where the instruction set multiplies them: PANEL_HAS_PAIRS */
} panel_elements;

/* Steps of a product over head_dim or keys that make one element. */
static inline int32_t panel_together(panel_elements elements)
{
    return elements == PANEL_PAIRS ? 2 : 1;
}

/* What the products ask of their matrices: rows of the left one may be read, and those of the result written, up to a
 * multiple of PANEL_ROW_STEP, and steps are padded with zeros in both matrices to a multiple of PANEL_STEPS. */
#if defined(CPU_AMX)
enum { PANEL_HAS_PAIRS = 1, PANEL_ON_AMX = 1, PANEL_STEPS = 16, PANEL_ROW_STEP = 32 };
#elif defined(__AVX512BF16__)
enum { PANEL_HAS_PAIRS = 1, PANEL_ON_AMX = 0, PANEL_STEPS = 1, PANEL_ROW_STEP = PANEL_ROWS };
#else
enum { PANEL_HAS_PAIRS = 0, PANEL_ON_AMX = 0, PANEL_STEPS = 1, PANEL_ROW_STEP = PANEL_ROWS };
#endif

/* The left matrix of a product: element (row, step) is data[row * row_stride + step * step_stride]. On AMX step_stride
 * is 1. */
typedef struct panel_left {
    const float *data;
    int64_t row_stride;
    int64_t step_stride;
} panel_left;

/* The right matrix: element (step, column) is data[step * step_stride + column]. Rows are aligned vectors. */
typedef struct panel_right {
    const float *data;
    int64_t step_stride;
} panel_right;

#define PANEL_INLINE VECTOR_INLINE

static inline int32_t panel_round_up(int32_t count, int32_t multiple)
{
    return (count + multiple - 1) / multiple * multiple;
}

/* One step of LANES sums, in vectors. */
PANEL_INLINE vfloat panel_multiply_add(vfloat sum, vfloat element, vfloat column, const panel_elements elements)
{
#if defined(__AVX512BF16__)
    if (elements == PANEL_PAIRS)
        return (vfloat)_mm512_dpbf16_ps((__m512)sum, (__m512bh)element, (__m512bh)column);
#endif
    (void)elements;
    return sum + element * column;
}

#endif
