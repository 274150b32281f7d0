/* Planes of bytes to pixels of 3 channels (colour images), 16 at a time with byte shuffles; others in plain C. */
#include <immintrin.h>

#include "kernels/planes_q8.h"

static inline __m128i load(const uint8_t *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

static inline void store(uint8_t *p, __m128i a, __m128i b, __m128i c)
{
    _mm_storeu_si128((__m128i *)(void *)p, _mm_or_si128(_mm_or_si128(a, b), c));
}

static size_t three(size_t n, const uint8_t *x, size_t plane, uint8_t *y)
{
    /* Bytes 3i + k of the 48 come from byte i of plane k; N: none. */
    enum { N = 0x80 };
    static const uint8_t from[3][3][16] = {{{0, N, N, 1, N, N, 2, N, N, 3, N, N, 4, N, N, 5},
                                            {N, 0, N, N, 1, N, N, 2, N, N, 3, N, N, 4, N, N},
                                            {N, N, 0, N, N, 1, N, N, 2, N, N, 3, N, N, 4, N}},
                                           {{N, N, 6, N, N, 7, N, N, 8, N, N, 9, N, N, 10, N},
                                            {5, N, N, 6, N, N, 7, N, N, 8, N, N, 9, N, N, 10},
                                            {N, 5, N, N, 6, N, N, 7, N, N, 8, N, N, 9, N, N}},
                                           {{N, 11, N, N, 12, N, N, 13, N, N, 14, N, N, 15, N, N},
                                            {N, N, 11, N, N, 12, N, N, 13, N, N, 14, N, N, 15, N},
                                            {10, N, N, 11, N, N, 12, N, N, 13, N, N, 14, N, N, 15}}};
    __m128i order[3][3];
    for (size_t part = 0; part < 3; part++)
        for (size_t k = 0; k < 3; k++) order[part][k] = load(from[part][k]);
    size_t i = 0;
    for (; i + 16 <= n; i += 16, y += 48) {
        __m128i a = load(x + i), b = load(x + plane + i), c = load(x + 2 * plane + i);
        for (size_t part = 0; part < 3; part++)
            store(y + 16 * part, _mm_shuffle_epi8(a, order[part][0]), _mm_shuffle_epi8(b, order[part][1]),
                  _mm_shuffle_epi8(c, order[part][2]));
    }
    return i;
}

static void planes(size_t n, size_t c, const uint8_t *x, size_t plane, uint8_t *y)
{
    hn_planes_q8_plain(c == 3 ? three(n, x, plane, y) : 0, n, c, x, plane, y);
}

const hn_kernel hn_k_avx2_planes_q8 = {
    .family = "planes_q8", .name = "avx2_planes_q8", .isa = HN_ISA_AVX2, .rank = 1, .fn = (hn_kernel_fn *)planes};
