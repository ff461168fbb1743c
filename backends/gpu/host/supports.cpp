#include "host/supports.h"

#include "host/families.h"
#include "host/limits.h"
#include "host/runtime.h"

namespace
{

/* Sequences, and rows and keys of one, are numbered in 32 bits, rounded up to whole tiles; so is what blocks take, with
 * some to spare for those that find nothing left. */
constexpr int64_t ROW_LIMIT = INT32_MAX - 0xffff;
constexpr size_t ITEM_LIMIT = 1u << 30;
constexpr int32_t HEAD_LIMIT = 1 << 24; /* a row's pieces of 16 bytes, of all heads, likewise */

/* Keys of the smallest tile of the backward pass. */
constexpr int64_t SMALLEST_TILE_KEYS = 16;

/* At most so many items, or partial results, of all kv heads, whatever the kernel. */
size_t number_limit(const varlen_attention &attention, varlen_pass pass)
{
    const size_t kv_heads = (size_t)attention.kv_heads;
    if (pass == VARLEN_PASS_FORWARD) {
        const size_t partials = partial_limit(attention, (int32_t)(ITEM_LIMIT / 4));
        return size_sum(size_product((size_t)tile_limit(attention, DECODE_TILE_ROWS), kv_heads), partials);
    }
    const int64_t tiles = attention.total_k / SMALLEST_TILE_KEYS + smaller_of(attention.batch, attention.total_k);
    return size_product((size_t)tiles, kv_heads);
}

varlen_status check_numbers(const varlen_attention &attention, varlen_pass pass)
{
    const char *backend = runtime_identity.name;
    if (attention.batch > ROW_LIMIT)
        return gpu_host->fail(VARLEN_ERROR_UNSUPPORTED, "batch = %d is more than the %s backend can number",
                              attention.batch, backend);
    if (attention.q_heads > HEAD_LIMIT)
        return gpu_host->fail(VARLEN_ERROR_UNSUPPORTED, "q_heads = %d is more than the %s backend can number",
                              attention.q_heads, backend);
    if (query_rows(attention) > ROW_LIMIT)
        return gpu_host->fail(VARLEN_ERROR_UNSUPPORTED,
                              "total_q = %lld with q_heads = %d and kv_heads = %d makes more rows than the %s backend "
                              "can number",
                              (long long)attention.total_q, attention.q_heads, attention.kv_heads, backend);
    if (key_limit(attention) > ROW_LIMIT)
        return gpu_host->fail(
            VARLEN_ERROR_UNSUPPORTED,
            "%lld keys of a sequence (total_k, or page_table_width times page_size, with max_seqlen_k "
            "= %d) are more than the %s backend can number",
            (long long)slot_limit(attention), attention.max_seqlen_k, backend);
    if (number_limit(attention, pass) > ITEM_LIMIT)
        return gpu_host->fail(
            VARLEN_ERROR_UNSUPPORTED,
            "batch = %d with total_q = %lld, total_k = %lld, q_heads = %d and kv_heads = %d makes more "
            "tiles than the %s backend can number",
            attention.batch, (long long)attention.total_q, (long long)attention.total_k, attention.q_heads,
            attention.kv_heads, backend);
    return VARLEN_OK;
}

} // namespace

varlen_status gpu_supports(void *state, const varlen_attention *attention, varlen_pass pass)
{
    const gpu_state *gpu = (const gpu_state *)state;
    varlen_status status = check_numbers(*attention, pass);
    if (status == VARLEN_OK)
        status = gpu_families_support(gpu, attention, pass);
    if (status != VARLEN_OK)
        return status;
    return workspace_check(gpu_host, attention, gpu_families_workspace(gpu, attention, pass));
}

varlen_status gpu_workspace_size(void *state, const varlen_attention *attention, varlen_pass pass, size_t *size)
{
    *size = gpu_families_workspace((const gpu_state *)state, attention, pass);
    return VARLEN_OK;
}
