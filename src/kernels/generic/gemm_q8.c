/* 8-bit GEMM in plain C: one row by 16 columns. Complete and last. */
#include <string.h>

#include "kernels/gemm_q8.h"

enum { MR = 1, NR = 16 };

/* One sum per packed byte, so that the loop is one multiplication of 16-bit words (a product fits) and one addition. */
static void depth(const hn_gemm_q8 *g, const uint8_t *p, const int8_t *b, uint32_t *acc)
{
    for (size_t k = 0; k < g->k; k += 4, b += 4 * NR) {
        int16_t x[4] = {0}, spread[4 * NR];
        for (size_t i = 0; i < 4 && k + i < g->k; i++) x[i] = (int16_t)(p[k + i] ^ (g->a_flip & 0xff));
        for (size_t j = 0; j < NR; j++) memcpy(spread + 4 * j, x, sizeof x);
        for (size_t j = 0; j < (size_t)4 * NR; j++) acc[j] += (uint32_t)(int32_t)(int16_t)(spread[j] * b[j]);
    }
}

static void gemm(const hn_gemm_q8 *g)
{
    size_t step = hn_gemm_q8_b_bytes(1, g->k, NR);
    for (size_t i = 0; i < g->m; i++) {
        uint32_t parts[4 * NR] = {0}, sums[NR]; /* wrap */
        for (size_t t = 0; t < g->taps; t++) depth(g, hn_gemm_q8_row(g, i, t), g->b + t * step, parts);
        uint32_t sub = (uint32_t)(g->row_sub ? g->row_sub[i] : 0);
        for (size_t j = 0; j < NR; j++)
            sums[j] =
                (uint32_t)g->bias[j] - sub + parts[4 * j] + parts[4 * j + 1] + parts[4 * j + 2] + parts[4 * j + 3];
        hn_gemm_q8_finish(g, (const int32_t *)sums, NR, i, 1);
    }
}

const hn_kernel hn_k_generic_gemm_q8 = {.family = "gemm_q8",
                                        .name = "generic_gemm_q8_1x16",
                                        .isa = HN_ISA_GENERIC,
                                        .mr = MR,
                                        .nr = NR,
                                        .kr = 4,
                                        .fn = (hn_kernel_fn *)gemm};
