/* fork() while another thread is inside the library: it waits until no lock is held, so that the child, which has only
 * the thread that forked, finds all of them free and what they guard whole. */
#include <pthread.h>

#include "kept_text.h"
#include "log.h"
#include "registry.h"

/* In the order in which the locks are taken: lines are logged and texts kept under the registry's. */
static void hold_locks(void)
{
    varlen_registry_hold();
    varlen_log_hold();
    varlen_kept_text_hold();
}

static void release_locks(void)
{
    varlen_kept_text_release();
    varlen_log_release();
    varlen_registry_release();
}

/* Before any lock can be taken. Without memory for it, forks beside other calls are unsafe, and nothing else is. */
__attribute__((constructor)) static void guard_forks(void)
{
    pthread_atfork(hold_locks, release_locks, release_locks);
}
