/* Philox and the dropout words against the vectors of docs/semantics.md. */
#include "conformance/philox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void gives_the_published_words(void **state)
{
    (void)state;
    const uint32_t of_zeros[4] = {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8};
    const uint32_t of_ones[4] = {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd};
    philox_words zeros = {{0, 0, 0, 0}}, ones = {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}};
    philox_words words_of_zeros = philox(zeros, 0, 0), words_of_ones = philox(ones, 0xffffffff, 0xffffffff);
    for (int n = 0; n < 4; n++) {
        assert_int_equal(words_of_zeros.at[n], of_zeros[n]);
        assert_int_equal(words_of_ones.at[n], of_ones[n]);
    }
}

static void gives_the_documented_dropout_words(void **state)
{
    (void)state;
    static const struct {
        uint64_t seed, offset;
        uint32_t sequence, head, i, j, word;
    } rows[] = {
        {0, 0, 0, 0, 0, 0, 0xd4abea56},
        {0, 0, 0, 0, 0, 1, 0xdd653103},
        {1, 0, 0, 0, 0, 0, 0x4a8f7d9a},
        {0, 1, 0, 0, 0, 0, 0xbe8c3333},
        {42, 7, 0, 0, 0, 0, 0x116dacc8},
        {42, 7, 0, 0, 0, 3, 0xb863b855},
        {42, 7, 0, 0, 0, 4, 0x1f9e095d},
        {42, 7, 0, 0, 1, 0, 0xfa97750a},
        {42, 7, 0, 1, 0, 0, 0xfd766cb0},
        {42, 7, 1, 0, 0, 0, 0xb7496cd3},
        {0x123456789abcdef0, 0xfedcba9876543210, 3, 31, 4095, 8191, 0xe5f6ba25},
    };
    for (size_t n = 0; n < sizeof rows / sizeof rows[0]; n++)
        assert_int_equal(
            philox_dropout_word(rows[n].seed, rows[n].offset, rows[n].sequence, rows[n].head, rows[n].i, rows[n].j),
            rows[n].word);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_the_published_words),
        cmocka_unit_test(gives_the_documented_dropout_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
