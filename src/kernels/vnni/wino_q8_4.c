/* 8-bit 3 x 3 convolution by F(4 x 4, 3 x 3) for AVX-512 with VNNI: 4 tiles by 16 columns, a whole row of products,
 * six, in registers, where A' along the row is done at once. */
#include "kernels/vnni/lib_q8.h"
#include "kernels/wino_q8_avx2.h"

enum { MR = 4, TILE = 4, POINTS = 6, HALVES = POINTS * TILE * NR }; /* HALVES: sums of a tile, [row][column][NR] */

HN_WINO_Q8_SIX(six, __m256i, _mm256_add_epi16, _mm256_sub_epi16, _mm256_slli_epi16)
HN_WINO_Q8_SIX(six_of_two, __m512i, _mm512_add_epi16, _mm512_sub_epi16, _mm512_slli_epi16)

/* Two neighbours of line i, from column x on, in the halves of a vector. inside: no line is padding. */
ALWAYS __m512i two_pixels(const lines *l, int i, ptrdiff_t x, const bool whole, const bool inside)
{
    const ptrdiff_t off = x * (ptrdiff_t)l->c, next = off + (ptrdiff_t)l->c, reach = inside ? -1 : l->reach[i];
    const __m256i first = _mm256_castsi128_si256(bytes_at(l, l->at[i] + (off & reach), whole));
    return _mm512_cvtepu8_epi16(_mm256_inserti128_si256(first, bytes_at(l, l->at[i] + (next & reach), whole), 1));
}

/* B' d of two columns of the window. */
ALWAYS void two_columns(const lines *l, ptrdiff_t x, const bool whole, const bool inside, __m512i t[6])
{
    __m512i d[6];
    if ((size_t)x < l->w && (size_t)x + 1 < l->w) {
        HN_UNROLL for (int i = 0; i < 6; i++) d[i] = two_pixels(l, i, x, whole, inside);
    } else {
        __m256i at[2][6];
        for (ptrdiff_t j = 0; j < 2; j++)
            HN_UNROLL for (int i = 0; i < 6; i++) at[j][i] =
                (size_t)(x + j) >= l->w ? l->pad
                                        : pixel(l, l->at[i] + ((x + j) * (ptrdiff_t)l->c & l->reach[i]), whole);
        HN_UNROLL for (int i = 0; i < 6; i++) d[i] = _mm512_inserti64x4(_mm512_castsi256_si512(at[0][i]), at[1][i], 1);
    }
    six_of_two(d, t);
}

/* V of `tiles` neighbours, the first of which is number `tile` of the run and has its window at column x. `line` words
 * lie between the rows of V. What is done down columns stays in registers, two columns in one. */
ALWAYS void windows(const lines *l, ptrdiff_t x, size_t tile, size_t tiles, int16_t *v, size_t product, size_t line,
                    const bool whole, const bool inside)
{
    spot at = spot_of(v, tile, POINTS * product, MR);
    __m512i c[3][6]; /* [two columns][row] */
    two_columns(l, x, whole, inside, c[2]);
    for (size_t i = 0; i < tiles; i++, x += TILE) {
        int16_t *to = at.v;
        HN_UNROLL for (int k = 0; k < 6; k++) c[0][k] = c[2][k];
        two_columns(l, x + 2, whole, inside, c[1]);
        two_columns(l, x + 4, whole, inside, c[2]);
        HN_UNROLL for (int k = 0; k < 6; k++, to += line)
        {
            __m256i d[6], t[6];
            HN_UNROLL for (int j = 0; j < 3; j++)
            {
                d[2 * j] = _mm512_castsi512_si256(c[j][k]);
                d[2 * j + 1] = _mm512_extracti64x4_epi64(c[j][k], 1);
            }
            six(d, t);
            HN_UNROLL for (size_t j = 0; j < 6; j++) store(to + j * product, t[j]);
        }
        next_spot(&at, MR);
    }
}

/* A pointer that compilers derive no others from, which would fill the registers. */
#define HOLD(p) __asm__("" : "+r"(p))

/* Two channels of MR tiles at v times u, the operand broadcast from memory. In assembly: compilers broadcast first. */
ALWAYS void pair(const int16_t *v, __m512i u, __m512i acc[MR])
{
    typedef int32_t __attribute__((may_alias)) two;
    HN_UNROLL for (int i = 0; i < MR; i++) __asm__("vpdpwssd %[v]%{1to16%}, %[u], %[sum]" : [sum] "+v"(acc[i]) :
                                                   [v] "m"(*(const two *)(const void *)(v + i * LANES)), [u] "v"(u));
}

ALWAYS __m512i plus(__m512i a, __m512i b, const int shift)
{
    return _mm512_add_epi32(a, _mm512_slli_epi32(b, shift));
}

