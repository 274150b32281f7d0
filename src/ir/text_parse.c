/* text_parse: the text form of a graph. The text is not trusted: every read is bounded by its end, nesting and the
 * memory that a short text can ask for are limited, and whatever is wrong is HN_INPUT with its line.
 *
 *   graph   = "graph" STRING "opset" INT body
 *   body    = "{" { "input" value ":" type | "const" value ":" type "=" data | node | "output" value } "}"
 *   node    = [out {"," out}] "=" OP "(" [arg {"," arg}] ")" ["{" attr {"," attr} "}"] ["@" STRING]
 *             ["captures" INT] {"region" STRING body}
 *   out     = "_" | value [":" type];  arg = "_" | value;  value = "%" (NAME | STRING | INT)
 *   type    = DTYPE "[" ("*" | [dim {"," dim}]) "]", or seq(...), opt(...), optseq(...), map(KEY,...),
 *             seqmap(KEY,...);  dim = INT | "?" | NAME | STRING
 *   data    = "[" numbers or STRINGs "]" | "hex" DIGITS | "splat" NUMBER | "random" SEED attr    = NAME "=" (INT |
 * FLOAT | STRING | list | "tensor" type "=" data | "type" type)
 *
 * "#" starts a comment. "random" (normal numbers for floats, small ones for integers) is for graphs written by hand. */
#include <stdio.h>
#include <string.h>

#include "ir/text_priv.h"

enum { MAX_DEPTH = 12 };

typedef struct scope {
    hn_graph *g;
    hn_names named, numbered;
} scope;

/* "%name": key for the scope, and the name for the value (NULL for a number). */
static hn_status value_key(hn_text *c, hn_str *key, const char **value_name)
{
    HN_TRY(hn_text_expect(c, '%'));
    if (c->p < c->end && *c->p >= '0' && *c->p <= '9') {
        hn_str w = hn_text_word(c);
        *key = w;
        *value_name = NULL;
        for (size_t i = 0; i < w.size; ++i)
            if (w.data[i] < '0' || w.data[i] > '9') return hn_text_wrong(c, "a value is a name, a string or a number");
        return HN_OK;
    }
    HN_TRY(hn_text_name(c, value_name));
    if ((*value_name)[0] == 0) return hn_text_wrong(c, "a value has an empty name");
    *key = (hn_str){*value_name, strlen(*value_name)};
    return HN_OK;
}

static hn_status define(hn_text *c, scope *s, hn_str key, hn_value *v, bool named)
{
    hn_names *m = named ? &s->named : &s->numbered;
    if (v == NULL) return c->env->error.status;
    if (hn_names_get(m, key.data, key.size) != NULL) return hn_text_wrong(c, "a value is defined twice");
    return hn_names_put(c->env, c->arena, m, key.data, key.size, v);
}

static hn_status parse_use(hn_text *c, scope *s, hn_value **out)
{
    hn_str key;
    const char *value_name;
    HN_TRY(value_key(c, &key, &value_name));
    *out = hn_names_get(value_name != NULL ? &s->named : &s->numbered, key.data, key.size);
    return *out != NULL ? HN_OK : hn_text_wrong(c, "a value is used before it is defined");
}

static hn_status parse_attr_list(hn_text *c, hn_node *n, const char *attr, char kind)
{
    int64_t *ints = NULL;
    double *floats = NULL;
    hn_str *strings = NULL;
    size_t count = 0;
    HN_TRY(hn_text_expect(c, '['));
    while (!hn_text_accept(c, ']')) {
        if (count > 0) HN_TRY(hn_text_expect(c, ','));
        if (hn_text_peek(c, '"')) {
            if (kind == 0) kind = 's';
            if (kind != 's') return hn_text_wrong(c, "a list mixes strings and numbers");
            strings = hn_grow(c->env, c->arena, strings, count, sizeof(*strings));
            if (strings == NULL) return c->env->error.status;
            HN_TRY(hn_text_string(c, &strings[count++]));
            continue;
        }
        hn_text_num v;
        HN_TRY(hn_text_number(c, &v));
        if (kind == 0) kind = v.is_float ? 'f' : 'i';
        if (kind == 's' || (kind == 'i' && v.is_float)) return hn_text_wrong(c, "a list mixes kinds");
        ints = hn_grow(c->env, c->arena, ints, count, sizeof(*ints));
        floats = hn_grow(c->env, c->arena, floats, count, sizeof(*floats));
        if (ints == NULL || floats == NULL) return c->env->error.status;
        ints[count] = v.i;
        floats[count++] = v.f;
    }
    if (kind == 0) return hn_text_wrong(c, "an empty list needs its kind: ints [], floats [] or strings []");
    if (kind == 'i') return hn_node_set_ints(n, attr, ints, count);
    if (kind == 'f') return hn_node_set_floats(n, attr, floats, count);
    return hn_node_set_strings(n, attr, strings, count);
}

