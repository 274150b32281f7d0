/* Largest bytes of windows, for AVX2. */
#include <immintrin.h>

#define AVERAGE      0
#define VECTOR       __m256i
#define LOAD(p)      _mm256_loadu_si256((const __m256i *)(p))
#define STORE(p, v)  _mm256_storeu_si256((__m256i *)(p), v)
#define LOW(x)       _mm256_castsi128_si256(x)
#define FIRST(v)     _mm256_castsi256_si128(v)
#define MAX_U8(a, b) _mm256_max_epu8(a, b)
#define MAX_S8(a, b) _mm256_max_epi8(a, b)
#include "kernels/pool_q8.inc"

const hn_kernel hn_k_avx2_max_pool_q8 = {.family = "pool_q8",
                                         .name = "avx2_max_pool_q8",
                                         .isa = HN_ISA_AVX2,
                                         .variant = HN_POOL_Q8_MAX,
                                         .rank = 1,
                                         .fn = (hn_kernel_fn *)pool};
