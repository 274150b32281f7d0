/* Slice: x[start:end:step] along some axes, with the clamping of Python. */
#include "ops/lib.h"

typedef struct cut {
    int64_t start[HN_MAX_RANK], step[HN_MAX_RANK], size[HN_MAX_RANK];
} cut;

static hn_status clamp(hn_env *env, const hn_node *node, int64_t dim, int64_t start, int64_t end, int64_t step, int d,
                       cut *s)
{
    if (step == 0) return hn_op_fail(env, node, "step 0 at axis %d", d);
    if (step == INT64_MIN) step++;
    int64_t low = step > 0 ? 0 : -1, high = step > 0 ? dim : dim - 1;
    if (start < 0) start = start < -dim ? low : start + dim;
    if (end < 0) end = end < -dim ? low : end + dim;
    start = start > high ? high : start < low ? low : start;
    end = end > high ? high : end < low ? low : end;
    int64_t span = step > 0 ? end - start : start - end, by = step > 0 ? step : -step;
    s->start[d] = start;
    s->step[d] = step;
    s->size[d] = span <= 0 ? 0 : (span - 1) / by + 1;
    /* No step is taken then, and a huge one would overflow the stride. */
    if (s->size[d] <= 1) s->step[d] = 1;
    return HN_OK;
}

/* Cuts of an input whose dims may be unknown: the size is then -1 unless the axis is left alone. */
static hn_status cuts(hn_env *env, const hn_node *node, int rank, const int64_t *dims, const hn_tensor *const in[5],
                      cut *s)
{
    int64_t list[4][HN_MAX_RANK];
    size_t n[4] = {0};
    bool seen[HN_MAX_RANK] = {false};
    for (int d = 0; d < rank; d++) s->start[d] = 0, s->step[d] = 1, s->size[d] = dims[d];
    for (int k = 0; k < 4; k++)
        if (in[k + 1]) HN_TRY(hn_op_ints(env, node, in[k + 1], HN_MAX_RANK, list[k], &n[k]));
    for (int k = 1; k < 4; k++)
        if ((in[k + 1] || k == 1) && n[k] != n[0])
            return hn_op_fail(env, node, "starts, ends, axes and steps differ in length");
    for (size_t i = 0; i < n[0]; i++) {
        int d;
        int64_t step = in[4] ? list[3][i] : 1;
        HN_TRY(hn_op_axis(env, node, in[3] ? list[2][i] : (int64_t)i, rank, &d));
        if (seen[d]) return hn_op_fail(env, node, "axis %d is cut twice", d);
        seen[d] = true;
        if (dims[d] >= 0)
            HN_TRY(clamp(env, node, dims[d], list[0][i], list[1][i], step, d, s));
        else if (list[0][i] != 0 || list[1][i] != INT64_MAX || step != 1)
            s->size[d] = -1;
    }
    return HN_OK;
}

static hn_status infer(hn_infer *c)
{
    const hn_type *x = c->in[0];
    const hn_tensor *in[5] = {NULL};
    cut s;
    c->out[0].dtype = x->dtype;
    if (x->rank < 0) return HN_OK;
    hn_type_unknown_dims(&c->out[0], x->rank);
    for (size_t k = 1; k < c->nin; k++) {
        if (c->in[k] && !c->data[k]) return HN_OK;
        in[k] = c->in[k] ? c->data[k] : NULL;
    }
    HN_TRY(cuts(c->env, c->node, x->rank, x->dims, in, &s));
    for (int d = 0; d < x->rank; d++) c->out[0].dims[d] = s.size[d];
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *x = a->in[0], *in[5] = {NULL};
    int64_t strides[HN_MAX_RANK], offset = 0;
    cut s;
    for (size_t k = 0; k < a->nin; k++) in[k] = a->in[k];
    HN_TRY(cuts(a->env, a->node, x->rank, x->dims, in, &s));
    hn_strides(x->rank, x->dims, strides);
    for (int d = 0; d < x->rank; d++) {
        offset += s.start[d] * strides[d];
        strides[d] *= s.step[d];
    }
    hn_strided_copy(a->out[0], x, offset, strides);
    return HN_OK;
}

/* dy spread along axis d so that it takes steps of one: reversed for a negative step, then zeros put between its
 * elements. */
static hn_value *spread(hn_rw *rw, hn_value *dy, int d, cut *s)
{
    int64_t n = s->size[d], by = s->step[d];
    if (by < 0) {
        hn_value *in[] = {dy, hn_rw_ints(rw, (int64_t[]){-1}, 1), hn_rw_ints(rw, (int64_t[]){INT64_MIN}, 1),
                          hn_rw_ints(rw, (int64_t[]){d}, 1), hn_rw_ints(rw, (int64_t[]){-1}, 1)};
        dy = hn_rw_op(rw, "Slice", 5, in, NULL);
        s->start[d] += (n - 1) * by;
        by = -by;
    }
    if (by == 1 || n <= 1 || !dy) return dy;
    hn_type wide = dy->type;
    int rank = wide.rank;
    int64_t groups[3] = {(int64_t)hn_dims_elems(rank, wide.dims, 0, d) * n, 1,
                         (int64_t)hn_dims_elems(rank, wide.dims, d + 1, rank)};
    hn_value *in[] = {hn_rw_reshape(rw, dy, 3, groups), hn_rw_ints(rw, (int64_t[]){0, 0, 0, 0, by - 1, 0}, 6)};
    s->size[d] = wide.dims[d] = n * by;
    return hn_rw_reshape(rw, hn_rw_op(rw, "Pad", 2, in, NULL), rank, wide.dims);
}

