/* DequantizeLinear: (x - zero point) * scale; per tensor, per index of an axis, or per block. */
#include "ops/lib_quant.h"

#define T_IN                                                                                                    \
    (HN_T_Q8 | HN_BIT(HN_I16) | HN_BIT(HN_U16) | HN_BIT(HN_I32) | HN_BIT(HN_F8E4M3FN) | HN_BIT(HN_F8E4M3FNUZ) | \
     HN_BIT(HN_F8E5M2) | HN_BIT(HN_F8E5M2FNUZ) | HN_T_SUB)
#define T_OUT   (HN_BIT(HN_F32) | HN_BIT(HN_F16) | HN_BIT(HN_BF16))
#define T_SCALE (T_OUT | HN_BIT(HN_F8E8M0))

static hn_status infer(hn_infer *c)
{
    int64_t asked = hn_attr_int(c->node, "output_dtype", 0);
    hn_q_params p;
    if (asked != 0 && (!hn_dtype_valid(asked) || !(HN_BIT(asked) & T_OUT))) {
        return hn_op_fail(c->env, c->node, "output_dtype %lld is not a float type", (long long)asked);
    }
    HN_TRY(hn_q_params_read(c->env, c->node, c->in[0], c->in[1], &p));
    c->out[0] = *c->in[0];
    c->out[0].dtype = asked ? (hn_dtype)asked : c->in[1]->dtype == HN_F8E8M0 ? HN_F32 : c->in[1]->dtype;
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *x = a->in[0], *scale = a->in[1], *zp = hn_nn_in(a, 2);
    hn_type tx = hn_q_type_of(x), ts = hn_q_type_of(scale);
    hn_q_params p;
    HN_TRY(hn_q_params_read(a->env, a->node, &tx, &ts, &p));
    if (zp && hn_tensor_elems(zp) != hn_tensor_elems(scale)) {
        return hn_op_fail(a->env, a->node, "%zu zero points, %zu scales", hn_tensor_elems(zp), hn_tensor_elems(scale));
    }
    size_t n = hn_tensor_elems(x);
    for (size_t i = 0; i < n; i++) {
        size_t at = hn_q_params_at(&p, i);
        double v = hn_get_f64(x, i) - (zp ? hn_get_f64(zp, at) : 0);
        hn_set_f64(a->out[0], i, (float)v * (float)hn_get_f64(scale, at));
    }
    return HN_OK;
}

static void cost(const hn_node *n, hn_cost *cost)
{
    hn_nn_cost_per_elem(n, cost, 2);
}

/* dy (x - zero point) summed over what shares a scale. x is an integer or a float of 8 bits or less, which carries no
 * gradient. */
