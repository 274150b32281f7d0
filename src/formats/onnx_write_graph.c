/* onnx_write_graph: GraphProto, NodeProto, AttributeProto and types. Field numbers are those of onnx.proto. */
#include <string.h>

#include "formats/onnx_write_priv.h"

static void put_shape(hn_onnx_writer *w, const hn_graph *g, const hn_type *t)
{
    hn_pb_put_int(w->env, w->out, 1, (int64_t)t->dtype);
    if (t->rank < 0) return;
    size_t shape = hn_pb_begin(w->env, w->out, 2);
    for (int d = 0; d < t->rank; d++) {
        size_t dim = hn_pb_begin(w->env, w->out, 1);
        const char *symbol = hn_graph_symbol_name(g, t->dims[d]);
        if (t->dims[d] >= 0)
            hn_pb_put_int(w->env, w->out, 1, t->dims[d]);
        else if (symbol != NULL)
            hn_pb_put_str(w->env, w->out, 2, symbol);
        hn_pb_end(w->env, w->out, dim);
    }
    hn_pb_end(w->env, w->out, shape);
}

/* The fields of a TypeProto. */
static void put_type(hn_onnx_writer *w, const hn_graph *g, const hn_type *t)
{
    size_t marks[6];
    int open = 0;
    if (t->kind == HN_KIND_OPTIONAL || t->kind == HN_KIND_OPTIONAL_SEQUENCE) {
        marks[open++] = hn_pb_begin(w->env, w->out, 9);
        marks[open++] = hn_pb_begin(w->env, w->out, 1);
    }
    if (t->kind == HN_KIND_SEQUENCE || t->kind == HN_KIND_OPTIONAL_SEQUENCE || t->kind == HN_KIND_SEQUENCE_MAP) {
        marks[open++] = hn_pb_begin(w->env, w->out, 4);
        marks[open++] = hn_pb_begin(w->env, w->out, 1);
    }
    if (t->kind == HN_KIND_MAP || t->kind == HN_KIND_SEQUENCE_MAP) {
        marks[open++] = hn_pb_begin(w->env, w->out, 5);
        hn_pb_put_int(w->env, w->out, 1, (int64_t)t->key);
        marks[open++] = hn_pb_begin(w->env, w->out, 2);
    }
    size_t tensor = hn_pb_begin(w->env, w->out, 1);
    put_shape(w, g, t);
    hn_pb_end(w->env, w->out, tensor);
    while (open > 0) hn_pb_end(w->env, w->out, marks[--open]);
}

static void put_value_info(hn_onnx_writer *w, const hn_graph *g, uint32_t field, const char *name, const hn_type *t)
{
    size_t mark = hn_pb_begin(w->env, w->out, field);
    hn_pb_put_str(w->env, w->out, 1, name);
    if (t->dtype != HN_NONE) {
        size_t type = hn_pb_begin(w->env, w->out, 2);
        put_type(w, g, t);
        hn_pb_end(w->env, w->out, type);
    }
    hn_pb_end(w->env, w->out, mark);
}

static hn_status put_attr(hn_onnx_writer *w, const hn_graph *g, const hn_attr *a)
{
    static const int kinds[] = {[HN_ATTR_INT] = 2,    [HN_ATTR_FLOAT] = 1,   [HN_ATTR_STRING] = 3, [HN_ATTR_INTS] = 7,
                                [HN_ATTR_FLOATS] = 6, [HN_ATTR_STRINGS] = 8, [HN_ATTR_TENSOR] = 4, [HN_ATTR_TYPE] = 13};
    hn_env *env = w->env;
    hn_buf *b = w->out;
    size_t mark = hn_pb_begin(env, b, 5), inner;
    hn_pb_put_str(env, b, 1, a->name);
    switch (a->kind) {
    case HN_ATTR_INT: hn_pb_put_int(env, b, 3, a->u.i); break;
    case HN_ATTR_FLOAT: hn_pb_put_float(env, b, 2, (float)a->u.f); break;
    case HN_ATTR_STRING: hn_pb_put_bytes(env, b, 4, a->u.s.data, a->u.s.size); break;
    case HN_ATTR_INTS: hn_pb_put_ints(env, b, 8, a->u.ints, a->count); break;
    case HN_ATTR_FLOATS:
        for (size_t i = 0; i < a->count; i++) hn_pb_put_float(env, b, 7, (float)a->u.floats[i]);
        break;
    case HN_ATTR_STRINGS:
        for (size_t i = 0; i < a->count; i++) hn_pb_put_bytes(env, b, 9, a->u.strings[i].data, a->u.strings[i].size);
        break;
    case HN_ATTR_TENSOR:
        inner = hn_pb_begin(env, b, 5);
        hn_onnx_tensor_write(env, b, a->u.tensor, NULL);
        hn_pb_end(env, b, inner);
        break;
    case HN_ATTR_TYPE:
        inner = hn_pb_begin(env, b, 14);
        put_type(w, g, a->u.type);
        hn_pb_end(env, b, inner);
        break;
    }
    hn_pb_put_int(env, b, 20, kinds[a->kind]);
    hn_pb_end(env, b, mark);
    return hn_buf_status(b);
}

