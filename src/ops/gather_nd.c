/* GatherND: slices of x at index tuples, after batch_dims shared leading axes. */
#include "ops/lib.h"

static hn_status infer(hn_infer *c)
{
    const hn_type *x = c->in[0], *index = c->in[1];
    hn_type *y = &c->out[0];
    int64_t batch = hn_attr_int(c->node, "batch_dims", 0);
    y->dtype = x->dtype;
    if (x->rank < 0 || index->rank < 0) return HN_OK;
    if (index->rank == 0 || batch < 0 || batch >= index->rank || batch >= x->rank)
        return hn_op_fail(c->env, c->node, "batch_dims is %lld with ranks %d and %d", (long long)batch, x->rank,
                          index->rank);
    int64_t tuple = index->dims[index->rank - 1];
    if (tuple < 0) return HN_OK;
    if (tuple == 0 || tuple + batch > x->rank)
        return hn_op_fail(c->env, c->node, "index tuples of %lld for rank %d", (long long)tuple, x->rank);
    int rank = index->rank - 1 + x->rank - (int)(batch + tuple);
    if (rank > HN_MAX_RANK) return hn_op_fail(c->env, c->node, "the result has more than %d axes", HN_MAX_RANK);
    y->rank = 0;
    for (int d = 0; d < index->rank - 1; d++) y->dims[y->rank++] = index->dims[d];
    for (int d = 0; d < (int)batch; d++)
        if (!hn_dim_meet(y->dims[d], x->dims[d], &y->dims[d]))
            return hn_op_fail(c->env, c->node, "batch axis %d differs", d);
    for (int d = (int)(batch + tuple); d < x->rank; d++) y->dims[y->rank++] = x->dims[d];
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *x = a->in[0], *index = a->in[1];
    int batch = (int)hn_attr_int(a->node, "batch_dims", 0), tuple = (int)index->dims[index->rank - 1];
    size_t outer = hn_dims_elems(index->rank, index->dims, 0, batch);
    size_t each = hn_dims_elems(index->rank, index->dims, batch, index->rank - 1);
    size_t run = hn_dims_elems(x->rank, x->dims, batch + tuple, x->rank);
    size_t block = hn_dims_elems(x->rank, x->dims, batch, x->rank);
    for (size_t k = 0; k < outer * each; k++) {
        size_t at = 0;
        HN_TRY(hn_op_tuple(a->env, a->node, index, k * (size_t)tuple, tuple, x->dims + batch, &at));
        hn_elems_copy(a->out[0], k * run, x, k / each * block + at * run, run);
    }
    return HN_OK;
}

/* The batch axes become leading entries of the tuples, so that one ScatterND adds up everything. */
static hn_status grad(hn_gradargs *g)
{
    hn_rw *rw = g->rw;
    const hn_node *n = g->node;
    hn_value *index = n->in[1];
    int64_t batch = hn_attr_int(n, "batch_dims", 0);
    if (hn_g_skips(g, 0)) return HN_OK;
    if (batch > 0) {
        hn_type t = index->type;
        hn_tensor *fill;
        t.dims[t.rank - 1] = batch;
        hn_value *lead = hn_rw_const_new(rw, HN_I64, t.rank, t.dims, &fill);
        if (!lead) return hn_rw_status(rw);
        hn_walk w;
        hn_walk_init(&w, t.rank, t.dims);
        for (size_t i = 0; i < hn_tensor_elems(fill); i++, hn_walk_next(&w))
            hn_set_i64(fill, i, w.at[w.at[t.rank - 1]]);
        hn_value *both[] = {lead, index};
        index = hn_rw_op(rw, "Concat", 2, both, (const hn_rw_attr[]){HN_A_INT("axis", -1), {0}});
    }
    hn_value *in[] = {hn_g_zeros(rw, n->in[0]), index, g->dy[0]};
    g->dx[0] = hn_rw_op(rw, "ScatterND", 3, in, (const hn_rw_attr[]){HN_A_STR("reduction", "add"), {0}});
    return hn_rw_status(rw);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_in(c, HN_F32, HN_DIMS(2, 2), HN_VALS(1, 2, 3, 4));
    hn_case_in_i64(c, HN_DIMS(2, 2), (int64_t[]){0, 1, 1, 0});
    hn_case_want(c, HN_F32, HN_DIMS(2), HN_VALS(2, 3));
    hn_case(c, "slices, one twice");
    hn_case_rand(c, HN_F32, HN_DIMS(3, 2), -2, 2);
    hn_case_in_i64(c, HN_DIMS(3, 1), (int64_t[]){-1, 0, 2});
    hn_case(c, "batch axis");
    hn_case_int(c, "batch_dims", 1);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3, 2), -2, 2);
    hn_case_in_i64(c, HN_DIMS(2, 2, 1), (int64_t[]){2, 0, 1, 1});
    hn_case(c, "no indices");
    hn_case_rand(c, HN_F32, HN_DIMS(3, 2), -2, 2);
    hn_case_in_i64(c, HN_DIMS(0, 1), NULL);
    hn_case(c, "index outside");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(3), -2, 2);
    hn_case_in_i64(c, HN_DIMS(1, 1), (int64_t[]){-4});
    return hn_cases_status(c);
}

static const hn_port in[] = {{"data", HN_T_ALL, 'T', false}, {"indices", HN_T_I64, 0, false}};
static const hn_port out[] = {{"output", HN_T_ALL, 'T', false}};
static const hn_attr_row attrs[] = {
    {"batch_dims", HN_ATTR_INT, false, "0", "leading axes shared by data and indices"},
    {0},
};
const hn_op hn_op_gather_nd = {
    .name = "GatherND",
    .domain = "",
    .since = 13,
    .doc = "y[b, j...] = x[b, indices[b, j...]] with the last axis of indices as a tuple. GatherND([[1, 2], [3, "
           "4]], [[0, 1], [1, 0]]) = [2, 3].",
    HN_PORTS(in, 2, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD(grad),
    .cases = cases,
    .quant = "same",
};