static hn_status parse_attr(hn_text *c, hn_node *n)
{
    const char *attr;
    HN_TRY(hn_text_name(c, &attr));
    if (hn_node_attr(n, attr) != NULL) return hn_text_wrong(c, "an attribute is given twice");
    HN_TRY(hn_text_expect(c, '='));
    if (hn_text_peek(c, '"')) {
        hn_str s;
        HN_TRY(hn_text_string(c, &s));
        /* Set as a list and turned into a single one, which keeps NUL bytes. */
        HN_TRY(hn_node_set_strings(n, attr, &s, 1));
        hn_attr *a = (hn_attr *)hn_node_attr(n, attr);
        s = a->u.strings[0];
        a->kind = HN_ATTR_STRING;
        a->u.s = s;
        return HN_OK;
    }
    if (hn_text_peek(c, '[')) return parse_attr_list(c, n, attr, 0);
    if (hn_text_accept_word(c, "ints")) return parse_attr_list(c, n, attr, 'i');
    if (hn_text_accept_word(c, "floats")) return parse_attr_list(c, n, attr, 'f');
    if (hn_text_accept_word(c, "strings")) return parse_attr_list(c, n, attr, 's');
    hn_type t;
    if (hn_text_accept_word(c, "type")) {
        HN_TRY(hn_text_type(c, n->graph, &t));
        return hn_node_set_type(n, attr, &t);
    }
    if (hn_text_accept_word(c, "tensor")) {
        hn_tensor *data;
        HN_TRY(hn_text_type(c, n->graph, &t));
        HN_TRY(hn_text_expect(c, '='));
        HN_TRY(hn_text_data(c, &t, &data));
        return hn_node_set_tensor(n, attr, data);
    }
    hn_text_num v;
    HN_TRY(hn_text_number(c, &v));
    return v.is_float ? hn_node_set_float(n, attr, v.f) : hn_node_set_int(n, attr, v.i);
}

typedef struct outs {
    hn_str *key;
    const char **name;
    hn_type *type;
    bool *used;
    size_t count;
} outs;

static hn_status parse_outs(hn_text *c, scope *s, outs *o)
{
    while (!hn_text_accept(c, '=')) {
        if (o->count > 0) HN_TRY(hn_text_expect(c, ','));
        o->key = hn_grow(c->env, c->arena, o->key, o->count, sizeof(*o->key));
        o->name = hn_grow(c->env, c->arena, o->name, o->count, sizeof(*o->name));
        o->type = hn_grow(c->env, c->arena, o->type, o->count, sizeof(*o->type));
        o->used = hn_grow(c->env, c->arena, o->used, o->count, sizeof(*o->used));
        if (o->key == NULL || o->name == NULL || o->type == NULL || o->used == NULL) return c->env->error.status;
        size_t i = o->count++;
        o->type[i] = hn_type_tensor(HN_NONE, -1, NULL);
        o->used[i] = !hn_text_accept(c, '_');
        if (!o->used[i]) continue;
        HN_TRY(value_key(c, &o->key[i], &o->name[i]));
        if (hn_text_accept(c, ':')) HN_TRY(hn_text_type(c, s->g, &o->type[i]));
    }
    return HN_OK;
}

static hn_status parse_op(hn_text *c, scope *s, const hn_op **op)
{
    char domain[64] = "", op_name[128];
    hn_str w = hn_text_word(c);
    size_t dot = w.size;
    while (dot > 0 && w.data[dot - 1] != '.') dot--;
    size_t dn = dot > 0 ? dot - 1 : 0, on = w.size - dot;
    if (on == 0 || dn >= sizeof(domain) || on >= sizeof(op_name)) return hn_text_wrong(c, "an op is needed here");
    memcpy(domain, w.data, dn);
    memcpy(op_name, w.data + dot, on);
    op_name[on] = 0;
    *op = hn_op_find(s->g->ops, domain, op_name);
    if (*op != NULL) return HN_OK;
    char why[224];
    (void)snprintf(why, sizeof(why), "there is no op %s%s%s", domain, dn > 0 ? "." : "", op_name);
    return hn_text_wrong(c, why);
}

static hn_status parse_body(hn_text *c, scope *s);

static hn_status parse_regions(hn_text *c, hn_node *n)
{
    hn_graph **regions = NULL;
    size_t count = 0;
    while (hn_text_accept_word(c, "region")) {
        const char *region_name;
        HN_TRY(hn_text_cstring(c, &region_name));
        scope inner = {.g = hn_region_new(n->graph, region_name)};
        regions = hn_grow(c->env, c->arena, regions, count, sizeof(hn_graph *));
        if (inner.g == NULL || regions == NULL) return c->env->error.status;
        if (++c->depth > MAX_DEPTH) return hn_text_wrong(c, "regions are nested too deeply");
        HN_TRY(parse_body(c, &inner));
        c->depth--;
        regions[count++] = inner.g;
    }
    return count == 0 ? HN_OK : hn_node_regions(n, count, regions);
}

