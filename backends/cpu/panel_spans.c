#include "panel_spans.h"

#include "limits.h"

size_t cpu_panel_span_limit(const varlen_attention *attention, int32_t panel_rows, int32_t tile_keys)
{
    const int by_row = (attention->features & VARLEN_FEATURE_KEY_RANGES) != 0;
    return by_row ? cpu_panel_limit(attention, panel_rows, tile_keys) : 0;
}

static void fill_sequence(cpu_span *own, const cpu_inputs *inputs, const cpu_sequence *sequence, int32_t panel_rows)
{
    const int64_t group = cpu_group(inputs->attention);
    const int64_t rows = sequence->queries * group;
    for (int64_t first = 0; first < rows; first += panel_rows) {
        const int64_t last = cpu_min(first + panel_rows, rows) - 1;
        *own++ = cpu_keys_seen_by(inputs->attention, sequence, first / group, last / group + 1);
    }
}

cpu_span *cpu_panel_spans_of(const cpu_panel_spans *spans, const cpu_inputs *inputs, const cpu_sequence *sequence)
{
    if (!spans->at || sequence->keys <= spans->tile_keys)
        return NULL;
    return spans->at + cpu_first_panel(inputs, sequence->index, spans->panel_rows, spans->tile_keys);
}

void cpu_fill_panel_spans(const cpu_panel_spans *spans, const cpu_inputs *inputs)
{
    for (int32_t index = 0; spans->at && index < inputs->attention->batch; index++) {
        const cpu_sequence sequence = cpu_sequence_at(&inputs->metadata, index);
        cpu_span *own = cpu_panel_spans_of(spans, inputs, &sequence);
        if (own)
            fill_sequence(own, inputs, &sequence, spans->panel_rows);
    }
}
