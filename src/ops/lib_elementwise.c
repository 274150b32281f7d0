/* lib_elementwise: see the header. */
#include "ops/lib_elementwise.h"

#include "ops/ops.h"

typedef struct row {
    const char *op, *a, *b; /* names of attributes, NULL for none */
    size_t nin, most;       /* operands */
} row;

/* Gelu's "approximate" is a: 1 for "tanh". */
static const char APPROXIMATE[] = "approximate";
static const row ROWS[] = {
    {"Relu", NULL, NULL, 1, 1},
    {"Clip", NULL, NULL, 1, 3},
    {"LeakyRelu", "alpha", NULL, 1, 1},
    {"Sigmoid", NULL, NULL, 1, 1},
    {"Tanh", NULL, NULL, 1, 1},
    {"HardSigmoid", "alpha", "beta", 1, 1},
    {"HardSwish", NULL, NULL, 1, 1},
    {"Swish", "alpha", NULL, 1, 1},
    {"Gelu", APPROXIMATE, NULL, 1, 1},
    {"Elu", "alpha", NULL, 1, 1},
    {"Exp", NULL, NULL, 1, 1},
    {"Log", NULL, NULL, 1, 1},
    {"Erf", NULL, NULL, 1, 1},
    {"Sqrt", NULL, NULL, 1, 1},
    {"Abs", NULL, NULL, 1, 1},
    {"Neg", NULL, NULL, 1, 1},
    {"Floor", NULL, NULL, 1, 1},
    {"Ceil", NULL, NULL, 1, 1},
    {"Round", NULL, NULL, 1, 1},
    {"Reciprocal", NULL, NULL, 1, 1},
    {"Softplus", NULL, NULL, 1, 1},
    {"Softsign", NULL, NULL, 1, 1},
    {"Selu", "alpha", "gamma", 1, 1},
    {"Celu", "alpha", NULL, 1, 1},
    {"ThresholdedRelu", "alpha", NULL, 1, 1},
    {"Mish", NULL, NULL, 1, 1},
    {"Add", NULL, NULL, 2, 2},
    {"Sub", NULL, NULL, 2, 2},
    {"Mul", NULL, NULL, 2, 2},
    {"Div", NULL, NULL, 2, 2},
    {"Max", NULL, NULL, 2, 2},
    {"Min", NULL, NULL, 2, 2},
    {"Sum", NULL, NULL, 2, 2},
    {"PRelu", NULL, NULL, 2, 2},
    {"Pow", NULL, NULL, 2, 2},
    {"Equal", NULL, NULL, 2, 2},
    {"Greater", NULL, NULL, 2, 2},
    {"GreaterOrEqual", NULL, NULL, 2, 2},
    {"Less", NULL, NULL, 2, 2},
    {"LessOrEqual", NULL, NULL, 2, 2},
    {"Where", NULL, NULL, 3, 3},
};

static const row *row_of(const hn_op *op)
{
    for (size_t i = 0; op != NULL && op->domain[0] == 0 && i < HN_COUNT(ROWS); i++)
        if (strcmp(ROWS[i].op, op->name) == 0) return &ROWS[i];
    return NULL;
}

bool hn_elem_takes(const hn_node *n, double *a, double *b)
{
    const row *r = row_of(n->op);
    *a = *b = 0;
    if (r == NULL || n->nin < r->nin || n->nin > r->most || n->nout != 1) return false;
    for (size_t i = 0; i < r->nin; i++)
        if (n->in[i] == NULL) return false;
    if (r->a == APPROXIMATE)
        *a = hn_attr_is(n, APPROXIMATE, "tanh");
    else if (r->a != NULL)
        *a = hn_attr_float(n, r->a, 0);
    if (r->b != NULL) *b = hn_attr_float(n, r->b, 0);
    return true;
}

hn_attr *hn_elem_attrs(const hn_elem_step *s, hn_attr attr[2])
{
    const row *r = row_of(s->op);
    if (r->a == NULL) return NULL;
    attr[0] = (hn_attr){.name = r->a, .kind = HN_ATTR_FLOAT, .count = 1, .u.f = s->a};
    if (r->a == APPROXIMATE) {
        attr[0].kind = HN_ATTR_STRING;
        attr[0].u.s = s->a != 0 ? (hn_str){"tanh", 4} : (hn_str){"none", 4};
    }
    if (r->b == NULL) return attr;
    attr[1] = (hn_attr){.name = r->b, .kind = HN_ATTR_FLOAT, .count = 1, .u.f = s->b};
    attr[0].next = &attr[1];
    return attr;
}

static hn_status read_step(hn_env *env, const hn_node *node, size_t i, hn_str name, const int64_t *args,
                           hn_elem_step *s)
{
    char op[24];
    if (name.size >= sizeof op) return hn_op_fail(env, node, "step %zu: no such operator", i);
    if (name.size > 0) memcpy(op, name.data, name.size);
    op[name.size] = 0;
    s->op = hn_op_find(&hn_ops, "", op);
    const row *r = row_of(s->op);
    if (r == NULL) return hn_op_fail(env, node, "step %zu: no such operator", i);
    s->nin = 0;
    for (size_t k = 0; k < HN_ELEM_ARGS; k++) {
        bool there = args[k] >= 0 && args[k] < (int64_t)(node->nin + i);
        if ((args[k] != -1 && !there) || (there && k >= r->most) || (!there && k < r->nin) ||
            (there && args[k] < (int64_t)node->nin && node->in[args[k]] == NULL))
            return hn_op_fail(env, node, "step %zu: %lld is no operand %zu", i, (long long)args[k], k);
        s->arg[k] = (int)args[k];
        if (there) s->nin = k + 1;
    }
    return HN_OK;
}

hn_status hn_elem_read(hn_env *env, const hn_node *node, hn_elem *e)
{
    const hn_attr *ops = hn_node_attr(node, "ops");
    const int64_t *args, *keep;
    const double *a, *b;
    size_t nargs = hn_attr_ints(node, "args", &args), nkeep = hn_attr_ints(node, "keep", &keep),
           na = hn_attr_floats(node, "a", &a), nb = hn_attr_floats(node, "b", &b);
    *e = (hn_elem){.count = ops != NULL ? ops->count : 0};
    if (e->count < 1 || e->count > HN_ELEM_STEPS || nargs != e->count * HN_ELEM_ARGS || node->nin > HN_ELEM_INPUTS)
        return hn_op_fail(env, node, "%zu steps, %zu operands and %zu inputs do not fit", e->count, nargs, node->nin);
    for (size_t i = 0; i < e->count; i++) {
        hn_elem_step *s = &e->step[i];
        HN_TRY(read_step(env, node, i, ops->u.strings[i], args + i * HN_ELEM_ARGS, s));
        s->a = i < na ? a[i] : 0;
        s->b = i < nb ? b[i] : 0;
    }
    e->nkeep = nkeep > 0 ? nkeep : 1;
    if (e->nkeep != node->nout || e->nkeep > HN_ELEM_OUTPUTS)
        return hn_op_fail(env, node, "%zu results are kept, the node has %zu", e->nkeep, node->nout);
    e->keep[0] = (int)e->count - 1;
    for (size_t k = 0; k < nkeep; k++) {
        if (keep[k] < (k > 0 ? keep[k - 1] + 1 : 0) || keep[k] >= (int64_t)e->count)
            return hn_op_fail(env, node, "%lld is no step to keep", (long long)keep[k]);
        e->keep[k] = (int)keep[k];
    }
    return HN_OK;
}

bool hn_elem_gives_bool(const hn_op *op)
{
    return op->out[0].types == HN_T_BOOL;
}
