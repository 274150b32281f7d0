/* RandomNormalLike: random numbers in the shape of another tensor. */
#include "ops/lib_random.h"

static hn_status cases(hn_cases *c)
{
    const hn_random_cases r = {{"mean", "scale"},
                               {1, 2},
                               HN_VALS(1.764052345967664, 0.4001572083672233, 0.9787379841057392),
                               HN_VALS(4.57725715637207, 1.8730196952819824, 1.1929949522018433, -2.726985454559326)};
    return hn_random_like_cases(c, &r);
}

static const hn_port in[] = {{"input", HN_T_MOVE, 0, false}};
static const hn_port out[] = {{"output", HN_T_FLOAT, 0, false}};
static const hn_attr_row attrs[] = {
    {"dtype", HN_ATTR_INT, false, NULL, "element type; default: that of the input"},
    {"mean", HN_ATTR_FLOAT, false, "0", "mean"},
    {"scale", HN_ATTR_FLOAT, false, "1", "standard deviation"},
    {"seed", HN_ATTR_FLOAT, false, NULL, "of MT19937; default: the run's seed"},
    {0},
};
const hn_op hn_op_random_normal_like = {
    .name = "RandomNormalLike",
    .domain = "",
    .since = 22,
    .doc = "y[i] normal with the given mean and standard deviation (scale), in the shape of x; a seed gives the "
           "numbers of NumPy's RandomState(seed). x of shape [3], seed 0: [1.7641, 0.4002, 0.9787].",
    .flags = HN_OP_RANDOM,
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = hn_infer_random_like,
    .ref = hn_ref_random_normal,
    .grad_kind = HN_GRAD_ZERO,
    .cases = cases,
    .quant = "",
};
