/* 8-bit depthwise convolution with windows of 3 x 3 for AVX2: bytes are widened to words, pairs of taps are unpacked to
 * 32-bit lanes and multiplied with vpmaddwd, which is exact. One block of 16 channels at a time goes along the row
 * (slide), short rows many at once (strips). */
#include "kernels/avx2/lib_dwconv3_q8.h"

/* The compiler is not to know that p is what it was: it would keep what it points to in more registers than there are.
 */
#define KEEP(p) __asm__("" : "+r"(p))

/* Words of two taps: products with their weights go on the sums. */
typedef struct pair {
    __m256i v[2];
} pair;

ALWAYS pair paired(__m256i a, __m256i b)
{
    pair p = {{_mm256_unpacklo_epi16(a, b), _mm256_unpackhi_epi16(a, b)}};
    return p;
}
/* w: 32 weights. */
ALWAYS void times(__m256i *acc, const pair *x, const int16_t *w)
{
    acc[0] = _mm256_add_epi32(acc[0], _mm256_madd_epi16(x->v[0], load32(w)));
    acc[1] = _mm256_add_epi32(acc[1], _mm256_madd_epi16(x->v[1], load32(w + 16)));
}
ALWAYS void begin(__m256i *acc, const int32_t *bias)
{
    acc[0] = load32(bias);
    acc[1] = load32(bias + 8);
}

/* What sums of a block of channels start at, and what becomes of them. */
typedef struct ends {
    _Alignas(32) int32_t start[16];
    float scale[16], less[16];
} ends;

ALWAYS ends ends_of(const hn_dwconv_q8 *g, size_t block, const int end)
{
    ends e;
    HN_UNROLL for (size_t v = 0; v < 16; v += 8)
    {
        const __m256 scale = _mm256_loadu_ps(g->scale + 16 * block + v);
        _mm256_store_si256((__m256i *)(void *)(e.start + v), start_of(g->bias + 16 * block + v, end));
        _mm256_store_ps(e.scale + v, scale);
        _mm256_store_ps(e.less + v, fall(scale));
    }
    return e;
}

/* Three rows at a column that moves to the right; the last one is loaded a column ahead, as it is paired with the
 * next. HALVES: the same again `apart` bytes (rows of padding: 0) and `columns` to the right. */
typedef struct walk {
    const uint8_t *p[3], *pad;
    size_t step[3], apart[3];
    size_t ix, width, columns; /* ix wraps left of the image */
    bool inside, inside2;
    __m256i next;
} walk;

/* sure: known to be inside. */
ALWAYS __m256i fetch(const walk *s, size_t k, const int mode, const int is_signed, const int sure)
{
    const uint8_t *a = sure || s->inside ? s->p[k] : s->pad;
    if (mode == WHOLE) return words(load16(a), is_signed);
    const uint8_t *b = sure || s->inside2 ? s->p[k] + s->apart[k] : s->pad;
    __m256i low = _mm256_castsi128_si256(words8(a, is_signed));
    return _mm256_inserti128_si256(low, words8(b, is_signed), 1);
}

ALWAYS void ahead(walk *s, const int mode, const int is_signed, const int sure)
{
    s->ix++;
    if (!sure) s->inside = s->ix < s->width;
    if (!sure) s->inside2 = mode == HALVES && s->ix + s->columns < s->width;
    s->next = fetch(s, 2, mode, is_signed, sure);
    s->p[2] += s->step[2];
}

/* The pairs at this column; moves to the next. */
ALWAYS void column(walk *s, const int mode, const int is_signed, const int sure, pair *rows, pair *last)
{
    __m256i now = s->next;
    *rows = paired(fetch(s, 0, mode, is_signed, sure), fetch(s, 1, mode, is_signed, sure));
    s->p[0] += s->step[0];
    s->p[1] += s->step[1];
    ahead(s, mode, is_signed, sure);
    *last = paired(now, s->next);
}

/* `from`: first channel; half: pixels from a lane of the first half of the row to its fellow (HALVES). */
ALWAYS walk walk_start(const hn_dwconv_q8 *g, size_t from, size_t half, const int mode, const int is_signed)
{
    walk s = {.pad = g->pad + from, .width = g->width, .columns = half * g->sw};
    s.ix = g->from * g->sw - g->pw;
    for (size_t k = 0; k < 3; k++) {
        bool there = g->row[k] != NULL;
        s.step[k] = there ? g->c : 0;
        s.apart[k] = there ? half * g->sw * g->c : 0;
        s.p[k] = there ? (const uint8_t *)((uintptr_t)g->row[k] + s.ix * g->c + from) : s.pad;
    }
    s.ix--;
    ahead(&s, mode, is_signed, 0);
    return s;
}

