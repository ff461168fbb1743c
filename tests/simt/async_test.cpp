/* The asynchronous machinery of the test platform: a kernel that copies, multiplies and stores, and each of its rules
 * broken in turn. What it computes is the contract's matter: tests/platform. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "async_platform.h"

#include "platform/tensor_map.h"

extern "C" {
#include <cmocka.h> /* which makes macros of common words */
}

#include "misuse.h"

enum class fault {
    none,
    /* barriers and copies */
    barrier_not_announced,
    barrier_created_twice,
    arrival_missing,
    arrival_too_many,
    bytes_not_expected,
    too_few_bytes,
    too_many_bytes,
    copy_not_waited_for,
    copy_nobody_waits_for,
    copies_to_one_place,
    copy_unaligned,
    copy_of_part_of_a_piece,
    copy_over_unfenced,
    /* what products read */
    write_not_fenced,
    write_by_other_means,
    other_swizzle,
    matrix_unaligned,
    overwritten_by_thread,
    overwritten_by_other_means,
    overwritten_by_copy,
    /* products */
    products_not_fenced,
    products_not_committed,
    products_not_waited_for,
    sums_not_named,
    wait_of_a_later_group,
    operand_touched,
    operand_forgotten,
    warp_missing,
    warps_differ,
    /* stores */
    store_not_fenced,
    store_not_committed,
    store_not_read,
    stored_overwritten,
    stored_outside,
};

constexpr int group_threads = 128;
constexpr int shared_bytes = 32 * 1024;

struct pipeline_arguments {
    tensor_map from;
    tensor_map to;
};

using matrix = shared_matrix<bfloat16, 64, 64>;

/* Ones, a piece to a thread and turn. */
static void write_ones(const matrix &m)
{
    const uint32_t ones = element_pair<bfloat16>(1.0f, 1.0f);
    for (int n = thread_index(); n < 64 * 8; n += group_threads)
        store_16(m.piece(n / 8, n % 8 * 8), {{ones, ones, ones, ones}});
}

template <fault FAULT>
static void begin_copy(const pipeline_arguments &arguments, const matrix &a, arrival_barrier &full)
{
    constexpr int bytes = matrix::BYTES;
    const int32_t at[2] = {FAULT == fault::copy_of_part_of_a_piece ? -4 : 0, 0};
    if (FAULT == fault::bytes_not_expected)
        full.arrive();
    else
        full.arrive_and_expect(FAULT == fault::too_few_bytes    ? bytes / 2
                               : FAULT == fault::too_many_bytes ? 2 * bytes
                                                                : bytes);
    if (FAULT == fault::copy_over_unfenced)
        shared_store((uint32_t *)a.data, 0u);
    copy_tensor(FAULT == fault::copy_unaligned ? a.data + 8 : a.panel(0), arguments.from, at, full);
    if (FAULT == fault::copies_to_one_place)
        copy_tensor(a.panel(0), arguments.from, at, full);
    if (FAULT == fault::arrival_too_many)
        full.arrive();
}

template <fault FAULT> static void fill(const matrix &b)
{
    write_ones(b);
    if (FAULT == fault::write_by_other_means && thread_index() == 25)
        *b.piece(3, 8) = from_float<bfloat16>(2.0f);
    if (FAULT != fault::write_not_fenced || thread_index() != 77)
        fence_shared();
}

/* While a product that reads b is under way. */
template <fault FAULT> static void disturb(const pipeline_arguments &arguments, const matrix &b, arrival_barrier &full)
{
    if (thread_index() != 0)
        return;
    if (FAULT == fault::overwritten_by_thread)
        store_16(b.piece(8, 8), {});
    if (FAULT == fault::overwritten_by_other_means)
        *b.piece(8, 8) = from_float<bfloat16>(2.0f);
    if (FAULT == fault::overwritten_by_copy) {
        const int32_t at[2] = {0, 0};
        full.arrive_and_expect(matrix::BYTES);
        copy_tensor(b.panel(0), arguments.from, at, full);
    }
}

template <fault FAULT>
static void multiply(const pipeline_arguments &arguments, group_sums<64> &sums, const matrix &a, const matrix &b,
                     arrival_barrier &full)
{
    const int warp = thread_index() / WARP;
    if (FAULT != fault::products_not_fenced)
        products_fence();
    if constexpr (FAULT == fault::other_swizzle)
        group_multiply<64>(sums, by_rows(shared_matrix<bfloat16, 64, 64, 64>{a.data}), by_columns(b));
    else if constexpr (FAULT == fault::matrix_unaligned)
        group_multiply<64>(sums, by_rows(matrix{a.data + 64}), by_columns(b));
    else if (FAULT != fault::warp_missing || warp != 2)
        group_multiply<64>(sums, by_rows(a), FAULT == fault::warps_differ && warp == 3 ? by_columns(a) : by_columns(b));
    if (FAULT != fault::products_not_committed)
        products_commit();
    disturb<FAULT>(arguments, b, full);
    if (FAULT == fault::sums_not_named)
        products_wait<0>();
    else if (FAULT == fault::wait_of_a_later_group)
        products_wait<1>(sums);
    else if (FAULT != fault::products_not_waited_for)
        products_wait<0>(sums);
}

