/* labels: classifiers with string labels give the numbers of the classes, and a table turns these into strings. */
#include "passes/lib_match.h"

static bool wanted(const hn_node *n)
{
    return hn_node_is(n, "ai.onnx.ml.TreeEnsembleClassifier") && hn_node_out(n, 0) != NULL;
}

static hn_status split(hn_pass_ctx *c, hn_node *n)
{
    const hn_attr *names = hn_node_attr(n, "classlabels_strings");
    hn_rw rw = hn_rw_at(c->graph, n);
    size_t count = names->count;
    int64_t *numbers = hn_arena_array(c->env, c->graph->arena, count, sizeof *numbers);
    hn_value **out = hn_arena_array(c->env, c->graph->arena, n->nout, sizeof *out);
    if (numbers == NULL || out == NULL) return c->env->error.status;
    for (size_t i = 0; i < count; i++) numbers[i] = (int64_t)i;
    rw.name = n->name;
    hn_node *k = hn_node_new(c->graph, n, n->op, n->name, n->nin, n->in, n->nout);
    if (k == NULL) return c->env->error.status;
    HN_TRY(hn_node_copy_attrs(k, n));
    hn_node_unset(k, "classlabels_strings");
    HN_TRY(hn_node_set_ints(k, "classlabels_int64s", numbers, count));
    HN_TRY(hn_node_infer(k));
    const hn_op *table = hn_op_find(c->graph->ops, "ai.onnx.ml", "LabelEncoder");
    if (table == NULL) return hn_fail(c->env, HN_BUG, "there is no LabelEncoder");
    hn_node *t = hn_node_new(c->graph, n, table, n->name, 1, k->out, 1);
    if (t == NULL) return c->env->error.status;
    HN_TRY(hn_node_set_ints(t, "keys_int64s", numbers, count));
    HN_TRY(hn_node_set_strings(t, "values_strings", names->u.strings, count));
    HN_TRY(hn_node_infer(t));
    out[0] = t->out[0];
    for (size_t i = 1; i < n->nout; i++) out[i] = n->out[i] == NULL ? NULL : k->out[i];
    c->changes++;
    return hn_rw_replace(&rw, n, out);
}

static hn_status run(hn_pass_ctx *c)
{
    for (hn_node *n = c->graph->first, *next; n != NULL; n = next) {
        next = n->next;
        const hn_attr *names = wanted(n) ? hn_node_attr(n, "classlabels_strings") : NULL;
        if (names != NULL && names->kind == HN_ATTR_STRINGS && names->count > 1 &&
            hn_node_attr(n, "classlabels_int64s") == NULL)
            HN_TRY(split(c, n));
    }
    return HN_OK;
}

const hn_pass hn_pass_labels = {
    .name = "labels",
    .doc = "A tree classifier with string labels gives the numbers of its classes, which its driver can write, and a "
           "LabelEncoder behind it gives the strings.",
    .run = run,
};
