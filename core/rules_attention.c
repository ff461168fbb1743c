/* The rules of varlen_attention, each with its reason, and the defaults of its fields. */
#include "rules_attention.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>

#include "rules_common.h"
#include "structs.h"
#include "vocabulary.h"

static const uint32_t known_flags = VARLEN_FLAG_DETERMINISTIC | VARLEN_FLAG_BATCH_INVARIANT | VARLEN_FLAG_EXACT_SCALE;

static varlen_status check_sizes(const varlen_attention *a)
{
    const varlen_range ranges[] = {
        {"batch", a->batch, 0, INT32_MAX},               /* 0: an engine's idle step */
        {"q_heads", a->q_heads, 1, INT32_MAX},           /* no heads, no problem to solve */
        {"kv_heads", a->kv_heads, 1, INT32_MAX},         /* it divides q_heads */
        {"total_q", a->total_q, 0, INT32_MAX},           /* cu_seqlens_q is 32 bits wide */
        {"max_seqlen_q", a->max_seqlen_q, 0, INT32_MAX}, /* 0: not known */
        {"max_seqlen_k", a->max_seqlen_k, 0, INT32_MAX},
        {"attention_chunk", a->attention_chunk, 0, INT32_MAX}, /* 0: no chunks */
    };
    const varlen_paging paging = {a->page_size, a->page_table_width, a->page_count, a->total_k};
    VARLEN_TRY(varlen_check_dtype("dtype", a->dtype));
    VARLEN_TRY(varlen_check_ranges(ranges, VARLEN_COUNT_OF(ranges)));
    /* Every kv head serves the same number of q heads; a remainder would leave some q head without keys. */
    VARLEN_RULE(a->q_heads % a->kv_heads == 0, INVALID_ARGUMENT, "kv_heads = %d does not divide q_heads = %d",
                a->kv_heads, a->q_heads);
    VARLEN_TRY(varlen_check_dim("head_dim", a->head_dim));
    if (a->value_dim != 0) /* 0: the same as head_dim */
        VARLEN_TRY(varlen_check_dim("value_dim", a->value_dim));
    return varlen_check_paging(&paging);
}

static varlen_status check_scores(const varlen_attention *a)
{
    /* A score that is not finite makes every weight of its row a NaN. */
    VARLEN_RULE(isfinite(a->softmax_scale), INVALID_ARGUMENT, "softmax_scale = %g is not finite", a->softmax_scale);
    /* tanh is odd, so a negative cap would be the positive one by another name: more likely a mistake. */
    VARLEN_RULE(isfinite(a->softcap) && a->softcap >= 0, INVALID_ARGUMENT, "softcap = %g is not finite and >= 0",
                a->softcap);
    /* Weights that are kept are divided by 1 - dropout_p. */
    VARLEN_RULE(a->dropout_p >= 0 && a->dropout_p < 1, INVALID_ARGUMENT, "dropout_p = %g is not in 0 <= p < 1",
                a->dropout_p);
    /* A flag is a promise; one that this library does not know cannot be kept. */
    VARLEN_RULE((a->flags & ~known_flags) == 0, INVALID_ARGUMENT, "flags = 0x%x has unknown bits 0x%x", a->flags,
                a->flags & ~known_flags);
    return VARLEN_OK;
}

static varlen_status check_window_side(const char *name, int32_t value, varlen_mask mask, bool is_used)
{
    /* A bound that the mask does not use would be dropped silently. */
    VARLEN_RULE(is_used || value == 0 || value == VARLEN_UNBOUNDED, INVALID_ARGUMENT,
                "%s = %d must be 0 or VARLEN_UNBOUNDED (-1) with %s", name, value,
                mask == VARLEN_MASK_FULL ? "VARLEN_MASK_FULL" : "VARLEN_MASK_CAUSAL");
    /* Other negative sides would exclude the query's own position: no model does that, but sign errors do. */
    VARLEN_RULE(value >= VARLEN_UNBOUNDED, INVALID_ARGUMENT, "%s = %d is neither >= 0 nor VARLEN_UNBOUNDED (-1)", name,
                value);
    return VARLEN_OK;
}

static varlen_status check_mask(const varlen_attention *a)
{
    VARLEN_RULE(varlen_mask_exists(a->mask), INVALID_ARGUMENT, "mask = %d is not a varlen_mask", (int)a->mask);
    VARLEN_RULE(varlen_alignment_exists(a->alignment), INVALID_ARGUMENT, "alignment = %d is not a varlen_alignment",
                (int)a->alignment);
    VARLEN_TRY(check_window_side("window_left", a->window_left, a->mask, a->mask != VARLEN_MASK_FULL));
    return check_window_side("window_right", a->window_right, a->mask, a->mask == VARLEN_MASK_WINDOW);
}

