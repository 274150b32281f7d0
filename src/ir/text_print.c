/* text_print: the text form of a graph; text_parse.c holds the grammar. Unnamed values are numbered in order of
 * appearance, so printing what was parsed gives the same text. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ir/ir_priv.h"

enum { FEW = 16 };

typedef struct printer {
    hn_env *env;
    hn_buf *out;
    hn_text_mode mode;
    uint32_t *number; /* by value id: number + 1 of an unnamed value; 1 for a printed constant with a name */
    uint32_t next;
} printer;

bool hn_text_bare_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
           c == '/' || c == ':' || c == '-';
}

bool hn_text_bare(const char *s, size_t n)
{
    if (n == 0 || (s[0] >= '0' && s[0] <= '9') || (n == 1 && s[0] == '_')) return false;
    for (size_t i = 0; i < n; ++i)
        if (!hn_text_bare_char(s[i])) return false;
    return true;
}

static void puts_(printer *p, const char *s)
{
    hn_buf_puts(p->env, p->out, s);
}

static void quoted(printer *p, const char *s, size_t n)
{
    puts_(p, "\"");
    for (size_t i = 0; i < n; ++i) {
        unsigned char c = (unsigned char)s[i];
        if (c == '"' || c == '\\')
            hn_buf_printf(p->env, p->out, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            hn_buf_printf(p->env, p->out, "\\x%02x", c);
        else
            hn_buf_append(p->env, p->out, &s[i], 1);
    }
    puts_(p, "\"");
}

static void name(printer *p, const char *s)
{
    if (hn_text_bare(s, strlen(s)))
        puts_(p, s);
    else
        quoted(p, s, strlen(s));
}

static void indent(printer *p, int depth)
{
    for (int i = 0; i < depth; ++i) puts_(p, "  ");
}

/* Shortest of three precisions that reads back as the same double, or float; always recognisable as a float. */
static void real(printer *p, double v, bool is_double)
{
    char s[40];
    if (isnan(v)) {
        puts_(p, "nan");
        return;
    }
    if (isinf(v)) {
        puts_(p, v < 0 ? "-inf" : "inf");
        return;
    }
    for (int digits = 6;; digits = digits == 6 ? 9 : 17) {
        (void)snprintf(s, sizeof(s), "%.*g", digits, v);
        double back = strtod(s, NULL);
        if (digits == 17 || (is_double ? back == v : (float)back == (float)v)) break;
    }
    puts_(p, s);
    if (strpbrk(s, ".e") == NULL) puts_(p, ".0");
}

static void type(printer *p, const hn_graph *g, const hn_type *t)
{
    puts_(p, hn_kind_open(t->kind));
    if (hn_type_is_map(t)) hn_buf_printf(p->env, p->out, "%s,", hn_dtype_name(t->key));
    hn_buf_printf(p->env, p->out, "%s[", hn_dtype_name(t->dtype));
    if (t->rank < 0) puts_(p, "*");
    for (int i = 0; i < t->rank; ++i) {
        const char *symbol = hn_graph_symbol_name(g, t->dims[i]);
        if (i > 0) puts_(p, ",");
        if (t->dims[i] >= 0)
            hn_buf_printf(p->env, p->out, "%" PRId64, t->dims[i]);
        else if (symbol != NULL)
            name(p, symbol);
        else
            puts_(p, "?");
    }
    puts_(p, t->kind == HN_KIND_TENSOR ? "]" : "])");
}

static bool listable_dtype(hn_dtype t)
{
    return t == HN_F32 || t == HN_F64 || t == HN_F16 || t == HN_BF16 || t == HN_BOOL || t == HN_I4 || t == HN_U4 ||
           (HN_BIT(t) & HN_T_INT) != 0;
}

/* Whether values printed as numbers read back as the same bytes. */
static bool listable(const hn_tensor *t, size_t n)
{
    if (!listable_dtype(t->dtype)) return false;
    for (size_t i = 0; i < n; ++i) {
        if (hn_dtype_is_float(t->dtype) && isnan(hn_get_f64(t, i))) return false;
        if (t->dtype == HN_BOOL && ((const uint8_t *)t->data)[i] > 1) return false;
    }
    /* Padding bits of packed elements are not part of any element. */
    return hn_dtype_bits(t->dtype) >= 8 || n % 2 == 0;
}

static void element(printer *p, const hn_tensor *t, size_t i)
{
    if (hn_dtype_is_float(t->dtype))
        real(p, hn_get_f64(t, i), t->dtype == HN_F64);
    else if (t->dtype == HN_U64)
        hn_buf_printf(p->env, p->out, "%" PRIu64, (uint64_t)hn_get_i64(t, i));
    else
        hn_buf_printf(p->env, p->out, "%" PRId64, hn_get_i64(t, i));
}

static bool uniform(const hn_tensor *t, size_t n)
{
    size_t bytes = hn_dtype_bits(t->dtype) / 8;
    const unsigned char *data = t->data;
    return hn_dtype_bits(t->dtype) >= 8 && n > 1 && memcmp(data, data + bytes, (n - 1) * bytes) == 0;
}

static void hashed(printer *p, const hn_tensor *t)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < t->bytes; ++i) h = (h ^ ((const unsigned char *)t->data)[i]) * UINT64_C(0x100000001b3);
    hn_buf_printf(p->env, p->out, "hash %016" PRIx64, h);
}

