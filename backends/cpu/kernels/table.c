/* The table of one instruction set. */
#include "kernels/tiles.h"

#define TEXT_(text) #text
#define TEXT(text) TEXT_(text)

extern const cpu_kernels CPU_SYMBOL(kernels);
extern const cpu_kernels cpu_kernels_avx512;

const cpu_kernels CPU_SYMBOL(kernels) = {
    .name = TEXT(CPU_ISA),
#if defined(CPU_AMX)
    .floats = &cpu_kernels_avx512,
#endif
    .panel_rows = PANEL,
    .forward_rows = FORWARD_PANELS * PANEL,
    .forward_scratch_bytes = CPU_SYMBOL(forward_scratch_bytes),
    .forward = CPU_SYMBOL(forward_tile),
    .decode_rows = DECODE_ROWS,
    .decode_scratch_bytes = CPU_SYMBOL(decode_scratch_bytes),
    .decode = CPU_SYMBOL(decode_tile),
    .backward_keys = BACKWARD_KEYS,
    .backward_scratch_bytes = CPU_SYMBOL(backward_scratch_bytes),
    .backward = CPU_SYMBOL(backward_tile),
};