static hn_status grad(hn_gradargs *g)
{
    const hn_node *n = g->node;
    hn_rw *rw = g->rw;
    const hn_type *x = &n->in[0]->type;
    const hn_tensor *in[5] = {NULL};
    int64_t pads[2 * HN_MAX_RANK];
    cut s;
    if (hn_g_skips(g, 0)) return HN_OK;
    for (size_t k = 1; k < n->nin; k++) {
        in[k] = hn_node_const(n, k);
        if (n->in[k] && !in[k])
            return hn_op_unsupported(rw->graph->env, n, "the gradient needs constant starts, ends and steps");
    }
    if (hn_type_elems(&n->out[0]->type) == 0) {
        g->dx[0] = hn_g_zeros(rw, n->in[0]);
        return hn_rw_status(rw);
    }
    HN_TRY(cuts(rw->graph->env, n, x->rank, x->dims, in, &s));
    hn_value *dx = g->dy[0];
    for (int d = 0; d < x->rank; d++) {
        dx = spread(rw, dx, d, &s);
        pads[d] = s.start[d];
        pads[x->rank + d] = x->dims[d] - s.start[d] - s.size[d];
    }
    hn_value *pad[] = {dx, hn_rw_ints(rw, pads, 2 * (size_t)x->rank)};
    g->dx[0] = hn_rw_op(rw, "Pad", 2, pad, NULL);
    return hn_rw_status(rw);
}

/* Along an axis that is not named, or of which everything is taken. */
static bool shard(hn_shard *s)
{
    const hn_tensor *t[5] = {NULL};
    int axis, a = s->in[0], rank = s->node->in[0]->type.rank;
    if (a == HN_WHOLE || !hn_shard_others_whole(s, 1)) return false;
    for (size_t i = 1; i < s->node->nin && i < 5; i++) {
        t[i] = hn_node_const(s->node, i);
        if (s->node->in[i] && (!t[i] || !hn_dtype_is_int(t[i]->dtype))) return false;
    }
    for (size_t i = 0; i < hn_tensor_elems(t[1]); i++) {
        if (!hn_axis(t[3] ? hn_get_i64(t[3], i) : (int64_t)i, rank, &axis)) return false;
        if (axis != a) continue;
        if (hn_get_i64(t[1], i) != 0 || hn_get_i64(t[2], i) < s->node->in[0]->type.dims[a]) return false;
        if (t[4] && hn_get_i64(t[4], i) != 1) return false;
    }
    return hn_shard_all(s, a);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_in(c, HN_F32, HN_DIMS(4), HN_VALS(1, 2, 3, 4));
    hn_case_axes(c, 1, (int64_t[]){1});
    hn_case_axes(c, 1, (int64_t[]){4});
    hn_case_axes(c, 1, (int64_t[]){0});
    hn_case_axes(c, 1, (int64_t[]){2});
    hn_case_want(c, HN_F32, HN_DIMS(2), HN_VALS(2, 4));
    hn_case(c, "no axes, clamped end");
    hn_case_rand(c, HN_F32, HN_DIMS(3, 4), -2, 2);
    hn_case_axes(c, 2, (int64_t[]){1, 0});
    hn_case_axes(c, 2, (int64_t[]){1000, -1});
    hn_case(c, "negative and long steps");
    hn_case_rand(c, HN_F32, HN_DIMS(5, 2, 7), -2, 2);
    hn_case_axes(c, 2, (int64_t[]){-1, 6});
    hn_case_axes(c, 2, (int64_t[]){INT64_MIN, 0});
    hn_case_axes(c, 2, (int64_t[]){0, -1});
    hn_case_axes(c, 2, (int64_t[]){-1, -3});
    hn_case(c, "stride 2 in two axes");
    hn_case_rand(c, HN_F32, HN_DIMS(1, 2, 5, 4), -2, 2);
    hn_case_axes(c, 2, (int64_t[]){0, 0});
    hn_case_axes(c, 2, (int64_t[]){INT64_MAX, INT64_MAX});
    hn_case_axes(c, 2, (int64_t[]){2, 3});
    hn_case_axes(c, 2, (int64_t[]){2, 2});
    hn_case(c, "nothing left");
    hn_case_rand(c, HN_F32, HN_DIMS(3, 2), -2, 2);
    hn_case_axes(c, 1, (int64_t[]){2});
    hn_case_axes(c, 1, (int64_t[]){1});
    hn_case(c, "step 0");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(3), -2, 2);
    hn_case_axes(c, 1, (int64_t[]){0});
    hn_case_axes(c, 1, (int64_t[]){1});
    hn_case_axes(c, 1, (int64_t[]){0});
    hn_case_axes(c, 1, (int64_t[]){0});
    return hn_cases_status(c);
}

static const hn_port in[] = {{"data", HN_T_ALL, 'T', false},
                             {"starts", HN_T_I32I64, 'I', false},
                             {"ends", HN_T_I32I64, 'I', false},
                             {"axes", HN_T_I32I64, 'I', true},
                             {"steps", HN_T_I32I64, 'I', true}};
static const hn_port out[] = {{"output", HN_T_ALL, 'T', false}};
const hn_op hn_op_slice = {
    .name = "Slice",
    .domain = "",
    .since = 13,
    .doc = "y = x[start:end:step] along the named axes (default: the first ones, step 1). Slice([1, 2, 3, 4], "
           "starts [1], ends [4], axes [0], steps [2]) = [2, 4].",
    HN_PORTS(in, 3, out),
    .infer = infer,
    .ref = ref,
    HN_GRAD(grad),
    .shard = shard,
    .cases = cases,
    .quant = "same",
};
