/* The enumerators and bits of this version of the API, by name. A version that adds one adds its row here, and a bit of
 * features for each that a backend may not know. */
#ifndef VARLEN_CORE_VOCABULARY_H
#define VARLEN_CORE_VOCABULARY_H

#include <stdbool.h>

#include <varlen/varlen.h>

const char *varlen_dtype_name(varlen_dtype dtype); /* "float32"; NULL: there is none */

bool varlen_mask_exists(varlen_mask mask);
bool varlen_alignment_exists(varlen_alignment alignment);

/* The features that follow from them. */
uint64_t varlen_mask_features(varlen_mask mask);
uint64_t varlen_alignment_features(varlen_alignment alignment);

extern const uint64_t varlen_known_features;
extern const uint64_t varlen_following_features; /* those of them that follow from fields of the problem */

/* The name of the lowest bit that is set, "VARLEN_FEATURE_SINKS"; "an unknown feature" for one that is not known. */
const char *varlen_feature_name(uint64_t features);

#endif
