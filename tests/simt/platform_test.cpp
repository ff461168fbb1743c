/* The test platform itself: its products against plain loops, and that it finds what it is there to find. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

extern "C" {
#include <cmocka.h>
}
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platform.h"

#include "platform/runtime.h"

/* Failures do not happen here. */
thread_local const varlen_host *gpu_host;

constexpr int threads = 2 * WARP;

/* Arguments of a kernel that has only one. */
template <typename T> struct pointer_to {
    T *data;

    T *operator->() const
    {
        return data;
    }
};

template <auto KERNEL, typename ARGUMENTS>
static void run(const ARGUMENTS &arguments, int32_t blocks = 1, int32_t shared_bytes = 0)
{
    assert_int_equal(launch<KERNEL>(0, {blocks, threads, shared_bytes}, nullptr, arguments), VARLEN_OK);
}

/* Runs a kernel in a process of its own, which must end with `reason`. */
template <auto KERNEL> static void expect_failure(const char *reason, int32_t shared_bytes = 0)
{
    int pipes[2];
    char text[512];
    assert_int_equal(pipe(pipes), 0);
    const pid_t child = fork();
    if (child == 0) {
        dup2(pipes[1], STDERR_FILENO);
        run<KERNEL>(0, 2, shared_bytes);
        _exit(0);
    }
    close(pipes[1]);
    size_t length = 0;
    for (ssize_t more = 1; more > 0 && length<sizeof text - 1; length += more> 0 ? (size_t)more : 0)
        more = read(pipes[0], text + length, sizeof text - 1 - length);
    close(pipes[0]);
    text[length] = '\0';
    int status;
    waitpid(child, &status, 0);
    if (!WIFSIGNALED(status) || !strstr(text, reason))
        fail_msg("expected \"%s\", got \"%s\"", reason, text);
}

/* ---- Products -----------------------------------------------------------------------------------------------------
 */

enum { ROWS = 32, STEPS = 64, COLUMNS = 48 };

struct matrices {
    float left[ROWS][STEPS]; /* of small whole numbers, which every type holds */
    float right[STEPS][COLUMNS];
    float sums[threads / WARP][5][ROWS][COLUMNS]; /* by warp: of rows, an operand, columns, tiles, interleaved values */
};

static float number(int row, int column)
{
    return (float)((row * 7 + column * 13) % 17 - 8);
}

template <typename T, int DIM>
static void fill(const shared_tile<T, DIM> &tile, const float *values, int rows, int columns, bool transposed)
{
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < columns; c++) {
            const int row = transposed ? c : r;
            const int column = transposed ? r : c;
            tile.piece(row, column & ~7)[column % 8] = from_float<T>(values[r * columns + c]);
        }
}

template <typename T, int DIM>
static void fill(const interleaved_tile<T, DIM> &tile, const float *values, int rows, int columns)
{
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < columns; c++)
            tile.piece(r & ~3, c & ~1)[c % 2 * 4 + r % 4] = from_float<T>(values[r * columns + c]);
}

static void write(float (&matrix)[ROWS][COLUMNS], warp_sums<ROWS, COLUMNS> &sums)
{
    sums.for_each_run([&](int slot, int column, const float *run_of_floats) {
        for (int i = 0; i < sums.RUN; i++)
            matrix[sums.slot_row(slot)][column + i] = run_of_floats[i];
    });
}

template <typename T> GPU_KERNEL(threads, 1) products_kernel(GPU_ARGUMENTS(pointer_to<matrices>) all)
{
    using tile = shared_tile<T, STEPS>;
    char *memory = shared_memory();
    const tile left = {(T *)memory};                                  /* [ROWS][STEPS] */
    const tile right = {(T *)(memory + tile::bytes(64))};             /* [COLUMNS][STEPS] */
    const tile left_columns = {(T *)(memory + tile::bytes(64) * 2)};  /* [STEPS][ROWS] */
    const tile right_columns = {(T *)(memory + tile::bytes(64) * 3)}; /* [STEPS][COLUMNS] */
    const interleaved_tile<T, STEPS> right_interleaved = {(T *)(memory + tile::bytes(64) * 4)};
    if (thread_index() == 0) {
        fill(left, &all->left[0][0], ROWS, STEPS, false);
        fill(right, &all->right[0][0], STEPS, COLUMNS, true);
        fill(left_columns, &all->left[0][0], ROWS, STEPS, true);
        fill(right_columns, &all->right[0][0], STEPS, COLUMNS, false);
        fill(right_interleaved, &all->right[0][0], STEPS, COLUMNS);
    }
    block_barrier();
    float(&results)[5][ROWS][COLUMNS] = all->sums[thread_index() / WARP];
    warp_sums<ROWS, COLUMNS> sums;
    sums.clear();
    multiply_rows(sums, left, 0, right, 0);
    write(results[0], sums);
    sums.clear();
    multiply_columns<STEPS>(sums, left_columns, 0, right_columns, 0);
    write(results[2], sums);
    sums.clear();
    multiply_tiles<STEPS>(sums, left, 0, right_columns, 0);
    write(results[3], sums);

    /* left * 1 gives left as sums, and so as an operand. */
    warp_sums<ROWS, STEPS> copy;
    copy.for_each_run([&](int slot, int column, float *run_of_floats) {
        for (int i = 0; i < copy.RUN; i++)
            run_of_floats[i] = all->left[copy.slot_row(slot)][column + i];
    });
    sums.clear();
    multiply_operand(sums, operand_of<T>(copy), right_columns, 0, 0);
    write(results[1], sums);
    sums.clear();
    multiply_operand(sums, operand_of<T>(copy), right_interleaved, 0, 0);
    write(results[4], sums);
}

