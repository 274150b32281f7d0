/* onnx_node: NodeProto -> hn_node. Constants become tensors, calls of local functions are inlined, older semantics are
 * converted, and what remains must have a row. */
#include <string.h>

#include "base/size.h"
#include "formats/onnx_priv.h"

const char *hn_onnx_label(const hn_onnx_node *n)
{
    if (n->name[0] != '\0') return n->name;
    for (size_t i = 0; i < n->nout; i++)
        if (n->out_names[i].size > 0) return n->out_names[i].data; /* NUL-terminated by hn_onnx_node_head */
    return "";
}

static hn_status text(hn_onnx_reader *r, const hn_pb_field *f, const char **out)
{
    HN_TRY(hn_pb_expect(r->env, f, HN_PB_BYTES, "node"));
    *out = hn_arena_strndup(r->env, r->arena, (const char *)f->bytes.data, f->bytes.size);
    return *out == NULL ? r->env->error.status : HN_OK;
}

static hn_status list_name(hn_onnx_reader *r, const hn_pb_field *f, hn_str *out)
{
    HN_TRY(hn_pb_expect(r->env, f, HN_PB_BYTES, "node"));
    char *s = hn_arena_strndup(r->env, &r->scratch, (const char *)f->bytes.data, f->bytes.size);
    *out = (hn_str){s, f->bytes.size};
    return s == NULL ? r->env->error.status : HN_OK;
}

hn_status hn_onnx_node_head(hn_onnx_reader *r, hn_cursor c, hn_onnx_node *n)
{
    hn_pb_field f;
    size_t nin = 0, nout = 0;
    *n = (hn_onnx_node){.at = hn_pb_at(&c), .name = "", .op = "", .domain = "", .overload = ""};
    for (hn_cursor all = c;;) {
        bool more;
        HN_TRY(hn_pb_next(r->env, &all, "node", &f, &more));
        if (!more) break;
        nin += f.number == 1;
        nout += f.number == 2;
    }
    n->in_names = hn_arena_array(r->env, &r->scratch, nin, sizeof *n->in_names);
    n->out_names = hn_arena_array(r->env, &r->scratch, nout, sizeof *n->out_names);
    if (n->in_names == NULL || n->out_names == NULL) return r->env->error.status;
    for (bool more;;) {
        HN_TRY(hn_pb_next(r->env, &c, "node", &f, &more));
        if (!more) break;
        switch (f.number) {
        case 1: HN_TRY(list_name(r, &f, &n->in_names[n->nin++])); break;
        case 2: HN_TRY(list_name(r, &f, &n->out_names[n->nout++])); break;
        case 3: HN_TRY(text(r, &f, &n->name)); break;
        case 4: HN_TRY(text(r, &f, &n->op)); break;
        case 5: HN_TRY(hn_pb_expect(r->env, &f, HN_PB_BYTES, "node attribute")); break;
        case 7: HN_TRY(text(r, &f, &n->domain)); break;
        case 8: HN_TRY(text(r, &f, &n->overload)); break;
        default: break;
        }
    }
    if (strcmp(n->domain, "ai.onnx") == 0) n->domain = "";
    if (n->op[0] == '\0') return hn_fail(r->env, HN_INPUT, "a node without an operator, at byte %zu", n->at);
    return HN_OK;
}

hn_status hn_onnx_op_version(hn_onnx_reader *r, const hn_opsets *opsets, const char *domain, int64_t *out)
{
    *out = 1;
    for (size_t i = 0; i < opsets->count; i++) {
        if (strcmp(opsets->items[i].domain, domain) != 0) continue;
        *out = opsets->items[i].version;
        return HN_OK;
    }
    if (domain[0] != '\0') return HN_OK; /* exporters forget to import domains of their own */
    return hn_fail(r->env, HN_INPUT, "the model imports no version of the standard operators");
}

/* ---- constants ---- */

