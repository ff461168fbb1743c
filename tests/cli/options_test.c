/* The option parser: what it accepts, and the words in which it refuses. */
#include "options.h"
#include "unit/support/test.h"

typedef struct values {
    const char *file;
    float scale;
    int color;
    bool loud;
} values;

enum { RED = 3, BLUE = 5 };

static const option_choice colors[] = {{"red", RED}, {"blue", BLUE}, {NULL, 0}};

static const command_option table[] = {
    {"--file", "FILE", read_text, .offset = offsetof(values, file), .required = true, .help = "a file"},
    {"--scale", "S", read_float, .offset = offsetof(values, scale), .help = "a number"},
    {"--color", NULL, read_choice, .offset = offsetof(values, color), .choices = colors, .help = "a color"},
    {"--loud", NULL, read_switch, .offset = offsetof(values, loud), .help = "a switch"},
};

static const command_usage usage = {.command = "paint", .summary = "Paints.", .options = table, .option_count = 4};

enum { MOST_WORDS = 8 };

/* Parses the words up to the first NULL. */
static options_outcome parse(const char *const words[MOST_WORDS], values *found, reason *why)
{
    int count = 0;
    while (count < MOST_WORDS && words[count])
        count++;
    *found = (values){.scale = 0.5f};
    return options_parse(&usage, count, (char **)words, found, why);
}

static void test_values_in_any_order_and_both_spellings(void **state)
{
    (void)state;
    values found;
    reason why;
    assert_int_equal(
        parse((const char *[MOST_WORDS]){"--loud", "--color=blue", "--file", "a=b", "--scale", "-2e1"}, &found, &why),
        OPTIONS_PARSED);
    assert_string_equal(found.file, "a=b");
    assert_true(found.scale == -20.0f);
    assert_int_equal(found.color, BLUE);
    assert_true(found.loud);
}

static void test_what_is_not_given_is_left_alone(void **state)
{
    (void)state;
    values found;
    reason why;
    assert_int_equal(parse((const char *[MOST_WORDS]){"--file", "x"}, &found, &why), OPTIONS_PARSED);
    assert_true(found.scale == 0.5f);
    assert_false(found.loud);
}

static void test_refusals_name_the_option_and_the_value(void **state)
{
    (void)state;
    static const struct {
        const char *words[MOST_WORDS];
        const char *reason;
    } cases[] = {
        {{"--file", "x", "--nosuch", "1"}, "unknown option --nosuch; varlen paint --help lists the options"},
        {{"--file", "x", "--fil", "1"}, "unknown option --fil; varlen paint --help lists the options"},
        {{"stray"}, "unknown option stray; varlen paint --help lists the options"},
        {{"--file"}, "--file needs a value: --file FILE"},
        {{"--file", "--scale", "1"}, "--file needs a value: --file FILE"},
        {{"--file", "x", "--color"}, "--color needs a value: --color red|blue"},
        {{"--file", ""}, "--file : empty"},
        {{"--file", "x", "--file", "y"}, "--file is given twice"},
        {{"--file", "x", "--scale", "1.5x"}, "--scale 1.5x: not a number"},
        {{"--file", "x", "--scale", ""}, "--scale : not a number"},
        {{"--file", "x", "--scale", "1e99"}, "--scale 1e99: out of the range of a float"},
        {{"--file", "x", "--color", "green"}, "--color green: not one of red|blue"},
        {{"--file", "x", "--loud=yes"}, "--loud takes no value, but got yes"},
        {{"--scale", "1"}, "--file is missing: it is required"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        values found;
        reason why;
        assert_int_equal(parse(cases[i].words, &found, &why), OPTIONS_REFUSED);
        assert_string_equal(why.text, cases[i].reason);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_in_any_order_and_both_spellings),
        cmocka_unit_test(test_what_is_not_given_is_left_alone),
        cmocka_unit_test(test_refusals_name_the_option_and_the_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