template <typename T> static void products(void **)
{
    static matrices all;
    for (int step = 0; step < STEPS; step++) {
        for (int r = 0; r < ROWS; r++)
            all.left[r][step] = number(r, step);
        for (int c = 0; c < COLUMNS; c++)
            all.right[step][c] = number(step + 3, c);
    }
    run<products_kernel<T>>(pointer_to<matrices>{&all}, 1, shared_tile<T, STEPS>::bytes(64) * 5);
    for (int r = 0; r < ROWS; r++)
        for (int c = 0; c < COLUMNS; c++) {
            float sum = 0.0f;
            for (int step = 0; step < STEPS; step++)
                sum += all.left[r][step] * all.right[step][c];
            for (int warp = 0; warp < threads / WARP; warp++)
                for (int which = 0; which < 5; which++)
                    assert_float_equal(all.sums[warp][which][r][c], sum, 0.0f);
        }
}

GPU_KERNEL(threads, 1) rows_kernel(GPU_ARGUMENTS(pointer_to<float[ROWS][2]>) rows)
{
    warp_sums<ROWS, COLUMNS> sums;
    float sum[sums.SLOTS] = {};
    float largest[sums.SLOTS] = {};
    warp_sums<ROWS, COLUMNS> copy;
    sums.for_each_run([&](int slot, int column, float *run_of_floats) {
        for (int i = 0; i < sums.RUN; i++)
            run_of_floats[i] = number(sums.slot_row(slot), column + i);
    });
    sums.for_each_run_with(copy, [&](int, int, float *run_of_floats, float *run_of_copy) {
        for (int i = 0; i < sums.RUN; i++)
            run_of_copy[i] = run_of_floats[i];
    });
    copy.for_each_run([&](int slot, int, float *run_of_floats) {
        for (int i = 0; i < sums.RUN; i++) {
            sum[slot] += run_of_floats[i];
            largest[slot] = fmaxf(largest[slot], run_of_floats[i]);
        }
    });
    for (int slot = 0; slot < sums.SLOTS; slot++) {
        float row[] = {sums_row_sum(sum[slot]), sums_row_max(largest[slot])};
        if (sums_first_lane() && thread_index() < WARP)
            memcpy((*rows.data)[sums.slot_row(slot)], row, sizeof row);
    }
}

static void reductions_of_rows(void **)
{
    float rows[ROWS][2];
    run<rows_kernel>(pointer_to<float[ROWS][2]>{&rows});
    for (int r = 0; r < ROWS; r++) {
        float sum = 0.0f;
        float largest = 0.0f;
        for (int c = 0; c < COLUMNS; c++) {
            sum += number(r, c);
            largest = fmaxf(largest, number(r, c));
        }
        assert_float_equal(rows[r][0], sum, 0.0f);
        assert_float_equal(rows[r][1], largest, 0.0f);
    }
}

/* ---- Elements -----------------------------------------------------------------------------------------------------
 */

/* Every element is its own rounding, and so are floats up to halfway to its neighbours. */
template <typename T> static void rounding(void **)
{
    for (uint32_t bits = 0; bits < 0x10000; bits++) {
        const T element = {(uint16_t)bits};
        const float value = to_float(element);
        if (value != value) {
            assert_true(to_float(from_float<T>(value)) != value);
            continue;
        }
        assert_int_equal(from_float<T>(value).bits, bits);
        const T next = {(uint16_t)(bits + 1)};
        const float above = to_float(next);
        if (above - above != 0.0f || (bits & 0x7fff) == 0x7fff)
            continue;
        const float middle = value + (above - value) * 0.5f;
        assert_int_equal(from_float<T>(middle).bits, bits + (bits & 1));
        assert_int_equal(from_float<T>(nextafterf(middle, value)).bits, bits);
        assert_int_equal(from_float<T>(nextafterf(middle, above)).bits, bits + 1);
    }
}

