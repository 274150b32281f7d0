/* graphgen_shapes: makers that work on a value of any shape - element by element, along axes, moving data. */
#include <string.h>

#include "ops/ops.h"
#include "support/graphgen_priv.h"

#define A(...) ((const hn_rw_attr[]){__VA_ARGS__, {0}})

/* A random row with these flags and this number of inputs. */
static const hn_op *row(hn_gen *g, uint32_t flags, int nin)
{
    for (int tries = 0; tries < 400; tries++) {
        const hn_op *op = hn_ops.rows[hn_gen_below(g, hn_ops.count)];
        bool fits = (op->flags & flags) == flags && !(op->flags & (HN_OP_RANDOM | HN_OP_CONTROL)) && !op->domain[0];
        if (fits && op->nin == nin && op->nin_min <= nin) return op;
    }
    return NULL;
}

static void unary(hn_gen *g)
{
    const hn_op *op = row(g, HN_OP_ELEMENTWISE, 1);
    hn_value *x = hn_gen_pick(g, hn_gen_chance(g, 85) ? HN_F32 : HN_NONE, 0, 5);
    if (op && x) hn_gen_op(g, op->name, 1, &x, NULL);
}

/* A constant whose shape broadcasts with x. */
static hn_value *against(hn_gen *g, const hn_tensor *x)
{
    int64_t dims[HN_MAX_RANK];
    int from = x->rank > 0 ? (int)hn_gen_below(g, (size_t)x->rank + 1) : 0;
    for (int d = from; d < x->rank; d++) dims[d - from] = hn_gen_chance(g, 40) ? 1 : x->dims[d];
    return hn_gen_const(g, hn_gen_tensor(g, x->dtype, x->rank - from, dims, -2, 2));
}

static void binary(hn_gen *g)
{
    static const char *const common[] = {"Add", "Mul", "Sub", "Div", "Max", "Min", "Pow", "Add", "Mul"};
    const hn_op *op = row(g, HN_OP_ELEMENTWISE, 2);
    const char *name = op && hn_gen_chance(g, 30) ? op->name : common[hn_gen_below(g, HN_COUNT(common))];
    hn_value *x = hn_gen_pick(g, hn_gen_chance(g, 85) ? HN_F32 : HN_NONE, 0, 5), *y = NULL;
    const hn_tensor *t = x ? hn_gen_data(g, x) : NULL;
    if (!t) return;
    if (hn_gen_chance(g, 45)) y = hn_gen_pick(g, t->dtype, 0, 5);
    if (!y && !hn_dtype_is_float(t->dtype) && !hn_dtype_is_int(t->dtype)) return;
    if (!y) y = against(g, t);
    bool turn = hn_gen_chance(g, 40);
    hn_gen_op(g, name, 2, (hn_value *[]){turn ? y : x, turn ? x : y}, NULL);
}

/* Elementwise nodes over one shape that read each other: programs of hone.Elementwise. */
static void program(hn_gen *g)
{
    static const char
        *const one[] = {"Relu", "Sigmoid", "Tanh", "Abs", "Neg", "Gelu", "HardSwish", "Elu", "Floor", "Erf"},
               *const two[] = {"Add", "Sub", "Mul", "Max", "Min", "PRelu"}, *const order[] = {"Less", "GreaterOrEqual"};
    hn_value *v[12] = {hn_gen_pick(g, HN_F32, 1, 4)};
    size_t n = 1, want = 3 + hn_gen_below(g, 9);
    for (size_t tries = 0; v[0] && n < want && tries < 2 * want; tries++) {
        hn_value *a = v[hn_gen_below(g, n)], *b = v[hn_gen_below(g, n)], *y;
        if (hn_gen_chance(g, 40)) b = against(g, hn_gen_data(g, v[0]));
        unsigned what = (unsigned)hn_gen_below(g, 10);
        if (what < 4) {
            y = hn_gen_op(g, one[hn_gen_below(g, HN_COUNT(one))], 1, &a, NULL);
        } else if (what < 8) {
            y = hn_gen_op(g, two[hn_gen_below(g, HN_COUNT(two))], 2, (hn_value *[]){a, b}, NULL);
        } else {
            hn_value *which = hn_gen_op(g, order[hn_gen_below(g, 2)], 2, (hn_value *[]){a, b}, NULL);
            y = which ? hn_gen_op(g, "Where", 3, (hn_value *[]){which, a, v[hn_gen_below(g, n)]}, NULL) : NULL;
        }
        if (y) v[n++] = y;
    }
}

