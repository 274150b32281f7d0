/* graphgen: see the header. This file: values, nodes, and nodes made of the rows' own cases. */
#include "support/graphgen.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ops/cases.h"
#include "ops/ops.h"
#include "support/graphgen_priv.h"
#include "support/opcase.h"
#include "support/refrun.h"

enum { ELEMS_MAX = 4096, ELEMS_WIDE = 60000 };
#define LARGEST 1e4

size_t hn_gen_below(hn_gen *g, size_t n)
{
    return (size_t)hn_rng_below(&g->rng, n);
}

bool hn_gen_chance(hn_gen *g, unsigned percent)
{
    return hn_rng_below(&g->rng, 100) < percent;
}

int64_t hn_gen_size(hn_gen *g, size_t narrow, size_t wide)
{
    return 1 + (int64_t)hn_gen_below(g, g->wide ? wide : narrow);
}

hn_tensor *hn_gen_tensor(hn_gen *g, hn_dtype dtype, int rank, const int64_t *dims, double lo, double hi)
{
    hn_tensor *t = hn_arena_alloc(g->env, g->arena, sizeof *t);
    if (!t || hn_tensor_init(g->env, g->arena, t, dtype, rank, dims) != HN_OK) return NULL;
    for (size_t i = 0, n = hn_tensor_elems(t); i < n; i++) hn_set_f64(t, i, lo + (hi - lo) * hn_rng_unit(&g->rng));
    return t;
}

static void join(hn_gen *g, hn_value *v, const hn_tensor *t)
{
    if (!v || g->n == HN_GEN_POOL) return;
    g->v[g->n] = v;
    g->t[g->n++] = t;
}

hn_value *hn_gen_const(hn_gen *g, const hn_tensor *t)
{
    return t ? hn_graph_const(g->g, NULL, t) : NULL;
}

hn_value *hn_gen_ints(hn_gen *g, size_t n, const int64_t *v)
{
    int64_t dims[] = {(int64_t)n};
    hn_tensor *t = hn_gen_tensor(g, HN_I64, 1, dims, 0, 0);
    for (size_t i = 0; t && i < n; i++) hn_set_i64(t, i, v[i]);
    return hn_gen_const(g, t);
}

hn_value *hn_gen_floats(hn_gen *g, size_t n, double lo, double hi)
{
    return hn_gen_const(g, hn_gen_tensor(g, HN_F32, 1, (int64_t[]){(int64_t)n}, lo, hi));
}

hn_value *hn_gen_scalar(hn_gen *g, hn_dtype dtype, double v)
{
    return hn_gen_const(g, hn_gen_tensor(g, dtype, 0, NULL, v, v));
}

hn_value *hn_gen_input(hn_gen *g, const hn_tensor *t)
{
    if (!t || g->g->nin == HN_GEN_INPUTS) return NULL;
    hn_type type = hn_type_tensor(t->dtype, t->rank, t->dims);
    hn_value *v = hn_graph_input(g->g, NULL, &type);
    if (!v) return NULL;
    g->in[g->g->nin - 1] = t;
    join(g, v, t);
    return v;
}

const hn_tensor *hn_gen_data(const hn_gen *g, const hn_value *v)
{
    if (v->data) return v->data;
    for (size_t i = 0; i < g->n; i++)
        if (g->v[i] == v) return g->t[i];
    return NULL;
}

hn_value *hn_gen_pick(hn_gen *g, hn_dtype dtype, int min, int max)
{
    int64_t dims[HN_MAX_RANK];
    for (int tries = 0; tries < 12 && g->n > 0; tries++) {
        /* Late values more often: chains rather than bushes. */
        size_t a = hn_gen_below(g, g->n), b = hn_gen_below(g, g->n), i = a > b ? a : b;
        const hn_tensor *t = g->t[i];
        if ((dtype == HN_NONE || t->dtype == dtype) && t->rank >= min && t->rank <= max) return g->v[i];
    }
    int rank = min + (int)hn_gen_below(g, (size_t)(max - min + 1 < 3 ? max - min + 1 : 3));
    for (int d = 0; d < rank; d++) dims[d] = hn_gen_size(g, d < 2 ? 4 : 6, 24);
    return hn_gen_input(g, hn_gen_tensor(g, dtype == HN_NONE ? HN_F32 : dtype, rank, dims, -2, 2));
}

