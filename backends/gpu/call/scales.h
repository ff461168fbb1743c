/* Scales of quantised keys and values, over any sums: see score_steps.h. A key's scale multiplies its column of scores,
 * a value's its column of weights: `scales(column)` are those of RUN neighbouring columns. */
#ifndef VARLEN_GPU_SCALES_H
#define VARLEN_GPU_SCALES_H

#include "call/softmax.h"

/* Scales of neighbouring columns, read at once. */
template <int RUN> struct alignas(RUN * sizeof(float)) scale_run {
    float at[RUN];
};

/* Products of a key's numbers become those of the key. */
template <typename SUMS> GPU_DEVICE void scale_columns(SUMS &sums, const float *scales, float factor = 1.0f)
{
    sums.for_each_run([&](int, int column, float *run) {
        const scale_run<SUMS::RUN> of_run = *(const scale_run<SUMS::RUN> *)(scales + column);
#pragma unroll
        for (int i = 0; i < SUMS::RUN; i++)
            run[i] *= of_run.at[i] * factor;
    });
}

/* A power of two above a number that is not negative, in float's range. */
GPU_DEVICE float power_above(float x)
{
    uint32_t bits;
    __builtin_memcpy(&bits, &x, sizeof bits);
    bits = smaller((bits & 0x7f800000u) + 0x00800000u, 0x7f000000u);
    __builtin_memcpy(&x, &bits, sizeof x);
    return x;
}

/* What a warp's sums of weighted values are in units of. A float16 has no room for a weight times any scale: weights
 * are multiplied by scales over the largest that there has been, rounded up to a power of two. */
template <typename T> struct value_unit {
    static constexpr float smallest = 0x1p-126f;
    float unit;

    GPU_DEVICE void clear()
    {
        unit = smallest;
    }

    /* With scales up to `largest`: what sums so far are to be multiplied by. */
    GPU_DEVICE float raise(float largest)
    {
        if (!(largest > unit))
            return 1.0f;
        const float above = power_above(largest);
        const float ratio = unit / above;
        unit = above;
        return ratio;
    }

    /* The same with so many scales. */
    template <int COUNT> GPU_DEVICE float raise_to(const float *scales)
    {
        float largest = 0.0f;
#pragma unroll
        for (int n = 0; n < COUNT; n++)
            largest = fmaxf(largest, magnitude(scales[n]));
        return raise(largest);
    }

    /* Of scales. */
    GPU_DEVICE float factor() const
    {
        return 1.0f / unit;
    }

    /* The factor of the scales of some columns; `out` goes on to the unit that they have. */
    template <typename SUMS, typename OUT> GPU_DEVICE float next(SUMS &weights, const float *scales, OUT &out)
    {
        float largest = 0.0f;
        weights.for_each_run([&](int slot, int column, float *) {
            if (slot == 0)
#pragma unroll
                for (int i = 0; i < SUMS::RUN; i++)
                    largest = fmaxf(largest, magnitude(scales[column + i]));
        });
        const float ratio = raise(row_max(weights, largest));
        if (ratio != 1.0f)
            scale_sums(out, ratio);
        return factor();
    }

    template <typename OUT> GPU_DEVICE void finish(OUT &out) const
    {
        scale_sums(out, unit);
    }
};

/* A bfloat16 has. */
template <> struct value_unit<bfloat16> {
    GPU_DEVICE void clear()
    {
    }
    template <int COUNT> GPU_DEVICE float raise_to(const float *)
    {
        return 1.0f;
    }
    GPU_DEVICE float factor() const
    {
        return 1.0f;
    }
    template <typename SUMS, typename OUT> GPU_DEVICE float next(SUMS &, const float *, OUT &)
    {
        return 1.0f;
    }
    template <typename OUT> GPU_DEVICE void finish(OUT &) const
    {
    }
};

/* Weights of a value's numbers become those of the value. */
template <typename T, typename SUMS, typename OUT>
GPU_DEVICE void scale_weights(value_unit<T> &unit, SUMS &weights, const float *scales, OUT &out)
{
    scale_columns(weights, scales, unit.next(weights, scales, out));
}

#endif
