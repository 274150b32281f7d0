/* Table look-up of bytes; 8 at a time, so that stores are whole words. */
#include <string.h>

#include "kernels/lut_q8.h"

static void lut(size_t n, const uint8_t *x, const uint8_t *table, uint8_t *y)
{
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        uint8_t v[8];
        for (size_t k = 0; k < 8; k++) v[k] = table[x[i + k]];
        memcpy(y + i, v, 8);
    }
    for (; i < n; i++) y[i] = table[x[i]];
}

const hn_kernel hn_k_generic_lut_q8 = {
    .family = "lut_q8", .name = "generic_lut_q8", .isa = HN_ISA_GENERIC, .fn = (hn_kernel_fn *)lut};
