/* ELF headers against the size of their file. Sums are checked before they are made: every field may hold any value. */
#include "elf_file.h"

#include <inttypes.h>
#include <link.h>
#include <string.h>

typedef ElfW(Ehdr) elf_header;
typedef ElfW(Phdr) elf_segment;
typedef ElfW(Dyn) elf_dynamic;

enum {
    MAX_SEGMENTS = 64, /* the loader keeps them on its stack; linkers make about a dozen */
    MAX_DYNAMIC = 4096,
    DYNAMIC_BATCH = 64,
};

static const uint64_t max_address = (uint64_t)1 << 47;
static const uint64_t max_alignment = (uint64_t)1 << 30;

typedef struct elf_file {
    const varlen_elf_reader *reader;
    varlen_text *reason;
    elf_header header;
    elf_segment segments[MAX_SEGMENTS];
} elf_file;

static bool refuse(const elf_file *file, const char *format, ...) VARLEN_PRINTF(2, 3);
static bool refuse(const elf_file *file, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    varlen_text_add_list(file->reason, format, arguments);
    va_end(arguments);
    return false;
}

static bool read_bytes(const elf_file *file, uint64_t offset, void *to, size_t size)
{
    return file->reader->read(file->reader->user, offset, to, size) || refuse(file, "it cannot be read");
}

/* Whether `size` bytes at `start` end at or below `end`. */
static bool fits(uint64_t start, uint64_t size, uint64_t end)
{
    return start <= end && size <= end - start;
}

static bool check_part(const elf_file *file, uint64_t offset, uint64_t size, const char *what)
{
    return fits(offset, size, file->reader->size) ||
           refuse(file,
                  "it is cut short or damaged: %s needs %" PRIu64 " bytes from byte %" PRIu64
                  " on, but the file has %" PRIu64,
                  what, size, offset, file->reader->size);
}

/* ---- The header ---- */

static bool check_identity(const elf_file *file)
{
    static const uint16_t one = 1;
    const unsigned char *identity = file->header.e_ident;
    const unsigned char native_class = sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32;
    const unsigned char native_order = *(const unsigned char *)&one ? ELFDATA2LSB : ELFDATA2MSB;
    if (identity[EI_CLASS] != native_class || identity[EI_DATA] != native_order)
        return refuse(file, "it is a library of another kind of machine (ELF class %d, byte order %d)",
                      identity[EI_CLASS], identity[EI_DATA]);
    return true;
}

static bool check_header(elf_file *file)
{
    elf_header *header = &file->header;
    const uint64_t size = file->reader->size;
    if (!read_bytes(file, 0, header, size < sizeof *header ? size : sizeof *header))
        return false;
    if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0)
        return refuse(file, "it is not a shared library: it does not begin as an ELF file does");
    if (!check_part(file, 0, sizeof *header, "its header") || !check_identity(file))
        return false;
    if (header->e_type != ET_DYN)
        return refuse(file, "it is not a shared library, but an ELF file of type %d", header->e_type);
    if (header->e_phentsize != sizeof(elf_segment) || header->e_phnum == 0 || header->e_phnum > MAX_SEGMENTS)
        return refuse(file, "it is damaged: %d program headers of %d bytes, where there may be 1 to %d of %zu",
                      header->e_phnum, header->e_phentsize, MAX_SEGMENTS, sizeof(elf_segment));
    /* The loader has no use for sections, but they come last: they tell of a file that lacks its end. */
    return check_part(file, header->e_shoff, (uint64_t)header->e_shnum * header->e_shentsize, "its section table") &&
           check_part(file, header->e_phoff, header->e_phnum * sizeof(elf_segment), "its program header table") &&
           read_bytes(file, header->e_phoff, file->segments, header->e_phnum * sizeof(elf_segment));
}

/* ---- Segments ---- */

static bool check_loaded(const elf_file *file, const elf_segment *segment, uint64_t lowest)
{
    const bool is_aligned = segment->p_align && segment->p_align <= max_alignment &&
                            !(segment->p_align & (segment->p_align - 1)) &&
                            segment->p_vaddr % segment->p_align == segment->p_offset % segment->p_align;
    if (!check_part(file, segment->p_offset, segment->p_filesz, "a segment"))
        return false;
    if (segment->p_filesz > segment->p_memsz || !fits(segment->p_vaddr, segment->p_memsz, max_address) || !is_aligned)
        return refuse(file, "it is damaged: the segment at address 0x%" PRIx64 " has impossible sizes or alignment",
                      (uint64_t)segment->p_vaddr);
    if (segment->p_vaddr < lowest)
        return refuse(file, "it is damaged: segments overlap at address 0x%" PRIx64, (uint64_t)segment->p_vaddr);
    return true;
}