static hn_status put_region(hn_onnx_writer *w, const hn_node *n, size_t i)
{
    size_t mark = hn_pb_begin(w->env, w->out, 5);
    hn_pb_put_str(w->env, w->out, 1, hn_region_attr(n, i));
    size_t graph = hn_pb_begin(w->env, w->out, 6);
    HN_TRY(hn_onnx_put_graph(w, n->regions[i]));
    hn_pb_end(w->env, w->out, graph);
    hn_pb_put_int(w->env, w->out, 20, 5);
    hn_pb_end(w->env, w->out, mark);
    return hn_buf_status(w->out);
}

static hn_status put_node(hn_onnx_writer *w, const hn_graph *g, const hn_node *n)
{
    hn_env *env = w->env;
    size_t mark = hn_pb_begin(env, w->out, 1), nin = 0, nout = n->nout;
    HN_TRY(hn_onnx_put_lowered(w, n, &nin));
    while (nout > 0 && n->out[nout - 1] == NULL) nout--;
    for (size_t i = 0; i < nin; i++) hn_pb_put_str(env, w->out, 1, n->in[i] == NULL ? "" : w->names[n->in[i]->id]);
    for (size_t i = 0; i < nout; i++) hn_pb_put_str(env, w->out, 2, n->out[i] == NULL ? "" : w->names[n->out[i]->id]);
    if (n->name != NULL) hn_pb_put_str(env, w->out, 3, n->name);
    hn_pb_put_str(env, w->out, 4, n->op->name);
    for (const hn_attr *a = n->attrs; a != NULL; a = a->next) {
        bool keep = true;
        HN_TRY(hn_onnx_keeps_attr(w, n, a, &keep));
        if (keep) HN_TRY(put_attr(w, g, a));
    }
    for (size_t i = 0; i < n->nregions; i++) HN_TRY(put_region(w, n, i));
    if (n->op->domain[0] != '\0') hn_pb_put_str(env, w->out, 7, n->op->domain);
    hn_pb_end(env, w->out, mark);
    return hn_buf_status(w->out);
}

static void put_identity(hn_onnx_writer *w, const char *from, const char *to)
{
    size_t mark = hn_pb_begin(w->env, w->out, 1);
    hn_pb_put_str(w->env, w->out, 1, from);
    hn_pb_put_str(w->env, w->out, 2, to);
    hn_pb_put_str(w->env, w->out, 4, "Identity");
    hn_pb_end(w->env, w->out, mark);
}

/* ---- constants ---- */

enum { EXTERNAL_LEAST = 1024, EXTERNAL_ALIGN = 4096, DATA_FILE_BYTES = 1 << 30 };

static const char *data_name(hn_onnx_writer *w)
{
    return w->data_files == 0 ? w->data_base
                              : hn_arena_printf(w->env, &w->arena, "%s.%zu", w->data_base, w->data_files);
}

static hn_status flush_data(hn_onnx_writer *w)
{
    const char *name = data_name(w);
    const char *path = name == NULL ? NULL : hn_path_join(w->env, &w->arena, w->data_dir, name);
    if (path == NULL) return w->env->error.status;
    HN_TRY(hn_buf_status(&w->data));
    HN_TRY(hn_file_write(w->env, path, w->data.data, w->data.size));
    hn_buf_fini(w->env, &w->data);
    w->data = (hn_buf){0};
    w->data_files++;
    return HN_OK;
}

hn_status hn_onnx_flush_data(hn_onnx_writer *w)
{
    return w->data.size == 0 ? HN_OK : flush_data(w);
}

