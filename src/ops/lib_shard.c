/* lib_shard: shard rules that follow from flags or are shared by rows, and the check that every answer passes. */
#include "ops/lib.h"
#include "ops/ops.h"

static int axis_of(const hn_node *n, int64_t otherwise, int rank)
{
    int axis;
    return hn_axis(hn_attr_int(n, "axis", otherwise), rank, &axis) ? axis : -1;
}

bool hn_shard_others_whole(const hn_shard *s, size_t from)
{
    for (size_t i = from; i < s->node->nin; i++)
        if (s->in[i] != HN_WHOLE) return false;
    return true;
}

bool hn_shard_all(hn_shard *s, int axis)
{
    for (size_t k = 0; k < s->node->nout; k++) s->out[k] = axis;
    return true;
}

bool hn_shard_first(hn_shard *s)
{
    return s->in[0] != HN_WHOLE && hn_shard_others_whole(s, 1) && hn_shard_all(s, s->in[0]);
}

bool hn_shard_batch(hn_shard *s)
{
    return s->in[0] == 0 && hn_shard_first(s);
}

bool hn_shard_planes(hn_shard *s)
{
    return s->in[0] <= 1 && hn_shard_first(s);
}

bool hn_shard_with(hn_shard *s, size_t r)
{
    for (size_t i = 1; i < s->node->nin; i++)
        if (i != r ? s->in[i] != HN_WHOLE : s->node->in[i] != NULL && s->in[i] != s->in[0]) return false;
    return s->in[0] != HN_WHOLE && hn_shard_all(s, s->in[0]);
}

bool hn_shard_rows(hn_shard *s)
{
    return s->in[0] < s->node->in[0]->type.rank - 1 && hn_shard_with(s, (size_t)s->node->op->nin - 1);
}

bool hn_shard_residual(hn_shard *s)
{
    return s->in[0] == 0 && hn_shard_rows(s);
}

bool hn_shard_off_axis(hn_shard *s)
{
    int rank = s->node->in[0]->type.rank, axis = axis_of(s->node, 0, rank);
    bool split = s->node->op->flags & HN_OP_VARIADIC_OUT; /* input 1 of Split holds sizes along the axis */
    for (size_t i = 1; i < s->node->nin && !split; i++)
        if (s->in[i] != s->in[0]) return false;
    if (split && !hn_shard_others_whole(s, 1)) return false;
    return axis >= 0 && s->in[0] != HN_WHOLE && s->in[0] != axis && hn_shard_all(s, s->in[0]);
}

bool hn_shard_arg(hn_shard *s)
{
    int axis = axis_of(s->node, 0, s->node->in[0]->type.rank), a = s->in[0];
    if (axis < 0 || a == axis) return false;
    return hn_shard_all(s, hn_attr_int(s->node, "keepdims", 1) == 0 && a > axis ? a - 1 : a);
}

bool hn_shard_before(hn_shard *s)
{
    int axis = axis_of(s->node, -1, s->node->in[0]->type.rank);
    return s->in[0] != HN_WHOLE && s->in[0] < axis && hn_shard_others_whole(s, 1) && hn_shard_all(s, s->in[0]);
}

bool hn_shard_reduce(hn_shard *s)
{
    bool flag[HN_MAX_RANK];
    int out = s->in[0];
    if (out == HN_WHOLE || !hn_shard_others_whole(s, 1) || !hn_reduce_axes(s->node, flag) || flag[out]) return false;
    for (int d = 0; d < s->in[0]; d++) out -= flag[d] && hn_attr_int(s->node, "keepdims", 1) == 0;
    return hn_shard_all(s, out);
}

bool hn_shard_scaled(hn_shard *s)
{
    int axis = axis_of(s->node, 1, s->node->in[0]->type.rank);
    for (size_t i = 1; i < s->node->nin; i++) {
        const hn_value *v = s->node->in[i];
        if (v == NULL || v->type.rank == 0) continue;
        if (v->type.rank != 1 || !hn_type_known(&v->type) || (hn_type_elems(&v->type) != 1 && s->in[0] == axis))
            return false;
    }
    return hn_attr_int(s->node, "block_size", 0) == 0 && hn_shard_first(s);
}

/* Row-major bytes stay as they are: a cut goes on where as many elements lie before an axis of the same size. */
bool hn_shard_view(hn_shard *s)
{
    const hn_type *x = &s->node->in[0]->type, *y = &s->node->out[0]->type;
    if (s->in[0] == HN_WHOLE || !hn_shard_others_whole(s, 1) || x->dtype == HN_STRING) return false;
    if (y->dtype != x->dtype) return false; /* other sizes of elements move the last axis */
    int64_t before = hn_dims_product(x, 0, s->in[0]);
    if (before == -1) return false;
    for (int d = 0; d < y->rank; d++)
        if (y->dims[d] == x->dims[s->in[0]] && hn_dims_product(y, 0, d) == before) {
            s->sizes = ~UINT32_C(1);
            return hn_shard_all(s, d);
        }
    return false;
}

static bool broadcast(hn_shard *s)
{
    int rank = s->node->out[0]->type.rank, at = HN_WHOLE;
    for (size_t i = 0; i < s->node->nin; i++) {
        if (s->in[i] == HN_WHOLE) continue;
        int here = s->in[i] + rank - s->node->in[i]->type.rank;
        if (at != HN_WHOLE && at != here) return false;
        at = here;
    }
    for (size_t i = 0; i < s->node->nin; i++) {
        if (s->node->in[i] == NULL || s->in[i] != HN_WHOLE) continue;
        const hn_type *t = &s->node->in[i]->type;
        int here = at - (rank - t->rank);
        if (here >= 0 && t->dims[here] != 1) return false;
    }
    return hn_shard_all(s, at);
}

bool hn_op_shard(const hn_node *node, const int *in, int *out, uint32_t *sizes)
{
    const hn_op *op = node->op;
    hn_shard s = {.node = node, .in = in, .out = out};
    int64_t n = -1;
    if (op->flags & (HN_OP_RANDOM | HN_OP_CONTROL) || node->nin == 0 || node->in[0] == NULL ||
        (op->shard == NULL && node->out[0] == NULL))
        return false;
    for (size_t k = 0; k < node->nout; k++) out[k] = HN_WHOLE;
    for (size_t i = 0; i < node->nin; i++) {
        if (node->in[i] == NULL || in[i] == HN_WHOLE) continue;
        const hn_type *t = &node->in[i]->type;
        if (t->kind != HN_KIND_TENSOR || t->dtype == HN_NONE || in[i] >= t->rank) return false;
        int64_t here = t->dims[in[i]];
        if (here < 0 || (n >= 0 && here != n)) return false;
        n = here;
    }
    for (size_t k = 0; k < node->nout; k++)
        if (node->out[k] && (node->out[k]->type.kind != HN_KIND_TENSOR || node->out[k]->type.rank < 0)) return false;
    bool ok = n < 0                           ? false
              : op->shard                     ? op->shard(&s)
              : op->flags & HN_OP_VIEW        ? hn_shard_view(&s)
              : op->flags & HN_OP_ELEMENTWISE ? broadcast(&s)
                                              : false;
    for (size_t k = 0; k < node->nout && ok; k++) {
        if (node->out[k] == NULL) continue;
        const hn_type *t = &node->out[k]->type;
        ok = out[k] >= 0 && out[k] < t->rank && t->dims[out[k]] == n;
    }
    *sizes = s.sizes;
    return ok;
}