/* Finite, not large, not many, and nothing that the comparison does not know. */
static bool tame(const hn_tensor *t, size_t limit)
{
    size_t n = hn_tensor_elems(t);
    if (n > limit || hn_tensor_deep(t) || t->dtype == HN_C64 || t->dtype == HN_C128) return false;
    if (!hn_dtype_is_float(t->dtype)) return true;
    for (size_t i = 0; i < n; i++)
        if (!(fabs(hn_get_f64(t, i)) < LARGEST)) return false;
    return true;
}

bool hn_gen_settle(hn_gen *g, hn_node *n)
{
    const hn_tensor *in[64];
    hn_tensor *out[64] = {NULL};
    if (n->nin > 64 || n->nout > 64 || hn_node_check(g->env, n) != HN_OK || hn_node_infer(n) != HN_OK) return false;
    for (size_t i = 0; i < n->nin; i++) {
        in[i] = n->in[i] ? hn_gen_data(g, n->in[i]) : NULL;
        if (n->in[i] && !in[i]) return false;
    }
    if (hn_refrun_node(g->env, g->arena, n, in, out) != HN_OK) return false;
    for (size_t i = 0; i < n->nout; i++)
        if (out[i] && !tame(out[i], g->wide ? ELEMS_WIDE : ELEMS_MAX)) return false;
    for (size_t i = 0; i < n->nout; i++)
        if (out[i]) join(g, n->out[i], out[i]);
    g->nodes++;
    return true;
}

static hn_node *accept(hn_gen *g, hn_node *n)
{
    if (n && hn_gen_settle(g, n)) return n;
    if (n) hn_node_remove(n);
    hn_error_clear(g->env);
    return NULL;
}

hn_node *hn_gen_node(hn_gen *g, const char *op, size_t nin, hn_value *const *in, size_t nout, const hn_rw_attr *attrs)
{
    const hn_node *before = g->g->last;
    if (nin > 0 && !in[0]) return NULL;
    hn_rw rw = hn_rw_at(g->g, NULL);
    hn_node *n = hn_rw_node(&rw, op, nin, in, nout, attrs);
    if (n) return accept(g, n);
    if (g->g->last != before) hn_node_remove(g->g->last);
    hn_error_clear(g->env);
    return NULL;
}

hn_value *hn_gen_op(hn_gen *g, const char *op, size_t nin, hn_value *const *in, const hn_rw_attr *attrs)
{
    hn_node *n = hn_gen_node(g, op, nin, in, 1, attrs);
    return n ? n->out[0] : NULL;
}

/* ---- nodes made of the rows' cases ---- */
typedef struct shelf {
    hn_arena arena;
    hn_cases *cases; /* one per row */
    hn_env *env;
} shelf;
static shelf SHELF;

hn_status hn_gen_begin(hn_env *env)
{
    SHELF.env = env;
    SHELF.cases = hn_arena_array(env, &SHELF.arena, hn_ops.count, sizeof *SHELF.cases);
    if (!SHELF.cases) return HN_NOMEM;
    for (size_t i = 0; i < hn_ops.count; i++) HN_TRY(hn_opcases(env, &SHELF.arena, hn_ops.rows[i], &SHELF.cases[i]));
    return HN_OK;
}

void hn_gen_done(void)
{
    hn_arena_fini(SHELF.env, &SHELF.arena);
    SHELF.cases = NULL;
}

/* A value at hand with the dtype and shape of t, or a fresh one with t's data. */
static hn_value *match(hn_gen *g, const hn_tensor *t, bool constant)
{
    size_t from = g->n ? hn_gen_below(g, g->n) : 0;
    if (!constant && hn_dtype_is_float(t->dtype) && hn_gen_chance(g, 70)) {
        for (size_t k = 0; k < g->n; k++) {
            size_t i = (from + k) % g->n;
            if (g->t[i]->dtype == t->dtype && hn_tensor_same_shape(g->t[i], t)) return g->v[i];
        }
        /* Any with enough elements, cut and reshaped. */
        size_t want = hn_tensor_elems(t);
        for (size_t k = 0; k < g->n && want > 0; k++) {
            size_t i = (from + k) % g->n;
            if (g->t[i]->dtype != t->dtype || hn_tensor_elems(g->t[i]) < want) continue;
            int64_t flat = -1, zero = 0, end = (int64_t)want;
            hn_value *v = hn_gen_op(g, "Reshape", 2, (hn_value *[]){g->v[i], hn_gen_ints(g, 1, &flat)}, NULL);
            if (v && hn_tensor_elems(hn_gen_data(g, v)) != want) {
                hn_value *cut[] = {v, hn_gen_ints(g, 1, &zero), hn_gen_ints(g, 1, &end)};
                v = hn_gen_op(g, "Slice", 3, cut, NULL);
            }
            hn_value *shape[] = {v, hn_gen_ints(g, (size_t)t->rank, t->dims)};
            if (v) v = hn_gen_op(g, "Reshape", 2, shape, NULL);
            if (v) return v;
        }
    }
    return constant || hn_gen_chance(g, 30) ? hn_gen_const(g, t) : hn_gen_input(g, t);
}

