/* Softmax: exp(x - max) / sum along one axis. A slice of -inf gives NaN, like the formula. */
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
    double *x;
    int axis;
    HN_TRY(hn_op_axis(a->env, a->node, hn_attr_int(a->node, "axis", -1), a->in[0]->rank, &axis));
    HN_TRY(hn_nn_load(a, 0, &x));
    hn_nn_split s = hn_nn_split_at(a->in[0], axis);
    for (size_t i = 0; i < s.outer * s.inner; i++) {
        double *row = x + i / s.inner * s.len * s.inner + i % s.inner, max = -HUGE_VAL, sum = 0;
        for (size_t j = 0; j < s.len; j++) max = fmax(max, row[j * s.inner]);
        for (size_t j = 0; j < s.len; j++) sum += row[j * s.inner] = exp(row[j * s.inner] - max);
        for (size_t j = 0; j < s.len; j++) row[j * s.inner] /= sum;
    }
    hn_nn_store(a->out[0], x);
    return HN_OK;
}

/* dx = (dy - sum(dy y)) y */
static hn_status grad(hn_gradargs *g)
{
    hn_value *y = g->node->out[0], *dy = g->dy[0];
    int64_t axis = hn_attr_int(g->node, "axis", -1);
    if (!dy) return HN_OK;
    if (axis < 0) axis += y->type.rank;
    hn_value *sum = hn_rw_reduce_sum(g->rw, hn_g_mul(g->rw, dy, y), &axis, 1, true);
    g->dx[0] = hn_g_mul(g->rw, hn_g_sub(g->rw, dy, sum), y);
    return hn_rw_status(g->rw);
}

static void cost(const hn_node *n, hn_cost *cost)
{
    hn_nn_cost_per_elem(n, cost, 5);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_in(c, HN_F32, HN_DIMS(2), HN_VALS(0, 0));
    hn_case_want(c, HN_F32, HN_DIMS(2), HN_VALS(0.5, 0.5));
    for (int64_t axis = -1; axis < 3; axis++) {
        static const char *const names[] = {"last axis", "axis 0", "axis 1", "axis 2"};
        hn_case(c, names[axis + 1]);
        hn_case_int(c, "axis", axis);
        hn_case_rand(c, HN_F32, HN_DIMS(2, 3, 4), -4, 4);
    }
    hn_case(c, "long rows");
    hn_case_flag(c, HN_CASE_NO_GRAD);
    hn_case_rand(c, HN_F32, HN_DIMS(3, 37), -4, 4);
    hn_case(c, "huge values");
    hn_case_flag(c, HN_CASE_NO_GRAD | HN_CASE_ONE_TYPE | HN_CASE_INEXACT);
    hn_case_in(c, HN_F32, HN_DIMS(2, 2), HN_VALS(1e30, -1e30, 10000, 10001));
    hn_case_want(c, HN_F32, HN_DIMS(2, 2), HN_VALS(1, 0, 0.26894142, 0.73105858));
    hn_case(c, "minus infinity");
    hn_case_flag(c, HN_CASE_NO_GRAD);
    hn_case_in(c, HN_F32, HN_DIMS(3), HN_VALS(-HUGE_VAL, 0, 0));
    hn_case_want(c, HN_F32, HN_DIMS(3), HN_VALS(0, 0.5, 0.5));
    hn_case(c, "size 1 and empty");
    hn_case_int(c, "axis", 1);
    hn_case_rand(c, HN_F32, HN_DIMS(0, 1, 2), -4, 4);
    hn_case(c, "axis outside");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_int(c, "axis", 2);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3), -4, 4);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"input", HN_T_FLOAT, 'T', false}};
static const hn_port out[] = {{"output", HN_T_FLOAT, 'T', false}};
static const hn_attr_row attrs[] = {{"axis", HN_ATTR_INT, false, "-1", "the axis that sums to 1"}, {0}};

const hn_op hn_op_softmax = {
    .name = "Softmax",
    .domain = "",
    .since = 13,
    .doc = "y = exp(x - max(x)) / sum(exp(x - max(x))) along axis. softmax([0, 0]) = [0.5, 0.5].",
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD(grad),
    .cost = cost,
    .shard = hn_shard_off_axis,
    .cases = cases,
    .quant = "",
};
