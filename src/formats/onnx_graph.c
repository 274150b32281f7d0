/* onnx_graph: GraphProto -> hn_graph, and the names of a scope. Names of outer scopes reach a region as captures,
 * constants as constants of its own. */
#include <string.h>

#include "base/size.h"
#include "formats/onnx_priv.h"

enum { G_NODE = 1, G_NAME = 2, G_INIT = 5, G_INPUT = 11, G_OUTPUT = 12, G_INFO = 13, G_SPARSE = 15 };

static int shown(hn_str s)
{
    return (int)hn_min_size(s.size, 120);
}

/* A NUL-terminated copy in the model's arena; names must be text without NUL. */
static hn_status keep_name(hn_onnx_reader *r, hn_str s, const char **out)
{
    if (s.size > 0 && memchr(s.data, '\0', s.size) != NULL)
        return hn_fail(r->env, HN_INPUT, "a name holds a NUL byte: \"%.*s\"", shown(s), s.data);
    *out = hn_arena_strndup(r->env, r->arena, s.data, s.size);
    return *out == NULL ? r->env->error.status : HN_OK;
}

const char *hn_onnx_fresh(hn_onnx_scope *s, const char *stem, const char *suffix)
{
    hn_onnx_reader *r = s->r;
    for (size_t n = 1;; n = ++r->names) {
        char *name = n == 1 ? hn_arena_printf(r->env, r->arena, "%s%s", stem, suffix)
                            : hn_arena_printf(r->env, r->arena, "%s%s_%zu", stem, suffix, n);
        if (name == NULL) return NULL;
        if (name[0] == '\0' || hn_dict_get(s->taken, hn_str_of(name)) != NULL) continue;
        if (hn_dict_put(r->env, r->arena, s->taken, hn_str_of(name), s->taken) != HN_OK) return NULL;
        return name;
    }
}

/* Name of a value in its graph: as written, or fresh below the prefix of an inlined function. */
static hn_status value_name(hn_onnx_scope *s, hn_str name, const char **out)
{
    HN_TRY(keep_name(s->r, name, out));
    if (s->prefix[0] == '\0') return HN_OK;
    *out = hn_onnx_fresh(s, s->prefix, *out);
    return *out == NULL ? s->r->env->error.status : HN_OK;
}

static hn_status enter(hn_onnx_scope *s, hn_str name, hn_onnx_entry **out)
{
    hn_onnx_reader *r = s->r;
    if (name.size == 0) return hn_fail(r->env, HN_INPUT, "a value without a name");
    if (hn_dict_get(&s->names, name) != NULL)
        return hn_fail(r->env, HN_INPUT, "the name \"%.*s\" is defined twice", shown(name), name.data);
    hn_onnx_entry *e = hn_arena_alloc(r->env, &r->scratch, sizeof *e);
    if (e == NULL) return r->env->error.status;
    *out = e;
    return hn_dict_put(r->env, &r->scratch, &s->names, name, e);
}

hn_status hn_onnx_define(hn_onnx_scope *s, hn_str name, hn_value *v)
{
    hn_onnx_entry *e;
    HN_TRY(enter(s, name, &e));
    e->value = v;
    if (v == NULL || v->name != NULL) return HN_OK;
    return value_name(s, name, &v->name);
}

hn_status hn_onnx_define_const(hn_onnx_scope *s, hn_str name, const hn_tensor *t)
{
    hn_onnx_entry *e;
    HN_TRY(enter(s, name, &e));
    e->init = t;
    return value_name(s, name, &e->name);
}

static hn_status make_const(hn_onnx_scope *s, hn_onnx_entry *e)
{
    e->value = hn_graph_const(s->graph, e->name, e->init);
    return e->value == NULL ? s->r->env->error.status : HN_OK;
}

static hn_status capture(hn_onnx_scope *s, hn_str name, hn_value *outer, hn_value **out)
{
    hn_onnx_reader *r = s->r;
    hn_onnx_entry *e;
    HN_TRY(enter(s, name, &e));
    if (s->ncaptures == s->cap) {
        size_t cap = s->cap == 0 ? 8 : s->cap * 2;
        hn_onnx_capture *more = hn_arena_array(r->env, &r->scratch, cap, sizeof *more);
        if (more == NULL) return r->env->error.status;
        if (s->cap > 0) memcpy(more, s->captures, s->ncaptures * sizeof *more);
        s->captures = more;
        s->cap = cap;
    }
    e->value = hn_graph_input(s->graph, outer->name, &outer->type);
    if (e->value == NULL) return r->env->error.status;
    s->captures[s->ncaptures++] = (hn_onnx_capture){outer, e->value};
    *out = e->value;
    return HN_OK;
}

