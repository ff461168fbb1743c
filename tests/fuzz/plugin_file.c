/* Plugin files before they are loaded: one that is accepted is not cut short, and no file makes the check read outside
 * it, or refuse without a reason. */
#include "target.h"

#include "finding.h"

#include "core/elf_file.h"

#include <link.h>
#include <string.h>

typedef struct plugin_bytes {
    const uint8_t *at;
    uint64_t size;
} plugin_bytes;

static bool read_bytes(void *user, uint64_t offset, void *to, size_t size)
{
    const plugin_bytes *bytes = user;
    if (offset > bytes->size || size > bytes->size - offset)
        finding("%zu bytes are read from byte %llu on, of a file of %llu", size, (unsigned long long)offset,
                (unsigned long long)bytes->size);
    memcpy(to, bytes->at + offset, size);
    return true;
}

static bool is_accepted(const uint8_t *data, size_t size, varlen_text *words)
{
    plugin_bytes bytes = {data, size};
    const varlen_elf_reader reader = {.size = size, .user = &bytes, .read = read_bytes};
    const bool accepted = varlen_elf_check(&reader, words);
    if (accepted != (words->length == 0))
        finding("%s, with the reason \"%s\"", accepted ? "accepted" : "refused", words->data);
    text_check("a plugin file's reason", words->data);
    return accepted;
}

/* Where the last byte ends that the headers name: the loader maps segments, and faults past the end of the file. */
static uint64_t end_of_needed(const uint8_t *data, size_t size)
{
    ElfW(Ehdr) header;
    uint64_t end = sizeof header;
    if (size < sizeof header)
        finding("accepted %zu bytes, less than a header", size);
    memcpy(&header, data, sizeof header);
    for (int n = 0; n < header.e_phnum; n++) {
        ElfW(Phdr) segment;
        const uint64_t at = header.e_phoff + (uint64_t)n * header.e_phentsize;
        if (at > size || sizeof segment > size - at)
            finding("accepted, and program header %d is not in the file", n);
        memcpy(&segment, data + at, sizeof segment);
        if (segment.p_type != PT_LOAD)
            continue;
        if (segment.p_offset > size || segment.p_filesz > size - segment.p_offset || segment.p_filesz > segment.p_memsz)
            finding("accepted, and segment %d is not in the file", n);
        if (segment.p_offset + segment.p_filesz > end)
            end = segment.p_offset + segment.p_filesz;
    }
    return end;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    varlen_text words = {.length = 0};
    if (!is_accepted(data, size, &words))
        return 0;
    const uint64_t end = end_of_needed(data, size);
    if (is_accepted(data, (size_t)end - 1, &words))
        finding("a file of %zu bytes that needs %llu is accepted one byte shorter", size, (unsigned long long)end);
    return 0;
}