/* ---- What the platform finds --------------------------------------------------------------------------------------
 */

GPU_KERNEL(threads, 1) half_a_barrier(GPU_ARGUMENTS(int))
{
    if (thread_index() < WARP)
        block_barrier();
}

GPU_KERNEL(threads, 1) half_a_warp(GPU_ARGUMENTS(int))
{
    if (thread_index() % 2)
        warp_any(true);
    block_barrier();
}

GPU_KERNEL(threads, 1) two_collectives(GPU_ARGUMENTS(int))
{
    if (thread_index() % 2)
        warp_any(true);
    else
        warp_xor(1, 1);
}

GPU_KERNEL(threads, 1) other_parts(GPU_ARGUMENTS(int))
{
    const shared_tile<float16, 64> tile = {(float16 *)shared_memory()};
    warp_sums<16, 16> sums;
    sums.clear();
    multiply_rows(sums, tile, 0, tile, thread_index() % 2);
}

GPU_KERNEL(threads, 1) unaligned_copy(GPU_ARGUMENTS(int))
{
    copy_16(shared_memory() + 8, nullptr, false);
}

static void misuse_is_told(void **)
{
    expect_failure<half_a_barrier>("waits for ever at a barrier, which 32 of 64 threads have come to");
    expect_failure<half_a_warp>("waits for ever in warp_any");
    expect_failure<two_collectives>("other threads of the warp are in");
    expect_failure<other_parts>("name different parts of tiles", 64 * 1024);
    expect_failure<unaligned_copy>("copy_16: the destination is not a multiple of 16", 64);
}

struct copy_report {
    float source[4];
    int32_t early;         /* copies of the first group that are there before they are waited for */
    int32_t missing_first; /* and after the first has been */
    int32_t missing_all;
    int32_t written; /* words of shared memory that are not NaN from the start */
};

GPU_KERNEL(threads, 1) copies_kernel(GPU_ARGUMENTS(pointer_to<copy_report>) report)
{
    float *mine = (float *)shared_memory() + thread_index() * 8;
    for (int i = 0; i < 8; i++)
        report->written += mine[i] == mine[i];
    copy_16(mine, report->source, true);
    copies_commit();
    copy_16(mine + 4, nullptr, false);
    copies_commit();
    report->early += mine[0] == 1.0f;
    copies_wait<1>();
    report->missing_first += mine[0] != 1.0f || mine[3] != 4.0f;
    copies_wait<0>();
    report->missing_all += mine[4] != 0.0f || mine[7] != 0.0f;
}

static void copies_land_until_waited_for(void **)
{
    copy_report report = {{1.0f, 2.0f, 3.0f, 4.0f}, 0, 0, 0, 0};
    run<copies_kernel>(pointer_to<copy_report>{&report}, 1, threads * 32);
    assert_in_range(report.early, 1, threads - 1);
    assert_int_equal(report.missing_first, 0);
    assert_int_equal(report.missing_all, 0);
    assert_int_equal(report.written, 0);
}

struct order_report {
    int32_t turn;
    int32_t inversions; /* blocks whose end came before that of an earlier one */
    int32_t last;
    int32_t sum;
};

/* Each block waits for the one before it. */
GPU_KERNEL(threads, 1) turns_kernel(GPU_ARGUMENTS(pointer_to<order_report>) report)
{
    if (thread_index() == 0) {
        while (load_volatile(&report->turn) != block_index()) {
        }
        store_volatile(&report->turn, block_index() + 1);
    }
    block_barrier();
    atomic_add(&report->sum, 1);
}

GPU_KERNEL(threads, 1) endings_kernel(GPU_ARGUMENTS(pointer_to<order_report>) report)
{
    warp_any(true);
    if (thread_index() == 0) {
        report->inversions += block_index() < report->last;
        report->last = block_index();
    }
}

static void blocks_run_side_by_side(void **)
{
    order_report report = {};
    run<turns_kernel>(pointer_to<order_report>{&report}, 20);
    assert_int_equal(report.turn, 20);
    assert_int_equal(report.sum, 20 * threads);
    run<endings_kernel>(pointer_to<order_report>{&report}, 20);
    assert_in_range(report.inversions, 1, 19);
}

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(products<float16>),
        cmocka_unit_test(products<bfloat16>),
        cmocka_unit_test(reductions_of_rows),
        cmocka_unit_test(rounding<float16>),
        cmocka_unit_test(rounding<bfloat16>),
        cmocka_unit_test(misuse_is_told),
        cmocka_unit_test(copies_land_until_waited_for),
        cmocka_unit_test(blocks_run_side_by_side),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
