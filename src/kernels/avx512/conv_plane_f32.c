/* conv_plane_f32: the arguments of conv_few_f32 for up to 8 output channels and steps 1 and 2. Lanes hold pixels, so
 * that a weight, not a pixel, is broadcast: each is used by two vectors. The last tile of a row reaches back over
 * pixels that are done. */
#include "kernels/vec_avx512.h"

#include "kernels/act_pass.inc"
#include "kernels/conv_few_f32.h"

#define UNROLL HN_UNROLL_TO(16)
enum { CHANNELS = 8, PIXELS = 2 * VEC_LANES };

/* 16 pixels, `step` floats apart; nothing behind the last one is read. */
VEC_INLINE vf pixels(const float *x, const int step, vi even)
{
    if (step == 1) return vf_load(x);
    return _mm512_permutex2var_ps(vf_load(x), even, vf_load_t(x + VEC_LANES, 0x7fff));
}

/* Channels of 16 pixels to pixels of 8 channels. */
VEC_INLINE void turn(const vf *r, float *y)
{
    vf t[CHANNELS], quad[CHANNELS]; /* quad[2 j + half]: in lane l the half of pixel 4 l + j */
    UNROLL for (int i = 0; i < CHANNELS; i += 2)
    {
        t[i] = _mm512_unpacklo_ps(r[i], r[i + 1]);
        t[i + 1] = _mm512_unpackhi_ps(r[i], r[i + 1]);
    }
    UNROLL for (int half = 0; half < 2; half++)
    {
        UNROLL for (int j = 0; j < 2; j++)
        {
            quad[4 * j + half] = _mm512_shuffle_ps(t[4 * half + j], t[4 * half + 2 + j], 0x44);
            quad[4 * j + 2 + half] = _mm512_shuffle_ps(t[4 * half + j], t[4 * half + 2 + j], 0xee);
        }
    }
    UNROLL for (int j = 0; j < 2; j++)
    {
        const vf *q = quad + 4 * j;
        const vf a = _mm512_shuffle_f32x4(q[0], q[1], 0x44), b = _mm512_shuffle_f32x4(q[0], q[1], 0xee),
                 c = _mm512_shuffle_f32x4(q[2], q[3], 0x44), d = _mm512_shuffle_f32x4(q[2], q[3], 0xee);
        vf_store(y + 16 * j,
                 _mm512_shuffle_f32x4(_mm512_shuffle_f32x4(a, a, 0xd8), _mm512_shuffle_f32x4(c, c, 0xd8), 0x44));
        vf_store(y + 32 + 16 * j,
                 _mm512_shuffle_f32x4(_mm512_shuffle_f32x4(a, a, 0xd8), _mm512_shuffle_f32x4(c, c, 0xd8), 0xee));
        vf_store(y + 64 + 16 * j,
                 _mm512_shuffle_f32x4(_mm512_shuffle_f32x4(b, b, 0xd8), _mm512_shuffle_f32x4(d, d, 0xd8), 0x44));
        vf_store(y + 96 + 16 * j,
                 _mm512_shuffle_f32x4(_mm512_shuffle_f32x4(b, b, 0xd8), _mm512_shuffle_f32x4(d, d, 0xd8), 0xee));
    }
}

/* `count` pixels from o on, of which the first `keep` are stored. */
VEC_INLINE void tile(const hn_conv_few_f32 *g, const split *e, size_t o, size_t keep, const int vectors, const int step)
{
    const vi even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    vf acc[2][CHANNELS];
    UNROLL for (int m = 0; m < CHANNELS; m++)
    {
        const vf bias = vf_set(g->ep.bias != NULL && (size_t)m < g->n ? g->ep.bias[m] : -0.0f);
        UNROLL for (int v = 0; v < vectors; v++) acc[v][m] = bias;
    }
    const float *w = g->w, *x = g->x + o * (size_t)step;
    for (size_t l = 0; l < g->lines; l++) {
        const float *q = x + g->line[l];
        for (size_t t = 0; t < g->run; t++, q++, w += g->w_stride) {
            vf p[2];
            UNROLL for (int v = 0; v < vectors; v++) p[v] = pixels(q + v * VEC_LANES * step, step, even);
            UNROLL for (int m = 0; m < CHANNELS; m++)
            {
                const vf wv = vf_set(w[m]);
                UNROLL for (int v = 0; v < vectors; v++) acc[v][m] = vf_fma(p[v], wv, acc[v][m]);
            }
        }
    }
    if (e->clip_last)
        UNROLL for (int v = 0; v < vectors; v++) UNROLL for (int m = 0; m < CHANNELS; m++) acc[v][m] =
            vf_clip(acc[v][m], e->lo, e->hi);
    float *y = g->y + o * g->n, buffer[PIXELS * CHANNELS];
    const bool whole = g->n == CHANNELS && keep == (size_t)vectors * VEC_LANES;
    UNROLL for (int v = 0; v < vectors; v++)
        turn(acc[v], whole ? y + v * VEC_LANES * CHANNELS : buffer + v * VEC_LANES * CHANNELS);
    if (whole) return;
    const vt some = vt_first(g->n);
    for (size_t i = 0; i < keep; i++) vf_store_t(y + i * g->n, vf_load_t(buffer + i * CHANNELS, some), some);
}

#define TILE(vectors, step)                                                                                           \
    static __attribute__((noinline)) void tile_##vectors##_##step(const hn_conv_few_f32 *g, const split *e, size_t o, \
                                                                  size_t keep)                                        \
    {                                                                                                                 \
        tile(g, e, o, keep, vectors, step);                                                                           \
    }
TILE(1, 1)
TILE(2, 1)
TILE(1, 2)
TILE(2, 2)

static void conv_plane_f32(const hn_conv_few_f32 *g)
{
    typedef void tile_fn(const hn_conv_few_f32 *g, const split *e, size_t o, size_t keep);
    static tile_fn *const BY_SIZE[2][2] = {{tile_1_1, tile_2_1}, {tile_1_2, tile_2_2}};
    const split e = split_of(&g->ep);
    tile_fn *const *fn = BY_SIZE[g->step - 1];
    size_t o = 0;
    for (; o + PIXELS <= g->pixels; o += PIXELS) fn[1](g, &e, o, PIXELS);
    const size_t left = g->pixels - o;
    if (left > VEC_LANES && g->pixels >= PIXELS)
        fn[1](g, &e, g->pixels - PIXELS, PIXELS);
    else if (left > VEC_LANES) {
        fn[0](g, &e, o, VEC_LANES);
        fn[0](g, &e, g->pixels - VEC_LANES, VEC_LANES);
    } else if (left > 0 && g->pixels >= VEC_LANES)
        fn[0](g, &e, g->pixels - VEC_LANES, VEC_LANES);
    else if (left > 0)
        fn[0](g, &e, 0, g->pixels);
    if (e.stored) act_stored(&g->ep, g->y, g->pixels * g->n, 1, g->pixels * g->n);
}

const hn_kernel hn_k_avx512_conv_plane_f32 = {
    .family = "conv_plane_f32",
    .name = "avx512_conv_plane_f32",
    .isa = HN_ISA_AVX512,
    .nr = CHANNELS,
    .rank = 20,
    .flags = VEC_LANES,
    .fn = (hn_kernel_fn *)conv_plane_f32,
};
