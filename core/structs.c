/* struct_size negotiation with programs and plugins, with the sizes of the first release. */
#include "structs.h"

#include <string.h>

#include "rule.h"

typedef struct layout {
    const char *argument; /* the name of the function parameter, or of the field that leads to it */
    size_t first_size;    /* in release 0.1: never changes, also when fields are appended */
    size_t current_size;
    const char *type;
    size_t place; /* where varlen_struct_sizes has the plugin's size; 0: it is not handed to plugins */
} layout;

/* The size of a struct that ends with a field: what its last eight bytes have beside that is padding. */
#define END_OF(type, field) ((offsetof(type, field) + sizeof(((type *)0)->field) + 7) / 8 * 8)

/* `last_field` is the last that release 0.1 had. */
#define LAYOUT(argument, type, last_field)                                                                             \
    {                                                                                                                  \
        argument, END_OF(type, last_field), sizeof(type), #type, 0                                                     \
    }

/* `place` is the field of varlen_struct_sizes. */
#define HANDED(argument, type, last_field, place)                                                                      \
    {                                                                                                                  \
        argument, END_OF(type, last_field), sizeof(type), #type, offsetof(varlen_struct_sizes, place)                  \
    }

static const layout layouts[VARLEN_STRUCT_KIND_COUNT] = {
    [VARLEN_STRUCT_OPEN_OPTIONS] = LAYOUT("options", varlen_open_options, reserved),
    [VARLEN_STRUCT_BACKEND_INFO] = LAYOUT("info", varlen_backend_info, abi_version),
    [VARLEN_STRUCT_SEARCH_FOLDER] = LAYOUT("folder", varlen_search_folder, reason),
    [VARLEN_STRUCT_ENVIRONMENT_VARIABLE] = LAYOUT("variable", varlen_environment_variable, value),
    [VARLEN_STRUCT_ATTENTION] = HANDED("attention", varlen_attention, kv_dtype, attention),
    [VARLEN_STRUCT_INPUTS] = HANDED("inputs", varlen_inputs, v_scale_page_stride, inputs),
    [VARLEN_STRUCT_FORWARD_ARGS] = HANDED("args", varlen_forward_args, workspace_size, forward_args),
    [VARLEN_STRUCT_BACKWARD_ARGS] = HANDED("args", varlen_backward_args, dlse, backward_args),
    [VARLEN_STRUCT_MERGE_ARGS] = HANDED("args", varlen_merge_args, reserved, merge_args),
    [VARLEN_STRUCT_PACK_ARGS] = HANDED("args", varlen_pack_args, leftpad, pack_args),
    [VARLEN_STRUCT_KV_APPEND_ARGS] = HANDED("args", varlen_kv_append_args, reserved, kv_append_args),
    [VARLEN_STRUCT_DEVICE_INFO] = HANDED("info", varlen_device_info, reserved, device_info),
    [VARLEN_STRUCT_KERNEL_FAMILY] = HANDED("family", varlen_kernel_family, calls, kernel_family),
    [VARLEN_STRUCT_BACKEND_OPEN] = HANDED("options", varlen_backend_open, threads, open),
};

/* A size that was never set is a random number; one above this is taken for that, before memory is read that is not
 * there. */
static const size_t largest_size = 4096;

/* A struct of one size into one of another: what only the new one has is 0. */
static void copy_known(void *to, size_t to_size, const void *from, size_t from_size)
{
    const size_t known = from_size < to_size ? from_size : to_size;
    memcpy(to, from, known);
    memset((char *)to + known, 0, to_size - known);
    memcpy(to, &to_size, sizeof to_size);
}

static varlen_status check_size(const layout *row, const void *given, size_t *size)
{
    VARLEN_RULE(given, INVALID_ARGUMENT, "%s is NULL", row->argument);
    memcpy(size, given, sizeof *size);
    VARLEN_RULE(*size >= row->first_size, INVALID_ARGUMENT, "%s.struct_size = %zu is below %zu; set it to sizeof",
                row->argument, *size, row->first_size);
    VARLEN_RULE(*size <= largest_size, INVALID_ARGUMENT, "%s.struct_size = %zu is above %zu; set it to sizeof",
                row->argument, *size, largest_size);
    return VARLEN_OK;
}