static hn_status const_new(hn_onnx_reader *r, hn_dtype dtype, int rank, size_t count, hn_tensor **out)
{
    hn_tensor *t = hn_arena_alloc(r->env, r->arena, sizeof *t);
    if (t == NULL) return r->env->error.status;
    *out = t;
    return hn_tensor_init(r->env, r->arena, t, dtype, rank, (int64_t[]){(int64_t)count});
}

static hn_status const_value(hn_onnx_reader *r, const hn_onnx_node *n, const hn_tensor **out)
{
    hn_tensor *t = NULL;
    const hn_attr *a = n->attrs;
    if (a == NULL || a->next != NULL) return hn_fail(r->env, HN_INPUT, "a Constant needs exactly one value");
    switch (a->kind) {
    case HN_ATTR_TENSOR: *out = a->u.tensor; return HN_OK;
    case HN_ATTR_INT:
        HN_TRY(const_new(r, HN_I64, 0, 1, &t));
        hn_set_i64(t, 0, a->u.i);
        break;
    case HN_ATTR_FLOAT:
        HN_TRY(const_new(r, HN_F32, 0, 1, &t));
        hn_set_f64(t, 0, a->u.f);
        break;
    case HN_ATTR_STRING:
        HN_TRY(const_new(r, HN_STRING, 0, 1, &t));
        *(hn_str *)t->data = a->u.s;
        break;
    case HN_ATTR_INTS:
        HN_TRY(const_new(r, HN_I64, 1, a->count, &t));
        for (size_t i = 0; i < a->count; i++) hn_set_i64(t, i, a->u.ints[i]);
        break;
    case HN_ATTR_FLOATS:
        HN_TRY(const_new(r, HN_F32, 1, a->count, &t));
        for (size_t i = 0; i < a->count; i++) hn_set_f64(t, i, a->u.floats[i]);
        break;
    case HN_ATTR_STRINGS:
        HN_TRY(const_new(r, HN_STRING, 1, a->count, &t));
        for (size_t i = 0; i < a->count; i++) ((hn_str *)t->data)[i] = a->u.strings[i];
        break;
    default: return hn_fail(r->env, HN_INPUT, "a Constant has no value of kind %d", (int)a->kind);
    }
    *out = t;
    return HN_OK;
}

/* ---- regions ---- */

static int region_slot(const char *attribute)
{
    return strcmp(attribute, "else_branch") == 0 ? 1 : 0; /* then_branch, body */
}

static hn_status read_regions(hn_onnx_scope *s, hn_onnx_node *n, hn_onnx_scope *inner, hn_graph **graphs)
{
    hn_onnx_reader *r = s->r;
    for (size_t i = 0; i < n->nregions; i++) {
        const hn_onnx_region *g = &n->regions[i];
        int slot = region_slot(g->name);
        if (g->scope->graph != s->graph)
            return hn_fail(r->env, HN_UNSUPPORTED, "a graph given to a function and used inside another graph");
        if ((size_t)slot >= n->nregions || graphs[slot] != NULL)
            return hn_fail(r->env, HN_INPUT, "the graph attributes do not belong to %.60s", n->op);
        hn_dict *taken = hn_arena_alloc(r->env, &r->scratch, sizeof *taken);
        graphs[slot] = hn_region_new(s->graph, "");
        if (taken == NULL || graphs[slot] == NULL) return r->env->error.status;
        inner[slot] = (hn_onnx_scope){.r = r,
                                      .outer = g->scope,
                                      .graph = graphs[slot],
                                      .taken = taken,
                                      .opsets = g->scope->opsets,
                                      .prefix = "",
                                      .bound = g->scope->bound,
                                      .depth = s->depth + 1};
        HN_TRY(hn_context(r->env, hn_onnx_graph(&inner[slot], g->body), "%s", g->name));
    }
    return HN_OK;
}

