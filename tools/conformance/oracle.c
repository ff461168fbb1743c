/* The oracle; see oracle.h. Names are those of docs/semantics.md. */
#include "oracle.h"

#include "philox.h"

#include <float.h>
#include <math.h>

int64_t oracle_position(const sequence *s, int64_t i)
{
    if (s->position)
        return i + *s->position;
    return s->alignment == VARLEN_ALIGN_TOP_LEFT ? i : i + s->keys - s->queries;
}

bool oracle_sees(const sequence *s, int64_t i, int64_t j)
{
    const int64_t p = oracle_position(s, i), bit = j - (s->keys - s->queries);
    return (s->left == VARLEN_UNBOUNDED || p - s->left <= j) && (s->right == VARLEN_UNBOUNDED || j <= p + s->right) &&
           (s->chunk == 0 || (p >= 0 && p / s->chunk == j / s->chunk)) && (!s->key_begin || s->key_begin[i] <= j) &&
           (!s->key_end || j < s->key_end[i]) && (!s->tree || bit < 0 || s->tree[i] >> bit & 1);
}

float oracle_drop(const sequence *s, int64_t i, int32_t head, int64_t j)
{
    if (s->dropout_p == 0)
        return 1;
    uint32_t word = philox_dropout_word(s->dropout_seed, s->dropout_offset, (uint32_t)s->index, (uint32_t)head,
                                        (uint32_t)i, (uint32_t)j);
    return word < floor(s->dropout_p * 0x1p32) ? 0 : 1 / (1 - s->dropout_p);
}

int32_t oracle_kv_head(const sequence *s, int32_t head)
{
    return head / (s->q_heads / s->kv_heads);
}

const double *oracle_q_row(const sequence *s, int64_t i, int32_t head)
{
    return s->q + (i * s->q_heads + head) * s->head_dim;
}

const double *oracle_k_row(const sequence *s, int64_t j, int32_t head)
{
    return s->k + (j * s->kv_heads + oracle_kv_head(s, head)) * s->head_dim;
}

const double *oracle_v_row(const sequence *s, int64_t j, int32_t head)
{
    return s->v + (j * s->kv_heads + oracle_kv_head(s, head)) * s->value_dim;
}

/* In four sums, which need not wait for one another: most of the table's time goes into this. */
double oracle_dot(const double *a, const double *b, int32_t count)
{
    double sums[4] = {0};
    int32_t n = 0;
    for (; n + 4 <= count; n += 4)
        for (int32_t i = 0; i < 4; i++)
            sums[i] += a[n + i] * b[n + i];
    for (; n < count; n++)
        sums[0] += a[n] * b[n];
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

static double score(const sequence *s, int64_t i, int32_t head, int64_t j)
{
    double value = s->scale * oracle_dot(oracle_q_row(s, i, head), oracle_k_row(s, j, head), s->head_dim);
    if (s->softcap > 0)
        value = s->softcap * tanh(value / s->softcap);
    if (s->slopes)
        value -= s->slopes[head] * fabs((double)(oracle_position(s, i) - j));
    return value;
}

/* The largest score is taken out of the exponents, which changes nothing but the range. */
double oracle_softmax(const sequence *s, int64_t i, int32_t head, double *w)
{
    double largest = s->sinks ? s->sinks[head] : -INFINITY;
    for (int64_t j = 0; j < s->keys; j++) {
        w[j] = oracle_sees(s, i, j) ? score(s, i, head, j) : -INFINITY;
        largest = fmax(largest, w[j]);
    }
    if (largest == -INFINITY)
        largest = 0;
    double l = s->sinks ? exp(s->sinks[head] - largest) : 0;
    for (int64_t j = 0; j < s->keys; j++)
        l += w[j] = exp(w[j] - largest);
    for (int64_t j = 0; j < s->keys && l > 0; j++)
        w[j] /= l;
    return largest + log(l);
}

void oracle_forward(const sequence *s, double *w, double *out, double *lse)
{
    for (int64_t i = 0; i < s->queries; i++) {
        for (int32_t head = 0; head < s->q_heads; head++) {
            int64_t row = i * s->q_heads + head;
            lse[row] = oracle_softmax(s, i, head, w);
            if (isfinite(lse[row]))
                lse[row] = fmax(-FLT_MAX, fmin(FLT_MAX, lse[row]));
            for (int32_t n = 0; n < s->value_dim; n++)
                out[row * s->value_dim + n] = 0;
            for (int64_t j = 0; j < s->keys; j++) {
                double kept = w[j] > 0 ? w[j] * oracle_drop(s, i, head, j) : 0;
                for (int32_t n = 0; n < s->value_dim; n++)
                    out[row * s->value_dim + n] += kept * oracle_v_row(s, j, head)[n];
            }
        }
    }
}

double oracle_dlse(const sequence *s, int64_t i, int32_t head, double lse)
{
    return s->dlse && lse > -INFINITY ? s->dlse[i * s->q_heads + head] : 0;
}

/* ds[i,j] from dt[i,j]: the derivative of the softcap. */
static double through_softcap(const sequence *s, int64_t i, int32_t head, int64_t j, double dt)
{
    if (s->softcap == 0)
        return dt;
    double capped =
        tanh(s->scale * oracle_dot(oracle_q_row(s, i, head), oracle_k_row(s, j, head), s->head_dim) / s->softcap);
    return dt * (1 - capped * capped);
}

static void backward_row(const sequence *s, int64_t i, int32_t head, double *w, const gradients *g)
{
    const double *dout = s->dout + (i * s->q_heads + head) * s->value_dim;
    double lse = oracle_softmax(s, i, head, w);
    double delta = -oracle_dlse(s, i, head, lse); /* and dot(dout[i], out[i]), with out written as its sum */
    for (int64_t j = 0; j < s->keys; j++)
        delta += w[j] * oracle_drop(s, i, head, j) * oracle_dot(dout, oracle_v_row(s, j, head), s->value_dim);
    for (int64_t j = 0; j < s->keys; j++) {
        double dropped = oracle_drop(s, i, head, j);
        double dw = dropped * oracle_dot(dout, oracle_v_row(s, j, head), s->value_dim);
        double ds = through_softcap(s, i, head, j, w[j] * (dw - delta));
        double *dq = g->dq + (i * s->q_heads + head) * s->head_dim;
        double *dk = g->dk + (j * s->kv_heads + oracle_kv_head(s, head)) * s->head_dim;
        double *dv = g->dv + (j * s->kv_heads + oracle_kv_head(s, head)) * s->value_dim;
        for (int32_t n = 0; n < s->head_dim; n++) {
            dq[n] += s->scale * ds * oracle_k_row(s, j, head)[n];
            dk[n] += s->scale * ds * oracle_q_row(s, i, head)[n];
        }
        for (int32_t n = 0; n < s->value_dim; n++)
            dv[n] += w[j] * dropped * dout[n];
    }
    if (g->dsinks && s->sinks[head] > -INFINITY)
        g->dsinks[head] -= exp(s->sinks[head] - lse) * delta;
}

void oracle_backward(const sequence *s, double *w, const gradients *g)
{
    for (int64_t i = 0; i < s->queries; i++)
        for (int32_t head = 0; head < s->q_heads; head++)
            backward_row(s, i, head, w, g);
}
