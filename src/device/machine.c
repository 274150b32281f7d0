/* machine: what this CPU and operating system offer, by CPUID feature bits and the register state that the system
 * saves; never by model number. Elsewhere than on x86-64 only the generic kernels run. */
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/size.h"
#include "device/device.h"

#if defined(__x86_64__)
#include <cpuid.h>

typedef struct regs {
    uint32_t a, b, c, d;
} regs;

static bool bit(uint32_t word, unsigned n)
{
    return (word >> n & 1) != 0;
}

static uint64_t saved_state(void)
{
    uint32_t lo, hi;
    __asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
    return (uint64_t)hi << 32 | lo;
}

/* A leaf that is there. In a virtual machine every look costs microseconds. */
static regs look(uint32_t leaf, uint32_t sub)
{
    regs r;
    __cpuid_count(leaf, sub, r.a, r.b, r.c, r.d);
    return r;
}

/* Where the system saves states, leaf 13 tells which; so leaf 7 is there. */
uint64_t hn_machine_isa(void)
{
    regs one = look(1, 0);
    uint64_t isa = 0;
    if (!bit(one.c, 27) || !bit(one.c, 28)) return isa; /* OSXSAVE, AVX */
    uint64_t saved = saved_state();
    regs seven = look(7, 0);
    if ((saved & 0x6) != 0x6) return isa;                                   /* xmm, ymm */
    if (!bit(one.c, 12) || !bit(one.c, 29) || !bit(seven.b, 5)) return isa; /* FMA, F16C, AVX2 */
    isa |= HN_ISA_AVX2;
    bool wide = bit(seven.b, 16) && bit(seven.b, 30) && bit(seven.b, 17) && bit(seven.b, 31); /* F BW DQ VL */
    if ((saved & 0xe6) != 0xe6 || !wide) return isa;                                          /* opmask, zmm */
    isa |= HN_ISA_AVX512;
    if (bit(seven.c, 11)) isa |= HN_ISA_VNNI;
    if (seven.a >= 1 && bit(look(7, 1).a, 5)) isa |= HN_ISA_BF16;
    return isa;
}

/* Deterministic cache parameters: leaf 4 (Intel) or 0x8000001d (AMD), the same format. */
static void read_caches(uint32_t most, uint32_t extended, hn_machine *m)
{
    regs first = most >= 4 ? look(4, 0) : (regs){0, 0, 0, 0};
    uint32_t leaf = first.a & 31 ? 4 : UINT32_C(0x8000001d);
    if (leaf != 4 && extended < leaf) return;
    for (uint32_t i = 0; i < 16; i++) {
        regs r = leaf == 4 && i == 0 ? first : look(leaf, i);
        uint32_t type = r.a & 31, level = r.a >> 5 & 7;
        if (type == 0) break;
        if (type == 2) continue; /* instructions */
        size_t bytes = ((size_t)(r.b >> 22) + 1) * ((r.b >> 12 & 1023) + 1) * ((r.b & 4095) + 1) * ((size_t)r.c + 1);
        if (level == 1) m->l1d_bytes = bytes;
        if (level == 2) m->l2_bytes = bytes;
        if (level == 3) m->l3_bytes = bytes;
    }
}

static void read_name(uint32_t extended, hn_machine *m)
{
    if (extended < UINT32_C(0x80000004)) return;
    for (uint32_t i = 0; i < 3; i++) {
        regs r = look(UINT32_C(0x80000002) + i, 0);
        memcpy(m->cpu + 16 * i, &r, sizeof r);
    }
    m->cpu[48] = '\0';
    size_t n = strlen(m->cpu);
    while (n > 0 && m->cpu[n - 1] == ' ') m->cpu[--n] = '\0';
}

static void read_cpu(hn_machine *m)
{
    uint32_t most = look(0, 0).a, extended = look(UINT32_C(0x80000000), 0).a;
    m->isa = hn_machine_isa();
    read_caches(most, extended, m);
    read_name(extended, m);
}
#else
uint64_t hn_machine_isa(void)
{
    return 0;
}

static void read_cpu(hn_machine *m)
{
    (void)m;
}
#endif

void hn_machine_read(hn_machine *m)
{
    *m = (hn_machine){0};
    read_cpu(m);
    if (m->l1d_bytes == 0) m->l1d_bytes = 32 << 10;
    if (m->l2_bytes == 0) m->l2_bytes = 512 << 10;
    if (m->cpu[0] == '\0') snprintf(m->cpu, sizeof m->cpu, "unknown");
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) {
        m->cores = (size_t)CPU_COUNT(&set);
    } else {
        long n = sysconf(_SC_NPROCESSORS_ONLN);
        m->cores = n > 0 ? (size_t)n : 1;
    }
}

typedef struct level {
    const char *name;
    uint64_t bits; /* this level and all below */
    uint64_t own;
} level;

static const level LEVELS[] = {
    {"generic", HN_ISA_GENERIC, HN_ISA_GENERIC},
    {"avx2", HN_ISA_AVX2, HN_ISA_AVX2},
    {"avx512", HN_ISA_AVX2 | HN_ISA_AVX512, HN_ISA_AVX512},
    {"vnni", HN_ISA_AVX2 | HN_ISA_AVX512 | HN_ISA_VNNI, HN_ISA_VNNI},
    {"bf16", HN_ISA_AVX2 | HN_ISA_AVX512 | HN_ISA_VNNI | HN_ISA_BF16, HN_ISA_BF16},
    {"auto", ~UINT64_C(0), 0},
};

hn_status hn_isa_parse(hn_env *env, const char *name, uint64_t *bits)
{
    for (size_t i = 0; i < HN_COUNT(LEVELS); i++) {
        if (strcmp(name, LEVELS[i].name) == 0) {
            *bits = LEVELS[i].bits;
            return HN_OK;
        }
    }
    hn_status st = hn_fail(env, HN_INPUT, "instruction set \"%.32s\" is unknown", name);
    hn_hint(env, "use one of generic, avx2, avx512, vnni, bf16, auto");
    return st;
}

const char *hn_isa_name(uint64_t bits)
{
    const char *name = LEVELS[0].name;
    for (size_t i = 0; i < HN_COUNT(LEVELS); i++)
        if ((bits & LEVELS[i].own) != 0) name = LEVELS[i].name;
    return name;
}