/* Row `line` of M for a group of tiles, A' along it done. start: what the product at x = 1 begins with. */
ALWAYS void row_of(const int16_t *v, size_t product, const int16_t *u, size_t blocks, const int32_t *start,
                   int32_t *halves)
{
    __m512i m[POINTS][MR];
    HN_UNROLL for (int x = 0; x < POINTS; x++) HN_UNROLL for (int i = 0; i < MR; i++) m[x][i] = _mm512_setzero_si512();
    HN_UNROLL for (int i = 0; i < MR; i++) m[1][i] = _mm512_loadu_si512(start);
    const int16_t *at[POINTS], *w[POINTS / 2]; /* in V; in U, which has two of the products in each of three streams */
    HN_UNROLL for (int x = 0; x < POINTS; x++) at[x] = v + (size_t)x * product;
    HN_UNROLL for (int x = 0; x < POINTS / 2; x++) w[x] = u + (size_t)x * blocks * LANES / 2 * 4 * NR;
    for (size_t k = 0; k < blocks; k++) {
        HN_UNROLL for (int x = 0; x < POINTS; x++) HOLD(at[x]);
        HN_UNROLL for (int x = 0; x < POINTS / 2; x++) HOLD(w[x]);
        HN_UNROLL_TO(8) for (int c = 0; c < LANES / 2; c++)
        {
            pair(at[1] + 2 * c, _mm512_loadu_si512(w[0] + c * 64), m[1]);
            pair(at[2] + 2 * c, _mm512_loadu_si512(w[0] + c * 64 + 32), m[2]);
            pair(at[3] + 2 * c, _mm512_loadu_si512(w[1] + c * 64), m[3]);
            pair(at[4] + 2 * c, _mm512_loadu_si512(w[1] + c * 64 + 32), m[4]);
            pair(at[0] + 2 * c, _mm512_loadu_si512(w[2] + c * 64), m[0]);
            pair(at[5] + 2 * c, _mm512_loadu_si512(w[2] + c * 64 + 32), m[5]);
        }
        HN_UNROLL for (int x = 0; x < POINTS; x++) at[x] += MR * LANES;
        HN_UNROLL for (int x = 0; x < POINTS / 2; x++) w[x] += LANES / 2 * 4 * NR;
    }
    HN_UNROLL for (int i = 0; i < MR; i++, halves += HALVES)
    {
        const __m512i s = _mm512_add_epi32(m[1][i], m[2][i]), d = _mm512_sub_epi32(m[1][i], m[2][i]);
        const __m512i s2 = _mm512_add_epi32(m[3][i], m[4][i]), d2 = _mm512_sub_epi32(m[3][i], m[4][i]);
        _mm512_storeu_si512(halves, _mm512_add_epi32(_mm512_add_epi32(m[0][i], s), s2));
        _mm512_storeu_si512(halves + NR, plus(d, d2, 1));
        _mm512_storeu_si512(halves + 2 * NR, plus(s, s2, 2));
        _mm512_storeu_si512(halves + 3 * NR, _mm512_add_epi32(plus(d, d2, 3), m[5][i]));
    }
}

/* How sums become bytes. */
typedef struct ending {
    q8_consts c;
    __m512 scale[3]; /* times 1, 2 and 4: powers of two that sums are left short of */
} ending;

ALWAYS ending ending_of(const hn_wino_q8 *g, size_t n0)
{
    const __m512 scale = _mm512_loadu_ps(g->scale + n0), twice = _mm512_add_ps(scale, scale);
    return (ending){q8_load(g->out), {scale, twice, _mm512_add_ps(twice, twice)}};
}

/* A' down the columns of a tile's halves, then its outputs at y, of whose pixels the residuals are at r; pixel and line
 * in bytes. */
ALWAYS void outputs(const ending *e, const int32_t *halves, const uint8_t *r, uint8_t *y, size_t pixel, size_t line,
                    const int kind)
{
    const __m512i ninth = _mm512_set1_epi32(HN_WINO_Q8_NINTH);
    for (size_t j = 0; j < TILE; j++, halves += NR, r += pixel, y += pixel) {
        __m512i h[POINTS], o[TILE];
        HN_UNROLL for (int i = 0; i < POINTS; i++) h[i] = _mm512_loadu_si512(halves + i * TILE * NR);
        const __m512i s = _mm512_add_epi32(h[1], h[2]), d = _mm512_sub_epi32(h[1], h[2]);
        const __m512i s2 = _mm512_add_epi32(h[3], h[4]), d2 = _mm512_sub_epi32(h[3], h[4]);
        o[0] = _mm512_add_epi32(plus(h[0], s, 2), s2);
        o[1] = plus(d2, d, 1);
        o[2] = _mm512_add_epi32(s, s2);
        o[3] = _mm512_add_epi32(h[5], plus(d, d2, 1));
        HN_UNROLL for (int i = 0; i < TILE; i++)
        {
            const __m512i sum = _mm512_mullo_epi32(o[i], ninth);
            const __m512 scale = e->scale[i < 2 ? i : 2];
            if (kind == HN_Q8_F32) {
                _mm512_storeu_ps(y + (size_t)i * line, q8_real(&e->c, sum, scale));
                continue;
            }
            o[i] = kind == HN_Q8_RESIDUAL
                       ? q8_residual(&e->c, sum, scale,
                                     _mm_loadu_si128((const __m128i *)(const void *)(r + (size_t)i * line)), 1)
                       : q8_byte(&e->c, sum, scale, 1);
        }
        if (kind == HN_Q8_F32) continue;
        const __m512i bytes = q8_pack(&e->c, o[0], o[1], o[2], o[3], 0);
        _mm_storeu_si128((__m128i *)(void *)y, _mm512_castsi512_si128(bytes));
        _mm_storeu_si128((__m128i *)(void *)(y + line), _mm512_extracti32x4_epi32(bytes, 1));
        _mm_storeu_si128((__m128i *)(void *)(y + 2 * line), _mm512_extracti32x4_epi32(bytes, 2));
        _mm_storeu_si128((__m128i *)(void *)(y + 3 * line), _mm512_extracti32x4_epi32(bytes, 3));
    }
}

#include "kernels/wino_q8.inc"

const hn_kernel hn_k_vnni_wino_q8_4 = {.family = "wino_q8",
                                       .name = "vnni_wino_q8_4_4x16",
                                       .isa = HN_ISA_AVX2 | HN_ISA_AVX512 | HN_ISA_VNNI,
                                       .mr = MR,
                                       .nr = NR,
                                       .kr = 2,
                                       .variant = TILE,
                                       .rank = 2,
                                       .fn = (hn_kernel_fn *)wino};
