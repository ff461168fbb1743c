#include "vocabulary.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])
#define NAMED(feature)                                                                                                 \
    {                                                                                                                  \
        feature, #feature                                                                                              \
    }

static const char *const dtype_names[] = {
    [VARLEN_FLOAT32] = "float32",
    [VARLEN_FLOAT16] = "float16",
    [VARLEN_BFLOAT16] = "bfloat16",
};

static const uint64_t mask_features[] = {
    [VARLEN_MASK_FULL] = 0,
    [VARLEN_MASK_CAUSAL] = VARLEN_FEATURE_CAUSAL,
    [VARLEN_MASK_WINDOW] = VARLEN_FEATURE_WINDOW,
};

static const uint64_t alignment_features[] = {
    [VARLEN_ALIGN_BOTTOM_RIGHT] = 0,
    [VARLEN_ALIGN_TOP_LEFT] = VARLEN_FEATURE_TOP_LEFT,
};

static const struct {
    uint64_t bit;
    const char *name;
} feature_names[] = {
    NAMED(VARLEN_FEATURE_SEQUSED_Q),     NAMED(VARLEN_FEATURE_SEQUSED_K),       NAMED(VARLEN_FEATURE_LEFTPAD_K),
    NAMED(VARLEN_FEATURE_ALIBI),         NAMED(VARLEN_FEATURE_SINKS),           NAMED(VARLEN_FEATURE_DROPOUT_STATE),
    NAMED(VARLEN_FEATURE_LSE),           NAMED(VARLEN_FEATURE_DSINKS),          NAMED(VARLEN_FEATURE_EXPANDED),
    NAMED(VARLEN_FEATURE_CAUSAL),        NAMED(VARLEN_FEATURE_WINDOW),          NAMED(VARLEN_FEATURE_TOP_LEFT),
    NAMED(VARLEN_FEATURE_SOFTCAP),       NAMED(VARLEN_FEATURE_DROPOUT),         NAMED(VARLEN_FEATURE_PAGED),
    NAMED(VARLEN_FEATURE_DETERMINISTIC), NAMED(VARLEN_FEATURE_BATCH_INVARIANT), NAMED(VARLEN_FEATURE_DLSE),
    NAMED(VARLEN_FEATURE_KEY_RANGES),    NAMED(VARLEN_FEATURE_QUERY_POSITIONS), NAMED(VARLEN_FEATURE_KEY_STARTS),
    NAMED(VARLEN_FEATURE_TREE_MASK),     NAMED(VARLEN_FEATURE_LEFTPAD_Q),       NAMED(VARLEN_FEATURE_CHUNK),
};

/* Bits are given out in order, without a gap. */
const uint64_t varlen_known_features = ((uint64_t)1 << COUNT_OF(feature_names)) - 1;

const uint64_t varlen_following_features = VARLEN_FEATURE_CAUSAL | VARLEN_FEATURE_WINDOW | VARLEN_FEATURE_TOP_LEFT |
                                           VARLEN_FEATURE_SOFTCAP | VARLEN_FEATURE_DROPOUT | VARLEN_FEATURE_PAGED |
                                           VARLEN_FEATURE_DETERMINISTIC | VARLEN_FEATURE_BATCH_INVARIANT |
                                           VARLEN_FEATURE_CHUNK;

const char *varlen_dtype_name(varlen_dtype dtype)
{
    return (unsigned)dtype < COUNT_OF(dtype_names) ? dtype_names[dtype] : NULL;
}

bool varlen_mask_exists(varlen_mask mask)
{
    return (unsigned)mask < COUNT_OF(mask_features);
}

bool varlen_alignment_exists(varlen_alignment alignment)
{
    return (unsigned)alignment < COUNT_OF(alignment_features);
}

uint64_t varlen_mask_features(varlen_mask mask)
{
    return mask_features[mask];
}

uint64_t varlen_alignment_features(varlen_alignment alignment)
{
    return alignment_features[alignment];
}

const char *varlen_feature_name(uint64_t features)
{
    const uint64_t lowest = features & (~features + 1);
    for (size_t i = 0; i < COUNT_OF(feature_names); i++)
        if (feature_names[i].bit == lowest)
            return feature_names[i].name;
    return "an unknown feature";
}
