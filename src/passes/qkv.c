/* qkv: attention whose queries, keys and values are cut out of one tensor reads them from where they lie. */
#include "passes/lib_match.h"

/* The Split along the last dim that gives n its first three inputs in this order and nobody else anything; else NULL.
 */
static hn_node *cut_of(const hn_node *n)
{
    hn_node *split = hn_made_by(n->in[0], "Split");
    int axis;
    if (split == NULL || split->nout != 3 || split->in[0]->type.rank != 3) return NULL;
    if (!hn_axis(hn_attr_int(split, "axis", 0), 3, &axis) || axis != 2) return NULL;
    for (size_t i = 0; i < 3; i++)
        if (n->in[i] != split->out[i] || hn_only_user(n->in[i]) != n) return NULL;
    return split;
}

static bool plain(const hn_node *n)
{
    if (!hn_node_is(n, "Attention") || n->nin < 3 || n->out[0] == NULL || n->out[0]->nuses == 0) return false;
    for (size_t i = 4; i < n->nin; i++)
        if (n->in[i] != NULL) return false;
    for (size_t i = 1; i < n->nout; i++)
        if (n->out[i] != NULL) return false;
    for (size_t i = 0; i < 3; i++)
        if (n->in[i] == NULL || n->in[i]->type.rank != 3 || !hn_type_known(&n->in[i]->type)) return false;
    const hn_value *mask = hn_node_in(n, 3);
    if (mask != NULL && mask->type.dtype != n->in[0]->type.dtype) return false;
    return hn_attr_float(n, "softcap", 0) == 0 && hn_attr_int(n, "left_window_size", -1) < 0 &&
           hn_attr_int(n, "right_window_size", -1) < 0 && hn_node_attr(n, "softmax_precision") == NULL;
}

static hn_status join(hn_pass_ctx *c, hn_node *n, const hn_node *split)
{
    int64_t heads = hn_attr_int(n, "q_num_heads", 0), kv_heads = hn_attr_int(n, "kv_num_heads", 0);
    const int64_t *q = n->in[0]->type.dims, *k = n->in[1]->type.dims, *v = n->in[2]->type.dims;
    if (heads < 1 || kv_heads < 1 || heads % kv_heads != 0 || q[2] % heads != 0) return HN_OK;
    if (k[2] != q[2] / heads * kv_heads || v[2] != k[2]) return HN_OK;
    hn_rw rw = hn_rw_at(c->graph, n);
    rw.name = n->name;
    hn_rw_attr attrs[5] = {HN_A_INT("q_num_heads", heads), HN_A_INT("kv_num_heads", kv_heads)};
    size_t at = 2;
    if (hn_attr_int(n, "is_causal", 0) != 0) attrs[at++] = (hn_rw_attr)HN_A_INT("is_causal", 1);
    if (hn_node_attr(n, "scale") != NULL) attrs[at] = (hn_rw_attr)HN_A_FLOAT("scale", hn_attr_float(n, "scale", 1));
    hn_value *in[] = {split->in[0], hn_node_in(n, 3)};
    hn_value *y = hn_rw_op(&rw, "hone.QkvAttention", in[1] != NULL ? 2 : 1, in, attrs);
    HN_TRY(hn_rw_status(&rw));
    return hn_replace_first(c, &rw, n, y);
}

static hn_status run(hn_pass_ctx *c)
{
    if (hn_op_find(c->graph->ops, "hone", "QkvAttention") == NULL) return HN_OK;
    for (hn_node *n = c->graph->first, *next; n != NULL; n = next) {
        next = n->next;
        if (!plain(n)) continue;
        const hn_node *split = cut_of(n);
        if (split != NULL) HN_TRY(join(c, n, split));
    }
    return HN_OK;
}

const hn_pass hn_pass_qkv = {
    .name = "qkv",
    .doc = "Attention over the three parts of one Split along the last dim becomes hone.QkvAttention, which reads them "
           "from where they lie.",
    .run = run,
};
