/* Text in aligned columns: see text_table.h. */
#include "text_table.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "standard_streams.h"

void text_table_add(text_table *table, const char *format, ...)
{
    char **cells = realloc(table->cells, ((size_t)table->cell_count + 1) * sizeof *cells);
    if (!cells) {
        standard_output_lost();
        return;
    }
    table->cells = cells;
    char *cell = NULL;
    va_list values;
    va_start(values, format);
    if (vasprintf(&cell, format, values) < 0) {
        cell = NULL;
        standard_output_lost();
    }
    va_end(values);
    table->cells[table->cell_count++] = cell;
}

static const char *cell_text(const text_table *table, int index)
{
    return table->cells[index] ? table->cells[index] : "";
}

void text_table_print(text_table *table, FILE *stream)
{
    int widths[TEXT_TABLE_MAX_COLUMNS] = {0};
    for (int i = 0; i < table->cell_count; i++) {
        const int length = (int)strlen(cell_text(table, i));
        if (length > widths[i % table->columns])
            widths[i % table->columns] = length;
    }
    for (int i = 0; i < table->cell_count; i++) {
        const int column = i % table->columns;
        const int last = column == table->columns - 1;
        fprintf(stream, "  %-*s%s", last ? 0 : widths[column], cell_text(table, i), last ? "\n" : "");
    }
    for (int i = 0; i < table->cell_count; i++)
        free(table->cells[i]);
    free(table->cells);
    *table = (text_table){.columns = table->columns};
}