static hn_status parse_node(hn_text *c, scope *s)
{
    outs o = {0};
    const hn_op *op;
    hn_value **in = NULL;
    size_t nin = 0;
    HN_TRY(parse_outs(c, s, &o));
    HN_TRY(parse_op(c, s, &op));
    HN_TRY(hn_text_expect(c, '('));
    while (!hn_text_accept(c, ')')) {
        if (nin > 0) HN_TRY(hn_text_expect(c, ','));
        in = hn_grow(c->env, c->arena, in, nin, sizeof(hn_value *));
        if (in == NULL) return c->env->error.status;
        in[nin] = NULL;
        if (!hn_text_accept(c, '_')) HN_TRY(parse_use(c, s, &in[nin]));
        nin++;
    }
    hn_node *n = hn_node_new(s->g, NULL, op, NULL, nin, in, o.count);
    if (n == NULL) return c->env->error.status;
    for (size_t i = 0; i < o.count; ++i) {
        if (!o.used[i]) {
            n->out[i] = NULL;
            continue;
        }
        n->out[i]->name = o.name[i];
        n->out[i]->type = o.type[i];
        HN_TRY(define(c, s, o.key[i], n->out[i], o.name[i] != NULL));
    }
    if (hn_text_accept(c, '{')) {
        do HN_TRY(parse_attr(c, n));
        while (hn_text_accept(c, ','));
        HN_TRY(hn_text_expect(c, '}'));
    }
    if (hn_text_accept(c, '@')) HN_TRY(hn_text_cstring(c, &n->name));
    if (hn_text_accept_word(c, "captures")) {
        int64_t captures;
        HN_TRY(hn_text_integer(c, &captures));
        if (captures < 0 || (uint64_t)captures > nin) return hn_text_wrong(c, "more captures than inputs");
        n->ncaptures = (size_t)captures;
    }
    HN_TRY(parse_regions(c, n));
    return hn_node_check(c->env, n);
}

static hn_status parse_input(hn_text *c, scope *s)
{
    hn_str key;
    const char *value_name;
    hn_type t;
    HN_TRY(value_key(c, &key, &value_name));
    HN_TRY(hn_text_expect(c, ':'));
    HN_TRY(hn_text_type(c, s->g, &t));
    return define(c, s, key, hn_graph_input(s->g, value_name, &t), value_name != NULL);
}

static hn_status parse_const(hn_text *c, scope *s)
{
    hn_str key;
    const char *value_name;
    hn_type type;
    hn_tensor *t;
    HN_TRY(value_key(c, &key, &value_name));
    HN_TRY(hn_text_expect(c, ':'));
    HN_TRY(hn_text_type(c, s->g, &type));
    HN_TRY(hn_text_expect(c, '='));
    HN_TRY(hn_text_data(c, &type, &t));
    return define(c, s, key, hn_graph_const(s->g, value_name, t), value_name != NULL);
}

static hn_status parse_body(hn_text *c, scope *s)
{
    HN_TRY(hn_text_expect(c, '{'));
    while (!hn_text_accept(c, '}')) {
        hn_value *v;
        if (c->p >= c->end) return hn_text_wrong(c, "a body has no end");
        if (hn_text_accept_word(c, "input")) {
            HN_TRY(parse_input(c, s));
        } else if (hn_text_accept_word(c, "const")) {
            HN_TRY(parse_const(c, s));
        } else if (hn_text_accept_word(c, "output")) {
            HN_TRY(parse_use(c, s, &v));
            HN_TRY(hn_graph_output(s->g, v));
        } else {
            HN_TRY(parse_node(c, s));
        }
    }
    return HN_OK;
}

static hn_status parse_graph(hn_text *c, const hn_op_table *ops, hn_graph **out)
{
    const char *graph_name;
    int64_t opset;
    if (!hn_text_accept_word(c, "graph")) return hn_text_wrong(c, "\"graph\" is needed here");
    HN_TRY(hn_text_cstring(c, &graph_name));
    if (!hn_text_accept_word(c, "opset")) return hn_text_wrong(c, "\"opset\" is needed here");
    HN_TRY(hn_text_integer(c, &opset));
    scope s = {.g = hn_graph_new(c->env, c->arena, ops, graph_name)};
    if (s.g == NULL) return c->env->error.status;
    s.g->opset = opset;
    HN_TRY(parse_body(c, &s));
    hn_text_blanks(c);
    if (c->p != c->end) return hn_text_wrong(c, "text follows the graph");
    *out = s.g;
    return HN_OK;
}

hn_graph *hn_graph_parse(hn_env *env, hn_arena *arena, const hn_op_table *ops, const char *text, size_t bytes)
{
    hn_text c = {.env = env, .arena = arena, .begin = text, .p = text, .end = text + bytes};
    hn_graph *g = NULL;
    return parse_graph(&c, ops, &g) == HN_OK ? g : NULL;
}
