/* Hardmax: 1 at the first largest element along one axis, else 0. */
#include "ops/lib_nn.h"

static hn_status infer(hn_infer *c)
{
    int axis;
    if (c->in[0]->rank >= 0) {
        HN_TRY(hn_op_axis(c->env, c->node, hn_attr_int(c->node, "axis", -1), c->in[0]->rank, &axis));
    }
    return hn_infer_same(c);
}

static hn_status ref(const hn_refargs *a)
{
    int axis;
    HN_TRY(hn_op_axis(a->env, a->node, hn_attr_int(a->node, "axis", -1), a->in[0]->rank, &axis));
    hn_nn_split s = hn_nn_split_at(a->in[0], axis);
    for (size_t i = 0; s.len > 0 && i < s.outer * s.inner; i++) {
        size_t base = i / s.inner * s.len * s.inner + i % s.inner, best = 0;
        for (size_t j = 1; j < s.len; j++) {
            if (hn_get_f64(a->in[0], base + j * s.inner) > hn_get_f64(a->in[0], base + best * s.inner)) best = j;
        }
        hn_set_f64(a->out[0], base + best * s.inner, 1);
    }
    return HN_OK;
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_flag(c, HN_CASE_NO_GRAD);
    hn_case_in(c, HN_F32, HN_DIMS(2, 3), HN_VALS(1, 3, 3, 2, 0, 1));
    hn_case_want(c, HN_F32, HN_DIMS(2, 3), HN_VALS(0, 1, 0, 1, 0, 0));
    hn_case(c, "axis 0");
    hn_case_int(c, "axis", 0);
    hn_case_rand(c, HN_F32, HN_DIMS(3, 2, 2), -1, 1);
    hn_case(c, "axis outside");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_int(c, "axis", -3);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3), -4, 4);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"input", HN_T_FLOAT, 'T', false}};
static const hn_port out[] = {{"output", HN_T_FLOAT, 'T', false}};
static const hn_attr_row attrs[] = {{"axis", HN_ATTR_INT, false, "-1", "the axis that is searched"}, {0}};

const hn_op hn_op_hardmax = {
    .name = "Hardmax",
    .domain = "",
    .since = 13,
    .doc = "y = 1 at the first largest element along axis, else 0. [[1,3,3],[2,0,1]] gives [[0,1,0],[1,0,0]].",
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    .grad_kind = HN_GRAD_ZERO,
    .shard = hn_shard_off_axis,
    .cases = cases,
    .quant = "",
};
