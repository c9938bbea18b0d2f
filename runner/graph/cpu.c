/* What this processor has, by CPUID at run time: under valgrind and in virtual machines that is less than what
 * the compiler was told. */
#include "graph/program.h"

#include <stdio.h>

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

/* AMX tiles need the processor, an operating system that saves them, and its permission: once for all threads of the
 * process, those that run already too. Asking again is harmless; refused means "no AMX". */
static bool tiles_allowed(void)
{
    enum { ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18 };
    const unsigned osxsave = 1u << 27, amx = 1u << 22 | 1u << 24 /* AMX-BF16, AMX-TILE */, states = 1u << 17 | 1u << 18;
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & osxsave))
        return false;
    __asm__ volatile("xgetbv" : "=a"(a), "=d"(d) : "c"(0)); /* XCR0: what the system saves; here XTILECFG, XTILEDATA */
    if ((a & states) != states)
        return false;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (d & amx) != amx)
        return false;
    return syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0;
}

unsigned rn_cpu_features(void)
{
    unsigned found = 0, a, b, c, d;
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        found |= RN_CPU_AVX2;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl")) {
        found |= RN_CPU_AVX512F;
        if (__get_cpuid_count(7, 1, &a, &b, &c, &d) && a & 1u << 5)
            found |= RN_CPU_AVX512BF16;
        if (tiles_allowed())
            found |= RN_CPU_AMX;
    }
    return found;
}
#else
unsigned rn_cpu_features(void)
{
    return RN_CPU_ANY;
}
#endif

const char *rn_cpu_text(unsigned features, char text[RN_CPU_TEXT])
{
    static const struct { unsigned bit; const char *name; } names[] = {
        {RN_CPU_AVX2, "avx2"}, {RN_CPU_AVX512F, "avx512"}, {RN_CPU_AVX512BF16, "avx512_bf16"}, {RN_CPU_AMX, "amx_bf16"}};
    int at = 0;
    text[0] = '\0';
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (features & names[i].bit)
            at += snprintf(text + at, RN_CPU_TEXT - (size_t)at, "%s%s", at ? "+" : "", names[i].name);
    if (!at)
        snprintf(text, RN_CPU_TEXT, "any");
    return text;
}
