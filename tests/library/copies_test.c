/* Two copies of libvarlen in one process, which share the plugins that both load: each hears of its own calls alone,
 * and closing one leaves the other and the plugins in place. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>

#include "library.h"
#include "support/alone.h"
#include "support/scratch.h"

/* What malloc keeps for the thread counts as in use, up to 7 blocks of each size: the first cycles fill that. */
enum { CYCLES = 1000, FIRST_CYCLES = 20 };

static scratch folder; /* of the case that is running */
static char paths[2][2 * SCRATCH_PATH_SIZE];

static int set_up(void **state)
{
    (void)state;
    folder = scratch_create();
    scratch_add_plugin(&folder, "good", "good");
    for (int i = 0; i < 2; i++) {
        snprintf(paths[i], sizeof paths[i], "%s/libvarlen-%d.so", folder.path, i);
        library_copy(paths[i]);
    }
    char value[3 * SCRATCH_PATH_SIZE];
    snprintf(value, sizeof value, "%s:%s%s%s", TEST_BACKENDS, folder.path, TEST_SIMT[0] ? ":" : "", TEST_SIMT);
    setenv("VARLEN_BACKEND_PATH", value, 1);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    scratch_remove(&folder);
    return 0;
}

/* Failures of open contexts, in turn, and of opening: the words must be the failing copy's and no other's. */
static void assert_messages_stay(const char *backend)
{
    library copies[2];
    varlen_context *contexts[2];
    for (int i = 0; i < 2; i++) {
        copies[i] = library_load(paths[i]);
        contexts[i] = library_open(&copies[i], backend);
    }
    for (int i = 0; i < 2; i++) {
        assert_string_equal(copies[i].error_message(), "");
        library_fail(&copies[i], contexts[i]);
    }
    assert_words(copies[0].error_message(), "has not been recorded");
    for (int i = 0; i < 2; i++)
        copies[i].close(contexts[i]);
}

static void messages_of_the_fake_stay_in_their_copy(void **state)
{
    (void)state;
    assert_messages_stay("good");
}

static void messages_of_the_cpu_stay_in_their_copy(void **state)
{
    (void)state;
    assert_messages_stay("cpu");
}

static void messages_of_gpu_code_stay_in_their_copy(void **state)
{
    (void)state;
    if (!TEST_SIMT[0])
        skip();
    assert_messages_stay("simt");
}

static void failures_to_open_stay_in_their_copy(void **state)
{
    (void)state;
    const varlen_open_options options = {.struct_size = sizeof options, .backend = "cpu"};
    varlen_context *context;
    const library first = library_load(paths[0]);
    const library second = library_load(paths[1]);
    first.close(library_open(&first, "cpu"));
    second.close(library_open(&second, "cpu"));
    setenv("VARLEN_CPU_ISA", "nosuch", 1);
    assert_int_equal(first.open(&options, &context), VARLEN_ERROR_BACKEND_UNAVAILABLE);
    assert_words(first.error_message(), "VARLEN_CPU_ISA = \"nosuch\" is not a kernel set");
    assert_string_equal(second.error_message(), "");
}

static int lines_of[2];

static void count_line(void *user, varlen_log_level level, const char *message)
{
    (void)level;
    if (strstr(message, "kernels, "))
        ++*(int *)user;
}

static void log_lines_stay_in_their_copy(void **state)
{
    (void)state;
    library copies[2];
    for (int i = 0; i < 2; i++) {
        copies[i] = library_load(paths[i]);
        copies[i].set_log_sink(count_line, &lines_of[i]);
    }
    for (int i = 0; i < 2; i++)
        copies[i].close(library_open(&copies[i], "cpu"));
    assert_int_equal(lines_of[0], 1); /* what the CPU backend says when it is opened */
    assert_int_equal(lines_of[1], 1);
}

static void closing_one_leaves_the_other(void **state)
{
    (void)state;
    static const char *const backends[] = {"good", "cpu", "simt"};
    for (size_t i = 0; i < ROWS_OF(backends); i++) {
        if (strcmp(backends[i], "simt") == 0 && !TEST_SIMT[0])
            continue;
        const library first = library_load(paths[0]);
        const library second = library_load(paths[1]);
        varlen_context *context = library_open(&first, backends[i]);
        second.close(library_open(&second, backends[i])); /* the plugin has seen it last */
        assert_int_equal(dlclose(second.handle), 0);
        library_fail(&first, context);
        first.close(context);
    }
}

static void *open_once(void *path)
{
    const library copy = library_load(path);
    const varlen_open_options options = {.struct_size = sizeof options, .backend = TEST_SIMT[0] ? "simt" : "good"};
    varlen_context *context = NULL;
    if (copy.open(&options, &context) != VARLEN_OK)
        return (void *)copy.error_message();
    copy.close(context);
    return NULL;
}

static void both_may_load_a_plugin_at_once(void **state)
{
    (void)state;
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, open_once, paths[i]), 0);
    for (int i = 0; i < 2; i++) {
        void *wrong;
        assert_int_equal(pthread_join(threads[i], &wrong), 0);
        if (wrong)
            fail_msg("%s", (const char *)wrong);
    }
}

static void use_and_unload(const char *path)
{
    const library copy = library_load(path);
    varlen_context *context = library_open(&copy, "good");
    library_fail(&copy, context);
    copy.close(context);
    assert_int_equal(dlclose(copy.handle), 0);
}

static void loading_and_unloading_leaks_nothing(void **state)
{
    (void)state;
    size_t in_use = 0;
    for (int cycle = 0; cycle <= CYCLES; cycle++) {
        use_and_unload(paths[cycle % 2]);
        if (cycle == FIRST_CYCLES)
            in_use = mallinfo2().uordblks;
    }
    assert_int_equal(mallinfo2().uordblks, in_use);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest cases[] = {
        CASE(messages_of_the_fake_stay_in_their_copy),
        CASE(messages_of_the_cpu_stay_in_their_copy),
        CASE(messages_of_gpu_code_stay_in_their_copy),
        CASE(failures_to_open_stay_in_their_copy),
        CASE(log_lines_stay_in_their_copy),
        CASE(closing_one_leaves_the_other),
        CASE(both_may_load_a_plugin_at_once),
        CASE(loading_and_unloading_leaks_nothing),
    };
    return run_each_alone("library/copies", cases, ROWS_OF(cases));
}
