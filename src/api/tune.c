/* tune: times what can do each node of a model, keeps the outcome in the environment's file of choices, and shows what
 * that makes of the whole model. */
#include "optimize/tune.h"
#include "api/api.h"
#include "base/io.h"
#include "optimize/measure.h"
#include "optimize/stats.h"

enum { ROUNDS = 21, SLICE_MS = 20 };

typedef struct tuner {
    hone_env *e;
    const hone_tune_options *o;
    hn_arena arena;
    hn_session *before, *after;
    const hn_tensor **in;
    hn_ready ready; /* of `before` */
    hn_type *types;
    hn_tune_result result;
} tuner;

static void on_progress(void *self, size_t done, size_t total)
{
    hn_api_progress(self, "timing nodes", (double)done, (double)total);
}

static void write_nodes(const tuner *x, hn_recs *r, hn_rec *root)
{
    hn_rec *nodes = hn_rec_list(r, root, "nodes");
    size_t changed = 0;
    for (size_t i = 0; i < x->result.count; i++) {
        const hn_tuned *t = &x->result.nodes[i];
        char shape[160] = "";
        if (t->count == 0) continue;
        hn_rec *m = hn_rec_map(r, nodes, NULL);
        hn_type_describe(x->ready.compiled, &t->node->out[0]->type, shape, sizeof shape);
        hn_rec_str(r, m, "name", hn_node_label(t->node));
        hn_rec_strf(r, m, "op", "%s%s%s", t->node->op->domain, t->node->op->domain[0] ? "." : "", t->node->op->name);
        hn_rec_str(r, m, "shape", shape);
        hn_rec_int(r, m, "uses", (int64_t)t->uses);
        hn_rec_real(r, m, "gain", t->rows[t->taken].us > 0 ? t->rows[0].us / t->rows[t->taken].us : 1);
        hn_rec *list = hn_rec_list(r, m, "candidates");
        for (size_t k = 0; k < t->count; k++) {
            hn_rec *c = hn_rec_map(r, list, NULL);
            hn_rec_str(r, c, "driver", t->rows[k].driver->name);
            hn_rec_str(r, c, "kernel", t->rows[k].kernel ? t->rows[k].kernel->name : "by rule");
            hn_rec_real(r, c, "us", t->rows[k].us);
            hn_rec_real(r, c, "spread", t->rows[k].spread);
            hn_rec_bool(r, c, "taken", k == t->taken);
        }
        changed += t->taken > 0;
    }
    hn_rec_int(r, root, "timed", (int64_t)(x->result.count - x->result.left));
    hn_rec_int(r, root, "changed", (int64_t)changed);
    hn_rec_int(r, root, "left", (int64_t)x->result.left);
}

/* The whole model by the rules alone and with the choices, in turn. */
static hn_status compare(tuner *x, hn_recs *r, hn_rec *root)
{
    hn_env *env = &x->e->env;
    hn_session *s[2] = {x->before, x->after};
    hn_feed feed = {.in = x->in, .n = 1};
    hn_ready ready;
    hn_timing t[2];
    HN_TRY(hn_session_ready(env, x->after, x->types, &ready));
    HN_TRY(hn_time_sessions(env, &x->arena, s, 2, &feed, ROUNDS, SLICE_MS, t));
    hn_rec_real(r, root, "before_ms", t[0].latency.p50_ms);
    hn_rec_real(r, root, "after_ms", t[1].latency.p50_ms);
    hn_rec_real(r, root, "ratio", t[0].latency.p50_ms / t[1].latency.p50_ms);
    return HN_OK;
}

static hn_status tune(tuner *x, const char *path, hn_recs *r, hn_rec *root)
{
    hone_env *e = x->e;
    hn_env *env = &e->env;
    size_t samples;
    if (!e->choices_path) {
        hn_fail(env, HN_INPUT, "there is no file to keep measured choices in");
        hn_hint(env, "name one with --choices FILE");
        return HN_INPUT;
    }
    env->choices = NULL;
    HN_TRY(hn_session_open(env, path, NULL, &x->before));
    if (!hn_session_model(x->before)) {
        hn_fail(env, HN_INPUT, "%s is a plan: its kernels are chosen already", path);
        hn_hint(env, "tune the model, then make the plan with `hone export --to plan`");
        return HN_INPUT;
    }
    HN_TRY(hn_session_open(env, path, NULL, &x->after));
    HN_TRY(hn_api_job_inputs(e, &x->arena, x->before, NULL, 0, x->o->batch, &x->in, &samples));
    x->types = hn_api_types_of(env, &x->arena, x->before, x->in);
    if (!x->types) return HN_NOMEM;
    HN_TRY(hn_session_ready(env, x->before, x->types, &x->ready));
    hn_tune_options o = {
        .budget_s = x->o->time_budget_s > 0 ? x->o->time_budget_s : 60, .progress = on_progress, .self = e};
    HN_TRY(hn_tune_graph(env, &x->arena, hn_api_machine(e), x->ready.compiled, &o, &e->choices, &x->result));
    env->choices = &e->choices;
    hn_rec_str(r, root, "model", path);
    hn_rec_int(r, root, "batch", (int64_t)samples);
    hn_rec_str(r, root, "file", e->choices_path);
    write_nodes(x, r, root);
    HN_TRY(compare(x, r, root));
    char *dir = hn_path_dir(env, &x->arena, e->choices_path);
    if (!dir) return HN_NOMEM;
    HN_TRY(hn_dir_make(env, dir));
    return hn_choices_save(env, e->choices_path, hn_api_machine(e), &e->choices);
}

hone_status hone_tune(hone_env *e, const char *model, const hone_tune_options *options, hone_record **out)
{
    static const hone_tune_options defaults;
    hone_record *rec;
    hn_recs r;
    tuner x = {.e = e, .o = options ? options : &defaults};
    hn_status st = hn_api_record_new(e, "tune", &rec, &r);
    if (st == HN_OK) st = tune(&x, model, &r, rec->root);
    e->env.choices = &e->choices;
    hn_session_close(&e->env, x.before);
    hn_session_close(&e->env, x.after);
    hn_arena_fini(&e->env, &x.arena);
    return hn_api_finish(e, st, rec, out);
}
