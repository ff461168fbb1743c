/* How calls on a context pass through to its backend. */
#include <pthread.h>
#include <stdlib.h>

#include "support/fakes.h"
#include "support/test.h"

static int set_up(void **state)
{
    (void)state;
    const fake_record fresh = {.device_flags = VARLEN_DEVICE_HOST_MEMORY};
    *fake_record_of_thread() = fresh;
    *bare_record_of_thread() = fresh;
    unsetenv("VARLEN_VALIDATE");
    return 0;
}

static varlen_context *opened(const char *backend)
{
    const varlen_open_options options = {.struct_size = sizeof options, .backend = backend};
    varlen_context *context;
    assert_ok(varlen_open(&options, &context));
    return context;
}

static _Alignas(256) float numbers[1024];
static _Alignas(256) float written[4][256];
static const int32_t offsets[] = {0, 2, 5, 6};
static const int32_t bad_offsets[] = {0, 5, 2, 6};
static const varlen_attention attention = {.struct_size = sizeof attention,
                                           .batch = 3,
                                           .q_heads = 4,
                                           .kv_heads = 2,
                                           .head_dim = 8,
                                           .total_q = 6,
                                           .total_k = 6};

static const varlen_inputs inputs = {.struct_size = sizeof inputs,
                                     .q = {numbers, 0, 0},
                                     .k = {numbers, 0, 0},
                                     .v = {numbers, 0, 0},
                                     .cu_seqlens_q = offsets,
                                     .cu_seqlens_k = offsets};

static varlen_forward_args forward_args(const varlen_inputs *given)
{
    return (varlen_forward_args){.struct_size = sizeof(varlen_forward_args),
                                 .inputs = given,
                                 .out = {written[0], 0, 0},
                                 .workspace = written[1],
                                 .workspace_size = 512};
}

/* cu_seqlens_k that cannot be used. */
static varlen_inputs inputs_with(const int32_t *cu_seqlens_k)
{
    varlen_inputs given = inputs;
    given.cu_seqlens_k = cu_seqlens_k;
    return given;
}

static void forward_passes_on_resolved_arguments(void **state)
{
    (void)state;
    varlen_context *context = opened("fake");
    const varlen_forward_args args = forward_args(&inputs);
    assert_ok(varlen_forward(context, NULL, &attention, &args));
    const fake_record *record = fake_record_of_thread();
    assert_int_equal(record->calls, 1);
    assert_int_equal(record->attention.value_dim, 8);
    assert_int_equal(record->attention.window_left, VARLEN_UNBOUNDED);
    assert_true(record->attention.softmax_scale > 0.35f && record->attention.softmax_scale < 0.36f);
    assert_int_equal(record->inputs.q.token_stride, 32);
    assert_ptr_equal(record->forward.workspace, written[1]);
    varlen_close(context);
}

static void workspace_must_be_large_enough(void **state)
{
    (void)state;
    varlen_context *context = opened("fake");
    varlen_forward_args args = forward_args(&inputs);
    size_t size = 1;
    fake_record_of_thread()->workspace_size = 1000;
    assert_ok(varlen_workspace_size(context, &attention, VARLEN_PASS_FORWARD, &size));
    assert_int_equal(size, 1000);
    assert_failure(varlen_forward(context, NULL, &attention, &args), VARLEN_ERROR_INVALID_ARGUMENT,
                   "workspace_size = 512 is below the 1000 bytes");
    args.workspace_size = 1000;
    assert_ok(varlen_forward(context, NULL, &attention, &args));
    assert_int_equal(fake_record_of_thread()->calls, 1);
    varlen_close(context);
}

static void refusals_of_the_backend_come_through(void **state)
{
    (void)state;
    varlen_context *context = opened("fake");
    const varlen_forward_args args = forward_args(&inputs);
    size_t size = 77;
    fake_record_of_thread()->result = VARLEN_ERROR_UNSUPPORTED;
    assert_failure(varlen_supports(context, &attention, VARLEN_PASS_FORWARD), VARLEN_ERROR_UNSUPPORTED, "told to fail");
    assert_failure(varlen_workspace_size(context, &attention, VARLEN_PASS_FORWARD, &size), VARLEN_ERROR_UNSUPPORTED,
                   "told to fail");
    assert_int_equal(size, 77);
    assert_failure(varlen_forward(context, NULL, &attention, &args), VARLEN_ERROR_UNSUPPORTED, "told to fail");
    assert_int_equal(fake_record_of_thread()->calls, 0);
    varlen_close(context);
}

