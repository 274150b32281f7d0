/* Normalizer: each row over its maximum, its sum of absolute values, or its Euclidean length. */
#include "ops/lib_ml.h"

typedef enum norm { MAX, L1, L2, UNKNOWN } norm;

static norm norm_of(const hn_node *n)
{
    return hn_attr_is(n, "norm", "MAX")  ? MAX
           : hn_attr_is(n, "norm", "L1") ? L1
           : hn_attr_is(n, "norm", "L2") ? L2
                                         : UNKNOWN;
}

static hn_status infer(hn_infer *c)
{
    int64_t rows, features;
    HN_TRY(hn_ml_rows(c, &rows, &features));
    if (norm_of(c->node) == UNKNOWN) return hn_op_fail(c->env, c->node, "norm is none of MAX, L1, L2");
    c->out[0] = *c->in[0];
    c->out[0].dtype = HN_F32;
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *x = a->in[0];
    norm kind = norm_of(a->node);
    double *v;
    size_t features = (size_t)x->dims[x->rank - 1], n = hn_tensor_elems(x);
    HN_TRY(hn_nn_load(a, 0, &v));
    for (size_t at = 0; at < n; at += features) {
        double by = kind == MAX ? -HUGE_VAL : 0;
        for (size_t i = 0; i < features; i++) {
            double e = v[at + i];
            by = kind == MAX ? fmax(by, e) : by + (kind == L1 ? fabs(e) : e * e);
        }
        if (kind == L2) by = sqrt(by);
        for (size_t i = 0; by != 0 && i < features; i++) v[at + i] /= by;
    }
    hn_nn_store(a->out[0], v);
    return HN_OK;
}

static hn_status decompose(hn_rw *rw, const hn_node *n, hn_value **out)
{
    static const char *const reduce[] = {"ReduceMax", "ReduceL1", "ReduceL2"};
    hn_value *x = n->in[0];
    hn_dtype t = x->type.dtype == HN_F32 ? HN_F32 : HN_F64;
    x = hn_rw_op(rw, "Cast", 1, &x, (const hn_rw_attr[]){HN_A_INT("to", t), {0}});
    hn_value *in[] = {x, hn_rw_ints(rw, (int64_t[]){-1}, 1)};
    hn_value *by = hn_rw_op(rw, reduce[norm_of(n)], 2, in, NULL);
    hn_value *none = hn_rw_2(rw, "Equal", by, hn_rw_scalar(rw, t, 0));
    hn_value *y = hn_rw_2(rw, "Div", x, hn_rw_3(rw, "Where", none, hn_rw_scalar(rw, t, 1), by));
    out[0] = hn_rw_op(rw, "Cast", 1, &y, (const hn_rw_attr[]){HN_A_INT("to", HN_F32), {0}});
    return hn_rw_status(rw);
}

static void cost(const hn_node *n, hn_cost *cost)
{
    hn_nn_cost_per_elem(n, cost, 3);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_string(c, "norm", "L1");
    hn_case_flag(c, HN_CASE_NO_GRAD);
    hn_case_in(c, HN_F32, HN_DIMS(2, 2), HN_VALS(1, -3, 0, 0));
    hn_case_want(c, HN_F32, HN_DIMS(2, 2), HN_VALS(0.25, -0.75, 0, 0));
    hn_case(c, "maximum, not of absolute values");
    hn_case_flag(c, HN_CASE_NO_GRAD);
    hn_case_in(c, HN_F32, HN_DIMS(2, 3), HN_VALS(1, -3, 2, -1, -2, -4));
    hn_case_want(c, HN_F32, HN_DIMS(2, 3), HN_VALS(0.5, -1.5, 1, 1, 2, 4));
    static const char *const names[] = {"MAX", "L1", "L2"};
    for (int k = 0; k < 3; k++) {
        hn_case(c, names[k]);
        hn_case_string(c, "norm", names[k]);
        hn_case_rand(c, HN_F32, HN_DIMS(2, 4), -5, 5);
    }
    hn_case(c, "vector");
    hn_case_string(c, "norm", "L2");
    hn_case_in(c, HN_F32, HN_DIMS(2), HN_VALS(3, -4));
    hn_case_want(c, HN_F32, HN_DIMS(2), HN_VALS(0.6, -0.8));
    hn_case(c, "no rows");
    hn_case_rand(c, HN_F32, HN_DIMS(0, 4), -5, 5);
    hn_case(c, "another norm");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_string(c, "norm", "L3");
    hn_case_rand(c, HN_F32, HN_DIMS(1, 4), -5, 5);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"X", HN_T_ML, 'T', false}};
static const hn_port out[] = {{"Y", HN_BIT(HN_F32), 0, false}};
static const hn_attr_row attrs[] = {{"norm", HN_ATTR_STRING, false, "MAX", "MAX, L1 or L2"}, {0}};

const hn_op hn_op_ml_normalizer = {
    .name = "Normalizer",
    .domain = "ai.onnx.ml",
    .since = 1,
    .doc =
        "y = x / d per row, as f32, with d = max(x) (MAX), sum |x| (L1) or sqrt(sum x^2) (L2); rows with d = 0 stay. "
        "[[1, -3], [0, 0]] with L1: [[0.25, -0.75], [0, 0]].",
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    .grad_kind = HN_GRAD_DECOMPOSE,
    .cost = cost,
    .decompose = decompose,
    .cases = cases,
    .quant = "",
};
