/* graphdiff: see the header. */
#include "support/graphdiff.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/rng.h"
#include "exec/exec.h"
#include "ops/ops.h"
#include "passes/pass.h"
#include "support/refrun.h"

enum { CANCELS = 1000, PORTS = 256, TRIALS = 32, FLUSHES = 8 };

static double epsilon(hn_dtype t)
{
    switch (t) {
    case HN_F16: return 0x1p-10;
    case HN_BF16: return 0x1p-7;
    case HN_F32: return 4e-6;
    case HN_F64: return 1e-12;
    default: return 0;
    }
}

typedef struct unrest {
    hn_rng rng;
    int flush; /* what is smaller than the noise becomes zero, 1: all of it, 2: each or not, and nothing else changes:
                * sums that cancel */
} unrest;

/* Noise relative to each element and to a part of the largest, which is taken to be at least `least`. */
static void shake(hn_tensor *t, unrest *u, double part, double least)
{
    double eps = epsilon(t->dtype), most = least;
    size_t n = eps > 0 ? hn_tensor_elems(t) : 0;
    for (size_t i = 0; i < n; i++)
        if (fabs(hn_get_f64(t, i)) > most) most = fabs(hn_get_f64(t, i));
    for (size_t i = 0; i < n; i++) {
        double v = hn_get_f64(t, i), noise = eps * (fabs(v) + part * most);
        if (!u->flush)
            hn_set_f64(t, i, v + noise * (2 * hn_rng_unit(&u->rng) - 1));
        else if (fabs(v) <= noise && (u->flush == 1 || hn_rng_unit(&u->rng) < 0.5))
            hn_set_f64(t, i, 0);
    }
}

/* The most that a row's largest element is of how far its elements are from their mean, up to CANCELS. */
static double cancels(const hn_tensor *x)
{
    size_t n = hn_tensor_elems(x), row = x->rank > 0 ? (size_t)x->dims[x->rank - 1] : 1;
    double most = 1;
    for (size_t at = 0; at < n; at += row) {
        double mean = 0, far = 0, large = 0;
        for (size_t i = 0; i < row; i++) mean += hn_get_f64(x, at + i) / (double)row;
        for (size_t i = 0; i < row; i++) {
            far = fmax(far, fabs(hn_get_f64(x, at + i) - mean));
            large = fmax(large, fabs(hn_get_f64(x, at + i)));
        }
        if (far > 0) most = fmax(most, large / far);
    }
    return fmin(most, CANCELS);
}

/* How float kernels round the results of a node: Winograd's transforms at the size of the largest, a gated state and
 * Gelu at the size of their gates, 1, a normalisation by as much more as its mean is larger than what is left. */
typedef struct grain {
    double part, least;
} grain;

static grain grain_of(const hn_node *n, const hn_tensor *const *args)
{
    if (hn_node_is(n, "Conv")) return (grain){1, 0};
    if (hn_node_is(n, "GRU") || hn_node_is(n, "LSTM") || hn_node_is(n, "Gelu")) return (grain){0.1, 1};
    if (hn_node_is(n, "LayerNormalization") && args[0]) return (grain){0.1 * cancels(args[0]), 0.1};
    return (grain){0.1, 0};
}

/* Every value of the graph by value id; noise may be NULL. */
static hn_status evaluate(hn_env *env, hn_arena *arena, const hn_graph *g, const hn_tensor *const *in, unrest *noise,
                          const hn_tensor ***values)
{
    const hn_tensor **at = hn_arena_array(env, arena, (size_t)*g->next_id + 1, sizeof *at);
    const hn_tensor *args[PORTS];
    hn_tensor *out[PORTS];
    if (!at) return HN_NOMEM;
    for (size_t i = 0; i < g->nin; i++) {
        hn_tensor *t = NULL;
        at[g->in[i]->id] = in[i];
        if (!noise) continue;
        HN_TRY(hn_tensor_copy(env, arena, in[i], &t));
        shake(t, noise, 0, 0);
        at[g->in[i]->id] = t;
    }
    for (const hn_node *n = g->first; n; n = n->next) {
        if (n->nin > PORTS || n->nout > PORTS) return hn_fail(env, HN_LIMIT, "too many ports");
        for (size_t i = 0; i < n->nin; i++)
            args[i] = !n->in[i] ? NULL : n->in[i]->data ? n->in[i]->data : at[n->in[i]->id];
        HN_TRY(hn_refrun_node(env, arena, n, args, out));
        const grain inner = grain_of(n, args);
        for (size_t i = 0; i < n->nout; i++) {
            if (!n->out[i] || !out[i]) continue;
            if (noise) shake(out[i], noise, inner.part, inner.least);
            at[n->out[i]->id] = out[i];
        }
    }
    *values = at;
    return HN_OK;
}

