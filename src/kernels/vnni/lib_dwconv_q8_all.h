/* The three widths of lib_dwconv_q8.inc. */
#ifndef HN_KERNELS_VNNI_LIB_DWCONV_Q8_ALL_H
#define HN_KERNELS_VNNI_LIB_DWCONV_Q8_ALL_H

#include <immintrin.h>

#include "kernels/dwconv_q8.h"

/* How much of a vector is there: all, what the mask says, or 8 of 16 bytes (byte masks make slow stores). */
enum { ALL, SOME, HALF };

#define ALWAYS  static inline __attribute__((always_inline))
#define NEAREST (_MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)

/* Where the next column is read: numbers, since left of the image they may lie before the object. */
typedef struct dwconv_rows {
    uintptr_t p[3];
    size_t step[3]; /* bytes per column; 0 where the row is padding */
    const uint8_t *pad;
    size_t ix, width; /* ix wraps left of the image */
} dwconv_rows;

/* Such numbers would otherwise be kept in one vector and taken out again for every address. */
#define KEEP_SCALAR(x)    __asm__("" : "+r"(x))
#define KEEP_MEMORY(x)    __asm__("" : "+m"(x))

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
#define LOAD_HALF(s)      LOADU(s)
#define STORE_HALF(y, v)  STOREU(y, v)
#include "kernels/vnni/lib_dwconv_q8.inc"

#define BYTES            32
#define V                __m256i
#define PS               __m256
#define BYTEMASK         __mmask32
#define OP(x)            _mm256_##x
#define LOAD(p)          _mm256_load_si256((const __m256i *)(p))
#define LOADU(p)         _mm256_loadu_si256((const __m256i *)(p))
#define STOREU(p, v)     _mm256_storeu_si256((__m256i *)(p), v)
#define XOR(a, b)        _mm256_xor_si256(a, b)
#define ROUND(v)         _mm256_round_ps(v, NEAREST)
#define LOAD_HALF(s)     LOADU(s)
#define STORE_HALF(y, v) STOREU(y, v)
#include "kernels/vnni/lib_dwconv_q8.inc"

#define BYTES            16
#define V                __m128i
#define PS               __m128
#define BYTEMASK         __mmask16
#define OP(x)            _mm_##x
#define LOAD(p)          _mm_load_si128((const __m128i *)(p))
#define LOADU(p)         _mm_loadu_si128((const __m128i *)(p))
#define STOREU(p, v)     _mm_storeu_si128((__m128i *)(p), v)
#define XOR(a, b)        _mm_xor_si128(a, b)
#define ROUND(v)         _mm_round_ps(v, NEAREST)
#define LOAD_HALF(s)     _mm_loadl_epi64((const __m128i *)(s))
#define STORE_HALF(y, v) _mm_storel_epi64((__m128i *)(y), v)
#include "kernels/vnni/lib_dwconv_q8.inc"

#endif
