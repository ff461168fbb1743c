/* Tensor and bulk copies: where a box's elements go in shared memory and come from, and what lies outside. The tensor
 * has PLANES x HEADS x ROWS rows of COLUMNS elements behind each other; elements of the source are their number. */
#ifndef VARLEN_TESTS_PLATFORM_TENSOR_CONTRACT_H
#define VARLEN_TESTS_PLATFORM_TENSOR_CONTRACT_H

#include "async_platform.h"
#include "contract.h"

namespace tensor_contract
{

constexpr int THREADS = 128;
constexpr int DIMENSIONS = 5;                       /* at most */
constexpr int SIZE[DIMENSIONS] = {72, 40, 3, 2, 2}; /* tensor_size() on the host */

struct tensor_arguments {
    contract_memory memory;
    tensor_map from; /* memory.source */
    tensor_map to;   /* memory.target */
};

GPU_DEVICE int32_t tensor_size(int n)
{
    return n == 0 ? 72 : n == 1 ? 40 : n == 2 ? 3 : 2;
}

/* The number of the element at a place, or -1 outside. */
template <int DIMS> GPU_DEVICE int32_t element_number(const int32_t (&place)[DIMS])
{
    int32_t number = 0;
    for (int n = DIMS - 1; n >= 0; n--) {
        if (place[n] < 0 || place[n] >= tensor_size(n))
            return -1;
        number = number * tensor_size(n) + place[n];
    }
    return number;
}

/* Boxes have as many rows as a matrix, in dimension 1 and, from three dimensions on, two in dimension 2. */
template <int DIMS>
GPU_DEVICE void place_of(int32_t (&place)[DIMS], const int32_t (&at)[DIMS], int rows, int row, int column)
{
    constexpr bool deep = DIMS > 2;
    const int rows_of_1 = deep ? rows / 2 : rows;
    for (int n = 0; n < DIMS; n++)
        place[n] = at[n];
    place[0] += column;
    place[1] += row % rows_of_1;
    if (deep)
        place[DIMS > 2 ? 2 : 1] += row / rows_of_1;
}

constexpr int BOX_ROWS = 16;

constexpr int LOADED_BOXES = 5;
constexpr int STORED_BOXES = 4; /* the last begins outside */

/* Of boxes that do not overlap. */
template <int DIMS> GPU_DEVICE void first_place(int32_t (&at)[DIMS], int number)
{
    constexpr int32_t above = DIMS > 2 ? -4 : -12;
    const int32_t all[LOADED_BOXES][DIMENSIONS] = {
        {0, 4, 0, 0, 0}, {8, 20, 1, 1, 1}, {56, 36, 2, 0, 1}, {64, 0, 0, 1, 0}, {-8, above, -1, 1, 0}};
    for (int n = 0; n < DIMS; n++)
        at[n] = all[number][n];
}

/* Loads: inside, beyond the ends, before the starts. */
template <int DIMS, int SWIZZLE> GPU_KERNEL(THREADS, 1) loads(GPU_ARGUMENTS(tensor_arguments) arguments)
{
    using matrix = shared_matrix<float16, BOX_ROWS, SWIZZLE / 2, SWIZZLE>;
    const matrix box = {(float16 *)shared_memory()};
    arrival_barrier &barrier = *(arrival_barrier *)(shared_memory() + matrix::BYTES);
    if (thread_index() == 0) {
        tensor_map_prefetch(arguments.from);
        barrier.create(1);
        barriers_created();
    }
    block_barrier();
    for (int32_t number = 0; number < LOADED_BOXES; number++) {
        int32_t at[DIMS];
        first_place(at, number);
        if (thread_index() == 0) {
            barrier.arrive_and_expect(matrix::BYTES);
            copy_tensor(box.panel(0), arguments.from, at, barrier);
        }
        barrier.wait(number % 2);
        for (int32_t n = thread_index(); n < BOX_ROWS * matrix::COLUMNS; n += THREADS) {
            const int32_t row = n / matrix::COLUMNS;
            const int32_t column = n % matrix::COLUMNS;
            int32_t place[DIMS];
            place_of(place, at, BOX_ROWS, row, column);
            const uint16_t got = ((const uint16_t *)box.piece(row, column & ~7))[column % 8];
            const int32_t expected = element_number(place);
            contract_expect(arguments.memory, number * 100 + row, column, (float)got,
                            expected < 0 ? 0.0f : (float)expected);
        }
        block_barrier();
    }
}

/* Stores of boxes whose elements are 1000 * their number of box + their place in the box. */
template <int DIMS, int SWIZZLE> GPU_KERNEL(THREADS, 1) stores(GPU_ARGUMENTS(tensor_arguments) arguments)
{
    using matrix = shared_matrix<float16, BOX_ROWS, SWIZZLE / 2, SWIZZLE>;
    for (int32_t number = 0; number < STORED_BOXES; number++) {
        const matrix box = {(float16 *)(shared_memory() + number % 2 * 2048)};
        int32_t at[DIMS];
        first_place(at, number);
        for (int32_t n = thread_index(); n < BOX_ROWS * matrix::COLUMNS / 8; n += THREADS) {
            words_16 words;
            for (int32_t i = 0; i < 4; i++) {
                const uint32_t value = (uint32_t)(number * 1024 + n * 8 + i * 2);
                words.word[i] = value | (value + 1) << 16;
            }
            store_16(box.piece(n * 8 / matrix::COLUMNS, n * 8 % matrix::COLUMNS), words);
        }
        fence_shared();
        block_barrier();
        if (thread_index() == 0) {
            store_tensor(arguments.to, at, box.panel(0));
            stores_commit();
            stores_wait_read<1>(); /* the place that is next */
        }
        block_barrier();
    }
    if (thread_index() == 0)
        stores_wait<0>();
}

/* What stores() has left: boxes 0 to 3 in this order, 0xffff between them. */
template <int DIMS, int SWIZZLE> GPU_KERNEL(THREADS, 1) stored(GPU_ARGUMENTS(contract_memory) memory)
{
    constexpr int COLUMNS = SWIZZLE / 2;
    int32_t all = 1;
    for (int n = 0; n < DIMS; n++)
        all *= tensor_size(n);
    for (int32_t n = thread_index(); n < all; n += THREADS) {
        int32_t expected = 0xffff;
        for (int32_t number = 0; number < STORED_BOXES; number++) {
            int32_t at[DIMS];
            first_place(at, number);
            int32_t inside = 1;
            int32_t rest = n;
            int32_t offset[DIMENSIONS] = {};
            for (int d = 0; d < DIMS; d++) {
                const int32_t rows = DIMS > 2 ? BOX_ROWS / 2 : BOX_ROWS;
                const int32_t size = d == 0 ? COLUMNS : d == 1 ? rows : d == 2 ? 2 : 1;
                offset[d] = rest % tensor_size(d) - at[d];
                rest /= tensor_size(d);
                inside = inside && offset[d] >= 0 && offset[d] < size;
            }
            const int32_t row = offset[1] + (DIMS > 2 ? offset[2] * (BOX_ROWS / 2) : 0);
            if (inside)
                expected = number * 1024 + row * COLUMNS + offset[0];
        }
        contract_expect(memory, n / tensor_size(0), n % tensor_size(0), (float)memory.target[n], (float)expected);
    }
}

/* One map for rows of all sequences, none of which is written past its end: rows count down to a bound that they share,
 * and a dimension of the same stride says where they end. */
constexpr int RAGGED_BIG = 1 << 20;
constexpr int RAGGED_COLUMNS = 64;

GPU_DEVICE int32_t ragged_start(int32_t sequence)
{
    return sequence * 19 + 3;
}

GPU_DEVICE int32_t ragged_length(int32_t sequence)
{
    return sequence * 5 + 1;
}

GPU_KERNEL(THREADS, 1) ragged(GPU_ARGUMENTS(tensor_arguments) arguments)
{
    using matrix = shared_matrix<float16, 16, RAGGED_COLUMNS>;
    const matrix box = {(float16 *)shared_memory()};
    for (int32_t n = thread_index(); n < matrix::ROWS * matrix::COLUMNS / 8; n += THREADS)
        store_16(box.piece(n / 8, n % 8 * 8), {{(uint32_t)n, (uint32_t)n, (uint32_t)n, (uint32_t)n}});
    fence_shared();
    block_barrier();
    if (thread_index() == 0) {
        for (int32_t sequence = 0; sequence < 3; sequence++) {
            const int32_t length = ragged_length(sequence);
            const int32_t at[3] = {0, RAGGED_BIG - length, ragged_start(sequence) + length};
            store_tensor(arguments.to, at, box.panel(0));
        }
        stores_commit();
        stores_wait<0>();
    }
}

GPU_KERNEL(THREADS, 1) ragged_stored(GPU_ARGUMENTS(contract_memory) memory)
{
    for (int32_t n = thread_index(); n < 80 * RAGGED_COLUMNS; n += THREADS) {
        const int32_t row = n / RAGGED_COLUMNS;
        int32_t expected = 0xffff;
        for (int32_t sequence = 0; sequence < 3; sequence++) {
            const int32_t own = row - ragged_start(sequence);
            if (own >= 0 && own < ragged_length(sequence))
                expected = n % 2 ? 0 : own * 8 + n % RAGGED_COLUMNS / 8;
        }
        contract_expect(memory, row, n % RAGGED_COLUMNS, (float)memory.target[n], (float)expected);
    }
}

/* store_bulk of all of shared memory, then sums of floats by all blocks. */
GPU_KERNEL(THREADS, 1) bulk_stores(GPU_ARGUMENTS(contract_memory) memory)
{
    constexpr int WORDS = 1024;
    float *shared = (float *)shared_memory();
    for (int32_t i = thread_index(); i < WORDS; i += THREADS)
        shared_store(shared + i, (float)(i + 1));
    fence_shared();
    block_barrier();
    float *to = (float *)memory.target;
    if (thread_index() == 0) {
        if (block_index() == 0)
            store_bulk(to, shared, WORDS * 4);
        add_bulk(to + WORDS, shared, WORDS * 4);
        stores_commit();
        stores_wait<0>();
    }
}

GPU_KERNEL(THREADS, 1) clear_sums(GPU_ARGUMENTS(contract_memory) memory)
{
    for (int32_t i = thread_index(); i < 1024; i += THREADS)
        ((float *)memory.target)[1024 + i] = 0.5f;
}

GPU_KERNEL(THREADS, 1) bulk_stored(GPU_ARGUMENTS(contract_memory) memory)
{
    const float *from = (const float *)memory.target;
    for (int32_t i = thread_index(); i < 1024; i += THREADS) {
        contract_expect(memory, 0, i, from[i], (float)(i + 1));
        contract_expect(memory, 1, i, from[1024 + i], 3.0f * (float)(i + 1) + 0.5f);
    }
}

} // namespace tensor_contract

#endif
