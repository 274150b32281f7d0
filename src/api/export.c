/* export: a model as a file for others (ONNX) or for hone itself (a plan), read back and compared when asked to. */
#include "api/api.h"

#include "formats/onnx_write.h"
#include "optimize/compare.h"

#include <math.h>
#include <string.h>

enum { CHECKS = 4 };

typedef struct exporter {
    hone_env *e;
    const hone_export_options *o;
    hn_arena tmp;
    hn_session *source;
    hn_recs *r;
    hn_rec *root;
    bool plan;
} exporter;

static bool holds_quantize(const hn_graph *g)
{
    for (const hn_node *n = g->first; n; n = n->next)
        if (hn_node_is(n, "QuantizeLinear") || hn_node_is(n, "DequantizeLinear")) return true;
    return false;
}

static hn_status write_onnx(exporter *x, const char *path)
{
    hn_env *env = &x->e->env;
    const hn_model *m = hn_session_model(x->source);
    hn_onnx_write_options w = {.opset = x->o->opset,
                               .meta = m->meta,
                               .nmeta = m->nmeta,
                               .annotations = m->annotations,
                               .nannotations = m->nannotations,
                               .producer_version = HONE_VERSION};
    if (!w.opset) {
        int64_t needed, source = hn_model_opset(m, "");
        HN_TRY(hn_onnx_opset_needed(env, m->graph, &needed));
        w.opset = source > needed ? source : needed;
        if (w.opset < HN_ONNX_OLDEST_WRITTEN) w.opset = HN_ONNX_OLDEST_WRITTEN;
    }
    hn_rec_int(x->r, x->root, "opset", w.opset);
    return hn_onnx_write(env, m->graph, &w, path);
}

static hn_status write_plan(exporter *x, const char *path)
{
    hn_env *env = &x->e->env;
    const hn_tensor **in;
    size_t samples;
    hn_ready ready;
    HN_TRY(hn_api_job_inputs(x->e, &x->tmp, x->source, x->o->input, x->o->inputs, x->o->batch, &in, &samples));
    hn_type *types = hn_api_types_of(env, &x->tmp, x->source, in);
    if (!types) return HN_NOMEM;
    HN_TRY(hn_session_ready(env, x->source, types, &ready));
    hn_rec_int(x->r, x->root, "batch", (int64_t)samples);
    hn_rec_str(x->r, x->root, "needs_isa", hn_isa_name(ready.plan->isa));
    return hn_plan_save(env, ready.plan, path);
}

static hn_status compare_one(exporter *x, hn_session *got, uint64_t seed, double *max_abs, size_t *wrong, size_t *rows,
                             size_t *same)
{
    hn_env *env = &x->e->env;
    size_t nin = hn_session_inputs(x->source), nout = hn_session_outputs(x->source), samples;
    const hn_tensor **in;
    hn_tensor *a = hn_arena_array(env, &x->tmp, nout + 1, sizeof *a),
              *b = hn_arena_array(env, &x->tmp, nout + 1, sizeof *b);
    if (!a || !b) return HN_NOMEM;
    if (hn_session_inputs(got) != nin || hn_session_outputs(got) != nout)
        return hn_fail(env, HN_BUG, "the exported file has another number of inputs or outputs");
    uint64_t kept = env->seed;
    env->seed = seed;
    hn_status st = hn_api_job_inputs(x->e, &x->tmp, x->source, x->o->input, x->o->inputs, x->o->batch, &in, &samples);
    env->seed = kept;
    HN_TRY(st);
    HN_TRY(hn_session_run(env, x->source, in, a));
    HN_TRY(hn_session_run(env, got, in, b));
    for (size_t k = 0; k < nout; k++) {
        /* The same graph through the same kernels: a plan gives equal bytes; a file in another opset may round once
         * more. */
        hn_compare c = hn_compare_tensors(&b[k], &a[k], x->plan ? 0 : 1e-4, x->plan ? 0 : 1e-5);
        *max_abs = fmax(*max_abs, c.max_abs);
        *wrong += c.same_type ? c.wrong : 1;
        if (k) continue;
        *rows += c.rows;
        *same += c.rows_same_top;
    }
    return HN_OK;
}

