/* Erf: y = 2 / sqrt(pi) * integral of exp(-t^2) from 0 to x. */
#include "ops/lib.h"

static hn_status ref(const hn_refargs *a)
{
    return hn_ref_unary(a, &(hn_fn1){.f = erf}, NULL);
}

static hn_status grad(hn_gradargs *g)
{
    hn_rw *rw = g->rw;
    hn_value *x = hn_node_in(g->node, 0);
    g->dx[0] = hn_g_mul(rw, hn_g_scale(rw, g->dy[0], 1.1283791670955126),
                        hn_rw_1(rw, "Exp", hn_g_neg(rw, hn_g_mul(rw, x, x))));
    return hn_rw_status(g->rw);
}

static hn_status cases(hn_cases *c)
{
    return hn_cases_unary(c, -2, 2, 3, HN_VALS(-1, 0, 1), HN_VALS(-0.8427007929497149, 0, 0.8427007929497149));
}

static const hn_port in[] = {{"X", HN_T_NUM, 'T', false}};
static const hn_port out[] = {{"Y", HN_T_NUM, 'T', false}};
const hn_op hn_op_erf = {
    .name = "Erf",
    .domain = "",
    .since = 13,
    .doc = "y = 2 / sqrt(pi) * integral of exp(-t^2) from 0 to x. Erf([-1, 0, 1]) = [-0.8427007929497149, 0, "
           "0.8427007929497149].",
    .flags = HN_OP_ELEMENTWISE,
    HN_PORTS(in, 1, out),
    .infer = hn_infer_same,
    .ref = ref,
    HN_GRAD(grad),
    .cases = cases,
    .quant = "lut",
};
