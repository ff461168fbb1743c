/* The CPU backend under the name "partial", without what VARLEN_TEST_WITHOUT lists: optional functions and features, as
 * in "merge,pack,sinks", "dims_above_64", and "host_memory", so that it seems to be an accelerator. What is left gives
 * true results. */
#include <dlfcn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <varlen/backend.h>

typedef struct optional_function {
    const char *name;
    size_t offset;
} optional_function;

static const optional_function optional_functions[] = {
    {"backward", offsetof(varlen_backend, backward)},     {"merge", offsetof(varlen_backend, merge)},
    {"cu_seqlens", offsetof(varlen_backend, cu_seqlens)}, {"pack", offsetof(varlen_backend, pack)},
    {"unpack", offsetof(varlen_backend, unpack)},         {"kv_append", offsetof(varlen_backend, kv_append)},
    {"explain", offsetof(varlen_backend, explain)},
};

typedef struct optional_feature {
    const char *name;
    uint64_t bit;
} optional_feature;

static const optional_feature optional_features[] = {
    {"alibi", VARLEN_FEATURE_ALIBI}, {"expanded", VARLEN_FEATURE_EXPANDED}, {"paged", VARLEN_FEATURE_PAGED},
    {"sinks", VARLEN_FEATURE_SINKS}, {"window", VARLEN_FEATURE_WINDOW},
};

static varlen_backend table;
static varlen_limits limits; /* of both passes */

static const varlen_backend *whole;

static varlen_status accelerator_info(const varlen_host *host, int32_t device, varlen_device_info *info)
{
    const varlen_status status = whole->device_info(host, device, info);
    info->flags &= ~(uint32_t)VARLEN_DEVICE_HOST_MEMORY;
    return status;
}

static bool is_called(const char *known, const char *name, size_t length)
{
    return strlen(known) == length && strncmp(known, name, length) == 0;
}

static bool leave_out(const char *name, size_t length)
{
    if (is_called("host_memory", name, length)) {
        table.device_info = accelerator_info;
        return true;
    }
    if (is_called("dims_above_64", name, length)) {
        limits.head_dim = limits.value_dim = 64;
        return true;
    }
    for (size_t i = 0; i < sizeof optional_features / sizeof optional_features[0]; i++)
        if (is_called(optional_features[i].name, name, length)) {
            limits.features &= ~optional_features[i].bit;
            return true;
        }
    for (size_t i = 0; i < sizeof optional_functions / sizeof optional_functions[0]; i++) {
        const optional_function *function = &optional_functions[i];
        if (is_called(function->name, name, length)) {
            memset((char *)&table + function->offset, 0, sizeof table.merge);
            return true;
        }
    }
    return false;
}

/* False if there is a name among them that nothing has. */
static bool leave_out_all(const char *names)
{
    while (*names) {
        const size_t length = strcspn(names, ",");
        if (!leave_out(names, length))
            return false;
        names += length + (names[length] == ',');
    }
    return true;
}

const varlen_backend *varlen_backend_entry(const varlen_host *host)
{
    void *library = dlopen(PARTIAL_OF, RTLD_NOW | RTLD_LOCAL);
    void *symbol = library ? dlsym(library, VARLEN_BACKEND_ENTRY_SYMBOL) : NULL;
    varlen_backend_entry_function entry;
    memcpy(&entry, &symbol, sizeof entry);
    whole = entry ? entry(host) : NULL;
    if (!whole) {
        host->fail(VARLEN_ERROR_OUT_OF_MEMORY, "the CPU backend cannot be loaded");
        return NULL;
    }
    table = *whole;
    limits = *whole->forward_limits;
    table.name = "partial";
    table.forward_limits = table.backward_limits = &limits;
    const char *names = getenv("VARLEN_TEST_WITHOUT");
    if (names && !leave_out_all(names)) {
        host->fail(VARLEN_ERROR_BACKEND_UNAVAILABLE, "VARLEN_TEST_WITHOUT = \"%s\" names what cannot be left out",
                   names);
        return NULL;
    }
    return &table;
}
