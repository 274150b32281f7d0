/* Largest bytes of windows, for AVX-512. */
#include <immintrin.h>

#define AVERAGE      0
#define VECTOR       __m512i
#define LOAD(p)      _mm512_loadu_si512(p)
#define STORE(p, v)  _mm512_storeu_si512(p, v)
#define LOW(x)       _mm512_castsi128_si512(x)
#define FIRST(v)     _mm512_castsi512_si128(v)
#define MAX_U8(a, b) _mm512_max_epu8(a, b)
#define MAX_S8(a, b) _mm512_max_epi8(a, b)
#include "kernels/pool_q8.inc"

const hn_kernel hn_k_avx512_max_pool_q8 = {.family = "pool_q8",
                                           .name = "avx512_max_pool_q8",
                                           .isa = HN_ISA_AVX2 | HN_ISA_AVX512,
                                           .variant = HN_POOL_Q8_MAX,
                                           .rank = 2,
                                           .fn = (hn_kernel_fn *)pool};
