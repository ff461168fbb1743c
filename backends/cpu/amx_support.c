#include "amx_support.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <stdint.h>
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

bool cpu_has_amx_bf16(void)
{
    const unsigned bf16 = 1u << 22;
    const unsigned tile = 1u << 24;
    unsigned eax, ebx, ecx, edx;
    return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) && (edx & bf16) && (edx & tile);
}

/* Whether the operating system saves the tiles on a context switch. */
static bool saves_tiles(void)
{
    const unsigned xsave_enabled = 1u << 27;
    const unsigned tile_configuration_and_data = 3u << 17;
    unsigned eax, ebx, ecx, edx;
    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !(ecx & xsave_enabled))
        return false;
    __asm__("xgetbv" : "=a"(eax), "=d"(edx) : "c"(0));
    return (eax & tile_configuration_and_data) == tile_configuration_and_data;
}

/* Linux gives the 8 KiB of tile data to processes that ask. */
static bool permitted(void)
{
#if defined(__linux__)
    const long request_permission = 0x1023; /* ARCH_REQ_XCOMP_PERM */
    const long tile_data = 18;              /* XFEATURE_XTILEDATA */
    return syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
#else
    return true;
#endif
}

bool cpu_may_use_amx_bf16(void)
{
    return cpu_has_amx_bf16() && saves_tiles() && permitted();
}

#else

bool cpu_has_amx_bf16(void)
{
    return false;
}

bool cpu_may_use_amx_bf16(void)
{
    return false;
}
#endif