static size_t some_axes(hn_gen *g, int rank, int64_t *axes)
{
    size_t n = 0;
    for (int d = 0; d < rank; d++)
        if (hn_gen_chance(g, 45)) axes[n++] = hn_gen_chance(g, 30) ? d - rank : d;
    return n;
}

static void reduce(hn_gen *g)
{
    static const char *const ops[] = {"ReduceMean", "ReduceSum",  "ReduceMax",       "ReduceMin",      "ReduceL1",
                                      "ReduceL2",   "ReduceProd", "ReduceSumSquare", "ReduceLogSumExp"};
    int64_t axes[HN_MAX_RANK];
    hn_value *x = hn_gen_pick(g, HN_F32, 1, 5);
    if (!x) return;
    size_t n = some_axes(g, hn_gen_data(g, x)->rank, axes);
    hn_gen_op(g, ops[hn_gen_below(g, HN_COUNT(ops))], n ? 2 : 1, (hn_value *[]){x, hn_gen_ints(g, n, axes)},
              A(HN_A_INT("keepdims", hn_gen_chance(g, 60))));
}

static void transpose(hn_gen *g)
{
    int64_t perm[HN_MAX_RANK];
    hn_value *x = hn_gen_pick(g, hn_gen_chance(g, 80) ? HN_F32 : HN_NONE, 2, 5);
    if (!x) return;
    int rank = hn_gen_data(g, x)->rank;
    for (int d = 0; d < rank; d++) perm[d] = d;
    for (int d = rank - 1; d > 0; d--) {
        size_t k = hn_gen_below(g, (size_t)d + 1);
        int64_t t = perm[d];
        perm[d] = perm[k];
        perm[k] = t;
    }
    hn_gen_op(g, "Transpose", 1, &x, A(HN_A_INTS("perm", perm, (size_t)rank)));
}

static void reshape(hn_gen *g)
{
    int64_t dims[HN_MAX_RANK];
    hn_value *x = hn_gen_pick(g, hn_gen_chance(g, 80) ? HN_F32 : HN_NONE, 0, 5);
    const hn_tensor *t = x ? hn_gen_data(g, x) : NULL;
    if (!t) return;
    int64_t rest = (int64_t)hn_tensor_elems(t);
    size_t rank = 1 + hn_gen_below(g, 4), wild = hn_gen_below(g, 6);
    for (size_t d = 0; d + 1 < rank; d++) {
        int64_t f = 1 + (int64_t)hn_gen_below(g, 4);
        dims[d] = rest > 0 && rest % f == 0 ? f : 1;
        rest = dims[d] ? rest / dims[d] : 0;
    }
    dims[rank - 1] = rest;
    if (wild < rank && rest > 0) dims[wild] = -1;
    hn_gen_op(g, "Reshape", 2, (hn_value *[]){x, hn_gen_ints(g, rank, dims)}, NULL);
}

static void squeeze(hn_gen *g)
{
    int64_t axes[HN_MAX_RANK];
    hn_value *x = hn_gen_pick(g, HN_NONE, 0, 5);
    if (!x) return;
    if (hn_gen_chance(g, 50)) {
        axes[0] = (int64_t)hn_gen_below(g, (size_t)hn_gen_data(g, x)->rank + 1);
        hn_gen_op(g, "Unsqueeze", 2, (hn_value *[]){x, hn_gen_ints(g, 1, axes)}, NULL);
    } else if (hn_gen_chance(g, 50)) {
        hn_gen_op(g, "Squeeze", 1, &x, NULL);
    } else {
        hn_gen_op(g, "Flatten", 1, &x,
                  A(HN_A_INT("axis", (int64_t)hn_gen_below(g, (size_t)hn_gen_data(g, x)->rank + 1))));
    }
}

