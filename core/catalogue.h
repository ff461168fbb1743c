/* All backends that were found, in order of search and by name. The registry's lock guards it. */
#ifndef VARLEN_CORE_CATALOGUE_H
#define VARLEN_CORE_CATALOGUE_H

#include "folders.h"

typedef struct varlen_catalogue {
    varlen_candidate **in_order;
    varlen_candidate **by_name; /* those of one name side by side, in order of search */
    int32_t count;
} varlen_catalogue;

/* Rows `first` up to `end` of by_name. */
typedef struct varlen_namesakes {
    int32_t first;
    int32_t end;
} varlen_namesakes;

/* Takes the builtins, then the files of each folder. Fails with VARLEN_ERROR_OUT_OF_MEMORY alone, and then leaves the
 * catalogue as it was. */
varlen_status varlen_catalogue_fill(varlen_catalogue *catalogue, varlen_candidate *builtins, int32_t builtin_count,
                                    const varlen_folder_list *folders);

varlen_namesakes varlen_catalogue_find(const varlen_catalogue *catalogue, const char *name);

/* Those of the row's name, if `first` is the first of them. */
varlen_namesakes varlen_catalogue_at(const varlen_catalogue *catalogue, int32_t first);

#endif