static void failures_without_a_reason_get_one(void **state)
{
    (void)state;
    varlen_context *context = opened("fake");
    fake_record_of_thread()->result = VARLEN_ERROR_DEVICE;
    fake_record_of_thread()->is_silent = true;
    assert_failure(varlen_stream_synchronize(context, NULL), VARLEN_ERROR_DEVICE,
                   "backend fake: stream_synchronize gave VARLEN_ERROR_DEVICE without a reason");
    assert_failure(varlen_supports(context, &attention, VARLEN_PASS_FORWARD), VARLEN_ERROR_DEVICE,
                   "backend fake: supports gave VARLEN_ERROR_DEVICE without a reason");
    varlen_close(context);
}

static void statuses_that_do_not_exist_are_told(void **state)
{
    (void)state;
    varlen_context *context = opened("fake");
    const varlen_forward_args args = forward_args(&inputs);
    fake_record_of_thread()->result = (varlen_status)77;
    assert_failure(varlen_supports(context, &attention, VARLEN_PASS_FORWARD), VARLEN_ERROR_INTERNAL,
                   "backend fake: supports gave status 77, which does not exist: the fake backend was told to fail");
    assert_failure(varlen_forward(context, NULL, &attention, &args), VARLEN_ERROR_INTERNAL, "status 77");
    fake_record_of_thread()->result = (varlen_status)-1;
    fake_record_of_thread()->is_silent = true;
    assert_failure(varlen_stream_synchronize(context, NULL), VARLEN_ERROR_INTERNAL,
                   "backend fake: stream_synchronize gave status -1, which does not exist");
    varlen_close(context);
}

static void optional_functions_may_be_missing(void **state)
{
    (void)state;
    varlen_context *context = opened("bare");
    const varlen_backward_args backward = {.struct_size = sizeof backward,
                                           .inputs = &inputs,
                                           .out = {numbers, 0, 0},
                                           .lse = numbers,
                                           .dout = {numbers, 0, 0},
                                           .dq = {written[0], 0, 0},
                                           .dk = {written[1], 0, 0},
                                           .dv = {written[2], 0, 0}};
    const varlen_merge_args merge = {.struct_size = sizeof merge};
    const varlen_pack_args pack = {.struct_size = sizeof pack};
    const varlen_kv_append_args append = {.struct_size = sizeof append};
    const varlen_status missing = VARLEN_ERROR_UNSUPPORTED;
    int32_t lengths[3] = {1, 2, 3};
    size_t size;
    assert_failure(varlen_supports(context, &attention, VARLEN_PASS_BACKWARD), missing,
                   "backend bare has no varlen_backward");
    assert_failure(varlen_workspace_size(context, &attention, VARLEN_PASS_BACKWARD, &size), missing,
                   "backend bare has no varlen_backward");
    assert_failure(varlen_backward(context, NULL, &attention, &backward), missing,
                   "backend bare has no varlen_backward");
    assert_failure(varlen_merge(context, NULL, &merge), missing, "backend bare has no varlen_merge");
    assert_failure(varlen_cu_seqlens(context, NULL, 1, lengths, lengths + 1), missing,
                   "backend bare has no varlen_cu_seqlens");
    assert_failure(varlen_pack(context, NULL, &pack), missing, "backend bare has no varlen_pack");
    assert_failure(varlen_unpack(context, NULL, &pack), missing, "backend bare has no varlen_unpack");
    assert_failure(varlen_kv_append(context, NULL, &append), missing, "backend bare has no varlen_kv_append");
    assert_ok(varlen_supports(context, &attention, VARLEN_PASS_FORWARD));
    assert_ok(varlen_context_status(context));
    varlen_close(context);
}

/* ---- Metadata ---- */

static void host_metadata_is_inspected(void **state)
{
    (void)state;
    varlen_context *context = opened("fake");
    const varlen_inputs given = inputs_with(bad_offsets);
    const varlen_forward_args args = forward_args(&given);
    assert_failure(varlen_forward(context, NULL, &attention, &args), VARLEN_ERROR_BAD_METADATA,
                   "cu_seqlens_k[2] = 2 is below cu_seqlens_k[1] = 5");
    assert_int_equal(fake_record_of_thread()->calls, 0);
    varlen_close(context);
}

static void inspection_can_be_turned_off(void **state)
{
    (void)state;
    setenv("VARLEN_VALIDATE", "0", 1);
    varlen_context *context = opened("fake");
    const varlen_inputs given = inputs_with(bad_offsets);
    const varlen_forward_args args = forward_args(&given);
    assert_ok(varlen_forward(context, NULL, &attention, &args));
    varlen_close(context);
}

static void device_memory_is_not_read(void **state)
{
    (void)state;
    fake_record_of_thread()->device_flags = 0;
    varlen_context *context = opened("fake");
    const varlen_inputs given = inputs_with((const int32_t *)0x1000); /* a crash, if it were read */
    const varlen_forward_args args = forward_args(&given);
    assert_ok(varlen_forward(context, NULL, &attention, &args));
    varlen_close(context);
}