static void slice(hn_gen *g)
{
    hn_value *x = hn_gen_pick(g, hn_gen_chance(g, 80) ? HN_F32 : HN_NONE, 1, 5);
    const hn_tensor *t = x ? hn_gen_data(g, x) : NULL;
    if (!t) return;
    int64_t axis = (int64_t)hn_gen_below(g, (size_t)t->rank), n = t->dims[axis], step = 1, from = 0, to = n;
    if (n > 0) {
        from = (int64_t)hn_gen_below(g, (size_t)n);
        to = from + 1 + (int64_t)hn_gen_below(g, (size_t)(n - from));
        step = 1 + (int64_t)hn_gen_below(g, 3);
    }
    if (hn_gen_chance(g, 15)) {
        from = -1;
        to = INT64_MIN;
        step = -step;
    }
    hn_value *in[] = {x, hn_gen_ints(g, 1, &from), hn_gen_ints(g, 1, &to), hn_gen_ints(g, 1, &axis),
                      hn_gen_ints(g, 1, &step)};
    hn_gen_op(g, "Slice", step == 1 ? 4 : 5, in, NULL);
}

static void pad(hn_gen *g)
{
    static const char *const modes[] = {"constant", "constant", "edge", "reflect"};
    int64_t pads[2 * HN_MAX_RANK];
    hn_value *x = hn_gen_pick(g, HN_F32, 1, 5);
    if (!x) return;
    size_t n = 2 * (size_t)hn_gen_data(g, x)->rank;
    for (size_t i = 0; i < n; i++) pads[i] = hn_gen_chance(g, 40) ? (int64_t)hn_gen_below(g, 3) : 0;
    if (hn_gen_chance(g, 10)) pads[hn_gen_below(g, n)] = -1;
    hn_value *in[] = {x, hn_gen_ints(g, n, pads), hn_gen_scalar(g, HN_F32, hn_gen_chance(g, 50) ? 0 : 1.5)};
    hn_gen_op(g, "Pad", hn_gen_chance(g, 50) ? 3 : 2, in, A(HN_A_STR("mode", modes[hn_gen_below(g, 4)])));
}

static void concat(hn_gen *g)
{
    hn_value *x = hn_gen_pick(g, hn_gen_chance(g, 85) ? HN_F32 : HN_NONE, 1, 5), *in[3] = {x, x, x};
    const hn_tensor *t = x ? hn_gen_data(g, x) : NULL;
    if (!t) return;
    size_t axis = hn_gen_below(g, (size_t)t->rank), count = 2 + hn_gen_below(g, 2);
    for (size_t k = 1; k < count; k++) {
        hn_value *y = hn_gen_pick(g, t->dtype, t->rank, t->rank);
        const hn_tensor *u = y ? hn_gen_data(g, y) : NULL;
        bool fits = u && u->rank == t->rank;
        for (int d = 0; fits && d < t->rank; d++) fits = (size_t)d == axis || u->dims[d] == t->dims[d];
        if (fits) in[k] = y;
    }
    hn_gen_op(g, "Concat", count, in, A(HN_A_INT("axis", (int64_t)axis)));
}

static void split(hn_gen *g)
{
    hn_value *x = hn_gen_pick(g, HN_F32, 1, 5);
    const hn_tensor *t = x ? hn_gen_data(g, x) : NULL;
    if (!t) return;
    int64_t axis = (int64_t)hn_gen_below(g, (size_t)t->rank), n = t->dims[axis];
    if (n < 2) return;
    int64_t parts[] = {1 + (int64_t)hn_gen_below(g, (size_t)n - 1), 0};
    parts[1] = n - parts[0];
    hn_gen_node(g, "Split", 2, (hn_value *[]){x, hn_gen_ints(g, 2, parts)}, 2, A(HN_A_INT("axis", axis)));
}

static void gather(hn_gen *g)
{
    hn_value *x = hn_gen_pick(g, hn_gen_chance(g, 80) ? HN_F32 : HN_NONE, 1, 4);
    const hn_tensor *t = x ? hn_gen_data(g, x) : NULL;
    if (!t) return;
    int64_t axis = (int64_t)hn_gen_below(g, (size_t)t->rank), n = t->dims[axis], dims[] = {2, 2};
    hn_tensor *index = hn_gen_tensor(g, HN_I64, (int)hn_gen_below(g, 3), dims, 0, 0);
    if (!index || n < 1) return;
    for (size_t i = 0; i < hn_tensor_elems(index); i++)
        hn_set_i64(index, i, (int64_t)hn_gen_below(g, (size_t)n) - (hn_gen_chance(g, 20) ? n : 0));
    hn_value *in[] = {x, hn_gen_chance(g, 70) ? hn_gen_const(g, index) : hn_gen_input(g, index)};
    if (in[1]) hn_gen_op(g, "Gather", 2, in, A(HN_A_INT("axis", axis)));
}

