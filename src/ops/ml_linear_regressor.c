/* LinearRegressor: dot products with the coefficients of each target, plus intercepts. */
#include "ops/lib_ml.h"

typedef struct linear {
    hn_ml_post post;
    size_t targets, features, intercepts;
    const double *w, *b;
} linear;

static hn_status read_linear(hn_env *env, const hn_node *n, int64_t features, linear *l)
{
    int64_t targets = hn_attr_int(n, "targets", 1);
    size_t count;
    HN_TRY(hn_ml_post_of(env, n, &l->post));
    HN_TRY(hn_ml_floats(env, n, "coefficients", 0, &l->w, &count));
    HN_TRY(hn_ml_floats(env, n, "intercepts", 0, &l->b, &l->intercepts));
    if (targets < 1 || (size_t)targets > count)
        return hn_op_fail(env, n, "%lld targets with %zu coefficients", (long long)targets, count);
    l->targets = (size_t)targets;
    l->features = count / l->targets;
    if (l->features * l->targets != count || (features >= 0 && (size_t)features != l->features))
        return hn_op_fail(env, n, "%zu coefficients for %zu targets of %lld features", count, l->targets,
                          (long long)features);
    if (l->intercepts != 0 && l->intercepts != l->targets)
        return hn_op_fail(env, n, "%zu intercepts for %zu targets", l->intercepts, l->targets);
    return HN_OK;
}

static hn_status infer(hn_infer *c)
{
    int64_t rows, features;
    linear l;
    HN_TRY(hn_ml_rows(c, &rows, &features));
    HN_TRY(read_linear(c->env, c->node, features, &l));
    c->out[0] = hn_type_tensor(HN_F32, 2, (const int64_t[]){rows, (int64_t)l.targets});
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *x = a->in[0], *y = a->out[0];
    linear l;
    double *row, *score;
    HN_TRY(read_linear(a->env, a->node, x->dims[x->rank - 1], &l));
    HN_TRY(hn_nn_new(a, l.features, &row));
    HN_TRY(hn_nn_new(a, l.targets, &score));
    for (size_t r = 0, rows = (size_t)y->dims[0]; r < rows; r++) {
        hn_ml_row(x, l.features, r, row);
        for (size_t t = 0; t < l.targets; t++) {
            score[t] = l.intercepts ? l.b[t] : 0;
            for (size_t i = 0; i < l.features; i++) score[t] += row[i] * l.w[t * l.features + i];
        }
        hn_ml_post_row(l.post, score, l.targets);
        for (size_t t = 0; t < l.targets; t++) hn_set_f64(y, r * l.targets + t, score[t]);
    }
    return HN_OK;
}

static hn_value *numbers(hn_rw *rw, hn_dtype t, int rank, const int64_t *dims, const double *v)
{
    hn_tensor *c;
    hn_value *x = hn_rw_const_new(rw, t, rank, dims, &c);
    for (size_t i = 0, n = x ? hn_tensor_elems(c) : 0; i < n; i++) hn_set_f64(c, i, v[i]);
    return x;
}

static hn_status decompose(hn_rw *rw, const hn_node *n, hn_value **out)
{
    hn_value *x = n->in[0];
    hn_dtype t = x->type.dtype == HN_F32 ? HN_F32 : HN_F64;
    linear l;
    HN_TRY(read_linear(rw->graph->env, n, x->type.dims[x->type.rank - 1], &l));
    if (l.targets > 1 && (l.post == HN_ML_SOFTMAX_ZERO || l.post == HN_ML_PROBIT))
        return hn_op_unsupported(rw->graph->env, n, "SOFTMAX_ZERO and PROBIT cannot be said in other operators");
    x = hn_rw_op(rw, "Cast", 1, &x, (const hn_rw_attr[]){HN_A_INT("to", t), {0}});
    if (x && x->type.rank == 1) x = hn_rw_reshape(rw, x, 2, (int64_t[]){1, -1});
    hn_value *w = numbers(rw, t, 2, (int64_t[]){(int64_t)l.targets, (int64_t)l.features}, l.w);
    hn_value *y = hn_rw_2(rw, "MatMul", x, w ? hn_rw_transpose(rw, w, (int64_t[]){1, 0}, 2) : NULL);
    if (l.intercepts) y = hn_rw_2(rw, "Add", y, numbers(rw, t, 1, (int64_t[]){(int64_t)l.targets}, l.b));
    if (l.targets > 1 && l.post == HN_ML_SOFTMAX)
        y = hn_rw_op(rw, "Softmax", 1, &y, (const hn_rw_attr[]){HN_A_INT("axis", 1), {0}});
    if (l.targets > 1 && l.post == HN_ML_LOGISTIC) y = hn_rw_1(rw, "Sigmoid", y);
    if (l.targets == 1 && l.post == HN_ML_PROBIT)
        return hn_op_unsupported(rw->graph->env, n, "PROBIT cannot be said in other operators");
    out[0] = hn_rw_op(rw, "Cast", 1, &y, (const hn_rw_attr[]){HN_A_INT("to", HN_F32), {0}});
    return hn_rw_status(rw);
}

