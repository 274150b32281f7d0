/* Adagrad: one step that divides by the root of the sum of squared gradients so far. */
#include "ops/lib_update.h"

enum { LISTS = 3 };

typedef struct step {
    double rate, epsilon, norm;
} step;

static hn_status infer(hn_infer *c)
{
    return hn_infer_update(c, LISTS);
}

static void update(const void *self, double *v)
{
    const step *s = self;
    double g = s->norm * v[0] + v[1];
    v[2] += g * g;
    v[0] -= s->rate * g / (sqrt(v[2]) + s->epsilon);
}

static hn_status ref(const hn_refargs *a)
{
    const hn_node *n = a->node;
    double t = hn_nn_scalar(a, 1, 0);
    step s = {hn_nn_scalar(a, 0, 0) / (1 + t * hn_attr_float(n, "decay_factor", 0)), hn_attr_float(n, "epsilon", 1e-6),
              hn_attr_float(n, "norm_coefficient", 0)};
    return hn_ref_update(a, LISTS, update, &s);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_flag(c, HN_CASE_INEXACT);
    hn_case_float(c, "decay_factor", 0.25);
    hn_case_float(c, "epsilon", 0);
    hn_case_in(c, HN_F32, HN_NO_DIMS, HN_VALS(0.1));
    hn_case_in_i64(c, HN_NO_DIMS, (int64_t[]){4});
    hn_case_in(c, HN_F32, HN_DIMS(2), HN_VALS(1, 2));
    hn_case_in(c, HN_F32, HN_DIMS(2), HN_VALS(3, -4));
    hn_case_in(c, HN_F32, HN_DIMS(2), HN_VALS(16, 0));
    hn_case_nout(c, 2);
    hn_case_want(c, HN_F32, HN_DIMS(2), HN_VALS(0.97, 2.05));
    hn_case_want(c, HN_F32, HN_DIMS(2), HN_VALS(25, 16));
    hn_case(c, "regularised, two tensors");
    hn_case_float(c, "norm_coefficient", 0.25);
    hn_case_in(c, HN_F32, HN_NO_DIMS, HN_VALS(0.1));
    hn_case_in_i64(c, HN_NO_DIMS, (int64_t[]){3});
    for (int k = 0; k < LISTS; k++) {
        hn_case_rand(c, HN_F32, HN_DIMS(2, 3), 0, 2);
        hn_case_rand(c, HN_F32, HN_DIMS(1), 0, 2);
    }
    hn_case_nout(c, 4);
    hn_case(c, "another shape");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_in(c, HN_F32, HN_NO_DIMS, HN_VALS(0.1));
    hn_case_in_i64(c, HN_NO_DIMS, (int64_t[]){3});
    for (int k = 0; k < LISTS; k++) hn_case_rand(c, HN_F32, 1, (int64_t[]){k == 1 ? 3 : 2}, 0, 2);
    return hn_cases_status(c);
}

static const hn_port in[] = {
    {"R", HN_UPDATE_TYPES, 0, false}, {"T", HN_T_I64, 0, false}, {"inputs", HN_UPDATE_TYPES, 'X', false}};
static const hn_port out[] = {{"outputs", HN_UPDATE_TYPES, 'X', false}};
static const hn_attr_row attrs[] = {
    {"decay_factor", HN_ATTR_FLOAT, false, "0", "how fast the rate falls with T"},
    {"epsilon", HN_ATTR_FLOAT, false, "1e-6", "added to the square root"},
    {"norm_coefficient", HN_ATTR_FLOAT, false, "0", "times x is added to the gradient"},
    {0},
};

const hn_op hn_op_training_adagrad = {
    .name = "Adagrad",
    .domain = "ai.onnx.preview.training",
    .since = 1,
    .doc =
        "Per element: g' = norm_coefficient x + g; h' = h + g'^2; x' = x - R / (1 + T decay_factor) g' / (sqrt(h') + "
        "epsilon). Inputs R, T, all X, all G, all H; outputs all X', H'. R 0.1, T 4, decay 0.25, epsilon 0, x [1, 2], "
        "g [3, -4], h [16, 0]: x' [0.97, 2.05], h' [25, 16].",
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
