/* Pad: elements put before and after x along some axes; negative pads crop. */
#include "ops/lib.h"

static const char *const modes[] = {"constant", "reflect", "edge", "wrap"};
typedef enum pad_mode { CONSTANT, REFLECT, EDGE, WRAP } pad_mode;

static hn_status mode_of(hn_env *env, const hn_node *node, pad_mode *mode)
{
    for (int m = 0; m < 4; m++) {
        *mode = (pad_mode)m;
        if (hn_attr_is(node, "mode", modes[m])) return HN_OK;
    }
    return hn_op_fail(env, node, "mode must be constant, reflect, edge or wrap");
}

#define MOST (INT64_C(1) << 40)

static hn_status pads_of(hn_env *env, const hn_node *node, int rank, const hn_tensor *pads, const hn_tensor *axes,
                         int64_t before[HN_MAX_RANK], int64_t after[HN_MAX_RANK])
{
    int64_t list[2 * HN_MAX_RANK], which[HN_MAX_RANK];
    size_t n, m = (size_t)rank;
    bool flag[HN_MAX_RANK];
    HN_TRY(hn_op_ints(env, node, pads, 2 * HN_MAX_RANK, list, &n));
    for (int d = 0; d < rank; d++) before[d] = after[d] = 0, which[d] = d;
    if (axes) HN_TRY(hn_op_ints(env, node, axes, HN_MAX_RANK, which, &m));
    for (size_t i = 0; i < n; i++)
        if (list[i] > MOST || list[i] < -MOST) return hn_op_fail(env, node, "a pad of %lld", (long long)list[i]);
    if (n != 2 * m) return hn_op_fail(env, node, "%zu pads for %zu axes", n, m);
    HN_TRY(hn_op_axes(env, node, m, which, rank, false, flag));
    for (size_t i = 0; i < m; i++) {
        int64_t d = which[i] < 0 ? which[i] + rank : which[i];
        before[d] = list[i];
        after[d] = list[m + i];
    }
    return HN_OK;
}

static hn_status infer(hn_infer *c)
{
    const hn_type *x = c->in[0];
    hn_type *y = &c->out[0];
    int64_t before[HN_MAX_RANK], after[HN_MAX_RANK];
    pad_mode mode;
    HN_TRY(mode_of(c->env, c->node, &mode));
    y->dtype = x->dtype;
    if (x->rank < 0) return HN_OK;
    hn_type_unknown_dims(y, x->rank);
    if (c->nin > 2 && c->data[2] && hn_tensor_elems(c->data[2]) != 1)
        return hn_op_fail(c->env, c->node, "the constant has %zu elements, not 1", hn_tensor_elems(c->data[2]));
    bool axes = c->nin > 3 && c->in[3];
    if (!c->data[1] || (axes && !c->data[3])) return HN_OK;
    HN_TRY(pads_of(c->env, c->node, x->rank, c->data[1], axes ? c->data[3] : NULL, before, after));
    for (int d = 0; d < x->rank; d++) {
        int64_t grow = 0;
        if (!hn_i64_add(before[d], after[d], &grow))
            return hn_op_fail(c->env, c->node, "pads of axis %d are too large", d);
        if (grow == 0 && before[d] == 0) y->dims[d] = x->dims[d];
        if (x->dims[d] < 0) continue;
        if (!hn_i64_add(x->dims[d], grow, &y->dims[d]) || y->dims[d] < 0)
            return hn_op_fail(c->env, c->node, "axis %d of size %lld cannot take pads %lld and %lld", d,
                              (long long)x->dims[d], (long long)before[d], (long long)after[d]);
        if (mode != CONSTANT && x->dims[d] == 0 && y->dims[d] > 0)
            return hn_op_fail(c->env, c->node, "axis %d is empty: nothing to repeat", d);
    }
    return HN_OK;
}