static void tensor(printer *p, const hn_graph *g, const hn_tensor *t)
{
    size_t n = hn_tensor_elems(t);
    hn_type ty = hn_type_tensor(t->dtype, t->rank, t->dims);
    type(p, g, &ty);
    puts_(p, " = ");
    if (t->dtype == HN_STRING) {
        const hn_str *s = t->data;
        puts_(p, "[");
        for (size_t i = 0; i < n; ++i) {
            if (i > 0) puts_(p, ", ");
            quoted(p, s[i].data, s[i].size);
        }
        puts_(p, "]");
    } else if (n <= FEW && listable(t, n)) {
        puts_(p, "[");
        for (size_t i = 0; i < n; ++i) {
            if (i > 0) puts_(p, ", ");
            element(p, t, i);
        }
        puts_(p, "]");
    } else if (n > FEW && uniform(t, n) && listable(t, 1)) {
        puts_(p, "splat ");
        element(p, t, 0);
    } else if (p->mode == HN_TEXT_HASH) {
        hashed(p, t);
    } else {
        static const char digits[] = "0123456789abcdef";
        puts_(p, "hex ");
        for (size_t i = 0; i < t->bytes; ++i) {
            unsigned char c = ((const unsigned char *)t->data)[i];
            hn_buf_append(p->env, p->out, (char[]){digits[c >> 4], digits[c & 15]}, 2);
        }
        if (t->bytes == 0) puts_(p, "-");
    }
}

static void value(printer *p, const hn_value *v)
{
    if (v == NULL) {
        puts_(p, "_");
        return;
    }
    puts_(p, "%");
    if (v->name != NULL) {
        name(p, v->name);
        return;
    }
    if (p->number[v->id] == 0) p->number[v->id] = ++p->next;
    hn_buf_printf(p->env, p->out, "%" PRIu32, p->number[v->id] - 1);
}

/* Constants are printed before the first node that reads them. */
static void constant(printer *p, const hn_graph *g, const hn_value *v, int depth)
{
    if (v == NULL || v->data == NULL || p->number[v->id] != 0) return;
    indent(p, depth);
    puts_(p, "const ");
    value(p, v);
    if (v->name != NULL) p->number[v->id] = 1;
    puts_(p, " : ");
    tensor(p, g, v->data);
    puts_(p, "\n");
}

