/* opcase: see opcase.h. */
#include <stdio.h>
#include <string.h>

#include "support/opcase.h"
#include "support/oprun.h"

hn_status hn_opcases(hn_env *env, hn_arena *arena, const hn_op *op, hn_cases *out)
{
    *out = (hn_cases){.env = env, .arena = arena, .op = op};
    return op->cases ? op->cases(out) : HN_OK;
}

const hn_port *hn_op_port(const hn_op *op, size_t i)
{
    return &op->in[i < (size_t)op->nin ? i : (size_t)op->nin - 1];
}

static hn_status copy_attr(hn_node *n, const hn_attr *a)
{
    char text[128];
    switch (a->kind) {
    case HN_ATTR_INT: return hn_node_set_int(n, a->name, a->u.i);
    case HN_ATTR_FLOAT: return hn_node_set_float(n, a->name, a->u.f);
    case HN_ATTR_STRING:
        snprintf(text, sizeof text, "%.*s", (int)a->u.s.size, a->u.s.data);
        return hn_node_set_string(n, a->name, text);
    case HN_ATTR_INTS: return hn_node_set_ints(n, a->name, a->u.ints, a->count);
    case HN_ATTR_FLOATS: return hn_node_set_floats(n, a->name, a->u.floats, a->count);
    case HN_ATTR_STRINGS: return hn_node_set_strings(n, a->name, a->u.strings, a->count);
    case HN_ATTR_TENSOR: return hn_node_set_tensor(n, a->name, a->u.tensor);
    default: return hn_node_set_type(n, a->name, a->u.type);
    }
}

static hn_type told_type(hn_graph *g, const hn_tensor *t, const hn_type *declared, hn_told told)
{
    if (hn_dtype_is_list(t->dtype)) {
        hn_type list = *declared;
        if (told >= HN_TOLD_RANK) list.rank = -1;
        for (int d = 0; d < list.rank; d++)
            if (told != HN_TOLD_ALL) list.dims[d] = -1;
        return list;
    }
    hn_type type = hn_type_tensor(t->dtype, told == HN_TOLD_NOTHING ? -1 : t->rank, t->dims);
    for (int d = 0; d < type.rank; d++) {
        char name[24];
        snprintf(name, sizeof name, "d%lld", (long long)t->dims[d]);
        if (told == HN_TOLD_RANK) type.dims[d] = -1;
        if (told == HN_TOLD_HIDDEN || (told == HN_TOLD_SYMBOLS && t->dims[d] != 1))
            type.dims[d] = hn_graph_symbol(g, name);
    }
    return type;
}

hn_status hn_opcase_graph(hn_env *env, hn_arena *arena, const hn_op *op, const hn_case_row *c,
                          const hn_tensor *const *in, hn_told told, hn_opcase *out)
{
    hn_value *v[HN_CASE_PORTS] = {NULL};
    out->g = hn_graph_new(env, arena, &hn_ops, op->name);
    if (!out->g) return env->error.status;
    out->nin = c->nin;
    for (size_t i = 0; i < c->nin; i++) {
        const hn_tensor *t = out->in[i] = in ? in[i] : c->in[i];
        if (!t) continue;
        char name[24];
        snprintf(name, sizeof name, "in%zu", i);
        hn_type type = told_type(out->g, t, &c->declared[i], told);
        bool constant = c->constant[i] && told != HN_TOLD_NOTHING;
        v[i] = constant ? hn_graph_const(out->g, name, t) : hn_graph_input(out->g, name, &type);
        if (!v[i]) return env->error.status;
    }
    size_t nout = c->nout ? c->nout : (size_t)op->nout;
    out->n = hn_node_new(out->g, NULL, op, "case", c->nin, v, nout);
    if (!out->n) return env->error.status;
    for (const hn_attr *a = c->attrs; a; a = a->next) HN_TRY(copy_attr(out->n, a));
    return HN_OK;
}

hn_status hn_opcase_run(hn_env *env, hn_arena *arena, const hn_opcase *o, hn_tensor **out)
{
    return hn_oprun_node(env, arena, o->n, o->in, out);
}

hn_status hn_tensor_convert(hn_env *env, hn_arena *arena, const hn_tensor *t, hn_dtype to, hn_tensor **out)
{
    *out = hn_arena_alloc(env, arena, sizeof(hn_tensor));
    if (!*out) return env->error.status;
    HN_TRY(hn_tensor_init(env, arena, *out, to, t->rank, t->dims));
    size_t n = hn_tensor_elems(t);
    for (size_t i = 0; i < n; i++) {
        if (t->dtype == to && to == HN_STRING) {
            ((hn_str *)(*out)->data)[i] = ((const hn_str *)t->data)[i];
        } else if (to == HN_STRING) {
            char *s = hn_arena_printf(env, arena, "%g", hn_get_f64(t, i));
            if (!s) return env->error.status;
            ((hn_str *)(*out)->data)[i] = (hn_str){.data = s, .size = strlen(s)};
        } else if (hn_dtype_is_int(t->dtype) || t->dtype == HN_BOOL) {
            hn_set_i64(*out, i, hn_get_i64(t, i));
        } else {
            hn_set_f64(*out, i, hn_get_f64(t, i));
        }
    }
    return HN_OK;
}
