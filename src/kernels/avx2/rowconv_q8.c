/* 8-bit convolution of byte runs for AVX2: 16 output pixels in the lanes of two vectors, 4 channels at a time. Taps go
 * in pairs: bytes are widened to words, unpacked to 32-bit lanes and multiplied with vpmaddwd, which is exact. 8
 * channels are turned over to pixels at the end. */
#include "kernels/rowconv_q8.h"
#include "kernels/avx2/lib_q8.h"

enum { CHANNELS = 8, PIXELS = 16 };

/* Weights of 8 channels as words, in the order that they come in. With signed runs, what the u8 domain adds goes on the
 * bias. */
typedef struct weights {
    _Alignas(32) int16_t w[HN_ROWCONV_Q8_GROUPS][CHANNELS][4];
    int32_t bias[CHANNELS];
    float scale[CHANNELS];
} weights;

static void widen(const hn_rowconv_q8 *g, size_t from, weights *b)
{
    const uint8_t *w = (const uint8_t *)g->w + hn_rowconv_q8_at(g->groups, from, 0);
    const __m256i ones = _mm256_set1_epi16(1);
    __m256i sum[2] = {_mm256_setzero_si256(), _mm256_setzero_si256()};
    for (size_t q = 0; q < g->groups; q++) {
        const size_t left = g->taps > 4 * q ? g->taps - 4 * q : 0; /* whose zero point comes off */
        int16_t zp[4];
        for (size_t t = 0; t < 4; t++) zp[t] = (int16_t)(t < left ? g->w_zp : 0);
        int64_t four;
        memcpy(&four, zp, 8);
        HN_UNROLL for (int h = 0; h < 2; h++)
        {
            __m256i v = _mm256_sub_epi16(words(load16(w + 32 * q + 16 * h), 1), _mm256_set1_epi64x(four));
            _mm256_store_si256((__m256i *)(void *)b->w[q][4 * h], v);
            sum[h] = _mm256_add_epi32(sum[h], _mm256_madd_epi16(v, ones));
        }
    }
    __m256i all = _mm256_permute4x64_epi64(_mm256_hadd_epi32(sum[0], sum[1]), 0xd8);
    all = g->x_flip ? _mm256_slli_epi32(all, 7) : _mm256_setzero_si256();
    _mm256_storeu_si256((__m256i *)(void *)b->bias, _mm256_add_epi32(load32(g->bias + from), all));
    memcpy(b->scale, g->scale + from, sizeof b->scale);
}

/* Words of 16 pixels at each pair of taps. */
ALWAYS void unpack(const hn_rowconv_q8 *g, size_t i, const int is_signed, __m256i (*x)[2])
{
    for (size_t q = 0; q < 2 * g->groups; q++) {
        __m256i a = words(load16(g->tap[2 * q] + i), is_signed), b = words(load16(g->tap[2 * q + 1] + i), is_signed);
        x[q][0] = _mm256_unpacklo_epi16(a, b);
        x[q][1] = _mm256_unpackhi_epi16(a, b);
    }
}

typedef int32_t __attribute__((may_alias)) two;

/* One pair of taps; w: of the first of 4 channels. In assembly, since compilers add products to each other before they
 * add them to the sums, and spill. */
ALWAYS void step(__m256i (*acc)[2], const __m256i x[2], const int16_t *w)
{
    HN_UNROLL for (int c = 0; c < 4; c++)
    {
        __m256i some, more;
        __asm__("vpbroadcastd %[w], %[v]\n\t"
                "vpmaddwd %[low], %[v], %[t]\n\t"
                "vpaddd %[t], %[s0], %[s0]\n\t"
                "vpmaddwd %[high], %[v], %[v]\n\t"
                "vpaddd %[v], %[s1], %[s1]\n\t"
                : [s0] "+x"(acc[c][0]), [s1] "+x"(acc[c][1]), [v] "=&x"(some), [t] "=&x"(more)
                : [w] "m"(*(const two *)(const void *)(w + (ptrdiff_t)4 * c)), [low] "x"(x[0]), [high] "x"(x[1]));
    }
}

