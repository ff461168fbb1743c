/* A GPU plugin's table, without a device: it is whole, it refuses what it must, and nothing needs a driver to do so.
 *
 * usage: gpu_plugin_test PLUGIN NAME PRIORITY */
#include <varlen/backend.h>

#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char failure[512];

static varlen_status keep_reason(varlen_status status, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    vsnprintf(failure, sizeof failure, format, values);
    va_end(values);
    return status;
}

static void ignore_log(varlen_log_level level, const char *format, ...)
{
    (void)level;
    (void)format;
}

static const char *no_environment(const char *name)
{
    (void)name;
    return NULL;
}

static const varlen_host good_host = {
    .abi_version = VARLEN_BACKEND_ABI_VERSION,
    .struct_size = sizeof(varlen_host),
    .fail = keep_reason,
    .log = ignore_log,
    .environment = no_environment,
};

static varlen_backend_entry_function entry;
static const char *expected_name;
static int expected_priority;

static void load(const char *path)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        fprintf(stderr, "%s\n", dlerror());
        return;
    }
    entry = (varlen_backend_entry_function)dlsym(library, VARLEN_BACKEND_ENTRY_SYMBOL);
}

static void another_major_version_is_declined(void **state)
{
    (void)state;
    varlen_host later = good_host;
    later.abi_version = (VARLEN_BACKEND_ABI_MAJOR + 1) << 16;
    assert_null(entry(&later));
    assert_non_null(strstr(failure, "ABI"));
}

static void the_table_is_whole(void **state)
{
    (void)state;
    const varlen_backend *backend = entry(&good_host);
    assert_non_null(backend);
    assert_int_equal(backend->abi_version, VARLEN_BACKEND_ABI_VERSION);
    assert_int_equal(backend->struct_size, sizeof *backend);
    assert_int_equal(backend->priority, expected_priority);
    assert_string_equal(backend->name, expected_name);
    assert_true(strlen(backend->description) > 0);
    void (*functions[(sizeof *backend - offsetof(varlen_backend, device_count)) / sizeof(void (*)(void))])(void);
    memcpy(functions, (const char *)backend + offsetof(varlen_backend, device_count), sizeof functions);
    for (size_t n = 0; n < sizeof functions / sizeof *functions; n++)
        if (!functions[n])
            fail_msg("function %zu of the table is missing", n);
}

static void devices_are_counted_or_missed_with_a_reason(void **state)
{
    (void)state;
    const varlen_backend *backend = entry(&good_host);
    int32_t count = -1;
    failure[0] = '\0';
    const varlen_status status = backend->device_count(&good_host, &count);
    if (status == VARLEN_OK) {
        assert_true(count > 0);
        return;
    }
    assert_int_equal(status, VARLEN_ERROR_BACKEND_UNAVAILABLE);
    assert_int_equal(count, 0);
    assert_true(strlen(failure) > 0);
}

static void float32_is_for_calls_around_attention(void **state)
{
    (void)state;
    const varlen_backend *backend = entry(&good_host);
    const uint32_t halves = 1u << VARLEN_FLOAT16 | 1u << VARLEN_BFLOAT16, all = halves | 1u << VARLEN_FLOAT32;
    const uint32_t quantized = 1u << VARLEN_FLOAT8_E4M3 | 1u << VARLEN_FLOAT8_E5M2 | 1u << VARLEN_INT8;
    assert_int_equal(backend->forward_limits->dtypes, halves | quantized);
    assert_int_equal(backend->backward_limits->dtypes & ~quantized, halves);
    assert_int_equal(backend->merge_limits->dtypes, all);
    assert_int_equal(backend->kv_append_limits->dtypes, all | quantized);
}

/* Wider heads than attention takes: their cases of the conformance table would be passed over in silence. */
static void calls_around_attention_take_wide_rows(void **state)
{
    (void)state;
    const varlen_backend *backend = entry(&good_host);
    assert_int_equal(backend->merge_limits->value_dim, 2048);
    assert_int_equal(backend->kv_append_limits->head_dim, 2048);
    assert_int_equal(backend->kv_append_limits->value_dim, 2048);
}

static void what_the_limits_claim_is_supported(void **state)
{
    (void)state;
    const varlen_backend *backend = entry(&good_host);
    const varlen_backend_open options = {.struct_size = sizeof options, .host = &good_host};
    int32_t devices;
    void *opened;
    if (backend->device_count(&good_host, &devices) != VARLEN_OK)
        skip(); /* simt/plugin has a device everywhere */
    assert_int_equal(backend->open(&options, &opened), VARLEN_OK);
    for (varlen_pass pass = VARLEN_PASS_FORWARD; pass <= VARLEN_PASS_BACKWARD; pass++) {
        const varlen_limits *limits = pass ? backend->backward_limits : backend->forward_limits;
        varlen_attention attention = {.struct_size = sizeof attention,
                                      .batch = 1,
                                      .q_heads = 1,
                                      .kv_heads = 1,
                                      .head_dim = limits->head_dim,
                                      .value_dim = limits->value_dim,
                                      .features = limits->features};
        attention.dtype = VARLEN_FLOAT16;
        assert_int_equal(backend->supports(opened, &attention, pass), VARLEN_OK);
        attention.dtype = VARLEN_BFLOAT16;
        assert_int_equal(backend->supports(opened, &attention, pass), VARLEN_OK);
    }
    backend->close(opened);
}

int main(int count, char **words)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_major_version_is_declined),
        cmocka_unit_test(the_table_is_whole),
        cmocka_unit_test(devices_are_counted_or_missed_with_a_reason),
        cmocka_unit_test(float32_is_for_calls_around_attention),
        cmocka_unit_test(calls_around_attention_take_wide_rows),
        cmocka_unit_test(what_the_limits_claim_is_supported),
    };
    if (count == 4) {
        load(words[1]);
        expected_name = words[2];
        expected_priority = atoi(words[3]);
    }
    if (!entry)
        return fputs("usage: gpu_plugin_test PLUGIN NAME PRIORITY\n", stderr), 2;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