static void cost(const hn_node *n, hn_cost *cost)
{
    const double *w;
    double rows = (double)n->out[0]->type.dims[0], count = (double)hn_attr_floats(n, "coefficients", &w);
    *cost = (hn_cost){.flops = 2 * rows * count, .macs = rows * count, .bytes = hn_nn_bytes(n) + 4 * count};
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_floats(c, "coefficients", 2, HN_VALS(2, 3));
    hn_case_floats(c, "intercepts", 1, HN_VALS(0.5));
    hn_case_in(c, HN_F32, HN_DIMS(2, 2), HN_VALS(1, 1, -1, 2));
    hn_case_want(c, HN_F32, HN_DIMS(2, 1), HN_VALS(5.5, 4.5));
    static const char *const posts[] = {"NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT"};
    for (int k = 0; k < 3; k++) {
        hn_case(c, posts[k]);
        hn_case_int(c, "targets", 2);
        hn_case_string(c, "post_transform", posts[k]);
        hn_case_floats(c, "coefficients", 6, HN_VALS(0.3, 0.2, 0.1, -0.4, 0.5, 0.6));
        hn_case_floats(c, "intercepts", 2, HN_VALS(0.1, 0.2));
        hn_case_rand(c, HN_F32, HN_DIMS(3, 3), -2, 2);
    }
    /* The values are ONNX Runtime's. */
    hn_case(c, "softmax that keeps zeros");
    hn_case_flag(c, HN_CASE_INEXACT | HN_CASE_ONE_TYPE | HN_CASE_NO_EXPAND | HN_CASE_NO_GRAD);
    hn_case_int(c, "targets", 3);
    hn_case_string(c, "post_transform", posts[3]);
    hn_case_floats(c, "coefficients", 6, HN_VALS(0.3, 0.2, -0.1, 0.4, 0.2, 0.1));
    hn_case_floats(c, "intercepts", 3, HN_VALS(0.1, 0, 0.3));
    hn_case_in(c, HN_F32, HN_DIMS(2, 2), HN_VALS(1, 2, 0, 0));
    hn_case_want(c, HN_F32, HN_DIMS(2, 3), HN_VALS(0.35591307, 0.32204345, 0.32204345, 0.450166, 0, 0.549834));
    hn_case(c, "probit");
    hn_case_flag(c, HN_CASE_INEXACT | HN_CASE_ONE_TYPE | HN_CASE_NO_EXPAND | HN_CASE_NO_GRAD);
    hn_case_string(c, "post_transform", posts[4]);
    hn_case_floats(c, "coefficients", 2, HN_VALS(0.3, 0.2));
    hn_case_floats(c, "intercepts", 1, HN_VALS(0.1));
    hn_case_in(c, HN_F32, HN_DIMS(2, 2), HN_VALS(1, 2, 0, 0));
    hn_case_want(c, HN_F32, HN_DIMS(2, 1), HN_VALS(0.8417561, -1.2817129));
    hn_case(c, "vector, no intercept");
    hn_case_floats(c, "coefficients", 2, HN_VALS(0.3, 0.2));
    hn_case_rand(c, HN_F32, HN_DIMS(2), -2, 2);
    hn_case(c, "no rows");
    hn_case_floats(c, "coefficients", 2, HN_VALS(0.3, 0.2));
    hn_case_rand(c, HN_F32, HN_DIMS(0, 2), -2, 2);
    hn_case(c, "too many features");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_floats(c, "coefficients", 2, HN_VALS(0.3, 0.2));
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3), -2, 2);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"X", HN_T_ML, 'T', false}};
static const hn_port out[] = {{"Y", HN_BIT(HN_F32), 0, false}};
static const hn_attr_row attrs[] = {
    {"coefficients", HN_ATTR_FLOATS, true, NULL, "[targets, F]"},
    {"intercepts", HN_ATTR_FLOATS, false, NULL, "one per target"},
    {"post_transform", HN_ATTR_STRING, false, "NONE",
     "of the scores: NONE, SOFTMAX, LOGISTIC, SOFTMAX_ZERO or PROBIT; a single score takes PROBIT only"},
    {"targets", HN_ATTR_INT, false, "1", "number of targets"},
    {0},
};

const hn_op hn_op_ml_linear_regressor = {
    .name = "LinearRegressor",
    .domain = "ai.onnx.ml",
    .since = 1,
    .doc = "y[n, t] = sum_f x[n, f] w[t, f] + b[t], then post_transform. [[1, 1], [-1, 2]] with w = [2, 3], b = [0.5]: "
           "[[5.5], [4.5]].",
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
