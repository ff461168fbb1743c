/* The loops that measure a processor: see bench/kernels.h. */
#include "bench/kernels.h"

#include <stdbool.h>

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

/* Sums that do not wait for one another: enough to hide the latency of a multiply-add on every port, and few enough for
 * 16 registers. Values tend to STEP / (1 - FACTOR) = 2: no overflow, no subnormal numbers. */
enum { CHAINS = 12 };

#define FACTOR 0.5f
#define STEP 1.0f

typedef float vector4 __attribute__((vector_size(16)));

static void run_baseline(int64_t rounds, float *sink)
{
    const vector4 factor = {FACTOR, FACTOR, FACTOR, FACTOR};
    const vector4 step = {STEP, STEP, STEP, STEP};
    vector4 sums[CHAINS];
    for (int i = 0; i < CHAINS; i++)
        sums[i] = step * (*sink + (float)i);
    for (int64_t round = 0; round < rounds; round++)
#pragma GCC unroll 12
        for (int i = 0; i < CHAINS; i++)
            sums[i] = sums[i] * factor + step;
    for (int i = 1; i < CHAINS; i++)
        sums[0] += sums[i];
    *sink = sums[0][0];
}

#if defined(__x86_64__)
__attribute__((target("avx2,fma"))) static void run_avx2(int64_t rounds, float *sink)
{
    const __m256 factor = _mm256_set1_ps(FACTOR);
    const __m256 step = _mm256_set1_ps(STEP);
    __m256 sums[CHAINS];
    for (int i = 0; i < CHAINS; i++)
        sums[i] = _mm256_set1_ps(*sink + (float)i);
    for (int64_t round = 0; round < rounds; round++)
#pragma GCC unroll 12
        for (int i = 0; i < CHAINS; i++)
            sums[i] = _mm256_fmadd_ps(sums[i], factor, step);
    for (int i = 1; i < CHAINS; i++)
        sums[0] = _mm256_add_ps(sums[0], sums[i]);
    *sink = _mm256_cvtss_f32(sums[0]);
}

__attribute__((target("avx512f"))) static void run_avx512(int64_t rounds, float *sink)
{
    const __m512 factor = _mm512_set1_ps(FACTOR);
    const __m512 step = _mm512_set1_ps(STEP);
    __m512 sums[CHAINS];
    for (int i = 0; i < CHAINS; i++)
        sums[i] = _mm512_set1_ps(*sink + (float)i);
    for (int64_t round = 0; round < rounds; round++)
#pragma GCC unroll 12
        for (int i = 0; i < CHAINS; i++)
            sums[i] = _mm512_fmadd_ps(sums[i], factor, step);
    for (int i = 1; i < CHAINS; i++)
        sums[0] = _mm512_add_ps(sums[0], sums[i]);
    *sink = _mm512_cvtss_f32(sums[0]);
}

/* Sums of zero products: the instruction takes as long for any values. */
__attribute__((target("avx512f,avx512bf16"))) static void run_avx512_bf16(int64_t rounds, float *sink)
{
    const __m512bh left = _mm512_cvtne2ps_pbh(_mm512_set1_ps(*sink), _mm512_set1_ps(*sink));
    const __m512bh right = _mm512_cvtne2ps_pbh(_mm512_setzero_ps(), _mm512_set1_ps(-*sink));
    __m512 sums[CHAINS];
    for (int i = 0; i < CHAINS; i++)
        sums[i] = _mm512_set1_ps(*sink + (float)i);
    for (int64_t round = 0; round < rounds; round++)
#pragma GCC unroll 12
        for (int i = 0; i < CHAINS; i++)
            sums[i] = _mm512_dpbf16_ps(sums[i], left, right);
    for (int i = 1; i < CHAINS; i++)
        sums[0] = _mm512_add_ps(sums[0], sums[i]);
    *sink = _mm512_cvtss_f32(sums[0]);
}

