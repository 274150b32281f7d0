/* Rescaled means of byte windows, for AVX2: sums of 64, 32 or 16 channels in words, which move to 32 bits before they
 * can overflow; fewer than 16 channels in plain C. */
#include "kernels/avx2/lib_q8.h"

#define AVERAGE 1
#include "kernels/pool_q8.inc"

enum { RUN = 128 }; /* most pixels whose bytes sum to a 16-bit number */

/* 16 words on 16 sums of 32 bits in the order of lib_q8.h; the words start again. */
ALWAYS void flush(__m256i *word, __m256i *sum)
{
    sum[0] = _mm256_add_epi32(sum[0], _mm256_srai_epi32(_mm256_unpacklo_epi16(*word, *word), 16));
    sum[1] = _mm256_add_epi32(sum[1], _mm256_srai_epi32(_mm256_unpackhi_epi16(*word, *word), 16));
    *word = _mm256_setzero_si256();
}

/* 16 * n channels of one window of at most RUN pixels. */
ALWAYS void total_few(const hn_pool_q8 *g, const window *s, size_t from, const int n, const int is_signed,
                      __m256i (*sum)[2])
{
    __m256i word[4];
    HN_UNROLL for (int k = 0; k < n; k++) word[k] = _mm256_setzero_si256();
    const uint8_t *row = pixel(g, s, s->y0, s->x0) + from;
    for (size_t ky = s->y0; ky < s->y1; ky++, row += g->dh * g->w * g->c) {
        const uint8_t *x = row;
        for (size_t kx = s->x0; kx < s->x1; kx++, x += g->dw * g->c)
            HN_UNROLL for (int k = 0; k < n; k++) word[k] =
                _mm256_add_epi16(word[k], words(load16(x + 16 * k), is_signed));
    }
    HN_UNROLL for (int k = 0; k < n; k++) flush(&word[k], sum[k]);
}

/* 16 * n channels of one window. */
ALWAYS void total(const hn_pool_q8 *g, const window *s, size_t from, const int n, const int is_signed,
                  __m256i (*sum)[2])
{
    __m256i word[4];
    size_t count = 0;
    HN_UNROLL for (int k = 0; k < n; k++) word[k] = _mm256_setzero_si256();
    for (size_t ky = s->y0; ky < s->y1; ky++) {
        const uint8_t *x = pixel(g, s, ky, s->x0) + from;
        for (size_t left = s->x1 - s->x0; left > 0;) {
            size_t some = left < RUN - count ? left : RUN - count;
            for (size_t i = 0; i < some; i++, x += g->dw * g->c)
                HN_UNROLL for (int k = 0; k < n; k++) word[k] =
                    _mm256_add_epi16(word[k], words(load16(x + 16 * k), is_signed));
            left -= some;
            count += some;
            if (count < RUN) continue;
            HN_UNROLL for (int k = 0; k < n; k++) flush(&word[k], sum[k]);
            count = 0;
        }
    }
    HN_UNROLL for (int k = 0; k < n; k++) flush(&word[k], sum[k]);
}

ALWAYS void means(const hn_pool_q8 *g, const window *s, const finish_q8 *f, size_t from, const int n, uint8_t *y)
{
    const size_t inside = (s->y1 - s->y0) * (s->x1 - s->x0), count = g->include ? g->kh * g->kw : inside;
    const int32_t zero = (int32_t)inside * ((g->x_flip ? 128 : 0) - g->x_zp);
    const __m256 scale = _mm256_set1_ps(count > 0 ? g->scale / (float)count : 0.0f), top = _mm256_set1_ps(4096.0f);
    __m256i sum[4][2];
    HN_UNROLL for (int k = 0; k < n; k++) sum[k][0] = sum[k][1] = _mm256_set1_epi32(zero);
    if (inside <= RUN && g->x_flip)
        total_few(g, s, from, n, 1, sum);
    else if (inside <= RUN)
        total_few(g, s, from, n, 0, sum);
    else if (g->x_flip)
        total(g, s, from, n, 1, sum);
    else
        total(g, s, from, n, 0, sum);
    HN_UNROLL for (int k = 0; k < n; k++)
    {
        __m256i v[2];
        HN_UNROLL for (int h = 0; h < 2; h++) v[h] =
            _mm256_cvtps_epi32(_mm256_min_ps(_mm256_mul_ps(_mm256_cvtepi32_ps(sum[k][h]), scale), top));
        __m256i q = _mm256_adds_epi16(_mm256_packs_epi32(v[0], v[1]), f->y_zp);
        _mm_storeu_si128((__m128i *)(void *)(y + from + 16 * k), finish_bytes(f, 0, q, q).v[0]);
    }
}

static void average(const hn_pool_q8 *g)
{
    window s = {.oy = g->oy};
    const finish_q8 f = finish_q8_load(g->out);
    if (g->c < 16) {
        pool(g);
        return;
    }
    hn_pool_q8_span(g->oy, g->sh, g->dh, g->ph, g->kh, g->h, &s.y0, &s.y1);
    for (size_t i = 0; i < g->m; i++) {
        s.ox = g->from + i;
        hn_pool_q8_span(s.ox, g->sw, g->dw, g->pw, g->kw, g->w, &s.x0, &s.x1);
        size_t from = 0;
        for (; from + 64 <= g->c; from += 64) means(g, &s, &f, from, 4, g->y + i * g->c);
        for (; from + 32 <= g->c; from += 32) means(g, &s, &f, from, 2, g->y + i * g->c);
        for (; from + 16 <= g->c; from += 16) means(g, &s, &f, from, 1, g->y + i * g->c);
        if (from < g->c) means(g, &s, &f, g->c - 16, 1, g->y + i * g->c); /* some channels again */
    }
}

const hn_kernel hn_k_avx2_average_pool_q8 = {.family = "pool_q8",
                                             .name = "avx2_average_pool_q8",
                                             .isa = HN_ISA_AVX2,
                                             .variant = HN_POOL_Q8_AVERAGE,
                                             .rank = 1,
                                             .fn = (hn_kernel_fn *)average};