/* All regions of a node take the same captures: the union, in order of first use. */
static hn_status align_captures(hn_onnx_reader *r, hn_onnx_scope *inner, size_t nregions, hn_value ***all,
                                size_t *count)
{
    size_t most = 0;
    *count = 0;
    for (size_t i = 0; i < nregions; i++) most += inner[i].ncaptures;
    hn_value **list = hn_arena_array(r->env, &r->scratch, most, sizeof *list);
    if (list == NULL) return r->env->error.status;
    /* Value ids tell a captured value in constant time. */
    hn_dict seen = {0};
    for (size_t i = 0; i < nregions; i++) {
        for (size_t k = 0; k < inner[i].ncaptures; k++) {
            hn_value *v = inner[i].captures[k].outer;
            hn_str key = {(const char *)&v->id, sizeof v->id};
            if (hn_dict_get(&seen, key) != NULL) continue;
            HN_TRY(hn_dict_put(r->env, &r->scratch, &seen, key, v));
            list[(*count)++] = v;
        }
    }
    for (size_t i = 0; i < nregions; i++) {
        hn_onnx_scope *in = &inner[i];
        hn_dict mine = {0};
        for (size_t k = 0; k < in->ncaptures; k++) {
            hn_str key = {(const char *)&in->captures[k].outer->id, sizeof(uint32_t)};
            HN_TRY(hn_dict_put(r->env, &r->scratch, &mine, key, in->captures[k].inner));
        }
        size_t formal = in->graph->nin - in->ncaptures;
        for (size_t k = in->ncaptures; k < *count; k++)
            if (hn_graph_input(in->graph, NULL, NULL) == NULL) return r->env->error.status;
        hn_value **spare = hn_arena_array(r->env, &r->scratch, *count, sizeof *spare);
        if (spare == NULL) return r->env->error.status;
        size_t nspare = 0, used = 0;
        for (size_t k = formal + in->ncaptures; k < in->graph->nin; k++) spare[nspare++] = in->graph->in[k];
        for (size_t k = 0; k < *count; k++) {
            hn_value *v = hn_dict_get(&mine, (hn_str){(const char *)&list[k]->id, sizeof(uint32_t)});
            if (v == NULL) {
                v = spare[used++];
                v->name = list[k]->name;
                v->type = list[k]->type;
            }
            in->graph->in[formal + k] = v;
        }
    }
    *all = list;
    return HN_OK;
}

/* ---- building ---- */

static hn_status apply_hints(hn_onnx_scope *s, const hn_onnx_node *n, hn_node *node)
{
    for (size_t i = 0; i < n->nout; i++) {
        const hn_cursor *type = hn_dict_get(&s->hints, n->out_names[i]);
        if (type == NULL || node->out[i] == NULL) continue;
        HN_TRY(hn_onnx_type(s, *type, &node->out[i]->type));
    }
    return HN_OK;
}

/* Types written in the file are hints: where they contradict what the operators say, the operators win. */
static hn_status infer(hn_onnx_scope *s, hn_node *node)
{
    hn_env *env = s->r->env;
    bool inside = s->graph->parent != NULL;
    for (size_t i = 0; inside && i < node->nin; i++)
        /* What a region is given is only known when its node is inferred, which infers the region as well. */
        if (node->in[i] != NULL && node->in[i]->type.dtype == HN_NONE) return HN_OK;
    hn_status st = hn_node_infer(node);
    if (st != HN_INPUT) return st;
    bool hinted = false;
    hn_error first = env->error;
    for (size_t i = 0; i < node->nout; i++) {
        if (node->out[i] == NULL) continue;
        hinted |= node->out[i]->type.dtype != HN_NONE || node->out[i]->type.rank >= 0;
        node->out[i]->type = hn_type_tensor(HN_NONE, -1, NULL);
    }
    if (!hinted) return st;
    hn_error_clear(env);
    HN_TRY(hn_node_infer(node));
    hn_log(env, HN_LOG_WARN, "%s: node \"%s\": type in the file ignored: %s", s->r->file, hn_node_label(node),
           first.text);
    return HN_OK;
}

