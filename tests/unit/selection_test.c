/* The grammar of VARLEN_BACKEND. */
#include "core/selection.h"
#include "support/test.h"

static void takes_what_the_grammar_allows(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        varlen_selection expected;
    } rows[] = {
        {"auto", {.count = 0}},
        {"cpu", {1, {{"cpu", 0}}}},
        {"cuda:1", {1, {{"cuda", 1}}}},
        {"cpu,cuda:0", {2, {{"cpu", 0}, {"cuda", 0}}}},
        {"cuda:3,cuda:007,hip", {3, {{"cuda", 3}, {"cuda", 7}, {"hip", 0}}}},
        {"my-own_backend2:2147483647", {1, {{"my-own_backend2", INT32_MAX}}}},
        {"automatic", {1, {{"automatic", 0}}}},
        {"", {.count = 0}},
        {" \t", {.count = 0}},
        {" auto ", {.count = 0}},
        {"cuda:1, cpu", {2, {{"cuda", 1}, {"cpu", 0}}}},
        {" cpu\t, hip ", {2, {{"cpu", 0}, {"hip", 0}}}},
    };
    for (size_t i = 0; i < ROWS_OF(rows); i++) {
        varlen_selection selection;
        assert_ok(varlen_parse_selection("VARLEN_BACKEND", rows[i].text, &selection));
        assert_int_equal(selection.count, rows[i].expected.count);
        for (int32_t c = 0; c < selection.count; c++) {
            assert_string_equal(selection.choices[c].backend, rows[i].expected.choices[c].backend);
            assert_int_equal(selection.choices[c].device, rows[i].expected.choices[c].device);
        }
    }
}

static void refuses_everything_else(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *words;
    } rows[] = {
        {"cpu cuda", "\"cpu cuda\" is not a backend's name"},
        {"cpu, ", "\"\" is not a backend's name"},
        {"cpu\n", "\"cpu\\n\" is not a backend's name"},
        {"auto, cpu", "\"auto\" is not a backend's name"},
        {"cuda :1", "\"cuda \" is not a backend's name"},
        {"CPU", "\"CPU\" is not a backend's name"},
        {"../cpu", "\"../cpu\" is not a backend's name"},
        {"cpu,", "\"\" is not a backend's name"},
        {",cpu", "\"\" is not a backend's name"},
        {"cpu,,hip", "\"\" is not a backend's name"},
        {"cuda,auto", "\"auto\" is not a backend's name: 1 to 15 of a-z, 0-9, _ and -; auto stands alone"},
        {"auto:0", "\"auto\" is not a backend's name"},
        {"sixteen-letters-", "\"sixteen-letters-\" is not a backend's name"},
        {":0", "\"\" is not a backend's name"},
        {"cuda:", "\"cuda:\" does not end in a device number"},
        {"cuda:-1", "\"cuda:-1\" does not end in a device number"},
        {"cuda:+1", "\"cuda:+1\" does not end in a device number"},
        {"cuda:1x", "\"cuda:1x\" does not end in a device number"},
        {"cuda:1:2", "\"cuda:1:2\" does not end in a device number"},
        {"cuda: 1", "\"cuda: 1\" does not end in a device number"},
        {"cuda:2147483648", "\"cuda:2147483648\" does not end in a device number"},
        {"cuda:99999999999999999999", "does not end in a device number"},
        {"a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a", "names more than 16 backends"},
    };
    for (size_t i = 0; i < ROWS_OF(rows); i++) {
        varlen_selection selection;
        assert_failure(varlen_parse_selection("VARLEN_BACKEND", rows[i].text, &selection),
                       VARLEN_ERROR_INVALID_ARGUMENT, rows[i].words);
    }
}

static void names_of_backends(void **state)
{
    (void)state;
    assert_true(varlen_is_backend_name("cpu"));
    assert_true(varlen_is_backend_name("fifteen-letters"));
    assert_false(varlen_is_backend_name("sixteen-letters-"));
    assert_false(varlen_is_backend_name("auto"));
    assert_false(varlen_is_backend_name(""));
    assert_false(varlen_is_backend_name("a.b"));
}

int main(void)
{
    const struct CMUnitTest cases[] = {
        cmocka_unit_test(takes_what_the_grammar_allows),
        cmocka_unit_test(refuses_everything_else),
        cmocka_unit_test(names_of_backends),
    };
    return cmocka_run_group_tests_name("selection", cases, NULL, NULL);
}
