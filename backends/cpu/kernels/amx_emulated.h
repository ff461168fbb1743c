/* amx.h on processors without AMX, for tests of the kernels: the same sums, rounded as the instructions round them. */
#ifndef VARLEN_CPU_AMX_EMULATED_H
#define VARLEN_CPU_AMX_EMULATED_H

#include <immintrin.h>
#include <string.h>

static _Thread_local float amx_tiles[8][AMX_ROWS][AMX_ROWS] __attribute__((aligned(64)));
static _Thread_local int amx_configured;

/* As the processor does when a tile is used without a configuration. */
AMX_INLINE void amx_need_configuration(void)
{
    if (!amx_configured)
        __builtin_trap();
}

AMX_INLINE void amx_configure(void)
{
    memset(amx_tiles, 0, sizeof amx_tiles);
    amx_configured = 1;
}

AMX_INLINE void amx_release(void)
{
    amx_configured = 0;
}

AMX_INLINE void amx_zero(const int tile)
{
    amx_need_configuration();
    memset(amx_tiles[tile], 0, sizeof amx_tiles[tile]);
}

AMX_INLINE void amx_load(const int tile, const float *rows, int64_t stride)
{
    amx_need_configuration();
    for (int row = 0; row < AMX_ROWS; row++)
        memcpy(amx_tiles[tile][row], rows + row * stride, sizeof amx_tiles[tile][row]);
}

AMX_INLINE void amx_store(const int tile, float *rows, int64_t stride)
{
    amx_need_configuration();
    for (int row = 0; row < AMX_ROWS; row++)
        memcpy(rows + row * stride, amx_tiles[tile][row], sizeof amx_tiles[tile][row]);
}

/* The lower and the upper bfloat16 of each pair, as floats. */
AMX_INLINE __m512 amx_lower(__m512i pairs)
{
    return _mm512_castsi512_ps(_mm512_slli_epi32(pairs, 16));
}

AMX_INLINE __m512 amx_upper(__m512i pairs)
{
    return _mm512_castsi512_ps(_mm512_and_si512(pairs, _mm512_set1_epi32(-0x10000)));
}

/* The instruction adds the products of lower halves and those of upper halves in two sums from 0, step by step and
 * rounded to nearest, then the two to each other, then both to the tile. Subnormal numbers count as 0 everywhere. */
AMX_INLINE void amx_multiply_add(const int row, const int column)
{
    enum { FLUSH_SUBNORMAL_RESULTS_AND_OPERANDS = 0x8040 };
    const unsigned rounding = _mm_getcsr();
    amx_need_configuration();
    _mm_setcsr(rounding | FLUSH_SUBNORMAL_RESULTS_AND_OPERANDS);
    for (int i = 0; i < AMX_ROWS; i++) {
        float *sum = amx_tiles[2 * row + column][i];
        __m512 lower = _mm512_setzero_ps();
        __m512 upper = _mm512_setzero_ps();
        for (int step = 0; step < AMX_ROWS; step++) {
            const __m512i left = _mm512_castps_si512(_mm512_set1_ps(amx_tiles[AMX_LEFT + row][i][step]));
            const __m512i right = _mm512_castps_si512(_mm512_load_ps(amx_tiles[AMX_RIGHT + column][step]));
            lower = _mm512_fmadd_ps(amx_lower(left), amx_lower(right), lower);
            upper = _mm512_fmadd_ps(amx_upper(left), amx_upper(right), upper);
        }
        _mm512_store_ps(sum, _mm512_add_ps(_mm512_load_ps(sum), _mm512_add_ps(lower, upper)));
    }
    _mm_setcsr(rounding);
}

#endif
