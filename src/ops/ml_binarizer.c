/* Binarizer: 1 above a threshold, else 0. */
#include "ops/lib_ml.h"

static double above(double x, const double *p)
{
    return x > *p;
}

static hn_status ref(const hn_refargs *a)
{
    double threshold = hn_attr_float(a->node, "threshold", 0);
    return hn_ref_unary(a, &(hn_fn1){.fp = above}, &threshold);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_float(c, "threshold", 1);
    hn_case_flag(c, HN_CASE_NO_GRAD);
    hn_case_in(c, HN_F32, HN_DIMS(4), HN_VALS(0, 1, 2, 3));
    hn_case_want(c, HN_F32, HN_DIMS(4), HN_VALS(0, 0, 1, 1));
    hn_case(c, "default, rank 3");
    hn_case_rand(c, HN_F32, HN_DIMS(2, 1, 5), -4, 4);
    hn_case(c, "NaN and infinities");
    hn_case_flag(c, HN_CASE_ONE_TYPE | HN_CASE_NO_GRAD);
    hn_case_in(c, HN_F32, HN_DIMS(3), HN_VALS(NAN, HUGE_VAL, -HUGE_VAL));
    hn_case_want(c, HN_F32, HN_DIMS(3), HN_VALS(0, 1, 0));
    hn_case(c, "empty");
    hn_case_rand(c, HN_F32, HN_DIMS(0, 2), -1, 1);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"X", HN_T_ML, 'T', false}};
static const hn_port out[] = {{"Y", HN_T_ML, 'T', false}};
static const hn_attr_row attrs[] = {{"threshold", HN_ATTR_FLOAT, false, "0", "greatest value that gives 0"}, {0}};

const hn_op hn_op_ml_binarizer = {
    .name = "Binarizer",
    .domain = "ai.onnx.ml",
    .since = 1,
    .doc = "y = x > threshold ? 1 : 0. [0, 1, 2, 3] with threshold 1: [0, 0, 1, 1].",
    .flags = HN_OP_ELEMENTWISE,
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = hn_infer_same,
    .ref = ref,
    .grad_kind = HN_GRAD_ZERO,
    .cases = cases,
    .quant = "",
};
