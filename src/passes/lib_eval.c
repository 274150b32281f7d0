/* lib_eval: one node on real tensors through its row: inference with known data, then the reference kernel. */
#include "passes/lib_match.h"

enum { MOST = 64 };

hn_status hn_eval_node(hn_env *env, hn_arena *arena, const hn_node *n, const hn_tensor *const *in, hn_tensor **out)
{
    hn_type in_type[MOST], out_type[MOST];
    const hn_type *in_ref[MOST] = {NULL};
    hn_arena scratch = {0};
    if (n->op->ref == NULL || n->op->infer == NULL || n->nin > MOST || n->nout > MOST)
        return hn_fail(env, HN_UNSUPPORTED, "node %s (%s) cannot be evaluated on its own", hn_node_label(n),
                       n->op->name);
    for (size_t i = 0; i < n->nin; ++i) {
        if (in[i] == NULL) continue;
        in_type[i] = hn_type_of(in[i]);
        /* What an empty list would hold only its declaration tells. */
        if (hn_dtype_is_list(in[i]->dtype) && n->in[i] != NULL) in_type[i] = n->in[i]->type;
        in_ref[i] = &in_type[i];
    }
    for (size_t i = 0; i < n->nout; ++i) out_type[i] = hn_type_tensor(HN_NONE, -1, NULL);
    hn_infer c = {.env = env, .node = n, .nin = n->nin, .nout = n->nout, .in = in_ref, .data = in, .out = out_type};
    HN_TRY(n->op->infer(&c));
    for (size_t i = 0; i < n->nout; ++i) {
        out[i] = NULL;
        if (n->out[i] == NULL) continue;
        bool list = out_type[i].kind != HN_KIND_TENSOR;
        if (!list && !hn_type_known(&out_type[i]))
            return hn_fail(env, HN_UNSUPPORTED, "node %s (%s): the shape of output %zu depends on its data",
                           hn_node_label(n), n->op->name, i);
        out[i] = hn_arena_alloc(env, arena, sizeof(**out));
        if (out[i] == NULL) return env->error.status;
        if (list)
            HN_TRY(hn_tensor_list(env, arena, out[i], hn_type_list_dtype(&out_type[i]), 0));
        else
            HN_TRY(hn_tensor_init(env, arena, out[i], out_type[i].dtype, out_type[i].rank, out_type[i].dims));
    }
    hn_refargs a = {.env = env, .node = n, .nin = n->nin, .nout = n->nout, .in = in, .out = out, .scratch = &scratch};
    hn_status st = n->op->ref(&a);
    for (size_t i = 0; i < n->nout && st == HN_OK; ++i)
        if (out[i] != NULL && hn_tensor_deep(out[i])) st = hn_tensor_copy(env, arena, out[i], &out[i]);
    hn_arena_fini(env, &scratch);
    return hn_context(env, st, "node %s (%s)", hn_node_label(n), n->op->name);
}
