/* HammingWindow: a raised cosine on a small pedestal. */
#include "ops/lib_signal.h"

static hn_status ref(const hn_refargs *a)
{
    return hn_signal_window(a, 25.0 / 46, 21.0 / 46, 0);
}

static hn_status cases(hn_cases *c)
{
    return hn_signal_window_cases(c, HN_VALS(0.0869565, 0.5434783, 1, 0.5434783, 0.0869565));
}

static const hn_port in[] = {{"size", HN_T_I32I64, 0, false}};
static const hn_port out[] = {{"output", HN_T_NUM, 0, false}};
static const hn_attr_row attrs[] = {
    HN_SIGNAL_DTYPE, {"periodic", HN_ATTR_INT, false, "1", "0: symmetric, n = size - 1"}, {0}};

const hn_op hn_op_hamming_window = {
    .name = "HammingWindow",
    .domain = "",
    .since = 17,
    .doc = "y[k] = 25/46 - 21/46 cos(2 pi k / n) for k < size, n = size, or size - 1 when not periodic. "
           "Not periodic, size 5: [0.0869565, 0.5434783, 1, 0.5434783, 0.0869565].",
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = hn_signal_window_infer,
    .ref = ref,
    .grad_kind = HN_GRAD_ZERO,
    .cases = cases,
    .quant = "",
};
