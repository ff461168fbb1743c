/* The table as a whole: names that tell cases apart and rerun them, and filters. */
#include "conformance/conformance.h"
#include "conformance/filter.h"
#include "conformance/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef char case_name[CONFORMANCE_NAME_SIZE];

static case_name *all_names(int *count)
{
    *count = conformance_case_count();
    case_name *names = calloc((size_t)*count, sizeof *names);
    assert_non_null(names);
    for (int n = 0; n < *count; n++)
        conformance_case_name(n, names[n]);
    return names;
}

static void holds_hundreds_of_forward_cases(void **state)
{
    (void)state;
    int count, forward = 0;
    case_name *names = all_names(&count);
    for (int n = 0; n < count; n++)
        forward += strncmp(names[n], "backward/", 9) != 0;
    assert_true(forward >= 400);
    free(names);
}

/* So that a name, given as a filter, runs its case and no other. */
static void no_name_is_part_of_another(void **state)
{
    (void)state;
    int count;
    case_name *names = all_names(&count);
    for (int n = 0; n < count; n++) {
        assert_true(strlen(names[n]) > 0 && strlen(names[n]) < CONFORMANCE_NAME_SIZE - 1);
        for (int other = 0; other < count; other++)
            if (other != n && strstr(names[other], names[n]))
                fail_msg("%s is part of %s", names[n], names[other]);
    }
    free(names);
}

static void names_are_plain_paths(void **state)
{
    (void)state;
    int count;
    case_name *names = all_names(&count);
    for (int n = 0; n < count; n++)
        if (strspn(names[n], "abcdefghijklmnopqrstuvwxyz0123456789-/") != strlen(names[n]))
            fail_msg("%s has a character that a shell or a filter may read differently", names[n]);
    free(names);
}

static void there_is_no_case_past_the_last(void **state)
{
    (void)state;
    case_name name;
    char reason[CONFORMANCE_REASON_SIZE];
    conformance_case_name(conformance_case_count(), name);
    assert_string_equal(name, "");
    assert_int_equal(conformance_run_case(NULL, conformance_case_count(), false, reason), CONFORMANCE_FAILED);
    assert_string_not_equal(reason, "");
}

static void filters_match_parts_and_patterns(void **state)
{
    (void)state;
    assert_true(filter_matches(NULL, "forward/masks/causal/f16"));
    assert_true(filter_matches("", "forward/masks/causal/f16"));
    assert_true(filter_matches("masks/causal", "forward/masks/causal/f16"));
    assert_false(filter_matches("masks/window", "forward/masks/causal/f16"));
    assert_true(filter_matches("forward/*/f16", "forward/masks/causal/f16"));
    assert_false(filter_matches("forward/*/f16", "forward/masks/causal/bf16"));
    assert_false(filter_matches("masks/*", "forward/masks/causal/f16"));
    assert_true(filter_matches("*causal*", "forward/masks/causal/f16"));
    assert_true(filter_matches("*/?16", "forward/masks/causal/f16"));
    assert_false(filter_matches("*/?16", "forward/masks/causal/bf16"));
    assert_true(filter_matches("*a*a*a*", "forward/masks/causal/f16"));
    assert_false(filter_matches("*a*a*a*a*a*a", "forward/masks/causal/f16"));
}

static void seeds_are_fnv1a(void **state)
{
    (void)state;
    assert_true(random_seed_of("") == 0xcbf29ce484222325u);
    assert_true(random_seed_of("a") == 0xaf63dc4c8601ec8cu);
    assert_true(random_seed_of("foobar") == 0x85944171f73967e8u);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_hundreds_of_forward_cases),
        cmocka_unit_test(no_name_is_part_of_another),
        cmocka_unit_test(names_are_plain_paths),
        cmocka_unit_test(there_is_no_case_past_the_last),
        cmocka_unit_test(filters_match_parts_and_patterns),
        cmocka_unit_test(seeds_are_fnv1a),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
