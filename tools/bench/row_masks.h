/* What the rows of a workload of `varlen bench` see besides its mask: a key range each, or a word of a tree mask. */
#ifndef VARLEN_TOOLS_BENCH_ROW_MASKS_H
#define VARLEN_TOOLS_BENCH_ROW_MASKS_H

#include <stdbool.h>
#include <stdint.h>

typedef enum bench_rows {
    BENCH_ROWS_ALIKE = 0,
    BENCH_ROWS_CAUSAL, /* the causal mask, as key_end */
    BENCH_ROWS_PREFIX, /* causal, but for the first quarter of the keys, which all rows see */
    BENCH_ROWS_IMAGES, /* causal, but for the first 256 of each 1024 positions, which see one another */
    BENCH_ROWS_BLOCKS, /* all of a block of 32 positions, and everything before it */
    BENCH_ROWS_BAND,   /* the 512 keys that end with the row's own */
    BENCH_ROWS_TREE    /* drafts, of which each but the first has two children */
} bench_rows;

/* A row of a sequence with so many queries and keys, which stands at the sequence's end. */
typedef struct bench_row {
    int32_t queries;
    int32_t keys;
    int32_t query;
} bench_row;

bool bench_rows_have_begin(bench_rows rows);
bool bench_rows_have_end(bench_rows rows);

/* VARLEN_FEATURE_* */
uint64_t bench_row_features(bench_rows rows);

int32_t bench_row_begin(bench_rows rows, const bench_row *row);
int32_t bench_row_end(bench_rows rows, const bench_row *row);
uint64_t bench_row_tree(const bench_row *row);

#endif
