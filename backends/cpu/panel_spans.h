/* Which keys each panel of query rows sees in backward, where rows have ranges of keys of their own: no formula tells
 * then which panels a tile of keys has to do with. Panels are numbered as cpu_first_panel numbers them. */
#ifndef VARLEN_CPU_PANEL_SPANS_H
#define VARLEN_CPU_PANEL_SPANS_H

#include "inputs.h"
#include "span.h"

typedef struct cpu_panel_spans {
    cpu_span *at; /* NULL: rows have no ranges */
    int32_t panel_rows;
    int32_t tile_keys;
} cpu_panel_spans;

/* How many spans calls of a problem need memory for; 0: none. */
size_t cpu_panel_span_limit(const varlen_attention *attention, int32_t panel_rows, int32_t tile_keys);

/* Fills in those of all sequences with more keys than one tile. */
void cpu_fill_panel_spans(const cpu_panel_spans *spans, const cpu_inputs *inputs);

/* Those of one sequence, one for each panel; NULL where there are none. */
cpu_span *cpu_panel_spans_of(const cpu_panel_spans *spans, const cpu_inputs *inputs, const cpu_sequence *sequence);

#endif
