/* Kernels that break a rule end the process, with the reason. To be included behind cmocka.h. */
#ifndef SIMT_MISUSE_H
#define SIMT_MISUSE_H

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platform.h"

#include "platform/runtime.h"

/* Failures of the runtime do not happen here. */
thread_local const varlen_host *gpu_host;

/* Arguments of a kernel that has only one. */
template <typename T> struct pointer_to {
    T *data;

    T *operator->() const
    {
        return data;
    }
};

template <auto KERNEL, typename ARGUMENTS>
static void run(const ARGUMENTS &arguments, int32_t blocks = 1, int32_t shared_bytes = 0,
                int32_t block_threads = 2 * WARP)
{
    assert_int_equal(launch<KERNEL>(0, {blocks, block_threads, shared_bytes}, nullptr, arguments), VARLEN_OK);
}

/* Runs a kernel in a process of its own, which must end with `reason`. */
template <auto KERNEL, typename ARGUMENTS = int>
static void expect_failure(const char *reason, int32_t shared_bytes = 0, int32_t block_threads = 2 * WARP,
                           const ARGUMENTS &arguments = {})
{
    int pipes[2];
    char text[512];
    assert_int_equal(pipe(pipes), 0);
    const pid_t child = fork();
    if (child == 0) {
        dup2(pipes[1], STDERR_FILENO);
        run<KERNEL>(arguments, 2, shared_bytes, block_threads);
        _exit(0);
    }
    close(pipes[1]);
    size_t length = 0;
    for (ssize_t more = 1; more > 0 && length<sizeof text - 1; length += more> 0 ? (size_t)more : 0)
        more = read(pipes[0], text + length, sizeof text - 1 - length);
    close(pipes[0]);
    text[length] = '\0';
    int status;
    waitpid(child, &status, 0);
    if (!WIFSIGNALED(status) || !strstr(text, reason))
        fail_msg("expected \"%s\", got \"%s\"", reason, text);
}

#endif