static void attr(printer *p, const hn_graph *g, const hn_attr *a)
{
    name(p, a->name);
    puts_(p, " = ");
    switch (a->kind) {
    case HN_ATTR_INT: hn_buf_printf(p->env, p->out, "%" PRId64, a->u.i); return;
    case HN_ATTR_FLOAT: real(p, a->u.f, true); return;
    case HN_ATTR_STRING: quoted(p, a->u.s.data, a->u.s.size); return;
    case HN_ATTR_TENSOR:
        puts_(p, "tensor ");
        tensor(p, g, a->u.tensor);
        return;
    case HN_ATTR_TYPE:
        puts_(p, "type ");
        type(p, g, a->u.type);
        return;
    default: break;
    }
    if (a->count == 0) {
        puts_(p, a->kind == HN_ATTR_INTS ? "ints []" : a->kind == HN_ATTR_FLOATS ? "floats []" : "strings []");
        return;
    }
    puts_(p, "[");
    for (size_t i = 0; i < a->count; ++i) {
        if (i > 0) puts_(p, ", ");
        if (a->kind == HN_ATTR_INTS)
            hn_buf_printf(p->env, p->out, "%" PRId64, a->u.ints[i]);
        else if (a->kind == HN_ATTR_FLOATS)
            real(p, a->u.floats[i], true);
        else
            quoted(p, a->u.strings[i].data, a->u.strings[i].size);
    }
    puts_(p, "]");
}

static void body(printer *p, const hn_graph *g, int depth);

static void node(printer *p, const hn_graph *g, const hn_node *n, int depth)
{
    for (size_t i = 0; i < n->nin; ++i) constant(p, g, n->in[i], depth);
    indent(p, depth);
    for (size_t i = 0; i < n->nout; ++i) {
        if (i > 0) puts_(p, ", ");
        value(p, n->out[i]);
        if (n->out[i] == NULL || (n->out[i]->type.dtype == HN_NONE && n->out[i]->type.rank < 0)) continue;
        puts_(p, " : ");
        type(p, g, &n->out[i]->type);
    }
    puts_(p, n->nout > 0 ? " = " : "= ");
    if (n->op->domain[0] != 0) hn_buf_printf(p->env, p->out, "%s.", n->op->domain);
    hn_buf_printf(p->env, p->out, "%s(", n->op->name);
    for (size_t i = 0; i < n->nin; ++i) {
        if (i > 0) puts_(p, ", ");
        value(p, n->in[i]);
    }
    puts_(p, ")");
    for (const hn_attr *a = n->attrs; a != NULL; a = a->next) {
        puts_(p, a == n->attrs ? " {" : ", ");
        attr(p, g, a);
    }
    if (n->attrs != NULL) puts_(p, "}");
    if (n->name != NULL) {
        puts_(p, " @ ");
        quoted(p, n->name, strlen(n->name));
    }
    if (n->ncaptures > 0) hn_buf_printf(p->env, p->out, " captures %zu", n->ncaptures);
    for (size_t i = 0; i < n->nregions; ++i) {
        puts_(p, " region ");
        quoted(p, n->regions[i]->name, strlen(n->regions[i]->name));
        puts_(p, " ");
        body(p, n->regions[i], depth);
    }
    puts_(p, "\n");
}

static void body(printer *p, const hn_graph *g, int depth)
{
    puts_(p, "{\n");
    for (size_t i = 0; i < g->nin; ++i) {
        indent(p, depth + 1);
        puts_(p, "input ");
        value(p, g->in[i]);
        puts_(p, " : ");
        type(p, g, &g->in[i]->type);
        puts_(p, "\n");
    }
    for (const hn_node *n = g->first; n != NULL; n = n->next) node(p, g, n, depth + 1);
    for (size_t i = 0; i < g->nout; ++i) constant(p, g, g->out[i], depth + 1);
    for (size_t i = 0; i < g->nout; ++i) {
        indent(p, depth + 1);
        puts_(p, "output ");
        value(p, g->out[i]);
        puts_(p, "\n");
    }
    indent(p, depth);
    puts_(p, "}");
}

hn_status hn_graph_print(hn_env *env, const hn_graph *g, hn_text_mode mode, hn_buf *out)
{
    printer p = {.env = env, .out = out, .mode = mode};
    p.number = hn_zalloc(env, ((size_t)*g->next_id + 1) * sizeof(*p.number));
    if (p.number == NULL) return env->error.status;
    puts_(&p, "graph ");
    quoted(&p, g->name, strlen(g->name));
    hn_buf_printf(env, out, " opset %" PRId64 " ", g->opset);
    body(&p, g, 0);
    puts_(&p, "\n");
    hn_free(env, p.number);
    return hn_buf_status(out);
}