static const hn_tensor *value_at(const hn_tensor *const *at, const hn_value *v)
{
    return v->data ? v->data : at[v->id];
}

/* How far noise moves each element of an output, the most of all trials; NAN where it makes a shape differ. */
static double spread(hn_env *env, const hn_graph *g, const hn_tensor *const *in, size_t output, const hn_tensor *want,
                     double *far)
{
    size_t n = hn_tensor_elems(want);
    memset(far, 0, n * sizeof *far);
    for (uint64_t k = 0; k < TRIALS; k++) {
        hn_arena arena = {0};
        const hn_tensor **at;
        unrest u = {.flush = k == 0 ? 1 : k <= FLUSHES ? 2 : 0};
        hn_rng_init(&u.rng, k, 5);
        hn_status st = evaluate(env, &arena, g, in, &u, &at);
        const hn_tensor *t = st == HN_OK ? value_at(at, g->out[output]) : NULL;
        bool other = !t || !hn_tensor_same_shape(t, want);
        for (size_t i = 0; !other && i < n; i++) {
            double d = fabs(hn_get_f64(t, i) - hn_get_f64(want, i));
            if (!(d <= far[i])) far[i] = isnan(d) ? HUGE_VAL : d;
        }
        hn_error_clear(env);
        hn_arena_fini(env, &arena);
        if (other) return NAN;
    }
    return 0;
}

static double base_tolerance(const hn_tensor *want, double most, double v)
{
    double eps = epsilon(want->dtype);
    if (want->dtype == HN_F32) return 2e-4 * fabs(v) + 3e-5 * (0.1 + most);
    return 4 * eps * (fabs(v) + most);
}

/* The element that differs most from want beyond what is allowed; far may be NULL. */
static bool worst(const hn_tensor *got, const hn_tensor *want, const double *far, hn_diff *d)
{
    size_t n = hn_tensor_elems(want);
    double most = 0, over = 0;
    for (size_t i = 0; i < n; i++)
        if (fabs(hn_get_f64(want, i)) > most) most = fabs(hn_get_f64(want, i));
    for (size_t i = 0; i < n; i++) {
        double a = hn_get_f64(got, i), b = hn_get_f64(want, i), allowed = base_tolerance(want, most, b);
        if (far) allowed += 4 * far[i];
        if (a == b || (isnan(a) && isnan(b)) || fabs(a - b) <= allowed || allowed == HUGE_VAL) continue;
        double excess = isnan(a - b) ? HUGE_VAL : fabs(a - b) - allowed;
        if (excess < over) continue;
        over = excess;
        d->element = i;
        d->got = a;
        d->want = b;
        d->allowed = allowed;
    }
    return over > 0;
}

