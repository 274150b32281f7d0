/* transpose_b4: 8 x 8 tiles by unpack, shuffle and lane permutation; partial tiles and narrow matrices element by
 * element. */
#include <immintrin.h>

#include "kernels/transpose_b4.h"

static inline void tile8(const float *s, size_t ss, float *d, size_t ds)
{
    __m256 r0 = _mm256_loadu_ps(s), r1 = _mm256_loadu_ps(s + ss), r2 = _mm256_loadu_ps(s + 2 * ss);
    __m256 r3 = _mm256_loadu_ps(s + 3 * ss), r4 = _mm256_loadu_ps(s + 4 * ss), r5 = _mm256_loadu_ps(s + 5 * ss);
    __m256 r6 = _mm256_loadu_ps(s + 6 * ss), r7 = _mm256_loadu_ps(s + 7 * ss);
    __m256 t0 = _mm256_unpacklo_ps(r0, r1), t1 = _mm256_unpackhi_ps(r0, r1), t2 = _mm256_unpacklo_ps(r2, r3);
    __m256 t3 = _mm256_unpackhi_ps(r2, r3), t4 = _mm256_unpacklo_ps(r4, r5), t5 = _mm256_unpackhi_ps(r4, r5);
    __m256 t6 = _mm256_unpacklo_ps(r6, r7), t7 = _mm256_unpackhi_ps(r6, r7);
    r0 = _mm256_shuffle_ps(t0, t2, 0x44);
    r1 = _mm256_shuffle_ps(t0, t2, 0xee);
    r2 = _mm256_shuffle_ps(t1, t3, 0x44);
    r3 = _mm256_shuffle_ps(t1, t3, 0xee);
    r4 = _mm256_shuffle_ps(t4, t6, 0x44);
    r5 = _mm256_shuffle_ps(t4, t6, 0xee);
    r6 = _mm256_shuffle_ps(t5, t7, 0x44);
    r7 = _mm256_shuffle_ps(t5, t7, 0xee);
    _mm256_storeu_ps(d, _mm256_permute2f128_ps(r0, r4, 0x20));
    _mm256_storeu_ps(d + ds, _mm256_permute2f128_ps(r1, r5, 0x20));
    _mm256_storeu_ps(d + 2 * ds, _mm256_permute2f128_ps(r2, r6, 0x20));
    _mm256_storeu_ps(d + 3 * ds, _mm256_permute2f128_ps(r3, r7, 0x20));
    _mm256_storeu_ps(d + 4 * ds, _mm256_permute2f128_ps(r0, r4, 0x31));
    _mm256_storeu_ps(d + 5 * ds, _mm256_permute2f128_ps(r1, r5, 0x31));
    _mm256_storeu_ps(d + 6 * ds, _mm256_permute2f128_ps(r2, r6, 0x31));
    _mm256_storeu_ps(d + 7 * ds, _mm256_permute2f128_ps(r3, r7, 0x31));
}

static void edge(size_t rows, size_t cols, const float *s, size_t ss, float *d, size_t ds)
{
    for (size_t c = 0; c < cols; c++)
        for (size_t r = 0; r < rows; r++) d[c * ds + r] = s[r * ss + c];
}

static void transpose_b4(size_t rows, size_t cols, const void *src, size_t src_stride, void *dst, size_t dst_stride)
{
    const float *s = src;
    float *d = dst;
    size_t r = 0;
    for (; r + 8 <= rows; r += 8) {
        size_t c = 0;
        for (; c + 8 <= cols; c += 8) tile8(s + r * src_stride + c, src_stride, d + c * dst_stride + r, dst_stride);
        edge(8, cols - c, s + r * src_stride + c, src_stride, d + c * dst_stride + r, dst_stride);
    }
    edge(rows - r, cols, s + r * src_stride, src_stride, d + r, dst_stride);
}

const hn_kernel hn_k_avx2_transpose_b4 = {
    .family = "transpose_b4",
    .name = "avx2_transpose_b4",
    .isa = HN_ISA_AVX2,
    .mr = 8,
    .nr = 8,
    .rank = 10,
    .fn = (hn_kernel_fn *)transpose_b4,
};
