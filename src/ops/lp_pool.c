/* LpPool: p-norm of each window. */
#include "ops/lib_pool.h"

static hn_status ref(const hn_refargs *a)
{
    double *x, *y, p = (double)hn_attr_int(a->node, "p", 2);
    int64_t dims[HN_MAX_RANK];
    hn_window w;
    HN_TRY(hn_pool_read(a->env, a->node, a->in[0]->rank, a->in[0]->dims, false, &w, dims));
    HN_TRY(hn_nn_load(a, 0, &x));
    size_t n = hn_tensor_elems(a->out[0]), plane = hn_window_elems(w.in, w.n), out = hn_window_elems(w.out, w.n);
    HN_TRY(hn_nn_new(a, n, &y));
    size_t nx = hn_tensor_elems(a->in[0]), planes = hn_pool_planes(a->in[0]);
    for (size_t i = 0; i < nx; i++) x[i] = pow(fabs(x[i]), p);
    for (size_t i = 0; i < planes; i++) hn_pool_sum(&w, x + i * plane, y + i * out);
    for (size_t i = 0; i < n; i++) y[i] = pow(y[i], 1 / p);
    hn_nn_store(a->out[0], y);
    return HN_OK;
}

/* dx = sign(x) |x|^(p-1) * spread(dy y^(1-p)) */
static hn_status grad(hn_gradargs *g)
{
    hn_value *x = g->node->in[0], *y = g->node->out[0];
    double p = (double)hn_attr_int(g->node, "p", 2);
    int64_t dims[HN_MAX_RANK], pads[2 * HN_MAX_RANK];
    hn_window w;
    hn_rw *rw = g->rw;
    hn_rw_attr attrs[8] = {{0}};
    if (!g->dy[0]) return HN_OK;
    HN_TRY(hn_pool_read(rw->graph->env, g->node, x->type.rank, x->type.dims, false, &w, dims));
    hn_window_rw(&w, pads, attrs);
    attrs[4] = (hn_rw_attr)HN_A_INT("ceil_mode", hn_window_ceil(g->node));
    attrs[5] = (hn_rw_attr)HN_A_INT("sum", 1);
    attrs[6] = (hn_rw_attr)HN_A_INTS("input_shape", w.in, (size_t)w.n);
    hn_value *t = hn_g_mul(rw, g->dy[0], hn_rw_2(rw, "Pow", y, hn_g_scalar(rw, y, 1 - p)));
    hn_value *spread = hn_rw_op(rw, "hone.AveragePoolGrad", 1, &t, attrs);
    hn_value *power = hn_rw_2(rw, "Pow", hn_rw_1(rw, "Abs", x), hn_g_scalar(rw, x, p - 1));
    g->dx[0] = hn_g_mul(rw, hn_g_mul(rw, hn_rw_1(rw, "Sign", x), power), spread);
    return hn_rw_status(rw);
}

static hn_status infer(hn_infer *c)
{
    if (hn_attr_int(c->node, "p", 2) < 1) return hn_op_fail(c->env, c->node, "p must be 1 or more");
    return hn_pool_infer(c);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_ints(c, "kernel_shape", 1, (const int64_t[]){2});
    hn_case_in(c, HN_F32, HN_DIMS(1, 1, 3), HN_VALS(3, -4, 0));
    hn_case_want(c, HN_F32, HN_DIMS(1, 1, 2), HN_VALS(5, 4));
    hn_case_flag(c, HN_CASE_NO_GRAD);
    hn_case(c, "p 3, padding, stride");
    hn_case_int(c, "p", 3);
    hn_case_ints(c, "kernel_shape", 2, (const int64_t[]){2, 3});
    hn_case_ints(c, "strides", 2, (const int64_t[]){1, 2});
    hn_case_ints(c, "pads", 4, (const int64_t[]){1, 1, 0, 1});
    hn_case_rand(c, HN_F32, HN_DIMS(2, 2, 4, 5), 0.5, 2);
    hn_case(c, "p 0");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_int(c, "p", 0);
    hn_case_ints(c, "kernel_shape", 1, (const int64_t[]){2});
    hn_case_rand(c, HN_F32, HN_DIMS(1, 1, 3), 0, 1);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"X", HN_T_FLOAT, 'T', false}};
static const hn_port out[] = {{"Y", HN_T_FLOAT, 'T', false}};
static const hn_attr_row attrs[] = {HN_POOL_ATTRS, HN_WINDOW_AUTO, {"p", HN_ATTR_INT, false, "2", "the norm"}, {0}};

const hn_op hn_op_lp_pool = {
    .name = "LpPool",
    .domain = "",
    .since = 22,
    .doc = "Y[n,c,o] = (sum over the window of |X|^p)^(1/p). X = [3,-4,0], kernel_shape = [2], p = 2: Y = [5,4].",
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD(grad),
    .cost = hn_pool_cost,
    .shard = hn_shard_planes,
    .cases = cases,
    .quant = "",
};
