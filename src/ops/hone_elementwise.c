/* hone.Elementwise: a little program of elementwise rows whose intermediate results need not exist as a whole. */
#include <string.h>

#include "ops/lib_elementwise.h"

/* Types of the step's operands from those of the inputs and of the steps before. */
static hn_status infer_step(hn_infer *c, const hn_elem_step *s, const hn_type *made, hn_type *out)
{
    hn_attr attr[2];
    const hn_type *in[HN_ELEM_ARGS] = {NULL};
    const hn_tensor *data[HN_ELEM_ARGS] = {NULL};
    const hn_node node = {.op = s->op, .name = c->node->name, .nin = s->nin, .attrs = hn_elem_attrs(s, attr)};
    for (size_t k = 0; k < s->nin; k++) {
        if (s->arg[k] < 0) continue;
        size_t at = (size_t)s->arg[k];
        in[k] = at < c->nin ? c->in[at] : &made[at - c->nin];
        const hn_port *port = &s->op->in[hn_min_size(k, (size_t)s->op->nin - 1)];
        if (in[k]->dtype != HN_NONE && (port->types & HN_BIT(in[k]->dtype)) == 0)
            return hn_op_fail(c->env, c->node, "%s does not take %s", s->op->name, hn_dtype_name(in[k]->dtype));
    }
    *out = hn_type_tensor(HN_NONE, -1, NULL);
    hn_infer sub = {.env = c->env, .node = &node, .graph = c->graph, .nin = s->nin, .nout = 1};
    sub.in = in;
    sub.data = data;
    sub.out = out;
    return s->op->infer(&sub);
}

static hn_status infer(hn_infer *c)
{
    hn_elem e;
    hn_type made[HN_ELEM_STEPS];
    HN_TRY(hn_elem_read(c->env, c->node, &e));
    for (size_t i = 0; i < e.count; i++) HN_TRY(infer_step(c, &e.step[i], made, &made[i]));
    const hn_type *y = &made[e.count - 1];
    for (size_t i = 0; i < e.count; i++) {
        if (made[i].rank < 0 || y->rank < 0) continue;
        bool same = made[i].rank == y->rank;
        for (int d = 0; same && d < y->rank; d++)
            same = made[i].dims[d] < 0 || y->dims[d] < 0 || made[i].dims[d] == y->dims[d];
        if (!same) return hn_op_fail(c->env, c->node, "step %zu has not the shape of the last", i);
    }
    for (size_t k = 0; k < e.nkeep; k++) c->out[k] = made[e.keep[k]];
    return HN_OK;
}

static hn_status ref_step(const hn_refargs *a, const hn_elem_step *s, const hn_tensor *const *made, hn_tensor *out)
{
    hn_attr attr[2];
    const hn_tensor *in[HN_ELEM_ARGS] = {NULL};
    const hn_node node = {.op = s->op, .name = a->node->name, .nin = s->nin, .attrs = hn_elem_attrs(s, attr)};
    for (size_t k = 0; k < s->nin; k++)
        if (s->arg[k] >= 0) in[k] = (size_t)s->arg[k] < a->nin ? a->in[s->arg[k]] : made[(size_t)s->arg[k] - a->nin];
    const hn_refargs sub = {
        .env = a->env, .node = &node, .nin = s->nin, .nout = 1, .in = in, .out = &out, .scratch = a->scratch};
    return s->op->ref(&sub);
}

static hn_status new_like(const hn_refargs *a, const hn_elem_step *s, hn_tensor **t)
{
    const hn_tensor *like = NULL;
    for (size_t k = 0; k < a->nout; k++)
        if (a->out[k] != NULL) like = a->out[k];
    *t = hn_arena_alloc(a->env, a->scratch, sizeof **t);
    if (like == NULL || *t == NULL) return a->env->error.status;
    hn_dtype dtype = hn_elem_gives_bool(s->op) ? HN_BOOL : HN_F32;
    return hn_tensor_init(a->env, a->scratch, *t, dtype, like->rank, like->dims);
}

