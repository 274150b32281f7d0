/* Sums of rows in plain C. */
#include "kernels/sums_q8.h"

static void sums(const hn_gemm_q8 *g, int32_t factor, int32_t *sub)
{
    const uint8_t flip = (uint8_t)(g->a_flip & 0xff);
    for (size_t i = 0; i < g->m; i++) {
        uint32_t sum = 0;
        for (size_t t = 0; t < g->taps; t++) {
            const uint8_t *p = hn_gemm_q8_row(g, i, t);
            for (size_t k = 0; k < g->k; k++) sum += (uint8_t)(p[k] ^ flip);
        }
        sub[i] = (int32_t)(sum * (uint32_t)factor);
    }
}

const hn_kernel hn_k_generic_sums_q8 = {
    .family = "sums_q8", .name = "generic_sums_q8", .rank = 0, .fn = (hn_kernel_fn *)sums};
