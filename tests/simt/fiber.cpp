/* Stacks, and the switch from one to another. */
#include "fiber.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define SIMT_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SIMT_ADDRESS_SANITIZER 1
#endif
#endif

/* Who resumed the fiber that is running. */
static simt_fiber resumer;

#if SIMT_ADDRESS_SANITIZER
#include <sanitizer/common_interface_defs.h>

constexpr size_t stack_bytes = 512 * 1024; /* redzones around every variable */

static void leave(simt_fiber *from, const simt_fiber *to)
{
    __sanitizer_start_switch_fiber(&from->sanitizer_frames, to->stack, to->stack_bytes);
}

static void arrive_in_fiber(void *frames)
{
    const void *stack;
    __sanitizer_finish_switch_fiber(frames, &stack, &resumer.stack_bytes);
    resumer.stack = (char *)stack;
}

static void arrive_in_resumer()
{
    __sanitizer_finish_switch_fiber(resumer.sanitizer_frames, nullptr, nullptr);
}
#else
constexpr size_t stack_bytes = 128 * 1024;

static void leave(simt_fiber *, const simt_fiber *)
{
}

static void arrive_in_fiber(void *)
{
}

static void arrive_in_resumer()
{
}
#endif

/* Ends in a page that cannot be touched, so that an overflow is seen. */
static char *new_stack()
{
    const size_t guard = (size_t)sysconf(_SC_PAGESIZE);
    void *pages =
        mmap(nullptr, guard + stack_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (pages == MAP_FAILED || mprotect(pages, guard, PROT_NONE) != 0) {
        perror("simt: no memory for the stack of a fiber");
        abort();
    }
    return (char *)pages + guard;
}

#if defined(__x86_64__)

/* swapcontext makes a system call to save the signal mask, which takes longer than most of what a fiber does. */
extern "C" void simt_switch_stacks(void **save_stack_pointer, void *stack_pointer);
asm(R"(
    .text
    .globl simt_switch_stacks
    .hidden simt_switch_stacks
    .type simt_switch_stacks, @function
simt_switch_stacks:
    push %rbp
    push %rbx
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, (%rdi)
    mov %rsi, %rsp
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbx
    pop %rbp
    ret
    .size simt_switch_stacks, . - simt_switch_stacks
)");

void simt_fiber_create(simt_fiber *fiber, void (*entry)())
{
    *fiber = {};
    fiber->stack = new_stack();
    fiber->stack_bytes = stack_bytes;
    /* The six registers, the entry to return to, and the return address that a function expects above its frame. */
    void **words = (void **)(fiber->stack + stack_bytes) - 8;
    words[6] = (void *)entry;
    fiber->stack_pointer = words;
}

static void switch_stacks(simt_fiber *from, const simt_fiber *to)
{
    simt_switch_stacks(&from->stack_pointer, to->stack_pointer);
}

#else

void simt_fiber_create(simt_fiber *fiber, void (*entry)())
{
    *fiber = {};
    fiber->stack = new_stack();
    fiber->stack_bytes = stack_bytes;
    getcontext(&fiber->context);
    fiber->context.uc_stack.ss_sp = fiber->stack;
    fiber->context.uc_stack.ss_size = stack_bytes;
    makecontext(&fiber->context, entry, 0);
}

static void switch_stacks(simt_fiber *from, const simt_fiber *to)
{
    swapcontext(&from->context, &to->context);
}

#endif

void simt_fiber_resume(simt_fiber *fiber)
{
    leave(&resumer, fiber);
    switch_stacks(&resumer, fiber);
    arrive_in_resumer();
}

void simt_fiber_stop(simt_fiber *fiber)
{
    leave(fiber, &resumer);
    switch_stacks(fiber, &resumer);
    arrive_in_fiber(fiber->sanitizer_frames);
}

void simt_fiber_entered()
{
    arrive_in_fiber(nullptr);
}
