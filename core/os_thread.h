/* Two values of the library for each thread.
 *
 * _Thread_local would not do: the data of a library that is loaded at run time is allocated when a thread first touches
 * it, and where there is no memory the C library ends the process. */
#ifndef VARLEN_CORE_OS_THREAD_H
#define VARLEN_CORE_OS_THREAD_H

#include <stdbool.h>
#include <stdint.h>

/* Memory from malloc, freed when the thread ends; NULL until it is set. It can be set once; false: it cannot. */
void *varlen_os_thread_memory(void);
bool varlen_os_set_thread_memory(void *memory);

/* A number, 0 until it is set. */
intptr_t varlen_os_thread_number(void);
void varlen_os_set_thread_number(intptr_t number);

#endif
