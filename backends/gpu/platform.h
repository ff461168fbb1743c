/* What the device algorithms need of a GPU. Each vendor's folder has headers of these names, which are found by
 * the include path; the algorithms in this folder are written against them alone.
 *
 * platform/device.h     inside a kernel: who am I, barriers, shuffles, atomics, a few functions of numbers
 *     GPU_DEVICE                                    before a device function
 *     GPU_KERNEL(threads, blocks) name(GPU_ARGUMENTS(type) args)    a kernel: block size, and blocks per processor
 *                                                   wanted; its arguments are one struct, passed by value
 *     WARP                                          threads that run in step: 32 or 64
 *     ARCHITECTURE                                  what the code is cut for: see architecture.h
 *     thread_index(), block_index(), grid_blocks()  int32_t
 *     block_barrier()                               all threads of the block; orders shared and global memory in it
 *     warp_barrier()                                all threads of the warp; orders shared memory among them
 *     shared_memory()                               char *, the block's dynamic shared memory, aligned to 1024 bytes
 *     warp_xor(value, mask)                         value of thread (lane ^ mask), int32_t or float
 *     warp_first(value)                             value of lane 0
 *     warp_any(condition)
 *     atomic_add(address, value)                    int32_t, uint64_t or float; returns what was there
 *     atomic_exchange(address, value)               int32_t; returns what was there
 *     atomic_min(address, value)                    uint64_t
 *     atomic_max(address, value)                    int32_t
 *     atomic_add_4(address, values)                 four neighbouring floats in global memory, aligned to 16 bytes
 *     let_next_kernel_start()                       a kernel launched with launch_shape.overlaps may begin from here on
 *     wait_for_earlier_kernel()                     to be called by such a kernel before it reads what the kernel
 *                                                   before it wrote
 *     fence()                                       earlier writes are seen by other blocks before later ones
 *     fence_system()                                the same for the host
 *     load_volatile(address), store_volatile(address, value)    int32_t that other blocks or the host read and write
 *     words_16 {uint32_t word[4]}                   load_16(address), store_16(address, words): global or shared
 *     exp2_fast(x), reciprocal(x)                   float, within 2 ulp; exp2_fast(-infinity) = 0
 *     log2_accurate(x), tanh_accurate(x)            float, within 4 ulp
 *     multiply_high(a, b)                           the upper half of a product of two uint32_t
 *     element_pair<T>(low, high)                    two floats rounded to T, in a uint32_t, `low` in its lower half
 *     to_float(T), from_float<T>(float)             with T one of float16, bfloat16, float
 *     add_pairs<T>(a, b), multiply_pairs<T>(a, b)   of two elements of 16 bits each, in a uint32_t; denormals are numbers
 *     signed_bytes(word, upper)                     bytes 0 and 1 of a uint32_t, or 2 and 3, as two int16_t in another
 *
 * platform/copy.h       from global to shared memory while the block goes on
 *     copy_16(to, from), copy_16(to, from, valid)   16 bytes; if not valid, 16 zeros without reading
 *     copies_commit()                               ends a group of this thread's copies
 *     copies_wait<n>()                              until at most the n latest groups of this thread are under way;
 *                                                   block_barrier() then makes them seen by the others
 *     copy_batch<PIECES, SQUARES, HELD_BACK>        copies that a thread begins together, and finishes when it has
 *                                                   computed; held back: nothing reaches shared memory before finish()
 *         .copy(number, to, from), .copy(number, to, from, valid)    as copy_16; number is 0 .. PIECES - 1, and constant
 *                                                   when loops have been unrolled
 *         .copy_square(number, to, from, valid)     four times four elements of 16 bits: from[i] is row i, zeros if not
 *                                                   valid[i]; columns 0 and 1, one behind the other, go to to[0],
 *                                                   2 and 3 to to[1]; only where tuning asks for interleaved tiles
 *         .begun()                                  all pieces are on their way; ends a group of copy_16 too
 *         .finish<LATER>()                          until the batch is there, and those copies of copy_16; LATER batches
 *                                                   begun behind it may be under way
 *     fetched_pieces<PIECES, THREADS>(memory)       pieces that the threads of a block fetch for themselves, a batch at a
 *                                                   time
 *         static BYTES                              of shared memory that they take, aligned to 16 bytes
 *         .fetch(number, from, valid)               16 bytes, or zeros; number as above
 *         .begun()                                  all pieces are on their way
 *         .wait()                                   until this thread's are there
 *         .piece(number)                            words_16
 *
 * platform/fragments.h  products of matrices by a warp, on its matrix units
 *     shared_tile<T, DIM>   rows of DIM elements of T in shared memory, in whatever order suits the unit. DIM is a
 *                           multiple of 64; of 32 where the platform's tuning wants tiles of as few keys.
 *         .data                                     T *, aligned to 1024 bytes
 *         .piece(row, column)                       T *, address of 8 elements; column is a multiple of 8
 *         static bytes(rows)
 *     interleaved_tile<T, DIM>   the same, for the right matrix of multiply_operand alone, with a column's elements of
 *                           rows 4 i .. 4 i + 3 as neighbours; only declared where tuning asks for none
 *         .piece(row, column)                       T *, address of 8 elements: those of `column`, then of the next;
 *                                                   row is a multiple of 4, column of 2
 *     warp_sums<ROWS, COLUMNS>   float sums of a matrix that a warp holds together; both are multiples of 16
 *         SLOTS                                     how many of the rows this thread holds elements of
 *         RUN                                       neighbouring columns that it holds of a row together: 1, 2 or 4,
 *                                                   not the same for all sizes
 *         clear()
 *         for_each_run(f)                           f(slot, column, float *run): RUN elements from `column` on
 *         for_each_run_with(other, f)               f(slot, column, float *run, float *run_of_other)
 *         slot_row(slot)                            the row, 0 .. ROWS - 1
 *     sums_first_lane()                             whether this thread is the first of those that share its rows
 *     sums_row_max(x), sums_row_sum(x)              over the threads that share a row; all get the result
 *     warp_operand<T, ROWS, COLUMNS>                sums rounded to T, as the left matrix of a product
 *     operand_of<T>(sums)
 *     register_rows<T, ROWS, DIM>   rows of a left matrix that a warp keeps; only declared where tuning asks for none
 *         .load(dim, address)                       from global memory: address(row) of `dim` elements, zeros past them
 *
 *     Where a part of a tile begins (a_row, b_column, ...) is a multiple of the rows or columns that it has.
 *     multiply_rows(sums, a, a_row, b, b_row)
 *         sums[r][c] += sum over d < DIM of a[a_row + r][d] * b[b_row + c][d]
 *     multiply_rows(sums, rows, b, b_row)           the same with register_rows
 *     multiply_operand(sums, p, b, b_row, b_column)    b may be an interleaved_tile
 *         sums[r][c] += sum over k of p[r][k] * b[b_row + k][b_column + c]
 *     multiply_columns<STEPS>(sums, a, a_column, b, b_column)
 *         sums[r][c] += sum over k < STEPS of a[k][a_column + r] * b[k][b_column + c]; STEPS is a multiple of 16
 *     multiply_tiles<STEPS>(sums, a, a_row, b, b_column)
 *         sums[r][c] += sum over k < STEPS of a[a_row + r][k] * b[k][b_column + c]
 *     store_sums(tile, row, column, sums)           rounds sums to T and writes them to a tile
 *
 * platform/architectures.h, platform/families.h, platform/tuning.h
 *                       devices, families of kernels, sizes: see architecture.h, host/family.h, tuning.h
 *
 * platform/runtime.h    on the host: devices, memory, streams, events, launches. See there.
 *
 * What some GPUs have beyond it: async_platform.h. Both are tested on every platform by tests/platform. */
#ifndef VARLEN_GPU_PLATFORM_H
#define VARLEN_GPU_PLATFORM_H

#include <stdint.h>

#include "platform/device.h"

#include "platform/copy.h"

#include "platform/fragments.h"

#endif
