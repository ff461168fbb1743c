/* See group.h. */
#include "async.h"

#include "elements.h"
#include "product.h"

#include <string.h>

constexpr int group_warps = 4;
constexpr int warp_rows = 16;
constexpr int steps = 16; /* of an instruction */

static const char reader_name[] = "a product";

static int32_t warp_index()
{
    return simt_current->index / simt_warp;
}

static simt_warp_products &products_of_warp()
{
    return simt_asynchronous().products[(size_t)warp_index()];
}

/* ---- Registers ----------------------------------------------------------------------------------------------------
 */

simt_registers::simt_registers() : under_way(0), held(false), touched(products_of_warp().fences)
{
}

simt_registers::simt_registers(const simt_registers &other) : simt_registers()
{
    if (other.held)
        simt_fail("registers of a product that is under way are read");
}

simt_registers &simt_registers::operator=(const simt_registers &other)
{
    if (other.held)
        simt_fail("registers of a product that is under way are read");
    touch();
    return *this;
}

simt_registers::~simt_registers()
{
    if (held)
        simt_fail(
            "registers go out of scope, and no products_wait() has named them since they were given to a product");
}

void simt_registers::touch()
{
    if (under_way)
        simt_fail("registers are touched while a product is under way");
    if (held)
        simt_fail("registers are touched, and no products_wait() has named them since they were given to a product");
    touched = products_of_warp().fences;
}

void simt_registers::release()
{
    if (under_way)
        simt_fail(
            "products_wait() names registers of a product that may still be under way: not committed, or too late "
            "a group");
    held = false;
    touched = products_of_warp().fences;
}

/* ---- Matrices in shared memory ------------------------------------------------------------------------------------
 */

/* What a descriptor says. */
struct simt_operand {
    int32_t start;
    int32_t leading;
    int32_t stride;
    int32_t swizzle;
    bool transposed;

    simt_operand(uint64_t descriptor, bool is_transposed)
        : start((int32_t)(descriptor & 0x3fff) * 16), leading((int32_t)(descriptor >> 16 & 0x3fff) * 16),
          stride((int32_t)(descriptor >> 32 & 0x3fff) * 16), transposed(is_transposed)
    {
        constexpr int32_t modes[] = {0, 128, 64, 32};
        swizzle = modes[descriptor >> 62];
        if (swizzle == 0)
            simt_fail("a product's descriptor has no swizzle");
        if ((descriptor >> 49 & 7) != 0)
            simt_fail("a product's descriptor has a base offset");
        const int32_t pattern = transposed ? start : start / swizzle * swizzle;
        if (pattern % (8 * swizzle) != 0)
            simt_fail("a product's matrix starts at shared memory + %d, within a pattern of %d bytes", start,
                      8 * swizzle);
    }

    /* By rows, a piece has steps 8 * eight and following of a vector. */
    int32_t piece_of_row(int vector, int eight) const
    {
        return simt_swizzled(start + vector / 8 * stride + vector % 8 * swizzle + eight * 16, swizzle);
    }

    /* By columns, a piece has 8 vectors' elements of a step. */
    int32_t piece_of_column(int eight, int step) const
    {
        const int pieces = swizzle / 16;
        const int32_t panel = eight / pieces * leading;
        return simt_swizzled(start + panel + step / 8 * stride + step % 8 * swizzle + eight % pieces * 16, swizzle);
    }
};

static std::vector<size_t> begin_operand(simt_reading &reading, const simt_operand &operand, int first, int vectors)
{
    simt_shared &shared = simt_asynchronous().shared;
    std::vector<size_t> numbers;
    numbers.reserve((size_t)(vectors * steps / 8));
    reading.expect(vectors * steps / 8);
    if (operand.transposed) {
        for (int eight = first / 8; eight < (first + vectors) / 8; eight++)
            for (int step = 0; step < steps; step++)
                numbers.push_back(reading.begin(shared, operand.piece_of_column(eight, step), operand.swizzle));
    } else {
        for (int vector = first; vector < first + vectors; vector++)
            for (int eight = 0; eight < steps / 8; eight++)
                numbers.push_back(reading.begin(shared, operand.piece_of_row(vector, eight), operand.swizzle));
    }
    return numbers;
}

static float value_of(uint16_t bits, bool is_float16)
{
    return is_float16 ? simt_value(simt_float16{bits}) : simt_value(simt_bfloat16{bits});
}

/* matrix is [vectors][steps] */
static void read_operand(simt_matrix &matrix, const simt_reading &reading, const std::vector<size_t> &pieces,
                         bool transposed, bool is_float16)
{
    for (size_t n = 0; n < pieces.size(); n++) {
        uint16_t bits[8];
        memcpy(bits, &reading.content[16 * pieces[n]], 16);
        for (int i = 0; i < 8; i++) {
            const int vector = transposed ? (int)n / steps * 8 + i : (int)n / 2;
            const int step = transposed ? (int)n % steps : (int)n % 2 * 8 + i;
            matrix.row(vector)[step] = value_of(bits[i], is_float16);
        }
    }
}

/* ---- Instructions -------------------------------------------------------------------------------------------------
 */

static void require_same(const simt_product &first, const simt_product &other)
{
    if (first.a != other.a || first.b != other.b || first.columns != other.columns || first.add != other.add ||
        first.a_transposed != other.a_transposed || first.b_transposed != other.b_transposed ||
        !first.operand != !other.operand || first.is_float16 != other.is_float16)
        simt_fail("the threads of a warp begin different products");
}

