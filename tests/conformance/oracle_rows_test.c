/* What the oracle lets rows see by key ranges, chunks and tree masks, against drawings. */
#include "conformance/oracle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* Four queries of a sequence with five keys, or two: they stand from 1 on, or from -2 on. */
static void what_rows_see_is_as_drawn(void **state)
{
    (void)state;
    const int64_t open = VARLEN_UNBOUNDED;
    const int32_t begin[] = {0, 2, 4, 0}, end[] = {1, 5, 2, 2};
    const uint64_t tree[] = {1, 3, 4, UINT64_MAX & ~(uint64_t)2};
    const struct {
        sequence s;
        const char *rows;
    } drawings[] = {
        {{.keys = 5, .right = open, .key_begin = begin}, "##### ..### ....# #####"},
        {{.keys = 5, .right = open, .key_end = end}, "#.... ##### ##... ##..."},
        {{.keys = 5, .right = open, .key_begin = begin, .key_end = end}, "#.... ..### ..... ##..."},
        {{.keys = 5, .right = 0, .key_begin = begin, .key_end = end}, "#.... ..#.. ..... ##..."},
        {{.keys = 5, .right = open, .chunk = 2}, "##... ..##. ..##. ....#"},
        {{.keys = 5, .right = 0, .chunk = 2}, "##... ..#.. ..##. ....#"},
        {{.keys = 5, .right = open, .chunk = 1}, ".#... ..#.. ...#. ....#"},
        {{.keys = 5, .right = open, .chunk = 9}, "##### ##### ##### #####"},
        {{.keys = 2, .right = open, .chunk = 2}, ".. .. ## ##"},
        {{.keys = 2, .right = open, .chunk = 9}, ".. .. ## ##"},
        {{.keys = 5, .right = open, .chunk = 3, .alignment = VARLEN_ALIGN_TOP_LEFT}, "###.. ###.. ###.. ...##"},
        {{.keys = 5, .right = open, .tree = tree}, "##... ###.. #..#. ##.##"},
        {{.keys = 5, .right = 0, .tree = tree}, "##... ###.. #..#. ##.##"},
        {{.keys = 5, .right = open, .tree = tree, .alignment = VARLEN_ALIGN_TOP_LEFT}, "##... ###.. #..#. ##.##"},
        {{.keys = 2, .right = open, .tree = tree}, ".. .. #. ##"},
    };
    for (size_t n = 0; n < sizeof drawings / sizeof drawings[0]; n++) {
        sequence s = drawings[n].s;
        s.queries = 4;
        s.left = open;
        for (int64_t i = 0; i < 4; i++)
            for (int64_t j = 0; j < s.keys; j++)
                if (oracle_sees(&s, i, j) != (drawings[n].rows[i * (s.keys + 1) + j] == '#'))
                    fail_msg("drawing %zu: query %d, key %d", n, (int)i, (int)j);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_rows_see_is_as_drawn)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
