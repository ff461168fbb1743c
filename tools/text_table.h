/* Text in aligned columns. */
#ifndef VARLEN_TOOLS_TEXT_TABLE_H
#define VARLEN_TOOLS_TEXT_TABLE_H

#include <stdio.h>

enum { TEXT_TABLE_MAX_COLUMNS = 16 };

typedef struct text_table {
    int columns; /* set by the caller, the rest zero */
    int cell_count;
    char **cells; /* row by row, owned; NULL stands for a cell that there was no memory for */
} text_table;

/* Appends a cell, left to right and top to bottom. Where there is no memory for it, standard_output_lost is called. */
void text_table_add(text_table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Prints the rows, each indented by two spaces, and frees the cells. The last column is as wide as its text. */
void text_table_print(text_table *table, FILE *stream);

#endif