/* Where element i of the padded axis comes from: an index into n elements, or -1 for the constant. */
static int64_t source(pad_mode mode, int64_t i, int64_t n)
{
    if (i >= 0 && i < n) return i;
    if (mode == CONSTANT) return -1;
    if (mode == EDGE) return i < 0 ? 0 : n - 1;
    int64_t period = mode == WRAP ? n : 2 * n - 2;
    if (n == 1) return 0;
    i %= period;
    if (i < 0) i += period;
    return i < n ? i : period - i;
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *x = a->in[0], *y = a->out[0], *fill = a->nin > 2 ? a->in[2] : NULL;
    int64_t before[HN_MAX_RANK], after[HN_MAX_RANK], strides[HN_MAX_RANK];
    pad_mode mode;
    HN_TRY(mode_of(a->env, a->node, &mode));
    HN_TRY(pads_of(a->env, a->node, x->rank, a->in[1], a->nin > 3 ? a->in[3] : NULL, before, after));
    hn_strides(x->rank, x->dims, strides);
    hn_walk w;
    hn_walk_init(&w, y->rank, y->dims);
    size_t n = hn_tensor_elems(y);
    for (size_t i = 0; i < n; i++, hn_walk_next(&w)) {
        int64_t at = 0;
        for (int d = 0; d < y->rank && at >= 0; d++) {
            int64_t from = source(mode, w.at[d] - before[d], x->dims[d]);
            at = from < 0 ? -1 : at + from * strides[d];
        }
        if (at >= 0)
            hn_elem_copy(y, i, x, (size_t)at);
        else if (fill)
            hn_elem_copy(y, i, fill, 0);
    }
    return HN_OK;
}

/* Crops back what a constant was put around; the other modes gather along each padded axis, so theirs adds up per
 * source. */
static hn_status grad(hn_gradargs *g)
{
    const hn_node *n = g->node;
    hn_rw *rw = g->rw;
    hn_env *env = rw->graph->env;
    const hn_type *x = &n->in[0]->type, *y = &n->out[0]->type;
    int64_t before[HN_MAX_RANK], after[HN_MAX_RANK], back[2 * HN_MAX_RANK];
    pad_mode mode;
    if (hn_g_skips(g, 0)) return HN_OK;
    HN_TRY(mode_of(env, n, &mode));
    if (!hn_node_const(n, 1) || (hn_node_in(n, 3) && !hn_node_const(n, 3)))
        return hn_op_unsupported(env, n, "the gradient needs constant pads");
    HN_TRY(pads_of(env, n, x->rank, hn_node_const(n, 1), hn_node_const(n, 3), before, after));
    if (mode == CONSTANT) {
        for (int d = 0; d < x->rank; d++) back[d] = -before[d], back[x->rank + d] = -after[d];
        hn_value *in[] = {g->dy[0], hn_rw_ints(rw, back, 2 * (size_t)x->rank)};
        g->dx[0] = hn_rw_op(rw, "Pad", 2, in, NULL);
        if (hn_node_in(n, 2) && !n->in[2]->data) {
            hn_value *rest = hn_g_sub(rw, hn_rw_reduce_sum(rw, g->dy[0], NULL, 0, false),
                                      hn_rw_reduce_sum(rw, g->dx[0], NULL, 0, false));
            g->dx[2] = hn_g_like(rw, rest, n->in[2]);
        }
        return hn_rw_status(rw);
    }
    hn_value *dx = g->dy[0];
    for (int d = 0; d < x->rank; d++) {
        hn_tensor *t;
        if (before[d] == 0 && after[d] == 0) continue;
        hn_value *index = hn_rw_const_new(rw, HN_I64, 1, &y->dims[d], &t);
        if (!index || !dx) return hn_rw_status(rw);
        for (int64_t i = 0; i < y->dims[d]; i++) hn_set_i64(t, (size_t)i, source(mode, i - before[d], x->dims[d]));
        hn_type to = dx->type;
        to.dims[d] = x->dims[d];
        dx = hn_g_scatter_axis(rw, dx, index, d, &to);
    }
    g->dx[0] = dx;
    return hn_rw_status(rw);
}

