/* The table of NVIDIA's architectures, and which code a device runs: known without a GPU. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "compiled_code.h"

#include <initializer_list>

extern "C" {
#include <cmocka.h> /* which makes macros of common words */
}

namespace
{

const char *const whole = "sm_80 sm_86 sm_90a compute_80 compute_120";
const char *const older = "sm_80 sm_86 sm_90a compute_86";

void expect_code(const char *list, int capability, const char *name)
{
    compiled_code code = {};
    const bool any = find_code(list, capability, &code);
    assert_int_equal(any, name != nullptr);
    if (any)
        assert_string_equal(code.name, name);
}

void machine_code_runs_on_its_generation(void **)
{
    expect_code(whole, 80, "sm_80");
    for (int capability = 86; capability < 90; capability++)
        expect_code(whole, capability, "sm_86");
    expect_code(whole, 90, "sm_90a");
    expect_code("sm_80 sm_86 sm_89", 89, "sm_89");
    expect_code("sm_100f sm_90a", 103, "sm_100f");
}

void later_devices_compile_the_latest_ptx(void **)
{
    for (int capability : {100, 103, 110})
        expect_code(whole, capability, "compute_80");
    for (int capability : {120, 121, 130})
        expect_code(whole, capability, "compute_120");
    for (int capability : {100, 120})
        expect_code(older, capability, "compute_86");
}

void other_devices_have_no_code(void **)
{
    expect_code(whole, 75, nullptr);
    expect_code("sm_90a", 100, nullptr);
    expect_code("sm_90a compute_90a", 120, nullptr);
    expect_code("sm_86", 80, nullptr);
    expect_code("", 90, nullptr);
}

/* Blackwell runs code that is cut for what it has, and is not taken for Hopper. */
void code_asks_for_no_more_than_devices_have(void **)
{
    for (const gpu_architecture &device : GPU_ARCHITECTURES) {
        compiled_code code = {};
        assert_true(find_code(whole, device.number, &code));
        assert_string_equal(code.name, device.code);
        const gpu_architecture *cut = find_architecture(code.capability);
        assert_non_null(cut);
        assert_true(cut->shared_kb <= device.shared_kb);
        assert_true(!cut->async_products || device.async_products);
        assert_true(!cut->tensor_copies || device.tensor_copies);
    }
    assert_false(find_architecture(100)->async_products);
}

void later_capabilities_have_the_row_of_their_generation(void **)
{
    assert_int_equal(find_architecture(89)->number, 86);
    assert_int_equal(find_architecture(103)->number, 100);
    assert_int_equal(find_architecture(121)->number, 120);
    assert_null(find_architecture(75));
    assert_null(find_architecture(110));
}

} // namespace

int main()
{
    const struct CMUnitTest cases[] = {
        cmocka_unit_test(machine_code_runs_on_its_generation), cmocka_unit_test(later_devices_compile_the_latest_ptx),
        cmocka_unit_test(other_devices_have_no_code), cmocka_unit_test(code_asks_for_no_more_than_devices_have),
        cmocka_unit_test(later_capabilities_have_the_row_of_their_generation)};
    return cmocka_run_group_tests_name("cuda/compiled_code", cases, nullptr, nullptr);
}
