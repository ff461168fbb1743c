/* The record of a fake backend that is loaded as a plugin, varlen-fake.so. */
#include <dlfcn.h>
#include <stdlib.h>

#include "plugins/fake.h"

fake_record *fake_record_of_thread(void)
{
    fake_record *(*record)(void) = NULL;
    void *handle = dlopen(FIRST_PLUGIN, RTLD_NOW | RTLD_LOCAL);
    void *symbol = handle ? dlsym(handle, "fake_record_of_thread") : NULL;
    if (!symbol)
        abort();
    *(void **)&record = symbol;
    return record();
}