static const varlen_violation found_by_device = {.rule = VARLEN_VIOLATION_DECREASE,
                                                 .argument = VARLEN_METADATA_CU_SEQLENS_K,
                                                 .index = 7,
                                                 .value = 512,
                                                 .bound = 640};

static void status_tells_a_violation_once(void **state)
{
    (void)state;
    varlen_context *context = opened("fake");
    fake_record_of_thread()->pending = found_by_device;
    assert_failure(varlen_context_status(context), VARLEN_ERROR_BAD_METADATA,
                   "cu_seqlens_k[7] = 512 is below cu_seqlens_k[6] = 640");
    assert_ok(varlen_context_status(context));
    varlen_close(context);
}

typedef struct log_lines {
    int warnings;
    char last[256];
} log_lines;

static void count_warnings(void *user, varlen_log_level level, const char *message)
{
    log_lines *lines = user;
    if (level != VARLEN_LOG_WARN)
        return;
    lines->warnings++;
    snprintf(lines->last, sizeof lines->last, "%s", message);
}

static void other_calls_do_not_fail_for_a_violation(void **state)
{
    (void)state;
    varlen_context *context = opened("fake");
    const varlen_forward_args args = forward_args(&inputs);
    const int32_t lengths[1] = {1};
    int32_t cu_seqlens[2] = {7, 7};
    log_lines lines = {0};
    varlen_set_log_sink(count_warnings, &lines);
    fake_record_of_thread()->pending = found_by_device;
    assert_ok(varlen_forward(context, NULL, &attention, &args));
    assert_int_equal(lines.warnings, 1);
    assert_words(lines.last,
                 "fake:0: an earlier call wrote zeros: cu_seqlens_k[7] = 512 is below cu_seqlens_k[6] = 640");
    assert_ok(varlen_cu_seqlens(context, NULL, 1, lengths, cu_seqlens));
    assert_int_equal(fake_record_of_thread()->calls, 2);
    assert_failure(varlen_context_status(context), VARLEN_ERROR_BAD_METADATA, "cu_seqlens_k[7] = 512");
    assert_ok(varlen_context_status(context));
    assert_ok(varlen_forward(context, NULL, &attention, &args));
    assert_int_equal(lines.warnings, 1);
    varlen_set_log_sink(NULL, NULL);
    varlen_close(context);
}

static void the_first_violation_is_told_and_all_are_logged(void **state)
{
    (void)state;
    varlen_context *context = opened("fake");
    const varlen_forward_args args = forward_args(&inputs);
    log_lines lines = {0};
    varlen_set_log_sink(count_warnings, &lines);
    fake_record_of_thread()->pending = found_by_device;
    assert_ok(varlen_forward(context, NULL, &attention, &args));
    fake_record_of_thread()->pending = found_by_device;
    fake_record_of_thread()->pending.index = 9;
    assert_failure(varlen_context_status(context), VARLEN_ERROR_BAD_METADATA, "cu_seqlens_k[7] = 512");
    assert_int_equal(lines.warnings, 2);
    assert_words(lines.last, "cu_seqlens_k[9] = 512");
    assert_ok(varlen_context_status(context));
    varlen_set_log_sink(NULL, NULL);
    varlen_close(context);
}

/* Each thread has a device record of its own, with a violation in it. NULL: the call went through. */
static void *call_beside_a_violation(void *context)
{
    const varlen_forward_args args = forward_args(&inputs);
    fake_record_of_thread()->pending = found_by_device;
    return varlen_forward(context, NULL, &attention, &args) == VARLEN_OK ? NULL : context;
}

static void threads_may_come_across_violations_at_once(void **state)
{
    (void)state;
    enum { THREADS = 8 };
    varlen_context *context = opened("fake");
    pthread_t threads[THREADS];
    log_lines lines = {0};
    varlen_set_log_sink(count_warnings, &lines);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, call_beside_a_violation, context), 0);
    for (int i = 0; i < THREADS; i++) {
        void *failed;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    assert_int_equal(lines.warnings, THREADS);
    assert_failure(varlen_context_status(context), VARLEN_ERROR_BAD_METADATA, "cu_seqlens_k[7] = 512");
    assert_ok(varlen_context_status(context));
    varlen_set_log_sink(NULL, NULL);
    varlen_close(context);
}

static void closing_logs_what_nobody_asked_for(void **state)
{
    (void)state;
    log_lines lines = {0};
    varlen_set_log_sink(count_warnings, &lines);
    varlen_context *context = opened("fake");
    varlen_close(context);
    assert_int_equal(lines.warnings, 0);
    context = opened("fake");
    fake_record_of_thread()->pending = found_by_device;
    varlen_close(context);
    assert_int_equal(lines.warnings, 1);
    assert_words(lines.last, "cu_seqlens_k[7] = 512");
    varlen_set_log_sink(NULL, NULL);
}