static hn_status check_attrs(hn_onnx_reader *r, const hn_op *row, const hn_onnx_node *n)
{
    for (const hn_attr *a = n->attrs; a != NULL; a = a->next) {
        bool known = false;
        for (const hn_attr_row *k = row->attrs; k != NULL && k->name != NULL; k++)
            known |= strcmp(k->name, a->name) == 0;
        if (known) continue;
        return hn_fail(r->env, HN_UNSUPPORTED, "attribute %.80s of %.60s (opset %lld) is not known", a->name, n->op,
                       (long long)n->version);
    }
    return HN_OK;
}

static hn_status build(hn_onnx_scope *s, hn_onnx_node *n)
{
    hn_onnx_reader *r = s->r;
    const hn_op *row = hn_op_find(s->graph->ops, n->domain, n->op);
    if (row == NULL)
        return hn_fail(r->env, HN_UNSUPPORTED, "operator %.60s%s%.60s is not supported", n->domain,
                       n->domain[0] == '\0' ? "" : ".", n->op);
    HN_TRY(check_attrs(r, row, n));
    hn_onnx_scope *inner = hn_arena_array(r->env, &r->scratch, n->nregions, sizeof *inner);
    hn_graph **graphs = hn_arena_array(r->env, &r->scratch, n->nregions, sizeof *graphs);
    hn_value **captured = NULL;
    size_t ncaptures = 0;
    if (inner == NULL || graphs == NULL) return r->env->error.status;
    if (n->nregions > 0) {
        HN_TRY(read_regions(s, n, inner, graphs));
        HN_TRY(align_captures(r, inner, n->nregions, &captured, &ncaptures));
    }
    hn_value **in = hn_arena_array(r->env, &r->scratch, n->nin + ncaptures, sizeof *in);
    if (in == NULL) return r->env->error.status;
    if (n->nin > 0) memcpy(in, n->in, n->nin * sizeof *in);
    if (ncaptures > 0) memcpy(in + n->nin, captured, ncaptures * sizeof *in);
    hn_node *node = hn_node_new(s->graph, NULL, row, n->name, n->nin + ncaptures, in, n->nout);
    if (node == NULL) return r->env->error.status;
    node->attrs = n->attrs;
    node->ncaptures = ncaptures;
    if (n->nregions > 0) HN_TRY(hn_node_regions(node, n->nregions, graphs));
    for (size_t i = 0; i < n->nout; i++) {
        if (n->out_names[i].size == 0)
            node->out[i] = NULL;
        else
            HN_TRY(hn_onnx_define(s, n->out_names[i], node->out[i]));
    }
    HN_TRY(apply_hints(s, n, node));
    if (r->keep_types) return hn_node_check(r->env, node);
    return infer(s, node);
}

static hn_status name_value(hn_onnx_scope *s, const char *stem, const char *what, hn_value *v)
{
    hn_onnx_reader *r = s->r;
    if (v == NULL || v->name != NULL) return HN_OK;
    const char *suffix = hn_arena_printf(r->env, &r->scratch, "/%s", what);
    if (suffix != NULL) v->name = hn_onnx_fresh(s, stem, suffix);
    return v->name == NULL ? r->env->error.status : HN_OK;
}

/* Nodes that a conversion made have nameless values; a file needs names. */
static hn_status name_new(hn_onnx_scope *s, const hn_onnx_node *n, hn_node *first)
{
    for (hn_node *node = first; node != NULL; node = node->next) {
        size_t ports = (size_t)node->op->nin;
        for (size_t i = 0; i < node->nin; i++)
            HN_TRY(name_value(s, hn_onnx_label(n), i < ports ? node->op->in[i].name : "const", node->in[i]));
        for (size_t i = 0; i < node->nout; i++) HN_TRY(name_value(s, hn_onnx_label(n), node->op->name, node->out[i]));
    }
    return HN_OK;
}