/* The sums become an operand of another product. */
template <fault FAULT> static void multiply_again(group_sums<64> &sums, const matrix &b)
{
    group_operand<bfloat16, 64> operand;
    group_sums<64> more;
    group_round(operand, sums);
    products_fence();
    group_multiply<64>(more, operand, by_columns(b));
    products_commit();
    if (FAULT == fault::operand_touched)
        group_round(operand, sums);
    if (FAULT == fault::operand_forgotten)
        products_wait<0>(more);
    else
        products_wait<0>(more, operand);
}

template <fault FAULT> static void store(const pipeline_arguments &arguments, group_sums<64> &sums, const matrix &out)
{
    const int32_t at[2] = {0, FAULT == fault::stored_outside ? -1 : 0};
    group_store(out, 0, 0, sums);
    if (FAULT != fault::store_not_fenced)
        fence_shared();
    block_barrier();
    if (thread_index() == 0) {
        store_tensor(arguments.to, at, out.panel(0));
        if (FAULT != fault::store_not_committed)
            stores_commit();
        if (FAULT != fault::store_not_read && FAULT != fault::stored_overwritten)
            stores_wait_read<0>();
    }
    block_barrier();
    if (FAULT == fault::stored_overwritten)
        write_ones(out);
}

template <fault FAULT> GPU_KERNEL(group_threads, 1) pipeline(GPU_ARGUMENTS(pipeline_arguments) arguments)
{
    const matrix a = {(bfloat16 *)shared_memory()};
    const matrix b = {(bfloat16 *)(shared_memory() + matrix::BYTES)};
    const matrix out = {(bfloat16 *)(shared_memory() + 2 * matrix::BYTES)};
    arrival_barrier &full = *(arrival_barrier *)(shared_memory() + 3 * matrix::BYTES);
    if (thread_index() == 0) {
        full.create(FAULT == fault::arrival_missing ? 2 : 1);
        if (FAULT == fault::barrier_created_twice)
            full.create(1);
        if (FAULT != fault::barrier_not_announced)
            barriers_created();
    }
    block_barrier();
    if (thread_index() == 0)
        begin_copy<FAULT>(arguments, a, full);
    if (FAULT == fault::copy_nobody_waits_for)
        return;
    fill<FAULT>(b);
    block_barrier();
    if (FAULT != fault::copy_not_waited_for)
        full.wait(0);
    group_sums<64> sums;
    multiply<FAULT>(arguments, sums, a, b, full);
    if (FAULT == fault::warp_missing)
        return;
    multiply_again<FAULT>(sums, b);
    store<FAULT>(arguments, sums, out);
}

static uint16_t source[64 * 64];
static uint16_t target[64 * 64];

static pipeline_arguments arguments_of_pipeline()
{
    pipeline_arguments arguments = {};
    tensor_layout layout = {};
    layout.dtype = VARLEN_BFLOAT16;
    layout.dimensions = 2;
    layout.swizzle = 128;
    layout.size[0] = layout.size[1] = layout.box[0] = layout.box[1] = 64;
    layout.stride[1] = 128;
    layout.data = source;
    assert_int_equal(make_tensor_map(&arguments.from, layout), VARLEN_OK);
    layout.data = target;
    assert_int_equal(make_tensor_map(&arguments.to, layout), VARLEN_OK);
    return arguments;
}

static void a_kernel_without_a_fault(void **)
{
    for (uint16_t &element : source)
        element = from_float<bfloat16>(2.0f).bits;
    run<pipeline<fault::none>>(arguments_of_pipeline(), 3, shared_bytes, group_threads);
    for (uint16_t element : target)
        assert_float_equal(to_float(bfloat16{element}), 128.0f, 0.0f);
}

template <fault FAULT> static void expect(const char *reason)
{
    expect_failure<pipeline<FAULT>>(reason, shared_bytes, group_threads, arguments_of_pipeline());
}

static void faults_of_barriers_and_copies(void **)
{
    expect<fault::barrier_not_announced>("is used before barriers_created()");
    expect<fault::barrier_created_twice>("is created twice");
    expect<fault::arrival_missing>("waits for ever for a barrier, at which 1 of 2 have arrived in phase 0");
    expect<fault::arrival_too_many>("an arrival too many: all 1 of the phase have come");
    expect<fault::bytes_not_expected>("is still to come by a copy that nobody has waited for");
    expect<fault::too_few_bytes>("a barrier expects 4096 bytes, but copies bring 8192");
    expect<fault::too_many_bytes>("which expects 16384 bytes, of which copies bring 8192");
    expect<fault::copy_not_waited_for>("is still to come by a copy that nobody has waited for");
    expect<fault::copy_nobody_waits_for>("ends with a copy on its way");
    expect<fault::copies_to_one_place>("a copy to shared memory + 0, where another is on its way");
    expect<fault::copy_unaligned>("copy_tensor: shared memory + 16 is no multiple of 128");
    expect<fault::copy_of_part_of_a_piece>("a box at element -4 of a row: no multiple of 16 bytes");
    expect<fault::copy_over_unfenced>(
        "a copy to what is there: thread 0 wrote to shared memory + 0 and has not fenced");
}

