/* check: nodes against their rows, and the driver of type inference. Whatever is wrong here came from a file or from
 * the text form, so messages name node and port. */
#include <stdio.h>
#include <string.h>

#include "ir/ir_priv.h"

static const char *attr_kind_name(hn_attr_kind k)
{
    static const char *const names[] = {"nothing", "int",     "float",  "string", "ints",
                                        "floats",  "strings", "tensor", "type"};
    return (size_t)k < sizeof(names) / sizeof(names[0]) ? names[k] : "?";
}

/* "node conv1 (Conv)" */
static void describe(const hn_node *n, char *dst, size_t bytes)
{
    (void)snprintf(dst, bytes, "node %.80s (%s%s%s)", hn_node_label(n), n->op->domain, n->op->domain[0] != 0 ? "." : "",
                   n->op->name);
}

static const hn_port *port_of(const hn_port *ports, int count, size_t i)
{
    return count == 0 ? NULL : &ports[i < (size_t)count ? i : (size_t)count - 1];
}

/* Whether a port takes values of this kind; nothing is known of a type that says nothing. */
static bool takes_kind(const hn_port *port, const hn_type *t)
{
    uint32_t kinds = port->types & HN_T_KINDS;
    if (kinds == 0) kinds = HN_T_TENSOR;
    if (t->kind == HN_KIND_TENSOR) return (t->dtype == HN_NONE && t->rank < 0) || (kinds & HN_T_TENSOR) != 0;
    if (t->kind == HN_KIND_SEQUENCE_MAP && (kinds & HN_T_MAP) == 0) return false;
    return (kinds & HN_BIT(hn_type_list_dtype(t))) != 0;
}

bool hn_port_takes(const hn_op *op, bool input, size_t i, const hn_type *t)
{
    const hn_port *port = input ? port_of(op->in, op->nin, i) : port_of(op->out, op->nout, i);
    return port != NULL && takes_kind(port, t);
}

typedef struct vars {
    hn_dtype dtype[128];
} vars;

static hn_status check_port(hn_env *env, const hn_node *n, hn_status bad, const hn_port *port, const char *side,
                            size_t i, const hn_value *v, vars *seen)
{
    char what[160];
    if (v == NULL) {
        if (port->optional) return HN_OK;
        describe(n, what, sizeof(what));
        return hn_fail(env, bad, "%s: %s %zu, %s, is missing", what, side, i, port->name);
    }
    hn_dtype t = v->type.dtype;
    if (!takes_kind(port, &v->type)) {
        char type[96];
        describe(n, what, sizeof(what));
        hn_type_describe(n->graph, &v->type, type, sizeof(type));
        return hn_fail(env, bad, "%s: %s %zu, %s, cannot be %s", what, side, i, port->name, type);
    }
    if (t == HN_NONE) return HN_OK;
    if ((port->types & HN_BIT(t)) == 0) {
        describe(n, what, sizeof(what));
        return hn_fail(env, bad, "%s: %s %zu, %s, cannot be %s", what, side, i, port->name, hn_dtype_name(t));
    }
    unsigned char c = (unsigned char)port->var;
    if (c == 0 || c >= 128) return HN_OK;
    if (seen->dtype[c] == HN_NONE) seen->dtype[c] = t;
    if (seen->dtype[c] == t) return HN_OK;
    describe(n, what, sizeof(what));
    return hn_fail(env, bad, "%s: %s %zu, %s, is %s where %s is needed to agree with the others", what, side, i,
                   port->name, hn_dtype_name(t), hn_dtype_name(seen->dtype[c]));
}

static hn_status check_side(hn_env *env, const hn_node *n, hn_status bad, bool inputs, vars *seen)
{
    const hn_op *op = n->op;
    const char *side = inputs ? "input" : "output";
    const hn_port *ports = inputs ? op->in : op->out;
    int count = inputs ? op->nin : op->nout, least = inputs ? op->nin_min : op->nout_min;
    bool many = (op->flags & (inputs ? HN_OP_VARIADIC : HN_OP_VARIADIC_OUT)) != 0;
    size_t have = inputs ? n->nin - n->ncaptures : n->nout;
    char what[160];
    if (have < (size_t)least || (!many && have > (size_t)count)) {
        describe(n, what, sizeof(what));
        if (many) return hn_fail(env, bad, "%s has %zu %ss; it takes %d or more", what, have, side, least);
        return hn_fail(env, bad, "%s has %zu %ss; it takes %d to %d", what, have, side, least, count);
    }
    for (size_t i = 0; i < have; ++i) {
        hn_value *v = inputs ? n->in[i] : n->out[i];
        if (v == NULL && !inputs) continue;
        HN_TRY(check_port(env, n, bad, port_of(ports, count, i), side, i, v, seen));
    }
    return HN_OK;
}

