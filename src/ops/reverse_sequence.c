/* ReverseSequence: the first sequence_lens[b] elements of each sequence b turned round. */
#include "ops/lib.h"

static hn_status axes(hn_env *env, const hn_node *node, int rank, int *batch, int *time)
{
    HN_TRY(hn_op_axis(env, node, hn_attr_int(node, "batch_axis", 1), rank, batch));
    HN_TRY(hn_op_axis(env, node, hn_attr_int(node, "time_axis", 0), rank, time));
    if (*batch == *time) return hn_op_fail(env, node, "batch and time are the same axis");
    return HN_OK;
}

static hn_status infer(hn_infer *c)
{
    int batch, time;
    if (c->in[0]->rank >= 0) HN_TRY(axes(c->env, c->node, c->in[0]->rank, &batch, &time));
    return hn_infer_same(c);
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *x = a->in[0], *lens = a->in[1];
    int batch, time;
    int64_t strides[HN_MAX_RANK];
    size_t n = hn_tensor_elems(x);
    hn_walk w;
    HN_TRY(axes(a->env, a->node, x->rank, &batch, &time));
    if (hn_tensor_elems(lens) != (size_t)x->dims[batch])
        return hn_op_fail(a->env, a->node, "%zu lengths for %lld sequences", hn_tensor_elems(lens),
                          (long long)x->dims[batch]);
    hn_strides(x->rank, x->dims, strides);
    hn_walk_init(&w, x->rank, x->dims);
    for (size_t i = 0; i < n; i++, hn_walk_next(&w)) {
        int64_t t = w.at[time], len = hn_get_i64(lens, (size_t)w.at[batch]);
        if (len < 0 || len > x->dims[time])
            return hn_op_fail(a->env, a->node, "length %lld of %lld", (long long)len, (long long)x->dims[time]);
        int64_t shift = t < len ? (len - 1 - 2 * t) * strides[time] : 0;
        hn_elem_copy(a->out[0], i, x, (size_t)((int64_t)i + shift));
    }
    return HN_OK;
}

static hn_status grad(hn_gradargs *g)
{
    const hn_node *n = g->node;
    if (hn_g_skips(g, 0)) return HN_OK;
    hn_value *in[] = {g->dy[0], n->in[1]};
    const hn_rw_attr attrs[] = {HN_A_INT("batch_axis", hn_attr_int(n, "batch_axis", 1)),
                                HN_A_INT("time_axis", hn_attr_int(n, "time_axis", 0)),
                                {0}};
    g->dx[0] = hn_rw_op(g->rw, "ReverseSequence", 2, in, attrs);
    return hn_rw_status(g->rw);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_in(c, HN_F32, HN_DIMS(3, 2), HN_VALS(1, 4, 2, 5, 3, 6));
    hn_case_in_i64(c, HN_DIMS(2), (int64_t[]){3, 2});
    hn_case_want(c, HN_F32, HN_DIMS(3, 2), HN_VALS(3, 5, 2, 4, 1, 6));
    hn_case(c, "batch first");
    hn_case_int(c, "batch_axis", 0);
    hn_case_int(c, "time_axis", 1);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 4, 2), -2, 2);
    hn_case_in_i64(c, HN_DIMS(2), (int64_t[]){1, 4});
    hn_case(c, "empty");
    hn_case_rand(c, HN_F32, HN_DIMS(0, 2), -2, 2);
    hn_case_in_i64(c, HN_DIMS(2), (int64_t[]){0, 0});
    hn_case(c, "too long");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 1), -2, 2);
    hn_case_in_i64(c, HN_DIMS(1), (int64_t[]){3});
    return hn_cases_status(c);
}

static const hn_port in[] = {{"input", HN_T_ALL, 'T', false}, {"sequence_lens", HN_T_I64, 0, false}};
static const hn_port out[] = {{"Y", HN_T_ALL, 'T', false}};
static const hn_attr_row attrs[] = {
    {"batch_axis", HN_ATTR_INT, false, "1", "axis of the sequences"},
    {"time_axis", HN_ATTR_INT, false, "0", "axis along the sequences"},
    {0},
};
const hn_op hn_op_reverse_sequence = {
    .name = "ReverseSequence",
    .domain = "",
    .since = 28,
    .doc = "y[t, b] = x[len_b - 1 - t, b] for t < len_b, else x[t, b]. ReverseSequence([[1, 4], [2, 5], [3, 6]],"
           " lens [3, 2]) = [[3, 5], [2, 4], [1, 6]].",
    HN_PORTS(in, 2, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD(grad),
    .cases = cases,
    .quant = "same",
};
