/* Planes of bytes to pixels, in plain C. */
#include "kernels/planes_q8.h"

static void planes(size_t n, size_t c, const uint8_t *x, size_t plane, uint8_t *y)
{
    hn_planes_q8_plain(0, n, c, x, plane, y);
}

const hn_kernel hn_k_generic_planes_q8 = {
    .family = "planes_q8", .name = "generic_planes_q8", .isa = HN_ISA_GENERIC, .rank = 0, .fn = (hn_kernel_fn *)planes};
