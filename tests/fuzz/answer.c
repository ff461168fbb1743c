/* Results against what they must be; see answer.h. */
#include "answer.h"

#include "finding.h"

#include "conformance/row_bound.h"

#include <math.h>

answer_rows answer_make(memory_pool *pool, const char *name, varlen_dtype dtype, int64_t rows, int64_t dim,
                        double factor)
{
    return (answer_rows){.name = name,
                         .rows = rows,
                         .dim = dim,
                         .dtype = dtype,
                         .factor = factor,
                         .want = memory_take(pool, rows * dim, sizeof(double)),
                         .got = memory_take(pool, rows * dim, sizeof(double))};
}

void answer_load(answer_rows *answer, const tensor_view *view)
{
    double *row = answer->got;
    for (int64_t token = 0; token < view->shape.tokens; token++)
        for (int64_t head = 0; head < view->shape.heads; head++, row += answer->dim)
            view_load(view, answer->dtype, 0, token, head, row);
}

static double largest_of(const double *row, int64_t dim)
{
    double largest = 0;
    for (int64_t n = 0; n < dim; n++)
        largest = fmax(largest, isfinite(row[n]) ? fabs(row[n]) : 0);
    return largest;
}

/* Weights this small are lost where float32 ends. */
static const double underflow = 0x1p-100;

/* Rounding of a row to its dtype, and of sums in which numbers as large as the tensor's cancel. */
static bool row_is_close(const answer_rows *answer, int64_t row, double largest)
{
    static const double units[] = {[VARLEN_FLOAT32] = 0x1p-19, [VARLEN_FLOAT16] = 0x1p-11, [VARLEN_BFLOAT16] = 0x1p-8};
    const double *want = answer->want + row * answer->dim;
    return row_error(answer->got + row * answer->dim, want, (int32_t)answer->dim) <=
           units[answer->dtype] * largest + underflow;
}

bool answer_is_close(const answer_rows *answer)
{
    const double largest = largest_of(answer->want, answer->rows * answer->dim);
    bool close = true;
    for (int64_t row = 0; row < answer->rows && close; row++)
        close = row_is_close(answer, row, largest);
    return close;
}

static void report(const answer_rows *answer, int64_t row, double bound)
{
    const double *want = answer->want + row * answer->dim, *got = answer->got + row * answer->dim;
    int64_t worst = 0;
    for (int64_t n = 1; n < answer->dim; n++)
        if (!(row_error_of(got[n], want[n]) <= row_error_of(got[worst], want[worst])))
            worst = n;
    finding("%s: row %lld (of one head), element %lld: expected %.9g, got %.9g, where the bound is %.3g", answer->name,
            (long long)row, (long long)worst, want[worst], got[worst], bound);
}

/* Bounds take the errors of a sum's terms for independent. Terms that are alike (of keys that are expanded to one row)
 * err alike, and add up. What is looked for here is off by far more. */
static const double alike = 16;

void answer_check(const answer_rows *answer)
{
    for (int64_t row = 0; row < answer->rows; row++) {
        const int64_t at = row * answer->dim;
        const int32_t dim = (int32_t)answer->dim;
        const double rounding =
            answer->is_lse ? row_lse_rounding(answer->want[at]) : row_rounding(answer->dtype, answer->want + at, dim);
        const double bound = alike * (answer->factor * row_error(answer->plain + at, answer->want + at, dim) +
                                      row_largest(answer->slack + at, dim)) +
                             rounding + underflow;
        if (!(row_error(answer->got + at, answer->want + at, dim) <= bound))
            report(answer, row, bound);
    }
}
