/* A run of bytes cut by phase in plain C. */
#include "kernels/phases_q8.h"

static void phases(size_t n, size_t step, const uint8_t *x, uint8_t *y, size_t ld)
{
    hn_phases_q8_plain(n, step, x, y, ld);
}

const hn_kernel hn_k_generic_phases_q8 = {
    .family = "phases_q8", .name = "generic_phases_q8", .rank = 0, .fn = (hn_kernel_fn *)phases};
