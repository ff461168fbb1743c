/* struct_size negotiation, with the sizes of the first release. */
#include "structs.h"

#include <string.h>

#include "rule.h"

typedef struct layout {
    const char *argument; /* the name of the function parameter */
    size_t first_size;    /* in release 0.1: never changes, also when fields are appended */
    size_t current_size;
} layout;

/* `last_field` is the last that release 0.1 had. */
#define LAYOUT(argument, type, last_field)                                                                             \
    {                                                                                                                  \
        argument, offsetof(type, last_field) + sizeof(((type *)0)->last_field), sizeof(type)                           \
    }

static const layout layouts[VARLEN_STRUCT_KIND_COUNT] = {
    [VARLEN_STRUCT_OPEN_OPTIONS] = LAYOUT("options", varlen_open_options, reserved),
    [VARLEN_STRUCT_ATTENTION] = LAYOUT("attention", varlen_attention, page_count),
    [VARLEN_STRUCT_INPUTS] = LAYOUT("inputs", varlen_inputs, dropout_state),
    [VARLEN_STRUCT_FORWARD_ARGS] = LAYOUT("args", varlen_forward_args, workspace_size),
    [VARLEN_STRUCT_BACKWARD_ARGS] = LAYOUT("args", varlen_backward_args, workspace_size),
    [VARLEN_STRUCT_MERGE_ARGS] = LAYOUT("args", varlen_merge_args, reserved),
    [VARLEN_STRUCT_PACK_ARGS] = LAYOUT("args", varlen_pack_args, cu_seqlens),
    [VARLEN_STRUCT_KV_APPEND_ARGS] = LAYOUT("args", varlen_kv_append_args, rotary_interleaved),
    [VARLEN_STRUCT_BACKEND_INFO] = LAYOUT("info", varlen_backend_info, abi_version),
    [VARLEN_STRUCT_DEVICE_INFO] = LAYOUT("info", varlen_device_info, reserved),
    [VARLEN_STRUCT_SEARCH_FOLDER] = LAYOUT("folder", varlen_search_folder, reason),
    [VARLEN_STRUCT_ENVIRONMENT_VARIABLE] = LAYOUT("variable", varlen_environment_variable, value),
};

/* A size that was never set is a random number; one above this is taken for that, before memory is read that is not
 * there. */
static const size_t largest_size = 4096;

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
    memset(whole, 0, row->current_size);
    memcpy(whole, given, size < row->current_size ? size : row->current_size);
    memcpy(whole, &row->current_size, sizeof row->current_size);
    return VARLEN_OK;
}

varlen_status varlen_struct_write(varlen_struct_kind kind, const void *whole, void *given)
{
    const layout *row = &layouts[kind];
    size_t size = 0;
    VARLEN_TRY(check_size(row, given, &size));
    memset(given, 0, size);
    memcpy(given, whole, size < row->current_size ? size : row->current_size);
    memcpy(given, &size, sizeof size);
    return VARLEN_OK;
}