static void faults_of_what_products_read(void **)
{
    expect<fault::write_not_fenced>("a product: thread 77 wrote to shared memory + ");
    expect<fault::write_by_other_means>("was written by other means than shared_store, store_16 and copies");
    expect<fault::other_swizzle>("was copied with a swizzle of 128 bytes, and is read with one of 64");
    expect<fault::matrix_unaligned>("starts at shared memory + 128, within a pattern of 1024 bytes");
    expect<fault::overwritten_by_thread>("which a product or a store still reads");
    expect<fault::overwritten_by_other_means>("was written while it was being read");
    expect<fault::overwritten_by_copy>("a copy to shared memory + 8192, which a product or a store still reads");
}

static void faults_of_products(void **)
{
    expect<fault::products_not_fenced>("registers that were touched, and no products_fence() since");
    expect<fault::products_not_committed>("registers of a product that may still be under way: not committed");
    expect<fault::products_not_waited_for>("registers are touched while a product is under way");
    expect<fault::sums_not_named>("registers are touched, and no products_wait() has named them");
    expect<fault::wait_of_a_later_group>("products_wait() names registers of a product that may still be under way");
    expect<fault::operand_touched>("registers are touched while a product is under way");
    expect<fault::operand_forgotten>("go out of scope, and no products_wait() has named them");
    expect<fault::warp_missing>("the warps of a group have begun 4 and 0 products");
    expect<fault::warps_differ>("the warps of a group begin different products");
}

static void faults_of_stores(void **)
{
    expect<fault::store_not_fenced>("a store: thread ");
    expect<fault::store_not_committed>("ends with a store that may still read shared memory");
    expect<fault::store_not_read>("ends with a store that may still read shared memory");
    expect<fault::stored_overwritten>("which a product or a store still reads");
    expect<fault::stored_outside>("store_tensor: at[1] = -1 is below 0");
}

GPU_KERNEL(group_threads, 1) half_a_named_barrier(GPU_ARGUMENTS(int))
{
    if (thread_index() < 64)
        named_barrier_wait(2, group_threads);
}

GPU_KERNEL(group_threads, 1) named_for_others(GPU_ARGUMENTS(int))
{
    named_barrier_arrive(2, thread_index() < 64 ? group_threads : group_threads / 2);
}

GPU_KERNEL(3 * group_threads, 1) more_registers_than_there_are(GPU_ARGUMENTS(int))
{
    registers_grow<232>();
}

GPU_KERNEL(group_threads, 1) phase_nobody_waited_for(GPU_ARGUMENTS(int))
{
    arrival_barrier &barrier = *(arrival_barrier *)shared_memory();
    if (thread_index() == 0) {
        barrier.create(1);
        barriers_created();
        barrier.arrive();
        barrier.arrive();
    }
}

GPU_KERNEL(group_threads, 1) half_a_phase(GPU_ARGUMENTS(int))
{
    arrival_barrier &barrier = *(arrival_barrier *)shared_memory();
    if (thread_index() == 0) {
        barrier.create(2);
        barriers_created();
        barrier.arrive();
    }
}

GPU_KERNEL(group_threads, 1) half_a_warp_multiplies(GPU_ARGUMENTS(int))
{
    if (thread_index() % 2)
        products_fence();
}

static void faults_of_roles(void **)
{
    expect_failure<half_a_named_barrier>("waits for ever for a named barrier, to which 64 of 128 threads have come",
                                         1024, group_threads);
    expect_failure<named_for_others>("threads here, and for ", 1024, group_threads);
    expect_failure<more_registers_than_there_are>("waits for ever for registers: the block's warps hold", 1024,
                                                  3 * group_threads);
    expect_failure<phase_nobody_waited_for>("before anybody has waited for the one before: an arrival too many", 1024,
                                            group_threads);
    expect_failure<half_a_phase>("ends when 1 of 2 have arrived at the barrier", 1024, group_threads);
    expect_failure<half_a_warp_multiplies>("waits for ever in products_fence", 1024, group_threads);
}

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_kernel_without_a_fault),
        cmocka_unit_test(faults_of_barriers_and_copies),
        cmocka_unit_test(faults_of_what_products_read),
        cmocka_unit_test(faults_of_products),
        cmocka_unit_test(faults_of_stores),
        cmocka_unit_test(faults_of_roles),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