static void expand(hn_gen *g)
{
    int64_t dims[HN_MAX_RANK];
    hn_value *x = hn_gen_pick(g, HN_F32, 0, 4);
    const hn_tensor *t = x ? hn_gen_data(g, x) : NULL;
    if (!t) return;
    int rank = t->rank + (t->rank < 4 && hn_gen_chance(g, 40));
    for (int d = 0; d < rank; d++) {
        int at = d - (rank - t->rank);
        dims[d] = at >= 0 && t->dims[at] != 1 ? t->dims[at] : 1 + (int64_t)hn_gen_below(g, 3);
        if (at >= 0 && hn_gen_chance(g, 20)) dims[d] = 1;
    }
    if (rank > 0 && hn_gen_chance(g, 25)) {
        for (int d = 0; d < t->rank; d++) dims[d] = 1 + (int64_t)hn_gen_below(g, 2);
        hn_gen_op(g, "Tile", 2, (hn_value *[]){x, hn_gen_ints(g, (size_t)t->rank, dims)}, NULL);
        return;
    }
    hn_gen_op(g, "Expand", 2, (hn_value *[]){x, hn_gen_ints(g, (size_t)rank, dims)}, NULL);
}

static void along(hn_gen *g)
{
    static const char *const ops[] = {"Softmax", "Softmax", "LogSoftmax",     "ArgMax",
                                      "ArgMin",  "Hardmax", "LpNormalization"};
    hn_value *x = hn_gen_pick(g, HN_F32, 1, 5);
    if (!x) return;
    int64_t axis = (int64_t)hn_gen_below(g, (size_t)hn_gen_data(g, x)->rank);
    if (hn_gen_chance(g, 50)) axis -= hn_gen_data(g, x)->rank;
    hn_gen_op(g, ops[hn_gen_below(g, HN_COUNT(ops))], 1, &x, A(HN_A_INT("axis", axis)));
}

static void cast(hn_gen *g)
{
    static const hn_dtype to[] = {HN_F16, HN_BF16, HN_F64, HN_I32, HN_I64, HN_U8, HN_I8, HN_BOOL, HN_F32, HN_F32};
    hn_value *x = hn_gen_pick(g, hn_gen_chance(g, 60) ? HN_F32 : HN_NONE, 0, 5);
    if (!x) return;
    hn_value *y = hn_gen_op(g, "Cast", 1, &x, A(HN_A_INT("to", to[hn_gen_below(g, HN_COUNT(to))])));
    if (y && y->type.dtype != HN_F32 && hn_gen_chance(g, 60)) hn_gen_op(g, "Cast", 1, &y, A(HN_A_INT("to", HN_F32)));
}

static void choose(hn_gen *g)
{
    static const char *const compare[] = {"Less", "Greater", "LessOrEqual", "GreaterOrEqual", "Equal"};
    hn_value *x = hn_gen_pick(g, HN_F32, 0, 4);
    const hn_tensor *t = x ? hn_gen_data(g, x) : NULL;
    if (!t) return;
    hn_value *cond = hn_gen_op(g, compare[hn_gen_below(g, 5)], 2, (hn_value *[]){x, against(g, t)}, NULL);
    hn_value *y = hn_gen_chance(g, 50) ? against(g, t) : hn_gen_pick(g, HN_F32, 0, 4);
    if (cond && y) hn_gen_op(g, "Where", 3, (hn_value *[]){cond, x, y}, NULL);
}

