/* Command-line options: see options.h. */
#include "options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text_table.h"

enum { MOST_OPTIONS = 64, LONGEST_VALUE_NAME = 128 };

bool read_switch(const command_option *option, const char *value, void *target, reason *why)
{
    (void)option;
    (void)value;
    (void)why;
    *(bool *)target = true;
    return true;
}

bool read_text(const command_option *option, const char *value, void *target, reason *why)
{
    (void)option;
    if (!*value)
        return refuse(why, "empty");
    *(const char **)target = value;
    return true;
}

bool read_float(const command_option *option, const char *value, void *target, reason *why)
{
    (void)option;
    char *end;
    errno = 0;
    const float number = strtof(value, &end);
    if (end == value || *end)
        return refuse(why, "not a number");
    if (errno == ERANGE)
        return refuse(why, "out of the range of a float");
    *(float *)target = number;
    return true;
}

/* What stands for the value in --help: its name, or "full|causal|window". */
static const char *value_name(const command_option *option, char text[LONGEST_VALUE_NAME])
{
    if (option->value_name)
        return option->value_name;
    size_t length = 0;
    text[0] = 0;
    for (const option_choice *choice = option->choices; choice && choice->name && length < LONGEST_VALUE_NAME; choice++)
        length += (size_t)snprintf(text + length, LONGEST_VALUE_NAME - length, "%s%s", length ? "|" : "", choice->name);
    return text;
}

bool read_choice(const command_option *option, const char *value, void *target, reason *why)
{
    for (const option_choice *choice = option->choices; choice->name; choice++)
        if (strcmp(choice->name, value) == 0) {
            *(int *)target = choice->value;
            return true;
        }
    char names[LONGEST_VALUE_NAME];
    return refuse(why, "not one of %s", value_name(option, names));
}

static void print_help(const command_usage *usage)
{
    printf("usage: varlen %s%s\n\n%s\n", usage->command, usage->option_count ? " [options]" : "", usage->summary);
    text_table table = {.columns = 2};
    for (int i = 0; i < usage->option_count; i++) {
        const command_option *option = &usage->options[i];
        char names[LONGEST_VALUE_NAME];
        text_table_add(&table, "%s %s", option->name, value_name(option, names));
        text_table_add(&table, "%s%s", option->help, option->required ? " (required)" : "");
    }
    text_table_add(&table, "--help");
    text_table_add(&table, "print this");
    printf("\n");
    text_table_print(&table, stdout);
    if (usage->notes)
        printf("\n%s\n", usage->notes);
}

/* The option that `word` names, with or without "=value"; -1 if there is none. */
static int find_option(const command_usage *usage, const char *word)
{
    const size_t length = strcspn(word, "=");
    for (int i = 0; i < usage->option_count; i++)
        if (strlen(usage->options[i].name) == length && strncmp(usage->options[i].name, word, length) == 0)
            return i;
    return -1;
}

static bool read_value(const command_option *option, const char *value, void *values, reason *why)
{
    reason rule;
    if (option->read(option, value, (char *)values + option->offset, &rule))
        return true;
    return refuse(why, "%s %s: %s", option->name, value, rule.text);
}

/* Reads the option at words[*index], and moves *index past it. */
static bool parse_option(const command_option *option, int count, char **words, int *index, void *values, reason *why)
{
    const char *inline_value = strchr(words[*index], '=');
    const bool is_switch = !option->value_name && !option->choices;
    char names[LONGEST_VALUE_NAME];
    (*index)++;
    if (is_switch && inline_value)
        return refuse(why, "%s takes no value, but got %s", option->name, inline_value + 1);
    if (is_switch)
        return read_value(option, "", values, why);
    if (inline_value)
        return read_value(option, inline_value + 1, values, why);
    if (*index == count || strncmp(words[*index], "--", 2) == 0)
        return refuse(why, "%s needs a value: %s %s", option->name, option->name, value_name(option, names));
    return read_value(option, words[(*index)++], values, why);
}

static bool parse_all(const command_usage *usage, int count, char **words, void *values, reason *why)
{
    bool seen[MOST_OPTIONS] = {false};
    for (int i = 0; i < count;) {
        const int found = find_option(usage, words[i]);
        if (found < 0)
            return refuse(why, "unknown option %s; varlen %s --help lists the options", words[i], usage->command);
        if (seen[found])
            return refuse(why, "%s is given twice", usage->options[found].name);
        seen[found] = true;
        if (!parse_option(&usage->options[found], count, words, &i, values, why))
            return false;
    }
    for (int i = 0; i < usage->option_count; i++)
        if (usage->options[i].required && !seen[i])
            return refuse(why, "%s is missing: it is required", usage->options[i].name);
    return true;
}

options_outcome options_parse(const command_usage *usage, int count, char **words, void *values, reason *why)
{
    for (int i = 0; i < count; i++)
        if (strcmp(words[i], "--help") == 0 || strcmp(words[i], "-h") == 0) {
            print_help(usage);
            return OPTIONS_HELP_PRINTED;
        }
    return parse_all(usage, count, words, values, why) ? OPTIONS_PARSED : OPTIONS_REFUSED;
}
