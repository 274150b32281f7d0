/* onnx_function: local functions (FunctionProto), put in place of their calls. The body sees its own inputs and nothing
 * of the caller; its attributes come from the call, else from the function's defaults. */
#include "formats/onnx_priv.h"

enum { F_NAME = 1, F_INPUT = 4, F_OUTPUT = 5, F_NODE = 7, F_OPSET = 9, F_DOMAIN = 10, F_DEFAULT = 11, F_OVERLOAD = 13 };

static hn_status field_text(hn_onnx_reader *r, const hn_pb_field *f, const char **out)
{
    HN_TRY(hn_pb_expect(r->env, f, HN_PB_BYTES, "function"));
    *out = hn_arena_strndup(r->env, r->arena, (const char *)f->bytes.data, f->bytes.size);
    return *out == NULL ? r->env->error.status : HN_OK;
}

static hn_status read_opset(hn_onnx_reader *r, hn_cursor c, hn_opset *out)
{
    hn_pb_field f;
    *out = (hn_opset){"", 1};
    for (bool more;;) {
        HN_TRY(hn_pb_next(r->env, &c, "opset import", &f, &more));
        if (!more) break;
        if (f.number == 1) HN_TRY(field_text(r, &f, &out->domain));
        if (f.number == 2) {
            HN_TRY(hn_pb_expect(r->env, &f, HN_PB_VARINT, "opset version"));
            out->version = (int64_t)f.value;
        }
    }
    if (hn_str_is(hn_str_of(out->domain), "ai.onnx")) out->domain = "";
    if (out->version < 1)
        return hn_fail(r->env, HN_INPUT, "opset version %lld of domain \"%.60s\"", (long long)out->version,
                       out->domain);
    if (out->domain[0] == '\0' && out->version > HN_ONNX_NEWEST) {
        hn_fail(r->env, HN_UNSUPPORTED, "opset %lld is newer than %d, the newest known here", (long long)out->version,
                (int)HN_ONNX_NEWEST);
        hn_hint(r->env, "export the model for opset %d or older", (int)HN_ONNX_NEWEST);
        return r->env->error.status;
    }
    return HN_OK;
}

hn_status hn_onnx_opsets(hn_onnx_reader *r, hn_cursor c, uint32_t field, hn_opsets *out)
{
    hn_pb_field f;
    size_t count = 0;
    *out = (hn_opsets){NULL, 0};
    for (hn_cursor all = c;;) {
        bool more;
        HN_TRY(hn_pb_next(r->env, &all, "opset import", &f, &more));
        if (!more) break;
        count += f.number == field;
    }
    out->items = hn_arena_array(r->env, r->arena, count, sizeof *out->items);
    if (out->items == NULL) return r->env->error.status;
    for (bool more;;) {
        HN_TRY(hn_pb_next(r->env, &c, "opset import", &f, &more));
        if (!more) return HN_OK;
        if (f.number != field) continue;
        HN_TRY(hn_pb_expect(r->env, &f, HN_PB_BYTES, "opset import"));
        HN_TRY(read_opset(r, f.bytes, &out->items[out->count++]));
    }
}

static hn_status key_of(hn_onnx_reader *r, const char *domain, const char *op, const char *overload, hn_str *out)
{
    const char *key = hn_arena_printf(r->env, &r->scratch, "%s:%s:%s", domain, op, overload);
    *out = hn_str_of(key);
    return key == NULL ? r->env->error.status : HN_OK;
}

hn_status hn_onnx_function_add(hn_onnx_reader *r, hn_cursor c, const hn_opsets *model)
{
    hn_onnx_function *fn = hn_arena_alloc(r->env, &r->scratch, sizeof *fn);
    const char *overload = "";
    hn_pb_field f;
    hn_str key;
    if (fn == NULL) return r->env->error.status;
    *fn = (hn_onnx_function){.name = "", .domain = "", .body = c};
    HN_TRY(hn_onnx_opsets(r, c, F_OPSET, &fn->opsets));
    if (fn->opsets.count == 0) fn->opsets = *model;
    for (bool more;;) {
        HN_TRY(hn_pb_next(r->env, &c, "function", &f, &more));
        if (!more) break;
        if (f.number == F_NAME) HN_TRY(field_text(r, &f, &fn->name));
        if (f.number == F_DOMAIN) HN_TRY(field_text(r, &f, &fn->domain));
        if (f.number == F_OVERLOAD) HN_TRY(field_text(r, &f, &overload));
    }
    if (hn_str_is(hn_str_of(fn->domain), "ai.onnx")) fn->domain = "";
    HN_TRY(key_of(r, fn->domain, fn->name, overload, &key));
    if (hn_dict_get(&r->functions, key) != NULL)
        return hn_fail(r->env, HN_INPUT, "function %.60s of domain \"%.60s\" is defined twice", fn->name, fn->domain);
    return hn_dict_put(r->env, &r->scratch, &r->functions, key, fn);
}

hn_onnx_function *hn_onnx_function_find(hn_onnx_reader *r, const char *domain, const char *op, const char *overload)
{
    hn_str key;
    if (r->functions.count == 0 || key_of(r, domain, op, overload, &key) != HN_OK) return NULL;
    return hn_dict_get(&r->functions, key);
}

