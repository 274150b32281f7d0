/* inspect: what a model file holds: ports, operators, parameters, work and memory traffic, per layer where shapes are
 * known. */
#include "api/api.h"

#include "ops/ops.h"

#include <string.h>

typedef struct tally {
    const hn_op *op;
    size_t count;
} tally;

typedef struct inspector {
    hone_env *e;
    const hone_inspect_options *o;
    hn_arena *tmp;
    hn_recs *r;
    hn_rec *root;
    tally *ops;
    size_t nops, nodes;
    size_t params, params_bytes, f32_elems;
} inspector;

static bool is_param(const hn_value *v)
{
    if (!v || !v->data) return false;
    hn_dtype t = v->data->dtype;
    return hn_dtype_is_float(t) || (hn_dtype_is_int(t) && t != HN_I64 && t != HN_U64);
}

/* Constants that this node is the first to use; `scratch` of a value marks it as counted. */
static size_t count_params(inspector *x, const hn_node *n)
{
    size_t own = 0;
    for (size_t i = 0; i < n->nin; i++) {
        hn_value *v = n->in[i];
        if (!is_param(v) || v->scratch == x) continue;
        v->scratch = x;
        size_t elems = hn_tensor_elems(v->data);
        own += elems;
        x->params_bytes += v->data->bytes;
        if (v->data->dtype == HN_F32) x->f32_elems += elems;
    }
    x->params += own;
    return own;
}

static void count_ops(inspector *x, const hn_graph *g)
{
    for (const hn_node *n = g->first; n; n = n->next) {
        size_t at = 0;
        while (at < x->nops && x->ops[at].op != n->op) at++;
        if (at == x->nops) x->ops[x->nops++].op = n->op;
        x->ops[at].count++;
        x->nodes++;
        for (size_t i = 0; i < n->nregions; i++) count_ops(x, n->regions[i]);
    }
}

static size_t region_params(inspector *x, const hn_graph *g)
{
    size_t own = 0;
    for (const hn_node *n = g->first; n; n = n->next) {
        own += count_params(x, n);
        for (size_t i = 0; i < n->nregions; i++) own += region_params(x, n->regions[i]);
    }
    return own;
}

static bool node_known(const hn_node *n)
{
    for (size_t i = 0; i < n->nin; i++)
        if (n->in[i] && !hn_type_known(&n->in[i]->type)) return false;
    for (size_t i = 0; i < n->nout; i++)
        if (n->out[i] && !hn_type_known(&n->out[i]->type)) return false;
    return true;
}

static void write_layers(inspector *x, const hn_graph *g)
{
    hn_cost all = {0};
    size_t unknown = 0;
    hn_rec *list = hn_rec_list(x->r, x->root, "layers");
    for (const hn_node *n = g->first; n; n = n->next) {
        char shape[160] = "";
        hn_cost cost = {0};
        size_t params = count_params(x, n);
        for (size_t i = 0; i < n->nregions; i++) params += region_params(x, n->regions[i]);
        if (hn_node_out(n, 0)) hn_type_describe(g, &n->out[0]->type, shape, sizeof shape);
        bool known = node_known(n);
        if (known)
            hn_op_cost(n, &cost);
        else
            unknown++;
        all.flops += cost.flops;
        all.macs += cost.macs;
        all.bytes += cost.bytes;
        hn_rec *l = hn_rec_map(x->r, list, NULL);
        hn_rec_str(x->r, l, "name", hn_node_label(n));
        hn_rec_strf(x->r, l, "op", "%s%s%s", n->op->domain, n->op->domain[0] ? "." : "", n->op->name);
        hn_rec_str(x->r, l, "shape", shape);
        hn_rec_int(x->r, l, "params", (int64_t)params);
        if (!known) continue;
        hn_rec_real(x->r, l, "macs", cost.macs);
        hn_rec_real(x->r, l, "flops", cost.flops);
        hn_rec_real(x->r, l, "bytes", cost.bytes);
    }
    hn_rec_int(x->r, x->root, "params", (int64_t)x->params);
    hn_rec_int(x->r, x->root, "params_bytes", (int64_t)x->params_bytes);
    hn_rec_real(x->r, x->root, "macs", all.macs);
    hn_rec_real(x->r, x->root, "flops", all.flops);
    hn_rec_real(x->r, x->root, "modelled_bytes", all.bytes);
    hn_rec_int(x->r, x->root, "layers_of_unknown_shape", (int64_t)unknown);
}

static int by_name(const tally *a, const tally *b)
{
    int d = strcmp(a->op->domain, b->op->domain);
    return d ? d : strcmp(a->op->name, b->op->name);
}

