/* Many threads that open, call, fail and close at once, from the very first call of the process on. */
#include <pthread.h>
#include <stdlib.h>

#include "support/scratch.h"
#include "support/test.h"

enum { THREADS = 8, ROUNDS = 50 };

static scratch folder;
static pthread_barrier_t start;

static int32_t lines_logged; /* only the sink touches it: lines come one at a time */

static void count_line(void *user, varlen_log_level level, const char *message)
{
    (void)user;
    (void)level;
    (void)message;
    lines_logged++;
}

/* Returns NULL, or a sentence that says what went wrong. Assertions belong to the main thread. */
static const char *work_once(int number)
{
    const varlen_open_options options = {.struct_size = sizeof options, .backend = number % 2 ? "good" : "auto"};
    const varlen_open_options bad = {.struct_size = sizeof bad, .backend = "fake", .threads = number};
    varlen_backend_info info = {.struct_size = sizeof info};
    varlen_context *context;
    char words[64];
    if (varlen_open(&options, &context) != VARLEN_OK)
        return "a good backend did not open";
    if (varlen_stream_synchronize(context, NULL) != VARLEN_OK)
        return "a call failed";
    varlen_close(context);
    if (varlen_open(&bad, &context) != VARLEN_ERROR_BACKEND_UNAVAILABLE || !strstr(varlen_error_message(), "ABI 2.0"))
        return "a bad backend did not fail with its reason";
    snprintf(words, sizeof words, "index = %d is not below", 1000 + number);
    if (varlen_get_backend(1000 + number, &info) != VARLEN_ERROR_INVALID_ARGUMENT ||
        !strstr(varlen_error_message(), words))
        return "the message is another thread's";
    if (varlen_get_backend(1, &info) != VARLEN_OK || info.state != VARLEN_BACKEND_USABLE)
        return "the good backend, second by name, is not listed as usable";
    if (varlen_add_backend_folder("/nonexistent") != VARLEN_OK || varlen_search_folder_count() < 3)
        return "a folder could not be added";
    return NULL;
}

static void *work(void *number)
{
    const char *wrong = NULL;
    pthread_barrier_wait(&start);
    for (int round = 0; round < ROUNDS && !wrong; round++)
        wrong = work_once(*(int *)number);
    return (void *)wrong;
}

static void threads_may_start_with_any_call(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    int numbers[THREADS];
    folder = scratch_create();
    scratch_add_plugin(&folder, "good", "good");
    scratch_add_plugin(&folder, "newer-abi", "fake");
    setenv("VARLEN_BACKEND_PATH", folder.path, 1);
    assert_int_equal(pthread_barrier_init(&start, NULL, THREADS), 0);
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, work, &numbers[i]), 0);
    }
    varlen_set_log_sink(count_line, NULL);
    const char *wrong = NULL;
    for (int i = 0; i < THREADS; i++) {
        void *result;
        assert_int_equal(pthread_join(threads[i], &result), 0);
        wrong = result ? result : wrong;
    }
    varlen_set_log_sink(NULL, NULL);
    pthread_barrier_destroy(&start);
    scratch_remove(&folder);
    if (wrong)
        fail_msg("%s", wrong);
    assert_true(lines_logged > 0);
    assert_string_equal(varlen_error_message(), "");
}

int main(void)
{
    const struct CMUnitTest cases[] = {cmocka_unit_test(threads_may_start_with_any_call)};
    return cmocka_run_group_tests_name("threads", cases, NULL, NULL);
}