typedef struct target {
    uint8_t *y;
    const uint8_t *r; /* RESIDUAL, else y */
    size_t c, again;  /* again: lanes, from the first on, that the block before has done */
    size_t apart;     /* HALVES: pixels to the other half of the row */
    size_t low;       /* HALVES: pixels of the first half that are to be stored */
} target;

ALWAYS __m128i residual_at(const target *t, size_t i, const int mode)
{
    const uint8_t *r = t->r + i * t->c;
    if (mode == WHOLE) return load16(r);
    __m128i v = _mm_loadl_epi64((const __m128i *)(const void *)r);
    return _mm_unpacklo_epi64(v, _mm_loadl_epi64((const __m128i *)(const void *)(r + t->apart * t->c)));
}

ALWAYS void put(const target *t, size_t i, __m128i v, const int mode, const int end)
{
    uint8_t *y = t->y + i * t->c;
    if (mode == HALVES) {
        if (i < t->low) _mm_storel_epi64((__m128i *)(void *)y, v);
        _mm_storel_epi64((__m128i *)(void *)(y + t->apart * t->c), _mm_unpackhi_epi64(v, v));
    } else {
        if (end == ANY && t->again > 0) { /* their residual may be gone */
            const __m128i at = _mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
            v = _mm_blendv_epi8(v, load16(y), _mm_cmpgt_epi8(_mm_set1_epi8((char)t->again), at));
        }
        _mm_storeu_si128((__m128i *)(void *)y, v);
    }
}

ALWAYS __m256i finish(const hn_dwconv_q8 *g, const finish_q8 *f, const target *t, size_t i, __m256i *acc, const ends *e,
                      const int mode, const int end)
{
    if (end == RAISED) {
        HN_UNROLL for (int h = 0; h < 2; h++) round_raised(&acc[h], _mm256_load_ps(e->scale + 8 * h), e->less + 8 * h);
        return _mm256_packs_epi32(acc[0], acc[1]);
    }
    const int kind = end == PLAIN ? HN_Q8_BYTE : g->out->kind;
    __m128i r = kind == HN_Q8_RESIDUAL ? residual_at(t, i, mode) : _mm_setzero_si128();
    return finish_words(f, end == PLAIN, kind, acc, e->scale, r);
}

/* Pixels i and, where there is one, i + 1. */
ALWAYS void put_two(const finish_q8 *f, const target *t, size_t i, size_t m, const __m256i *done, const int mode,
                    const int end)
{
    const two_q8 bytes = finish_bytes(f, end != ANY, done[0], done[1]);
    put(t, i, bytes.v[0], mode, end);
    if (i + 1 < m) put(t, i + 1, bytes.v[1], mode, end);
}

/* Sums of pixels under way: the next, and with stride 1 the one after it. */
typedef struct sums {
    __m256i a[2], b[2];
} sums;

/* Words of one pixel. A column begins the sums of one pixel and ends those of the one two columns to the left. */
ALWAYS void advance(walk *s, sums *on, const int16_t *w, const int32_t *bias, __m256i *done, const int mode,
                    const int stride, const int is_signed, const int sure)
{
    pair rows, last;
    __m256i next[2];
    if (stride == 2) {
        column(s, mode, is_signed, sure, &rows, &last);
        times(on->a, &rows, w + 32);
    }
    column(s, mode, is_signed, sure, &rows, &last);
    times(on->a, &rows, w + 64);
    times(on->a, &last, w + 128);
    done[0] = on->a[0], done[1] = on->a[1];
    if (stride == 1) times(on->b, &rows, w + 32);
    begin(next, bias);
    times(next, &rows, w);
    times(next, &last, w + 96);
    HN_UNROLL for (int h = 0; h < 2; h++)
    {
        on->a[h] = stride == 1 ? on->b[h] : next[h];
        on->b[h] = next[h];
    }
}

ALWAYS void start(walk *s, sums *on, const int16_t *w, const int32_t *bias, const int mode, const int stride,
                  const int is_signed)
{
    pair rows, last;
    begin(on->a, bias);
    begin(on->b, bias);
    column(s, mode, is_signed, 0, &rows, &last);
    times(on->a, &rows, w);
    times(on->a, &last, w + 96);
    if (stride == 2) return;
    column(s, mode, is_signed, 0, &rows, &last);
    times(on->a, &rows, w + 32);
    times(on->b, &rows, w);
    times(on->b, &last, w + 96);
}

