/* examples/serve/graph_cuda.c on a fake runtime: work is recorded once and launched each time, other devices are
 * called, and what fails leaves nothing behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <cuda_runtime_api.h>

#include "graph.h"

static struct runtime {
    int recording, recorded, graphs, executables, launched;
    cudaError_t instantiates;
} runtime;

static int recorded_graph, executable_graph; /* addresses to hand out */

cudaError_t cudaSetDevice(int device)
{
    return device == 1 ? cudaSuccess : cudaErrorUnknown;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode)
{
    (void)stream;
    assert_int_equal(mode, cudaStreamCaptureModeThreadLocal);
    assert_int_equal(runtime.recording++, 0);
    return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t *made)
{
    (void)stream;
    assert_int_equal(runtime.recording--, 1);
    runtime.graphs++;
    *made = &recorded_graph;
    return cudaSuccess;
}

cudaError_t cudaGraphInstantiateWithFlags(cudaGraphExec_t *executable, cudaGraph_t recorded, unsigned long long flags)
{
    assert_ptr_equal(recorded, &recorded_graph);
    assert_int_equal(flags, 0);
    if (runtime.instantiates == cudaSuccess) {
        runtime.executables++;
        *executable = &executable_graph;
    }
    return runtime.instantiates;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream)
{
    (void)stream;
    assert_ptr_equal(executable, &executable_graph);
    assert_int_equal(runtime.recording, 0);
    runtime.launched++;
    return cudaSuccess;
}

cudaError_t cudaGraphDestroy(cudaGraph_t recorded)
{
    assert_ptr_equal(recorded, &recorded_graph);
    runtime.graphs--;
    return cudaSuccess;
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable)
{
    assert_ptr_equal(executable, &executable_graph);
    runtime.executables--;
    return cudaSuccess;
}

/* The work: counts itself, and returns what the test wants. */
typedef struct work {
    int runs;
    varlen_status status;
} work;

static varlen_status do_work(void *user, varlen_stream stream)
{
    (void)stream;
    ((work *)user)->runs++;
    runtime.recorded += runtime.recording;
    return ((work *)user)->status;
}

static const varlen_device_info cuda = {.backend = "cuda", .device = 1}, cpu = {.backend = "cpu"};

static int begin(void **state)
{
    (void)state;
    memset(&runtime, 0, sizeof runtime);
    return 0;
}

static void test_is_recorded_once_and_launched_each_time(void **state)
{
    (void)state;
    graph made = {0};
    work counted = {0};
    for (int i = 0; i < 3; i++)
        assert_int_equal(graph_run(&made, &cuda, NULL, do_work, &counted), VARLEN_OK);
    assert_int_equal(counted.runs, 1);
    assert_int_equal(runtime.recorded, 1);
    assert_int_equal(runtime.launched, 3);
    graph_free(&made);
    graph_free(&made);
    assert_int_equal(runtime.graphs, 0);
    assert_int_equal(runtime.executables, 0);
}

static void test_another_device_is_called(void **state)
{
    (void)state;
    graph made = {0};
    work counted = {0};
    for (int i = 0; i < 3; i++)
        assert_int_equal(graph_run(&made, &cpu, NULL, do_work, &counted), VARLEN_OK);
    assert_int_equal(counted.runs, 3);
    assert_int_equal(runtime.launched, 0);
    graph_free(&made);
}

static void test_a_refusal_ends_the_recording(void **state)
{
    (void)state;
    graph made = {0};
    work counted = {.status = VARLEN_ERROR_INVALID_ARGUMENT};
    assert_int_equal(graph_run(&made, &cuda, NULL, do_work, &counted), VARLEN_ERROR_INVALID_ARGUMENT);
    assert_int_equal(runtime.recording, 0);
    assert_int_equal(runtime.graphs, 0);
    assert_int_equal(runtime.launched, 0);
    counted.status = VARLEN_OK;
    assert_int_equal(graph_run(&made, &cuda, NULL, do_work, &counted), VARLEN_OK);
    assert_int_equal(runtime.launched, 1);
    graph_free(&made);
}

static void test_a_graph_that_cannot_be_made_is_an_error(void **state)
{
    (void)state;
    graph made = {0};
    work counted = {0};
    runtime.instantiates = cudaErrorUnknown;
    assert_int_equal(graph_run(&made, &cuda, NULL, do_work, &counted), VARLEN_ERROR_DEVICE);
    assert_int_equal(runtime.graphs, 0);
    assert_int_equal(runtime.launched, 0);
    graph_free(&made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_is_recorded_once_and_launched_each_time, begin),
        cmocka_unit_test_setup(test_another_device_is_called, begin),
        cmocka_unit_test_setup(test_a_refusal_ends_the_recording, begin),
        cmocka_unit_test_setup(test_a_graph_that_cannot_be_made_is_an_error, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
