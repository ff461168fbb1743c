/* The test platform itself: its rounding, and that it finds what it is there to find. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

extern "C" {
#include <cmocka.h>
}

#include "misuse.h"

constexpr int threads = 2 * WARP;

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
        cmocka_unit_test(rounding<float16>),       cmocka_unit_test(rounding<bfloat16>),
        cmocka_unit_test(misuse_is_told),          cmocka_unit_test(copies_land_until_waited_for),
        cmocka_unit_test(blocks_run_side_by_side),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
