/* Reading and writing .npy files, and everything that can be wrong with one. */
#include <unistd.h>

#include "npy/npy.h"
#include "temporary_file.h"
#include "unit/support/test.h"

typedef struct file_bytes {
    unsigned char bytes[512];
    size_t size;
} file_bytes;

/* A file of a version with a dictionary and this many bytes of data: 0, 1, 2, ... */
static file_bytes make_file(int version, const char *dictionary, size_t data_size)
{
    file_bytes file = {.bytes = {0x93, 'N', 'U', 'M', 'P', 'Y', (unsigned char)version, 0}};
    const size_t length_size = version == 1 ? 2 : 4;
    const size_t length = strlen(dictionary);
    file.bytes[8] = (unsigned char)length;
    memcpy(file.bytes + 8 + length_size, dictionary, length);
    file.size = 8 + length_size + length;
    for (size_t i = 0; i < data_size; i++)
        file.bytes[file.size++] = (unsigned char)i;
    return file;
}

static bool read_file(const file_bytes *bytes, npy_array *array, reason *why)
{
    const temporary_file file = temporary_file_make(bytes->bytes, bytes->size);
    why->text[0] = 0;
    const bool ok = npy_read(file.path, array, why);
    if (!ok)
        assert_memory_equal(why->text, file.path, strlen(file.path));
    temporary_file_remove(&file);
    return ok;
}

static void test_every_version_and_format_is_read(void **state)
{
    (void)state;
    static const struct {
        const char *descr;
        element_type type;
        size_t size;
    } formats[] = {{"<f4", ELEMENT_FLOAT32, 4},
                   {"<f8", ELEMENT_FLOAT64, 8},
                   {"<f2", ELEMENT_FLOAT16, 2},
                   {"<i4", ELEMENT_INT32, 4},
                   {"<i8", ELEMENT_INT64, 8}};
    for (int version = 1; version <= 3; version++)
        for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
            char dictionary[128];
            snprintf(dictionary, sizeof dictionary, "{'shape': (2, 3), \"descr\": '%s', 'fortran_order': False}   \n",
                     formats[i].descr);
            const file_bytes file = make_file(version, dictionary, 6 * formats[i].size);
            npy_array array;
            reason why;
            assert_true(read_file(&file, &array, &why));
            assert_int_equal(array.type, formats[i].type);
            assert_int_equal(array.dimensions, 2);
            assert_int_equal(array.shape[0], 2);
            assert_int_equal(array.shape[1], 3);
            assert_int_equal(array.count, 6);
            assert_int_equal(((unsigned char *)array.data)[6 * formats[i].size - 1], 6 * formats[i].size - 1);
            npy_free(&array);
        }
}

static void test_shapes_without_elements_and_without_dimensions(void **state)
{
    (void)state;
    npy_array array;
    reason why;
    const file_bytes empty = make_file(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 8, 64), }\n", 0);
    assert_true(read_file(&empty, &array, &why));
    assert_int_equal(array.count, 0);
    assert_null(array.data);
    const file_bytes scalar = make_file(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (), }\n", 4);
    assert_true(read_file(&scalar, &array, &why));
    assert_int_equal(array.dimensions, 0);
    assert_int_equal(array.count, 1);
    npy_free(&array);
}

static void test_bad_headers_are_refused_with_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *dictionary;
        size_t data_size;
        const char *reason;
    } cases[] = {
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", 23, "truncated: shape [2, 3] of f32 takes 24"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", 25, "1 bytes follow the array of shape [2, 3]"},
        {"{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }", 24, "fortran_order = True is Fortran order"},
        {"{'descr': '<f4', 'fortran_order': 0, 'shape': (2, 3), }", 24, "fortran_order = 0 is neither True nor False"},
        {"{'descr': '>f4', 'fortran_order': False, 'shape': (2, 3), }", 24, "descr = '>f4' is big-endian"},
        {"{'descr': '|O', 'fortran_order': False, 'shape': (2, 3), }", 24, "descr = '|O' means Python objects"},
        {"{'descr': '|b1', 'fortran_order': False, 'shape': (2, 3), }", 6, "descr = '|b1' is none of <f4, <f8"},
        {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2, ), }", 8,
         "descr = [('a', '<f4')] is no plain type"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296, 8), }", 8,
         "shape = (4294967296, 4294967296, 8) overflows: more than 2^63 elements"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, ), }", 8,
         "shape = [4611686018427387904] overflows: more than 2^63 bytes"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999, ), }", 8,
         "shape = (99999999999999999999, ) holds something else than counts below 2^63"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 3), }", 24,
         "shape = (-1, 3) holds something else than counts"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000, 8), }", 8, "truncated"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1), }", 4,
         "shape = (1,1,1,1,1,1,1,1,1) has more than 8 dimensions"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2 3), }", 24, "shape = (2 3) is not a tuple"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': 6, }", 24, "shape = 6 is not a tuple"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (6", 24, "shape = (6 holds something else"},
        {"{'descr': '<f4', 'fortran_order': False, }", 24, "no 'shape'"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (6, ), 'shape': (6, )}", 24, "'shape' twice"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (6, ), 'extra': 1}", 24, "unknown key 'extra'"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (6, )} x", 24, "the end is expected where it says \"x\""},
        {"{'descr", 24, "not a dictionary: 'key': is expected where it says \"'descr\""},
        {"{'descr': '<f4' 'shape': (6, )}", 24, "a comma or } is expected where it says \"'shape': (6, )}\""},
        {"{'descr': '<\033[2J', }", 24, "descr = '<?[2J' is none of"},
        {"{'fortran_order': ('a very long value, of which the reason holds no more than a line', 1), }", 24,
         "fortran_order = ('a very long value, of which the reason holds no more than... is neither"},
        {"", 0, "not a dictionary: { is expected where it says \"\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const file_bytes file = make_file(1, cases[i].dictionary, cases[i].data_size);
        npy_array array = {.data = &array};
        reason why;
        assert_false(read_file(&file, &array, &why));
        assert_words(why.text, cases[i].reason);
        assert_null(array.data);
    }
}

