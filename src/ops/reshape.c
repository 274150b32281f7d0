/* Reshape: the same bytes with other dims: -1 is what is left over, 0 keeps the input's dim. */
#include "ops/lib.h"

/* Fills the one -1 from the number of elements, where that is known. */
static hn_status fill(hn_infer *c, hn_type *y, int hole, bool copied[HN_MAX_RANK])
{
    const hn_type *x = c->in[0];
    if (x->rank < 0) return HN_OK;
    int64_t left = 1, right = 1;
    for (int d = 0; d < x->rank; d++)
        if (d >= y->rank || !copied[d]) left = left < 0 ? -1 : hn_dim_mul(left, x->dims[d]);
    for (int d = 0; d < y->rank; d++)
        if (d != hole && !copied[d]) right = right < 0 ? -1 : hn_dim_mul(right, y->dims[d]);
    if (hole < 0) {
        if (left >= 0 && right >= 0 && hn_type_known(x) && left != right)
            return hn_op_fail(c->env, c->node, "%lld elements do not fill the new shape of %lld", (long long)left,
                              (long long)right);
        return HN_OK;
    }
    if (right == 0) {
        y->dims[hole] = 0;
        return HN_OK;
    }
    if (left == -1 || right < 0) return HN_OK;
    if (right == 1) {
        y->dims[hole] = left;
        return HN_OK;
    }
    if (left < 0) return HN_OK;
    if (left % right)
        return hn_op_fail(c->env, c->node, "%lld elements cannot be divided into groups of %lld", (long long)left,
                          (long long)right);
    y->dims[hole] = left / right;
    return HN_OK;
}

static hn_status infer(hn_infer *c)
{
    const hn_type *x = c->in[0];
    hn_type *y = &c->out[0];
    y->dtype = x->dtype;
    if (!c->data[1]) {
        if (c->in[1]->rank == 1 && c->in[1]->dims[0] >= 0 && c->in[1]->dims[0] <= HN_MAX_RANK)
            hn_type_unknown_dims(y, (int)c->in[1]->dims[0]);
        return HN_OK;
    }
    int64_t want[HN_MAX_RANK];
    size_t rank;
    int hole = -1;
    bool allow_zero = hn_attr_int(c->node, "allowzero", 0) != 0, copied[HN_MAX_RANK] = {false};
    HN_TRY(hn_op_ints(c->env, c->node, c->data[1], HN_MAX_RANK, want, &rank));
    y->rank = (int)rank;
    for (int d = 0; d < y->rank; d++) {
        if (want[d] < -1) return hn_op_fail(c->env, c->node, "%lld is no size", (long long)want[d]);
        if (want[d] == -1 && hole >= 0) return hn_op_fail(c->env, c->node, "more than one -1 in the new shape");
        if (want[d] == -1) hole = d;
        y->dims[d] = want[d];
        if (want[d] == 0 && !allow_zero) {
            if (x->rank >= 0 && d >= x->rank)
                return hn_op_fail(c->env, c->node, "0 at axis %d, which x does not have", d);
            y->dims[d] = x->rank < 0 ? -1 : x->dims[d];
            copied[d] = true;
        }
    }
    return fill(c, y, hole, copied);
}

static hn_status ref(const hn_refargs *a)
{
    return hn_ref_copy(a);
}

static hn_status grad(hn_gradargs *g)
{
    if (!hn_g_skips(g, 0)) g->dx[0] = hn_g_like(g->rw, g->dy[0], g->node->in[0]);
    return hn_rw_status(g->rw);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_in(c, HN_F32, HN_DIMS(6), HN_VALS(1, 2, 3, 4, 5, 6));
    hn_case_axes(c, 2, (int64_t[]){2, -1});
    hn_case_want(c, HN_F32, HN_DIMS(2, 3), HN_VALS(1, 2, 3, 4, 5, 6));
    hn_case(c, "0 keeps a dim");
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3, 4), -2, 2);
    hn_case_axes(c, 3, (int64_t[]){0, -1, 2});
    hn_case(c, "to a scalar");
    hn_case_rand(c, HN_F32, HN_DIMS(1, 1), -2, 2);
    hn_case_axes(c, 0, NULL);
    hn_case(c, "empty");
    hn_case_int(c, "allowzero", 1);
    hn_case_rand(c, HN_F32, HN_DIMS(0, 3), -2, 2);
    hn_case_axes(c, 2, (int64_t[]){5, 0});
    hn_case(c, "does not fit");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(5), -2, 2);
    hn_case_axes(c, 2, (int64_t[]){2, -1});
    hn_case(c, "two holes");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(4), -2, 2);
    hn_case_axes(c, 2, (int64_t[]){-1, -1});
    return hn_cases_status(c);
}

static const hn_port in[] = {{"data", HN_T_ALL, 'T', false}, {"shape", HN_T_I64, 0, false}};
static const hn_port out[] = {{"reshaped", HN_T_ALL, 'T', false}};
static const hn_attr_row attrs[] = {
    {"allowzero", HN_ATTR_INT, false, "0", "1: a 0 in shape is a size, not a copy"},
    {0},
};
const hn_op hn_op_reshape = {
    .name = "Reshape",
    .domain = "",
    .since = 25,
    .doc = "y = x with the dims in `shape`; one -1 is computed, 0 copies the dim of x unless allowzero. "
           "Reshape([1, 2, 3, 4, 5, 6], [2, -1]) = [[1, 2, 3], [4, 5, 6]].",
    .flags = HN_OP_VIEW,
    HN_PORTS(in, 2, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD(grad),
    .cases = cases,
    .quant = "same",
};