hn_status hn_onnx_resolve(hn_onnx_scope *s, hn_str name, hn_value **out)
{
    hn_onnx_entry *e = hn_dict_get(&s->names, name);
    *out = NULL;
    if (e == NULL) {
        hn_onnx_scope *o = s->outer;
        const hn_onnx_entry *far = NULL;
        for (; o != NULL && far == NULL; o = o->outer) far = hn_dict_get(&o->names, name);
        if (far == NULL)
            return hn_fail(s->r->env, HN_INPUT,
                           "the value \"%.*s\" is used but no input, constant or earlier node gives it", shown(name),
                           name.data);
        if (s->outer->graph == s->graph) {
            /* The names of an inlined graph lie over those of the graph it is put into. */
            HN_TRY(hn_onnx_resolve(s->outer, name, out));
            HN_TRY(enter(s, name, &e));
            e->value = *out;
            return HN_OK;
        }
        if (far->init == NULL && far->value != NULL) {
            hn_value *outer = NULL;
            HN_TRY(hn_onnx_resolve(s->outer, name, &outer));
            return capture(s, name, outer, out);
        }
        HN_TRY(enter(s, name, &e));
        e->init = far->init;
        e->name = far->name;
    }
    if (e->value == NULL && e->init != NULL) HN_TRY(make_const(s, e));
    *out = e->value;
    return HN_OK;
}

/* ---- the parts of a GraphProto ---- */

static hn_status reserve(hn_onnx_scope *s, hn_str name)
{
    if (name.size == 0) return HN_OK;
    return hn_dict_put(s->r->env, &s->r->scratch, s->taken, name, s);
}

static hn_status reserve_outputs(hn_onnx_scope *s, hn_cursor node)
{
    hn_pb_field f;
    for (bool more;;) {
        HN_TRY(hn_pb_next(s->r->env, &node, "node", &f, &more));
        if (!more) return HN_OK;
        if (f.number == 2 && f.wire == HN_PB_BYTES)
            HN_TRY(reserve(s, (hn_str){(const char *)f.bytes.data, f.bytes.size}));
    }
}

static hn_status read_init(hn_onnx_scope *s, hn_cursor c, bool sparse)
{
    hn_onnx_reader *r = s->r;
    const char *name = "";
    hn_tensor *t = hn_arena_alloc(r->env, r->arena, sizeof *t);
    if (t == NULL) return r->env->error.status;
    if (sparse)
        HN_TRY(hn_onnx_sparse_parse(r->env, r->arena, &c, &r->source, t, &name));
    else
        HN_TRY(hn_onnx_tensor_parse(r->env, r->arena, &c, &r->source, t, &name));
    HN_TRY(reserve(s, hn_str_of(name)));
    return hn_onnx_define_const(s, hn_str_of(name), t);
}

static hn_status read_hint(hn_onnx_scope *s, hn_cursor c)
{
    hn_onnx_reader *r = s->r;
    hn_str name;
    hn_cursor type;
    HN_TRY(hn_onnx_value_info(r, c, &name, &type));
    if (type.data == NULL) return HN_OK;
    hn_cursor *keep = hn_arena_alloc(r->env, &r->scratch, sizeof *keep);
    if (keep == NULL) return r->env->error.status;
    *keep = type;
    return hn_dict_put(r->env, &r->scratch, &s->hints, name, keep);
}

static hn_status read_input(hn_onnx_scope *s, hn_cursor c)
{
    hn_onnx_reader *r = s->r;
    hn_str name;
    hn_cursor type;
    hn_type t = hn_type_tensor(HN_NONE, -1, NULL);
    const char *kept;
    HN_TRY(hn_onnx_value_info(r, c, &name, &type));
    const hn_onnx_entry *e = hn_dict_get(&s->names, name);
    if (e != NULL && e->init != NULL) return HN_OK; /* a default value: old files list every constant as an input */
    if (type.data != NULL)
        HN_TRY(hn_context(r->env, hn_onnx_type(s, type, &t), "input \"%.*s\"", shown(name), name.data));
    if (s->graph->parent == NULL && t.dtype == HN_NONE)
        return hn_fail(r->env, HN_INPUT, "graph input \"%.*s\" has no type", shown(name), name.data);
    HN_TRY(keep_name(r, name, &kept));
    hn_value *v = hn_graph_input(s->graph, kept, &t);
    if (v == NULL) return r->env->error.status;
    return hn_onnx_define(s, name, v);
}

static hn_status read_dense(hn_onnx_scope *s, hn_cursor c)
{
    return read_init(s, c, false);
}

static hn_status read_sparse(hn_onnx_scope *s, hn_cursor c)
{
    return read_init(s, c, true);
}

/* Constants, type hints and reserved names: what nodes may refer to before they are read. */
static hn_status first_walk(hn_onnx_scope *s, hn_cursor c)
{
    hn_env *env = s->r->env;
    hn_pb_field f;
    for (bool more;;) {
        HN_TRY(hn_pb_next(env, &c, "graph", &f, &more));
        if (!more) return HN_OK;
        if (f.number == G_NODE || f.number == G_NAME || f.number == G_INIT || f.number == G_SPARSE ||
            f.number == G_INPUT || f.number == G_OUTPUT || f.number == G_INFO)
            HN_TRY(hn_pb_expect(env, &f, HN_PB_BYTES, "graph"));
        switch (f.number) {
        case G_NODE: HN_TRY(reserve_outputs(s, f.bytes)); break;
        case G_NAME: {
            const char *name;
            HN_TRY(keep_name(s->r, (hn_str){(const char *)f.bytes.data, f.bytes.size}, &name));
            s->graph->name = name;
            break;
        }
        case G_INIT:
        case G_SPARSE: HN_TRY(read_init(s, f.bytes, f.number == G_SPARSE)); break;
        case G_OUTPUT:
        case G_INFO: HN_TRY(read_hint(s, f.bytes)); break;
        default: break;
        }
    }
}

