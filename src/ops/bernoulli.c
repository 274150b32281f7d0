/* Bernoulli: 1 with the probability that the input says, else 0. */
#include "ops/lib_random.h"

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *p = a->in[0];
    size_t n = hn_tensor_elems(p);
    hn_draw d;
    hn_draw_init(&d, a);
    for (size_t i = 0; i < n; i++) {
        double v = hn_get_f64(p, i);
        if (!(v >= 0 && v <= 1))
            return hn_op_fail(a->env, a->node, "element %zu is %g, a probability is in [0, 1]", i, v);
        hn_set_i64(a->out[0], i, hn_draw_bernoulli(&d, v));
    }
    return HN_OK;
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_float(c, "seed", 7);
    hn_case_flag(c, HN_CASE_NO_GRAD);
    hn_case_in(c, HN_F64, HN_DIMS(8), HN_VALS(0, 0.1, 0.5, 0.9, 1, 0.3, 0.7, 0.5));
    hn_case_want(c, HN_F64, HN_DIMS(8), HN_VALS(0, 0, 0, 1, 1, 0, 1, 0));
    hn_case(c, "as bool, without a seed");
    hn_case_int(c, "dtype", HN_BOOL);
    hn_case_flag(c, HN_CASE_NO_GRAD);
    hn_case_in(c, HN_F32, HN_DIMS(2, 2), HN_VALS(0, 1, 1, 0));
    hn_case_want(c, HN_BOOL, HN_DIMS(2, 2), HN_VALS(0, 1, 1, 0));
    hn_case(c, "empty");
    hn_case_in(c, HN_F32, HN_DIMS(0), NULL);
    hn_case(c, "more than certain");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_in(c, HN_F32, HN_DIMS(1), HN_VALS(1.5));
    return hn_cases_status(c);
}

static const hn_port in[] = {{"input", HN_T_FLOAT, 0, false}};
static const hn_port out[] = {{"output", HN_T_NUM | HN_T_BOOL, 0, false}};
static const hn_attr_row attrs[] = {
    {"dtype", HN_ATTR_INT, false, NULL, "element type; default: that of the input"},
    {"seed", HN_ATTR_FLOAT, false, NULL, "of MT19937; default: the run's seed"},
    {0},
};
const hn_op hn_op_bernoulli = {
    .name = "Bernoulli",
    .domain = "",
    .since = 22,
    .doc = "y[i] = 1 with probability x[i], else 0; a seed gives the numbers of NumPy's RandomState(seed).binomial(1, "
           "x). x = [0, 0.1, 0.5, 0.9, 1, 0.3, 0.7, 0.5] in f64, seed 7: [0, 0, 0, 1, 1, 0, 1, 0].",
    .flags = HN_OP_RANDOM,
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = hn_infer_random_like,
    .ref = ref,
    .grad_kind = HN_GRAD_ZERO,
    .cases = cases,
    .quant = "",
};
