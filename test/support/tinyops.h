/* tinyops: a small op table for tests of the ir room, which must not depend on the real one. */
#ifndef HN_TEST_SUPPORT_TINYOPS_H
#define HN_TEST_SUPPORT_TINYOPS_H

#include <string.h>

#include "base/size.h"
#include "ir/op.h"

static inline hn_status tiny_same(hn_infer *c)
{
    c->out[0] = *c->in[0];
    return HN_OK;
}

static inline hn_status tiny_add(hn_infer *c)
{
    const hn_type *a = c->in[0]->rank >= c->in[1]->rank ? c->in[0] : c->in[1];
    c->out[0] = *a;
    return HN_OK;
}

static inline hn_status tiny_reshape(hn_infer *c)
{
    c->out[0] = hn_type_tensor(c->in[0]->dtype, -1, NULL);
    if (c->data[1] == NULL) return HN_OK;
    size_t n = hn_tensor_elems(c->data[1]);
    if (n > HN_MAX_RANK) return hn_fail(c->env, HN_INPUT, "rank %zu is above %d", n, HN_MAX_RANK);
    c->out[0].rank = (int)n;
    for (size_t i = 0; i < n; ++i) c->out[0].dims[i] = hn_get_i64(c->data[1], i);
    return HN_OK;
}

static inline hn_status tiny_transpose(hn_infer *c)
{
    const int64_t *perm;
    size_t n = hn_attr_ints(c->node, "perm", &perm);
    c->out[0] = *c->in[0];
    for (size_t i = 0; i < n && (int)n == c->in[0]->rank; ++i)
        if (perm[i] >= 0 && perm[i] < (int64_t)n) c->out[0].dims[i] = c->in[0]->dims[perm[i]];
    return HN_OK;
}

static inline hn_status tiny_reduce(hn_infer *c)
{
    c->out[0] = *c->in[0];
    for (size_t i = 0; c->data[1] != NULL && i < hn_tensor_elems(c->data[1]); ++i) {
        int axis;
        if (!hn_axis(hn_get_i64(c->data[1], i), c->in[0]->rank, &axis))
            return hn_fail(c->env, HN_INPUT, "no such axis");
        c->out[0].dims[axis] = 1;
    }
    return HN_OK;
}

static inline hn_status tiny_if(hn_infer *c)
{
    for (size_t r = 0; r < c->node->nregions; ++r) {
        hn_graph *g = c->node->regions[r];
        HN_TRY(hn_region_infer(g, c->nin - 1, c->in + 1, c->data + 1));
        for (size_t i = 0; i < c->nout && i < g->nout; ++i) {
            if (r == 0)
                c->out[i] = g->out[i]->type;
            else if (!hn_type_join(&c->out[i], &g->out[i]->type, &c->out[i]))
                return hn_fail(c->env, HN_INPUT, "the branches give output %zu different types", i);
        }
    }
    return HN_OK;
}

static const hn_port tiny_ports_any[] = {{"X", HN_T_ALL, 'T', false}};
static const hn_port tiny_ports_two[] = {{"A", HN_T_NUM, 'T', false}, {"B", HN_T_NUM, 'T', false}};
static const hn_port tiny_ports_opt[] = {
    {"X", HN_T_NUM, 'T', false}, {"W", HN_T_NUM, 'T', false}, {"B", HN_T_NUM, 'T', true}};
static const hn_port tiny_ports_shape[] = {{"X", HN_T_ALL, 'T', false}, {"shape", HN_BIT(HN_I64), 0, false}};
static const hn_port tiny_ports_cond[] = {{"cond", HN_BIT(HN_BOOL), 0, false}};
static const hn_port tiny_ports_free[] = {{"Y", HN_T_ALL, 0, true}};
static const hn_attr_row tiny_attrs_perm[] = {{"perm", HN_ATTR_INTS, false, NULL, ""}, {0}};
static const hn_attr_row tiny_attrs_reduce[] = {{"keepdims", HN_ATTR_INT, false, "1", ""}, {0}};
static const hn_attr_row tiny_attrs_thing[] = {{"mode", HN_ATTR_STRING, false, "NOTSET", ""},
                                               {"alpha", HN_ATTR_FLOAT, false, "0.25", ""},
                                               {"axis", HN_ATTR_INT, true, NULL, ""},
                                               {0}};

#define TINY_ROW(op, dom, fl, ip, i, im, op_, o, om, at, inf) \
    static const hn_op tiny_##op = {.name = #op,              \
                                    .domain = dom,            \
                                    .since = 1,               \
                                    .doc = "",                \
                                    .flags = fl,              \
                                    .in = ip,                 \
                                    .nin = i,                 \
                                    .nin_min = im,            \
                                    .out = op_,               \
                                    .nout = o,                \
                                    .nout_min = om,           \
                                    .attrs = at,              \
                                    .infer = inf}
TINY_ROW(Add, "", HN_OP_ELEMENTWISE, tiny_ports_two, 2, 2, tiny_ports_any, 1, 1, NULL, tiny_add);
TINY_ROW(Concat, "", HN_OP_VARIADIC, tiny_ports_any, 1, 1, tiny_ports_any, 1, 1, NULL, tiny_same);
TINY_ROW(Fma, "", 0, tiny_ports_opt, 3, 2, tiny_ports_any, 1, 1, NULL, tiny_same);
TINY_ROW(Identity, "", HN_OP_VIEW, tiny_ports_any, 1, 1, tiny_ports_any, 1, 1, NULL, tiny_same);
TINY_ROW(If, "", HN_OP_CONTROL | HN_OP_VARIADIC_OUT, tiny_ports_cond, 1, 1, tiny_ports_free, 1, 1, NULL, tiny_if);
TINY_ROW(ReduceSum, "", 0, tiny_ports_shape, 2, 1, tiny_ports_any, 1, 1, tiny_attrs_reduce, tiny_reduce);
TINY_ROW(Relu, "", HN_OP_ELEMENTWISE, tiny_ports_any, 1, 1, tiny_ports_any, 1, 1, NULL, tiny_same);
TINY_ROW(Reshape, "", HN_OP_VIEW, tiny_ports_shape, 2, 2, tiny_ports_any, 1, 1, NULL, tiny_reshape);
TINY_ROW(Split, "", HN_OP_VARIADIC_OUT, tiny_ports_any, 1, 1, tiny_ports_any, 1, 1, NULL, tiny_same);
TINY_ROW(Transpose, "", 0, tiny_ports_any, 1, 1, tiny_ports_any, 1, 1, tiny_attrs_perm, tiny_transpose);
TINY_ROW(Thing, "hone", 0, tiny_ports_any, 1, 1, tiny_ports_any, 1, 1, tiny_attrs_thing, tiny_same);

/* Sorted by domain, then name. */
static const hn_op *const tiny_rows[] = {&tiny_Add,   &tiny_Concat,    &tiny_Fma,  &tiny_Identity,
                                         &tiny_If,    &tiny_ReduceSum, &tiny_Relu, &tiny_Reshape,
                                         &tiny_Split, &tiny_Transpose, &tiny_Thing};
static const hn_op_table tiny_ops = {tiny_rows, HN_COUNT(tiny_rows)};

#endif
