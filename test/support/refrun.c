/* refrun: see the header. Tensors live in the caller's arena until the end. */
#include "support/refrun.h"

#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "passes/lib_match.h"

typedef struct runner {
    hn_env *env;
    hn_arena *arena;
} runner;

static hn_status run_graph(runner *r, const hn_graph *g, const hn_tensor *const *in, const hn_tensor **out);

static hn_tensor *fresh(runner *r, hn_dtype dtype, int rank, const int64_t *dims)
{
    hn_tensor *t = hn_arena_alloc(r->env, r->arena, sizeof(*t));
    return t != NULL && hn_tensor_init(r->env, r->arena, t, dtype, rank, dims) == HN_OK ? t : NULL;
}

static hn_tensor *scalar(runner *r, hn_dtype dtype, int64_t v)
{
    hn_tensor *t = fresh(r, dtype, 0, NULL);
    if (t != NULL) hn_set_i64(t, 0, v);
    return t;
}

/* Element i of n equal slices along axis 0. */
static const hn_tensor *slice_of(runner *r, const hn_tensor *t, int64_t i, int64_t n)
{
    hn_tensor *s = hn_arena_alloc(r->env, r->arena, sizeof(*s));
    if (s == NULL || t->rank == 0 || n == 0) return NULL;
    *s = (hn_tensor){.dtype = t->dtype, .rank = t->rank - 1, .bytes = t->bytes / (size_t)n};
    for (int d = 1; d < t->rank; ++d) s->dims[d - 1] = t->dims[d];
    s->data = (char *)t->data + (size_t)i * s->bytes;
    return s;
}

static hn_tensor *stack(runner *r, const hn_tensor **parts, int64_t n, const hn_type *t)
{
    int64_t dims[HN_MAX_RANK] = {n};
    int rank = n > 0 ? parts[0]->rank + 1 : t->rank;
    for (int d = 1; d < rank; ++d) dims[d] = n > 0 ? parts[0]->dims[d - 1] : t->dims[d] < 0 ? 0 : t->dims[d];
    hn_tensor *s = fresh(r, n > 0 ? parts[0]->dtype : t->dtype, rank, dims);
    for (int64_t i = 0; s != NULL && i < n; ++i)
        memcpy((char *)s->data + (size_t)i * parts[i]->bytes, parts[i]->data, parts[i]->bytes);
    return s;
}

/* t with axis `from` in place of axis `to`, the others in order; reverse: from its end to its start. Whole bytes only.
 */
static const hn_tensor *moved(runner *r, const hn_tensor *t, int from, int to, bool reverse)
{
    int64_t dims[HN_MAX_RANK], stride[HN_MAX_RANK], at[HN_MAX_RANK];
    int order[HN_MAX_RANK], k = 0;
    if (t == NULL || (from == to && !reverse)) return t;
    for (int d = 0; d < t->rank; ++d) {
        if (d == to) order[d] = from;
        if (d == to) continue;
        if (k == from) ++k;
        order[d] = k++;
    }
    hn_strides(t->rank, t->dims, stride);
    for (int d = 0; d < t->rank; ++d) dims[d] = t->dims[order[d]];
    hn_tensor *s = fresh(r, t->dtype, t->rank, dims);
    size_t n = hn_tensor_elems(t), bytes = hn_dtype_bits(t->dtype) / 8;
    memset(at, 0, sizeof at);
    for (size_t i = 0; s != NULL && i < n; ++i) {
        int64_t source = 0;
        for (int d = 0; d < t->rank; ++d)
            source += (d == to && reverse ? dims[d] - 1 - at[d] : at[d]) * stride[order[d]];
        memcpy((char *)s->data + i * bytes, (const char *)t->data + (size_t)source * bytes, bytes);
        for (int d = t->rank - 1; d >= 0 && ++at[d] == dims[d]; --d) at[d] = 0;
    }
    return s;
}

static int64_t entry(const hn_node *n, const char *name, size_t i)
{
    const int64_t *v;
    return i < hn_attr_ints(n, name, &v) ? v[i] : 0;
}

