/* gemm_bf16 tile of 4 x 8 without vector instructions. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define MR          4
#define NV          2
#define LANES       4
#define RECORD      hn_k_generic_gemm_bf16_4x8
#define RECORD_NAME "generic_gemm_bf16_4x8"
#define RECORD_ISA  HN_ISA_GENERIC
#define RECORD_RANK 0

typedef struct sums {
    float v[LANES];
} sums;
typedef struct pairs {
    float low[LANES], high[LANES];
} pairs;

static inline float widen(uint32_t bits)
{
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}
static inline sums sums_zero(void)
{
    return (sums){{0}};
}
static inline pairs pairs_load(const uint32_t *p)
{
    pairs x;
    for (int i = 0; i < LANES; i++) {
        x.low[i] = widen(p[i] << 16);
        x.high[i] = widen(p[i] & 0xffff0000u);
    }
    return x;
}
static inline pairs pairs_set(uint32_t pair)
{
    return pairs_load((const uint32_t[LANES]){pair, pair, pair, pair});
}
static inline sums sums_madd(sums s, pairs a, pairs b)
{
    for (int i = 0; i < LANES; i++) s.v[i] = (s.v[i] + a.low[i] * b.low[i]) + a.high[i] * b.high[i];
    return s;
}
static inline sums sums_bias(sums s, const float *p, size_t count)
{
    for (size_t i = 0; i < count; i++) s.v[i] += p[i];
    return s;
}
/* Nearest even by carry; a NaN keeps its upper half and stays quiet. */
static inline void sums_store(uint16_t *p, sums s, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t x;
        memcpy(&x, &s.v[i], sizeof x);
        p[i] = (uint16_t)((s.v[i] != s.v[i] ? x | 0x400000u : x + 0x7fffu + (x >> 16 & 1)) >> 16);
    }
}

#include "kernels/gemm_bf16.inc"