/* The loaded segment whose bytes in the file hold these addresses; NULL if there is none. */
static const elf_segment *find_loaded(const elf_file *file, uint64_t address, uint64_t size)
{
    for (int i = 0; i < file->header.e_phnum; i++) {
        const elf_segment *segment = &file->segments[i];
        if (segment->p_type == PT_LOAD && address >= segment->p_vaddr &&
            fits(address - segment->p_vaddr, size, segment->p_filesz))
            return segment;
    }
    return NULL;
}

/* What is made read-only after relocation: memory of a segment, up to the end of its last page. */
static bool is_in_memory(const elf_file *file, const elf_segment *part)
{
    for (int i = 0; i < file->header.e_phnum; i++) {
        const elf_segment *segment = &file->segments[i];
        const uint64_t page = segment->p_align;
        if (segment->p_type == PT_LOAD && part->p_vaddr >= segment->p_vaddr &&
            fits(part->p_vaddr, part->p_memsz, (segment->p_vaddr + segment->p_memsz + page - 1) / page * page))
            return true;
    }
    return false;
}

static bool check_inside(const elf_file *file, const elf_segment *part)
{
    bool is_inside = true;
    switch (part->p_type) {
    case PT_DYNAMIC:
    case PT_NOTE:
    case PT_TLS:
    case PT_PHDR:
    case PT_INTERP:
    case PT_GNU_PROPERTY:
    case PT_GNU_EH_FRAME:
        is_inside = part->p_filesz <= part->p_memsz &&
                    (part->p_filesz == 0 || find_loaded(file, part->p_vaddr, part->p_filesz));
        break;
    case PT_GNU_RELRO: is_inside = is_in_memory(file, part); break;
    }
    return is_inside || refuse(file, "it is damaged: the program header of type 0x%x leads out of what is loaded",
                               (unsigned)part->p_type);
}

static bool check_segments(const elf_file *file)
{
    uint64_t lowest = 0;
    bool is_loaded = false;
    for (int i = 0; i < file->header.e_phnum; i++) {
        const elf_segment *segment = &file->segments[i];
        if (segment->p_type != PT_LOAD)
            continue;
        if (!check_loaded(file, segment, lowest))
            return false;
        lowest = segment->p_vaddr + segment->p_memsz;
        is_loaded = true;
    }
    if (!is_loaded)
        return refuse(file, "it is damaged: it has nothing to load");
    for (int i = 0; i < file->header.e_phnum; i++)
        if (!check_inside(file, &file->segments[i]))
            return false;
    return true;
}

/* ---- The dynamic section ---- */

/* A table that the loader reads, by the tags of its address and of its size in bytes. */
typedef struct table {
    int64_t address_tag;
    int64_t size_tag;  /* 0: not told */
    uint64_t at_least; /* its size where that is not told */
    bool is_required;
    const char *name;
} table;

static const table tables[] = {
    {DT_STRTAB, DT_STRSZ, 1, true, "string table"},
    {DT_SYMTAB, 0, sizeof(ElfW(Sym)), true, "symbol table"},
    {DT_HASH, 0, 8, false, "hash table"},
    {DT_GNU_HASH, 0, 16, false, "hash table"},
    {DT_RELA, DT_RELASZ, 0, false, "relocations"},
    {DT_REL, DT_RELSZ, 0, false, "relocations"},
    {36 /* DT_RELR */, 35 /* DT_RELRSZ */, 0, false, "relocations"},
    {DT_JMPREL, DT_PLTRELSZ, 0, false, "relocations of calls"},
    {DT_INIT, 0, 1, false, "initialization"},
    {DT_FINI, 0, 1, false, "finalization"},
    {DT_INIT_ARRAY, DT_INIT_ARRAYSZ, 0, false, "table of initializations"},
    {DT_FINI_ARRAY, DT_FINI_ARRAYSZ, 0, false, "table of finalizations"},
    {DT_VERSYM, 0, sizeof(uint16_t), false, "table of symbol versions"},
    {DT_VERNEED, 0, sizeof(ElfW(Verneed)), false, "table of needed versions"},
    {DT_VERDEF, 0, sizeof(ElfW(Verdef)), false, "table of defined versions"},
};

enum { TABLES = sizeof tables / sizeof tables[0] };

