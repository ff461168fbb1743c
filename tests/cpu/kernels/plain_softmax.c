#include "plain_softmax.h"

#include "check.h"

double plain_score(const score_rule *rule, double product, double slope, int32_t position, int32_t key)
{
    if (!rule->transform)
        return product;
    double score = product * (double)rule->transform_scale;
    if (rule->softcap != 0.0f)
        score = tanh(score) * (double)rule->softcap;
    return score - slope * fabs((double)position - key);
}

double plain_weight(double score, double reference, double multiplier)
{
    return score == -(double)INFINITY ? 0.0 : exp2((score - reference) * multiplier);
}

plain_row plain_row_begun(void)
{
    return (plain_row){.maximum = -(double)INFINITY};
}

void plain_row_step(plain_row *row, const float *scores, int64_t stride, int32_t keys, double multiplier)
{
    double maximum = row->maximum;
    for (int32_t key = 0; key < keys; key++)
        if ((double)scores[key * stride] > maximum)
            maximum = (double)scores[key * stride];
    row->sum *= plain_weight(row->maximum, maximum, multiplier);
    row->maximum = maximum;
    for (int32_t key = 0; key < keys; key++)
        row->sum += plain_weight((double)scores[key * stride], maximum, multiplier);
}

/* Relative error of a weight: the rounding of an exponent, which is of this size. */
static double plain_error(double score, double maximum, double multiplier)
{
    const double exponent = fmax(fabs(score), fabs(maximum)) * multiplier;
    const double rounded = exponent > (double)SCORE_HUGE ? fabs(score - maximum) * multiplier : 3 * exponent;
    return 0x1p-22 + rounded * 0x1p-24;
}

void plain_row_check(const plain_row *row, const plain_row *was, const plain_step *got, int32_t keys, double multiplier,
                     int column)
{
    if (row->maximum == -(double)INFINITY) { /* nothing was visible yet */
        CHECK(got->maximum == -INFINITY && got->sum == 0.0f && !isnan(got->rescale), "column %d: %g, %g, %g", column,
              (double)got->maximum, (double)got->sum, (double)got->rescale);
        for (int32_t key = 0; key < keys; key++)
            check_near((double)got->weights[key * got->stride], 0.0, 0.0, "weights", key, column);
        return;
    }
    double error = 0.0; /* of the sum, relative */
    for (int32_t key = 0; key < keys; key++) {
        const double score = (double)got->scores[key * got->stride];
        const double want = plain_weight(score, row->maximum, multiplier);
        const double bound = want > 0.0 ? plain_error(score, row->maximum, multiplier) : 0.0;
        check_near((double)got->weights[key * got->stride] * 0x1p23, want, want * bound + 0x1p-100, "weights", key,
                   column);
        error = fmax(error, want > 0x1p-40 ? bound : 0.0);
    }
    const bool begun = was->maximum > -(double)INFINITY; /* else sums are 0, and any finite factor will do */
    const double rescale = begun ? plain_weight(was->maximum, row->maximum, multiplier) : (double)got->rescale;
    const double rescale_error = begun ? plain_error(was->maximum, row->maximum, multiplier) : 0.0;
    CHECK(got->rescale >= 0.0f && got->rescale <= 1.0f, "column %d is rescaled by %g", column, (double)got->rescale);
    check_near((double)got->maximum, row->maximum, 0.0, "maximum", 0, column);
    check_near((double)got->rescale, rescale, rescale * rescale_error + 0x1p-100, "rescale", 0, column);
    check_near((double)got->sum * 0x1p23, row->sum, row->sum * 8 * (error + rescale_error + keys * 0x1p-24), "sum", 0,
               column);
}
