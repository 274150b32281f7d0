/* kernel: the record that every micro-kernel file ends in, and the ISA bits.
 *
 * A kernel is a leaf function on pointers; it knows no graph, allocates nothing, cannot fail. One file, one record;
 * files of one folder share compiler flags and include only kernels/<family>.h and static inline helpers, so that
 * nothing compiled for a newer ISA leaks into baseline code. kernels/<family>.h fixes the function type behind `fn`,
 * strides, edges, over-read and aliasing. */
#ifndef HN_KERNELS_KERNEL_H
#define HN_KERNELS_KERNEL_H

#include <stddef.h>
#include <stdint.h>

/* Before a loop of at most n rounds, known when compiled: all of them are written out. */
#ifdef __clang__
#define HN_UNROLL_TO(n) _Pragma("clang loop unroll(full)")
#define HN_IN_TURN      _Pragma("clang loop unroll(disable)")
#else
#define HN_PRAGMA(x)    _Pragma(#x)
#define HN_UNROLL_TO(n) HN_PRAGMA(GCC unroll n)
#define HN_IN_TURN      HN_PRAGMA(GCC unroll 1)
#endif

typedef enum hn_isa {
    HN_ISA_GENERIC = 0,
    HN_ISA_AVX2 = 1 << 0,   /* AVX2, FMA3, F16C */
    HN_ISA_AVX512 = 1 << 1, /* F, BW, DQ, VL */
    HN_ISA_VNNI = 1 << 2,   /* AVX512-VNNI */
    HN_ISA_BF16 = 1 << 3,   /* AVX512-BF16 */
    HN_ISA_CHOSEN =
        1 << 30 /* beside a cap in hn_env: it was chosen, so that no bits means generic, not "whatever there is" */
} hn_isa;

typedef void hn_kernel_fn(void); /* cast to the family's type */

typedef struct hn_kernel {
    const char *family;  /* "gemm_f32" */
    const char *name;    /* "avx512_gemm_f32_8x48": unique */
    uint64_t isa;        /* bits that must all be present */
    uint16_t mr, nr, kr; /* tile: rows, columns, depth group; 0 where the family has none */
    uint16_t variant;    /* family-specific (an activation, a reduction, a tap count); 0 else */
    int16_t rank;        /* among kernels that fit, the highest wins where a driver has no better rule */
    uint32_t flags;      /* family-specific */
    hn_kernel_fn *fn;
} hn_kernel;

extern const hn_kernel *const hn_kernel_rows[]; /* generated */
extern const size_t hn_kernel_count;

#endif