static bool shard(hn_shard *s)
{
    const hn_tensor *pads = hn_node_const(s->node, 1), *axes = hn_node_const(s->node, 3);
    int64_t before[HN_MAX_RANK], after[HN_MAX_RANK];
    int rank = s->node->in[0]->type.rank, a = s->in[0];
    if (a == HN_WHOLE || !hn_shard_others_whole(s, 1) || !pads || (hn_node_in(s->node, 3) && !axes)) return false;
    if (pads_of(s->node->graph->env, s->node, rank, pads, axes, before, after) != HN_OK) return false;
    return before[a] == 0 && after[a] == 0 && hn_shard_all(s, a);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_in(c, HN_F32, HN_DIMS(2), HN_VALS(1, 2));
    hn_case_axes(c, 2, (int64_t[]){1, 1});
    hn_case_want(c, HN_F32, HN_DIMS(4), HN_VALS(0, 1, 2, 0));
    hn_case(c, "constant, axes");
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3, 2), -2, 2);
    hn_case_axes(c, 4, (int64_t[]){0, 2, 1, 0});
    hn_case_in(c, HN_F32, HN_NO_DIMS, HN_VALS(1.5));
    hn_case_axes(c, 2, (int64_t[]){-1, 0});
    hn_case(c, "crop one side, pad the other");
    hn_case_rand(c, HN_F32, HN_DIMS(4, 3), -2, 2);
    hn_case_axes(c, 4, (int64_t[]){-1, 0, 2, -1});
    hn_case(c, "reflect");
    hn_case_string(c, "mode", "reflect");
    hn_case_in(c, HN_F32, HN_DIMS(3), HN_VALS(1, 2, 3));
    hn_case_axes(c, 2, (int64_t[]){2, 1});
    hn_case_want(c, HN_F32, HN_DIMS(6), HN_VALS(3, 2, 1, 2, 3, 2));
    hn_case(c, "edge in two axes");
    hn_case_string(c, "mode", "edge");
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3), -2, 2);
    hn_case_axes(c, 4, (int64_t[]){1, 2, 0, 1});
    hn_case(c, "wrap");
    hn_case_string(c, "mode", "wrap");
    hn_case_in(c, HN_F32, HN_DIMS(3), HN_VALS(1, 2, 3));
    hn_case_axes(c, 2, (int64_t[]){2, 1});
    hn_case_want(c, HN_F32, HN_DIMS(6), HN_VALS(2, 3, 1, 2, 3, 1));
    hn_case(c, "from nothing");
    hn_case_rand(c, HN_F32, HN_DIMS(0), -2, 2);
    hn_case_axes(c, 2, (int64_t[]){1, 1});
    hn_case(c, "wrong number of pads");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 2), -2, 2);
    hn_case_axes(c, 2, (int64_t[]){1, 1});
    return hn_cases_status(c);
}

static const hn_port in[] = {{"data", HN_T_ALL, 'T', false},
                             {"pads", HN_T_I64, 0, false},
                             {"constant_value", HN_T_ALL, 'T', true},
                             {"axes", HN_T_I32I64, 0, true}};
static const hn_port out[] = {{"output", HN_T_ALL, 'T', false}};
static const hn_attr_row attrs[] = {
    {"mode", HN_ATTR_STRING, false, "constant", "constant, reflect, edge or wrap"},
    {0},
};
const hn_op hn_op_pad = {
    .name = "Pad",
    .domain = "",
    .since = 25,
    .doc = "y = x with pads [before..., after...] filled by the constant, or by reflecting, repeating the edge, "
           "or wrapping x. Pad([1, 2], pads [1, 1], constant 0) = [0, 1, 2, 0].",
    HN_PORTS(in, 2, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD(grad),
    .shard = shard,
    .cases = cases,
    .quant = "same",
};