/* What follows from the other fields, none of whose defaults is resolved yet. */
static uint64_t following_features(const varlen_attention *a)
{
    uint64_t features = varlen_mask_features(a->mask) | varlen_alignment_features(a->alignment);
    if (a->mask == VARLEN_MASK_CAUSAL && a->window_left > 0)
        features |= VARLEN_FEATURE_WINDOW;
    if (a->softcap > 0)
        features |= VARLEN_FEATURE_SOFTCAP;
    if (a->dropout_p > 0)
        features |= VARLEN_FEATURE_DROPOUT;
    if (a->page_size > 0)
        features |= VARLEN_FEATURE_PAGED | VARLEN_FEATURE_SEQUSED_K;
    if (a->features & VARLEN_FEATURE_KEY_STARTS)
        features |= VARLEN_FEATURE_SEQUSED_K;
    if (a->flags & VARLEN_FLAG_DETERMINISTIC)
        features |= VARLEN_FEATURE_DETERMINISTIC;
    if (a->flags & VARLEN_FLAG_BATCH_INVARIANT)
        features |= VARLEN_FEATURE_BATCH_INVARIANT;
    if (a->attention_chunk > 0)
        features |= VARLEN_FEATURE_CHUNK;
    return features;
}

static varlen_status complete_features(varlen_attention *a)
{
    const uint64_t unknown = a->features & ~varlen_known_features;
    const uint64_t following = following_features(a);
    const uint64_t contradicted = a->features & varlen_following_features & ~following;
    /* A later version's option, which would be dropped. */
    VARLEN_RULE(unknown == 0, INVALID_ARGUMENT, "features = 0x%" PRIx64 " has unknown bits 0x%" PRIx64, a->features,
                unknown);
    /* The field was forgotten: it alone decides. */
    VARLEN_RULE(contradicted == 0, INVALID_ARGUMENT, "features has %s, but the fields of the problem say otherwise",
                varlen_feature_name(contradicted));
    a->features |= following;
    return VARLEN_OK;
}

static varlen_status check_pass(const varlen_attention *a, varlen_pass pass)
{
    VARLEN_RULE((unsigned)pass <= VARLEN_PASS_BACKWARD, INVALID_ARGUMENT, "pass = %d is not a varlen_pass", (int)pass);
    /* Pages may be shared between sequences (a common prefix): where their gradients go is not defined. */
    VARLEN_RULE(pass == VARLEN_PASS_FORWARD || a->page_size == 0, UNSUPPORTED,
                "page_size = %d: the backward pass takes packed keys and values only", a->page_size);
    /* Drafts are verified, not trained on. */
    VARLEN_RULE(pass == VARLEN_PASS_FORWARD || !(a->features & VARLEN_FEATURE_TREE_MASK), UNSUPPORTED,
                "features has %s: the backward pass takes no tree masks",
                varlen_feature_name(VARLEN_FEATURE_TREE_MASK));
    return VARLEN_OK;
}

static void resolve_window(varlen_attention *a)
{
    if (a->mask == VARLEN_MASK_WINDOW)
        return;
    if (a->mask == VARLEN_MASK_CAUSAL && a->window_left > 0)
        a->mask = VARLEN_MASK_WINDOW;
    else
        a->window_left = VARLEN_UNBOUNDED;
    a->window_right = a->mask == VARLEN_MASK_FULL ? VARLEN_UNBOUNDED : 0;
}

static void resolve_defaults(varlen_attention *a)
{
    if (a->value_dim == 0)
        a->value_dim = a->head_dim;
    if (a->softmax_scale == 0 && !(a->flags & VARLEN_FLAG_EXACT_SCALE))
        a->softmax_scale = (float)(1 / sqrt(a->head_dim));
    a->flags &= ~VARLEN_FLAG_EXACT_SCALE; /* it has been heeded */
    resolve_window(a);
}

varlen_status varlen_check_attention(const varlen_attention *given, varlen_pass pass, varlen_attention *attention)
{
    VARLEN_TRY(varlen_struct_read(VARLEN_STRUCT_ATTENTION, given, attention));
    VARLEN_TRY(check_sizes(attention));
    VARLEN_TRY(check_scores(attention));
    VARLEN_TRY(check_mask(attention));
    VARLEN_TRY(check_pass(attention, pass));
    VARLEN_TRY(complete_features(attention));
    resolve_defaults(attention);
    return VARLEN_OK;
}