enum { MOST = 256 };

static hn_status run_loop(runner *r, const hn_node *n, const hn_tensor *const *in, const hn_tensor **out)
{
    const hn_graph *body = n->regions[0];
    size_t vars = n->nin - n->ncaptures - 2, scans = body->nout - 1 - vars;
    int64_t most = in[0] != NULL ? hn_get_i64(in[0], 0) : INT64_MAX, i = 0;
    const hn_tensor *args[MOST], *res[MOST];
    static const hn_tensor *parts[16][1024];
    bool go = in[1] == NULL || hn_get_i64(in[1], 0) != 0;
    for (size_t k = 0; k < vars; ++k) args[2 + k] = in[2 + k];
    for (size_t k = 0; k < n->ncaptures; ++k) args[2 + vars + k] = in[2 + vars + k];
    for (; go && i < most && i < 1024; ++i) {
        args[0] = scalar(r, HN_I64, i);
        args[1] = scalar(r, HN_BOOL, go);
        HN_TRY(run_graph(r, body, args, res));
        go = hn_get_i64(res[0], 0) != 0;
        for (size_t k = 0; k < vars; ++k) args[2 + k] = res[1 + k];
        for (size_t k = 0; k < scans && k < 16; ++k) parts[k][i] = res[1 + vars + k];
    }
    for (size_t k = 0; k < vars && k < n->nout; ++k) out[k] = args[2 + k];
    for (size_t k = 0; k < scans && k < 16 && vars + k < n->nout; ++k)
        if (n->out[vars + k] != NULL) out[vars + k] = stack(r, parts[k], i, &n->out[vars + k]->type);
    return HN_OK;
}

static hn_status run_scan(runner *r, const hn_node *n, const hn_tensor *const *in, const hn_tensor **out)
{
    const hn_graph *body = n->regions[0];
    size_t scanned = (size_t)hn_attr_int(n, "num_scan_inputs", 0), data = n->nin - n->ncaptures,
           states = data - scanned;
    const hn_tensor *args[MOST], *res[MOST], *along[16];
    static const hn_tensor *parts[16][1024];
    int axis;
    for (size_t k = 0; k < scanned && k < 16; ++k) {
        if (!hn_axis(entry(n, "scan_input_axes", k), in[states + k]->rank, &axis)) return HN_INPUT;
        along[k] = moved(r, in[states + k], axis, 0, entry(n, "scan_input_directions", k) != 0);
        if (along[k] == NULL) return HN_NOMEM;
    }
    int64_t steps = along[0]->dims[0];
    for (size_t k = 0; k < states; ++k) args[k] = in[k];
    for (size_t k = 0; k < n->ncaptures; ++k) args[data + k] = in[data + k];
    for (int64_t i = 0; i < steps && i < 1024; ++i) {
        for (size_t k = 0; k < scanned; ++k) args[states + k] = slice_of(r, along[k], i, steps);
        HN_TRY(run_graph(r, body, args, res));
        for (size_t k = 0; k < states; ++k) args[k] = res[k];
        for (size_t k = 0; states + k < body->nout && k < 16; ++k) parts[k][i] = res[states + k];
    }
    for (size_t k = 0; k < n->nout && n->out[k] != NULL; ++k) {
        out[k] = k < states ? args[k] : stack(r, parts[k - states], steps, &n->out[k]->type);
        if (k < states || out[k] == NULL) continue;
        if (steps == 0) {
            /* No slice tells the shape: the declared one, which has the axis in its place. */
            hn_type t = n->out[k]->type;
            for (int d = 0; d < t.rank; ++d) t.dims[d] = t.dims[d] < 0 ? 0 : t.dims[d];
            out[k] = fresh(r, t.dtype, t.rank, t.dims);
            continue;
        }
        if (!hn_axis(entry(n, "scan_output_axes", k - states), out[k]->rank, &axis)) return HN_INPUT;
        out[k] = moved(r, out[k], 0, axis, entry(n, "scan_output_directions", k - states) != 0);
    }
    return HN_OK;
}

