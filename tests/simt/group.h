/* Products of warp groups, instruction by instruction, in the layouts that PTX ISA gives for wgmma. An instruction is
 * begun by a warp together, and done where it is waited for; each warp has its 16 of the 64 rows. */
#ifndef SIMT_GROUP_H
#define SIMT_GROUP_H

#include "shared_track.h"

/* What is known of a thread's registers that products work on. */
struct simt_registers {
    int32_t under_way; /* instructions */
    bool held;         /* no products_wait() has named them since they were given to a product */
    int64_t touched;   /* products_fence() of the warp before they were last touched */

    simt_registers();
    simt_registers(const simt_registers &other);
    simt_registers &operator=(const simt_registers &other);
    ~simt_registers();

    void touch();
    void release();
};

/* What a thread brings. */
struct simt_product {
    bool is_float16;
    bool add;
    bool a_transposed;
    bool b_transposed;
    int columns;
    uint64_t a; /* a descriptor */
    uint64_t b;
    float *sums;
    simt_registers *sums_state;
    const uint32_t *operand; /* NULL: a is in shared memory */
    simt_registers *operand_state;
};

struct simt_instruction {
    simt_product lanes[simt_warp];
    int32_t warp;
    simt_reading reading;
    std::vector<size_t> a_pieces; /* numbers in `reading`, in the order of simt_operand */
    std::vector<size_t> b_pieces;
};

void simt_products_fence();
void simt_multiply_later(simt_product &product);
void simt_products_commit();
void simt_products_wait(int later);

#endif