static void judge(hn_env *env, const hn_graph *g, const hn_tensor *const *in, size_t output, const hn_tensor *got,
                  const hn_tensor *want, hn_diff *d)
{
    char a[96], b[96];
    d->output = output;
    if (got->dtype != want->dtype || !hn_tensor_same_shape(got, want)) {
        hn_tensor_describe(got, a, sizeof a);
        hn_tensor_describe(want, b, sizeof b);
        d->kind = got->dtype == want->dtype ? HN_DIFF_NOISE : HN_DIFF_WRONG; /* noise may change what is counted */
        double *none = hn_zalloc(env, (hn_tensor_elems(want) + 1) * sizeof *none);
        if (none && !isnan(spread(env, g, in, output, want, none))) d->kind = HN_DIFF_WRONG;
        hn_free(env, none);
        snprintf(d->text, sizeof d->text, "output %zu is %s, reference %s", output, a, b);
        return;
    }
    if (!worst(got, want, NULL, d)) return;
    double *far = hn_zalloc(env, (hn_tensor_elems(want) + 1) * sizeof *far);
    bool unstable = !far || isnan(spread(env, g, in, output, want, far));
    d->kind = unstable || !worst(got, want, far, d) ? HN_DIFF_NOISE : HN_DIFF_WRONG;
    hn_free(env, far);
    snprintf(d->text, sizeof d->text, "output %zu, element %zu: %.9g, reference %.9g, allowed %.3g", output, d->element,
             d->got, d->want, d->allowed);
}

typedef struct runner {
    hn_arena arena;
    hn_plan *plan;
    hn_instance *inst;
} runner;

/* Input dims become symbols of their own; all other types are inferred anew. */
static hn_status forget(hn_graph *g)
{
    char name[48];
    for (size_t i = 0; i < g->nin; i++) {
        hn_type *t = &g->in[i]->type;
        for (int d = 0; d < t->rank; d++) {
            snprintf(name, sizeof name, "s%zu_%d", i, d);
            t->dims[d] = hn_graph_symbol(g, name);
            if (t->dims[d] > -2) return g->env->error.status;
        }
    }
    for (hn_node *n = g->first; n; n = n->next)
        for (size_t i = 0; i < n->nout; i++)
            if (n->out[i]) n->out[i]->type = hn_type_tensor(HN_NONE, -1, NULL);
    return hn_graph_infer(g);
}

static hn_status run(hn_env *env, const hn_graph *g, const hn_tensor *const *in, hn_diff_how how, runner *r,
                     hn_tensor *out)
{
    hn_graph *c = hn_graph_clone(env, &r->arena, g);
    if (!c) return env->error.status;
    if (how.symbols) HN_TRY(hn_context(env, forget(c), "with symbols"));
    HN_TRY(hn_pipeline_run(env, c, hn_pipeline_clean));
    for (size_t i = 0; how.symbols && i < c->nin; i++) HN_TRY(hn_graph_bind(c, i, in[i]->rank, in[i]->dims));
    if (how.symbols) {
        HN_TRY(hn_graph_infer(c));
        HN_TRY(hn_pipeline_run(env, c, hn_pipeline_clean));
    }
    HN_TRY(hn_pipeline_run(env, c, hn_pipeline_compile));
    HN_TRY(hn_pipeline_run(env, c, hn_pipeline_join));
    hn_plan_options o = {.isa = how.isa};
    HN_TRY(hn_plan_build(env, c, &o, &r->plan));
    HN_TRY(hn_plan_check(env, r->plan));
    HN_TRY(hn_instance_new(env, r->plan, &r->inst));
    HN_TRY(hn_instance_run(env, r->inst, in, out));
    return hn_instance_run(env, r->inst, in, out); /* twice: state left behind would show */
}

hn_diff hn_diff_graph(hn_env *env, const hn_graph *g, const hn_tensor *const *in, hn_diff_how how)
{
    hn_diff d = {0};
    hn_arena arena = {0};
    runner r = {0};
    const hn_tensor **at;
    hn_tensor *out = hn_arena_array(env, &arena, g->nout + 1, sizeof *out);
    hn_status st = out ? evaluate(env, &arena, g, in, NULL, &at) : HN_NOMEM;
    if (st == HN_OK) st = run(env, g, in, how, &r, out);
    if (st != HN_OK) {
        d.kind = HN_DIFF_REFUSED;
        hn_error_format(&env->error, d.text, sizeof d.text);
        hn_error_clear(env);
    }
    for (size_t k = 0; st == HN_OK && k < g->nout && d.kind < HN_DIFF_WRONG; k++)
        judge(env, g, in, k, &out[k], value_at(at, g->out[k]), &d);
    hn_instance_free(env, r.inst);
    hn_plan_free(env, r.plan);
    hn_arena_fini(env, &r.arena);
    hn_arena_fini(env, &arena);
    return d;
}

