/* onnx_domains: conversions of the domains ai.onnx.ml and ai.onnx.preview.training. */
#include <string.h>

#include "formats/onnx_version.h"

static hn_status set_list(hn_onnx_scope *s, hn_onnx_node *n, const char *name, hn_attr_kind kind, size_t count,
                          const void *list)
{
    hn_attr *a = hn_arena_alloc(s->r->env, s->r->arena, sizeof *a);
    if (a == NULL) return s->r->env->error.status;
    *a = (hn_attr){.name = name, .kind = kind, .count = count, .next = n->attrs};
    if (kind == HN_ATTR_INTS)
        a->u.ints = list;
    else
        a->u.strings = list;
    n->attrs = a;
    return HN_OK;
}

/* LabelEncoder-1: strings to their places in classes_strings, or back, as the type of the input says. */
static hn_status old_label_encoder(hn_onnx_scope *s, hn_onnx_node *n)
{
    const hn_attr *classes = hn_onnx_find(n, "classes_strings");
    hn_dtype t = hn_onnx_dtype(n, 0, HN_NONE);
    if (classes == NULL) return HN_OK;
    if (classes->kind != HN_ATTR_STRINGS)
        return hn_fail(s->r->env, HN_INPUT, "attribute classes_strings must be a list of strings");
    if (t != HN_STRING && t != HN_I64)
        return hn_fail(s->r->env, HN_UNSUPPORTED, "LabelEncoder of version 1 on an input of %s type",
                       t == HN_NONE ? "unknown" : hn_dtype_name(t));
    int64_t *place = hn_arena_array(s->r->env, s->r->arena, classes->count, sizeof *place);
    if (place == NULL) return s->r->env->error.status;
    for (size_t i = 0; i < classes->count; i++) place[i] = (int64_t)i;
    bool text = t == HN_STRING;
    hn_onnx_drop(n, "classes_strings");
    hn_onnx_drop(n, text ? "default_string" : "default_int64");
    HN_TRY(
        set_list(s, n, text ? "keys_strings" : "values_strings", HN_ATTR_STRINGS, classes->count, classes->u.strings));
    return set_list(s, n, text ? "values_int64s" : "keys_int64s", HN_ATTR_INTS, classes->count, place);
}

/* Values named in a list attribute, appended to v. */
static hn_status named(hn_onnx_scope *s, hn_onnx_node *n, const char *attr, hn_value **v, size_t *count)
{
    const hn_attr *a = hn_onnx_find(n, attr);
    if (a == NULL) return HN_OK;
    if (a->kind != HN_ATTR_STRINGS) return hn_fail(s->r->env, HN_INPUT, "attribute %s must be a list of names", attr);
    for (size_t i = 0; i < a->count; i++, ++*count) {
        HN_TRY(hn_onnx_resolve(s, a->u.strings[i], &v[*count]));
        if (v[*count] == NULL) return hn_fail(s->r->env, HN_INPUT, "%s names an absent input of the function", attr);
    }
    return HN_OK;
}

static size_t length(const hn_onnx_node *n, const char *attr)
{
    const hn_attr *a = hn_onnx_find(n, attr);
    return a == NULL ? 0 : a->count;
}

/* Gradient names the values between which it differentiates; names do not survive rewriting, so the part of the graph
 * between them becomes its region. */
static hn_status gradient(hn_onnx_scope *s, hn_onnx_node *n)
{
    hn_onnx_reader *r = s->r;
    const hn_attr *y = hn_onnx_find(n, "y");
    size_t total = length(n, "xs") + length(n, "zs"), count = 0, ncaptures = 0;
    if (y == NULL || y->kind != HN_ATTR_STRING || length(n, "xs") == 0)
        return hn_fail(r->env, HN_INPUT, "Gradient needs the attributes xs and y");
    if (n->nin != total || n->nout > length(n, "xs"))
        return hn_fail(r->env, HN_INPUT, "Gradient has %zu inputs and %zu outputs for %zu names in xs and %zu in zs",
                       n->nin, n->nout, length(n, "xs"), length(n, "zs"));
    hn_value **v = hn_arena_array(r->env, &r->scratch, total, sizeof *v), *target = NULL, **captures = NULL;
    hn_graph *region = NULL;
    if (v == NULL) return r->env->error.status;
    HN_TRY(named(s, n, "xs", v, &count));
    HN_TRY(named(s, n, "zs", v, &count));
    HN_TRY(hn_onnx_resolve(s, y->u.s, &target));
    if (target == NULL) return hn_fail(r->env, HN_INPUT, "y names an absent input of the function");
    HN_TRY(hn_region_extract(s->graph, total, v, target, &region, &captures, &ncaptures));
    hn_value **in = hn_arena_array(r->env, &r->scratch, total + ncaptures, sizeof *in);
    if (in == NULL) return r->env->error.status;
    memcpy(in, n->in, total * sizeof *in);
    if (ncaptures > 0) memcpy(in + total, captures, ncaptures * sizeof *in);
    const hn_op *row = hn_op_find(s->graph->ops, n->domain, n->op);
    if (row == NULL) return hn_fail(r->env, HN_UNSUPPORTED, "operator Gradient is not supported");
    hn_node *node = hn_node_new(s->graph, NULL, row, n->name, total + ncaptures, in, n->nout);
    if (node == NULL) return r->env->error.status;
    node->ncaptures = ncaptures;
    HN_TRY(hn_node_regions(node, 1, &region));
    HN_TRY(hn_onnx_results(s, n));
    for (size_t i = 0; i < n->nout; i++) {
        n->results[i] = node->out[i];
        if (n->out_names[i].size == 0) node->out[i] = NULL;
    }
    for (size_t i = 0; i < node->nin; i++)
        if (node->in[i] != NULL && node->in[i]->type.dtype == HN_NONE) return HN_OK;
    return r->keep_types ? hn_node_check(r->env, node) : hn_node_infer(node);
}

hn_onnx_conv_fn *hn_onnx_domain(const char *domain, const char *op)
{
    if (strcmp(domain, "ai.onnx.ml") == 0 && strcmp(op, "LabelEncoder") == 0) return old_label_encoder;
    if (strcmp(domain, "ai.onnx.preview.training") == 0 && strcmp(op, "Gradient") == 0) return gradient;
    return hn_onnx_contrib(domain, op);
}
