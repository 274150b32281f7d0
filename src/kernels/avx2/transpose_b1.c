/* transpose_b1: tiles of 8 rows and 16 or 8 columns by unpacking, the last ones over the ones before; three rows, the
 * planes of an image, are woven; fewer rows or columns in plain C. */
#include "kernels/transpose_b1.h"
#include "kernels/avx2/lib_q8.h"

/* Two columns of 8 rows. */
ALWAYS void store_pair(uint8_t *d, size_t ds, __m128i v)
{
    _mm_storel_epi64((__m128i *)(void *)d, v);
    _mm_storeh_pd((double *)(void *)(d + ds), _mm_castsi128_pd(v));
}

ALWAYS __m128i load_row(const uint8_t *s, const int wide)
{
    return wide ? load16(s) : _mm_loadl_epi64((const __m128i *)(const void *)s);
}

/* 8 columns of 8 rows; t: rows 0 to 3, each woven with the one four below. */
ALWAYS void store_columns(uint8_t *d, size_t ds, const __m128i *t)
{
    const __m128i even0 = _mm_unpacklo_epi8(t[0], t[2]), odd0 = _mm_unpacklo_epi8(t[1], t[3]);
    const __m128i even4 = _mm_unpackhi_epi8(t[0], t[2]), odd4 = _mm_unpackhi_epi8(t[1], t[3]);
    store_pair(d, ds, _mm_unpacklo_epi8(even0, odd0));
    store_pair(d + 2 * ds, ds, _mm_unpackhi_epi8(even0, odd0));
    store_pair(d + 4 * ds, ds, _mm_unpacklo_epi8(even4, odd4));
    store_pair(d + 6 * ds, ds, _mm_unpackhi_epi8(even4, odd4));
}

/* 8 rows; 16 columns where wide, else 8. */
ALWAYS void tile(const uint8_t *s, size_t ss, uint8_t *d, size_t ds, const int wide)
{
    __m128i low[4], high[4];
    HN_UNROLL for (size_t i = 0; i < 4; i++)
    {
        const __m128i a = load_row(s + i * ss, wide), b = load_row(s + (i + 4) * ss, wide);
        low[i] = _mm_unpacklo_epi8(a, b);
        high[i] = _mm_unpackhi_epi8(a, b);
    }
    store_columns(d, ds, low);
    if (wide) store_columns(d + 8 * ds, ds, high);
}

/* 8 rows of 8 columns or more. */
ALWAYS void eight_rows(size_t cols, const uint8_t *s, size_t ss, uint8_t *d, size_t ds)
{
    if (cols < 16) {
        tile(s, ss, d, ds, 0);
        if (cols > 8) tile(s + cols - 8, ss, d + (cols - 8) * ds, ds, 0);
        return;
    }
    size_t c = 0;
    for (; c + 16 <= cols; c += 16) tile(s + c, ss, d + c * ds, ds, 1);
    if (c < cols) tile(s + cols - 16, ss, d + (cols - 16) * ds, ds, 1);
}

/* Returns the columns done. */
static size_t weave3(size_t cols, const uint8_t *s, size_t ss, uint8_t *d)
{
    /* Bytes 3c + r of the 48 come from byte c of row r; N: none. */
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
        for (size_t k = 0; k < 3; k++) order[part][k] = load16(from[part][k]);
    size_t c = 0;
    for (; c + 16 <= cols; c += 16) {
        const __m128i x = load16(s + c), y = load16(s + ss + c), z = load16(s + 2 * ss + c);
        for (size_t part = 0; part < 3; part++, d += 16) {
            __m128i v = _mm_or_si128(_mm_shuffle_epi8(x, order[part][0]), _mm_shuffle_epi8(y, order[part][1]));
            v = _mm_or_si128(v, _mm_shuffle_epi8(z, order[part][2]));
            _mm_storeu_si128((__m128i *)(void *)d, v);
        }
    }
    return c;
}

static void transpose_b1(size_t rows, size_t cols, const uint8_t *src, size_t src_stride, uint8_t *dst,
                         size_t dst_stride)
{
    size_t r = 0, done = 0;
    if (rows >= 8 && cols >= 8) {
        for (; r + 8 <= rows; r += 8) eight_rows(cols, src + r * src_stride, src_stride, dst + r, dst_stride);
        if (r < rows) eight_rows(cols, src + (rows - 8) * src_stride, src_stride, dst + rows - 8, dst_stride);
        return;
    }
    if (rows == 3 && dst_stride == 3) done = weave3(cols, src, src_stride, dst);
    hn_transpose_b1_plain(rows, cols - done, src + done, src_stride, dst + done * dst_stride, dst_stride);
}

const hn_kernel hn_k_avx2_transpose_b1 = {.family = "transpose_b1",
                                          .name = "avx2_transpose_b1",
                                          .isa = HN_ISA_AVX2,
                                          .rank = 1,
                                          .fn = (hn_kernel_fn *)transpose_b1};
