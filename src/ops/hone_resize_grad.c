/* hone.ResizeGrad: the adjoint of Resize, with the scale and region of every axis as attributes. */
#include "ops/lib_resize.h"

static hn_status read(hn_env *env, const hn_node *node, int rank, const int64_t *dy, hn_resize_axis *axis)
{
    const int64_t *shape;
    const double *scales, *roi;
    size_t n = hn_attr_ints(node, "input_shape", &shape), ns = hn_attr_floats(node, "scales", &scales);
    size_t nr = hn_attr_floats(node, "roi", &roi);
    if (n != (size_t)rank || ns != n || (nr != 0 && nr != 2 * n)) {
        return hn_op_fail(env, node, "input_shape, scales and roi do not fit rank %d", rank);
    }
    for (size_t d = 0; d < n; d++) {
        axis[d] = (hn_resize_axis){shape[d], dy[d], scales[d], {nr ? roi[d] : 0, nr ? roi[n + d] : 1}};
        if (shape[d] < 0 || !(scales[d] > 0)) return hn_op_fail(env, node, "input_shape or scales are negative");
    }
    return HN_OK;
}

static hn_status infer(hn_infer *c)
{
    hn_resize_axis axis[HN_MAX_RANK];
    c->out[0] = *c->in[0];
    if (c->in[0]->rank < 0) return HN_OK;
    HN_TRY(read(c->env, c->node, c->in[0]->rank, c->in[0]->dims, axis));
    for (int d = 0; d < c->out[0].rank; d++) c->out[0].dims[d] = axis[d].in;
    return HN_OK;
}

/* Where an output took the extrapolation value, nothing flows back. */
static void silence(const hn_tensor *dy, const hn_resize_axis *axis, const hn_resize_table *t, double *v)
{
    size_t n = hn_tensor_elems(dy);
    for (size_t i = 0; i < n; i++) {
        size_t rest = i;
        for (int d = dy->rank - 1; d >= 0; d--) {
            if (t[d].outside[rest % (size_t)axis[d].out]) v[i] = 0;
            rest /= (size_t)axis[d].out;
        }
    }
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *dy = a->in[0];
    hn_resize_axis axis[HN_MAX_RANK];
    hn_resize_table t[HN_MAX_RANK];
    double *v;
    HN_TRY(read(a->env, a->node, dy->rank, dy->dims, axis));
    for (int d = 0; d < dy->rank; d++) HN_TRY(hn_resize_build(a->env, a->scratch, a->node, &axis[d], &t[d]));
    HN_TRY(hn_nn_load(a, 0, &v));
    silence(dy, axis, t, v);
    size_t outer = 1, inner = hn_tensor_elems(dy);
    for (int d = 0; d < dy->rank; d++) {
        double *x;
        inner = axis[d].out ? inner / (size_t)axis[d].out : 0;
        HN_TRY(hn_nn_new(a, outer * (size_t)axis[d].in * inner, &x));
        hn_resize_apply(&axis[d], &t[d], outer, inner, x, v, true);
        v = x;
        outer *= (size_t)axis[d].in;
    }
    hn_nn_store(a->out[0], v);
    return HN_OK;
}

static void cost(const hn_node *n, hn_cost *cost)
{
    hn_nn_cost_per_elem(n, cost, 4);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_string(c, "mode", "linear");
    hn_case_ints(c, "input_shape", 1, (const int64_t[]){2});
    hn_case_floats(c, "scales", 1, (const double[]){2});
    hn_case_in(c, HN_F32, HN_DIMS(4), HN_VALS(4, 4, 4, 8));
    hn_case_want(c, HN_F32, HN_DIMS(2), HN_VALS(8, 12));
    hn_case(c, "nearest, two dims");
    hn_case_ints(c, "input_shape", 2, (const int64_t[]){2, 3});
    hn_case_floats(c, "scales", 2, (const double[]){2, 1});
    hn_case_in(c, HN_F32, HN_DIMS(4, 3), HN_VALS(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12));
    hn_case_want(c, HN_F32, HN_DIMS(2, 3), HN_VALS(5, 7, 9, 17, 19, 21));
    hn_case(c, "rank does not fit");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_ints(c, "input_shape", 1, (const int64_t[]){2});
    hn_case_floats(c, "scales", 1, (const double[]){2});
    hn_case_rand(c, HN_F32, HN_DIMS(4, 4), -1, 1);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"dY", HN_T_FLOAT, 'T', false}};
static const hn_port out[] = {{"dX", HN_T_FLOAT, 'T', false}};
static const hn_attr_row attrs[] = {HN_RESIZE_ATTRS,
                                    {"input_shape", HN_ATTR_INTS, true, NULL, "dims of the resized input"},
                                    {"scales", HN_ATTR_FLOATS, true, NULL, "scale of each axis"},
                                    {"roi", HN_ATTR_FLOATS, false, NULL, "tf_crop_and_resize: starts, then ends"},
                                    {0}};

const hn_op hn_op_hone_resize_grad = {
    .name = "ResizeGrad",
    .domain = "hone",
    .since = 1,
    .doc =
        "dX[i] = sum over the outputs o that read i of w dY[o]. linear, half_pixel, dY = [4,4,4,8], input_shape = [2], "
        "scales = [2]: the weights of X[0] are 1, 3/4, 1/4, 0: dX = [8,12].",
    .flags = HN_OP_INTERNAL,
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD_NO(
        "Resize is linear, so a second derivative through it is a Resize of the outer gradient; nothing asks for it"),
    .cost = cost,
    .cases = cases,
    .quant = "",
};