static void write_ops(inspector *x)
{
    for (size_t i = 1; i < x->nops; i++)
        for (size_t k = i; k > 0 && by_name(&x->ops[k], &x->ops[k - 1]) < 0; k--) {
            tally t = x->ops[k];
            x->ops[k] = x->ops[k - 1];
            x->ops[k - 1] = t;
        }
    hn_rec *list = hn_rec_list(x->r, x->root, "ops");
    for (size_t i = 0; i < x->nops; i++) {
        const hn_op *op = x->ops[i].op;
        hn_rec *m = hn_rec_map(x->r, list, NULL);
        hn_rec_strf(x->r, m, "op", "%s%s%s", op->domain, op->domain[0] ? "." : "", op->name);
        hn_rec_int(x->r, m, "count", (int64_t)x->ops[i].count);
        hn_rec_bool(x->r, m, "supported", true);
    }
}

static void write_port(inspector *x, hn_rec *list, const hn_graph *g, const char *name, const hn_type *type)
{
    char text[160];
    hn_rec *m = hn_rec_map(x->r, list, NULL);
    hn_type_describe(g, type, text, sizeof text);
    hn_rec_str(x->r, m, "name", name ? name : "");
    hn_rec_str(x->r, m, "type", text);
}

static void write_file(inspector *x, hn_model *m)
{
    hn_rec_str(x->r, x->root, "sha256", hn_model_sha256(m));
    hn_rec_strf(x->r, x->root, "producer", "%s%s%s", m->producer ? m->producer : "",
                m->producer_version && m->producer_version[0] ? " " : "",
                m->producer_version ? m->producer_version : "");
    hn_rec_int(x->r, x->root, "ir_version", m->ir_version);
    hn_rec *list = hn_rec_list(x->r, x->root, "opsets");
    for (size_t i = 0; i < m->nopsets; i++) {
        hn_rec *o = hn_rec_map(x->r, list, NULL);
        hn_rec_str(x->r, o, "domain", m->opsets[i].domain[0] ? m->opsets[i].domain : "ai.onnx");
        hn_rec_int(x->r, o, "version", m->opsets[i].version);
    }
    hn_rec *meta = hn_rec_list(x->r, x->root, "metadata");
    for (size_t i = 0; i < m->nmeta; i++) {
        hn_rec *o = hn_rec_map(x->r, meta, NULL);
        hn_rec_str(x->r, o, "key", m->meta[i].key);
        hn_rec_str(x->r, o, "value", m->meta[i].value);
    }
}

/* The source graph with the batch filled in; shapes that stay free stay free. */
static hn_graph *bound(inspector *x, const hn_session *s)
{
    hn_env *env = &x->e->env;
    hn_graph *g = hn_graph_clone(env, x->tmp, hn_session_graph(s));
    bool all = g != NULL;
    for (size_t i = 0; g && i < g->nin; i++) {
        hn_type t;
        const char *which;
        if (!hn_session_default_dims(s, i, x->o->batch > 0 ? x->o->batch : 1, &t, &which)) {
            all = false;
            continue;
        }
        if (t.rank < 0) continue; /* a list of tensors of any shape */
        if (hn_context(env, hn_graph_bind(g, i, t.rank, t.dims), "input \"%s\"", g->in[i]->name) != HN_OK) return NULL;
    }
    if (g && hn_graph_infer(g) != HN_OK) return NULL;
    hn_rec_bool(x->r, x->root, "inputs_known", all);
    return g;
}

static hn_status write_text(inspector *x, hn_session *s)
{
    hn_env *env = &x->e->env;
    const hn_graph *g = hn_session_graph(s);
    if (x->o->compiled) {
        const hn_tensor **in;
        size_t samples;
        hn_ready ready;
        HN_TRY(hn_api_job_inputs(x->e, x->tmp, s, NULL, 0, x->o->batch, &in, &samples));
        hn_type *types = hn_api_types_of(env, x->tmp, s, in);
        if (!types) return HN_NOMEM;
        HN_TRY(hn_session_ready(env, s, types, &ready));
        g = ready.compiled;
    }
    if (!g) return hn_fail(env, HN_INPUT, "a plan holds no graph to print; `hone explain` lists its steps");
    hn_buf text = {0};
    hn_status st = hn_graph_print(env, g, HN_TEXT_HASH, &text);
    if (st == HN_OK) hn_rec_str(x->r, x->root, "text", hn_buf_str(env, &text));
    if (st == HN_OK) st = hn_buf_status(&text);
    hn_buf_fini(env, &text);
    return st;
}

