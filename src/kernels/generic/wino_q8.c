/* 8-bit 3 x 3 convolution by F(2 x 2, 3 x 3) in plain C: one tile by 16 columns. Complete and last. */
#include <string.h>

#include "kernels/wino_q8.h"

enum { NR = 16, LANES = 16 };

/* The window of one block of channels, [row][column][channel] in words; what is too much stays 0. */
static void read(const hn_wino_q8 *g, const uint8_t *image, ptrdiff_t top, ptrdiff_t left, size_t c0,
                 int16_t d[4][4][LANES])
{
    const size_t n = g->c - c0 < LANES ? g->c - c0 : LANES;
    memset(d, 0, 16 * sizeof d[0][0]);
    for (size_t y = 0; y < 4; y++)
        for (size_t x = 0; x < 4; x++) {
            const size_t row = (size_t)top + y, col = (size_t)left + x; /* past the end where it is before the start */
            if (row >= g->h || col >= g->w) {
                for (size_t i = 0; i < n; i++) d[y][x][i] = (int16_t)(g->pad ^ g->flip);
                continue;
            }
            const uint8_t *from = image + (row * g->w + col) * g->c + c0;
            if (n == LANES)
                for (size_t i = 0; i < LANES; i++) d[y][x][i] = (int16_t)(from[i] ^ g->flip);
            else
                for (size_t i = 0; i < n; i++) d[y][x][i] = (int16_t)(from[i] ^ g->flip);
        }
}

/* Four values `step` words apart by B'. */
static void four(const int16_t *d, size_t step, int16_t *t, size_t to)
{
    for (size_t i = 0; i < LANES; i++) {
        const int d0 = d[i], d1 = d[step + i], d2 = d[2 * step + i], d3 = d[3 * step + i];
        t[i] = (int16_t)(d0 - d2);
        t[to + i] = (int16_t)(d1 + d2);
        t[2 * to + i] = (int16_t)(d2 - d1);
        t[3 * to + i] = (int16_t)(d3 - d1);
    }
}

/* V of one tile, [row][column][channel]. */
static void transform(const hn_wino_q8 *g, const uint8_t *image, ptrdiff_t top, ptrdiff_t left, int16_t *v,
                      size_t product)
{
    for (size_t c0 = 0; c0 < g->c; c0 += LANES) {
        int16_t d[4][4][LANES], t[4][4][LANES];
        read(g, image, top, left, c0, d);
        for (size_t x = 0; x < 4; x++) four(d[0][x], 4 * LANES, t[0][x], 4 * LANES);
        for (size_t y = 0; y < 4; y++) four(t[y][0], LANES, v + 4 * y * product + c0, product);
    }
}

/* Products of the two places of U that lie side by side: sums of single products, which the compiler makes vectors of.
 */
static void multiply(const int16_t *v, const int16_t *w, const int16_t *u, size_t pairs, uint32_t a[NR], uint32_t b[NR])
{
    uint32_t sums[2][2 * NR] = {{0}};
    for (size_t k = 0; k < pairs; k++, u += 4 * NR) {
        int16_t x[2][2 * NR];
        for (size_t j = 0; j < NR; j++) {
            memcpy(x[0] + 2 * j, v + 2 * k, 4);
            memcpy(x[1] + 2 * j, w + 2 * k, 4);
        }
        for (size_t j = 0; j < (size_t)2 * NR; j++) sums[0][j] += (uint32_t)((int32_t)x[0][j] * u[j]);
        for (size_t j = 0; j < (size_t)2 * NR; j++) sums[1][j] += (uint32_t)((int32_t)x[1][j] * u[2 * NR + j]);
    }
    for (size_t j = 0; j < NR; j++) {
        a[j] = sums[0][2 * j] + sums[0][2 * j + 1];
        b[j] = sums[1][2 * j] + sums[1][2 * j + 1];
    }
}

/* A' M A at 16 columns. u: of their panel. */
static void outputs(const int16_t *v, size_t product, size_t pairs, const int16_t *u, const int32_t *bias,
                    uint32_t o[2][2][NR])
{
    for (size_t j = 0; j < NR; j++) o[0][0][j] = o[0][1][j] = o[1][0][j] = o[1][1][j] = (uint32_t)bias[j];
    for (size_t y = 0; y < 4; y++, v += 4 * product) {
        uint32_t m[4][NR];
        multiply(v + product, v + 2 * product, u, pairs, m[1], m[2]);
        multiply(v, v + 3 * product, u + 4 * NR * pairs, pairs, m[0], m[3]);
        u += 8 * NR * pairs;
        for (size_t j = 0; j < NR; j++) {
            const uint32_t left = m[0][j] + m[1][j] + m[2][j], right = m[1][j] - m[2][j] + m[3][j];
            if (y < 3) o[0][0][j] += left, o[0][1][j] += right;
            if (y == 1 || y == 3) o[1][0][j] += left, o[1][1][j] += right;
            if (y == 2) o[1][0][j] -= left, o[1][1][j] -= right;
        }
    }
}

static void store(const hn_wino_q8 *g, const uint32_t *sums, size_t at, size_t n0)
{
    const hn_q8_out e = *g->out; /* by value: bytes of Y could alias it */
    const size_t n = g->m - n0 < NR ? g->m - n0 : NR;
    for (size_t j = 0; j < n; j++) {
        const uint8_t r = g->r == NULL ? 0 : g->r[at + j];
        const int32_t sum = (int32_t)sums[j];
        if (e.kind == HN_Q8_F32)
            ((float *)g->y)[at + j] = hn_q8_float(sum, g->scale[n0 + j], e.t_lo, e.t_hi);
        else
            ((uint8_t *)g->y)[at + j] = hn_q8_finish(sum, g->scale[n0 + j], r, &e);
    }
}

static void wino(const hn_wino_q8 *g)
{
    const size_t an_image = g->down * g->across, product = hn_wino_q8_product(1, g->c),
                 panel = hn_wino_q8_words(2, g->c, NR);
    int16_t *v = g->scratch;
    for (size_t tile = g->first; tile < g->first + g->count; tile++) {
        const size_t image = tile / an_image, row = tile % an_image / g->across * 2, col = tile % g->across * 2;
        transform(g, g->x + image * g->h * g->w * g->c, (ptrdiff_t)row - g->pt, (ptrdiff_t)col - g->pl, v, product);
        for (size_t n0 = 0; n0 < g->m; n0 += NR) {
            uint32_t o[2][2][NR]; /* wrap */
            outputs(v, product, 8 * hn_wino_q8_blocks(g->c), g->u + n0 / NR * panel, g->bias + n0, o);
            for (size_t y = 0; y < 2 && row + y < g->oh; y++)
                for (size_t x = 0; x < 2 && col + x < g->ow; x++)
                    store(g, o[y][x], ((image * g->oh + row + y) * g->ow + col + x) * g->y_stride + n0, n0);
        }
    }
}

const hn_kernel hn_k_generic_wino_q8 = {.family = "wino_q8",
                                        .name = "generic_wino_q8_1x16",
                                        .isa = HN_ISA_GENERIC,
                                        .mr = 1,
                                        .nr = NR,
                                        .kr = 2,
                                        .variant = 2,
                                        .fn = (hn_kernel_fn *)wino};
