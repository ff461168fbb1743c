/* The CPU backend as the reference; see reference.h. */
#include "reference.h"

#include "report.h"

#include <stddef.h>

static varlen_context *context;

varlen_context *reference_context(void)
{
    const varlen_open_options options = {.struct_size = sizeof options, .backend = "cpu"};
    if (!context)
        must(varlen_open(&options, &context), "the CPU backend");
    return context;
}

void reference_close(void)
{
    varlen_close(context);
    context = NULL;
}

unsigned char *reference_run(const workload *work, const unsigned char *image)
{
    placement place = placement_make(work, reference_context());
    unsigned char *result = NULL;
    placement_set(&place, image);
    placement_reset(&place, NULL);
    const varlen_status status = placement_submit(&place, NULL);
    if (status != VARLEN_ERROR_BAD_METADATA) {
        must(status, work->operation->name);
        result = placement_result(&place, NULL);
    }
    placement_free(&place);
    return result;
}
