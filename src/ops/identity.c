/* Identity: y = x. */
#include "ops/lib.h"

static hn_status ref(const hn_refargs *a)
{
    return hn_ref_copy(a);
}

static hn_status grad(hn_gradargs *g)
{
    if (!hn_g_skips(g, 0)) g->dx[0] = g->dy[0];
    return HN_OK;
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_in(c, HN_F32, HN_DIMS(2), HN_VALS(1, 2));
    hn_case_want(c, HN_F32, HN_DIMS(2), HN_VALS(1, 2));
    hn_case(c, "rank 3");
    hn_case_rand(c, HN_F32, HN_DIMS(2, 1, 3), -2, 2);
    hn_case(c, "empty");
    hn_case_rand(c, HN_F32, HN_DIMS(0, 2), -2, 2);
    hn_case(c, "a sequence");
    hn_case_list(c, HN_KIND_SEQUENCE, HN_F32);
    hn_case_in(c, HN_F32, HN_DIMS(1), HN_VALS(1));
    hn_case_end(c);
    hn_case_want_list(c, HN_KIND_SEQUENCE, HN_F32);
    hn_case_in(c, HN_F32, HN_DIMS(1), HN_VALS(1));
    hn_case_end(c);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"input", HN_T_ANY, 'T', false}};
static const hn_port out[] = {{"output", HN_T_ANY, 'T', false}};
const hn_op hn_op_identity = {
    .name = "Identity",
    .domain = "",
    .since = 25,
    .doc = "y = x. Identity([1, 2]) = [1, 2].",
    .flags = HN_OP_VIEW | HN_OP_ELEMENTWISE,
    HN_PORTS(in, 1, out),
    .infer = hn_infer_same,
    .ref = ref,
    HN_GRAD(grad),
    .cases = cases,
    .quant = "same",
};
