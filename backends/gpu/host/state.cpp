#include "host/state.h"

#include "host/families.h"

#include <stdlib.h>
#include <string.h>

/* The mailbox's two halves; what was made is undone by gpu_close, also of a state that did not get both. */
static varlen_status make_mailbox(violation_mailbox *mailbox)
{
    void *record;
    void *lock;
    varlen_status status = runtime_alloc_host(sizeof(violation_record), &record);
    if (status != VARLEN_OK)
        return status;
    mailbox->record = (violation_record *)record;
    memset(record, 0, sizeof(violation_record));
    status = runtime_alloc(sizeof(int32_t), &lock);
    if (status != VARLEN_OK)
        return status;
    mailbox->lock = (int32_t *)lock;
    return runtime_fill(nullptr, lock, 0, sizeof(int32_t));
}

static varlen_status open_device(gpu_state *gpu)
{
    varlen_status status = runtime_prepare(&gpu->architecture);
    if (status == VARLEN_OK)
        status = gpu_choose_families(gpu);
    if (status == VARLEN_OK)
        status = make_mailbox(&gpu->mailbox);
    return status == VARLEN_OK ? runtime_synchronize() : status; /* other streams do not wait for the default one */
}

varlen_status gpu_open(const varlen_backend_open *options, void **state)
{
    gpu_host = options->host;
    runtime_device description;
    varlen_status status = runtime_describe(options->device, &description);
    if (status != VARLEN_OK)
        return status;
    gpu_state *gpu = (gpu_state *)calloc(1, sizeof *gpu);
    if (!gpu)
        return gpu_host->fail(VARLEN_ERROR_OUT_OF_MEMORY, "no memory for a context");
    const char *validate = gpu_host->environment("VARLEN_VALIDATE");
    gpu->host = options->host;
    gpu->device = options->device;
    gpu->processors = description.processors;
    gpu->architecture = description.architecture;
    gpu->validate = !validate || strcmp(validate, "0") != 0;
    status = on_device(gpu->device, [&] { return open_device(gpu); });
    if (status != VARLEN_OK) {
        gpu_close(gpu);
        return status;
    }
    *state = gpu;
    return VARLEN_OK;
}

/* Work that is under way may yet write to the mailbox. */
void gpu_close(void *state)
{
    gpu_state *gpu = (gpu_state *)state;
    on_device(gpu->device, [&] {
        runtime_synchronize();
        if (gpu->mailbox.lock)
            runtime_free(gpu->mailbox.lock);
        if (gpu->mailbox.record)
            runtime_free_host(gpu->mailbox.record);
        return VARLEN_OK;
    });
    free(gpu);
}

/* The device writes to the record only while it is not full. While one thread takes it, the others have nothing to
 * take. */
varlen_status gpu_take_violation(void *state, varlen_violation *violation)
{
    gpu_state *gpu = (gpu_state *)state;
    violation_record *record = gpu->mailbox.record;
    *violation = {};
    if (!__atomic_load_n(&record->full, __ATOMIC_ACQUIRE) || __atomic_exchange_n(&gpu->taking, 1, __ATOMIC_ACQUIRE))
        return VARLEN_OK;
    if (__atomic_load_n(&record->full, __ATOMIC_ACQUIRE)) {
        *violation = record->violation;
        __atomic_store_n(&record->full, 0, __ATOMIC_RELEASE);
    }
    __atomic_store_n(&gpu->taking, 0, __ATOMIC_RELEASE);
    return VARLEN_OK;
}
