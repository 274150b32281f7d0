/* QuantizeLinear to 8 bits. */
#include "device/cpu/lib_q8axis.h"
#include "kernels/quant_q8.h"

static hn_status lower(hn_lower *c)
{
    return hn_q8axis_lower(c, HN_QUANT_Q8_QUANTIZE);
}

static const char *const ops[] = {"QuantizeLinear", NULL};

const hn_driver hn_cpu_quantize = {
    .name = "quantize", .doc = "f32 to 8-bit integers", .ops = ops, .rank = 10, .lower = lower, .run = hn_q8axis_run};
