/* A copy of libvarlen, loaded by a path of its own. */
#include "library.h"

#include <dlfcn.h>

void library_copy(const char *path)
{
    char bytes[1 << 16];
    FILE *from = fopen(TEST_LIBRARY, "rb");
    FILE *to = fopen(path, "wb");
    assert_non_null(from);
    assert_non_null(to);
    for (size_t size; (size = fread(bytes, 1, sizeof bytes, from)) > 0;)
        assert_int_equal(fwrite(bytes, 1, size, to), size);
    fclose(from);
    assert_int_equal(fclose(to), 0);
}

/* Puts the address of a function into a pointer to a function of whatever type. */
static void find(void *handle, const char *name, void *function)
{
    void *symbol = dlsym(handle, name);
    assert_non_null(symbol);
    memcpy(function, &symbol, sizeof symbol);
}

library library_load(const char *path)
{
    library copy = {.handle = dlopen(path, RTLD_NOW | RTLD_LOCAL)};
    if (!copy.handle)
        fail_msg("%s", dlerror());
    find(copy.handle, "varlen_error_message", &copy.error_message);
    find(copy.handle, "varlen_set_log_sink", &copy.set_log_sink);
    find(copy.handle, "varlen_search_folder_count", &copy.search_folder_count);
    find(copy.handle, "varlen_get_search_folder", &copy.get_search_folder);
    find(copy.handle, "varlen_open", &copy.open);
    find(copy.handle, "varlen_close", &copy.close);
    find(copy.handle, "varlen_event_create", &copy.event_create);
    find(copy.handle, "varlen_event_destroy", &copy.event_destroy);
    find(copy.handle, "varlen_event_elapsed", &copy.event_elapsed);
    return copy;
}

varlen_context *library_open(const library *copy, const char *backend)
{
    const varlen_open_options options = {.struct_size = sizeof options, .backend = backend};
    varlen_context *context = NULL;
    if (copy->open(&options, &context) != VARLEN_OK)
        fail_msg("%s", copy->error_message());
    return context;
}

void library_fail(const library *copy, varlen_context *context)
{
    varlen_event event;
    double milliseconds;
    assert_int_equal(copy->event_create(context, &event), VARLEN_OK);
    assert_int_equal(copy->event_elapsed(context, event, event, &milliseconds), VARLEN_ERROR_INVALID_ARGUMENT);
    assert_int_equal(copy->event_destroy(context, event), VARLEN_OK);
    assert_words(copy->error_message(), "has not been recorded");
}
