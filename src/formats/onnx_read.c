/* onnx_read: ModelProto -> hn_model. Facts about the file first, then functions, then the graph. */
#include "formats/onnx_read.h"

#include <string.h>

#include "formats/onnx_priv.h"
#include "ops/ops.h"

enum {
    M_IR = 1,
    M_PRODUCER = 2,
    M_PRODUCER_VERSION = 3,
    M_DOMAIN = 4,
    M_VERSION = 5,
    M_GRAPH = 7,
    M_OPSET = 8,
    M_META = 14,
    M_TRAINING = 20,
    M_FUNCTION = 25
};

static hn_status keep(hn_onnx_reader *r, const hn_pb_field *f, const char **out)
{
    HN_TRY(hn_pb_expect(r->env, f, HN_PB_BYTES, "model"));
    *out = hn_arena_strndup(r->env, r->arena, (const char *)f->bytes.data, f->bytes.size);
    return *out == NULL ? r->env->error.status : HN_OK;
}

/* StringStringEntryProto */
static hn_status read_pair(hn_onnx_reader *r, hn_cursor c, hn_meta *out)
{
    hn_pb_field f;
    *out = (hn_meta){"", ""};
    for (bool more;;) {
        HN_TRY(hn_pb_next(r->env, &c, "metadata", &f, &more));
        if (!more) return HN_OK;
        if (f.number == 1) HN_TRY(keep(r, &f, &out->key));
        if (f.number == 2) HN_TRY(keep(r, &f, &out->value));
    }
}

static hn_status count_field(hn_env *env, hn_cursor c, uint32_t field, size_t *out)
{
    hn_pb_field f;
    *out = 0;
    for (bool more;;) {
        HN_TRY(hn_pb_next(env, &c, "model", &f, &more));
        if (!more) return HN_OK;
        if (f.number != field) continue;
        HN_TRY(hn_pb_expect(env, &f, HN_PB_BYTES, "model"));
        ++*out;
    }
}

/* TensorAnnotation: one entry for each key of each tensor. */
static hn_status read_annotation(hn_onnx_reader *r, hn_cursor c)
{
    hn_model *m = r->model;
    hn_pb_field f;
    const char *tensor = "";
    size_t pairs = 0;
    HN_TRY(count_field(r->env, c, 2, &pairs));
    hn_annotation *list = hn_arena_array(r->env, r->arena, m->nannotations + pairs, sizeof *list);
    if (list == NULL) return r->env->error.status;
    if (m->nannotations > 0) memcpy(list, m->annotations, m->nannotations * sizeof *list);
    size_t first = m->nannotations, at = first;
    for (bool more;;) {
        HN_TRY(hn_pb_next(r->env, &c, "annotation", &f, &more));
        if (!more) break;
        if (f.number == 1) HN_TRY(keep(r, &f, &tensor));
        if (f.number != 2) continue;
        hn_meta pair;
        HN_TRY(read_pair(r, f.bytes, &pair));
        list[at++] = (hn_annotation){"", pair.key, pair.value};
    }
    for (size_t i = first; i < at; i++) list[i].tensor = tensor;
    m->annotations = list;
    m->nannotations = at;
    return HN_OK;
}

static hn_status read_annotations(hn_onnx_reader *r, hn_cursor graph)
{
    hn_pb_field f;
    for (bool more;;) {
        HN_TRY(hn_pb_next(r->env, &graph, "graph", &f, &more));
        if (!more) return HN_OK;
        if (f.number != 14) continue;
        HN_TRY(hn_pb_expect(r->env, &f, HN_PB_BYTES, "annotation"));
        HN_TRY(read_annotation(r, f.bytes));
    }
}