static hn_status bind_results(hn_onnx_scope *s, hn_onnx_node *n)
{
    for (size_t i = 0; i < n->nout; i++) {
        if (n->out_names[i].size == 0) continue;
        hn_value *v = n->results[i];
        if (v == NULL)
            return hn_fail(s->r->env, HN_UNSUPPORTED, "output %zu of %.60s (opset %lld) cannot be had", i, n->op,
                           (long long)n->version);
        if (v->name != NULL || v->data != NULL) {
            hn_rw rw = hn_rw_at(s->graph, NULL);
            v = hn_rw_1(&rw, "Identity", v);
            if (v == NULL) return hn_rw_status(&rw);
        }
        HN_TRY(hn_onnx_define(s, n->out_names[i], v));
    }
    return HN_OK;
}

static hn_status resolve_inputs(hn_onnx_scope *s, hn_onnx_node *n)
{
    hn_onnx_reader *r = s->r;
    n->in = hn_arena_array(r->env, &r->scratch, n->nin, sizeof *n->in);
    if (n->in == NULL) return r->env->error.status;
    for (size_t i = 0; i < n->nin; i++)
        if (n->in_names[i].size > 0) HN_TRY(hn_onnx_resolve(s, n->in_names[i], &n->in[i]));
    /* Trailing absent ones say nothing. */
    while (n->nin > 0 && n->in[n->nin - 1] == NULL) n->nin--;
    while (n->nout > 0 && n->out_names[n->nout - 1].size == 0) n->nout--;
    return HN_OK;
}

static hn_status read_attrs(hn_onnx_scope *s, hn_onnx_node *n, hn_cursor c)
{
    hn_pb_field f;
    for (bool more;;) {
        HN_TRY(hn_pb_next(s->r->env, &c, "node", &f, &more));
        if (!more) return HN_OK;
        if (f.number == 5) HN_TRY(hn_onnx_attr(s, n, f.bytes));
    }
}

static hn_status read_node(hn_onnx_scope *s, hn_onnx_node *n, hn_cursor c)
{
    hn_onnx_reader *r = s->r;
    if (++r->nodes > r->max_nodes) return hn_fail(r->env, HN_LIMIT, "more than %zu nodes", r->max_nodes);
    HN_TRY(resolve_inputs(s, n));
    hn_onnx_function *f = hn_onnx_function_find(r, n->domain, n->op, n->overload);
    if (f != NULL) return hn_onnx_inline(s, f, n, c);
    HN_TRY(hn_onnx_op_version(r, s->opsets, n->domain, &n->version));
    HN_TRY(read_attrs(s, n, c));
    if (n->domain[0] == '\0' && strcmp(n->op, "Constant") == 0) {
        const hn_tensor *t = NULL;
        if (n->nin != 0 || n->nout != 1) return hn_fail(r->env, HN_INPUT, "a Constant has no inputs and one output");
        HN_TRY(const_value(r, n, &t));
        return hn_onnx_define_const(s, n->out_names[0], t);
    }
    hn_node *last = s->graph->last;
    HN_TRY(hn_onnx_convert(s, n));
    if (n->results != NULL)
        HN_TRY(bind_results(s, n));
    else
        HN_TRY(build(s, n));
    return name_new(s, n, last == NULL ? s->graph->first : last->next);
}

hn_status hn_onnx_node_read(hn_onnx_scope *s, hn_cursor c)
{
    hn_onnx_node n;
    HN_TRY(hn_onnx_node_head(s->r, c, &n));
    if (s->prefix[0] != '\0' && n.name[0] != '\0')
        n.name = hn_arena_printf(s->r->env, s->r->arena, "%s%s", s->prefix, n.name);
    if (n.name == NULL) return s->r->env->error.status;
    return hn_context(s->r->env, read_node(s, &n, c), "node \"%.80s\" (%.40s), in %.60s at byte %zu", hn_onnx_label(&n),
                      n.op, s->r->file, n.at);
}
