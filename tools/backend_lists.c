/* The library's lists of backends and folders: see backend_lists.h. */
#include "backend_lists.h"

#include <varlen/varlen.h>

static uint64_t add_text(uint64_t digest, const char *text)
{
    for (; *text; text++)
        digest = (digest ^ (unsigned char)*text) * 0x100000001b3u; /* FNV-1a */
    return digest;
}

uint64_t backend_lists_digest(void)
{
    uint64_t digest = 0xcbf29ce484222325u;
    for (int32_t i = 0; i < varlen_backend_count(); i++) {
        varlen_backend_info info = {.struct_size = sizeof info};
        if (varlen_get_backend(i, &info) == VARLEN_OK)
            digest = add_text(add_text(digest, info.name), info.reason) + (uint64_t)info.state;
    }
    for (int32_t i = 0; i < varlen_search_folder_count(); i++) {
        varlen_search_folder folder = {.struct_size = sizeof folder};
        if (varlen_get_search_folder(i, &folder) == VARLEN_OK)
            digest = add_text(add_text(digest, folder.path), folder.reason);
    }
    return digest;
}