/* Shape of one value, computed on, for a Reshape of the same value: what exporters write. */
static void shape_chain(hn_gen *g)
{
    hn_value *x = hn_gen_pick(g, HN_F32, 2, 4);
    if (!x) return;
    int64_t zero = 0, minus = -1;
    hn_value *shape = hn_gen_op(g, "Shape", 1, &x, NULL);
    hn_value *first = shape ? hn_gen_op(g, "Gather", 2, (hn_value *[]){shape, hn_gen_ints(g, 1, &zero)}, NULL) : NULL;
    if (!first) return;
    hn_value *to = hn_gen_op(g, "Concat", 2, (hn_value *[]){first, hn_gen_ints(g, 1, &minus)}, A(HN_A_INT("axis", 0)));
    if (to) hn_gen_op(g, "Reshape", 2, (hn_value *[]){x, to}, NULL);
}

static void clip(hn_gen *g)
{
    hn_value *x = hn_gen_pick(g, hn_gen_chance(g, 85) ? HN_F32 : HN_NONE, 0, 5);
    if (!x || (!hn_dtype_is_float(x->type.dtype) && !hn_dtype_is_int(x->type.dtype))) return;
    hn_value *in[] = {x, hn_gen_scalar(g, x->type.dtype, hn_gen_chance(g, 50) ? 0 : -1),
                      hn_gen_scalar(g, x->type.dtype, hn_gen_chance(g, 50) ? 6 : 1)};
    hn_gen_op(g, "Clip", 2 + hn_gen_below(g, 2), in, NULL);
}

/* ---- regions ---- */
static hn_graph *body(hn_gen *g, const hn_value *x, const char *op, bool loop)
{
    hn_graph *r = hn_region_new(g->g, "body");
    hn_type i64 = hn_type_tensor(HN_I64, 0, NULL), on = hn_type_tensor(HN_BOOL, 0, NULL);
    if (!r || (loop && (!hn_graph_input(r, NULL, &i64) || !hn_graph_input(r, NULL, &on)))) return NULL;
    hn_value *p = hn_graph_input(r, NULL, &x->type), *cond = loop ? r->in[1] : NULL;
    hn_rw rw = hn_rw_at(r, NULL);
    hn_value *y = hn_rw_1(&rw, op, p);
    if (y && loop) cond = hn_rw_1(&rw, "Identity", cond);
    if (!y || (loop && (!cond || hn_graph_output(r, cond) != HN_OK)) || hn_graph_output(r, y) != HN_OK) return NULL;
    return r;
}

static void region(hn_gen *g)
{
    static const char *const ops[] = {"Relu", "Neg", "Tanh", "Sigmoid", "Abs", "Identity"};
    hn_value *x = hn_gen_pick(g, HN_F32, 0, 4);
    bool loop = hn_gen_chance(g, 40), on = hn_gen_chance(g, 50);
    if (!x) return;
    hn_graph *r[2] = {body(g, x, ops[hn_gen_below(g, 6)], loop), NULL};
    if (r[0] && !loop) r[1] = body(g, x, ops[hn_gen_below(g, 6)], false);
    hn_tensor *cond = hn_gen_tensor(g, HN_BOOL, 0, NULL, 0, 0);
    if (!r[0] || !cond) return;
    hn_set_i64(cond, 0, on || loop);
    hn_value *c = hn_gen_chance(g, 50) || loop ? hn_gen_const(g, cond) : hn_gen_input(g, cond);
    hn_value *in[] = {loop ? hn_gen_scalar(g, HN_I64, (double)hn_gen_below(g, 4)) : c, loop ? c : x, x};
    hn_node *n = hn_node_new(g->g, NULL, hn_op_find(&hn_ops, "", loop ? "Loop" : "If"), NULL, loop ? 3 : 2, in, 1);
    if (!n) return;
    n->ncaptures = loop ? 0 : 1;
    if (hn_node_regions(n, loop ? 1 : 2, r) != HN_OK || !hn_gen_settle(g, n)) hn_node_remove(n);
}

const hn_gen_row hn_gen_shapes[] = {
    {unary, 22}, {binary, 26},     {reduce, 8}, {transpose, 8}, {reshape, 8}, {squeeze, 5}, {slice, 6},
    {pad, 4},    {concat, 5},      {split, 4},  {gather, 5},    {expand, 4},  {along, 6},   {cast, 6},
    {choose, 3}, {shape_chain, 3}, {clip, 4},   {region, 3},    {program, 8}, {0},
};
