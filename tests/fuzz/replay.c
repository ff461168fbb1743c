/* Runs a target over files, without a fuzz engine: replay FILE_OR_FOLDER... */
#include "target.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { LARGEST_FILE = 1 << 16 };

static int replayed;

static bool replay_file(const char *path)
{
    static uint8_t bytes[LARGEST_FILE];
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        return false;
    }
    const size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    /* Known before it runs: a target that does not hold ends the process. */
    printf("%s\n", path);
    fflush(stdout);
    uint8_t *exact = malloc(size ? size : 1); /* so that a sanitizer sees reads past its end */
    if (!exact)
        return false;
    memcpy(exact, bytes, size);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    replayed++;
    return true;
}

static bool replay_folder(const char *path)
{
    struct dirent **entries;
    const int count = scandir(path, &entries, NULL, alphasort);
    bool ok = count >= 0;
    for (int n = 0; n < count; n++) {
        char file[4096];
        snprintf(file, sizeof file, "%s/%s", path, entries[n]->d_name);
        if (entries[n]->d_name[0] != '.')
            ok = replay_file(file) && ok;
        free(entries[n]);
    }
    if (count >= 0)
        free(entries);
    return ok;
}

int main(int count, char **paths)
{
    bool ok = true;
    for (int n = 1; n < count; n++) {
        struct stat status;
        const bool is_folder = stat(paths[n], &status) == 0 && S_ISDIR(status.st_mode);
        ok = (is_folder ? replay_folder(paths[n]) : replay_file(paths[n])) && ok;
    }
    printf("%d files\n", replayed);
    if (replayed == 0)
        fprintf(stderr, "nothing was replayed\n");
    return ok && replayed > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
