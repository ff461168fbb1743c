/* A plugin that does not want to be used in this process. */
#include <varlen/backend.h>

const varlen_backend *varlen_backend_entry(const varlen_host *host)
{
#ifndef DECLINE_SILENTLY
    host->fail(VARLEN_ERROR_BACKEND_UNAVAILABLE, "the host's plugin ABI is %u.%u", host->abi_version >> 16,
               host->abi_version & 0xffffu);
#else
    (void)host;
#endif
    return NULL;
}