/* ---- minimising ---- */
typedef struct cut {
    hn_env *env;
    hn_arena *arena;
    const hn_graph *g;
    const hn_tensor *const *at; /* values of g */
    hn_value **map;             /* of g's values in the part */
    hn_graph *part;
    const hn_tensor **in;
    bool *keep; /* by node id */
} cut;

static hn_value *mapped(cut *c, const hn_value *v)
{
    if (!v || c->map[v->id]) return v ? c->map[v->id] : NULL;
    if (v->data) return c->map[v->id] = hn_graph_const(c->part, NULL, v->data);
    const hn_tensor *t = c->at[v->id];
    hn_type type = hn_type_tensor(t->dtype, t->rank, t->dims);
    hn_value *in = hn_graph_input(c->part, NULL, &type);
    if (in) c->in[c->part->nin - 1] = t;
    return c->map[v->id] = in;
}

/* The kept nodes and output `output` as a graph of its own. */
static bool build(cut *c, size_t output)
{
    size_t ids = (size_t)*c->g->next_id + 1;
    hn_value *in[PORTS];
    c->part = hn_graph_new(c->env, c->arena, &hn_ops, "part");
    c->map = hn_arena_array(c->env, c->arena, ids, sizeof *c->map);
    c->in = hn_arena_array(c->env, c->arena, ids, sizeof *c->in);
    if (!c->part || !c->map || !c->in) return false;
    c->part->opset = c->g->opset;
    for (const hn_node *n = c->g->first; n; n = n->next) {
        if (!c->keep[n->id]) continue;
        for (size_t i = 0; i < n->nin; i++) in[i] = mapped(c, n->in[i]);
        hn_node *m = hn_node_new(c->part, NULL, n->op, NULL, n->nin, in, n->nout);
        if (!m || hn_node_copy_attrs(m, n) != HN_OK || n->nregions || hn_node_infer(m) != HN_OK) return false;
        for (size_t i = 0; i < n->nout; i++)
            if (n->out[i]) c->map[n->out[i]->id] = m->out[i];
    }
    return hn_graph_output(c->part, mapped(c, c->g->out[output])) == HN_OK;
}

static void mark(const hn_value *v, bool *keep)
{
    hn_node *n = v ? v->producer : NULL;
    if (!n || keep[n->id]) return;
    keep[n->id] = true;
    for (size_t i = 0; i < n->nin; i++) mark(n->in[i], keep);
}

hn_graph *hn_diff_minimise(hn_env *env, hn_arena *arena, const hn_graph *g, const hn_tensor *const *in, hn_diff_how how,
                           const hn_tensor ***small_in)
{
    const hn_tensor **at;
    hn_diff first = hn_diff_graph(env, g, in, how);
    if (evaluate(env, arena, g, in, NULL, &at) != HN_OK || first.kind < HN_DIFF_WRONG) return NULL;
    cut c = {.env = env, .arena = arena, .g = g, .at = at};
    hn_graph *best = NULL;
    c.keep = hn_arena_array(env, arena, (size_t)*g->next_id + 1, sizeof *c.keep);
    if (!c.keep) return NULL;
    for (size_t k = 0; k < g->nout && first.kind == HN_DIFF_REFUSED; k++) mark(g->out[k], c.keep);
    mark(g->out[first.output], c.keep);
    if (build(&c, first.output) && hn_diff_graph(env, c.part, c.in, how).kind == first.kind) {
        best = c.part;
        *small_in = c.in;
    }
    for (bool again = true; again;) {
        again = false;
        for (const hn_node *n = g->first; n; n = n->next) {
            if (!c.keep[n->id]) continue;
            c.keep[n->id] = false;
            bool fails = build(&c, first.output) && c.part->nnodes > 0 &&
                         hn_diff_graph(env, c.part, c.in, how).kind == first.kind;
            hn_error_clear(env);
            if (!fails) {
                c.keep[n->id] = true;
                continue;
            }
            again = true;
            best = c.part;
            *small_in = c.in;
        }
    }
    return best;
}