static hn_status ref(const hn_refargs *a)
{
    hn_elem e;
    const hn_tensor *made[HN_ELEM_STEPS];
    HN_TRY(hn_elem_read(a->env, a->node, &e));
    for (size_t i = 0, kept = 0; i < e.count; i++) {
        hn_tensor *t = NULL;
        if (kept < e.nkeep && e.keep[kept] == (int)i) t = a->out[kept++];
        if (t == NULL) HN_TRY(new_like(a, &e.step[i], &t));
        HN_TRY(ref_step(a, &e.step[i], made, t));
        made[i] = t;
    }
    return HN_OK;
}

static void cost(const hn_node *n, hn_cost *cost)
{
    hn_elem e;
    hn_env env = {0}; /* what inference has accepted is read again: nothing fails */
    if (hn_elem_read(&env, n, &e) != HN_OK) return;
    for (size_t k = 0; k < n->nout; k++)
        if (n->out[k] != NULL) cost->flops = (double)e.count * (double)hn_type_elems(&n->out[k]->type);
    cost->bytes = hn_nn_bytes(n);
}

static hn_value *emit_step(hn_rw *rw, const hn_elem_step *s, hn_value *const *values)
{
    hn_attr attr[2];
    hn_rw_attr attrs[3] = {{0}};
    hn_value *in[HN_ELEM_ARGS] = {NULL};
    char text[8] = "";
    size_t at = 0;
    for (const hn_attr *a = hn_elem_attrs(s, attr); a != NULL; a = a->next, at++) {
        attrs[at] = (hn_rw_attr){.name = a->name, .kind = a->kind};
        if (a->kind == HN_ATTR_STRING)
            attrs[at].s = memcpy(text, a->u.s.data, a->u.s.size);
        else
            attrs[at].f = a->u.f;
    }
    for (size_t k = 0; k < s->nin; k++)
        if (s->arg[k] >= 0) in[k] = values[s->arg[k]];
    return hn_rw_op(rw, s->op->name, s->nin, in, attrs);
}

static hn_status decompose(hn_rw *rw, const hn_node *node, hn_value **out)
{
    hn_elem e;
    hn_value *values[HN_ELEM_INPUTS + HN_ELEM_STEPS];
    HN_TRY(hn_elem_read(rw->graph->env, node, &e));
    for (size_t i = 0; i < node->nin; i++) values[i] = node->in[i];
    for (size_t i = 0; i < e.count; i++) values[node->nin + i] = emit_step(rw, &e.step[i], values);
    for (size_t k = 0; k < e.nkeep; k++) out[k] = values[node->nin + (size_t)e.keep[k]];
    return hn_rw_status(rw);
}

static void program(hn_cases *c, const char *name, size_t count, const hn_str *ops, const int64_t *args)
{
    hn_case(c, name);
    hn_case_flag(c, HN_CASE_ONE_TYPE);
    hn_case_strings(c, "ops", count, ops);
    hn_case_ints(c, "args", count * HN_ELEM_ARGS, args);
}

static void refused(hn_cases *c)
{
    program(c, "a step that comes later", 1, (const hn_str[]){{"Relu", 4}}, (const int64_t[]){1, -1, -1});
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(3), -1, 1);
    program(c, "no such operator", 1, (const hn_str[]){{"Conv", 4}}, (const int64_t[]){0, -1, -1});
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(3), -1, 1);
    program(c, "too few operands", 1, (const hn_str[]){{"Add", 3}}, (const int64_t[]){0, -1, -1});
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(3), -1, 1);
    program(c, "shapes that grow", 2, (const hn_str[]){{"Relu", 4}, {"Add", 3}},
            (const int64_t[]){0, -1, -1, 2, 1, -1});
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(3), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3), -1, 1);
}

