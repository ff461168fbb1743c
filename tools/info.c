/* `varlen info`: what was found and refused, and what the environment opens. */
#include <stdio.h>
#include <varlen/varlen.h>

#include "backend_lists.h"
#include "commands.h"
#include "info_kernels.h"
#include "options.h"
#include "progress.h"
#include "standard_streams.h"
#include "text_table.h"

static const char *state_name(varlen_backend_state state)
{
    switch (state) {
    case VARLEN_BACKEND_USABLE: return "usable";
    case VARLEN_BACKEND_NO_DEVICE: return "no device";
    case VARLEN_BACKEND_REFUSED: return "refused";
    }
    return "unknown";
}

static void add_row(text_table *table, const char *const *cells)
{
    for (int i = 0; i < table->columns; i++)
        text_table_add(table, "%s", cells[i]);
}

static void print_backends(void)
{
    static const char *const heading[] = {"backend", "state", "priority", "devices", "abi", "path"};
    const int32_t count = varlen_backend_count();
    text_table table = {.columns = 6};
    printf("\nBackends%s\n", count ? "" : ": none found");
    if (count)
        add_row(&table, heading);
    for (int32_t i = 0; i < count; i++) {
        varlen_backend_info info = {.struct_size = sizeof info};
        if (varlen_get_backend(i, &info) != VARLEN_OK)
            continue;
        text_table_add(&table, "%s", info.name);
        text_table_add(&table, "%s", state_name(info.state));
        text_table_add(&table, "%d", (int)info.priority);
        text_table_add(&table, "%d", (int)info.device_count);
        text_table_add(&table, info.abi_version ? "%u.%u" : "?", info.abi_version >> 16, info.abi_version & 0xffff);
        text_table_add(&table, "%s", info.path);
    }
    text_table_print(&table, stdout);
}

static void print_reasons(void)
{
    for (int32_t i = 0; i < varlen_backend_count(); i++) {
        varlen_backend_info info = {.struct_size = sizeof info};
        if (varlen_get_backend(i, &info) == VARLEN_OK && *info.reason)
            printf("  %s: %s\n", info.name, info.reason);
    }
}

typedef struct bit_name {
    uint32_t bit;
    const char *name;
} bit_name;

/* The names of the bits that are set, one space between them. */
static const char *bit_names(uint32_t bits, const bit_name *names, int count, char *text, size_t size)
{
    size_t length = 0;
    text[0] = 0;
    for (int i = 0; i < count && length < size; i++)
        if (bits & names[i].bit)
            length += (size_t)snprintf(text + length, size - length, "%s%s", length ? " " : "", names[i].name);
    return text;
}

static void add_unknown_device(text_table *table, const char *backend, int32_t device)
{
    text_table_add(table, "%s:%d", backend, (int)device);
    for (int column = 1; column < table->columns - 1; column++)
        text_table_add(table, "?");
    text_table_add(table, "%s", varlen_error_message());
}

static void add_device(text_table *table, const varlen_device_info *info)
{
    static const bit_name dtypes[] = {{1u << VARLEN_FLOAT32, "f32"},      {1u << VARLEN_FLOAT16, "f16"},
                                      {1u << VARLEN_BFLOAT16, "bf16"},    {1u << VARLEN_FLOAT8_E4M3, "e4m3"},
                                      {1u << VARLEN_FLOAT8_E5M2, "e5m2"}, {1u << VARLEN_INT8, "int8"}};
    static const bit_name passes[] = {{1u << VARLEN_PASS_FORWARD, "forward"}, {1u << VARLEN_PASS_BACKWARD, "backward"}};
    char text[64];
    text_table_add(table, "%s:%d", info->backend, (int)info->device);
    text_table_add(table, "%s", bit_names(info->dtypes, dtypes, 6, text, sizeof text));
    text_table_add(table, "%s", bit_names(info->passes, passes, 2, text, sizeof text));
    text_table_add(table, info->memory_bytes ? "%.1f GiB" : "unknown", (double)info->memory_bytes / (1 << 30));
    text_table_add(table, "%d", (int)info->compute_units);
    text_table_add(table, "%s", info->architecture);
    text_table_add(table, "%s", info->name);
}

