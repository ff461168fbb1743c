#include "fake_context.h"

#include <stdlib.h>

int forget_records(void **state)
{
    (void)state;
    const fake_record fresh = {.device_flags = VARLEN_DEVICE_HOST_MEMORY};
    *fake_record_of_thread() = fresh;
    *bare_record_of_thread() = fresh;
    unsetenv("VARLEN_VALIDATE");
    return 0;
}

varlen_context *open_fake(const char *backend)
{
    const varlen_open_options options = {.struct_size = sizeof options, .backend = backend};
    varlen_context *context;
    assert_ok(varlen_open(&options, &context));
    return context;
}
