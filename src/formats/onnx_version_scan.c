/* onnx_version_scan: Scan of opset 8, which ran over dim 1 of every sample of a batch in dim 0, as a Scan over the
 * batch whose body is the Scan over time. */
#include <string.h>

#include "formats/onnx_version.h"

typedef struct nest {
    hn_onnx_scope mid, inner; /* of the body over samples, and of the body given */
    size_t states, scans;
} nest;

static hn_status begin(hn_onnx_scope *s, hn_onnx_node *n, nest *x)
{
    hn_env *env = s->r->env;
    int64_t scans = hn_onnx_int(n, "num_scan_inputs", 0);
    if (n->nregions != 1) return hn_fail(env, HN_INPUT, "Scan has %zu bodies, 1 needed", n->nregions);
    if (n->nin > 0 && n->in[0] != NULL) return hn_fail(env, HN_UNSUPPORTED, "Scan of opset 8 with sequence_lens");
    if (n->nin < 2 || scans < 1 || scans > (int64_t)n->nin - 1)
        return hn_fail(env, HN_INPUT, "Scan has %zu inputs and num_scan_inputs %lld", n->nin, (long long)scans);
    const hn_onnx_region *g = &n->regions[0];
    if (g->scope->graph != s->graph)
        return hn_fail(env, HN_UNSUPPORTED, "a graph given to a function and used inside another graph");
    x->scans = (size_t)scans;
    x->states = n->nin - 1 - x->scans;
    hn_dict *taken = hn_arena_array(env, &s->r->scratch, 2, sizeof *taken);
    hn_graph *outer = hn_region_new(s->graph, ""), *body = outer == NULL ? NULL : hn_region_new(outer, "");
    if (taken == NULL || body == NULL) return env->error.status;
    x->mid = (hn_onnx_scope){.r = s->r,
                             .outer = g->scope,
                             .graph = outer,
                             .taken = &taken[0],
                             .opsets = g->scope->opsets,
                             .prefix = "",
                             .bound = g->scope->bound,
                             .depth = s->depth + 1};
    x->inner = x->mid;
    x->inner.outer = &x->mid;
    x->inner.graph = body;
    x->inner.taken = &taken[1];
    x->inner.depth = s->depth + 2;
    return HN_OK;
}

/* The type of one sample. */
static hn_type sample(const hn_type *t)
{
    hn_type one = *t;
    if (t->rank < 1) return one;
    one.rank = t->rank - 1;
    memmove(one.dims, t->dims + 1, (size_t)one.rank * sizeof *one.dims);
    return one;
}

/* A Scan node in graph g: in[count] and then the captures of `scope`, which belongs to its body. */
static hn_status scan(hn_onnx_scope *scope, hn_graph *g, const hn_onnx_node *n, size_t count, hn_value *const *in,
                      int64_t scans, hn_node **out)
{
    hn_onnx_reader *r = scope->r;
    hn_value **all = hn_arena_array(r->env, &r->scratch, count + scope->ncaptures, sizeof *all);
    if (all == NULL) return r->env->error.status;
    memcpy(all, in, count * sizeof *in);
    for (size_t i = 0; i < scope->ncaptures; i++) all[count + i] = scope->captures[i].outer;
    const hn_op *row = hn_op_find(g->ops, "", "Scan");
    if (row == NULL) return hn_fail(r->env, HN_UNSUPPORTED, "operator Scan is not supported");
    hn_node *node = hn_node_new(g, NULL, row, n->name, count + scope->ncaptures, all, n->nout);
    if (node == NULL) return r->env->error.status;
    *out = node;
    node->ncaptures = scope->ncaptures;
    HN_TRY(hn_node_set_int(node, "num_scan_inputs", scans));
    return hn_node_regions(node, 1, &scope->graph);
}

hn_status hn_onnx_old_scan(hn_onnx_scope *s, hn_onnx_node *n)
{
    hn_env *env = s->r->env;
    nest *x = hn_arena_alloc(env, &s->r->scratch, sizeof *x); /* scopes live as long as the reader */
    hn_node *over_time, *over_batch;
    if (x == NULL) return env->error.status;
    HN_TRY(begin(s, n, x));
    size_t count = x->states + x->scans;
    hn_value **in = hn_arena_array(env, &s->r->scratch, count, sizeof *in);
    if (in == NULL) return env->error.status;
    for (size_t i = 0; i < count; i++) {
        if (n->in[1 + i] == NULL) return hn_fail(env, HN_INPUT, "input %zu of Scan is absent", 1 + i);
        hn_type t = sample(&n->in[1 + i]->type);
        in[i] = hn_graph_input(x->mid.graph, NULL, &t);
        if (in[i] == NULL) return env->error.status;
    }
    HN_TRY(hn_context(env, hn_onnx_graph(&x->inner, n->regions[0].body), "body"));
    HN_TRY(scan(&x->inner, x->mid.graph, n, count, in, (int64_t)x->scans, &over_time));
    const hn_attr *ways = hn_onnx_find(n, "directions");
    if (ways != NULL && ways->kind == HN_ATTR_INTS)
        HN_TRY(hn_node_set_ints(over_time, "scan_input_directions", ways->u.ints, ways->count));
    for (size_t i = 0; i < n->nout; i++) HN_TRY(hn_graph_output(x->mid.graph, over_time->out[i]));
    HN_TRY(scan(&x->mid, s->graph, n, count, n->in + 1, (int64_t)count, &over_batch));
    if (s->r->keep_types)
        HN_TRY(hn_node_check(env, over_batch));
    else
        HN_TRY(hn_node_infer(over_batch));
    HN_TRY(hn_onnx_results(s, n));
    memcpy(n->results, over_batch->out, n->nout * sizeof *n->results);
    return HN_OK;
}