/* Words of the 16 pixels at x for each of 4 channels from `from` on, with the zero point. */
ALWAYS void four(const weights *b, const __m256i (*x)[2], size_t groups, size_t from, const finish_q8 *f, __m256i *out)
{
    __m256i acc[4][2];
    HN_UNROLL for (int c = 0; c < 4; c++) acc[c][0] = acc[c][1] = _mm256_set1_epi32(b->bias[from + (size_t)c]);
    for (size_t q = 0; q < groups; q++, x += 2) {
        step(acc, x[0], b->w[q][from]);
        step(acc, x[1], b->w[q][from] + 2);
    }
    HN_UNROLL for (int c = 0; c < 4; c++)
    {
        const __m256 scale = _mm256_set1_ps(b->scale[from + (size_t)c]);
        HN_UNROLL for (int h = 0; h < 2; h++) acc[c][h] =
            _mm256_cvtps_epi32(_mm256_min_ps(_mm256_mul_ps(_mm256_cvtepi32_ps(acc[c][h]), scale), f->t_hi));
        out[c] = _mm256_adds_epi16(_mm256_packs_epi32(acc[c][0], acc[c][1]), f->y_zp);
    }
}

/* Bytes of two channels: 8 pixels of the one, of the other, in each half. */
ALWAYS __m256i narrow(const finish_q8 *f, __m256i a, __m256i b)
{
    __m256i v = _mm256_min_epu8(_mm256_max_epu8(_mm256_packus_epi16(a, b), f->y_lo), f->y_hi);
    return _mm256_xor_si256(v, f->y_flip);
}

/* Channels to pixels: vector k holds pixels 2 k and 2 k + 1, and 8 further on in its high half. */
ALWAYS void turn(const __m256i *in, __m256i *out)
{
    __m256i even = _mm256_unpacklo_epi8(in[0], in[1]), odd = _mm256_unpackhi_epi8(in[0], in[1]);
    __m256i a = _mm256_unpacklo_epi8(even, odd), b = _mm256_unpackhi_epi8(even, odd);
    even = _mm256_unpacklo_epi8(in[2], in[3]), odd = _mm256_unpackhi_epi8(in[2], in[3]);
    __m256i c = _mm256_unpacklo_epi8(even, odd), d = _mm256_unpackhi_epi8(even, odd);
    out[0] = _mm256_unpacklo_epi32(a, c), out[1] = _mm256_unpackhi_epi32(a, c);
    out[2] = _mm256_unpacklo_epi32(b, d), out[3] = _mm256_unpackhi_epi32(b, d);
}

ALWAYS void put_pixels(const __m256i *v, uint8_t *y, size_t ldy)
{
    HN_UNROLL for (size_t k = 0; k < 4; k++)
    {
        __m128i low = _mm256_castsi256_si128(v[k]), high = _mm256_extracti128_si256(v[k], 1);
        _mm_storel_epi64((__m128i *)(void *)(y + 2 * k * ldy), low);
        _mm_storeh_pd((double *)(void *)(y + (2 * k + 1) * ldy), _mm_castsi128_pd(low));
        _mm_storel_epi64((__m128i *)(void *)(y + (2 * k + 8) * ldy), high);
        _mm_storeh_pd((double *)(void *)(y + (2 * k + 9) * ldy), _mm_castsi128_pd(high));
    }
}

ALWAYS void row(const hn_rowconv_q8 *g, const int is_signed)
{
    const finish_q8 f = finish_q8_load(g->out);
    weights b;
    for (size_t from = 0; from < g->n; from += CHANNELS) {
        const size_t n = g->n - from < CHANNELS ? g->n - from : CHANNELS;
        widen(g, from, &b);
        for (size_t i = 0; i < g->m; i += PIXELS) {
            __m256i x[2 * HN_ROWCONV_Q8_GROUPS][2], word[8], v[4];
            unpack(g, i, is_signed, x);
            four(&b, (const __m256i(*)[2])x, g->groups, 0, &f, word);
            four(&b, (const __m256i(*)[2])x, g->groups, 4, &f, word + 4);
            HN_UNROLL for (int k = 0; k < 4; k++) v[k] = narrow(&f, word[2 * k], word[2 * k + 1]);
            turn(v, v);
            uint8_t *y = g->y + i * g->ldy + from;
            if (n == CHANNELS && i + PIXELS <= g->m) {
                put_pixels(v, y, g->ldy);
                continue;
            }
            uint8_t part[PIXELS * CHANNELS];
            put_pixels(v, part, CHANNELS);
            for (size_t k = 0; k < PIXELS && i + k < g->m; k++) memcpy(y + k * g->ldy, part + k * CHANNELS, n);
        }
    }
}

static void rowconv(const hn_rowconv_q8 *g)
{
    if (g->x_flip)
        row(g, 1);
    else
        row(g, 0);
}

const hn_kernel hn_k_avx2_rowconv_q8 = {
    .family = "rowconv_q8", .name = "avx2_rowconv_q8", .isa = HN_ISA_AVX2, .rank = 1, .fn = (hn_kernel_fn *)rowconv};