static void write_plan(inspector *x, const hn_plan *p)
{
    hn_cost all = {0};
    hn_rec *in = hn_rec_list(x->r, x->root, "inputs"), *out = hn_rec_list(x->r, x->root, "outputs");
    for (size_t i = 0; i < p->nin; i++) write_port(x, in, NULL, p->values[p->in[i]].name, &p->values[p->in[i]].type);
    for (size_t i = 0; i < p->nout; i++)
        write_port(x, out, NULL, p->values[p->out[i]].name, &p->values[p->out[i]].type);
    hn_rec *list = hn_rec_list(x->r, x->root, "layers");
    for (size_t i = 0; i < p->nsteps; i++) {
        const hn_step *s = &p->steps[i];
        hn_rec *l = hn_rec_map(x->r, list, NULL);
        hn_rec_str(x->r, l, "name", s->name);
        hn_rec_str(x->r, l, "op", s->op);
        hn_rec_str(x->r, l, "shape", s->shape);
        hn_rec_real(x->r, l, "macs", s->cost.macs);
        hn_rec_real(x->r, l, "flops", s->cost.flops);
        hn_rec_real(x->r, l, "bytes", s->cost.bytes);
        all.macs += s->cost.macs;
        all.flops += s->cost.flops;
        all.bytes += s->cost.bytes;
    }
    hn_rec_real(x->r, x->root, "macs", all.macs);
    hn_rec_real(x->r, x->root, "flops", all.flops);
    hn_rec_real(x->r, x->root, "modelled_bytes", all.bytes);
    hn_rec_int(x->r, x->root, "constants_bytes", (int64_t)p->constants_bytes);
    hn_rec_int(x->r, x->root, "arena_bytes", (int64_t)p->arena_bytes);
    hn_rec_str(x->r, x->root, "needs_isa", hn_isa_name(p->isa));
    hn_rec_str(x->r, x->root, "source_sha256", p->source_sha256 ? p->source_sha256 : "");
}

static hn_status inspect_plan(inspector *x, const char *path, hn_session *s)
{
    hn_env *env = &x->e->env;
    const hn_tensor **in;
    size_t samples;
    hn_ready ready;
    hn_rec_str(x->r, x->root, "format", "plan");
    hn_rec_int(x->r, x->root, "size_bytes", (int64_t)hn_api_file_bytes(path));
    HN_TRY(hn_api_job_inputs(x->e, x->tmp, s, NULL, 0, 0, &in, &samples));
    hn_type *types = hn_api_types_of(env, x->tmp, s, in);
    if (!types) return HN_NOMEM;
    HN_TRY(hn_session_ready(env, s, types, &ready));
    write_plan(x, ready.plan);
    return x->o->text ? write_text(x, s) : HN_OK;
}

static hn_status inspect(inspector *x, const char *path, hn_session *s)
{
    hn_env *env = &x->e->env;
    const hn_graph *source = hn_session_graph(s);
    hn_rec_str(x->r, x->root, "model", path);
    hn_rec_bool(x->r, x->root, "supported", true);
    if (!source) return inspect_plan(x, path, s);
    hn_rec_str(x->r, x->root, "format", "onnx");
    hn_rec_int(x->r, x->root, "size_bytes", (int64_t)hn_api_file_bytes(path));
    write_file(x, (hn_model *)(uintptr_t)hn_session_model(s)); /* the digest is kept in the model */
    hn_rec_int(x->r, x->root, "batch", x->o->batch > 0 ? x->o->batch : 1);
    hn_graph *g = bound(x, s);
    if (!g) return env->error.status;
    hn_rec *in = hn_rec_list(x->r, x->root, "inputs"), *out = hn_rec_list(x->r, x->root, "outputs");
    for (size_t i = 0; i < source->nin; i++) write_port(x, in, source, source->in[i]->name, &source->in[i]->type);
    for (size_t i = 0; i < source->nout; i++) write_port(x, out, source, source->out[i]->name, &source->out[i]->type);
    x->ops = hn_arena_array(env, x->tmp, hn_ops.count + 1, sizeof *x->ops);
    if (!x->ops) return HN_NOMEM;
    count_ops(x, g);
    hn_rec_int(x->r, x->root, "nodes", (int64_t)x->nodes);
    write_ops(x);
    write_layers(x, g);
    hn_rec_int(x->r, x->root, "size_fp16_bytes", (int64_t)(hn_api_file_bytes(path) - 2 * x->f32_elems));
    return x->o->text ? write_text(x, s) : HN_OK;
}

/* With --ops a model that cannot be read because of its operators is an answer, not a failure. */
static hn_status unsupported(inspector *x, const char *path)
{
    char text[1024];
    hn_error_format(&x->e->env.error, text, sizeof text);
    hn_error_clear(&x->e->env);
    hn_rec_str(x->r, x->root, "model", path);
    hn_rec_bool(x->r, x->root, "supported", false);
    hn_rec_str(x->r, x->root, "unsupported", text);
    hn_rec_int(x->r, x->root, "size_bytes", (int64_t)hn_api_file_bytes(path));
    return HN_OK;
}

hone_status hone_inspect(hone_env *e, const char *model, const hone_inspect_options *options, hone_record **out)
{
    static const hone_inspect_options defaults;
    hone_record *rec;
    hn_recs r;
    hn_arena tmp = {0};
    hn_session *s = NULL;
    inspector x = {.e = e, .o = options ? options : &defaults, .tmp = &tmp, .r = &r};
    hn_status st = hn_api_record_new(e, "inspect", &rec, &r);
    if (st == HN_OK) x.root = rec->root;
    if (st == HN_OK) {
        st = hn_session_open(&e->env, model, NULL, &s);
        if (st == HN_UNSUPPORTED && x.o->ops)
            st = unsupported(&x, model);
        else if (st == HN_OK)
            st = inspect(&x, model, s);
    }
    hn_session_close(&e->env, s);
    hn_arena_fini(&e->env, &tmp);
    return hn_api_finish(e, st, rec, out);
}
