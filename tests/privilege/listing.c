/* What a process sees of folders, the environment and the backend "good", one line each, for privilege_test.py. Linked
 * with core's objects, so that it needs no library of ours, which the system does not look for on behalf of a program
 * with more rights than its user. An argument is a folder that the program itself adds. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <varlen/varlen.h>

static void print_folders(void)
{
    for (int32_t i = 0; i < varlen_search_folder_count(); i++) {
        varlen_search_folder folder = {.struct_size = sizeof folder};
        if (varlen_get_search_folder(i, &folder) == VARLEN_OK)
            printf("folder\t%s\t%s\t%s\n", folder.origin, folder.path, folder.reason);
    }
}

static void print_environment(void)
{
    for (int32_t i = 0; i < varlen_environment_count(); i++) {
        varlen_environment_variable variable = {.struct_size = sizeof variable};
        if (varlen_get_environment(i, &variable) == VARLEN_OK && variable.value)
            printf("variable\t%s\t%s\n", variable.name, variable.value);
    }
}

int main(int count, char **words)
{
    varlen_context *context;
    const varlen_open_options options = {.struct_size = sizeof options, .backend = "good"};
    printf("privileged\t%d\n", getauxval(AT_SECURE) != 0);
    if (count > 1 && varlen_add_backend_folder(words[1]) != VARLEN_OK)
        return EXIT_FAILURE;
    print_environment();
    if (varlen_open(&options, &context) == VARLEN_OK)
        puts("opened");
    else
        printf("refused\t%s\n", varlen_error_message());
    varlen_close(context);
    print_folders();
    return EXIT_SUCCESS;
}