static void expect_refusal(const file_bytes *file, const char *words)
{
    npy_array array;
    reason why;
    assert_false(read_file(file, &array, &why));
    assert_words(why.text, words);
}

static void test_bad_preambles_are_refused_with_what_is_wrong(void **state)
{
    (void)state;
    const file_bytes good = make_file(2, "{'descr': '<f4', 'fortran_order': False, 'shape': (1, ), }\n", 4);
    file_bytes file = good;
    file.bytes[0] = 'P';
    expect_refusal(&file, "not a .npy file: it begins with 50 4e 55 4d 50 59, not with 93 4e 55 4d 50 59 (\\x93NUMPY)");
    file.bytes[1] = 'K';
    expect_refusal(&file, "a .npz archive is to be unpacked first");
    file = good;
    file.bytes[6] = 4;
    expect_refusal(&file, "version 4.0");
    file = good;
    file.bytes[11] = 0x7f; /* a header of 2 GiB */
    expect_refusal(&file, "the header's length = 2130706491 is above 1048576 bytes");
    file = good;
    file.bytes[9] = 0x7f; /* a header longer than the file */
    expect_refusal(&file, "truncated: the header");
}

static void test_every_truncation_is_refused(void **state)
{
    (void)state;
    file_bytes file = make_file(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n", 24);
    while (file.size > 0) {
        file.size--;
        expect_refusal(&file, "truncated");
    }
}

static void test_what_is_no_file_is_refused(void **state)
{
    (void)state;
    npy_array array;
    reason why;
    assert_false(npy_read("/tmp", &array, &why));
    assert_string_equal(why.text, "/tmp: neither a regular file nor a pipe");
    assert_false(npy_read("/nonexistent/a.npy", &array, &why));
    assert_string_equal(why.text, "/nonexistent/a.npy: cannot be opened: No such file or directory");
}

static void test_what_is_written_is_read_back(void **state)
{
    (void)state;
    float values[6] = {1.0f, -2.0f, 3.5f, 0.0f, 1e30f, -1e-30f};
    const npy_array written = {ELEMENT_FLOAT32, 3, {1, 2, 3}, 6, values};
    const temporary_file file = temporary_file_make("", 0);
    npy_array array;
    reason why;
    FILE *stream = fopen(file.path, "wb");
    assert_non_null(stream);
    npy_write(stream, &written);
    assert_int_equal(fclose(stream), 0);
    assert_true(npy_read(file.path, &array, &why));
    assert_int_equal(array.dimensions, 3);
    assert_memory_equal(array.shape, written.shape, sizeof written.shape);
    assert_memory_equal(array.data, values, sizeof values);
    npy_free(&array);

    stream = fopen(file.path, "rb");
    assert_non_null(stream);
    fseek(stream, 0, SEEK_END);
    assert_int_equal(ftell(stream), 128 + 24); /* the data begin at a multiple of 64 bytes */
    fclose(stream);
    temporary_file_remove(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_version_and_format_is_read),
        cmocka_unit_test(test_shapes_without_elements_and_without_dimensions),
        cmocka_unit_test(test_bad_headers_are_refused_with_what_is_wrong),
        cmocka_unit_test(test_bad_preambles_are_refused_with_what_is_wrong),
        cmocka_unit_test(test_every_truncation_is_refused),
        cmocka_unit_test(test_what_is_no_file_is_refused),
        cmocka_unit_test(test_what_is_written_is_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
