/* Tables of text: columns line up, whatever the order of long and short cells. */
#include <stdlib.h>
#include <string.h>

#include "text_table.h"
#include "unit/support/test.h"

static void test_columns_line_up(void **state)
{
    (void)state;
    static const char *const cells[] = {"backend", "state", "path", "cpu", "usable", "a long path", "x", "", "y"};
    text_table table = {.columns = 3};
    for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i++)
        text_table_add(&table, "%s", cells[i]);
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    assert_non_null(stream);
    text_table_print(&table, stream);
    fclose(stream);
    assert_string_equal(text, "  backend  state   path\n"
                              "  cpu      usable  a long path\n"
                              "  x                y\n");
    assert_int_equal(table.cell_count, 0);
    assert_null(table.cells);
    free(text);
}

static void test_the_widest_table(void **state)
{
    (void)state;
    text_table table = {.columns = TEXT_TABLE_MAX_COLUMNS};
    for (int i = 0; i < 2 * TEXT_TABLE_MAX_COLUMNS; i++)
        text_table_add(&table, "%d", i % 7 ? 100 : 10000);
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    assert_non_null(stream);
    text_table_print(&table, stream);
    fclose(stream);
    const char *second = strchr(text, '\n') + 1;
    for (int i = 0; i < TEXT_TABLE_MAX_COLUMNS - 1; i++) {
        const size_t width = i % 7 == 0 || (i + TEXT_TABLE_MAX_COLUMNS) % 7 == 0 ? 5 : 3;
        assert_memory_equal(second, "  1", 3);
        second += 2 + width;
    }
    assert_string_equal(second, "  100\n");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns_line_up),
        cmocka_unit_test(test_the_widest_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