static hn_status cases(hn_cases *c)
{
    program(c, "example", 2, (const hn_str[]){{"Sub", 3}, {"Relu", 4}}, (const int64_t[]){0, 1, -1, 2, -1, -1});
    hn_case_in(c, HN_F32, HN_DIMS(3), HN_VALS(1, 2, 3));
    hn_case_in(c, HN_F32, HN_DIMS(1), HN_VALS(2));
    hn_case_want(c, HN_F32, HN_DIMS(3), HN_VALS(0, 0, 1));
    program(c, "rows, columns and two results", 4, (const hn_str[]){{"Mul", 3}, {"Sigmoid", 7}, {"Max", 3}, {"Mul", 3}},
            (const int64_t[]){0, 1, -1, 3, -1, -1, 4, 2, -1, 3, 5, -1});
    hn_case_ints(c, "keep", 2, (const int64_t[]){1, 3});
    hn_case_nout(c, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(3, 70), -2, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(70), -2, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(3, 1), -2, 2);
    program(c, "choice", 3, (const hn_str[]){{"Less", 4}, {"Neg", 3}, {"Where", 5}},
            (const int64_t[]){0, 1, -1, 0, -1, -1, 2, 0, 3});
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3, 2), -2, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 1, 2), -2, 2);
    program(c, "parameters", 5,
            (const hn_str[]){{"Gelu", 4}, {"Selu", 4}, {"Clip", 4}, {"Pow", 3}, {"HardSigmoid", 11}},
            (const int64_t[]){0, -1, -1, 3, -1, -1, 4, -1, 1, 5, 2, -1, 6, -1, -1});
    hn_case_floats(c, "a", 5, (const double[]){1, 1.5, 0, 0, 0.25});
    hn_case_floats(c, "b", 5, (const double[]){0, 1.25, 0, 0, 0.5});
    hn_case_rand(c, HN_F32, HN_DIMS(40), -2, 2);
    hn_case_scalar(c, HN_F32, 0.75);
    hn_case_scalar(c, HN_F32, 2);
    program(c, "empty", 2, (const hn_str[]){{"Exp", 3}, {"Neg", 3}}, (const int64_t[]){0, -1, -1, 1, -1, -1});
    hn_case_rand(c, HN_F32, HN_DIMS(0, 3), -2, 2);
    refused(c);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"X", HN_BIT(HN_F32) | HN_T_BOOL, 0, false}};
static const hn_port out[] = {{"Y", HN_BIT(HN_F32), 0, false}};
static const hn_attr_row attrs[] = {
    {"ops", HN_ATTR_STRINGS, true, NULL, "operator of each step"},
    {"args", HN_ATTR_INTS, true, NULL,
     "three operands of each step: number of an input; number of inputs + number of a step before; -1: none"},
    {"a", HN_ATTR_FLOATS, false, NULL, "first attribute of each step; of Gelu 1 for \"tanh\"; default 0"},
    {"b", HN_ATTR_FLOATS, false, NULL, "second attribute of each step; default 0"},
    {"keep", HN_ATTR_INTS, false, NULL, "steps whose results are outputs, rising; default: the last"},
    {0}};

const hn_op hn_op_hone_elementwise = {
    .name = "Elementwise",
    .domain = "hone",
    .since = 1,
    .doc = "Elementwise operators one after the other, each rounded to its type, all results of one shape. "
           "ops = [Sub, Relu], args = [0,1,-1, 2,-1,-1]: Relu(X0 - X1) of [1,2,3] and [2] = [0,0,1].",
    .flags = HN_OP_INTERNAL | HN_OP_ELEMENTWISE | HN_OP_VARIADIC | HN_OP_VARIADIC_OUT,
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD_NO("made by the compile pipeline, which runs after differentiation"),
    .cost = cost,
    .decompose = decompose,
    .cases = cases,
    .quant = "compute",
};
