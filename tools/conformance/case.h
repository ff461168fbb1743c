/* What the tables are made of: rows that a person can read, and suites that know how to run them. A row stands for one
 * case per dtype and pass. */
#ifndef VARLEN_TESTS_CASE_H
#define VARLEN_TESTS_CASE_H

#include "layout.h"
#include "trial.h"

enum {
    CASE_FLOAT32 = 1u << VARLEN_FLOAT32,
    CASE_FLOAT16 = 1u << VARLEN_FLOAT16,
    CASE_BFLOAT16 = 1u << VARLEN_BFLOAT16,
    CASE_HALVES = CASE_FLOAT16 | CASE_BFLOAT16,
    CASE_FORWARD = 1u << VARLEN_PASS_FORWARD,
    CASE_BACKWARD = 1u << VARLEN_PASS_BACKWARD
};

/* Every row begins with this. */
typedef struct case_head {
    const char *name;
    uint32_t dtypes; /* CASE_FLOAT32 ...; 0 = all three */
    uint32_t passes; /* CASE_FORWARD | CASE_BACKWARD; 0 = all that the suite knows */
} case_head;

typedef struct int_list {
    int32_t count;
    const int32_t *at;
} int_list;

/* A list in a designated initialiser: .lens_q = INTS(3, 1, 2). */
#define INTS(...)                                                                                                      \
    {                                                                                                                  \
        sizeof((const int32_t[]){__VA_ARGS__}) / sizeof(int32_t), (const int32_t[])                                    \
        {                                                                                                              \
            __VA_ARGS__                                                                                                \
        }                                                                                                              \
    }

typedef enum slope_kind {
    SLOPES_NONE = 0,
    SLOPES_PER_HEAD,
    SLOPES_PER_SEQUENCE,
    SLOPES_EXTREME /* from 1e-30 to 3e38 */
} slope_kind;

typedef enum sink_kind {
    SINKS_NONE = 0,
    SINKS_ORDINARY,
    SINKS_VERY_NEGATIVE, /* -1e4: weighs nothing, but is the lse of a row that sees no key */
    SINKS_DOMINANT,      /* far above every score */
    SINKS_EXTREME        /* 3e38, -3e38, -infinity and 1e30 */
} sink_kind;

typedef enum value_kind {
    VALUES_NORMAL = 0,
    VALUES_HUGE_SCORES,  /* q.k is an exact integer around +-2200: with softmax_scale 4, scores of +-1e4 */
    VALUES_EQUAL_SCORES, /* all keys of the batch are the same */
    VALUES_ZEROS,        /* 0 and -0 among ordinary numbers; the first head of v is -0 throughout */
    VALUES_LARGE_V,      /* v near float16's largest number */
    VALUES_TINY,         /* q, k, v around 2^-16: denormal in float16 */
    VALUES_LARGE_LOGITS, /* q.k is an exact integer within some ten of +-2e6: with softmax_scale 1/2, logits of 1e6 */
    VALUES_LARGEST_V,    /* v up to the largest numbers of the dtype; q and k are ordinary */
    VALUES_ENDS,         /* of quantised k and v: the largest and the smallest numbers of their dtype, and zeros */
    VALUES_SHARP         /* q.k is dim * q_size * k_size times 1/16 to 16/16: exact, and far apart */
} value_kind;

typedef enum range_kind {
    RANGES_NONE = 0,
    RANGES_ANYWHERE,  /* both ends anywhere in 0 .. sk, the end before the begin as often as not */
    RANGES_BAND,      /* some keys around the query's position */
    RANGES_DOCUMENTS, /* keys of the row's own document, several to a sequence */
    RANGES_NOTHING,   /* the first rows begin at sk, others end at 0, and some see all */
    RANGES_LATE,      /* key_begin alone, anywhere */
    RANGES_CAUSAL,    /* key_end alone, as do those below: the causal mask, */
    RANGES_PREFIX,    /* of which the first third of the keys is free, */
    RANGES_IMAGES,    /* or spans of keys that see all of themselves, */
    RANGES_BLOCKS     /* or blocks of 11 that do, one after the other */
} range_kind;

typedef enum tree_kind {
    TREE_NONE = 0,
    TREE_DRAFTS,  /* each query's parent is one before it: it sees its ancestors and itself */
    TREE_ANY,     /* any bits */
    TREE_NOTHING, /* no bits */
    TREE_ALL      /* all bits, those past sq too */
} tree_kind;

