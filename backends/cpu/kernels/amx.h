/* The tile registers of Intel's matrix unit (AMX), and what the kernels do with them: the only file that names its
 * instructions. A tile holds AMX_ROWS rows of AMX_ROWS floats, or of pairs of bfloat16. Tile numbers must be constants
 * once functions are inlined.
 *
 * Tiles 0 .. 3 are sums, 4 and 5 left matrices, 6 and 7 right ones. */
#ifndef VARLEN_CPU_AMX_H
#define VARLEN_CPU_AMX_H

#include <stdint.h>

enum { AMX_ROWS = 16, AMX_LEFT = 4, AMX_RIGHT = 6 };

#define AMX_INLINE static inline __attribute__((always_inline))

#if defined(CPU_EMULATE_AMX)
#include "kernels/amx_emulated.h"
#else
#include <immintrin.h>

/* Before the first use of a tile in a thread; amx_release follows the last. */
AMX_INLINE void amx_configure(void)
{
    enum { ROW_BYTES = AMX_ROWS * 4 };
    static const struct {
        uint8_t palette, start_row, reserved[14];
        uint16_t row_bytes[16];
        uint8_t rows[16];
    } configuration = {
        .palette = 1,
        .row_bytes = {ROW_BYTES, ROW_BYTES, ROW_BYTES, ROW_BYTES, ROW_BYTES, ROW_BYTES, ROW_BYTES, ROW_BYTES},
        .rows = {AMX_ROWS, AMX_ROWS, AMX_ROWS, AMX_ROWS, AMX_ROWS, AMX_ROWS, AMX_ROWS, AMX_ROWS},
    };
    _tile_loadconfig(&configuration);
}

AMX_INLINE void amx_release(void)
{
    _tile_release();
}

AMX_INLINE void amx_zero(const int tile)
{
    switch (tile) {
    case 0: _tile_zero(0); break;
    case 1: _tile_zero(1); break;
    case 2: _tile_zero(2); break;
    case 3: _tile_zero(3); break;
    }
}

/* Row i is rows[i * stride] and following. */
AMX_INLINE void amx_load(const int tile, const float *rows, int64_t stride)
{
    const int64_t bytes = stride * 4;
    __asm__ volatile("" ::: "memory"); /* some compilers do not know that the instruction reads memory */
    switch (tile) {
    case 0: _tile_loadd(0, rows, bytes); break;
    case 1: _tile_loadd(1, rows, bytes); break;
    case 2: _tile_loadd(2, rows, bytes); break;
    case 3: _tile_loadd(3, rows, bytes); break;
    case 4: _tile_loadd(4, rows, bytes); break;
    case 5: _tile_loadd(5, rows, bytes); break;
    case 6: _tile_loadd(6, rows, bytes); break;
    case 7: _tile_loadd(7, rows, bytes); break;
    }
}

AMX_INLINE void amx_store(const int tile, float *rows, int64_t stride)
{
    const int64_t bytes = stride * 4;
    switch (tile) {
    case 0: _tile_stored(0, rows, bytes); break;
    case 1: _tile_stored(1, rows, bytes); break;
    case 2: _tile_stored(2, rows, bytes); break;
    case 3: _tile_stored(3, rows, bytes); break;
    }
}

/* Sum 2 * row + column += left matrix `row` * right matrix `column`. */
AMX_INLINE void amx_multiply_add(const int row, const int column)
{
    switch (2 * row + column) {
    case 0: _tile_dpbf16ps(0, 4, 6); break;
    case 1: _tile_dpbf16ps(1, 4, 7); break;
    case 2: _tile_dpbf16ps(2, 5, 6); break;
    case 3: _tile_dpbf16ps(3, 5, 7); break;
    }
}
#endif

#endif
