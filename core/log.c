/* Log lines go to the program's sink, or to stderr as far as VARLEN_LOG asks. */
#include "log.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "environment.h"
#include "os.h"
#include "text.h"

enum { SILENT = -1, NOT_READ = -2 };

static const char *const level_names[] = {"error", "warn", "info", "debug"};
static const int level_count = sizeof level_names / sizeof level_names[0];

/* The lock keeps lines whole and in one order, and guards all but `threshold`, which is also read without it so that a
 * line that nobody wants costs one load. */
static varlen_mutex lock = VARLEN_MUTEX_INITIALIZER;
static varlen_log_sink current_sink;
static void *current_user;
static int printed_level = NOT_READ; /* what VARLEN_LOG asks for */
static atomic_int threshold = NOT_READ;

static void print_line(varlen_log_level level, const char *line)
{
    fprintf(stderr, "varlen: %s: %s\n", level_names[level], line);
}

static int read_level(void)
{
    const char *value = varlen_environment("VARLEN_LOG");
    if (!value || !value[0])
        return SILENT;
    for (int level = 0; level < level_count; level++)
        if (strcmp(value, level_names[level]) == 0)
            return level;
    print_line(VARLEN_LOG_WARN, "VARLEN_LOG is none of error, warn, info and debug; taking it for warn");
    return VARLEN_LOG_WARN;
}

static void update_threshold(void)
{
    if (printed_level == NOT_READ)
        printed_level = read_level();
    atomic_store(&threshold, current_sink ? VARLEN_LOG_DEBUG : printed_level);
}

void varlen_set_log_sink(varlen_log_sink sink, void *user)
{
    varlen_mutex_lock(&lock);
    current_sink = sink;
    current_user = user;
    update_threshold();
    varlen_mutex_unlock(&lock);
}

static bool is_wanted(varlen_log_level level)
{
    if ((int)level < 0 || (int)level >= level_count)
        return false;
    const int known = atomic_load(&threshold);
    return known == NOT_READ || (int)level <= known;
}

int32_t varlen_log_wanted(varlen_log_level level)
{
    return is_wanted(level);
}

void varlen_log(varlen_log_level level, const char *format, ...)
{
    if (!is_wanted(level))
        return;
    varlen_text line = {0};
    va_list arguments;
    va_start(arguments, format);
    varlen_text_add_list(&line, format, arguments);
    va_end(arguments);

    varlen_mutex_lock(&lock);
    if (printed_level == NOT_READ)
        update_threshold();
    if (current_sink)
        current_sink(current_user, level, line.data);
    else if ((int)level <= printed_level)
        print_line(level, line.data);
    varlen_mutex_unlock(&lock);
}

void varlen_log_hold(void)
{
    varlen_mutex_lock(&lock);
}

void varlen_log_release(void)
{
    varlen_mutex_unlock(&lock);
}