static hn_status put_const(hn_onnx_writer *w, const hn_value *v)
{
    static const char zeros[EXTERNAL_ALIGN];
    const hn_tensor *t = v->data;
    size_t mark = hn_pb_begin(w->env, w->out, 5);
    if (w->data_base != NULL && t->bytes >= EXTERNAL_LEAST && t->dtype != HN_STRING) {
        if (w->data.size > 0 && w->data.size + t->bytes > DATA_FILE_BYTES) HN_TRY(flush_data(w));
        hn_buf_append(w->env, &w->data, zeros, (EXTERNAL_ALIGN - w->data.size % EXTERNAL_ALIGN) % EXTERNAL_ALIGN);
        const char *name = data_name(w);
        if (name == NULL) return w->env->error.status;
        hn_onnx_tensor_write_external(w->env, w->out, t, w->names[v->id], name, w->data.size);
        hn_buf_append(w->env, &w->data, t->data, t->bytes);
        HN_TRY(hn_buf_status(&w->data));
    } else {
        hn_onnx_tensor_write(w->env, w->out, t, w->names[v->id]);
    }
    hn_pb_end(w->env, w->out, mark);
    return hn_buf_status(w->out);
}

typedef struct done {
    hn_dict names;
} done;

static hn_status put_const_once(hn_onnx_writer *w, done *d, const hn_value *v)
{
    if (v == NULL || v->data == NULL || w->outside[v->id]) return HN_OK;
    hn_str name = hn_str_of(w->names[v->id]);
    if (hn_dict_get(&d->names, name) != NULL) return HN_OK;
    HN_TRY(hn_dict_put(w->env, &w->arena, &d->names, name, w));
    return put_const(w, v);
}

static hn_status put_consts(hn_onnx_writer *w, const hn_graph *g)
{
    done d = {{0}};
    for (const hn_node *n = g->first; n != NULL; n = n->next) {
        size_t nin = n->nin;
        /* Axes that were written as an attribute. */
        bool lowered = w->opset < 18 && n->op->domain[0] == '\0' && strncmp(n->op->name, "Reduce", 6) == 0 &&
                       strcmp(n->op->name, "ReduceSum") != 0;
        if (lowered && nin > 1) nin = 1;
        for (size_t i = 0; i < nin; i++) HN_TRY(put_const_once(w, &d, n->in[i]));
    }
    for (size_t i = 0; i < g->nout; i++) HN_TRY(put_const_once(w, &d, g->out[i]));
    for (size_t i = 0; g->parent == NULL && i < w->nhoisted; i++) {
        const hn_value *v = w->hoisted[i];
        if (hn_dict_get(&d.names, hn_str_of(w->names[v->id])) == NULL) HN_TRY(put_const(w, v));
    }
    return HN_OK;
}

/* Outputs of a region must be made in it, and no name may be given out twice: such ones go through an Identity. */
static hn_status put_outputs(hn_onnx_writer *w, const hn_graph *g)
{
    for (size_t i = 0; i < g->nout; i++) {
        const hn_value *v = g->out[i];
        const char *name = w->names[v->id];
        bool again = w->outside[v->id];
        for (size_t k = 0; k < i && !again; k++) again = g->out[k] == v;
        if (again) {
            const char *fresh = hn_onnx_spare_name(w);
            if (fresh == NULL) return w->env->error.status;
            put_identity(w, name, fresh);
            name = fresh;
        }
        put_value_info(w, g, 12, name, &v->type);
    }
    return HN_OK;
}

static void put_types(hn_onnx_writer *w, const hn_graph *g)
{
    for (const hn_node *n = g->first; n != NULL; n = n->next)
        for (size_t i = 0; i < n->nout; i++)
            if (n->out[i] != NULL && n->out[i]->type.dtype != HN_NONE && !hn_value_is_output(n->out[i]))
                put_value_info(w, g, 13, w->names[n->out[i]->id], &n->out[i]->type);
}

hn_status hn_onnx_put_graph(hn_onnx_writer *w, const hn_graph *g)
{
    for (const hn_node *n = g->first; n != NULL; n = n->next) HN_TRY(put_node(w, g, n));
    /* Every graph of a file has a name. */
    hn_pb_put_str(w->env, w->out, 2, g->name == NULL || g->name[0] == '\0' ? "graph" : g->name);
    HN_TRY(put_consts(w, g));
    for (size_t i = 0; i < g->nin; i++)
        if (!w->outside[g->in[i]->id]) put_value_info(w, g, 11, w->names[g->in[i]->id], &g->in[i]->type);
    HN_TRY(put_outputs(w, g));
    /* In a branch that never runs, shapes may contradict each other; other readers take what is written there at its
     * word. */
    if (!w->options->no_types && g->parent == NULL) put_types(w, g);
    return hn_buf_status(w->out);
}