static hn_status run_sequence_map(runner *r, const hn_node *n, const hn_tensor *const *in, const hn_tensor **out)
{
    size_t given = n->nin - n->ncaptures, count = hn_tensor_elems(in[0]);
    const hn_tensor *args[MOST], *res[MOST];
    for (size_t k = 0; k < n->nout; ++k) {
        hn_tensor *list = hn_arena_alloc(r->env, r->arena, sizeof(*list));
        if (list == NULL) return r->env->error.status;
        HN_TRY(hn_tensor_list(r->env, r->arena, list, HN_SEQ, count));
        out[k] = list;
    }
    for (size_t i = 0; i < count; ++i) {
        for (size_t k = 0; k < n->nin; ++k)
            args[k] = k < given && in[k]->dtype == HN_SEQ ? hn_tensor_item(in[k], i) : in[k];
        HN_TRY(run_graph(r, n->regions[0], args, res));
        for (size_t k = 0; k < n->nout; ++k) *hn_tensor_item(out[k], i) = *res[k];
    }
    return HN_OK;
}

static hn_status sum_of(runner *r, const hn_node *n, const hn_tensor *const *args, double *sum)
{
    const hn_tensor *y[MOST];
    HN_TRY(run_graph(r, n->regions[0], args, y));
    *sum = 0;
    for (size_t i = 0; i < hn_tensor_elems(y[0]); ++i) *sum += hn_get_f64(y[0], i);
    return HN_OK;
}

/* Central differences; other types than f64 need a longer step. */
static hn_status run_gradient(runner *r, const hn_node *n, const hn_tensor **in, const hn_tensor **out)
{
    const hn_tensor *args[MOST];
    for (size_t i = 0; i < n->nin; ++i) args[i] = in[i];
    for (size_t k = 0; k < n->nout; ++k) {
        const double h = in[k]->dtype == HN_F64 ? 1e-5 : 1.0 / 128;
        hn_tensor *moved, *d;
        HN_TRY(hn_tensor_copy(r->env, r->arena, in[k], &moved));
        HN_TRY(hn_tensor_copy(r->env, r->arena, in[k], &d));
        args[k] = moved;
        for (size_t e = 0; e < hn_tensor_elems(d); ++e) {
            double at = hn_get_f64(in[k], e), up, down;
            hn_set_f64(moved, e, at + h);
            HN_TRY(sum_of(r, n, args, &up));
            hn_set_f64(moved, e, at - h);
            HN_TRY(sum_of(r, n, args, &down));
            hn_set_f64(moved, e, at);
            hn_set_f64(d, e, (up - down) / (2 * h));
        }
        args[k] = in[k];
        out[k] = d;
    }
    return HN_OK;
}

static hn_status run_node(runner *r, const hn_node *n, const hn_tensor **in, const hn_tensor **out)
{
    if (n->nregions == 0) return hn_eval_node(r->env, r->arena, n, in, (hn_tensor **)out);
    if (hn_node_is(n, "If")) return run_graph(r, n->regions[hn_get_i64(in[0], 0) != 0 ? 0 : 1], in + 1, out);
    if (hn_node_is(n, "Loop")) return run_loop(r, n, in, out);
    if (hn_node_is(n, "Scan")) return run_scan(r, n, in, out);
    if (hn_node_is(n, "SequenceMap")) return run_sequence_map(r, n, in, out);
    if (strcmp(n->op->name, "Gradient") == 0) return run_gradient(r, n, in, out);
    return hn_fail(r->env, HN_UNSUPPORTED, "refrun does not know %s", n->op->name);
}

static hn_status run_nodes(runner *r, const hn_graph *g, const hn_tensor **at)
{
    const hn_tensor *in[MOST], *out[MOST];
    for (const hn_node *n = g->first; n != NULL; n = n->next) {
        if (n->nin > MOST || n->nout > MOST) return hn_fail(r->env, HN_LIMIT, "refrun: a node with too many ports");
        for (size_t i = 0; i < n->nin; ++i) {
            const hn_value *v = n->in[i];
            in[i] = v == NULL ? NULL : v->data != NULL ? v->data : at[v->id];
        }
        memset(out, 0, sizeof(out));
        HN_TRY(run_node(r, n, in, out));
        for (size_t i = 0; i < n->nout; ++i)
            if (n->out[i] != NULL) at[n->out[i]->id] = out[i];
    }
    return HN_OK;
}