/* Enters each AttributeProto in `field` under its name; those there already stay when `keep`. */
static hn_status bind_attrs(hn_onnx_scope *owner, hn_dict *bound, hn_cursor c, uint32_t field, bool keep)
{
    hn_onnx_reader *r = owner->r;
    hn_pb_field f, a;
    for (bool more;;) {
        HN_TRY(hn_pb_next(r->env, &c, "function attribute", &f, &more));
        if (!more) return HN_OK;
        if (f.number != field) continue;
        HN_TRY(hn_pb_expect(r->env, &f, HN_PB_BYTES, "function attribute"));
        hn_str name = {"", 0};
        for (hn_cursor body = f.bytes;;) {
            bool inner;
            HN_TRY(hn_pb_next(r->env, &body, "function attribute", &a, &inner));
            if (!inner) break;
            if (a.number == 1 && a.wire == HN_PB_BYTES) name = (hn_str){(const char *)a.bytes.data, a.bytes.size};
        }
        if (keep && hn_dict_get(bound, name) != NULL) continue;
        hn_onnx_bound *b = hn_arena_alloc(r->env, &r->scratch, sizeof *b);
        if (b == NULL) return r->env->error.status;
        *b = (hn_onnx_bound){f.bytes, owner};
        HN_TRY(hn_dict_put(r->env, &r->scratch, bound, name, b));
    }
}

static hn_status bind_inputs(hn_onnx_scope *s, const hn_onnx_node *n, hn_cursor c)
{
    hn_pb_field f;
    size_t i = 0;
    for (bool more;;) {
        HN_TRY(hn_pb_next(s->r->env, &c, "function", &f, &more));
        if (!more) break;
        if (f.number != F_INPUT) continue;
        HN_TRY(hn_pb_expect(s->r->env, &f, HN_PB_BYTES, "function input"));
        HN_TRY(hn_onnx_define(s, (hn_str){(const char *)f.bytes.data, f.bytes.size}, i < n->nin ? n->in[i] : NULL));
        i++;
    }
    if (n->nin > i) return hn_fail(s->r->env, HN_INPUT, "%zu inputs for a function of %zu", n->nin, i);
    return HN_OK;
}

/* Outputs keep the names they have at the call. */
static hn_status bind_outputs(hn_onnx_scope *caller, hn_onnx_scope *s, const hn_onnx_node *n, hn_cursor c,
                              hn_node *before)
{
    hn_pb_field f;
    size_t i = 0;
    for (bool more;;) {
        HN_TRY(hn_pb_next(s->r->env, &c, "function", &f, &more));
        if (!more) break;
        if (f.number != F_OUTPUT || i >= n->nout) continue;
        HN_TRY(hn_pb_expect(s->r->env, &f, HN_PB_BYTES, "function output"));
        hn_str name = n->out_names[i++];
        if (name.size == 0) continue;
        hn_value *v = NULL;
        HN_TRY(hn_onnx_resolve(s, (hn_str){(const char *)f.bytes.data, f.bytes.size}, &v));
        if (v == NULL) return hn_fail(s->r->env, HN_INPUT, "an output of the function is an absent input");
        /* A value made by this call takes the name; an input handed through, a constant or one given out twice cannot.
         */
        bool own = v->producer != NULL && (before == NULL || v->producer->id > before->id) && v->scratch != caller;
        if (own) {
            v->name = NULL;
            v->scratch = caller;
        } else {
            hn_rw rw = hn_rw_at(s->graph, NULL);
            v = hn_rw_1(&rw, "Identity", v);
            if (v == NULL) return hn_rw_status(&rw);
        }
        HN_TRY(hn_onnx_define(caller, name, v));
    }
    if (i < n->nout) return hn_fail(s->r->env, HN_INPUT, "%zu outputs wanted of a function that has %zu", n->nout, i);
    return HN_OK;
}

hn_status hn_onnx_inline(hn_onnx_scope *s, hn_onnx_function *f, const hn_onnx_node *n, hn_cursor call)
{
    hn_onnx_reader *r = s->r;
    hn_dict bound = {0};
    if (f->active) return hn_fail(r->env, HN_INPUT, "function %.60s calls itself", f->name);
    if (s->depth >= r->max_depth) return hn_fail(r->env, HN_LIMIT, "calls nested more than %d deep", r->max_depth);
    const char *prefix = hn_arena_printf(r->env, &r->scratch, "%s/", hn_onnx_label(n));
    if (prefix == NULL) return r->env->error.status;
    hn_onnx_scope *inner = hn_arena_alloc(r->env, &r->scratch, sizeof *inner);
    if (inner == NULL) return r->env->error.status;
    *inner = (hn_onnx_scope){.r = r,
                             .graph = s->graph,
                             .taken = s->taken,
                             .opsets = &f->opsets,
                             .prefix = prefix,
                             .bound = &bound,
                             .depth = s->depth + 1};
    HN_TRY(bind_attrs(s, &bound, call, 5, false));
    HN_TRY(bind_attrs(inner, &bound, f->body, F_DEFAULT, true));
    HN_TRY(bind_inputs(inner, n, f->body));
    hn_node *before = s->graph->last;
    f->active = true;
    hn_status st = hn_onnx_nodes(inner, f->body, F_NODE);
    f->active = false;
    HN_TRY(hn_context(r->env, st, "function %.60s", f->name));
    return bind_outputs(s, inner, n, f->body, before);
}
