/* What kernels of warp groups need of a GPU beyond platform.h: copies and products that go on while threads do
 * something else. NVIDIA's GPUs of compute capability 9.0 have it, and the test platform, where all of it ends as late
 * as it may and a rule that is broken is a failure in words. Written in the same way: the platform's headers below, and
 * what is made of them, the same for all, in groups/.
 *
 * A warp group is four neighbouring warps; the number of the first is a multiple of four. Where it says "a warp" or
 * "the group", all of its threads call together; "one thread" is any of the block.
 *
 * platform/barriers.h       who may go on
 *     arrival_barrier       8 bytes of shared memory. It goes through phases, from 0 on; a phase ends when `arrivals`
 *                           threads have arrived and all bytes that it expects have come; the next begins at once.
 *                           A phase does not end before somebody has waited for the one before it, and a kernel does
 *                           not end with a phase half over.
 *         .create(arrivals)              one thread, once
 *         .arrive()                      what the thread wrote and read before is done for those who wait
 *         .expect(bytes)                 copies will bring so many more in this phase
 *         .arrive_and_expect(bytes)      both, in this order: expect, arrive
 *         .wait(parity)                  until the phase has ended whose number is odd (1) or even (0): returns at once
 *                                        where the phase going on has the other parity. Whoever has waited sees the
 *                                        bytes that the phase brought.
 *     barriers_created()                 by the thread that created them; behind a block_barrier() others may use them
 *     named_barrier_wait(number, threads)      a warp; number 1 .. 15: until `threads` threads have come
 *     named_barrier_arrive(number, threads)    comes, and does not wait
 *     shared_store(address, value)       4, 8 or 16 bytes to shared memory that a product or a store is to read; such
 *                                        memory is written by this, store_16, copy_16 and the copies below alone
 *     fence_shared()                     what this thread wrote to shared memory before is seen by products, copies and
 *                                        stores that it begins, or that others begin behind a barrier. By each thread
 *                                        that wrote, before that barrier.
 *     shared_address(address)            uint32_t
 *     elect_one()                        a warp: true for one of its threads, the same each time
 *     registers_shrink<n>(), registers_grow<n>()    the group: n registers a thread from here on, a multiple of 8 from
 *                                        24 to 256. Growing waits until others have given up as many.
 *
 * platform/tensor_copy.h    between global and shared memory; one thread begins a copy
 *     tensor_map                         what the host says of a tensor (below); part of a kernel's arguments
 *     tensor_map_prefetch(map)
 *     copy_bulk(to, from, bytes, barrier)          all multiples of 16; the barrier's phase is to expect the bytes
 *     copy_tensor(to, map, at, barrier)  the box that begins at element at[n] of dimension n, which may be below 0, to
 *                                        a multiple of 128; at[0] is a whole number of 16 bytes. Zeros outside of the
 *                                        tensor: it brings all of the box.
 *     store_bulk(to, from, bytes)
 *     add_bulk(to, from, bytes)          floats, added one by one to what is there
 *     store_tensor(map, at, from)        likewise, but no at[n] is below 0; writes nothing outside of the tensor
 *     stores_commit()                    ends a group of this thread's stores
 *     stores_wait_read<n>()              until at most the n latest groups of this thread may still read shared memory;
 *                                        a thread does not end before
 *     stores_wait<n>()                   until at most the n latest may still write: others see the rest
 *
 * platform/tensor_map.h     on the host
 *     make_tensor_map(&map, layout)      a varlen_status; see host/tensor_layout.h
 *
 * groups/shared_matrix.h    see there
 *     shared_matrix<T, ROWS, COLUMNS, SWIZZLE>     .data, .panel(n), .piece(row, column), BYTES, ALIGNMENT
 *     by_rows(matrix, row, column), by_columns(matrix, row, column)    a matrix as one side of a product
 *
 * groups/group_products.h   products of 64 rows by the group, of float16 or bfloat16 with float sums
 *     group_sums<COLUMNS>   float sums that the group holds together, a multiple of 16 up to 256
 *         SLOTS, RUN, clear(), for_each_run(f), for_each_run_with(other, f), slot_row(slot)    as warp_sums
 *         first_lane(), row_max(x), row_sum(x)     as sums_first_lane(), sums_row_max(x), sums_row_sum(x)
 *     group_operand<T, STEPS>            64 rows of a left matrix, in registers
 *     group_round(operand, sums)         sums of as many columns, rounded to T
 *     group_store(matrix, row, column, sums)       sums rounded and written to a matrix, by shared_store; or an operand
 *                           that they have been rounded to
 *     group_store_flat(address, sums), group_load_flat(sums, address)     as threads hold them: 64 * COLUMNS floats,
 *                           stored by shared_store
 *
 *     group_multiply<STEPS>(sums, left, right)          sums[r][c] = sum over k < STEPS of left[r][k] * right[k][c]
 *     group_multiply_add<STEPS>(sums, left, right)      sums[r][c] += the same
 *                           left and right are matrices by_rows or by_columns; left may be an operand.
 *
 *         by_rows(m, row, column)        left[r][k] = m[row + r][column + k],  right[k][c] = m[row + c][column + k]
 *         by_columns(m, row, column)     left[r][k] = m[row + k][column + r],  right[k][c] = m[row + k][column + c]
 *
 *     A product goes on after the call; its group ends with the others that were begun before the commit:
 *     products_fence()                   before the first product behind a place where sums or operands were made,
 *                                        touched or waited for
 *     products_commit()                  ends a group of products
 *     products_wait<n>(x...)             until at most the n latest groups are under way. x are all sums and operands
 *                                        of those that have ended. Before, they are neither touched nor go out of
 *                                        scope, and shared memory that a product reads is not written. */
#ifndef VARLEN_GPU_ASYNC_PLATFORM_H
#define VARLEN_GPU_ASYNC_PLATFORM_H

#include "platform.h"
#include "platform/barriers.h"
#include "platform/tensor_copy.h"

#include "groups/group_products.h"

#endif
