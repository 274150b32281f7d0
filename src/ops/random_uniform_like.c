/* RandomUniformLike: random numbers in the shape of another tensor. */
#include "ops/lib_random.h"

static hn_status cases(hn_cases *c)
{
    const hn_random_cases r = {
        {"low", "high"},
        {-2, 5},
        HN_VALS(0.5488135039, 0.7151893664, 0.6027633761),
        HN_VALS(1.8555850982666016, 2.9570345878601074, 0.03633308410644531, 1.5757932662963867)};
    return hn_random_like_cases(c, &r);
}

static const hn_port in[] = {{"input", HN_T_MOVE, 0, false}};
static const hn_port out[] = {{"output", HN_T_FLOAT, 0, false}};
static const hn_attr_row attrs[] = {
    {"dtype", HN_ATTR_INT, false, NULL, "element type; default: that of the input"},
    {"low", HN_ATTR_FLOAT, false, "0", "least value"},
    {"high", HN_ATTR_FLOAT, false, "1", "bound of the values"},
    {"seed", HN_ATTR_FLOAT, false, NULL, "of MT19937; default: the run's seed"},
    {0},
};
const hn_op hn_op_random_uniform_like = {
    .name = "RandomUniformLike",
    .domain = "",
    .since = 22,
    .doc = "y[i] uniform in [low, high), in the shape of x; a seed gives the numbers of NumPy's RandomState(seed). x "
           "of shape [3], seed 0: [0.5488, 0.7152, 0.6028].",
    .flags = HN_OP_RANDOM,
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = hn_infer_random_like,
    .ref = hn_ref_random_uniform,
    .grad_kind = HN_GRAD_ZERO,
    .cases = cases,
    .quant = "",
};