static hn_status grad(hn_gradargs *g)
{
    const hn_node *n = g->node;
    const hn_type *x = &n->in[0]->type, *s = &n->in[1]->type;
    hn_rw *rw = g->rw;
    hn_q_params p;
    int64_t dims[HN_MAX_RANK + 1], axes[HN_MAX_RANK], pads[2 * HN_MAX_RANK] = {0};
    size_t count = 0;
    int axis = 0;
    if (!g->dy[0] || s->dtype != g->dy[0]->type.dtype) return HN_OK;
    HN_TRY(hn_q_params_read(rw->graph->env, n, x, s, &p));
    hn_value *ones = hn_g_expand(rw, hn_g_scalar(rw, n->in[1], 1), n->in[1]),
             *in[] = {n->in[0], ones, hn_node_in(n, 2)};
    const hn_rw_attr attrs[] = {
        HN_A_INT("axis", hn_attr_int(n, "axis", 1)), HN_A_INT("block_size", hn_attr_int(n, "block_size", 0)), {0}};
    hn_value *sum = hn_g_mul(rw, g->dy[0], hn_rw_op(rw, "DequantizeLinear", in[2] ? 3 : 2, in, attrs));
    if (p.len > 1 || p.whole || s->rank == 1) (void)hn_axis(hn_attr_int(n, "axis", 1), x->rank, &axis);
    if (p.whole) {
        /* Zeros make the last block a whole one. */
        pads[x->rank + axis] = (int64_t)(p.blocks * p.block - p.len);
        sum = hn_rw_2(rw, "Pad", sum, hn_rw_ints(rw, pads, 2 * (size_t)x->rank));
        for (int d = 0; d <= x->rank; d++)
            dims[d] = d < axis        ? x->dims[d]
                      : d == axis     ? (int64_t)p.blocks
                      : d == axis + 1 ? (int64_t)p.block
                                      : x->dims[d - 1];
        sum = hn_rw_reshape(rw, sum, x->rank + 1, dims);
        axes[count++] = axis + 1;
    } else {
        bool one = s->rank == 0 || s->dims[0] == 1;
        for (int d = 0; d < x->rank; d++)
            if (one || d != axis) axes[count++] = d;
    }
    if (count) sum = hn_rw_reduce_sum(rw, sum, axes, count, false);
    g->dx[1] = hn_g_like(rw, sum, n->in[1]);
    return hn_rw_status(rw);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_in(c, HN_U8, HN_DIMS(4), HN_VALS(0, 3, 128, 255));
    hn_case_in(c, HN_F32, HN_NO_DIMS, HN_VALS(2));
    hn_case_in(c, HN_U8, HN_NO_DIMS, HN_VALS(128));
    hn_case_want(c, HN_F32, HN_DIMS(4), HN_VALS(-256, -250, 0, 254));
    hn_case(c, "per axis, no zero point");
    hn_case_int(c, "axis", -2);
    hn_case_in(c, HN_I8, HN_DIMS(2, 2), HN_VALS(1, -3, 1, -3));
    hn_case_in(c, HN_F32, HN_DIMS(2), HN_VALS(1, 0.5));
    hn_case_want(c, HN_F32, HN_DIMS(2, 2), HN_VALS(1, -3, 0.5, -1.5));
    hn_case(c, "blocks, int4, f16 scale");
    hn_case_int(c, "axis", 0);
    hn_case_int(c, "block_size", 2);
    hn_case_in(c, HN_I4, HN_DIMS(3, 2), HN_VALS(-8, 7, 1, 2, 3, 4));
    hn_case_in(c, HN_F16, HN_DIMS(2, 2), HN_VALS(0.5, 1, 2, 0.25));
    hn_case_in(c, HN_I4, HN_DIMS(2, 2), HN_VALS(0, 1, 1, 0));
    hn_case_want(c, HN_F16, HN_DIMS(3, 2), HN_VALS(-4, 6, 0.5, 1, 4, 1));
    hn_case(c, "int32 bias");
    hn_case_in(c, HN_I32, HN_DIMS(2), HN_VALS(1000, -7));
    hn_case_in(c, HN_F32, HN_NO_DIMS, HN_VALS(0.5));
    hn_case_want(c, HN_F32, HN_DIMS(2), HN_VALS(500, -3.5));
    hn_case(c, "float8");
    hn_case_in(c, HN_F8E5M2, HN_DIMS(2), HN_VALS(1.5, -0.25));
    hn_case_in(c, HN_F32, HN_NO_DIMS, HN_VALS(4));
    hn_case_want(c, HN_F32, HN_DIMS(2), HN_VALS(6, -1));
    hn_case(c, "float6");
    hn_case_in(c, HN_F6E2M3, HN_DIMS(3), HN_VALS(1.625, -0.25, 7.5));
    hn_case_in(c, HN_F32, HN_NO_DIMS, HN_VALS(4));
    hn_case_want(c, HN_F32, HN_DIMS(3), HN_VALS(6.5, -1, 30));
    hn_case(c, "scales do not fit");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_in(c, HN_I8, HN_DIMS(1, 3), HN_VALS(1, 2, 3));
    hn_case_in(c, HN_F32, HN_DIMS(2), HN_VALS(1, 2));
    return hn_cases_status(c);
}

static const hn_port in[] = {
    {"x", T_IN, 'X', false}, {"x_scale", T_SCALE, 0, false}, {"x_zero_point", T_IN, 'X', true}};
static const hn_port out[] = {{"y", T_OUT, 0, false}};
static const hn_attr_row attrs[] = {
    {"axis", HN_ATTR_INT, false, "1", "axis of the scales"},
    {"block_size", HN_ATTR_INT, false, "0", "elements along axis that share a scale; 0: all"},
    {"output_dtype", HN_ATTR_INT, false, "0", "type of y; 0: that of the scale"},
    {0}};

const hn_op hn_op_dequantize_linear = {
    .name = "DequantizeLinear",
    .domain = "",
    .since = 28,
    .doc = "y = (x - x_zero_point) x_scale. x = [0,3,128,255], x_scale 2, x_zero_point 128: y = [-256,-250,0,254].",
    .flags = HN_OP_FOLD_NEVER,
    HN_PORTS(in, 2, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD(grad),
    .cost = cost,
    .shard = hn_shard_scaled,
    .cases = cases,
    .quant = "",
};
