/* Plugin files that are cut short or damaged: each is refused with words, and none ends the process. */
#include <elf.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/elf_file.h"
#include "core/plugin.h"
#include "support/listing.h"
#include "support/scratch.h"

static scratch folder;
static unsigned char *bytes; /* of a good plugin */
static size_t size;

static int set_up(void **state)
{
    (void)state;
    folder = scratch_create();
    scratch_add_plugin(&folder, "good", "good");
    FILE *file = fopen(scratch_path(&folder, "varlen-good.so"), "rb");
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    size = (size_t)ftell(file);
    rewind(file);
    bytes = malloc(size);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, size, file), size);
    fclose(file);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(bytes);
    scratch_remove(&folder);
    return 0;
}

static void takes_a_whole_plugin(void **state)
{
    (void)state;
    varlen_text reason = {0};
    assert_true(varlen_elf_check_bytes(bytes, size, &reason));
    assert_string_equal(reason.data, "");
}

/* In memory of exactly that length, so that a checker of memory sees what is read past it. */
static void refuses_every_beginning_of_a_plugin(void **state)
{
    (void)state;
    const size_t headers = 4096; /* byte by byte; what is behind them by a prime */
    for (size_t length = 0; length < size; length += length < headers || length + 61 >= size ? 1 : 61) {
        varlen_text reason = {0};
        unsigned char *beginning = malloc(length + !length);
        assert_non_null(beginning);
        memcpy(beginning, bytes, length);
        assert_false(varlen_elf_check_bytes(beginning, length, &reason));
        assert_words(reason.data, length < SELFMAG ? "it is not a shared library" : "it is cut short or damaged: its");
        free(beginning);
    }
}

/* ---- Loading, in a process that must not die ---- */

