/* varlen_add_backend_folder: any path is refused with words, or listed with them. Folders that were added stay, so only
 * the first few are. */
#include "target.h"

#include "finding.h"
#include "input.h"

enum { LONGEST_PATH = 5000, MOST_ADDED = 64 };

static int added;

/* A name may hold anything; in the list it is text that can be printed. */
static void check_list(void)
{
    varlen_search_folder folder = {.struct_size = sizeof folder};
    for (int32_t n = 0; varlen_get_search_folder(n, &folder) == VARLEN_OK; n++) {
        text_check("a folder", folder.path);
        text_check("a folder's reason", folder.reason);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input input = {data, size};
    static char path[LONGEST_PATH];
    path[0] = '/';
    const bool is_absolute = input_below(&input, 4) == 0, is_null = input_chance(&input, 4);
    input_text(&input, path + is_absolute, sizeof path - 1);
    if (path[0] == '/' && !is_null && added == MOST_ADDED)
        return 0;
    const int32_t before = varlen_search_folder_count();
    refusal_prepare();
    const varlen_status status = varlen_add_backend_folder(is_null ? NULL : path);
    if (status != VARLEN_OK) {
        refusal_check("varlen_add_backend_folder", status);
        return 0;
    }
    if (is_null || path[0] != '/')
        finding("varlen_add_backend_folder: accepted a path that is not absolute");
    added++;
    if (varlen_search_folder_count() != before + 1)
        finding("varlen_add_backend_folder: accepted a path, and the list has %d folders after %d",
                varlen_search_folder_count(), before);
    check_list();
    return 0;
}
