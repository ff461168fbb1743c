/* The POSIX side of os_thread.h. The C library has room for the first few keys of a program in each thread: to set them
 * takes no memory. */
#include "os_thread.h"

#include <pthread.h>
#include <stdlib.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t memory_key;
static pthread_key_t number_key;
static bool has_keys;

static void make_keys(void)
{
    has_keys = pthread_key_create(&memory_key, free) == 0 && pthread_key_create(&number_key, NULL) == 0;
}

void *varlen_os_thread_memory(void)
{
    pthread_once(&once, make_keys);
    return has_keys ? pthread_getspecific(memory_key) : NULL;
}

bool varlen_os_set_thread_memory(void *memory)
{
    pthread_once(&once, make_keys);
    return has_keys && pthread_setspecific(memory_key, memory) == 0;
}

intptr_t varlen_os_thread_number(void)
{
    pthread_once(&once, make_keys);
    return has_keys ? (intptr_t)pthread_getspecific(number_key) : 0;
}

void varlen_os_set_thread_number(intptr_t number)
{
    pthread_once(&once, make_keys);
    if (has_keys)
        pthread_setspecific(number_key, (const void *)number);
}
