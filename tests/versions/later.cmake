# Writes the headers and the vocabulary of a version that has one more of everything: a field at the end of each struct
# that a call hands to a plugin, two features, a dtype and a mask. cmake -DSOURCE=<the project> -DTO=<folder> -P later.cmake

function(change text from to)
  string(FIND "${${text}}" "${from}" place)
  if(place EQUAL -1)
    message(FATAL_ERROR "later.cmake looks for what is not there: ${from}")
  endif()
  string(REPLACE "${from}" "${to}" changed "${${text}}")
  set(${text} "${changed}" PARENT_SCOPE)
endfunction()

file(READ "${SOURCE}/include/varlen/varlen.h" api)
foreach(struct IN ITEMS attention inputs forward_args backward_args merge_args pack_args kv_append_args device_info)
  change(api "\n} varlen_${struct};" "\n    uint64_t later;\n} varlen_${struct};")
endforeach()
change(api "    VARLEN_BFLOAT16 = 2\n" "    VARLEN_BFLOAT16 = 2,\n    VARLEN_FLOAT8 = 3\n")
change(api " || dtype == VARLEN_BFLOAT16 ? 2 : 0;" " || dtype == VARLEN_BFLOAT16 ? 2 : dtype == VARLEN_FLOAT8;")
change(api "    VARLEN_MASK_WINDOW = 2 " "    VARLEN_MASK_LATER = 3,\n    VARLEN_MASK_WINDOW = 2 ")
change(api "#define VARLEN_FEATURE_BATCH_INVARIANT " "#define VARLEN_FEATURE_LATER ((uint64_t)1 << 24)
#define VARLEN_FEATURE_LATER_MASK ((uint64_t)1 << 25)
#define VARLEN_FEATURE_BATCH_INVARIANT ")

file(READ "${SOURCE}/include/varlen/backend.h" abi)
change(abi "#define VARLEN_BACKEND_ABI_MINOR 0u" "#define VARLEN_BACKEND_ABI_MINOR 1u")
change(abi "\n} varlen_backend_open;" "\n    uint64_t later;\n} varlen_backend_open;")

file(READ "${SOURCE}/core/vocabulary.c" vocabulary)
change(vocabulary "    [VARLEN_BFLOAT16] = \"bfloat16\",\n"
  "    [VARLEN_BFLOAT16] = \"bfloat16\",\n    [VARLEN_FLOAT8] = \"float8\",\n")
change(vocabulary "    [VARLEN_MASK_WINDOW] = VARLEN_FEATURE_WINDOW,\n"
  "    [VARLEN_MASK_WINDOW] = VARLEN_FEATURE_WINDOW,\n    [VARLEN_MASK_LATER] = VARLEN_FEATURE_LATER_MASK,\n")
change(vocabulary "NAMED(VARLEN_FEATURE_BATCH_INVARIANT),"
  "NAMED(VARLEN_FEATURE_BATCH_INVARIANT), NAMED(VARLEN_FEATURE_LATER), NAMED(VARLEN_FEATURE_LATER_MASK),")
change(vocabulary "varlen_following_features = VARLEN_FEATURE_CAUSAL |"
  "varlen_following_features = VARLEN_FEATURE_LATER_MASK | VARLEN_FEATURE_CAUSAL |")

file(WRITE "${TO}/varlen/varlen.h" "${api}")
file(WRITE "${TO}/varlen/backend.h" "${abi}")
file(WRITE "${TO}/vocabulary.c" "${vocabulary}")
