/* SVMRegressor: weighted kernels with the support vectors; or, as a one-class machine, on which side of the surface. */
#include "ops/lib_svm.h"

static hn_status read_svm(hn_env *env, const hn_node *n, int64_t features, hn_svm *s)
{
    HN_TRY(hn_svm_read(env, n, hn_attr_int(n, "n_supports", 0), 1, features, s));
    if (s->vectors && s->coefficients != s->vectors)
        return hn_op_fail(env, n, "%zu coefficients for %zu support vectors", s->coefficients, s->vectors);
    return HN_OK;
}

static hn_status infer(hn_infer *c)
{
    int64_t rows, features;
    hn_svm s;
    HN_TRY(hn_ml_rows(c, &rows, &features));
    HN_TRY(read_svm(c->env, c->node, features, &s));
    c->out[0] = hn_type_tensor(HN_F32, 2, (const int64_t[]){rows, 1});
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *x = a->in[0], *y = a->out[0];
    bool one_class = hn_attr_int(a->node, "one_class", 0) != 0;
    hn_svm s;
    double *row, *k;
    HN_TRY(read_svm(a->env, a->node, x->dims[x->rank - 1], &s));
    HN_TRY(hn_nn_new(a, s.features, &row));
    HN_TRY(hn_nn_new(a, s.vectors, &k));
    for (size_t r = 0, rows = (size_t)y->dims[0]; r < rows; r++) {
        double sum = s.rhos ? s.rho[0] : 0;
        hn_ml_row(x, s.features, r, row);
        hn_svm_kernels(&s, row, k);
        for (size_t v = 0; v < s.vectors; v++) sum += s.coefficient[v] * k[v];
        if (!s.vectors) sum += hn_svm_kernel(&s, row, s.coefficient);
        if (one_class)
            sum = sum > 0 ? 1 : -1;
        else
            hn_ml_post_row(s.post, &sum, 1);
        hn_set_f64(y, r, sum);
    }
    return HN_OK;
}

static void cost(const hn_node *n, hn_cost *cost)
{
    const double *v;
    double rows = (double)n->out[0]->type.dims[0];
    double count = (double)(hn_attr_floats(n, "support_vectors", &v) + hn_attr_floats(n, "coefficients", &v));
    *cost = (hn_cost){.flops = 2 * rows * count, .macs = rows * count, .bytes = hn_nn_bytes(n) + 4 * count};
}

static void machine(hn_cases *c, const char *name, const char *kernel, const double *y)
{
    hn_case(c, name);
    hn_case_flag(c, HN_CASE_INEXACT | HN_CASE_ONE_TYPE);
    hn_case_string(c, "kernel_type", kernel);
    hn_case_floats(c, "kernel_params", 3, HN_VALS(0.5, 0.25, 3));
    hn_case_int(c, "n_supports", 3);
    hn_case_floats(c, "support_vectors", 6, HN_VALS(1, 1, -1, 0, 0, -1));
    hn_case_floats(c, "coefficients", 3, HN_VALS(0.5, -0.25, -1));
    hn_case_floats(c, "rho", 1, HN_VALS(0.1));
    hn_case_in(c, HN_F32, HN_DIMS(3, 2), HN_VALS(1, 2, -1, -2, 0.5, -0.5));
    hn_case_want(c, HN_F32, HN_DIMS(3, 1), y);
}

/* Expected values are ONNX Runtime's. */
static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_floats(c, "coefficients", 2, HN_VALS(0.5, -0.25));
    hn_case_floats(c, "rho", 1, HN_VALS(0.5));
    hn_case_in(c, HN_F32, HN_DIMS(2, 2), HN_VALS(1, 2, 2, 0));
    hn_case_want(c, HN_F32, HN_DIMS(2, 1), HN_VALS(0.5, 1.5));
    machine(c, "rbf", "RBF", HN_VALS(0.39195, -0.30096, -0.60717));
    machine(c, "poly", "POLY", HN_VALS(3.20547, -2.93516, -0.01719));
    machine(c, "sigmoid", "SIGMOID", HN_VALS(1.26707, -1.33121, -0.23966));
    machine(c, "linear", "LINEAR", HN_VALS(3.85, -3.65, -0.275));
    machine(c, "one class", "RBF", HN_VALS(1, -1, -1));
    hn_case_int(c, "one_class", 1);
    hn_case(c, "no rows");
    hn_case_floats(c, "coefficients", 2, HN_VALS(0.5, -0.25));
    hn_case_rand(c, HN_F32, HN_DIMS(0, 2), -1, 1);
    hn_case(c, "too few support vectors");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_int(c, "n_supports", 2);
    hn_case_floats(c, "support_vectors", 3, HN_VALS(1, 1, -1));
    hn_case_floats(c, "coefficients", 2, HN_VALS(0.5, -0.25));
    hn_case_rand(c, HN_F32, HN_DIMS(1, 2), -1, 1);
    hn_case(c, "no such kernel");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_string(c, "kernel_type", "CUBIC");
    hn_case_floats(c, "coefficients", 2, HN_VALS(0.5, -0.25));
    hn_case_rand(c, HN_F32, HN_DIMS(1, 2), -1, 1);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"X", HN_T_ML, 0, false}};
static const hn_port out[] = {{"Y", HN_BIT(HN_F32), 0, false}};
static const hn_attr_row attrs[] = {
    {"coefficients", HN_ATTR_FLOATS, true, NULL, "one per support vector; without these one per feature"},
    {"kernel_params", HN_ATTR_FLOATS, false, NULL, "gamma, coef0, degree"},
    {"kernel_type", HN_ATTR_STRING, false, "LINEAR", "LINEAR, POLY, RBF or SIGMOID"},
    {"n_supports", HN_ATTR_INT, false, "0", "number of support vectors"},
    {"one_class", HN_ATTR_INT, false, "0", "1: the result is 1 above zero and -1 else"},
    {"post_transform", HN_ATTR_STRING, false, "NONE", "a single score takes PROBIT only"},
    {"rho", HN_ATTR_FLOATS, false, NULL, "one number, added"},
    {"support_vectors", HN_ATTR_FLOATS, false, NULL, "[n_supports, F]"},
    {0},
};

const hn_op hn_op_ml_svm_regressor = {
    .name = "SVMRegressor",
    .domain = "ai.onnx.ml",
    .since = 1,
    .doc = "y[n] = sum_v coefficient[v] K(x[n], support[v]) + rho, with K(a, b) = a.b (LINEAR), (gamma a.b + "
           "coef0)^degree "
           "(POLY), exp(-gamma |a - b|^2) (RBF) or tanh(gamma a.b + coef0) (SIGMOID); without support vectors the "
           "coefficients are weights. [[1, 2], [2, 0]] with weights [0.5, -0.25], rho 0.5: [[0.5], [1.5]].",
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD_NO("a fitted machine; its training is not by gradients"),
    .cost = cost,
    .cases = cases,
    .quant = "",
};
