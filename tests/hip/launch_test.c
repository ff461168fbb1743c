/* What the HIP backend does inside a call, on a stub of HIP's runtime: kernels are launched as every device can run
 * them, and nothing allocates, waits or copies. Nothing is computed.
 *
 * usage: hip_launch_test ARCHITECTURE...    those that the backend has code for */
#include "gpu/operations.h"
#include "gpu/report.h"
#include "stub_runtime.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char **architectures; /* ends with NULL */

static varlen_context *open_device(const char *architecture, const char *device)
{
    const varlen_open_options options = {.struct_size = sizeof options, .backend = device};
    varlen_context *context;
    setenv("VARLEN_STUB_ARCHITECTURE", architecture, 1);
    must(varlen_open(&options, &context), "varlen_open");
    return context;
}

static unsigned warp_of(const char *architecture)
{
    return strncmp(architecture, "gfx9", 4) == 0 ? 64 : 32;
}

/* The launches of one call, which was given `stream`. */
static void check_launches(const char *call, const char *architecture, int device, varlen_stream stream)
{
    if (stub_launch_count() == 0)
        fail_msg("%s launched no kernel for %s", call, architecture);
    for (int n = 0; n < stub_launch_count(); n++) {
        const stub_launch *launch = stub_launch_at(n);
        if (launch->threads % warp_of(architecture) != 0 || launch->threads > STUB_MOST_THREADS ||
            launch->shared_bytes > STUB_MOST_SHARED)
            fail_msg("%s launched %s for %s with %u threads and %zu bytes of shared memory", call, launch->kernel,
                     architecture, launch->threads, launch->shared_bytes);
        assert_int_equal(launch->device, device);
        assert_ptr_equal(launch->stream, stream);
    }
}

static void call_once(varlen_context *context, const char *architecture, int device, const operation *kind)
{
    const workload work = workload_make(kind);
    varlen_stream stream;
    placement place = placement_make(&work, context);
    must(varlen_stream_create(context, &stream), "varlen_stream_create");
    stub_call_begins();
    const varlen_status status = placement_submit(&place, stream);
    stub_call_ends();
    must(status, kind->name);
    check_launches(kind->name, architecture, device, stream);
    must(varlen_stream_destroy(context, stream), "varlen_stream_destroy");
    placement_free(&place);
}

/* An attention pass with the kernels of each dtype and size. Nothing is read or written. */
static void call_all_sizes(varlen_context *context, const char *architecture, const operation *kind)
{
    static const varlen_dtype dtypes[] = {VARLEN_FLOAT16, VARLEN_BFLOAT16};
    static const int32_t dims[][2] = {{64, 64}, {128, 128}, {192, 128}, {256, 256}, {512, 512}};
    for (size_t t = 0; t < sizeof dtypes / sizeof dtypes[0]; t++)
        for (size_t d = 0; d < sizeof dims / sizeof dims[0]; d++) {
            operation sized = *kind;
            sized.attention.dtype = dtypes[t];
            sized.attention.head_dim = dims[d][0];
            sized.attention.value_dim = dims[d][1];
            call_once(context, architecture, 0, &sized);
        }
}

static void calls_launch_and_do_nothing_else(void **state)
{
    (void)state;
    for (char **architecture = architectures; *architecture; architecture++) {
        varlen_context *context = open_device(*architecture, "hip");
        for (int n = 0; n < operation_count; n++)
            if (operations[n]->scratch_size)
                call_all_sizes(context, *architecture, operations[n]);
            else
                call_once(context, *architecture, 0, operations[n]);
        varlen_close(context);
    }
}

static void calls_go_to_the_device_of_their_context(void **state)
{
    (void)state;
    varlen_context *first = open_device(architectures[0], "hip");
    varlen_context *second = open_device(architectures[0], "hip:1");
    for (int n = 0; n < operation_count; n++) {
        call_once(second, architectures[0], 1, operations[n]);
        call_once(first, architectures[0], 0, operations[n]);
    }
    varlen_close(first);
    varlen_close(second);
}

/* Without this one, a stub that forbids nothing would pass. */
static void the_stub_ends_programs_that_allocate_in_a_call(void **state)
{
    (void)state;
    int ending;
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        varlen_context *context = open_device(architectures[0], "hip");
        void *data;
        fputs("this is meant to be: ", stderr);
        stub_call_begins();
        varlen_alloc(context, 1, &data);
        _exit(EXIT_SUCCESS);
    }
    assert_int_equal(waitpid(child, &ending, 0), child);
    assert_true(WIFSIGNALED(ending) && WTERMSIG(ending) == SIGABRT);
}

static void a_device_without_code_is_refused(void **state)
{
    (void)state;
    const varlen_open_options options = {.struct_size = sizeof options, .backend = "hip"};
    varlen_context *context = NULL;
    setenv("VARLEN_STUB_ARCHITECTURE", "gfx906", 1);
    assert_int_equal(varlen_open(&options, &context), VARLEN_ERROR_BACKEND_UNAVAILABLE);
    assert_null(context);
    assert_non_null(strstr(varlen_error_message(), "is a gfx906, but this backend has code for"));
    assert_non_null(strstr(varlen_error_message(), architectures[0]));
}

int main(int count, char **words)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_stub_ends_programs_that_allocate_in_a_call),
        cmocka_unit_test(calls_launch_and_do_nothing_else),
        cmocka_unit_test(calls_go_to_the_device_of_their_context),
        cmocka_unit_test(a_device_without_code_is_refused),
    };
    if (count < 2)
        return fputs("usage: hip_launch_test ARCHITECTURE...\n", stderr), 2;
    architectures = words + 1;
    setenv("VARLEN_STUB_DEVICES", "2", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