static hn_status read_output(hn_onnx_scope *s, hn_cursor c)
{
    hn_str name;
    hn_cursor type;
    hn_value *v = NULL;
    HN_TRY(hn_onnx_value_info(s->r, c, &name, &type));
    HN_TRY(hn_context(s->r->env, hn_onnx_resolve(s, name, &v), "graph output \"%.*s\"", shown(name), name.data));
    return hn_graph_output(s->graph, v);
}

static hn_status each(hn_onnx_scope *s, hn_cursor c, uint32_t field, hn_status (*fn)(hn_onnx_scope *, hn_cursor))
{
    hn_pb_field f;
    for (bool more;;) {
        HN_TRY(hn_pb_next(s->r->env, &c, "graph", &f, &more));
        if (!more) return HN_OK;
        if (f.number != field) continue;
        HN_TRY(hn_pb_expect(s->r->env, &f, HN_PB_BYTES, "graph"));
        HN_TRY(fn(s, f.bytes));
    }
}

hn_status hn_onnx_nodes(hn_onnx_scope *s, hn_cursor body, uint32_t field)
{
    return each(s, body, field, hn_onnx_node_read);
}

hn_status hn_onnx_graph(hn_onnx_scope *s, hn_cursor body)
{
    hn_onnx_reader *r = s->r;
    if (s->depth > r->max_depth)
        return hn_fail(r->env, HN_LIMIT, "graphs nested more than %d deep, at byte %zu", r->max_depth, hn_pb_at(&body));
    HN_TRY(first_walk(s, body));
    HN_TRY(each(s, body, G_INPUT, read_input));
    HN_TRY(hn_onnx_nodes(s, body, G_NODE));
    return each(s, body, G_OUTPUT, read_output);
}

/* Name of the one entry of `field` that is not a constant. */
static hn_status only_name(hn_onnx_scope *s, hn_cursor c, uint32_t field, hn_str *out)
{
    hn_pb_field f;
    size_t count = 0;
    for (bool more;;) {
        hn_cursor type;
        hn_str name;
        HN_TRY(hn_pb_next(s->r->env, &c, "graph", &f, &more));
        if (!more) break;
        if (f.number != field) continue;
        HN_TRY(hn_pb_expect(s->r->env, &f, HN_PB_BYTES, "graph"));
        HN_TRY(hn_onnx_value_info(s->r, f.bytes, &name, &type));
        const hn_onnx_entry *e = hn_dict_get(&s->names, name);
        if (field == G_INPUT && e != NULL && e->init != NULL) continue;
        *out = name;
        count++;
    }
    if (count == 1) return HN_OK;
    return hn_fail(s->r->env, HN_INPUT, "a graph with %zu %s, 1 needed", count,
                   field == G_INPUT ? "inputs" : "outputs");
}

hn_status hn_onnx_graph_inline(hn_onnx_scope *s, const hn_onnx_region *g, const char *label, hn_value *in,
                               hn_value **out)
{
    hn_onnx_reader *r = s->r;
    hn_str name = {"", 0};
    if (s->depth >= r->max_depth)
        return hn_fail(r->env, HN_LIMIT, "graphs nested more than %d deep, at byte %zu", r->max_depth,
                       hn_pb_at(&g->body));
    if (g->scope->graph != s->graph)
        return hn_fail(r->env, HN_UNSUPPORTED, "a graph given to a function and used inside another graph");
    const char *prefix = hn_arena_printf(r->env, &r->scratch, "%s/", label);
    hn_onnx_scope *inner = hn_arena_alloc(r->env, &r->scratch, sizeof *inner);
    if (prefix == NULL || inner == NULL) return r->env->error.status;
    *inner = (hn_onnx_scope){.r = r,
                             .outer = g->scope,
                             .graph = s->graph,
                             .taken = s->taken,
                             .opsets = g->scope->opsets,
                             .prefix = prefix,
                             .bound = g->scope->bound,
                             .depth = s->depth + 1};
    HN_TRY(each(inner, g->body, G_INIT, read_dense));
    HN_TRY(each(inner, g->body, G_SPARSE, read_sparse));
    HN_TRY(only_name(inner, g->body, G_INPUT, &name));
    HN_TRY(hn_onnx_define(inner, name, in));
    HN_TRY(hn_onnx_nodes(inner, g->body, G_NODE));
    HN_TRY(only_name(inner, g->body, G_OUTPUT, &name));
    return hn_onnx_resolve(inner, name, out);
}
