/* Structs that may grow: agreeing on their size with programs and plugins built against older and newer headers. */
#ifndef VARLEN_CORE_STRUCTS_H
#define VARLEN_CORE_STRUCTS_H

#include <varlen/backend.h>

/* Every public struct that begins with struct_size and passes between program and library, or library and plugin. */
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
    VARLEN_STRUCT_KERNEL_FAMILY,
    VARLEN_STRUCT_BACKEND_OPEN,
    VARLEN_STRUCT_KIND_COUNT
} varlen_struct_kind;

/* Copies what the program gave into `whole`, a struct of this library's size: fields that the program's header did not
 * have become zero. Refused: NULL, a size below that of the first release, and fields that this library does not know
 * unless they are zero. */
varlen_status varlen_struct_read(varlen_struct_kind kind, const void *given, void *whole);

/* Copies `whole` into the program's struct as far as that goes, keeps its struct_size, and zeroes what this library
 * does not know. Refused, with nothing written: NULL, and sizes that no release has had. */
varlen_status varlen_struct_write(varlen_struct_kind kind, const void *whole, void *given);

/* ---- Plugins ---- */

/* A struct on its way to a plugin or back: the largest that one may have been built with. */
enum { VARLEN_STRUCT_ROOM = 1024 };
typedef struct varlen_struct_room {
    _Alignas(16) unsigned char bytes[VARLEN_STRUCT_ROOM];
} varlen_struct_room;

/* Refuses, with VARLEN_ERROR_BACKEND_UNAVAILABLE, a table whose struct_sizes no version can have. */
varlen_status varlen_struct_check_sizes(const varlen_backend *backend);

/* Refuses, with VARLEN_ERROR_UNSUPPORTED, a struct that says something in fields that the plugin does not have. */
varlen_status varlen_struct_check_fit(varlen_struct_kind kind, const void *whole, const varlen_backend *backend);

/* `whole` as the plugin has it, cut or continued by zeros. */
void varlen_struct_copy(varlen_struct_kind kind, const void *whole, const varlen_backend *backend,
                        varlen_struct_room *room);

/* Likewise: `whole` itself, where the sizes agree, or else the copy in `room`. */
const void *varlen_struct_fit(varlen_struct_kind kind, const void *whole, const varlen_backend *backend,
                              varlen_struct_room *room);

/* The way back: what a plugin has written to its own copy in `room`. */
void varlen_struct_take(varlen_struct_kind kind, const varlen_struct_room *room, const varlen_backend *backend,
                        void *whole);

#endif
