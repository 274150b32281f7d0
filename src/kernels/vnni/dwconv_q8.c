/* 8-bit depthwise convolution with VNNI: 64 channels a pass, the rest in one pass of 64, 32 or 16, masked. */
#include <immintrin.h>

#include "kernels/dwconv_q8.h"

#define ALWAYS            static inline __attribute__((always_inline))
#define NEAREST           (_MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)

#define _mm512_setzero_si _mm512_setzero_si512
#define _mm256_setzero_si _mm256_setzero_si256
#define _mm_setzero_si    _mm_setzero_si128

#define BYTES             64
#define V                 __m512i
#define PS                __m512
#define BYTEMASK          __mmask64
#define OP(x)             _mm512_##x
#define LOAD(p)           _mm512_load_si512(p)
#define LOADU(p)          _mm512_loadu_si512(p)
#define STOREU(p, v)      _mm512_storeu_si512(p, v)
#define XOR(a, b)         _mm512_xor_si512(a, b)
#define ROUND(v)          _mm512_roundscale_ps(v, NEAREST)
#include "kernels/vnni/lib_dwconv_q8.h"

#define BYTES        32
#define V            __m256i
#define PS           __m256
#define BYTEMASK     __mmask32
#define OP(x)        _mm256_##x
#define LOAD(p)      _mm256_load_si256((const __m256i *)(p))
#define LOADU(p)     _mm256_loadu_si256((const __m256i *)(p))
#define STOREU(p, v) _mm256_storeu_si256((__m256i *)(p), v)
#define XOR(a, b)    _mm256_xor_si256(a, b)
#define ROUND(v)     _mm256_round_ps(v, NEAREST)
#include "kernels/vnni/lib_dwconv_q8.h"

#define BYTES        16
#define V            __m128i
#define PS           __m128
#define BYTEMASK     __mmask16
#define OP(x)        _mm_##x
#define LOAD(p)      _mm_load_si128((const __m128i *)(p))
#define LOADU(p)     _mm_loadu_si128((const __m128i *)(p))
#define STOREU(p, v) _mm_storeu_si128((__m128i *)(p), v)
#define XOR(a, b)    _mm_xor_si128(a, b)
#define ROUND(v)     _mm_round_ps(v, NEAREST)
#include "kernels/vnni/lib_dwconv_q8.h"

static void dwconv(const hn_dwconv_q8 *g)
{
    size_t left = g->c % 64, whole = g->c - left;
    hn_dwconv_q8_taps at;
    hn_dwconv_q8_start(g, &at);
    const uint8_t *const *p = at.p;
    for (size_t i = 0; i < g->m; i++) {
        hn_dwconv_q8_move(g, &at, g->from + i);
        for (size_t from = 0; from < whole; from += 64) block_64(g, p, i, from, ~UINT64_C(0), 0);
        if (left > 32)
            block_64(g, p, i, whole, (UINT64_C(1) << left) - 1, 1);
        else if (left == 32)
            block_32(g, p, i, whole, ~UINT32_C(0), 0);
        else if (left > 16)
            block_32(g, p, i, whole, (UINT32_C(1) << left) - 1, 1);
        else if (left == 16)
            block_16(g, p, i, whole, 0xffff, 0);
        else if (left > 0)
            block_16(g, p, i, whole, (__mmask16)((1u << left) - 1), 1);
    }
}

const hn_kernel hn_k_vnni_dwconv_q8 = {.family = "dwconv_q8",
                                       .name = "vnni_dwconv_q8",
                                       .isa = HN_ISA_AVX2 | HN_ISA_AVX512 | HN_ISA_VNNI,
                                       .variant = HN_DWCONV_Q8_LANES,
                                       .rank = 2,
                                       .fn = (hn_kernel_fn *)dwconv};
