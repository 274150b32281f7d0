/* explain: for every node that is run, which driver and kernels took it and why the other candidates did not. The nodes
 * of the compiled graph are lowered once more, which is what planning did: "can do" and "do" are one function. */
#include "api/api.h"

#include <stdio.h>
#include <string.h>

typedef struct explainer {
    hone_env *e;
    const hone_explain_options *o;
    hn_arena scratch; /* of one lowering */
    hn_recs *r;
    hn_rec *nodes, *candidates;
    const hn_plan *plan;
    size_t shown;
} explainer;

static void on_candidate(void *self, const hn_driver *driver, const char *reason)
{
    explainer *x = self;
    hn_rec *m = hn_rec_map(x->r, x->candidates, NULL);
    hn_rec_str(x->r, m, "driver", driver->name);
    hn_rec_bool(x->r, m, "taken", !reason[0]);
    hn_rec_str(x->r, m, "reason", reason);
}

static bool wanted(const explainer *x, const hn_node *n)
{
    if (!x->o->node || strcmp(hn_node_label(n), x->o->node) == 0) return true;
    for (size_t i = 0; i < n->nout; i++)
        if (n->out[i] && n->out[i]->name && strcmp(n->out[i]->name, x->o->node) == 0) return true;
    return false;
}

static bool known(const hn_node *n)
{
    for (size_t i = 0; i < n->nin; i++)
        if (n->in[i] && !hn_type_known(&n->in[i]->type)) return false;
    for (size_t i = 0; i < n->nout; i++)
        if (n->out[i] && !hn_type_known(&n->out[i]->type)) return false;
    return true;
}

static bool has_step(const explainer *x, const hn_node *n)
{
    for (size_t i = 0; i < x->plan->nsteps; i++)
        if (strcmp(x->plan->steps[i].name, hn_node_label(n)) == 0) return true;
    return false;
}

static void write_kernels(explainer *x, hn_rec *m, const hn_kernel *const *kernels)
{
    hn_rec *list = hn_rec_list(x->r, m, "kernels");
    for (size_t k = 0; k < HN_STEP_KERNELS && kernels[k]; k++) hn_rec_str(x->r, list, NULL, kernels[k]->name);
}

static hn_status lower(explainer *x, const hn_node *n, hn_rec *m)
{
    hn_env *env = &x->e->env;
    hn_lower c = {
        .env = env, .arena = &x->scratch, .node = n, .machine = hn_api_machine(x->e), .isa = env->isa, .inplace = -1};
    const hn_driver *driver = NULL;
    x->candidates = hn_rec_list(x->r, m, "candidates");
    HN_TRY(hn_context(env, hn_device_lower(&c, &driver, on_candidate, x), "node \"%s\" (%s)", hn_node_label(n),
                      n->op->name));
    hn_rec_str(x->r, m, "driver", driver ? driver->name : "reference");
    hn_rec_str(x->r, m, "doc", driver && driver->doc ? driver->doc : "");
    hn_rec_str(x->r, m, "reason", driver ? "" : c.reason);
    if (driver) {
        write_kernels(x, m, c.kernels);
        hn_rec_str(x->r, m, "numerics", c.error > 0 ? "fast" : "strict");
        hn_rec_real(x->r, m, "error_bound", c.error);
    }
    hn_arena_reset(env, &x->scratch);
    return HN_OK;
}

static bool has_lists(const hn_node *n)
{
    bool any = false;
    for (size_t i = 0; i < n->nin; i++) any = any || (n->in[i] && n->in[i]->type.kind != HN_KIND_TENSOR);
    for (size_t i = 0; i < n->nout; i++) any = any || (n->out[i] && n->out[i]->type.kind != HN_KIND_TENSOR);
    return any;
}