hn_status hn_node_check_as(hn_env *env, const hn_node *n, hn_status bad)
{
    char what[160];
    vars seen = {{HN_NONE}};
    if (n->ncaptures > n->nin) {
        describe(n, what, sizeof(what));
        return hn_fail(env, bad, "%s has more captures than inputs", what);
    }
    HN_TRY(check_side(env, n, bad, true, &seen));
    HN_TRY(check_side(env, n, bad, false, &seen));
    for (const hn_attr_row *r = n->op->attrs; r != NULL && r->name != NULL; ++r) {
        const hn_attr *a = hn_node_attr(n, r->name);
        if (a == NULL && !r->required) continue;
        if (a != NULL && a->kind == r->kind) continue;
        describe(n, what, sizeof(what));
        if (a == NULL) return hn_fail(env, bad, "%s: attribute %s is required", what, r->name);
        return hn_fail(env, bad, "%s: attribute %s is %s where %s is needed", what, r->name, attr_kind_name(a->kind),
                       attr_kind_name(r->kind));
    }
    if (((n->op->flags & HN_OP_CONTROL) != 0) == (n->nregions == 0)) {
        describe(n, what, sizeof(what));
        return hn_fail(env, bad, n->nregions == 0 ? "%s has no region" : "%s cannot have regions", what);
    }
    for (size_t i = 0; i < n->nregions; ++i) {
        if (n->regions[i]->nin >= n->ncaptures) continue;
        describe(n, what, sizeof(what));
        return hn_fail(env, bad, "%s: region %zu has fewer inputs than captures", what, i);
    }
    return HN_OK;
}

hn_status hn_node_check(hn_env *env, const hn_node *n)
{
    return hn_node_check_as(env, n, HN_INPUT);
}

static hn_status infer_into(hn_node *n, hn_infer *c, const hn_type **types, const hn_tensor **data)
{
    hn_env *env = n->graph->env;
    char what[160];
    for (size_t i = 0; i < n->nin; ++i) {
        if (n->in[i] == NULL) continue;
        types[i] = &n->in[i]->type;
        data[i] = n->in[i]->data;
    }
    for (size_t i = 0; i < n->nout; ++i) c->out[i] = hn_type_tensor(HN_NONE, -1, NULL);
    c->in = types;
    c->data = data;
    if (n->op->infer != NULL) {
        hn_status st = n->op->infer(c);
        if (st != HN_OK) {
            describe(n, what, sizeof(what));
            return hn_context(env, st, "%s", what);
        }
    }
    for (size_t i = 0; i < n->nout; ++i) {
        if (n->out[i] == NULL) continue;
        (void)snprintf(what, sizeof(what), "node %.60s (%s), output %zu", hn_node_label(n), n->op->name, i);
        HN_TRY(hn_type_merge(env, n->graph, what, &n->out[i]->type, &c->out[i], &n->out[i]->type));
    }
    return HN_OK;
}

hn_status hn_node_infer(hn_node *n)
{
    enum { FEW = 16 };
    hn_env *env = n->graph->env;
    const hn_type *types_few[FEW] = {NULL};
    const hn_tensor *data_few[FEW] = {NULL};
    hn_type out_few[FEW];
    HN_TRY(hn_node_check(env, n));
    hn_infer c = {.env = env, .node = n, .graph = n->graph, .nin = n->nin, .nout = n->nout};
    if (n->nin <= FEW && n->nout <= FEW) {
        c.out = out_few;
        return infer_into(n, &c, types_few, data_few);
    }
    hn_status st = HN_NOMEM;
    const hn_type **types = hn_zalloc(env, n->nin * sizeof(*types));
    const hn_tensor **data = hn_zalloc(env, n->nin * sizeof(*data));
    c.out = hn_zalloc(env, n->nout * sizeof(hn_type));
    if (types != NULL && data != NULL && c.out != NULL) st = infer_into(n, &c, types, data);
    hn_free(env, types);
    hn_free(env, data);
    hn_free(env, c.out);
    return st;
}

hn_status hn_graph_infer(hn_graph *g)
{
    for (hn_node *n = g->first; n != NULL; n = n->next) HN_TRY(hn_node_infer(n));
    return HN_OK;
}

hn_status hn_region_infer(hn_graph *region, size_t n, const hn_type *const *in, const hn_tensor *const *data)
{
    hn_env *env = region->env;
    if (n != region->nin)
        return hn_fail(env, HN_INPUT, "region %s has %zu inputs where %zu are passed", region->name, region->nin, n);
    for (size_t i = 0; i < n; ++i) {
        char what[120];
        hn_value *v = region->in[i];
        if (in[i] == NULL) continue;
        (void)snprintf(what, sizeof(what), "region %.60s, input %zu", region->name, i);
        HN_TRY(hn_type_merge(env, region, what, &v->type, in[i], &v->type));
    }
    /* Data are lent for this call only: a captured constant may be another one after the next rewrite. */
    for (size_t i = 0; data != NULL && i < n; ++i) region->in[i]->data = data[i];
    hn_status st = hn_graph_infer(region);
    for (size_t i = 0; data != NULL && i < n; ++i) region->in[i]->data = NULL;
    return hn_context(env, st, "region %s", region->name);
}
