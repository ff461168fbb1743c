/* A plugin's entry, from which all types of the plugin ABI are reached. It is looked at, and not called. */
#include <varlen/backend.h>

const varlen_backend *varlen_backend_entry(const varlen_host *host)
{
    return host->fail(VARLEN_ERROR_UNSUPPORTED, "this backend is none"), NULL;
}
