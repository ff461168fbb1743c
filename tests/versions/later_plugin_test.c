/* A backend that was built for plugin ABI 1.1, under a library of 1.0: it is served as its header says. */
#include "calls.h"

static void every_struct_is_whole(void **state)
{
    (void)state;
    const calls made = calls_make();
    varlen_device_info device = {.struct_size = sizeof device};
    assert_ok(varlen_get_device("fake", 1, &device));
    assert_string_equal(device.name, "fake device");
    assert_string_equal(device.architecture, "second");
    calls_expect_served(&made);
    varlen_close(made.context);
}

/* What the backend would take is nothing that this library can ask for. */
static void later_options_are_not_this_library_s(void **state)
{
    (void)state;
    calls made = calls_make();
    made.attention.features |= (uint64_t)1 << 24;
    assert_failure(calls_forward(&made), VARLEN_ERROR_INVALID_ARGUMENT,
                   "features = 0x1000040 has unknown bits 0x1000000");
    made = (calls){.context = made.context, .attention = {.struct_size = sizeof made.attention}};
    assert_failure(calls_forward(&made), VARLEN_ERROR_INVALID_ARGUMENT, "q_heads = 0 is below 1");
    assert_int_equal(fake_record_of_thread()->calls, 0);
    varlen_close(made.context);
}

static void the_listing_tells_its_version(void **state)
{
    (void)state;
    varlen_backend_info info = {.struct_size = sizeof info};
    assert_ok(varlen_get_backend(0, &info));
    assert_int_equal(info.state, VARLEN_BACKEND_USABLE);
    assert_int_equal(info.abi_version, VARLEN_BACKEND_ABI_MAJOR << 16 | 1);
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        cmocka_unit_test(every_struct_is_whole),
        cmocka_unit_test(later_options_are_not_this_library_s),
        cmocka_unit_test(the_listing_tells_its_version),
    };
    return cmocka_run_group_tests_name("versions/later_plugin", cases, NULL, NULL);
}
