/* transpose_b4: 8 x 8 tiles by unpack, shuffle and lane permutation; three rows, the planes of an image, are woven;
 * partial tiles go element by element. */
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

/* Three rows woven into pixels of three, eight pixels a time: vector i of the result takes element (8 i + lane) / 3 of
 * row (8 i + lane) % 3. Returns the columns done. */
static size_t weave3(size_t cols, const float *s, size_t ss, float *d)
{
    const __m256i a = _mm256_setr_epi32(0, 3, 6, 1, 4, 7, 2, 5), b = _mm256_setr_epi32(5, 0, 3, 6, 1, 4, 7, 2);
    const __m256i g = _mm256_setr_epi32(2, 5, 0, 3, 6, 1, 4, 7);
    size_t c = 0;
    for (; c + 8 <= cols; c += 8, d += 24) {
        const __m256 x = _mm256_permutevar8x32_ps(_mm256_loadu_ps(s + c), a);
        const __m256 y = _mm256_permutevar8x32_ps(_mm256_loadu_ps(s + ss + c), b);
        const __m256 z = _mm256_permutevar8x32_ps(_mm256_loadu_ps(s + 2 * ss + c), g);
        _mm256_storeu_ps(d, _mm256_blend_ps(_mm256_blend_ps(x, y, 0x92), z, 0x24));
        _mm256_storeu_ps(d + 8, _mm256_blend_ps(_mm256_blend_ps(x, y, 0x24), z, 0x49));
        _mm256_storeu_ps(d + 16, _mm256_blend_ps(_mm256_blend_ps(x, y, 0x49), z, 0x92));
    }
    return c;
}

static void transpose_b4(size_t rows, size_t cols, const void *src, size_t src_stride, void *dst, size_t dst_stride)
{
    const float *s = src;
    float *d = dst;
    size_t r = 0;
    if (rows == 3 && dst_stride == 3) {
        const size_t done = weave3(cols, s, src_stride, d);
        edge(3, cols - done, s + done, src_stride, d + 3 * done, 3);
        return;
    }
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