varlen_status varlen_struct_read(varlen_struct_kind kind, const void *given, void *whole)
{
    const layout *row = &layouts[kind];
    size_t size = 0;
    VARLEN_TRY(check_size(row, given, &size));
    for (size_t i = row->current_size; i < size; i++) /* the field may be an option that must not be dropped */
        VARLEN_RULE(((const unsigned char *)given)[i] == 0, INVALID_ARGUMENT,
                    "%s.struct_size = %zu is above the %zu bytes that this library knows, and byte %zu is not 0",
                    row->argument, size, row->current_size, i);
    copy_known(whole, row->current_size, given, size);
    return VARLEN_OK;
}

varlen_status varlen_struct_write(varlen_struct_kind kind, const void *whole, void *given)
{
    const layout *row = &layouts[kind];
    size_t size = 0;
    VARLEN_TRY(check_size(row, given, &size));
    copy_known(given, size, whole, row->current_size);
    return VARLEN_OK;
}

/* ---- Plugins ---- */

static size_t plugin_size(const varlen_backend *backend, const layout *row)
{
    size_t size;
    memcpy(&size, (const char *)backend->struct_sizes + row->place, sizeof size);
    return size;
}

varlen_status varlen_struct_check_sizes(const varlen_backend *backend)
{
    const size_t first_size = END_OF(varlen_struct_sizes, kernel_family);
    const varlen_struct_sizes *sizes = backend->struct_sizes;
    VARLEN_RULE(sizes, BACKEND_UNAVAILABLE, "it has no struct_sizes");
    VARLEN_RULE(sizes->struct_size >= first_size, BACKEND_UNAVAILABLE,
                "its struct_sizes.struct_size = %zu is below the %zu bytes of plugin ABI 1.0", sizes->struct_size,
                first_size);
    for (const layout *row = layouts; row < layouts + VARLEN_STRUCT_KIND_COUNT; row++) {
        const size_t size = row->place ? plugin_size(backend, row) : row->first_size;
        VARLEN_RULE(size >= row->first_size && size <= VARLEN_STRUCT_ROOM, BACKEND_UNAVAILABLE,
                    "it was built with a %s of %zu bytes, which is not in %zu .. %d", row->type, size, row->first_size,
                    VARLEN_STRUCT_ROOM);
    }
    return VARLEN_OK;
}

varlen_status varlen_struct_check_fit(varlen_struct_kind kind, const void *whole, const varlen_backend *backend)
{
    const layout *row = &layouts[kind];
    const size_t known = plugin_size(backend, row);
    for (size_t i = known; i < row->current_size; i++)
        VARLEN_RULE(((const unsigned char *)whole)[i] == 0, UNSUPPORTED,
                    "%s is larger than the %zu bytes that backend %s was built with, and byte %zu, which it does not "
                    "know, is not 0",
                    row->type, known, backend->name, i);
    return VARLEN_OK;
}

void varlen_struct_copy(varlen_struct_kind kind, const void *whole, const varlen_backend *backend,
                        varlen_struct_room *room)
{
    const layout *row = &layouts[kind];
    copy_known(room->bytes, plugin_size(backend, row), whole, row->current_size);
}

const void *varlen_struct_fit(varlen_struct_kind kind, const void *whole, const varlen_backend *backend,
                              varlen_struct_room *room)
{
    if (plugin_size(backend, &layouts[kind]) == layouts[kind].current_size)
        return whole;
    varlen_struct_copy(kind, whole, backend, room);
    return room->bytes;
}

void varlen_struct_take(varlen_struct_kind kind, const varlen_struct_room *room, const varlen_backend *backend,
                        void *whole)
{
    const layout *row = &layouts[kind];
    copy_known(whole, row->current_size, room->bytes, plugin_size(backend, row));
}
