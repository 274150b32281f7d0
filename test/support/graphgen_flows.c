/* graphgen_flows: makers of what runs over time or by choice - attention, recurrent layers, Scan, sequences in
 * branches. */
#include <math.h>

#include "ops/ops.h"
#include "support/graphgen_priv.h"

#define A(...) ((const hn_rw_attr[]){__VA_ARGS__, {0}})

static hn_value *fresh(hn_gen *g, int rank, const int64_t *dims, bool constant)
{
    hn_tensor *t = hn_gen_tensor(g, HN_F32, rank, dims, -1, 1);
    return constant ? hn_gen_const(g, t) : hn_gen_input(g, t);
}

/* Softmax of scaled products written out, over [b, h, s, d], with or without a mask. */
static void attention(hn_gen *g)
{
    static const int64_t flip[] = {0, 1, 3, 2};
    int64_t b = 1 + (int64_t)hn_gen_below(g, 2), h = hn_gen_size(g, 3, 6), q = hn_gen_size(g, 6, 40),
            k = hn_gen_size(g, 6, 40), d = hn_gen_size(g, 6, 32), e = hn_gen_size(g, 6, 32);
    hn_value *query = fresh(g, 4, (int64_t[]){b, h, q, d}, false), *key = fresh(g, 4, (int64_t[]){b, h, k, d}, false);
    hn_value *value = fresh(g, 4, (int64_t[]){b, h, k, e}, false);
    if (!query || !key || !value) return;
    if (hn_gen_chance(g, 25)) {
        hn_gen_node(
            g, "Attention", 3, (hn_value *[]){query, key, value}, 1,
            A(HN_A_INT("is_causal", hn_gen_chance(g, 40)), HN_A_FLOAT("softcap", hn_gen_chance(g, 30) ? 2 : 0)));
        return;
    }
    hn_value *turned = hn_gen_op(g, "Transpose", 1, &key, A(HN_A_INTS("perm", flip, 4)));
    hn_value *scale = hn_gen_scalar(g, HN_F32, 1 / sqrt((double)d));
    bool early = hn_gen_chance(g, 40), divide = hn_gen_chance(g, 30);
    if (divide) scale = hn_gen_scalar(g, HN_F32, sqrt((double)d));
    const char *by = divide ? "Div" : "Mul";
    if (early) query = hn_gen_op(g, by, 2, (hn_value *[]){query, scale}, NULL);
    hn_value *s = query && turned ? hn_gen_op(g, "MatMul", 2, (hn_value *[]){query, turned}, NULL) : NULL;
    if (s && !early) s = hn_gen_op(g, by, 2, (hn_value *[]){s, scale}, NULL);
    if (s && hn_gen_chance(g, 50)) {
        bool flat = hn_gen_chance(g, 50);
        hn_value *mask = flat ? fresh(g, 2, (int64_t[]){q, k}, hn_gen_chance(g, 50))
                              : fresh(g, 4, (int64_t[]){b, 1, 1, k}, hn_gen_chance(g, 50));
        s = mask ? hn_gen_op(g, "Add", 2, (hn_value *[]){s, mask}, NULL) : NULL;
    }
    hn_value *p = s ? hn_gen_op(g, "Softmax", 1, &s, A(HN_A_INT("axis", -1))) : NULL;
    if (p) hn_gen_op(g, "MatMul", 2, (hn_value *[]){p, value}, NULL);
}

static void recurrent(hn_gen *g)
{
    static const char *const ops[] = {"LSTM", "GRU", "RNN"}, *const ways[] = {"forward", "reverse", "bidirectional"};
    static const int64_t gates[] = {4, 3, 1};
    size_t kind = hn_gen_below(g, 3), way = hn_gen_below(g, 3);
    int64_t dirs = way == 2 ? 2 : 1, h = hn_gen_size(g, 5, 40), m = gates[kind] * h;
    hn_value *x = hn_gen_pick(g, HN_F32, 3, 3);
    const hn_tensor *t = x ? hn_gen_data(g, x) : NULL;
    if (!t || t->rank != 3 || t->dims[0] > 24) return;
    bool constant = hn_gen_chance(g, 80);
    hn_value *in[6] = {x, fresh(g, 3, (int64_t[]){dirs, m, t->dims[2]}, constant),
                       fresh(g, 3, (int64_t[]){dirs, m, h}, constant)};
    size_t nin = 3;
    if (hn_gen_chance(g, 70)) in[nin++] = fresh(g, 2, (int64_t[]){dirs, 2 * m}, constant);
    if (nin == 4 && hn_gen_chance(g, 30)) {
        in[5] = fresh(g, 3, (int64_t[]){dirs, t->dims[1], h}, false);
        nin = 6;
    }
    const hn_rw_attr reset =
        kind == 1 ? (hn_rw_attr)HN_A_INT("linear_before_reset", hn_gen_chance(g, 50)) : (hn_rw_attr){0};
    hn_gen_node(g, ops[kind], nin, in, hn_gen_chance(g, 50) ? 1 : 2,
                A(HN_A_INT("hidden_size", h), HN_A_STR("direction", ways[way]), reset));
}

static hn_node *made(hn_gen *g, hn_node *n, size_t regions, hn_graph *const *r)
{
    if (n && hn_node_regions(n, regions, r) == HN_OK && hn_gen_settle(g, n)) return n;
    if (n) hn_node_remove(n);
    return NULL;
}

