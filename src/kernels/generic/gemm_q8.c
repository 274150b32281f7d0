/* 8-bit GEMM in plain C: 4 rows by 16 columns of int32 sums. Complete and last. */
#include "kernels/gemm_q8.h"

enum { MR = 4, NR = 16 };

static void depth(const hn_gemm_q8 *g, const uint8_t *const *p, size_t rows, const int8_t *b, uint32_t (*acc)[NR])
{
    for (size_t k = 0; k < g->k; k += 4, b += 4 * NR)
        for (size_t r = 0; r < rows; r++)
            for (size_t i = 0; i < 4 && k + i < g->k; i++) {
                int32_t x = p[r][k + i] ^ (int32_t)(g->a_flip & 0xff);
                for (size_t j = 0; j < NR; j++) acc[r][j] += (uint32_t)(x * b[4 * j + i]);
            }
}

static void gemm(const hn_gemm_q8 *g)
{
    for (size_t i = 0; i < g->m; i += MR) {
        size_t rows = g->m - i < MR ? g->m - i : MR;
        uint32_t acc[MR][NR]; /* wraps */
        for (size_t r = 0; r < rows; r++)
            for (size_t j = 0; j < NR; j++)
                acc[r][j] = (uint32_t)g->bias[j] - (uint32_t)(g->row_sub ? g->row_sub[i + r] : 0);
        const int8_t *b = g->b;
        for (size_t t = 0; t < g->taps; t++) {
            const uint8_t *p[MR];
            for (size_t r = 0; r < rows; r++) p[r] = hn_gemm_q8_row(g, i + r, t);
            depth(g, p, rows, b, acc);
            b += hn_gemm_q8_b_bytes(1, g->k, NR);
        }
        hn_gemm_q8_finish(g, (const int32_t *)acc[0], NR, i, rows);
    }
}

const hn_kernel hn_k_generic_gemm_q8 = {.family = "gemm_q8",
                                        .name = "generic_gemm_q8_4x16",
                                        .isa = HN_ISA_GENERIC,
                                        .mr = MR,
                                        .nr = NR,
                                        .kr = 4,
                                        .fn = (hn_kernel_fn *)gemm};
