/* The public view of the registry: what was found, what was refused, and why. */
#include "devices.h"
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
    int32_t count = 0;
    while (varlen_registry_candidate(count))
        count++;
    return count;
}

/* Asks outside the registry's lock, because the first question may start a vendor's driver. */
static void learn_devices(varlen_candidate *candidate)
{
    const varlen_text kept = varlen_error_keep();
    int32_t count = 0;
    const varlen_status status = varlen_device_count(&candidate->plugin.backend, &count);
    varlen_registry_keep_devices(candidate, count, status == VARLEN_OK ? "" : varlen_error_message());
    varlen_error_restore(&kept);
}

varlen_status varlen_get_backend(int32_t index, varlen_backend_info *info)
{
    varlen_candidate *candidate = varlen_registry_candidate(index);
    VARLEN_RULE(candidate, INVALID_ARGUMENT, "index = %d is not below varlen_backend_count() = %d", index,
                varlen_backend_count());
    varlen_backend_info whole = {
        .name = candidate->name,
        .path = candidate->path,
        .description = "",
        .reason = candidate->reason,
        .state = VARLEN_BACKEND_REFUSED,
        .abi_version = candidate->plugin.abi_version,
    };
    if (candidate->state == VARLEN_CANDIDATE_LOADED) {
        learn_devices(candidate);
        whole.description = candidate->plugin.backend.description;
        whole.reason = candidate->device_reason;
        whole.state = candidate->device_count > 0 ? VARLEN_BACKEND_USABLE : VARLEN_BACKEND_NO_DEVICE;
        whole.priority = candidate->plugin.backend.priority;
        whole.device_count = candidate->device_count;
    }
    return varlen_struct_write(VARLEN_STRUCT_BACKEND_INFO, &whole, info);
}

int32_t varlen_search_folder_count(void)
{
    int32_t count = 0;
    while (varlen_registry_folder(count))
        count++;
    return count;
}

varlen_status varlen_get_search_folder(int32_t index, varlen_search_folder *folder)
{
    const varlen_folder *found = varlen_registry_folder(index);
    VARLEN_RULE(found, INVALID_ARGUMENT, "index = %d is not below varlen_search_folder_count() = %d", index,
                varlen_search_folder_count());
    const varlen_search_folder whole = {.path = found->path, .origin = found->origin, .reason = found->reason};
    return varlen_struct_write(VARLEN_STRUCT_SEARCH_FOLDER, &whole, folder);
}