static void begin_registers(simt_registers &state, int64_t fences)
{
    if (!state.under_way && state.touched >= fences)
        simt_fail("a product begins with registers that were touched, and no products_fence() since");
    state.under_way++;
    state.held = true;
}

/* The warps of a group begin the same instructions in the same order. */
static void note_in_history(simt_warp_products &products, const simt_product &product)
{
    const uint64_t kind = (uint64_t)product.columns << 4 | (product.add ? 8u : 0u) | (product.a_transposed ? 4u : 0u) |
                          (product.b_transposed ? 2u : 0u) | (product.is_float16 ? 1u : 0u);
    const uint64_t mark = ((product.a * 31 + product.b) * 31 + kind) * 2 + (product.operand ? 1 : 0);
    std::vector<uint64_t> &history = simt_asynchronous().history[warp_index() / group_warps];
    if (products.instructions == history.size())
        history.push_back(mark);
    else if (history[products.instructions] != mark)
        simt_fail("the warps of a group begin different products");
    products.instructions++;
}

static void begin_product(void *const (&arguments)[simt_warp])
{
    simt_warp_products &products = products_of_warp();
    products.open.emplace_back();
    simt_instruction &instruction = products.open.back();
    instruction.warp = warp_index();
    instruction.reading.reader = reader_name;
    for (int lane = 0; lane < simt_warp; lane++) {
        const simt_product &product = *(const simt_product *)arguments[lane];
        require_same(*(const simt_product *)arguments[0], product);
        begin_registers(*product.sums_state, products.fences);
        if (product.operand)
            begin_registers(*product.operand_state, products.fences);
        instruction.lanes[lane] = product;
    }
    const simt_product &first = instruction.lanes[0];
    note_in_history(products, first);
    if (!first.operand)
        instruction.a_pieces = begin_operand(instruction.reading, simt_operand(first.a, first.a_transposed),
                                             instruction.warp % group_warps * warp_rows, warp_rows);
    instruction.b_pieces =
        begin_operand(instruction.reading, simt_operand(first.b, first.b_transposed), 0, first.columns);
}

/* Four registers a step: rows lane / 4 and 8 below, of steps 2 * (lane % 4) and the next, then of those 8 further. */
static void read_registers(simt_matrix &left, const simt_instruction &instruction)
{
    for (int lane = 0; lane < simt_warp; lane++)
        for (int i = 0; i < 8; i++) {
            const uint32_t pair = instruction.lanes[lane].operand[i / 2];
            const int row = lane / 4 + i / 2 % 2 * 8;
            const int step = lane % 4 * 2 + i / 4 * 8 + i % 2;
            left.row(row)[step] = value_of((uint16_t)(pair >> i % 2 * 16), instruction.lanes[lane].is_float16);
        }
}

/* f(row, column, sum) for the sums of all lanes: rows lane / 4 and 8 below, columns 2 * (lane % 4) and the next. */
template <typename F> static void for_each_sum(const simt_instruction &instruction, F f)
{
    for (int lane = 0; lane < simt_warp; lane++)
        for (int i = 0; i < instruction.lanes[lane].columns / 2; i++)
            f(lane / 4 + i / 2 % 2 * 8, i / 4 * 8 + lane % 4 * 2 + i % 2, instruction.lanes[lane].sums[i]);
}

static void complete(const simt_instruction &instruction)
{
    const simt_product &first = instruction.lanes[0];
    simt_matrix left(warp_rows, steps);
    simt_matrix vectors(first.columns, steps);
    simt_matrix right(steps, first.columns);
    simt_matrix sums(warp_rows, first.columns);
    instruction.reading.end(simt_asynchronous().shared);
    if (first.operand)
        read_registers(left, instruction);
    else
        read_operand(left, instruction.reading, instruction.a_pieces, first.a_transposed, first.is_float16);
    read_operand(vectors, instruction.reading, instruction.b_pieces, first.b_transposed, first.is_float16);
    simt_transpose(right, vectors);
    if (first.add)
        for_each_sum(instruction, [&](int row, int column, float &sum) { sums.row(row)[column] = sum; });
    simt_multiply(sums, left, right);
    for_each_sum(instruction, [&](int row, int column, float &sum) { sum = sums.row(row)[column]; });
    for (const simt_product &lane : instruction.lanes) {
        lane.sums_state->under_way--;
        if (lane.operand)
            lane.operand_state->under_way--;
    }
}

void simt_multiply_later(simt_product &product)
{
    simt_meet("a product of a warp group", begin_product, &product);
}

void simt_products_fence()
{
    simt_meet(
        "products_fence", [](void *const(&)[simt_warp]) { products_of_warp().fences++; }, nullptr);
}

void simt_products_commit()
{
    simt_meet(
        "products_commit",
        [](void *const(&)[simt_warp]) {
            simt_warp_products &products = products_of_warp();
            products.groups.push_back(std::move(products.open));
            products.open.clear();
        },
        nullptr);
}

void simt_products_wait(int later)
{
    simt_meet(
        "products_wait",
        [](void *const(&arguments)[simt_warp]) {
            simt_warp_products &products = products_of_warp();
            const int allowed = *(const int *)arguments[0];
            for (void *argument : arguments)
                simt_require(*(const int *)argument == allowed, "the threads of a warp wait for different products");
            while (products.groups.size() > (size_t)allowed) {
                for (const simt_instruction &instruction : products.groups.front())
                    complete(instruction);
                products.groups.pop_front();
            }
        },
        &later);
}
