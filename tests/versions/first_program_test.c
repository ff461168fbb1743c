/* A program that was built with the headers of the first release, on this library and on a later one: it is served, and
 * the structs that it hands over are written as far as it knows them. */
#include "calls.h"

/* A struct of the program, and what lies behind it. */
#define GUARDED(type)                                                                                                  \
    struct {                                                                                                           \
        type given;                                                                                                    \
        uint64_t behind[8];                                                                                            \
    }

static void what_it_asks_is_served(void **state)
{
    (void)state;
    const calls made = calls_make();
    calls_expect_served(&made);
    varlen_close(made.context);
}

static void expect_whole(const uint64_t *behind)
{
    for (int i = 0; i < 8; i++)
        assert_int_equal(behind[i], i + 1);
}

static void its_structs_are_not_written_past(void **state)
{
    (void)state;
    GUARDED(varlen_backend_info) backend = {{.struct_size = sizeof backend.given}, {1, 2, 3, 4, 5, 6, 7, 8}};
    GUARDED(varlen_device_info) device = {{.struct_size = sizeof device.given}, {1, 2, 3, 4, 5, 6, 7, 8}};
    GUARDED(varlen_search_folder) folder = {{.struct_size = sizeof folder.given}, {1, 2, 3, 4, 5, 6, 7, 8}};
    GUARDED(varlen_environment_variable) variable = {{.struct_size = sizeof variable.given}, {1, 2, 3, 4, 5, 6, 7, 8}};
    assert_ok(varlen_get_backend(0, &backend.given));
    assert_ok(varlen_get_device("fake", 0, &device.given));
    assert_ok(varlen_get_search_folder(0, &folder.given));
    assert_ok(varlen_get_environment(0, &variable.given));
    assert_non_null(backend.given.name);
    assert_string_equal(device.given.name, "fake device");
    assert_non_null(folder.given.path);
    assert_non_null(variable.given.name);
    expect_whole(backend.behind);
    expect_whole(device.behind);
    expect_whole(folder.behind);
    expect_whole(variable.behind);
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        cmocka_unit_test(what_it_asks_is_served),
        cmocka_unit_test(its_structs_are_not_written_past),
    };
    return cmocka_run_group_tests_name("versions/first_program", cases, NULL, NULL);
}
