/* wgmma: one instruction, 64 rows and 16 steps. See backends/gpu/async_platform.h; for sm_90a. Registers of a product
 * that is under way must not be touched: where code touches them, the assembler lets each product end before the next
 * begins, and says so (warning C7510). */
#ifndef VARLEN_CUDA_GROUP_INSTRUCTIONS_H
#define VARLEN_CUDA_GROUP_INSTRUCTIONS_H

#include "platform/device.h"

#include "platform/register_lists.h"

/* What reads the register later stays behind this place. */
GPU_DEVICE void settle(float &value)
{
    asm volatile("" : "+f"(value)::"memory");
}

GPU_DEVICE void settle(uint32_t &value)
{
    asm volatile("" : "+r"(value)::"memory");
}

/* Registers of sums (float) or of an operand (pairs of elements), of this thread. */
template <typename T, int COUNT> struct group_registers {
    T value[COUNT];

    GPU_DEVICE T *touch()
    {
        return value;
    }

    GPU_DEVICE void settle_all()
    {
#pragma unroll
        for (int i = 0; i < COUNT; i++)
            settle(value[i]);
    }

    GPU_DEVICE void release()
    {
        settle_all();
    }
};

GPU_DEVICE void products_fence()
{
    asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
}

GPU_DEVICE void products_commit()
{
    asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
}

template <int LATER> GPU_DEVICE void products_wait_groups()
{
    asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(LATER) : "memory");
}

template <typename T, int COLUMNS> struct group_instruction;

/* GROUP_INSTRUCTION(T, type, columns, half the columns, and the numbers of the seven operands behind the sums) */
#define GROUP_INSTRUCTION(T, TYPE, COLUMNS, SUMS, O0, O1, O2, O3, O4, O5, O6)                                          \
    template <> struct group_instruction<T, COLUMNS> {                                                                 \
        template <bool A_TRANSPOSED, bool B_TRANSPOSED>                                                                \
        GPU_DEVICE static void shared(float (&d)[SUMS], uint64_t a, uint64_t b, int add)                               \
        {                                                                                                              \
            asm volatile("{\n.reg .pred add;\nsetp.ne.b32 add, " O2 ", 0;\n"                                           \
                         "wgmma.mma_async.sync.aligned.m64n" #COLUMNS "k16.f32." TYPE "." TYPE                         \
                         " {" REGISTER_NAMES_##SUMS "}, " O0 ", " O1 ", add, 1, 1, " O3 ", " O4 ";\n}"                 \
                         : REGISTERS_##SUMS                                                                            \
                         : "l"(a), "l"(b), "r"(add), "n"(A_TRANSPOSED ? 1 : 0), "n"(B_TRANSPOSED ? 1 : 0));            \
        }                                                                                                              \
        template <bool B_TRANSPOSED>                                                                                   \
        GPU_DEVICE static void registers(float (&d)[SUMS], const uint32_t *a, uint64_t b, int add)                     \
        {                                                                                                              \
            asm volatile("{\n.reg .pred add;\nsetp.ne.b32 add, " O5 ", 0;\n"                                           \
                         "wgmma.mma_async.sync.aligned.m64n" #COLUMNS "k16.f32." TYPE "." TYPE                         \
                         " {" REGISTER_NAMES_##SUMS "}, {" O0 ", " O1 ", " O2 ", " O3 "}, " O4 ", add, 1, 1, " O6      \
                                                    ";\n}"                                                             \
                         : REGISTERS_##SUMS                                                                            \
                         : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "r"(add), "n"(B_TRANSPOSED ? 1 : 0));   \
        }                                                                                                              \
    };

#define GROUP_INSTRUCTIONS(...)                                                                                        \
    GROUP_INSTRUCTION(float16, "f16", __VA_ARGS__)                                                                     \
    GROUP_INSTRUCTION(bfloat16, "bf16", __VA_ARGS__)

GROUP_INSTRUCTIONS(16, 8, "%8", "%9", "%10", "%11", "%12", "%13", "%14")
GROUP_INSTRUCTIONS(32, 16, "%16", "%17", "%18", "%19", "%20", "%21", "%22")
GROUP_INSTRUCTIONS(48, 24, "%24", "%25", "%26", "%27", "%28", "%29", "%30")
GROUP_INSTRUCTIONS(64, 32, "%32", "%33", "%34", "%35", "%36", "%37", "%38")
GROUP_INSTRUCTIONS(80, 40, "%40", "%41", "%42", "%43", "%44", "%45", "%46")
GROUP_INSTRUCTIONS(96, 48, "%48", "%49", "%50", "%51", "%52", "%53", "%54")
GROUP_INSTRUCTIONS(112, 56, "%56", "%57", "%58", "%59", "%60", "%61", "%62")
GROUP_INSTRUCTIONS(128, 64, "%64", "%65", "%66", "%67", "%68", "%69", "%70")
GROUP_INSTRUCTIONS(144, 72, "%72", "%73", "%74", "%75", "%76", "%77", "%78")
GROUP_INSTRUCTIONS(160, 80, "%80", "%81", "%82", "%83", "%84", "%85", "%86")
GROUP_INSTRUCTIONS(176, 88, "%88", "%89", "%90", "%91", "%92", "%93", "%94")
GROUP_INSTRUCTIONS(192, 96, "%96", "%97", "%98", "%99", "%100", "%101", "%102")
GROUP_INSTRUCTIONS(208, 104, "%104", "%105", "%106", "%107", "%108", "%109", "%110")
GROUP_INSTRUCTIONS(224, 112, "%112", "%113", "%114", "%115", "%116", "%117", "%118")
GROUP_INSTRUCTIONS(240, 120, "%120", "%121", "%122", "%123", "%124", "%125", "%126")
GROUP_INSTRUCTIONS(256, 128, "%128", "%129", "%130", "%131", "%132", "%133", "%134")

#undef GROUP_INSTRUCTIONS
#undef GROUP_INSTRUCTION

template <typename T, int COLUMNS, bool A_TRANSPOSED, bool B_TRANSPOSED>
GPU_DEVICE void multiply_shared(group_registers<float, COLUMNS / 2> &sums, uint64_t a, uint64_t b, bool add)
{
    group_instruction<T, COLUMNS>::template shared<A_TRANSPOSED, B_TRANSPOSED>(sums.value, a, b, add);
}

template <typename T, int COLUMNS, bool B_TRANSPOSED, int PAIRS>
GPU_DEVICE void multiply_registers(group_registers<float, COLUMNS / 2> &sums, group_registers<uint32_t, PAIRS> &operand,
                                   int step, uint64_t b, bool add)
{
    group_instruction<T, COLUMNS>::template registers<B_TRANSPOSED>(sums.value, operand.value + 4 * step, b, add);
}

#endif