/* Scan of x along an axis: the state runs along, a function of it and the slice comes out. */
static void scan(hn_gen *g)
{
    static const char *const join[] = {"Add", "Max", "Sub", "Min"}, *const after[] = {"Tanh", "Neg", "Relu",
                                                                                      "Identity"};
    hn_value *x = hn_gen_pick(g, HN_F32, 1, 4);
    const hn_tensor *t = x ? hn_gen_data(g, x) : NULL;
    if (!t || t->rank < 1) return;
    const int64_t most = 256; /* steps */
    int64_t axis = (int64_t)hn_gen_below(g, (size_t)t->rank), in_way = hn_gen_chance(g, 30),
            out_way = hn_gen_chance(g, 30), dims[HN_MAX_RANK], out_axis;
    int rank = 0;
    for (int d = 0; d < t->rank; d++)
        if (d != axis) dims[rank++] = t->dims[d];
    if (t->dims[axis] > most) return;
    out_axis = (int64_t)hn_gen_below(g, (size_t)rank + 1);
    hn_value *init = fresh(g, rank, dims, hn_gen_chance(g, 50));
    hn_graph *r = hn_region_new(g->g, "body");
    hn_type slice = hn_type_tensor(HN_F32, rank, dims);
    hn_value *s = r ? hn_graph_input(r, NULL, &slice) : NULL, *v = r ? hn_graph_input(r, NULL, &slice) : NULL;
    if (!init || !s || !v) return;
    hn_rw rw = hn_rw_at(r, NULL);
    hn_value *sum = hn_rw_2(&rw, join[hn_gen_below(g, 4)], s, v),
             *y = sum ? hn_rw_1(&rw, after[hn_gen_below(g, 4)], sum) : NULL;
    if (!y || hn_graph_output(r, sum) != HN_OK || hn_graph_output(r, y) != HN_OK) return;
    const hn_rw_attr attrs[] = {HN_A_INT("num_scan_inputs", 1),
                                HN_A_INTS("scan_input_axes", &axis, 1),
                                HN_A_INTS("scan_input_directions", &in_way, 1),
                                HN_A_INTS("scan_output_axes", &out_axis, 1),
                                HN_A_INTS("scan_output_directions", &out_way, 1),
                                {0}};
    hn_node *n = hn_node_new(g->g, NULL, hn_op_find(&hn_ops, "", "Scan"), NULL, 2, (hn_value *[]){init, x}, 2);
    for (const hn_rw_attr *a = attrs; n && a->name; a++) {
        hn_status st = a->kind == HN_ATTR_INT ? hn_node_set_int(n, a->name, a->i)
                                              : hn_node_set_ints(n, a->name, a->ints, a->count);
        if (st != HN_OK) return;
    }
    made(g, n, 1, &r);
}

/* A branch that makes a sequence of its input, changes it and joins it again; the other hands on two copies. */
static hn_graph *branch(hn_gen *g, const hn_value *x, bool sequence)
{
    hn_graph *r = hn_region_new(g->g, "branch");
    hn_value *p = r ? hn_graph_input(r, NULL, &x->type) : NULL;
    if (!p) return NULL;
    hn_rw rw = hn_rw_at(r, NULL);
    hn_value *both[] = {p, hn_rw_1(&rw, "Neg", p)}, *y;
    if (sequence) {
        hn_value *list = hn_rw_1(&rw, "SequenceConstruct", p);
        list = hn_rw_2(&rw, "SequenceInsert", list, both[1]);
        if (hn_gen_chance(g, 50)) list = hn_rw_2(&rw, "SequenceInsert", list, p);
        if (hn_gen_chance(g, 50)) list = hn_rw_2(&rw, "SequenceErase", list, hn_rw_scalar(&rw, HN_I64, 0));
        y = hn_rw_op(&rw, "ConcatFromSequence", 1, &list, A(HN_A_INT("axis", 0)));
    } else {
        y = hn_rw_op(&rw, "Concat", 2, both, A(HN_A_INT("axis", 0)));
    }
    return y && hn_rw_status(&rw) == HN_OK && hn_graph_output(r, y) == HN_OK ? r : NULL;
}

static void sequences(hn_gen *g)
{
    hn_value *x = hn_gen_pick(g, HN_F32, 1, 3);
    hn_tensor *cond = hn_gen_tensor(g, HN_BOOL, 0, NULL, 0, 0);
    if (!x || !cond || hn_gen_data(g, x)->rank < 1) return;
    hn_set_i64(cond, 0, hn_gen_chance(g, 70));
    hn_graph *r[2] = {branch(g, x, true), NULL};
    if (r[0]) r[1] = branch(g, x, hn_gen_chance(g, 50));
    hn_value *c = hn_gen_chance(g, 50) ? hn_gen_const(g, cond) : hn_gen_input(g, cond);
    if (!r[1] || !c) return;
    hn_node *n = hn_node_new(g->g, NULL, hn_op_find(&hn_ops, "", "If"), NULL, 2, (hn_value *[]){c, x}, 1);
    if (n) n->ncaptures = 1;
    made(g, n, 2, r);
}

const hn_gen_row hn_gen_flows[] = {{attention, 8}, {recurrent, 8}, {scan, 5}, {sequences, 3}, {0}};