static hn_status check(exporter *x, const char *path)
{
    hn_env *env = &x->e->env;
    hn_session *s = NULL;
    double max_abs = 0;
    size_t wrong = 0, rows = 0, same = 0;
    hn_status st = hn_session_open(env, path, NULL, &s);
    size_t checks = x->o->inputs > 0 ? 1 : CHECKS;
    for (size_t i = 0; i < checks && st == HN_OK; i++) {
        hn_api_progress(x->e, "checking", (double)i, (double)checks);
        st = compare_one(x, s, env->seed + i, &max_abs, &wrong, &rows, &same);
    }
    hn_session_close(env, s);
    HN_TRY(hn_context(env, st, "checking %s", path));
    hn_rec *m = hn_rec_map(x->r, x->root, "export_check");
    hn_rec_str(x->r, m, "file", path);
    hn_rec_str(x->r, m, "inputs", x->o->inputs > 0 ? "given" : "random");
    hn_rec_int(x->r, m, "n", (int64_t)checks);
    hn_rec_int(x->r, m, "rows", (int64_t)rows);
    hn_rec_int(x->r, m, "same_top1", (int64_t)same);
    hn_rec_real(x->r, m, "max_abs", max_abs);
    hn_rec_int(x->r, m, "wrong", (int64_t)wrong);
    hn_rec_bool(x->r, m, "passed", wrong == 0);
    return HN_OK;
}

static hn_status export_model(exporter *x, const char *model)
{
    hn_env *env = &x->e->env;
    const char *to = x->o->to ? x->o->to : "onnx";
    bool onnx = strcmp(to, "onnx") == 0, qdq = strcmp(to, "onnx-qdq") == 0;
    x->plan = strcmp(to, "plan") == 0;
    if (!onnx && !qdq && !x->plan) {
        hn_fail(env, HN_INPUT, "cannot export to \"%s\"", to);
        hn_hint(env, "known formats: onnx, onnx-qdq, plan");
        return HN_INPUT;
    }
    if (!x->o->out) {
        hn_fail(env, HN_INPUT, "no folder to write to");
        hn_hint(env, "name one with --out");
        return HN_INPUT;
    }
    HN_TRY(hn_session_open(env, model, NULL, &x->source));
    const hn_graph *g = hn_session_graph(x->source);
    if (!g)
        return hn_fail(env, HN_INPUT, "%s is a plan: it holds packed weights and no graph; export from the ONNX file",
                       model);
    if (qdq && !holds_quantize(g)) {
        hn_fail(env, HN_INPUT, "%s is not quantised, so there is no QDQ form of it", model);
        hn_hint(env, "`hone quantize %s --data D` makes one", hn_path_base(model));
        return HN_INPUT;
    }
    HN_TRY(hn_dir_make(env, x->o->out));
    char *path = hn_path_join(env, &x->tmp, x->o->out, x->plan ? "model.hone" : "model.onnx");
    if (!path) return HN_NOMEM;
    hn_rec_str(x->r, x->root, "model", model);
    hn_rec_str(x->r, x->root, "to", to);
    hn_rec_str(x->r, x->root, "file", path);
    HN_TRY(hn_context(env, x->plan ? write_plan(x, path) : write_onnx(x, path), "exporting to %s", path));
    hn_rec_int(x->r, x->root, "source_bytes", (int64_t)hn_api_file_bytes(model));
    hn_rec_int(x->r, x->root, "size_bytes", (int64_t)hn_api_file_bytes(path));
    return x->o->check ? check(x, path) : HN_OK;
}

hone_status hone_export(hone_env *e, const char *model, const hone_export_options *options, hone_record **out)
{
    static const hone_export_options defaults;
    hone_record *rec;
    hn_recs r;
    exporter x = {.e = e, .o = options ? options : &defaults, .r = &r};
    hn_status st = hn_api_record_new(e, "export", &rec, &r);
    if (st == HN_OK) x.root = rec->root;
    if (st == HN_OK) st = export_model(&x, model);
    hn_session_close(&e->env, x.source);
    hn_arena_fini(&e->env, &x.tmp);
    return hn_api_finish(e, st, rec, out);
}
