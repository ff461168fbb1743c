/* The public view of the registry: what was found, what was refused, and why. */
#include "devices.h"
#include "kept_text.h"
#include "os.h"
#include "registry.h"
#include "rule.h"
#include "structs.h"

varlen_status varlen_add_backend_folder(const char *path)
{
    VARLEN_RULE(path, INVALID_ARGUMENT, "path is NULL");
    /* What a relative one means changes with the working directory, and plugins are code. */
    VARLEN_RULE(varlen_os_is_absolute(path), INVALID_ARGUMENT, "path = \"%s\" is not absolute", path);
    return varlen_registry_add_folder(path);
}

int32_t varlen_backend_count(void)
{
    return varlen_registry_backend_count();
}

/* Asked each time, for drivers may start and stop; and outside the registry's lock, for the first question may start
 * one. */
static void add_devices(const varlen_backend *backend, varlen_backend_info *info)
{
    const varlen_text kept = varlen_error_keep();
    int32_t count = 0;
    const varlen_status status = varlen_device_count(backend, &count);
    info->description = varlen_kept_text(backend->description);
    info->reason = status == VARLEN_OK ? "" : varlen_kept_text(varlen_error_message());
    info->state = status == VARLEN_OK ? VARLEN_BACKEND_USABLE : VARLEN_BACKEND_NO_DEVICE;
    info->priority = backend->priority;
    info->device_count = count;
    varlen_error_restore(&kept);
}

varlen_status varlen_get_backend(int32_t index, varlen_backend_info *info)
{
    varlen_listed_backend listed;
    VARLEN_RULE(varlen_registry_backend(index, &listed), INVALID_ARGUMENT,
                "index = %d is not below varlen_backend_count() = %d", index, varlen_backend_count());
    varlen_backend_info whole = {
        .name = listed.name,
        .path = listed.path,
        .description = "",
        .reason = listed.reason,
        .state = VARLEN_BACKEND_REFUSED,
        .abi_version = listed.abi_version,
    };
    if (listed.backend)
        add_devices(listed.backend, &whole);
    return varlen_struct_write(VARLEN_STRUCT_BACKEND_INFO, &whole, info);
}

int32_t varlen_search_folder_count(void)
{
    return varlen_registry_folder_count();
}

varlen_status varlen_get_search_folder(int32_t index, varlen_search_folder *folder)
{
    varlen_search_folder whole = {.struct_size = 0};
    VARLEN_RULE(varlen_registry_folder(index, &whole), INVALID_ARGUMENT,
                "index = %d is not below varlen_search_folder_count() = %d", index, varlen_search_folder_count());
    return varlen_struct_write(VARLEN_STRUCT_SEARCH_FOLDER, &whole, folder);
}