static hn_status explain_graph(explainer *x, const hn_graph *g, const char *region)
{
    for (const hn_node *n = g->first; n; n = n->next) {
        char inner[256];
        for (size_t i = 0; i < n->nregions; i++) {
            snprintf(inner, sizeof inner, "%s%s%.120s region %zu", region, region[0] ? ", " : "", hn_node_label(n), i);
            HN_TRY(explain_graph(x, n->regions[i], inner));
        }
        if (!wanted(x, n)) continue;
        char shape[160] = "";
        hn_rec *m = hn_rec_map(x->r, x->nodes, NULL);
        x->shown++;
        if (hn_node_out(n, 0)) hn_type_describe(g, &n->out[0]->type, shape, sizeof shape);
        hn_rec_str(x->r, m, "name", hn_node_label(n));
        hn_rec_strf(x->r, m, "op", "%s%s%s", n->op->domain, n->op->domain[0] ? "." : "", n->op->name);
        hn_rec_str(x->r, m, "shape", shape);
        hn_rec_str(x->r, m, "region", region);
        const char *driver = n->op->flags & HN_OP_CONTROL ? "control" : !known(n) ? "reference" : NULL;
        if (!driver && !region[0] && (n->op->flags & (HN_OP_VIEW | HN_OP_CUTS)) && !has_step(x, n)) driver = "view";
        if (!driver) {
            HN_TRY(lower(x, n, m));
            continue;
        }
        hn_rec_str(x->r, m, "driver", driver);
        hn_rec_str(x->r, m, "reason",
                   driver[0] == 'v'   ? "shares the bytes of its input: no step"
                   : driver[0] == 'c' ? "runs its regions"
                   : has_lists(n)     ? "it has a sequence, an optional or a map"
                                      : "a shape is known only at run time");
    }
    return HN_OK;
}

/* A plan file holds what was chosen, not what was refused. */
static void explain_plan(explainer *x)
{
    for (size_t i = 0; i < x->plan->nsteps; i++) {
        const hn_step *s = &x->plan->steps[i];
        if (x->o->node && strcmp(x->o->node, s->name) != 0) continue;
        hn_rec *m = hn_rec_map(x->r, x->nodes, NULL);
        x->shown++;
        hn_rec_str(x->r, m, "name", s->name);
        hn_rec_str(x->r, m, "op", s->op);
        hn_rec_str(x->r, m, "shape", s->shape);
        hn_rec_str(x->r, m, "region", "");
        hn_rec_str(x->r, m, "driver",
                   s->kind == HN_STEP_DRIVER ? s->driver->name
                   : s->kind == HN_STEP_REF  ? "reference"
                                             : "control");
        hn_rec_str(x->r, m, "reason", s->reason ? s->reason : "");
        write_kernels(x, m, s->kernels);
    }
}

static hn_status nothing_shown(explainer *x, const hn_session *s)
{
    hn_env *env = &x->e->env;
    const hn_graph *g = hn_session_graph(s);
    const char *name = x->o->node;
    for (const hn_node *n = g ? g->first : NULL; n; n = n->next)
        if (wanted(x, n)) {
            hn_fail(env, HN_INPUT, "node \"%s\" is no step of its own: passes folded it or merged it into another node",
                    name);
            hn_hint(env, "`hone inspect --text --compiled` shows what is run");
            return HN_INPUT;
        }
    hn_fail(env, HN_INPUT, "the model has no node \"%s\"", name);
    hn_hint(env, "`hone explain` without --node lists them");
    return HN_INPUT;
}

static hn_status explain(explainer *x, const char *path, hn_session *s, hn_rec *root)
{
    hn_env *env = &x->e->env;
    hn_arena tmp = {0};
    const hn_tensor **in;
    hn_type *types = NULL;
    size_t samples;
    hn_ready ready;
    hn_status st = hn_api_job_inputs(x->e, &tmp, s, NULL, 0, x->o->batch, &in, &samples);
    if (st == HN_OK) types = hn_api_types_of(env, &tmp, s, in);
    if (st == HN_OK) st = types ? hn_session_ready(env, s, types, &ready) : HN_NOMEM;
    if (st == HN_OK) {
        hn_rec_str(x->r, root, "model", path);
        hn_rec_int(x->r, root, "batch", (int64_t)samples);
        hn_rec_int(x->r, root, "slice", (int64_t)(samples / ready.plan->slices));
        hn_rec_str(x->r, root, "unsliced", ready.unsliced);
        x->nodes = hn_rec_list(x->r, root, "nodes");
        x->plan = ready.plan;
        if (ready.compiled)
            st = explain_graph(x, ready.compiled, "");
        else
            explain_plan(x);
    }
    if (st == HN_OK && !x->shown && x->o->node) st = nothing_shown(x, s);
    hn_arena_fini(env, &tmp);
    return st;
}

hone_status hone_explain(hone_env *e, const char *model, const hone_explain_options *options, hone_record **out)
{
    static const hone_explain_options defaults;
    hone_record *rec;
    hn_recs r;
    hn_session *s = NULL;
    explainer x = {.e = e, .o = options ? options : &defaults, .r = &r};
    hn_status st = hn_api_record_new(e, "explain", &rec, &r);
    if (st == HN_OK) st = hn_session_open(&e->env, model, NULL, &s);
    if (st == HN_OK) st = explain(&x, model, s, rec->root);
    hn_arena_fini(&e->env, &x.scratch);
    hn_session_close(&e->env, s);
    return hn_api_finish(e, st, rec, out);
}
