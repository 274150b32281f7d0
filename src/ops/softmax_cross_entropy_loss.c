/* SoftmaxCrossEntropyLoss: the negative log likelihood of LogSoftmax(scores) along the classes, axis 1. */
#include "ops/lib_loss.h"

enum { SCORES, LABELS, WEIGHTS };

static hn_status infer(hn_infer *c)
{
    hn_nn_like(c, 1, SCORES);
    return hn_infer_loss(c);
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *log_prob = hn_nn_out(a, 1);
    hn_nn_split s = hn_nn_split_at(a->in[SCORES], 1);
    double *x;
    HN_TRY(hn_nn_load(a, SCORES, &x));
    for (size_t i = 0; i < s.outer * s.inner; i++) {
        double *row = x + i / s.inner * s.len * s.inner + i % s.inner, max = -HUGE_VAL, sum = 0;
        for (size_t j = 0; j < s.len; j++) max = fmax(max, row[j * s.inner]);
        for (size_t j = 0; j < s.len; j++) sum += exp(row[j * s.inner] - max);
        for (size_t j = 0; j < s.len; j++) row[j * s.inner] -= max + log(sum);
    }
    if (log_prob) hn_nn_store(log_prob, x);
    return hn_ref_loss(a, x);
}

static hn_status decompose(hn_rw *rw, const hn_node *n, hn_value **out)
{
    const hn_attr *ignore = hn_node_attr(n, "ignore_index");
    hn_value *log_prob = hn_rw_op(rw, "LogSoftmax", 1, &n->in[SCORES], (const hn_rw_attr[]){HN_A_INT("axis", 1), {0}});
    hn_value *in[] = {log_prob, n->in[LABELS], hn_node_in(n, WEIGHTS)};
    hn_rw_attr attrs[3] = {HN_A_STR("reduction", hn_attr_is(n, "reduction", "none")  ? "none"
                                                 : hn_attr_is(n, "reduction", "sum") ? "sum"
                                                                                     : "mean")};
    if (ignore) attrs[1] = (hn_rw_attr)HN_A_INT("ignore_index", ignore->u.i);
    out[0] = hn_rw_op(rw, "NegativeLogLikelihoodLoss", in[WEIGHTS] ? 3 : 2, in, attrs);
    if (n->nout > 1) out[1] = log_prob;
    return hn_rw_status(rw);
}

static void cost(const hn_node *n, hn_cost *cost)
{
    hn_nn_cost_per_elem(n, cost, 5);
}

static void shapes(hn_cases *c, const char *name, const char *reduction, bool weight)
{
    hn_case(c, name);
    hn_case_string(c, "reduction", reduction);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3, 2), -3, 3);
    hn_case_in_i64(c, HN_DIMS(2, 2), (int64_t[]){2, 0, 1, 1});
    if (weight) hn_case_rand(c, HN_F32, HN_DIMS(3), 0.2, 1);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_flag(c, HN_CASE_INEXACT);
    hn_case_in(c, HN_F32, HN_DIMS(1, 2), HN_VALS(0, 0));
    hn_case_in_i64(c, HN_DIMS(1), (int64_t[]){1});
    hn_case_want(c, HN_F32, HN_NO_DIMS, HN_VALS(0.69314718));
    hn_case_want(c, HN_F32, HN_DIMS(1, 2), HN_VALS(-0.69314718, -0.69314718));
    shapes(c, "mean", "mean", false);
    shapes(c, "sum, weighted", "sum", true);
    shapes(c, "each", "none", false);
    hn_case_nout(c, 1);
    shapes(c, "mean, weighted, one ignored", "mean", true);
    hn_case_int(c, "ignore_index", 1);
    hn_case(c, "ignored class outside, [N, C]");
    hn_case_int(c, "ignore_index", 10);
    hn_case_rand(c, HN_F32, HN_DIMS(3, 4), -3, 3);
    hn_case_in_i64(c, HN_DIMS(3), (int64_t[]){3, 10, 0});
    hn_case(c, "no samples");
    hn_case_string(c, "reduction", "sum");
    hn_case_rand(c, HN_F32, HN_DIMS(0, 4), -3, 0);
    hn_case_in_i64(c, HN_DIMS(0), NULL);
    hn_case(c, "label outside");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 4), -3, 0);
    hn_case_in_i64(c, HN_DIMS(1), (int64_t[]){-1});
    hn_case(c, "reduction");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_string(c, "reduction", "avg");
    hn_case_rand(c, HN_F32, HN_DIMS(1, 4), -3, 0);
    hn_case_in_i64(c, HN_DIMS(1), (int64_t[]){1});
    return hn_cases_status(c);
}

static const hn_port in[] = {
    {"scores", HN_T_FLOAT, 'T', false}, {"labels", HN_T_I32I64, 0, false}, {"weights", HN_T_FLOAT, 'T', true}};
static const hn_port out[] = {{"output", HN_T_FLOAT, 'T', false}, {"log_prob", HN_T_FLOAT, 'T', true}};
static const hn_attr_row attrs[] = {
    {"ignore_index", HN_ATTR_INT, false, NULL, "labels equal to it count for nothing"},
    {"reduction", HN_ATTR_STRING, false, "mean", "none, sum, or mean: the sum over the sum of weights"},
    {0},
};

const hn_op hn_op_softmax_cross_entropy_loss = {
    .name = "SoftmaxCrossEntropyLoss",
    .domain = "",
    .since = 13,
    .doc =
        "log_prob = LogSoftmax(scores, axis 1); output = NegativeLogLikelihoodLoss(log_prob, labels, weights). scores "
        "= [[0, 0]], labels = [1]: 0.6931, [[-0.6931, -0.6931]].",
    HN_PORTS(in, 2, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    .grad_kind = HN_GRAD_DECOMPOSE,
    .cost = cost,
    .decompose = decompose,
    .cases = cases,
    .quant = "",
};