/* Scales of quantised k or v. But for the last two, they undo what makes numbers use the range of their dtype. */
typedef enum scale_kind {
    SCALES_NONE = 0, /* NULL: numbers are about 1 */
    SCALES_PER_TENSOR,
    SCALES_PER_HEAD,
    SCALES_PER_TOKEN,  /* and head */
    SCALES_HEAD_MAJOR, /* the same, with the tokens of a head side by side */
    SCALES_SHARED_BY_HEADS,
    SCALES_PER_PAGE, /* and head */
    SCALES_TINY,     /* per token: about 2^-70 */
    SCALES_HUGE      /* per token: about 2^70 */
} scale_kind;

typedef enum max_seqlen_kind { MAX_SEQLEN_UNKNOWN = 0, MAX_SEQLEN_EXACT, MAX_SEQLEN_LOOSE } max_seqlen_kind;

/* An attention problem. What is left out is plain: 4 query heads on 2, dim 64, full attention, dense tensors. */
typedef struct attention_case {
    case_head head;
    int_list lens_q; /* queries of each sequence */
    int_list lens_k; /* keys; left out = lens_q */
    int_list free_q; /* rows of each slot past the ones in use; given = seqused_q is given */
    int_list free_k;
    int_list leftpad_k; /* rows at the start of each slot */
    int_list leftpad_q;
    int32_t slack_q; /* rows past cu_seqlens[batch] */
    int32_t slack_k;
    int32_t q_heads;
    int32_t kv_heads;
    int32_t head_dim;
    int32_t value_dim;
    varlen_mask mask;
    varlen_alignment alignment;
    int32_t window_left;
    int32_t window_right;
    int32_t attention_chunk;
    range_kind ranges;
    tree_kind tree;
    float softmax_scale;
    float softcap;
    float dropout_p;
    bool dropout_in_memory; /* seed and offset come from dropout_state */
    bool without_lse;
    slope_kind slopes;
    sink_kind sinks;
    bool dlse; /* backward gets a gradient of lse */
    value_kind values;
    float q_size; /* of VALUES_SHARP */
    float k_size;
    max_seqlen_kind max_seqlen;
    int32_t page_size;
    bool without_table;   /* no sequence has keys: page_table_width = 0 and page_table = NULL */
    int32_t shared_pages; /* the first pages of each later sequence that are those of the first one */
    uint32_t flags;
    tensor_layout layout;
    int_list query_positions; /* of each sequence's first query; left out = by the alignment */
    int_list key_starts;      /* row where each slot begins, in place of cu_seqlens_k; without free_k */
    varlen_dtype kv_dtype;    /* of k and v; 0 = the case's */
    scale_kind k_scales;
    scale_kind v_scales;
} attention_case;

/* A table and what its rows mean. A case is called "forward/masks/<row>/f16", by pass, or "around/merge/<row>/f16". */
typedef struct case_suite {
    const char *name;
    uint32_t passes; /* CASE_FORWARD ...: a row is a case in each, whose name it leads; 0 = no matter of passes */
    bool one_dtype;  /* a row is one case, in bfloat16 if it matters, and the name does not say so */
    const void *rows;
    size_t row_size;
    int row_count;
    double (*cost)(const void *row); /* multiplications, to tell small cases; NULL = small */
    void (*run)(case_trial *trial, const void *row);
} case_suite;

#define CASE_ROWS(table) .rows = (table), .row_size = sizeof(table)[0], .row_count = sizeof(table) / sizeof(table)[0]

extern const case_suite suite_lengths;
extern const case_suite suite_masks;
extern const case_suite suite_ranges;
extern const case_suite suite_chunks;
extern const case_suite suite_trees;
extern const case_suite suite_features;
extern const case_suite suite_values;
extern const case_suite suite_shapes;
extern const case_suite suite_wide;
extern const case_suite suite_latent;
extern const case_suite suite_paged;
extern const case_suite suite_quantized;
extern const case_suite suite_layout;
extern const case_suite suite_leftpad_q;
extern const case_suite suite_merge;
extern const case_suite suite_cu_seqlens;
extern const case_suite suite_pack;
extern const case_suite suite_unpack;
extern const case_suite suite_pack_bytes;
extern const case_suite suite_unpack_bytes;
extern const case_suite suite_append;
extern const case_suite suite_append_attend;
extern const case_suite suite_memory;
extern const case_suite suite_metadata;
extern const case_suite suite_metadata_around;
extern const case_suite suite_alone;
extern const case_suite suite_twice;
extern const case_suite suite_threads;
extern const case_suite suite_poison;
extern const case_suite suite_max_seqlen;
extern const case_suite suite_positions;
extern const case_suite suite_key_starts;
extern const case_suite suite_copies;

/* Of attention suites. */
double attention_cost(const void *row);
void attention_run(case_trial *trial, const void *row);

#endif
