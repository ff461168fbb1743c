/* The functions that are compiled once per instruction set, and how their work is cut. CPU_ISA is the set's name. */
#ifndef VARLEN_CPU_TILES_H
#define VARLEN_CPU_TILES_H

#include "kernels.h"
#include "kernels/panel.h"

#define CPU_JOIN_(name, isa) cpu_##name##_##isa
#define CPU_JOIN(name, isa) CPU_JOIN_(name, isa)
#define CPU_SYMBOL(name) CPU_JOIN(name, CPU_ISA)

enum {
    FORWARD_PANELS = 4, /* panels of query rows that share loaded keys. Changes speed only */
    /* Keys that forward loads at a time and adds to outputs; more where outputs are slow to load and store. Changes
     * speed, and results in their last bits. */
    FORWARD_KEYS = PANEL_ON_AMX ? 128 : CPU_KEY_BLOCK,
    /* Keys of one step of the softmax on AMX: few, so that their scores stay in the first-level cache. Likewise. */
    FORWARD_SCORES = 2 * PANEL_STEPS,
    DECODE_ROWS = 8,     /* query rows up to which keys are read once for each row rather than for panels of rows */
    BACKWARD_KEYS = 128, /* keys of a backward tile. Changes speed, and results in their last bits */
};

size_t CPU_SYMBOL(forward_scratch_bytes)(const varlen_attention *attention);
void CPU_SYMBOL(forward_tile)(const cpu_forward_tile *tile, void *scratch);

size_t CPU_SYMBOL(decode_scratch_bytes)(const varlen_attention *attention);
void CPU_SYMBOL(decode_tile)(const cpu_forward_tile *tile, void *scratch);

size_t CPU_SYMBOL(backward_scratch_bytes)(const varlen_attention *attention);
void CPU_SYMBOL(backward_tile)(const cpu_backward_tile *tile, void *scratch);

#endif