static hn_status run_graph(runner *r, const hn_graph *g, const hn_tensor *const *in, const hn_tensor **out)
{
    const hn_tensor **at = hn_zalloc(r->env, ((size_t)*g->next_id + 1) * sizeof(*at));
    if (at == NULL) return r->env->error.status;
    for (size_t i = 0; i < g->nin; ++i) at[g->in[i]->id] = in[i];
    hn_status st = run_nodes(r, g, at);
    for (size_t i = 0; st == HN_OK && i < g->nout; ++i)
        out[i] = g->out[i]->data != NULL ? g->out[i]->data : at[g->out[i]->id];
    hn_free(r->env, at);
    return st;
}

hn_status hn_refrun(hn_env *env, hn_arena *arena, const hn_graph *g, const hn_tensor *const *in, const hn_tensor **out)
{
    runner r = {env, arena};
    return run_graph(&r, g, in, out);
}

hn_status hn_refrun_node(hn_env *env, hn_arena *arena, const hn_node *n, const hn_tensor *const *in, hn_tensor **out)
{
    runner r = {env, arena};
    const hn_tensor *args[MOST], *res[MOST] = {NULL};
    if (n->nin > MOST || n->nout > MOST) return hn_fail(env, HN_LIMIT, "refrun: a node with too many ports");
    memcpy(args, in, n->nin * sizeof(*in));
    HN_TRY(run_node(&r, n, args, res));
    for (size_t i = 0; i < n->nout; ++i) {
        out[i] = NULL;
        if (n->out[i] != NULL && res[i] != NULL) HN_TRY(hn_tensor_copy(env, arena, res[i], &out[i]));
    }
    return HN_OK;
}

hn_tensor *hn_refrun_random(hn_env *env, hn_arena *arena, const hn_type *t, int64_t dim, uint64_t seed)
{
    runner r = {env, arena};
    int64_t dims[HN_MAX_RANK];
    hn_rng rng;
    hn_rng_init(&rng, seed, 1);
    for (int i = 0; i < t->rank; ++i) dims[i] = t->dims[i] >= 0 ? t->dims[i] : dim;
    hn_tensor *x = fresh(&r, t->dtype, t->rank < 0 ? 0 : t->rank, dims);
    for (size_t i = 0; x != NULL && i < hn_tensor_elems(x); ++i) {
        if (hn_dtype_is_float(x->dtype))
            hn_set_f64(x, i, hn_rng_normal(&rng));
        else if (x->dtype == HN_U8 || x->dtype == HN_I8)
            hn_set_i64(x, i, (int64_t)hn_rng_below(&rng, 256));
        else
            hn_set_i64(x, i, (int64_t)hn_rng_below(&rng, 2));
    }
    return x;
}

double hn_refrun_distance(const hn_tensor *a, const hn_tensor *b, double tolerance)
{
    double worst = 0;
    if (a == NULL || b == NULL || a->dtype != b->dtype || !hn_tensor_same_shape(a, b)) return INFINITY;
    if (a->dtype == HN_STRING) return hn_tensor_equal(a, b) ? 0 : INFINITY;
    bool codes = (a->dtype == HN_U8 || a->dtype == HN_I8) && tolerance >= 1e-3;
    for (size_t i = 0; i < hn_tensor_elems(a); ++i) {
        double x = hn_get_f64(a, i), y = hn_get_f64(b, i);
        if ((isnan(x) && isnan(y)) || x == y) continue;
        double d = fabs(x - y) / (codes ? 1 : tolerance * (1 + fabs(y)));
        if (!(d <= worst)) worst = isnan(d) ? INFINITY : d;
    }
    return worst;
}
