/* What the kernels of wino_q8 for AVX2 share: products of 3 tiles by 16 columns of two places at a time in registers,
 * and sums to bytes. */
#ifndef HN_KERNELS_AVX2_LIB_WINO_Q8_H
#define HN_KERNELS_AVX2_LIB_WINO_Q8_H

#include "kernels/avx2/lib_q8.h"
#include "kernels/wino_q8_avx2.h"

enum { MR = 3 };

/* Two channels of MR tiles at v times u. In assembly: the compiler would add products to each other first, and has no
 * room for them. Two products come before their two sums, as in lib_gemm_q8.inc. */
ALWAYS void pair(const int16_t *v, const int16_t *u, __m256i acc[MR][2])
{
    typedef int32_t __attribute__((may_alias)) two;
    const __m256i u0 = load(u), u1 = load(u + 16);
    HN_UNROLL for (int i = 0; i < MR; i++)
    {
        __m256i some, more;
        __asm__("vpbroadcastd %[a], %[x]\n\t"
                "vpmaddwd %[u0], %[x], %[t]\n\t"
                "vpmaddwd %[u1], %[x], %[x]\n\t"
                "vpaddd %[t], %[s0], %[s0]\n\t"
                "vpaddd %[x], %[s1], %[s1]\n\t"
                : [s0] "+x"(acc[i][0]), [s1] "+x"(acc[i][1]), [x] "=&x"(some), [t] "=&x"(more)
                : [a] "m"(*(const two *)(const void *)(v + i * LANES)), [u0] "x"(u0), [u1] "x"(u1));
    }
}

/* One block of 16 channels, added to a and b: products of the tiles at v with u, and of those at w with u's others. */
ALWAYS const int16_t *multiply(const int16_t *v, const int16_t *w, const int16_t *u, __m256i a[MR][2], __m256i b[MR][2])
{
    HN_UNROLL_TO(4) for (int k = 0; k < LANES; k += 2, u += 64)
    {
        pair(v + k, u, a);
        pair(w + k, u + 32, b);
    }
    return u;
}

/* How sums become bytes. */
typedef struct ending {
    finish_q8 f;
    __m256 scale[2];
} ending;

ALWAYS ending ending_of(const hn_wino_q8 *g, size_t n0)
{
    return (ending){finish_q8_load(g->out), {_mm256_loadu_ps(g->scale + n0), _mm256_loadu_ps(g->scale + n0 + 8)}};
}

/* Two pixels of 16 columns to bytes, or floats, at y[0] and y[1]. */
ALWAYS void store_two(const ending *e, __m256i acc[2][2], const uint8_t *const r[2], uint8_t *const y[2],
                      const int kind)
{
    if (kind == HN_Q8_F32) {
        HN_UNROLL for (int k = 0; k < 4; k++)
        {
            const __m256 v = scaled(acc[k / 2][k % 2], e->scale[k % 2]);
            _mm256_storeu_ps((float *)(void *)y[k / 2] + 8 * (k % 2),
                             _mm256_min_ps(e->f.t_hi, _mm256_max_ps(e->f.t_lo, v)));
        }
        return;
    }
    __m256i q[4];
    HN_UNROLL for (int k = 0; k < 4; k++)
    {
        const __m256i sum = acc[k / 2][k % 2];
        q[k] = kind == HN_Q8_RESIDUAL ? rounded_residual(&e->f, sum, e->scale[k % 2], r[k / 2] + 8 * (k % 2))
                                      : rounded_sum(sum, e->scale[k % 2]);
    }
    const two_q8 bytes = bytes_of(&e->f, q, 0, 0);
    _mm_storeu_si128((__m128i *)(void *)y[0], bytes.v[0]);
    _mm_storeu_si128((__m128i *)(void *)y[1], bytes.v[1]);
}

#endif
