/* onnx_write: ModelProto. The graph is checked and the operator set chosen before anything is written. */
#include "formats/onnx_write.h"

#include <string.h>

#include "formats/onnx_priv.h"
#include "formats/onnx_write_priv.h"

/* IR versions that came with the operator sets, as the ONNX releases pair them. */
static int64_t ir_version(int64_t opset)
{
    if (opset >= 28) return 14;
    if (opset >= 25) return 13;
    if (opset >= 24) return 12;
    if (opset >= 23) return 11;
    if (opset >= 21) return 10;
    return opset >= 19 ? 9 : 8;
}

static void put_pair(hn_env *env, hn_buf *b, uint32_t field, const char *key, const char *value)
{
    size_t mark = hn_pb_begin(env, b, field);
    hn_pb_put_str(env, b, 1, key);
    hn_pb_put_str(env, b, 2, value);
    hn_pb_end(env, b, mark);
}

static void put_opset(hn_env *env, hn_buf *b, const char *domain, int64_t version)
{
    size_t mark = hn_pb_begin(env, b, 8);
    hn_pb_put_str(env, b, 1, domain);
    hn_pb_put_int(env, b, 2, version);
    hn_pb_end(env, b, mark);
}

static int64_t newest_used(const hn_graph *g, const char *domain)
{
    int64_t version = 1;
    for (const hn_node *n = g->first; n != NULL; n = n->next) {
        if (strcmp(n->op->domain, domain) == 0 && n->op->since > version) version = n->op->since;
        for (size_t i = 0; i < n->nregions; i++) {
            int64_t inner = newest_used(n->regions[i], domain);
            version = inner > version ? inner : version;
        }
    }
    return version;
}

/* One import for each domain in use besides the standard one; its version is the newest that an operator in the file
 * needs: a newer one may have withdrawn another. */
static hn_status put_domains(hn_onnx_writer *w, const hn_graph *g, hn_dict *seen)
{
    for (const hn_node *n = g->first; n != NULL; n = n->next) {
        const char *domain = n->op->domain;
        for (size_t i = 0; i < n->nregions; i++) HN_TRY(put_domains(w, n->regions[i], seen));
        if (domain[0] == '\0' || hn_dict_get(seen, hn_str_of(domain)) != NULL) continue;
        put_opset(w->env, w->out, domain, newest_used(w->top, domain));
        HN_TRY(hn_dict_put(w->env, &w->arena, seen, hn_str_of(domain), w));
    }
    return HN_OK;
}

static void put_annotations(hn_onnx_writer *w)
{
    const hn_onnx_write_options *o = w->options;
    for (size_t i = 0; i < o->nannotations;) {
        size_t mark = hn_pb_begin(w->env, w->out, 14);
        const char *tensor = o->annotations[i].tensor;
        hn_pb_put_str(w->env, w->out, 1, tensor);
        for (; i < o->nannotations && strcmp(o->annotations[i].tensor, tensor) == 0; i++)
            put_pair(w->env, w->out, 2, o->annotations[i].key, o->annotations[i].value);
        hn_pb_end(w->env, w->out, mark);
    }
}

static hn_status put_model(hn_onnx_writer *w)
{
    hn_env *env = w->env;
    hn_dict seen = {0};
    HN_TRY(hn_onnx_name_all(w));
    hn_pb_put_int(env, w->out, 1, ir_version(w->opset));
    hn_pb_put_str(env, w->out, 2, "hone");
    if (w->options->producer_version != NULL) hn_pb_put_str(env, w->out, 3, w->options->producer_version);
    put_opset(env, w->out, "", w->opset);
    HN_TRY(put_domains(w, w->top, &seen));
    size_t mark = hn_pb_begin(env, w->out, 7);
    HN_TRY(hn_onnx_put_graph(w, w->top));
    put_annotations(w);
    hn_pb_end(env, w->out, mark);
    for (size_t i = 0; i < w->options->nmeta; i++)
        put_pair(env, w->out, 14, w->options->meta[i].key, w->options->meta[i].value);
    return hn_buf_status(w->out);
}

static hn_status choose_opset(hn_onnx_writer *w)
{
    int64_t needed = 0;
    HN_TRY(hn_onnx_opset_needed(w->env, w->top, &needed));
    w->opset = w->options->opset;
    if (w->opset == 0) w->opset = needed > HN_ONNX_USUAL ? needed : HN_ONNX_USUAL;
    if (w->opset < HN_ONNX_OLDEST_WRITTEN || w->opset > HN_ONNX_NEWEST)
        return hn_fail(w->env, HN_UNSUPPORTED, "opset %lld cannot be written, only %d to %d", (long long)w->opset,
                       (int)HN_ONNX_OLDEST_WRITTEN, (int)HN_ONNX_NEWEST);
    if (needed <= w->opset) return HN_OK;
    hn_fail(w->env, HN_UNSUPPORTED, "the graph needs opset %lld, but %lld was asked for", (long long)needed,
            (long long)w->opset);
    hn_hint(w->env, "export with --opset %lld or leave the choice to hone", (long long)needed);
    return w->env->error.status;
}

static size_t const_bytes(const hn_graph *g)
{
    size_t sum = 0;
    for (const hn_node *n = g->first; n != NULL; n = n->next) {
        for (size_t i = 0; i < n->nin; i++)
            if (n->in[i] != NULL && n->in[i]->data != NULL) sum += n->in[i]->data->bytes;
        for (size_t i = 0; i < n->nregions; i++) sum += const_bytes(n->regions[i]);
    }
    return sum;
}

static hn_status write_all(hn_env *env, const hn_graph *g, const hn_onnx_write_options *options, const char *path,
                           hn_buf *out)
{
    static const hn_onnx_write_options none;
    hn_onnx_writer w = {.env = env, .out = out, .options = options != NULL ? options : &none, .top = g};
    hn_status st = HN_OK;
    HN_GOTO(choose_opset(&w));
    size_t limit = w.options->external_bytes != 0 ? w.options->external_bytes : (size_t)3 << 29;
    if (path != NULL && const_bytes(g) > limit) {
        w.data_dir = hn_path_dir(env, &w.arena, path);
        w.data_base = hn_arena_printf(env, &w.arena, "%s.data", hn_path_base(path));
        if (w.data_dir == NULL || w.data_base == NULL) HN_GOTO(env->error.status);
    }
    HN_GOTO(put_model(&w));
    HN_GOTO(hn_onnx_flush_data(&w));
out:
    hn_buf_fini(env, &w.data);
    hn_arena_fini(env, &w.arena);
    return st;
}

hn_status hn_onnx_write_bytes(hn_env *env, const hn_graph *g, const hn_onnx_write_options *options, hn_buf *out)
{
    return hn_context(env, write_all(env, g, options, NULL, out), "exporting graph %.80s to ONNX", g->name);
}

hn_status hn_onnx_write(hn_env *env, const hn_graph *g, const hn_onnx_write_options *options, const char *path)
{
    hn_buf b = {0};
    hn_status st = write_all(env, g, options, path, &b);
    if (st == HN_OK) st = hn_file_write(env, path, b.data, b.size);
    hn_buf_fini(env, &b);
    return hn_context(env, st, "exporting graph %.80s to %s", g->name, path);
}