ALWAYS void slide(const hn_dwconv_q8 *g, size_t block, const int mode, const int stride, const int is_signed,
                  const int end)
{
    const size_t from = hn_dwconv_q8_first3(g->c, block), m = mode == HALVES ? (g->m + 1) / 2 : g->m;
    const int16_t *w = (const int16_t *)(const void *)g->w + block * 5 * 32;
    const ends own = ends_of(g, block, end), *e = &own;
    const finish_q8 f = finish_q8_load(g->out);
    const target t = {g->y + from, (g->r != NULL ? g->r : g->y) + from, g->c, 16 * block - from, g->m - m, g->m - m};
    walk s = walk_start(g, from, g->m - m, mode, is_signed);
    sums on;
    start(&s, &on, w, e->start, mode, stride, is_signed);
    for (size_t i = 0; i < m; i += 2) {
        __m256i acc[2], done[2] = {_mm256_setzero_si256(), _mm256_setzero_si256()};
        const bool sure = s.ix < s.width && s.ix + s.columns + 2 * stride < s.width;
        HN_UNROLL for (size_t k = 0; k < 2; k++)
        {
            if (i + k == m) break;
            KEEP(w);
            KEEP(e);
            if (sure) /* then the flags are and stay true */
                advance(&s, &on, w, e->start, acc, mode, stride, is_signed, 1);
            else
                advance(&s, &on, w, e->start, acc, mode, stride, is_signed, 0);
            done[k] = finish(g, &f, &t, i + k, acc, e, mode, end);
        }
        put_two(&f, &t, i, m, done, mode, end);
    }
}

ALWAYS void slide_all(const hn_dwconv_q8_rows *a, const int mode, const int stride, const int is_signed, const int end)
{
    for (size_t b = a->block, last = b + a->blocks; b < last; b++) slide(&a->one, b, mode, stride, is_signed, end);
}

/* One copy of each for the sign of x and for what is to be done at the end. */
#define COPY(name, all, end, ...)                \
    static void name(const hn_dwconv_q8_rows *g) \
    {                                            \
        if (g->one.x_flip)                       \
            all(g, __VA_ARGS__, 1, end);         \
        else                                     \
            all(g, __VA_ARGS__, 0, end);         \
    }
#define COPIES(name, all, ...)                                                    \
    COPY(name##_any, all, ANY, __VA_ARGS__)                                       \
    COPY(name##_plain, all, PLAIN, __VA_ARGS__)                                   \
    COPY(name##_raised, all, RAISED, __VA_ARGS__)                                 \
    static void name(const hn_dwconv_q8_rows *g)                                  \
    {                                                                             \
        static row_fn *const ends[3] = {name##_any, name##_plain, name##_raised}; \
        ends[end_of(g->one.out)](g);                                              \
    }

typedef void row_fn(const hn_dwconv_q8_rows *g);

COPIES(slide_whole1, slide_all, WHOLE, 1)
COPIES(slide_whole2, slide_all, WHOLE, 2)
COPIES(slide_halves2, slide_all, HALVES, 2)

/* Rows of at most SHORT outputs go in strips, unless all of them are fewer than FEW. */
enum { SHORT = 48, FEW = 25 };

static void row_by_row(const hn_dwconv_q8_rows *g, row_fn *fn)
{
    const uint8_t *row[3];
    const size_t line = g->one.width * g->one.c, out = g->one.m * g->one.c;
    hn_dwconv_q8_rows a = *g;
    a.one.row = row;
    for (size_t i = 0; i < g->rows; i++, a.one.y += out) {
        for (size_t ky = 0; ky < 3; ky++) {
            const size_t iy = (g->oy + i) * g->sh + ky * g->dh - g->ph; /* wraps above the image */
            row[ky] = iy < g->h ? g->x + iy * line : NULL;
        }
        if (g->one.r != NULL) a.one.r = g->one.r + i * out;
        fn(&a);
    }
}

static void dwconv(const hn_dwconv_q8 *one)
{
    const hn_dwconv_q8_rows *g = (const hn_dwconv_q8_rows *)(const void *)one;
    const bool eight = one->c == 8, fits = one->sw == 1 && g->sh == 1 && g->dh == 1 && one->out->kind == HN_Q8_BYTE;
    if (fits && (eight || (one->m <= SHORT && one->m * g->rows >= FEW)))
        strips(g);
    else if (one->sw == 1)
        row_by_row(g, slide_whole1);
    else
        row_by_row(g, eight ? slide_halves2 : slide_whole2);
}

const hn_kernel hn_k_avx2_dwconv3_q8 = {.family = "dwconv_q8",
                                        .name = "avx2_dwconv3_q8",
                                        .isa = HN_ISA_AVX2,
                                        .variant = HN_DWCONV_Q8_THREE,
                                        .rank = 1,
                                        .fn = (hn_kernel_fn *)dwconv};
