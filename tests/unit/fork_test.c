/* A forked child may call the library, also if other threads of its parent were inside it when it was forked. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/scratch.h"
#include "support/test.h"

enum { THREADS = 3, FORKS = 100, CHILD_SECONDS = 30 };

static atomic_bool stop;

static void ignore_line(void *user, varlen_log_level level, const char *message)
{
    (void)user;
    (void)level;
    (void)message;
}

/* What takes the locks of the registry and of the log. */
static bool use_locks(void)
{
    const varlen_open_options options = {.struct_size = sizeof options, .backend = "good"};
    varlen_context *context;
    varlen_set_log_sink(ignore_line, NULL);
    if (varlen_open(&options, &context) != VARLEN_OK)
        return false;
    varlen_close(context);
    return varlen_search_folder_count() > 0;
}

static void *use_locks_on_and_on(void *nothing)
{
    while (!atomic_load(&stop))
        use_locks();
    return nothing;
}

static int exit_status_of(pid_t child)
{
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void a_child_finds_no_lock_held(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    scratch folder = scratch_create();
    scratch_add_plugin(&folder, "good", "good");
    setenv("VARLEN_BACKEND_PATH", folder.path, 1);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, use_locks_on_and_on, NULL), 0);
    int failed = 0;
    for (int i = 0; i < FORKS && !failed; i++) {
        const pid_t child = fork();
        if (child == 0) {
            alarm(CHILD_SECONDS); /* rather than hang */
            _exit(use_locks() ? 0 : 1);
        }
        failed = exit_status_of(child);
    }
    atomic_store(&stop, true);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    varlen_set_log_sink(NULL, NULL);
    scratch_remove(&folder);
    assert_int_equal(failed, 0);
}

int main(void)
{
    const struct CMUnitTest cases[] = {cmocka_unit_test(a_child_finds_no_lock_held)};
    return cmocka_run_group_tests_name("fork", cases, NULL, NULL);
}