static void load_in_child(const char *path, const char *words)
{
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        varlen_plugin plugin;
        bool may_pass;
        const varlen_status status = varlen_plugin_load(path, "good", &plugin, &may_pass);
        _exit(status == VARLEN_ERROR_BACKEND_UNAVAILABLE && !may_pass && strstr(varlen_error_message(), words) ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void loading_a_beginning_fails_with_words(void **state)
{
    (void)state;
    char path[2 * SCRATCH_PATH_SIZE];
    snprintf(path, sizeof path, "%s", scratch_path(&folder, "varlen-good.so"));
    for (size_t length = (size - 1) / 64 * 64; length >= 64; length -= 64) {
        assert_int_equal(truncate(path, (off_t)length), 0);
        load_in_child(path, "it is cut short or damaged");
    }
    assert_int_equal(truncate(path, 0), 0);
    load_in_child(path, "it is not a shared library");
}

/* A download that made the file in its whole length first, and was interrupted. */
static void loading_a_file_that_ends_in_zeros_fails_with_words(void **state)
{
    (void)state;
    char path[2 * SCRATCH_PATH_SIZE];
    snprintf(path, sizeof path, "%s", scratch_path(&folder, "varlen-good.so"));
    assert_int_equal(truncate(path, 1024), 0);
    assert_int_equal(truncate(path, (off_t)size), 0);
    load_in_child(path, "it is damaged: its dynamic section");
}

/* ---- Damage ---- */

static Elf64_Phdr *segment_of(unsigned type)
{
    Elf64_Ehdr *header = (Elf64_Ehdr *)bytes;
    Elf64_Phdr *segments = (Elf64_Phdr *)(bytes + header->e_phoff);
    for (int i = 0; i < header->e_phnum; i++)
        if (segments[i].p_type == type)
            return &segments[i];
    fail_msg("the plugin has no segment of type %u", type);
    return NULL;
}

static Elf64_Dyn *entry_of(int64_t tag)
{
    Elf64_Dyn *entry = (Elf64_Dyn *)(bytes + segment_of(PT_DYNAMIC)->p_offset);
    while (entry->d_tag != tag && entry->d_tag != DT_NULL)
        entry++;
    assert_int_equal(entry->d_tag, tag);
    return entry;
}

/* `field` with `value` in it must be refused with `words`. */
static void damage(void *field, size_t field_size, uint64_t value, const char *words)
{
    varlen_text reason = {0};
    unsigned char before[8];
    memcpy(before, field, field_size);
    memcpy(field, &value, field_size); /* little-endian, as the machines that varlen runs on are */
    assert_false(varlen_elf_check_bytes(bytes, size, &reason));
    assert_words(reason.data, words);
    memcpy(field, before, field_size);
}

#define DAMAGE(field, value, words) damage(&(field), sizeof(field), (uint64_t)(value), words)

static void refuses_damaged_headers(void **state)
{
    (void)state;
    Elf64_Ehdr *header = (Elf64_Ehdr *)bytes;
    DAMAGE(header->e_ident[0], 0, "does not begin as an ELF file");
    DAMAGE(header->e_ident[EI_CLASS], ELFCLASS32, "another kind of machine");
    DAMAGE(header->e_ident[EI_DATA], ELFDATA2MSB, "another kind of machine");
    DAMAGE(header->e_type, ET_EXEC, "an ELF file of type 2");
    DAMAGE(header->e_phnum, 0, "0 program headers");
    DAMAGE(header->e_phnum, 65535, "65535 program headers");
    DAMAGE(header->e_phentsize, 0, "of 0 bytes");
    DAMAGE(header->e_phoff, size, "its program header table needs");
    DAMAGE(header->e_phoff, UINT64_MAX, "its program header table needs");
    DAMAGE(header->e_shoff, UINT64_MAX - 100, "its section table needs");
}

static void refuses_damaged_segments(void **state)
{
    (void)state;
    Elf64_Phdr *load = segment_of(PT_LOAD);
    DAMAGE(load->p_filesz, UINT64_MAX, "a segment needs");
    DAMAGE(load->p_offset, UINT64_MAX, "a segment needs");
    DAMAGE(load->p_memsz, 0, "impossible sizes");
    DAMAGE(load->p_memsz, UINT64_MAX, "impossible sizes");
    DAMAGE(load->p_memsz, 1 << 20, "segments overlap");
    DAMAGE(load->p_vaddr, UINT64_MAX << 12, "impossible sizes");
    DAMAGE(load->p_align, 0, "impossible sizes");
    DAMAGE(load->p_align, 3, "impossible sizes");
    DAMAGE(load->p_align, 1ull << 40, "impossible sizes");
    DAMAGE(load->p_type, PT_NULL, "leads out of what is loaded");
    DAMAGE(segment_of(PT_GNU_RELRO)->p_memsz, 1 << 30, "type 0x6474e552 leads out");
    DAMAGE(segment_of(PT_NOTE)->p_vaddr, 1 << 30, "type 0x4 leads out");
    DAMAGE(segment_of(PT_TLS)->p_filesz, UINT64_MAX, "type 0x7 leads out");
    DAMAGE(segment_of(PT_DYNAMIC)->p_vaddr, 1 << 30, "type 0x2 leads out");
    DAMAGE(segment_of(PT_DYNAMIC)->p_filesz, 16, "its dynamic section has no end");
    DAMAGE(segment_of(PT_DYNAMIC)->p_type, PT_NULL, "it has no dynamic section");
}

static void refuses_damaged_tables(void **state)
{
    (void)state;
    DAMAGE(entry_of(DT_STRTAB)->d_tag, DT_NULL, "its dynamic section names no string table");
    DAMAGE(entry_of(DT_SYMTAB)->d_tag, DT_DEBUG, "its dynamic section names no symbol table");
    DAMAGE(entry_of(DT_STRSZ)->d_un.d_val, 0, "its dynamic section names no string table");
    DAMAGE(entry_of(DT_STRSZ)->d_un.d_val, UINT64_MAX, "its string table leads out");
    DAMAGE(entry_of(DT_STRSZ)->d_un.d_val, 2, "outside its string table");
    DAMAGE(entry_of(DT_SYMTAB)->d_un.d_ptr, UINT64_MAX - 8, "its symbol table leads out");
    DAMAGE(entry_of(DT_GNU_HASH)->d_un.d_ptr, 1 << 30, "its hash table leads out");
    DAMAGE(entry_of(DT_RELASZ)->d_un.d_val, 1 << 30, "its relocations leads out");
    DAMAGE(entry_of(DT_INIT_ARRAY)->d_un.d_ptr, 1 << 30, "its table of initializations leads out");
    const Elf64_Dyn *names = entry_of(DT_STRTAB); /* in the first segment, where addresses are offsets */
    DAMAGE(bytes[names->d_un.d_ptr + entry_of(DT_STRSZ)->d_un.d_val - 1], 'x', "its string table has no end");
}

/* Whatever is said of it, nothing is read that is not there, and it ends. */
static void looks_at_any_damage(void **state)
{
    (void)state;
    uint64_t random = 1;
    const size_t dynamic = segment_of(PT_DYNAMIC)->p_offset;
    for (int round = 0; round < 20000; round++) {
        varlen_text reason = {0};
        random = random * 6364136223846793005u + 1442695040888963407u;
        const size_t place = (random >> 33) % 1024 + (round % 2 ? dynamic : 0);
        unsigned char *byte = &bytes[place < size ? place : size - 1];
        const unsigned char before = *byte;
        *byte = (unsigned char)(random >> 56);
        const bool is_taken = varlen_elf_check_bytes(bytes, size, &reason);
        *byte = before;
        assert_int_equal(is_taken, reason.length == 0);
    }
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest cases[] = {
        CASE(takes_a_whole_plugin),
        CASE(loading_a_beginning_fails_with_words),
        CASE(loading_a_file_that_ends_in_zeros_fails_with_words),
        CASE(refuses_every_beginning_of_a_plugin),
        CASE(refuses_damaged_headers),
        CASE(refuses_damaged_segments),
        CASE(refuses_damaged_tables),
        CASE(looks_at_any_damage),
    };
    return cmocka_run_group_tests_name("elf_file", cases, NULL, NULL);
}