static void print_devices(void)
{
    static const char *const heading[] = {"device", "dtypes", "passes", "memory", "units", "architecture", "name"};
    text_table table = {.columns = 7};
    add_row(&table, heading);
    for (int32_t i = 0; i < varlen_backend_count(); i++) {
        varlen_backend_info backend = {.struct_size = sizeof backend};
        if (varlen_get_backend(i, &backend) != VARLEN_OK || backend.state != VARLEN_BACKEND_USABLE)
            continue;
        for (int32_t device = 0; device < backend.device_count; device++) {
            varlen_device_info info = {.struct_size = sizeof info};
            if (varlen_get_device(backend.name, device, &info) == VARLEN_OK)
                add_device(&table, &info);
            else
                add_unknown_device(&table, backend.name, device);
        }
    }
    printf("\nDevices\n");
    text_table_print(&table, stdout);
}

static void print_folders(void)
{
    static const char *const heading[] = {"named by", "searched", "folder"};
    text_table table = {.columns = 3};
    printf("\nPlugin folders, in order of search\n");
    add_row(&table, heading);
    for (int32_t i = 0; i < varlen_search_folder_count(); i++) {
        varlen_search_folder folder = {.struct_size = sizeof folder};
        if (varlen_get_search_folder(i, &folder) != VARLEN_OK)
            continue;
        text_table_add(&table, "%s", folder.origin);
        text_table_add(&table, *folder.reason ? "no" : "yes");
        text_table_add(&table, *folder.reason ? "%s (%s)" : "%s", folder.path, folder.reason);
    }
    text_table_print(&table, stdout);
}

static void print_environment(void)
{
    static const char *const heading[] = {"variable", "now", "default", "values"};
    text_table table = {.columns = 4};
    printf("\nEnvironment\n");
    add_row(&table, heading);
    for (int32_t i = 0; i < varlen_environment_count(); i++) {
        varlen_environment_variable variable = {.struct_size = sizeof variable};
        if (varlen_get_environment(i, &variable) != VARLEN_OK)
            continue;
        text_table_add(&table, "%s", variable.name);
        text_table_add(&table, "%s", variable.value ? variable.value : "(not set)");
        text_table_add(&table, "%s", *variable.default_value ? variable.default_value : "-");
        text_table_add(&table, "%s", variable.values);
    }
    text_table_print(&table, stdout);
    for (int32_t i = 0; i < varlen_environment_count(); i++) {
        varlen_environment_variable variable = {.struct_size = sizeof variable};
        if (varlen_get_environment(i, &variable) == VARLEN_OK)
            printf("  %s: %s\n", variable.name, variable.help);
    }
}

/* What a program that leaves the choice to the environment gets here. */
static int open_default(void)
{
    varlen_context *context;
    varlen_device_info info = {.struct_size = sizeof info};
    progress_show(0, 0, "opening what the environment asks for");
    const varlen_status opened = varlen_open(NULL, &context);
    progress_clear();
    if (opened != VARLEN_OK)
        return command_failed("info", varlen_error_message(), EXIT_FAILED);
    const varlen_status status = varlen_context_device(context, &info);
    if (status == VARLEN_OK) {
        info_print_kernels(context, &info);
        printf("\nA program that names no backend gets %s:%d.\n", info.backend, (int)info.device);
    }
    varlen_close(context);
    return status == VARLEN_OK ? EXIT_DONE : command_failed("info", varlen_error_message(), EXIT_FAILED);
}

int command_info(int count, char **words)
{
    const command_usage usage = {
        .command = "info",
        .summary =
            "Prints the backends that were found or refused, their devices, the folders that were searched and the\n"
            "environment variables, then opens what the environment asks for, and prints which of its kernels take "
            "some\n"
            "common calls and why the others do not. Fails if it cannot be opened.",
    };
    reason why;
    switch (options_parse(&usage, count, words, NULL, &why)) {
    case OPTIONS_HELP_PRINTED: return EXIT_DONE;
    case OPTIONS_REFUSED: return command_failed("info", why.text, EXIT_USAGE);
    case OPTIONS_PARSED: break;
    }
    progress_show(0, 0, "looking for backends and devices");
    const uint64_t before = backend_lists_digest();
    progress_clear();
    printf("varlen %s\n", varlen_version());
    print_backends();
    print_reasons();
    print_devices();
    print_folders();
    print_environment();
    fflush(stdout);
    const int status = open_default();
    if (backend_lists_digest() != before)
        standard_output_lost();
    return status;
}