static void asking_memory_and_streams_work_while_a_violation_waits(void **state)
{
    (void)state;
    varlen_context *context = opened("fake");
    void *data;
    varlen_event event;
    size_t size;
    fake_record_of_thread()->pending = found_by_device;
    assert_ok(varlen_alloc(context, 100, &data));
    assert_ok(varlen_copy(context, NULL, data, "xyz", 4));
    assert_string_equal(data, "xyz");
    assert_ok(varlen_event_create(context, &event));
    assert_ok(varlen_event_record(context, event, NULL));
    assert_ok(varlen_stream_synchronize(context, NULL));
    assert_ok(varlen_free(context, data));
    assert_ok(varlen_event_destroy(context, event));
    assert_ok(varlen_stream_destroy(context, NULL));
    assert_ok(varlen_supports(context, &attention, VARLEN_PASS_FORWARD));
    assert_ok(varlen_workspace_size(context, &attention, VARLEN_PASS_FORWARD, &size));
    assert_failure(varlen_context_status(context), VARLEN_ERROR_BAD_METADATA, "cu_seqlens_k[7] = 512");
    varlen_close(context);
}

/* ---- Memory, streams, events ---- */

static void memory_goes_through(void **state)
{
    (void)state;
    varlen_context *context = opened("fake");
    void *data;
    char text[4];
    assert_ok(varlen_alloc(context, 4, &data));
    assert_ok(varlen_fill(context, NULL, data, 'x', 4));
    assert_ok(varlen_copy(context, NULL, text, data, 4));
    assert_memory_equal(text, "xxxx", 4);
    assert_ok(varlen_free(context, data));
    assert_int_equal(fake_record_of_thread()->calls, 4);
    varlen_close(context);
}

static void nothing_needs_no_backend(void **state)
{
    (void)state;
    varlen_context *context = opened("fake");
    void *data = numbers;
    assert_ok(varlen_alloc(context, 0, &data));
    assert_null(data);
    assert_ok(varlen_free(context, NULL));
    assert_ok(varlen_copy(context, NULL, NULL, NULL, 0));
    assert_ok(varlen_fill(context, NULL, NULL, 0, 0));
    assert_int_equal(fake_record_of_thread()->calls, 0);
    varlen_close(context);
}

static void failed_allocations_give_null(void **state)
{
    (void)state;
    varlen_context *context = opened("fake");
    void *data = numbers;
    fake_record_of_thread()->result = VARLEN_ERROR_OUT_OF_MEMORY;
    assert_failure(varlen_alloc(context, 100, &data), VARLEN_ERROR_OUT_OF_MEMORY, "told to fail");
    assert_null(data);
    varlen_close(context);
}

static void streams_and_events_go_through(void **state)
{
    (void)state;
    varlen_context *context = opened("fake");
    varlen_stream stream = numbers;
    varlen_event event;
    double milliseconds = 0;
    assert_ok(varlen_stream_create(context, &stream));
    assert_ok(varlen_event_create(context, &event));
    assert_ok(varlen_event_record(context, event, stream));
    assert_ok(varlen_stream_wait(context, stream, event));
    assert_ok(varlen_event_synchronize(context, event));
    assert_ok(varlen_event_elapsed(context, event, event, &milliseconds));
    assert_true(milliseconds == 1.5);
    assert_ok(varlen_event_destroy(context, event));
    assert_ok(varlen_stream_synchronize(context, stream));
    assert_ok(varlen_stream_destroy(context, stream));
    assert_int_equal(fake_record_of_thread()->calls, 9);
    varlen_close(context);
}

#define CASE(function) cmocka_unit_test_setup(function, set_up)

int main(void)
{
    const struct CMUnitTest cases[] = {
        CASE(forward_passes_on_resolved_arguments),
        CASE(workspace_must_be_large_enough),
        CASE(refusals_of_the_backend_come_through),
        CASE(failures_without_a_reason_get_one),
        CASE(statuses_that_do_not_exist_are_told),
        CASE(optional_functions_may_be_missing),
        CASE(host_metadata_is_inspected),
        CASE(inspection_can_be_turned_off),
        CASE(device_memory_is_not_read),
        CASE(status_tells_a_violation_once),
        CASE(other_calls_do_not_fail_for_a_violation),
        CASE(the_first_violation_is_told_and_all_are_logged),
        CASE(threads_may_come_across_violations_at_once),
        CASE(closing_logs_what_nobody_asked_for),
        CASE(asking_memory_and_streams_work_while_a_violation_waits),
        CASE(memory_goes_through),
        CASE(nothing_needs_no_backend),
        CASE(failed_allocations_give_null),
        CASE(streams_and_events_go_through),
    };
    return cmocka_run_group_tests_name("context", cases, NULL, NULL);
}