/* What the dynamic section says. */
typedef struct dynamic {
    uint64_t addresses[TABLES];
    uint64_t sizes[TABLES];
    bool is_there[TABLES];
    uint64_t largest_name; /* where the last name begins in the string table */
} dynamic;

static void take_entry(dynamic *found, const elf_dynamic *entry)
{
    const int64_t tag = entry->d_tag;
    const uint64_t value = entry->d_un.d_val;
    const bool is_name = tag == DT_NEEDED || tag == DT_SONAME || tag == DT_RPATH || tag == DT_RUNPATH;
    if (is_name && value > found->largest_name)
        found->largest_name = value;
    for (int i = 0; i < TABLES; i++) {
        if (tag == tables[i].address_tag) {
            found->addresses[i] = value;
            found->is_there[i] = true;
        } else if (tables[i].size_tag && tag == tables[i].size_tag) {
            found->sizes[i] = value;
        }
    }
}

/* False unless the section ends as it must. */
static bool read_dynamic(const elf_file *file, const elf_segment *section, dynamic *found)
{
    const elf_segment *loaded = find_loaded(file, section->p_vaddr, section->p_filesz);
    const uint64_t count = section->p_filesz / sizeof(elf_dynamic);
    if (!loaded || count > MAX_DYNAMIC)
        return refuse(file, "it is damaged: its dynamic section has %" PRIu64 " entries, more than %d", count,
                      MAX_DYNAMIC);
    const uint64_t offset = loaded->p_offset + (section->p_vaddr - loaded->p_vaddr);
    for (uint64_t first = 0; first < count; first += DYNAMIC_BATCH) {
        elf_dynamic entries[DYNAMIC_BATCH];
        const uint64_t taken = count - first < DYNAMIC_BATCH ? count - first : DYNAMIC_BATCH;
        if (!read_bytes(file, offset + first * sizeof *entries, entries, taken * sizeof *entries))
            return false;
        for (uint64_t i = 0; i < taken; i++) {
            if (entries[i].d_tag == DT_NULL)
                return true;
            take_entry(found, &entries[i]);
        }
    }
    return refuse(file, "it is damaged: its dynamic section has no end");
}

static bool check_table(const elf_file *file, const dynamic *found, int i)
{
    const table *row = &tables[i];
    const uint64_t size = row->size_tag ? found->sizes[i] : row->at_least;
    if (!found->is_there[i] || (row->is_required && size < row->at_least))
        return !row->is_required || refuse(file, "it is damaged: its dynamic section names no %s", row->name);
    return size == 0 || find_loaded(file, found->addresses[i], size) ||
           refuse(file, "it is damaged: its %s leads out of what is loaded", row->name);
}

/* The loader looks for the ends of names, and finds the last one by the 0 that ends the string table. */
static bool check_names(const elf_file *file, const dynamic *found)
{
    const uint64_t address = found->addresses[0];
    const uint64_t size = found->sizes[0];
    const elf_segment *loaded = find_loaded(file, address, size);
    char last = 1;
    if (!loaded || found->largest_name >= size)
        return refuse(file, "it is damaged: a name lies outside its string table");
    if (!read_bytes(file, loaded->p_offset + (address - loaded->p_vaddr) + size - 1, &last, 1))
        return false;
    return last == '\0' || refuse(file, "it is damaged: its string table has no end");
}

static bool check_dynamic(const elf_file *file)
{
    const elf_segment *section = NULL;
    dynamic found = {.largest_name = 0};
    for (int i = 0; i < file->header.e_phnum; i++)
        if (file->segments[i].p_type == PT_DYNAMIC)
            section = &file->segments[i]; /* the last, as the loader does */
    if (!section)
        return refuse(file, "it is not a shared library: it has no dynamic section");
    if (!read_dynamic(file, section, &found))
        return false;
    for (int i = 0; i < TABLES; i++)
        if (!check_table(file, &found, i))
            return false;
    return check_names(file, &found);
}

bool varlen_elf_check(const varlen_elf_reader *reader, varlen_text *reason)
{
    elf_file file = {.reader = reader, .reason = reason};
    return check_header(&file) && check_segments(&file) && check_dynamic(&file);
}

static bool copy_bytes(void *user, uint64_t offset, void *to, size_t size)
{
    memcpy(to, (const char *)user + offset, size);
    return true;
}

bool varlen_elf_check_bytes(const void *bytes, size_t size, varlen_text *reason)
{
    const varlen_elf_reader reader = {.size = size, .user = (void *)bytes, .read = copy_bytes};
    return varlen_elf_check(&reader, reason);
}
