/* Structs that may grow: agreeing on their size with programs built against older and newer headers. */
#ifndef VARLEN_CORE_STRUCTS_H
#define VARLEN_CORE_STRUCTS_H

#include <varlen/varlen.h>

/* Every public struct that begins with struct_size and passes between program and library. */
typedef enum varlen_struct_kind {
    VARLEN_STRUCT_OPEN_OPTIONS,
    VARLEN_STRUCT_ATTENTION,
    VARLEN_STRUCT_INPUTS,
    VARLEN_STRUCT_FORWARD_ARGS,
    VARLEN_STRUCT_BACKWARD_ARGS,
    VARLEN_STRUCT_MERGE_ARGS,
    VARLEN_STRUCT_PACK_ARGS,
    VARLEN_STRUCT_KV_APPEND_ARGS,
    VARLEN_STRUCT_BACKEND_INFO,
    VARLEN_STRUCT_DEVICE_INFO,
    VARLEN_STRUCT_SEARCH_FOLDER,
    VARLEN_STRUCT_ENVIRONMENT_VARIABLE,
    VARLEN_STRUCT_KIND_COUNT
} varlen_struct_kind;

/* Copies what the program gave into `whole`, a struct of this library's size: fields that the program's header did not
 * have become zero. Refused: NULL, a size below that of the first release, and fields that this library does not know
 * unless they are zero. */
varlen_status varlen_struct_read(varlen_struct_kind kind, const void *given, void *whole);

/* Copies `whole` into the program's struct as far as that goes, keeps its struct_size, and zeroes what this library
 * does not know. Refused, with nothing written: NULL, and sizes that no release has had. */
varlen_status varlen_struct_write(varlen_struct_kind kind, const void *whole, void *given);

#endif