static bool plain_tensors(const hn_case_row *c)
{
    for (size_t i = 0; i < c->nin; i++)
        if (c->in[i] && !tame(c->in[i], ELEMS_MAX)) return false; /* squares of the largest would leave f32 */
    return true;
}

static void from_case(hn_gen *g)
{
    size_t at = hn_gen_below(g, hn_ops.count);
    const hn_op *op = hn_ops.rows[at];
    const hn_cases *cases = &SHELF.cases[at];
    hn_value *in[HN_CASE_PORTS] = {NULL};
    if (op->flags & (HN_OP_RANDOM | HN_OP_CONTROL | HN_OP_INTERNAL) || !cases->count) return;
    /* Functions of values alone: no steps of optimisers. */
    if (op->domain[0] && strcmp(op->domain, "ai.onnx.ml") != 0) return;
    static const hn_dtype narrow[] = {HN_F16, HN_BF16, HN_F64};
    hn_dtype other = hn_gen_chance(g, 15) ? narrow[hn_gen_below(g, 3)] : HN_NONE;
    const hn_case_row *c = cases->first;
    for (size_t k = hn_gen_below(g, cases->count); k > 0; k--) c = c->next;
    if (c->flags & HN_CASE_FAILS || !plain_tensors(c)) return;
    for (size_t i = 0; i < c->nin; i++) {
        if (!c->in[i]) continue;
        hn_tensor *t = NULL;
        bool turn = other != HN_NONE && c->in[i]->dtype == HN_F32 && (hn_op_port(op, i)->types & HN_BIT(other));
        if (turn && hn_tensor_convert(g->env, g->arena, c->in[i], other, &t) != HN_OK) return;
        in[i] = match(g, turn ? t : c->in[i], c->constant[i]);
        if (!in[i]) return;
    }
    hn_node *n = hn_node_new(g->g, NULL, op, NULL, c->nin, in, c->nout ? c->nout : (size_t)op->nout);
    if (n) n->attrs = c->attrs;
    accept(g, n);
}

/* ---- the graph ---- */
static hn_gen_maker *choose(hn_gen *g, const hn_gen_row *rows)
{
    unsigned all = 0;
    for (const hn_gen_row *r = rows; r->make; r++) all += r->weight;
    size_t at = hn_gen_below(g, all);
    for (const hn_gen_row *r = rows;; r++) {
        if (at < r->weight) return r->make;
        at -= r->weight;
    }
}

static hn_status close_graph(hn_gen *g)
{
    size_t outputs = 0;
    for (size_t i = 0; i < g->n; i++) {
        bool loose = g->v[i]->producer && g->v[i]->nuses == 0;
        if (!loose && !(g->v[i]->producer && hn_gen_chance(g, 8))) continue;
        HN_TRY(hn_graph_output(g->g, g->v[i]));
        outputs++;
    }
    if (outputs == 0 && g->n > 0) HN_TRY(hn_graph_output(g->g, g->v[g->n - 1]));
    return HN_OK;
}

hn_status hn_gen_graph(hn_env *env, hn_arena *arena, uint64_t seed, size_t size, hn_gen *g)
{
    *g = (hn_gen){.env = env, .arena = arena, .wide = seed % 16 == 7};
    hn_rng_init(&g->rng, seed, 77);
    g->g = hn_graph_new(env, arena, &hn_ops, "fuzz");
    if (!g->g) return env->error.status;
    g->g->opset = 28;
    for (size_t tries = 0; g->nodes < size && tries < 4 * size + 8; tries++) {
        unsigned what = (unsigned)hn_gen_below(g, 100);
        if (what < 42)
            choose(g, hn_gen_shapes)(g);
        else if (what < 74)
            choose(g, hn_gen_nets)(g);
        else if (what < 80)
            choose(g, hn_gen_flows)(g);
        else
            from_case(g);
        hn_error_clear(env);
    }
    if (g->n == 0) hn_gen_pick(g, HN_F32, 1, 3);
    return close_graph(g);
}
