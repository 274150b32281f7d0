/* gradient: nodes of ai.onnx.preview.training.Gradient become the nodes that compute it. */
#include <string.h>

#include "passes/autodiff.h"
#include "passes/lib_match.h"

static bool is_gradient(const hn_node *n)
{
    return strcmp(n->op->name, "Gradient") == 0 && strcmp(n->op->domain, "ai.onnx.preview.training") == 0;
}

static bool known(const hn_graph *g)
{
    for (size_t i = 0; i < g->nin; i++)
        if (!hn_type_known(&g->in[i]->type)) return false;
    for (const hn_node *n = g->first; n != NULL; n = n->next)
        for (size_t i = 0; i < n->nout; i++)
            if (n->out[i] != NULL && !hn_type_known(&n->out[i]->type)) return false;
    return true;
}

/* The region then gives the gradients instead of what it was made for. A y of several elements counts with its sum. */
static hn_status differentiate(hn_pass_ctx *c, hn_graph *g, size_t n)
{
    hn_value *loss = g->out[0], **grad = hn_arena_array(c->env, g->arena, n, sizeof(hn_value *));
    if (grad == NULL) return c->env->error.status;
    if (hn_type_elems(&loss->type) != 1) {
        hn_rw rw = hn_rw_at(g, NULL);
        loss = hn_rw_op(&rw, "ReduceSum", 1, &loss, (const hn_rw_attr[]){HN_A_INT("keepdims", 0), {0}});
        if (loss == NULL) return hn_rw_status(&rw);
    }
    HN_TRY(hn_autodiff(c->env, g, loss, n, g->in, grad));
    HN_TRY(hn_graph_output_set(g, 0, grad[0]));
    for (size_t i = 1; i < n; i++) HN_TRY(hn_graph_output(g, grad[i]));
    return HN_OK;
}

static hn_status replace(hn_pass_ctx *c, hn_node *n)
{
    hn_graph *g = n->regions[0];
    hn_rw rw = hn_rw_at(c->graph, n);
    hn_value **out = hn_arena_array(c->env, c->graph->arena, n->nout, sizeof(hn_value *));
    if (out == NULL) return c->env->error.status;
    HN_TRY(hn_context(c->env, differentiate(c, g, n->nout), "node %s (Gradient)", hn_node_label(n)));
    HN_TRY(hn_rw_inline(&rw, g, n->in, out));
    return hn_rw_replace(&rw, n, out);
}

static hn_status run(hn_pass_ctx *c)
{
    for (hn_node *n = c->graph->first, *next; n != NULL; n = next) {
        next = n->next;
        if (!is_gradient(n) || n->nout == 0 || n->nregions != 1 || !known(n->regions[0])) continue;
        HN_TRY(replace(c, n));
        c->changes++;
    }
    return HN_OK;
}

const hn_pass hn_pass_gradient = {
    .name = "gradient",
    .doc =
        "A Gradient whose shapes are known is replaced by the nodes that compute it: what it differentiates, evaluated "
        "at its inputs, and the reverse accumulation over that.",
    .run = run,
};
