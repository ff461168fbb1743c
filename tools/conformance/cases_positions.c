/* Cases of query_positions: queries that stand where they are said to, among keys, before and behind them. */
#include "case.h"

#define LENGTHS .lens_q = INTS(35, 9, 66, 20), .lens_k = INTS(35, 70, 30, 0)
#define CAUSAL .mask = VARLEN_MASK_CAUSAL
#define WINDOW(left, right) .mask = VARLEN_MASK_WINDOW, .window_left = (left), .window_right = (right)
#define FORWARD .head.passes = CASE_FORWARD
#define BACKWARD .head.passes = CASE_BACKWARD
#define AT(...) .query_positions = INTS(__VA_ARGS__)
#define AMONG_KEYS AT(3, 40, 0, 7) /* of LENGTHS */

/* clang-format off */
static const attention_case rows[] = {
    {.head.name = "full", LENGTHS, AMONG_KEYS},
    {.head.name = "causal", LENGTHS, CAUSAL, AMONG_KEYS},
    {.head.name = "causal-as-bottom-right", LENGTHS, CAUSAL, AT(0, 61, -36, -20)},
    {.head.name = "causal-as-top-left", LENGTHS, CAUSAL, AT(0, 0, 0, 0)},
    {.head.name = "causal-last-key", LENGTHS, CAUSAL, AT(34, 69, 29, 0)},
    {.head.name = "causal-first-behind", LENGTHS, CAUSAL, AT(35, 70, 30, 1)},
    {.head.name = "causal-behind", LENGTHS, CAUSAL, AT(36, 1000, 31, 5)},
    {.head.name = "causal-first-before", LENGTHS, CAUSAL, AT(-1, -1, -1, -1)},
    {.head.name = "causal-before", LENGTHS, CAUSAL, AT(-20, -8, -65, -3)},
    {.head.name = "causal-all-before", LENGTHS, CAUSAL, AT(-35, -9, -66, -20)},
    {.head.name = "causal-some-before", LENGTHS, CAUSAL, AT(-40, 12, -3, 0)},
    {.head.name = "causal-least", LENGTHS, CAUSAL, AT(INT32_MIN, INT32_MIN, 3, INT32_MIN)},
    {.head.name = "causal-largest", LENGTHS, CAUSAL, AT(INT32_MAX, INT32_MAX, 3, INT32_MAX)},
    {.head.name = "causal-left", LENGTHS, CAUSAL, .window_left = 12, AMONG_KEYS},
    {.head.name = "causal-left-behind", LENGTHS, CAUSAL, .window_left = 12, AT(20, 75, 33, 0)},
    {.head.name = "causal-left-far-behind", LENGTHS, CAUSAL, .window_left = 12, AT(100, INT32_MAX, 60, 0)},

    {.head.name = "window", LENGTHS, WINDOW(9, 4), AMONG_KEYS},
    {.head.name = "window-0-0", LENGTHS, WINDOW(0, 0), AMONG_KEYS},
    {.head.name = "window-before", LENGTHS, WINDOW(9, 4), AT(-20, -8, -65, -3)},
    {.head.name = "window-behind", LENGTHS, WINDOW(9, 4), AT(40, 74, 20, 2)},
    {.head.name = "window-left-open", LENGTHS, WINDOW(VARLEN_UNBOUNDED, 6), AT(-6, -12, 8, 1)},
    {.head.name = "window-right-open", LENGTHS, WINDOW(11, VARLEN_UNBOUNDED), AT(-6, 77, 20, 1)},
    {.head.name = "window-extremes", LENGTHS, WINDOW(INT32_MAX, INT32_MAX), AT(INT32_MIN, INT32_MAX, -70, 0)},
    {.head.name = "window-extreme-positions", LENGTHS, WINDOW(3, 2), AT(INT32_MAX, INT32_MIN, 4, 0)},

    {.head.name = "alibi", LENGTHS, .slopes = SLOPES_PER_HEAD, AMONG_KEYS},
    {.head.name = "alibi-causal", LENGTHS, CAUSAL, .slopes = SLOPES_PER_HEAD, AMONG_KEYS},
    {.head.name = "alibi-per-sequence", LENGTHS, .slopes = SLOPES_PER_SEQUENCE, AT(-30, 66, 12, 0)},
    {.head.name = "alibi-window", LENGTHS, WINDOW(20, 9), .slopes = SLOPES_PER_HEAD, AT(-15, 66, 12, 0)},
    {.head.name = "alibi-far-behind", LENGTHS, CAUSAL, .slopes = SLOPES_PER_HEAD, AT(5000, 900, 20000, 4)},
    {.head.name = "alibi-far-before", LENGTHS, .slopes = SLOPES_PER_HEAD, AT(-5000, -900, -20000, 4)},
    {.head.name = "alibi-extreme-positions", FORWARD, LENGTHS, .slopes = SLOPES_PER_HEAD,
     AT(INT32_MAX, INT32_MIN, INT32_MAX - 60, INT32_MIN)},
    {.head.name = "alibi-extreme-positions-decode", FORWARD, .lens_q = INTS(1, 2, 1, 3), .lens_k = INTS(90, 40, 1100, 7),
     .slopes = SLOPES_PER_HEAD, AT(INT32_MAX, INT32_MIN, INT32_MIN + 5, INT32_MAX)},
    {.head.name = "alibi-extreme-slopes", LENGTHS, CAUSAL, .slopes = SLOPES_EXTREME, AMONG_KEYS},
    {.head.name = "cross-decoder-alibi", .lens_q = INTS(7, 12, 5), .lens_k = INTS(60, 33, 48), .slopes = SLOPES_PER_HEAD,
     AT(0, 0, 0)},

    /* Chunks count by positions, ranges and trees by keys. */
    {.head.name = "chunk", LENGTHS, .attention_chunk = 16, AMONG_KEYS},
    {.head.name = "chunk-1", LENGTHS, .attention_chunk = 1, AT(20, 66, -30, 2)},
    {.head.name = "chunk-causal", LENGTHS, CAUSAL, .attention_chunk = 7, AMONG_KEYS},
    {.head.name = "chunk-causal-before", LENGTHS, CAUSAL, .attention_chunk = 7, AT(-20, -8, -65, -3)},
    {.head.name = "chunk-causal-behind", LENGTHS, CAUSAL, .attention_chunk = 50, AT(36, 1000, 31, 5)},
    {.head.name = "chunk-window-alibi", LENGTHS, WINDOW(9, 4), .attention_chunk = 20, .slopes = SLOPES_PER_HEAD,
     AT(-6, 66, 12, 0)},
    {.head.name = "chunk-extreme-positions", LENGTHS, .attention_chunk = 64, AT(INT32_MIN, INT32_MAX, -70, 0)},
    {.head.name = "chunk-largest-extreme-positions", LENGTHS, .attention_chunk = INT32_MAX,
     AT(INT32_MAX, INT32_MIN, 4, -20)},
    {.head.name = "chunk-decode", FORWARD, .lens_q = INTS(1, 9, 2), .lens_k = INTS(1300, 1100, 2600), CAUSAL,
     .attention_chunk = 1000, AT(1200, 30, 2000)},
    {.head.name = "chunk-paged", FORWARD, LENGTHS, CAUSAL, .attention_chunk = 12, .page_size = 5, AMONG_KEYS},
    {.head.name = "ranges", LENGTHS, CAUSAL, .ranges = RANGES_ANYWHERE, AMONG_KEYS},
    {.head.name = "ranges-band-chunk", LENGTHS, .ranges = RANGES_BAND, .attention_chunk = 20, AT(-20, 40, 8, 3)},
    {.head.name = "ranges-extreme-positions", LENGTHS, WINDOW(INT32_MAX, INT32_MAX), .ranges = RANGES_ANYWHERE,
     AT(INT32_MIN, INT32_MAX, -70, 0)},
    {.head.name = "tree", FORWARD, .lens_q = INTS(20, 64, 5, 33), .lens_k = INTS(150, 100, 5, 300), CAUSAL,
     .tree = TREE_ANY, AT(140, 20, -2, 1000)},
    {.head.name = "tree-ranges-chunk", FORWARD, .lens_q = INTS(20, 64, 5, 33), .lens_k = INTS(150, 100, 5, 300),
     .tree = TREE_ANY, .ranges = RANGES_ANYWHERE, .attention_chunk = 40, AT(130, 40, 0, 266)},

    {.head.name = "softcap", LENGTHS, CAUSAL, .softcap = 1.5f, AMONG_KEYS},
    {.head.name = "sinks", LENGTHS, CAUSAL, .sinks = SINKS_ORDINARY, AMONG_KEYS},
    {.head.name = "sinks-rows-that-see-nothing", LENGTHS, CAUSAL, .sinks = SINKS_ORDINARY, AT(-20, -9, -40, -3)},
    {.head.name = "dropout", LENGTHS, CAUSAL, .dropout_p = 0.3f, AMONG_KEYS},
    {.head.name = "dropout-behind", LENGTHS, .dropout_p = 0.3f, AT(100, 1000, -100, 3)},
    {.head.name = "dlse", BACKWARD, LENGTHS, CAUSAL, .dlse = true, AT(-20, 40, -3, 3)},
    {.head.name = "everything", LENGTHS, WINDOW(30, 4), .softmax_scale = 0.17f, .softcap = 3,
     .slopes = SLOPES_PER_SEQUENCE, .sinks = SINKS_ORDINARY, .dropout_p = 0.2f, .leftpad_k = INTS(1, 0, 5, 0),
     .free_q = INTS(0, 3, 1, 0), .free_k = INTS(2, 0, 0, 7), .slack_q = 4, .slack_k = 3, .dlse = true,
     AT(-4, 44, 2, 9)},

    {.head.name = "multi-query", LENGTHS, CAUSAL, .q_heads = 6, .kv_heads = 1, AMONG_KEYS},
    {.head.name = "group-7", LENGTHS, CAUSAL, .q_heads = 7, .kv_heads = 1, AT(-3, 60, 20, 0)},
    {.head.name = "dim-128", LENGTHS, CAUSAL, .head_dim = 128, AT(10, 30, -20, 0)},
    {.head.name = "dims-192-128", LENGTHS, CAUSAL, .head_dim = 192, .value_dim = 128, AT(10, 30, -20, 0)},
    {.head.name = "dim-256", LENGTHS, CAUSAL, .head_dim = 256, .q_heads = 2, AT(10, 30, -20, 0)},
    {.head.name = "slots", LENGTHS, CAUSAL, .free_q = INTS(4, 0, 2, 1), .free_k = INTS(0, 9, 1, 3),
     .leftpad_k = INTS(2, 0, 7, 1), .slack_q = 6, .slack_k = 5, AMONG_KEYS},
    {.head.name = "max-seqlen", LENGTHS, CAUSAL, .max_seqlen = MAX_SEQLEN_EXACT, AMONG_KEYS},
    {.head.name = "deterministic", LENGTHS, CAUSAL, .flags = VARLEN_FLAG_DETERMINISTIC | VARLEN_FLAG_BATCH_INVARIANT,
     AMONG_KEYS},
    {.head.name = "alone", .lens_q = INTS(70), .lens_k = INTS(130), CAUSAL, AT(25)},
    {.head.name = "many-short", .lens_q = INTS(1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 7, 6, 5, 4, 3, 2, 1, 1, 2, 1, 3, 1, 1, 9),
     CAUSAL, AT(0, 1, -1, 2, -2, 3, -3, 4, -4, 5, -5, 6, 0, 0, 1, 1, -1, 0, 1, 0, 2, 0, -1, 3)},

    /* As engines use it: a prompt in pieces, drafts behind what is there, parts of the keys of a context that lies on
     * several devices (which stand before, among and behind their queries). */
    {.head.name = "chunked-prefill", .lens_q = INTS(64, 64, 40), .lens_k = INTS(64, 128, 168), CAUSAL, AT(0, 64, 128)},
    {.head.name = "speculative-decoding", .lens_q = INTS(5, 4, 8), .lens_k = INTS(90, 300, 33), CAUSAL, AT(85, 296, 25)},
    {.head.name = "context-parallel-parts", .lens_q = INTS(60, 60, 60), .lens_k = INTS(50, 50, 20), CAUSAL,
     AT(60, 10, -40)},
    {.head.name = "ring-zigzag", .lens_q = INTS(32, 32, 32, 32), .lens_k = INTS(32, 32, 32, 32), CAUSAL,
     AT(96, 0, -64, 32)},
    {.head.name = "decode", FORWARD, .lens_q = INTS(1, 1, 1, 1), .lens_k = INTS(300, 40, 0, 77), CAUSAL, AT(200, 39, 3, 500)},
    {.head.name = "decode-long-keys", FORWARD, .lens_q = INTS(1, 9, 2), .lens_k = INTS(1300, 1100, 2600), CAUSAL,
     AT(1200, 30, 2000)},
    {.head.name = "decode-long-keys-window", FORWARD, .lens_q = INTS(1, 9, 2), .lens_k = INTS(1300, 1100, 2600),
     WINDOW(70, 3), .slopes = SLOPES_PER_HEAD, .sinks = SINKS_ORDINARY, AT(600, -4, 2650)},
    {.head.name = "decode-group-16", FORWARD, .lens_q = INTS(1, 2, 1), .lens_k = INTS(515, 40, 900), CAUSAL, .q_heads = 16,
     .kv_heads = 1, AT(500, 10, -1)},
    {.head.name = "long-keys", .lens_q = INTS(40, 300), .lens_k = INTS(700, 300), CAUSAL, .q_heads = 6, .kv_heads = 1,
     AT(333, -120)},

    {.head.name = "paged", FORWARD, LENGTHS, CAUSAL, .page_size = 16, AMONG_KEYS},
    {.head.name = "paged-window-alibi", FORWARD, LENGTHS, WINDOW(9, 3), .slopes = SLOPES_PER_HEAD, .page_size = 5,
     .leftpad_k = INTS(3, 20, 0, 16), AT(-2, 66, 28, 1)},
    {.head.name = "paged-decode", FORWARD, .lens_q = INTS(1, 1, 4, 1), .lens_k = INTS(300, 1, 90, 77), CAUSAL,
     .page_size = 16, AT(150, 0, 80, -1)},
    {.head.name = "paged-shared-prefix", FORWARD, .lens_q = INTS(9, 4, 1), .lens_k = INTS(50, 66, 49), CAUSAL,
     .page_size = 16, .shared_pages = 3, AT(41, 48, 48)},
    {.head.name = "padded-strides", LENGTHS, CAUSAL, .layout.kind = LAYOUT_PADDED, AMONG_KEYS},
};
/* clang-format on */

const case_suite suite_positions = {
    .name = "positions",
    .passes = CASE_FORWARD | CASE_BACKWARD,
    CASE_ROWS(rows),
    .cost = attention_cost,
    .run = attention_run,
};
