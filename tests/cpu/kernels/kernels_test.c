/* Runs the tests of one kernel set's pieces, which VARLEN_CPU_ISA names, where the backend says that they can run. */
#include <stdio.h>

#include <varlen/varlen.h>

#include "pieces.h"

enum { SKIPPED = 77 };

int main(void)
{
    const varlen_open_options options = {.struct_size = sizeof options, .backend = "cpu"};
    varlen_context *context;
    if (varlen_open(&options, &context) != VARLEN_OK) {
        printf("skipped: %s\n", varlen_error_message());
        return SKIPPED;
    }
    const int failed = test_vector() + test_conversion() + test_pairs() + test_products() + test_load() +
                       test_quantized() + test_columns() + test_softmax() + test_softmax_pairs() + test_row_softmax() +
                       test_dropout() + test_decode() + test_backward();
    varlen_close(context);
    return failed > 0;
}
