/* Pow: y = base ^ exponent with broadcasting, in the dtype of the base. */
#include "ops/lib.h"

static int64_t power(int64_t base, int64_t exponent)
{
    if (exponent < 0) return base == 1 ? 1 : base == -1 ? (exponent & 1 ? -1 : 1) : 0;
    uint64_t r = 1, b = (uint64_t)base;
    for (; exponent; exponent >>= 1, b *= b)
        if (exponent & 1) r *= b;
    return (int64_t)r;
}

static hn_status ref(const hn_refargs *a)
{
    bool whole = hn_ref_integer(a->in[0]->dtype) && hn_ref_integer(a->in[1]->dtype);
    return hn_ref_binary(a, &(hn_fn2){.f = pow, .i = whole ? power : NULL});
}

/* d base = dy * e * base^(e - 1), with 0 where e is 0 also for base 0. d e = dy * y * ln(base), with 0 where base <= 0.
 */
static hn_status grad(hn_gradargs *g)
{
    hn_rw *rw = g->rw;
    hn_value *x = g->node->in[0], *e = g->node->in[1], *y = g->node->out[0];
    if (hn_g_skips(g, 0)) return HN_OK;
    hn_value *cast = e;
    if (e->type.dtype != x->type.dtype) {
        const hn_rw_attr to[] = {HN_A_INT("to", x->type.dtype), {0}};
        cast = hn_rw_op(rw, "Cast", 1, &e, to);
    }
    const hn_tensor *data = hn_node_const(g->node, 1);
    if (data && hn_tensor_elems(data) == 1 && hn_get_f64(data, 0) == 2) {
        hn_g_set(g, 0, hn_g_mul(rw, g->dy[0], hn_g_scale(rw, x, 2)));
        return hn_rw_status(rw);
    }
    hn_value *slope = hn_g_mul(rw, cast, hn_rw_2(rw, "Pow", x, hn_g_plus(rw, cast, -1)));
    hn_value *zero = hn_rw_2(rw, "Equal", cast, hn_g_scalar(rw, cast, 0));
    slope = hn_rw_3(rw, "Where", zero, hn_g_scalar(rw, x, 0), slope);
    hn_g_set(g, 0, hn_g_mul(rw, g->dy[0], slope));
    if (!data && !hn_g_skips(g, 1) && cast == e) {
        hn_value *ln = hn_g_where(rw, hn_rw_2(rw, "Greater", x, hn_g_scalar(rw, x, 0)), hn_rw_1(rw, "Log", x));
        hn_g_set(g, 1, hn_g_mul(rw, g->dy[0], hn_g_mul(rw, y, ln)));
    }
    return hn_rw_status(rw);
}

static hn_status cases(hn_cases *c)
{
    HN_TRY(hn_cases_binary(c, 0.5, 3, 3, HN_VALS(2, 3, 4), HN_VALS(3, 0, 1), HN_VALS(8, 1, 4)));
    hn_case(c, "constant exponent 2");
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3), -2, 2);
    hn_case_scalar(c, HN_F32, 2);
    hn_case(c, "negative base, integer exponent");
    hn_case_flag(c, HN_CASE_ONE_TYPE);
    hn_case_in(c, HN_F32, HN_DIMS(3), HN_VALS(-2, -1, 3));
    hn_case_in(c, HN_I64, HN_DIMS(3), HN_VALS(3, 4, -1));
    hn_case_const(c);
    hn_case(c, "integers");
    hn_case_flag(c, HN_CASE_ONE_TYPE);
    hn_case_in(c, HN_I64, HN_DIMS(4), HN_VALS(-2, 3, 2, -1));
    hn_case_in(c, HN_I64, HN_DIMS(4), HN_VALS(3, 4, -1, -3));
    hn_case_want(c, HN_I64, HN_DIMS(4), HN_VALS(-8, 81, 0, -1));
    hn_case(c, "integer base, float exponent");
    hn_case_flag(c, HN_CASE_ONE_TYPE);
    hn_case_in(c, HN_I32, HN_DIMS(2), HN_VALS(4, 9));
    hn_case_in(c, HN_F32, HN_DIMS(1), HN_VALS(0.5));
    hn_case_want(c, HN_I32, HN_DIMS(2), HN_VALS(2, 3));
    return hn_cases_status(c);
}

#define BASE (HN_T_FLOAT | HN_T_I32I64)
static const hn_port in[] = {{"X", BASE, 'T', false}, {"Y", HN_T_NUM, 'E', false}};
static const hn_port out[] = {{"Z", BASE, 'T', false}};
const hn_op hn_op_pow = {
    .name = "Pow",
    .domain = "",
    .since = 15,
    .doc = "z = x ^ y, broadcast, in the dtype of x. Pow([2, 3, 4], [3, 0, 1]) = [8, 1, 4].",
    .flags = HN_OP_ELEMENTWISE,
    HN_PORTS(in, 2, out),
    .infer = hn_infer_broadcast,
    .ref = ref,
    HN_GRAD(grad),
    .cases = cases,
    .quant = "compute",
};