enum { TILE_ROWS = 16, TILE_ROW_BYTES = 64, TILE_SUMS = 4, TILE_FLOPS = 2 * 16 * 16 * 32 };

/* Of zero products likewise, in tiles. */
__attribute__((target("amx-tile,amx-bf16"))) static void run_amx_bf16(int64_t rounds, float *sink)
{
    struct {
        uint8_t palette, start_row, reserved[14];
        uint16_t row_bytes[16];
        uint8_t rows[16];
    } configuration = {.palette = 1};
    float tile[TILE_ROWS][TILE_ROW_BYTES / sizeof(float)] = {{*sink}};
    for (int i = 0; i < TILE_SUMS + 4; i++) {
        configuration.row_bytes[i] = TILE_ROW_BYTES;
        configuration.rows[i] = TILE_ROWS;
    }
    __asm__ volatile("" ::"r"(&configuration), "r"(tile) : "memory"); /* written before the tiles are */
    _tile_loadconfig(&configuration);
    _tile_loadd(0, tile, TILE_ROW_BYTES);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    _tile_zero(4);
    _tile_zero(5);
    _tile_zero(6);
    _tile_zero(7);
    for (int64_t round = 0; round < rounds; round++) {
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
    }
    _tile_stored(0, tile, TILE_ROW_BYTES);
    _tile_release();
    *sink = tile[0][0];
}
#endif

#if defined(__x86_64__)
/* Linux gives the tiles to processes that ask, and refuses where it does not save them on a context switch. */
static bool may_use_amx_bf16(void)
{
    const long request_permission = 0x1023; /* ARCH_REQ_XCOMP_PERM */
    const long tile_data = 18;              /* XFEATURE_XTILEDATA */
    const unsigned bf16_and_tile = 1u << 22 | 1u << 24;
    unsigned eax, ebx, ecx, edx;
    return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) && (edx & bf16_and_tile) == bf16_and_tile &&
           syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
}
#endif

bench_arithmetic bench_float32_arithmetic(void)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f"))
        return (bench_arithmetic){"AVX-512", 2.0 * 16 * CHAINS, run_avx512};
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return (bench_arithmetic){"AVX2", 2.0 * 8 * CHAINS, run_avx2};
#endif
    return (bench_arithmetic){"128-bit vectors", 2.0 * 4 * CHAINS, run_baseline};
}

bench_arithmetic bench_bfloat16_arithmetic(void)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (may_use_amx_bf16())
        return (bench_arithmetic){"AMX-BF16", 1.0 * TILE_FLOPS * TILE_SUMS, run_amx_bf16};
    if (__builtin_cpu_supports("avx512bf16"))
        return (bench_arithmetic){"AVX-512-BF16", 4.0 * 16 * CHAINS, run_avx512_bf16};
#endif
    return (bench_arithmetic){0};
}

/* Several streams with prefetching: a core that reads one stream alone, or leaves all to its prefetcher, gets less. */
uint64_t bench_read(const void *data, size_t size)
{
    typedef uint64_t line __attribute__((vector_size(16)));
    enum { STREAMS = 4, AHEAD = 512 / sizeof(line) };
    const line *streams[STREAMS];
    line sums[STREAMS] = {{0}};
    const size_t lines = size / STREAMS / sizeof(line);
    for (int i = 0; i < STREAMS; i++)
        streams[i] = (const line *)data + (size_t)i * lines;
    for (size_t at = 0; at < lines; at += 4)
#pragma GCC unroll 4
        for (int i = 0; i < STREAMS; i++) {
            __builtin_prefetch(streams[i] + at + AHEAD);
            sums[i] ^= streams[i][at] ^ streams[i][at + 1] ^ streams[i][at + 2] ^ streams[i][at + 3];
        }
    const line all = sums[0] ^ sums[1] ^ sums[2] ^ sums[3];
    return all[0] ^ all[1];
}
