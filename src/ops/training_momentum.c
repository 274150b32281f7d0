/* Momentum: one step of gradient descent with momentum, plain or Nesterov's. */
#include "ops/lib_update.h"

enum { LISTS = 3 };

typedef struct step {
    double rate, alpha, beta, norm;
    bool nesterov;
} step;

static hn_status infer(hn_infer *c)
{
    if (!hn_attr_is(c->node, "mode", "standard") && !hn_attr_is(c->node, "mode", "nesterov"))
        return hn_op_fail(c->env, c->node, "mode is neither standard nor nesterov");
    return hn_infer_update(c, LISTS);
}

static void update(const void *self, double *v)
{
    const step *s = self;
    double g = s->norm * v[0] + v[1];
    v[2] = s->alpha * v[2] + s->beta * g;
    v[0] -= s->rate * (s->nesterov ? g + s->alpha * v[2] : v[2]);
}

static hn_status ref(const hn_refargs *a)
{
    const hn_node *n = a->node;
    /* The first step takes the gradient whole. */
    bool first = !(hn_nn_scalar(a, 1, 0) > 0);
    step s = {hn_nn_scalar(a, 0, 0), hn_attr_float(n, "alpha", 0), first ? 1 : hn_attr_float(n, "beta", 0),
              hn_attr_float(n, "norm_coefficient", 0), hn_attr_is(n, "mode", "nesterov")};
    return hn_ref_update(a, LISTS, update, &s);
}

static void begin(hn_cases *c, const char *name, const char *mode, int64_t t)
{
    hn_case(c, name);
    hn_case_flag(c, HN_CASE_INEXACT);
    hn_case_string(c, "mode", mode);
    hn_case_float(c, "alpha", 0.5);
    hn_case_float(c, "beta", 0.25);
    hn_case_float(c, "norm_coefficient", 0.5);
    hn_case_in(c, HN_F32, HN_NO_DIMS, HN_VALS(0.1));
    hn_case_in_i64(c, HN_NO_DIMS, &t);
}

static void one(hn_cases *c, double x, double v)
{
    hn_case_in(c, HN_F32, HN_DIMS(1), HN_VALS(2));
    hn_case_in(c, HN_F32, HN_DIMS(1), HN_VALS(3));
    hn_case_in(c, HN_F32, HN_DIMS(1), HN_VALS(2));
    hn_case_nout(c, 2);
    hn_case_want(c, HN_F32, HN_DIMS(1), &x);
    hn_case_want(c, HN_F32, HN_DIMS(1), &v);
}

static hn_status cases(hn_cases *c)
{
    begin(c, "example", "standard", 1);
    one(c, 1.8, 2);
    begin(c, "first step", "standard", 0);
    one(c, 1.5, 5);
    begin(c, "nesterov", "nesterov", 1);
    one(c, 1.5, 2);
    begin(c, "two tensors", "nesterov", 2);
    for (int k = 0; k < LISTS; k++) {
        hn_case_rand(c, HN_F32, HN_DIMS(2, 3), -2, 2);
        hn_case_rand(c, HN_F32, HN_DIMS(0), -2, 2);
    }
    hn_case_nout(c, 4);
    begin(c, "mode", "fast", 1);
    hn_case_flag(c, HN_CASE_FAILS);
    for (int k = 0; k < LISTS; k++) hn_case_rand(c, HN_F32, HN_DIMS(2), -2, 2);
    hn_case_nout(c, 2);
    return hn_cases_status(c);
}

static const hn_port in[] = {
    {"R", HN_UPDATE_TYPES, 0, false}, {"T", HN_T_I64, 0, false}, {"inputs", HN_UPDATE_TYPES, 'X', false}};
static const hn_port out[] = {{"outputs", HN_UPDATE_TYPES, 'X', false}};
static const hn_attr_row attrs[] = {
    {"alpha", HN_ATTR_FLOAT, true, NULL, "share of the old momentum"},
    {"beta", HN_ATTR_FLOAT, true, NULL, "share of the gradient, after the first step"},
    {"mode", HN_ATTR_STRING, true, NULL, "standard or nesterov"},
    {"norm_coefficient", HN_ATTR_FLOAT, true, NULL, "times x is added to the gradient"},
    {0},
};

const hn_op hn_op_training_momentum = {
    .name = "Momentum",
    .domain = "ai.onnx.preview.training",
    .since = 1,
    .doc =
        "Per element: g' = norm_coefficient x + g; v' = alpha v + (T > 0 ? beta : 1) g'; x' = x - R v', for nesterov x "
        "- R (g' + alpha v'). Inputs R, T, all X, all G, all V; outputs all X', V'. R 0.1, T 1, alpha 0.5, beta 0.25, "
        "norm_coefficient 0.5, x [2], g [3], v [2]: x' [1.8], v' [2].",
    .flags = HN_OP_VARIADIC | HN_OP_VARIADIC_OUT,
    HN_PORTS(in, 3, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD_NO(HN_NO_UPDATE_GRAD),
    .cost = hn_cost_update,
    .cases = cases,
    .quant = "",
};
