/* QuantizeLinear: round(x / scale) + zero point, saturated; per tensor, per index of an axis, or per block. */
#include "ops/lib_quant.h"

#define T_IN    (HN_BIT(HN_F32) | HN_BIT(HN_F16) | HN_BIT(HN_BF16) | HN_BIT(HN_I32))
#define T_SCALE (T_IN | HN_BIT(HN_F8E8M0))
#define T_OUT                                                                                                      \
    (HN_T_Q8 | HN_BIT(HN_I16) | HN_BIT(HN_U16) | HN_BIT(HN_F8E4M3FN) | HN_BIT(HN_F8E4M3FNUZ) | HN_BIT(HN_F8E5M2) | \
     HN_BIT(HN_F8E5M2FNUZ) | HN_T_SUB)

static hn_status infer(hn_infer *c)
{
    const hn_type *zp = hn_nn_type(c, 2);
    int64_t asked = hn_attr_int(c->node, "output_dtype", 0);
    hn_dtype dtype = zp ? zp->dtype : asked != 0 && hn_dtype_valid(asked) ? (hn_dtype)asked : HN_U8;
    hn_q_params p;
    if (asked != 0 && (!hn_dtype_valid(asked) || !(HN_BIT(asked) & T_OUT) || (zp && zp->dtype != (hn_dtype)asked))) {
        return hn_op_fail(c->env, c->node, "output_dtype %lld does not fit", (long long)asked);
    }
    HN_TRY(hn_q_params_read(c->env, c->node, c->in[0], c->in[1], &p));
    c->out[0] = *c->in[0];
    c->out[0].dtype = dtype;
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *x = a->in[0], *scale = a->in[1], *zp = hn_nn_in(a, 2);
    hn_type tx = hn_q_type_of(x), ts = hn_q_type_of(scale);
    bool saturate = hn_attr_int(a->node, "saturate", 1) != 0;
    int64_t precision = hn_attr_int(a->node, "precision", 0);
    hn_dtype work = hn_dtype_valid(precision) ? (hn_dtype)precision : scale->dtype;
    hn_q_params p;
    HN_TRY(hn_q_params_read(a->env, a->node, &tx, &ts, &p));
    if (zp && hn_tensor_elems(zp) != hn_tensor_elems(scale)) {
        return hn_op_fail(a->env, a->node, "%zu zero points, %zu scales", hn_tensor_elems(zp), hn_tensor_elems(scale));
    }
    size_t n = hn_tensor_elems(x);
    for (size_t i = 0; i < n; i++) {
        size_t at = hn_q_params_at(&p, i);
        float v = hn_q_precision((float)hn_get_f64(x, i) / (float)hn_get_f64(scale, at), work);
        hn_q_set(a->out[0], i, v, zp ? hn_get_f64(zp, at) : 0, saturate);
    }
    return HN_OK;
}

static void cost(const hn_node *n, hn_cost *cost)
{
    hn_nn_cost_per_elem(n, cost, 2);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_in(c, HN_F32, HN_DIMS(6), HN_VALS(0, 2, 3, 1000, -254, -1000));
    hn_case_in(c, HN_F32, HN_NO_DIMS, HN_VALS(2));
    hn_case_in(c, HN_U8, HN_NO_DIMS, HN_VALS(128));
    hn_case_want(c, HN_U8, HN_DIMS(6), HN_VALS(128, 129, 130, 255, 1, 0));
    hn_case(c, "per axis");
    hn_case_int(c, "axis", 0);
    hn_case_in(c, HN_F32, HN_DIMS(2, 2), HN_VALS(1, -3, 1, -3));
    hn_case_in(c, HN_F32, HN_DIMS(2), HN_VALS(1, 0.5));
    hn_case_in(c, HN_I8, HN_DIMS(2), HN_VALS(0, 10));
    hn_case_want(c, HN_I8, HN_DIMS(2, 2), HN_VALS(1, -3, 12, 4));
    hn_case(c, "blocks of 2 of 3");
    hn_case_int(c, "axis", 1);
    hn_case_int(c, "block_size", 2);
    hn_case_int(c, "output_dtype", HN_I16);
    hn_case_in(c, HN_F32, HN_DIMS(2, 3), HN_VALS(1, 2, 3, 4, 5, 6));
    hn_case_in(c, HN_F32, HN_DIMS(2, 2), HN_VALS(1, 0.5, 0.25, 2));
    hn_case_want(c, HN_I16, HN_DIMS(2, 3), HN_VALS(1, 2, 6, 16, 20, 3));
    hn_case(c, "int4");
    hn_case_int(c, "output_dtype", HN_I4);
    hn_case_in(c, HN_F32, HN_DIMS(5), HN_VALS(-9, -8, 0.5, 1.5, 7.6));
    hn_case_in(c, HN_F32, HN_NO_DIMS, HN_VALS(1));
    hn_case_want(c, HN_I4, HN_DIMS(5), HN_VALS(-8, -8, 0, 2, 7));
    hn_case(c, "float8, saturating");
    hn_case_int(c, "output_dtype", HN_F8E4M3FN);
    hn_case_in(c, HN_F32, HN_DIMS(3), HN_VALS(1000, -3, 0.5));
    hn_case_in(c, HN_F32, HN_NO_DIMS, HN_VALS(2));
    hn_case_want(c, HN_F8E4M3FN, HN_DIMS(3), HN_VALS(448, -1.5, 0.25));
    hn_case(c, "float6");
    hn_case_int(c, "output_dtype", HN_F6E3M2);
    hn_case_in(c, HN_F32, HN_DIMS(5), HN_VALS(1000, -3, 0.5, 0.1, 9));
    hn_case_in(c, HN_F32, HN_NO_DIMS, HN_VALS(2));
    hn_case_want(c, HN_F6E3M2, HN_DIMS(5), HN_VALS(28, -1.5, 0.25, 0.0625, 4));
    hn_case(c, "scales do not fit");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_in(c, HN_F32, HN_DIMS(1, 3), HN_VALS(1, 2, 3));
    hn_case_in(c, HN_F32, HN_DIMS(2), HN_VALS(1, 2));
    return hn_cases_status(c);
}

static const hn_port in[] = {{"x", T_IN, 0, false}, {"y_scale", T_SCALE, 0, false}, {"y_zero_point", T_OUT, 0, true}};
static const hn_port out[] = {{"y", T_OUT, 0, false}};
static const hn_attr_row attrs[] = {
    {"axis", HN_ATTR_INT, false, "1", "axis of the scales"},
    {"block_size", HN_ATTR_INT, false, "0", "elements along axis that share a scale; 0: all"},
    {"output_dtype", HN_ATTR_INT, false, "0", "type of y when there is no zero point; 0: u8"},
    {"saturate", HN_ATTR_INT, false, "1", "float8 only: 0 makes overflow NaN or infinity"},
    {"precision", HN_ATTR_INT, false, "0", "float type of the division; 0: that of the scale"},
    {0}};

const hn_op hn_op_quantize_linear = {
    .name = "QuantizeLinear",
    .domain = "",
    .since = 28,
    .doc = "y = saturate(round(x / y_scale) + y_zero_point), ties to even. "
           "x = [0,2,3,1000,-254,-1000], y_scale 2, y_zero_point 128: y = [128,129,130,255,1,0].",
    HN_PORTS(in, 2, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD_NO(
        "rounding has no useful derivative; training runs on fake quantisation with a straight-through gradient"),
    .cost = cost,
    .shard = hn_shard_scaled,
    .cases = cases,
    .quant = "",
};