static hn_status read_head(hn_onnx_reader *r, hn_cursor c, hn_cursor *graph)
{
    hn_model *m = r->model;
    hn_pb_field f;
    size_t nmeta = 0;
    m->producer = m->producer_version = m->domain = "";
    HN_TRY(count_field(r->env, c, M_META, &nmeta));
    m->meta = hn_arena_array(r->env, r->arena, nmeta, sizeof *m->meta);
    if (m->meta == NULL) return r->env->error.status;
    for (bool more;;) {
        HN_TRY(hn_pb_next(r->env, &c, "model", &f, &more));
        if (!more) return HN_OK;
        switch (f.number) {
        case M_IR: m->ir_version = (int64_t)f.value; break;
        case M_VERSION: m->model_version = (int64_t)f.value; break;
        case M_PRODUCER: HN_TRY(keep(r, &f, &m->producer)); break;
        case M_PRODUCER_VERSION: HN_TRY(keep(r, &f, &m->producer_version)); break;
        case M_DOMAIN: HN_TRY(keep(r, &f, &m->domain)); break;
        case M_META: HN_TRY(read_pair(r, f.bytes, &m->meta[m->nmeta++])); break;
        case M_GRAPH:
            HN_TRY(hn_pb_expect(r->env, &f, HN_PB_BYTES, "model graph"));
            *graph = f.bytes;
            break;
        case M_TRAINING: hn_log(r->env, HN_LOG_INFO, "%s: training information ignored", r->file); break;
        default: break;
        }
    }
}

static hn_status read_functions(hn_onnx_reader *r, hn_cursor c, const hn_opsets *opsets)
{
    hn_pb_field f;
    for (bool more;;) {
        HN_TRY(hn_pb_next(r->env, &c, "model", &f, &more));
        if (!more) return HN_OK;
        if (f.number != M_FUNCTION) continue;
        HN_TRY(hn_pb_expect(r->env, &f, HN_PB_BYTES, "model function"));
        HN_TRY(hn_onnx_function_add(r, f.bytes, opsets));
    }
}

static hn_status read_model(hn_onnx_reader *r, hn_cursor c)
{
    hn_model *m = r->model;
    hn_cursor graph = {0};
    hn_opsets opsets;
    hn_dict taken = {0};
    HN_TRY(read_head(r, c, &graph));
    if (graph.data == NULL) return hn_fail(r->env, HN_INPUT, "the model holds no graph");
    HN_TRY(hn_onnx_opsets(r, c, M_OPSET, &opsets));
    if (opsets.count == 0) {
        /* Files older than IR 3 have no imports and mean operator set 1. */
        if (m->ir_version >= 3) return hn_fail(r->env, HN_INPUT, "the model imports no operator set");
        opsets.items = hn_arena_array(r->env, r->arena, 1, sizeof *opsets.items);
        if (opsets.items == NULL) return r->env->error.status;
        opsets.items[opsets.count++] = (hn_opset){"", 1};
    }
    m->opsets = opsets.items;
    m->nopsets = opsets.count;
    HN_TRY(read_functions(r, c, &opsets));
    HN_TRY(hn_onnx_scan(r, graph, &opsets));
    m->graph = hn_graph_new(r->env, r->arena, r->ops, "");
    if (m->graph == NULL) return r->env->error.status;
    m->graph->opset = hn_model_opset(m, "");
    hn_onnx_scope top = {.r = r, .graph = m->graph, .taken = &taken, .opsets = &opsets, .prefix = ""};
    HN_TRY(hn_onnx_graph(&top, graph));
    HN_TRY(read_annotations(r, graph));
    return hn_graph_verify(r->env, m->graph);
}

hn_status hn_onnx_read(hn_env *env, hn_model *m, const void *data, size_t size, const char *dir,
                       const hn_model_options *options)
{
    static const hn_model_options none;
    const hn_model_options *o = options != NULL ? options : &none;
    hn_onnx_reader r = {.env = env,
                        .model = m,
                        .arena = &m->arena,
                        .ops = o->ops != NULL ? o->ops : &hn_ops,
                        .source = {.dir = dir, .maps = &m->external, .max_dense_bytes = o->max_dense_bytes},
                        .max_nodes = o->max_nodes != 0 ? o->max_nodes : (size_t)4 << 20,
                        .max_depth = o->max_depth != 0 ? o->max_depth : 32,
                        .keep_types = o->keep_types,
                        .file = hn_path_base(m->path)};
    hn_status st = read_model(&r, hn_cursor_make(data, size));
    hn_arena_fini(env, &r.scratch);
    return st;
}
