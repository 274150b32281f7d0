/* Adam: one step with exponentially averaged gradients and squared gradients. */
#include "ops/lib_update.h"

enum { LISTS = 4 };

typedef struct step {
    double rate, alpha, beta, epsilon, norm, norm_post;
} step;

static hn_status infer(hn_infer *c)
{
    return hn_infer_update(c, LISTS);
}

static void update(const void *self, double *v)
{
    const step *s = self;
    double g = s->norm * v[0] + v[1];
    v[2] = s->alpha * v[2] + (1 - s->alpha) * g;
    v[3] = s->beta * v[3] + (1 - s->beta) * g * g;
    v[0] = (1 - s->norm_post) * (v[0] - s->rate * v[2] / (sqrt(v[3]) + s->epsilon));
}

static hn_status ref(const hn_refargs *a)
{
    const hn_node *n = a->node;
    double t = hn_nn_scalar(a, 1, 0);
    step s = {hn_nn_scalar(a, 0, 0),
              hn_attr_float(n, "alpha", 0.9),
              hn_attr_float(n, "beta", 0.999),
              hn_attr_float(n, "epsilon", 1e-6),
              hn_attr_float(n, "norm_coefficient", 0),
              hn_attr_float(n, "norm_coefficient_post", 0)};
    if (t > 0) s.rate *= sqrt(1 - pow(s.beta, t)) / (1 - pow(s.alpha, t));
    return hn_ref_update(a, LISTS, update, &s);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_flag(c, HN_CASE_INEXACT);
    hn_case_float(c, "alpha", 0.5);
    hn_case_float(c, "beta", 0.75);
    hn_case_float(c, "epsilon", 0);
    hn_case_in(c, HN_F32, HN_NO_DIMS, HN_VALS(0.1));
    hn_case_in_i64(c, HN_NO_DIMS, (int64_t[]){0});
    hn_case_in(c, HN_F32, HN_DIMS(2), HN_VALS(1, 2));
    hn_case_in(c, HN_F32, HN_DIMS(2), HN_VALS(2, -4));
    hn_case_in(c, HN_F32, HN_DIMS(2), HN_VALS(0, 0));
    hn_case_in(c, HN_F32, HN_DIMS(2), HN_VALS(0, 0));
    hn_case_nout(c, 3);
    hn_case_want(c, HN_F32, HN_DIMS(2), HN_VALS(0.9, 2.1));
    hn_case_want(c, HN_F32, HN_DIMS(2), HN_VALS(1, -2));
    hn_case_want(c, HN_F32, HN_DIMS(2), HN_VALS(1, 4));
    hn_case(c, "corrected, two tensors");
    hn_case_float(c, "norm_coefficient", 0.25);
    hn_case_float(c, "norm_coefficient_post", 0.125);
    hn_case_in(c, HN_F32, HN_NO_DIMS, HN_VALS(0.1));
    hn_case_in_i64(c, HN_NO_DIMS, (int64_t[]){3});
    for (int k = 0; k < LISTS; k++) {
        hn_case_rand(c, HN_F32, HN_DIMS(2, 3), 0, 2);
        hn_case_rand(c, HN_F32, HN_DIMS(1), 0, 2);
    }
    hn_case_nout(c, 6);
    hn_case(c, "lists do not fit");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_in(c, HN_F32, HN_NO_DIMS, HN_VALS(0.1));
    hn_case_in_i64(c, HN_NO_DIMS, (int64_t[]){3});
    for (int k = 0; k < 5; k++) hn_case_rand(c, HN_F32, HN_DIMS(2), 0, 2);
    return hn_cases_status(c);
}

static const hn_port in[] = {
    {"R", HN_UPDATE_TYPES, 0, false}, {"T", HN_T_I64, 0, false}, {"inputs", HN_UPDATE_TYPES, 'X', false}};
static const hn_port out[] = {{"outputs", HN_UPDATE_TYPES, 'X', false}};
static const hn_attr_row attrs[] = {
    {"alpha", HN_ATTR_FLOAT, false, "0.9", "share of the old average of gradients"},
    {"beta", HN_ATTR_FLOAT, false, "0.999", "share of the old average of squared gradients"},
    {"epsilon", HN_ATTR_FLOAT, false, "1e-6", "added to the square root"},
    {"norm_coefficient", HN_ATTR_FLOAT, false, "0", "times x is added to the gradient"},
    {"norm_coefficient_post", HN_ATTR_FLOAT, false, "0", "times the new x is taken off it"},
    {0},
};

const hn_op hn_op_training_adam = {
    .name = "Adam",
    .domain = "ai.onnx.preview.training",
    .since = 1,
    .doc =
        "Per element: g' = norm_coefficient x + g; v' = alpha v + (1 - alpha) g'; h' = beta h + (1 - beta) g'^2; x' = "
        "(1 - norm_coefficient_post) (x - r v' / (sqrt(h') + epsilon)), r = R sqrt(1 - beta^T) / (1 - alpha^T) when T "
        "> 0, else R. Inputs R, T, all X, all G, all V, all H; outputs all X', V', H'. R 0.1, T 0, x [1, 2], g [2, "
        "-4], v and h zero, alpha 0.5, beta 0.75, epsilon 0: x' [0.9, 2.1], v' [1, -2], h' [1, 4].",
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
