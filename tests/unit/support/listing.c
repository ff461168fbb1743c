/* Looking at the registry through the public API. */
#include "listing.h"

varlen_backend_info listed_backend(int32_t index)
{
    varlen_backend_info info = {.struct_size = sizeof info};
    assert_ok(varlen_get_backend(index, &info));
    return info;
}

varlen_backend_info backend_with_path(const char *path)
{
    for (int32_t i = 0; i < varlen_backend_count(); i++)
        if (strcmp(listed_backend(i).path, path) == 0)
            return listed_backend(i);
    fail_msg("%s is not listed", path);
    return listed_backend(0);
}

varlen_search_folder listed_folder(int32_t index)
{
    varlen_search_folder found = {.struct_size = sizeof found};
    assert_ok(varlen_get_search_folder(index, &found));
    return found;
}

varlen_status open_backend(const char *name, varlen_context **context)
{
    const varlen_open_options options = {.struct_size = sizeof options, .backend = name};
    return varlen_open(&options, context);
}

void assert_opens(const char *name)
{
    varlen_context *context;
    assert_ok(open_backend(name, &context));
    varlen_close(context);
}
