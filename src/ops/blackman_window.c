/* BlackmanWindow: a sum of two cosines with low side lobes. */
#include "ops/lib_signal.h"

static hn_status ref(const hn_refargs *a)
{
    return hn_signal_window(a, 0.42, 0.5, 0.08);
}

static hn_status cases(hn_cases *c)
{
    return hn_signal_window_cases(c, HN_VALS(0, 0.34, 1, 0.34, 0));
}

static const hn_port in[] = {{"size", HN_T_I32I64, 0, false}};
static const hn_port out[] = {{"output", HN_T_NUM, 0, false}};
static const hn_attr_row attrs[] = {
    HN_SIGNAL_DTYPE, {"periodic", HN_ATTR_INT, false, "1", "0: symmetric, n = size - 1"}, {0}};

const hn_op hn_op_blackman_window = {
    .name = "BlackmanWindow",
    .domain = "",
    .since = 17,
    .doc = "y[k] = 0.42 - 0.5 cos(2 pi k / n) + 0.08 cos(4 pi k / n) for k < size, n = size, or size - 1 when not "
           "periodic. "
           "Not periodic, size 5: [0, 0.34, 1, 0.34, 0].",
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = hn_signal_window_infer,
    .ref = ref,
    .grad_kind = HN_GRAD_ZERO,
    .cases = cases,
    .quant = "",
};
