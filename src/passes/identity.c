/* identity: nodes that give back their input. Each rule returns that input, or NULL. */
#include "base/size.h"
#include "passes/lib_match.h"

#include <math.h>

typedef hn_value *rule_fn(const hn_node *n);

static bool keeps_type(const hn_node *n)
{
    return n->in[0]->type.dtype == n->out[0]->type.dtype && n->in[0]->type.dtype != HN_NONE &&
           hn_dims_same(&n->in[0]->type, &n->out[0]->type);
}

static hn_value *always(const hn_node *n)
{
    return n->in[0];
}

static hn_value *same_type(const hn_node *n)
{
    return keeps_type(n) ? n->in[0] : NULL;
}

static hn_value *alone(const hn_node *n)
{
    return n->nin == 1 ? n->in[0] : NULL;
}

static hn_value *dropout(const hn_node *n)
{
    const hn_value *training = hn_node_in(n, 2);
    return training == NULL || hn_const_all(training, 0) ? n->in[0] : NULL;
}

static hn_value *transpose(const hn_node *n)
{
    const int64_t *perm;
    size_t rank = hn_attr_ints(n, "perm", &perm);
    for (size_t i = 0; i < rank; ++i)
        if (perm[i] != (int64_t)i) return NULL;
    return rank > 0 || n->in[0]->type.rank == 1 || n->in[0]->type.rank == 0 ? n->in[0] : NULL;
}

static hn_value *slice(const hn_node *n)
{
    int64_t steps[HN_MAX_RANK];
    size_t count = 0;
    if (!keeps_type(n)) return NULL;
    if (hn_node_in(n, 4) != NULL && !hn_const_ints(n->in[4], HN_MAX_RANK, steps, &count)) return NULL;
    for (size_t i = 0; i < count; ++i)
        if (steps[i] < 0) return NULL;
    return n->in[0];
}

static hn_value *pad(const hn_node *n)
{
    return hn_const_all(hn_node_in(n, 1), 0) ? n->in[0] : NULL;
}

static hn_value *clip(const hn_node *n)
{
    const hn_value *lo = hn_node_in(n, 1), *hi = hn_node_in(n, 2);
    bool no_lo = lo == NULL || hn_const_all(lo, -INFINITY), no_hi = hi == NULL || hn_const_all(hi, INFINITY);
    return no_lo && no_hi ? n->in[0] : NULL;
}

static hn_value *split(const hn_node *n)
{
    return n->nout == 1 ? same_type(n) : NULL;
}

/* x op e, where e leaves x as it is and adds no dims. */
static hn_value *neutral(const hn_node *n, double e, bool both)
{
    for (size_t i = 0; i < (both ? 2U : 1U); ++i) {
        hn_value *x = n->in[i];
        if (hn_const_all(n->in[1 - i], e) &&
            (hn_dims_same(&x->type, &n->out[0]->type) || (n->in[1 - i]->type.rank == 0 && x->type.rank >= 0)))
            return x;
    }
    return NULL;
}

static hn_value *add(const hn_node *n)
{
    return neutral(n, 0, true);
}
static hn_value *sub(const hn_node *n)
{
    return neutral(n, 0, false);
}
static hn_value *mul(const hn_node *n)
{
    return neutral(n, 1, true);
}
static hn_value *divide(const hn_node *n)
{
    return neutral(n, 1, false);
}

static bool all_ints(const hn_node *n, const char *name, int64_t x)
{
    const int64_t *v;
    size_t count = hn_attr_ints(n, name, &v);
    for (size_t i = 0; i < count; ++i)
        if (v[i] != x) return false;
    return true;
}

static hn_value *pool(const hn_node *n)
{
    const int64_t *kernel;
    bool one = hn_attr_ints(n, "kernel_shape", &kernel) > 0 && all_ints(n, "kernel_shape", 1) &&
               all_ints(n, "strides", 1) && all_ints(n, "pads", 0);
    return one ? same_type(n) : NULL;
}

static const struct {
    const char *op;
    rule_fn *fn;
} rules[] = {
    {"Add", add},
    {"AveragePool", pool},
    {"Cast", same_type},
    {"Clip", clip},
    {"Concat", alone},
    {"Div", divide},
    {"Dropout", dropout},
    {"Expand", same_type},
    {"Flatten", same_type},
    {"Identity", always},
    {"Max", alone},
    {"MaxPool", pool},
    {"Mean", alone},
    {"Min", alone},
    {"Mul", mul},
    {"Pad", pad},
    {"Pow", divide},
    {"Reshape", same_type},
    {"Slice", slice},
    {"Split", split},
    {"Squeeze", same_type},
    {"Sub", sub},
    {"Sum", alone},
    {"Tile", same_type},
    {"Transpose", transpose},
    {"Unsqueeze", same_type},
};

static hn_status run(hn_pass_ctx *c)
{
    for (hn_node *n = c->graph->first, *next; n != NULL; n = next) {
        next = n->next;
        hn_value *v = NULL;
        if (n->nin == 0 || n->in[0] == NULL || n->nout == 0 || n->out[0] == NULL || n->nregions != 0) continue;
        for (size_t i = 0; i < HN_COUNT(rules) && v == NULL; ++i)
            if (hn_node_is(n, rules[i].op)) v = rules[i].fn(n);
        if (v == NULL || v->type.kind != n->out[0]->type.kind) continue;
        hn_rw rw = hn_rw_at(c->graph, n);
        HN_TRY(hn_replace_first(c, &rw, n, v));
    }
    return HN_OK;
}

const hn_pass hn_pass_identity = {
    .name = "identity",
    .doc = "Removes nodes that give back their input: Identity, Dropout in inference, Cast, Reshape, Transpose, Slice, "
           "Pad, "
           "Expand, Tile, Clip and pooling that change nothing, Concat, Sum, Max, Min and Mean of one, x + 0, x - 0, x "
           "* 1, "
           "x / 1, x ^ 1.",
    .run = run,
};
