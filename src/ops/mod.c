/* Mod: the remainder; fmod = 0 has the sign of the divisor (as Python %), fmod = 1 that of the dividend (as C). */
#include "ops/lib.h"

static double f_floor(double a, double b)
{
    double r = fmod(a, b);
    if (r == 0) return copysign(0, b);
    return (r < 0) != (b < 0) ? r + b : r;
}

static int64_t i_trunc(int64_t a, int64_t b)
{
    return b == 0 || b == -1 ? 0 : a % b;
}
static int64_t i_floor(int64_t a, int64_t b)
{
    int64_t r = i_trunc(a, b);
    return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}
static uint64_t u(uint64_t a, uint64_t b)
{
    return b == 0 ? 0 : a % b;
}

static hn_status ref(const hn_refargs *a)
{
    bool c_sign = hn_attr_int(a->node, "fmod", 0) != 0;
    return hn_ref_binary(a, &(hn_fn2){.f = c_sign ? fmod : f_floor, .i = c_sign ? i_trunc : i_floor, .u = u});
}

/* c = a - q b with q locally constant: dc/da = 1, dc/db = -q = (c - a) / b. */
static hn_status grad(hn_gradargs *g)
{
    hn_rw *rw = g->rw;
    hn_value *a = g->node->in[0], *b = g->node->in[1];
    if (hn_g_skips(g, 0)) return HN_OK;
    hn_g_set(g, 0, g->dy[0]);
    hn_g_set(g, 1, hn_g_mul(rw, g->dy[0], hn_g_div(rw, hn_g_sub(rw, g->node->out[0], a), b)));
    return hn_rw_status(rw);
}

static hn_status cases(hn_cases *c)
{
    HN_TRY(hn_cases_binary(c, 1, 9, 3, HN_VALS(7, -7, 7), HN_VALS(3, 3, -3), HN_VALS(1, 2, -2)));
    hn_case(c, "sign of the dividend");
    hn_case_int(c, "fmod", 1);
    hn_case_in(c, HN_F32, HN_DIMS(4), HN_VALS(7, -7, 7, -7.5));
    hn_case_in(c, HN_F32, HN_DIMS(4), HN_VALS(3, 3, -3, 2));
    hn_case_want(c, HN_F32, HN_DIMS(4), HN_VALS(1, -1, 1, -1.5));
    hn_case_flag(c, HN_CASE_ONE_TYPE);
    hn_case(c, "infinities, zeros");
    hn_case_flag(c, HN_CASE_ONE_TYPE | HN_CASE_NO_GRAD);
    hn_case_in(c, HN_F32, HN_DIMS(5), HN_VALS(7, -7, INFINITY, 1, 0));
    hn_case_in(c, HN_F32, HN_DIMS(5), HN_VALS(INFINITY, INFINITY, 3, 0, -3));
    hn_case_want(c, HN_F32, HN_DIMS(5), HN_VALS(7, INFINITY, NAN, NAN, -0.0));
    return hn_cases_status(c);
}

static const hn_port in[] = {{"A", HN_T_NUM, 'T', false}, {"B", HN_T_NUM, 'T', false}};
static const hn_port out[] = {{"C", HN_T_NUM, 'T', false}};
static const hn_attr_row attrs[] = {
    {"fmod", HN_ATTR_INT, false, "0", "1: sign of the dividend"},
    {0},
};
const hn_op hn_op_mod = {
    .name = "Mod",
    .domain = "",
    .since = 28,
    .doc = "c = a - b * q, q = floor(a / b), or truncated with fmod = 1; integer x mod 0 is 0. Mod([7, -7, 7], [3, 3, "
           "-3]) = [1, 2, -2].",
    .flags = HN_OP_ELEMENTWISE,
    HN_PORTS(in, 2, out),
    .attrs = attrs,
    .infer = hn_infer_broadcast,
    .ref = ref,
    HN_GRAD(grad),
    .cases = cases,
    .quant = "compute",
};
