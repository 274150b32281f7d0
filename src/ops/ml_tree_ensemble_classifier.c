/* TreeEnsembleClassifier: votes of the leaves that a row reaches, summed per class, and the class that wins. */
#include "ops/lib_forest.h"

static hn_status labels_of(hn_env *env, const hn_node *n, hn_ml_labels *l)
{
    return hn_ml_labels_of(env, n, "classlabels_int64s", "classlabels_strings", l);
}

static hn_status infer(hn_infer *c)
{
    int64_t rows, features;
    const int64_t *list;
    hn_ml_labels labels;
    HN_TRY(hn_ml_rows(c, &rows, &features));
    HN_TRY(labels_of(c->env, c->node, &labels));
    if (hn_attr_ints(c->node, "nodes_treeids", &list) != hn_attr_ints(c->node, "nodes_nodeids", &list))
        return hn_op_fail(c->env, c->node, "nodes_treeids and nodes_nodeids differ in length");
    c->out[0] = hn_type_tensor(hn_ml_labels_dtype(&labels), 1, &rows);
    if (c->nout > 1)
        c->out[1] = hn_type_tensor(HN_F32, 2, (const int64_t[]){rows, labels.count < 2 ? 2 : (int64_t)labels.count});
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *x = a->in[0], *z = hn_nn_out(a, 1);
    size_t features = (size_t)x->dims[x->rank - 1], rows = x->rank == 1 ? 1 : (size_t)x->dims[0];
    hn_classify k;
    double *row, *score;
    HN_TRY(hn_classify_read(a->env, a->scratch, a->node, &k));
    HN_TRY(hn_forest_fits(a->env, a->node, &k.forest, (int64_t)features));
    HN_TRY(hn_nn_new(a, features, &row));
    HN_TRY(hn_nn_new(a, k.width, &score));
    bool *has = hn_arena_array(a->env, a->scratch, k.width, sizeof *has);
    if (!has) return a->env->error.status;
    for (size_t r = 0; r < rows; r++) {
        hn_ml_row(x, features, r, row);
        hn_forest_collect(&k.forest, row, score, has);
        hn_classify_finish(&k, score, has, r, a->out[0], z);
    }
    return HN_OK;
}

static void votes(hn_cases *c, size_t n, const int64_t *tree, const int64_t *node, const int64_t *id, const double *w)
{
    hn_case_ints(c, "class_treeids", n, tree);
    hn_case_ints(c, "class_nodeids", n, node);
    hn_case_ints(c, "class_ids", n, id);
    hn_case_floats(c, "class_weights", n, w);
}

/* One tree x0 <= 0.5 ? a : b whose leaves vote for class `id` of two, on x = 0 and x = 1. */
static void lone(hn_cases *c, const char *name, const char *post, int64_t id, double a, double b)
{
    static const hn_str modes[] = {{"BRANCH_LEQ", 10}, {"LEAF", 4}, {"LEAF", 4}};
    hn_case(c, name);
    hn_case_flag(c, HN_CASE_INEXACT);
    hn_case_string(c, "post_transform", post);
    hn_case_ints(c, "nodes_treeids", 3, (int64_t[]){0, 0, 0});
    hn_case_ints(c, "nodes_nodeids", 3, (int64_t[]){0, 1, 2});
    hn_case_ints(c, "nodes_featureids", 3, (int64_t[]){0, 0, 0});
    hn_case_floats(c, "nodes_values", 3, HN_VALS(0.5, 0, 0));
    hn_case_strings(c, "nodes_modes", 3, modes);
    hn_case_ints(c, "nodes_truenodeids", 3, (int64_t[]){1, 0, 0});
    hn_case_ints(c, "nodes_falsenodeids", 3, (int64_t[]){2, 0, 0});
    hn_case_ints(c, "classlabels_int64s", 2, (int64_t[]){5, 7});
    votes(c, 2, (int64_t[]){0, 0}, (int64_t[]){1, 2}, (int64_t[]){id, id}, (double[]){a, b});
    hn_case_in(c, HN_F32, HN_DIMS(2, 1), HN_VALS(0, 1));
    hn_case_want_i64(c, HN_DIMS(2), (int64_t[]){5, 7});
}

/* Expected values of `lone` are ONNX Runtime's. */
static hn_status cases(hn_cases *c)
{
    static const hn_str names[] = {{"a", 1}, {"b", 1}, {"c", 1}};
    const int64_t *tree = (int64_t[]){0, 0, 0, 1, 1}, *node = (int64_t[]){1, 1, 2, 1, 2};
    const int64_t *id = (int64_t[]){0, 1, 2, 1, 0};
    const double *w = HN_VALS(0.5, 0.25, 1, 0.5, 0.25), *x = HN_VALS(0, 0, 1, 3);
    hn_case(c, "example");
    hn_forest_case_stumps(c);
    hn_case_strings(c, "classlabels_strings", 3, names);
    votes(c, 5, tree, node, id, w);
    hn_case_in(c, HN_F32, HN_DIMS(2, 2), x);
    hn_case_want_str(c, HN_DIMS(2), (const char *const[]){"a", "c"});
    hn_case_want(c, HN_F32, HN_DIMS(2, 3), HN_VALS(0.75, 0.25, 0, 0, 0.5, 1));
    hn_case(c, "base values, softmax");
    hn_case_flag(c, HN_CASE_INEXACT);
    hn_forest_case_stumps(c);
    hn_case_string(c, "post_transform", "SOFTMAX");
    hn_case_ints(c, "classlabels_int64s", 3, (int64_t[]){5, 7, 9});
    hn_case_floats(c, "base_values", 3, HN_VALS(-1, 1, 0));
    votes(c, 5, tree, node, id, w);
    hn_case_in(c, HN_F32, HN_DIMS(2, 2), x);
    hn_case_want_i64(c, HN_DIMS(2), (int64_t[]){7, 7});
    hn_case_want(c, HN_F32, HN_DIMS(2, 3),
                 HN_VALS(0.14780405, 0.66241179, 0.18978416, 0.04861082, 0.59220107, 0.35918811));
    lone(c, "lone class, shares", "NONE", 0, 0.2, 0.9);
    hn_case_want(c, HN_F32, HN_DIMS(2, 2), HN_VALS(0.8, 0.2, 0.1, 0.9));
    lone(c, "lone class, margins", "NONE", 0, -0.2, 0.9);
    hn_case_want(c, HN_F32, HN_DIMS(2, 2), HN_VALS(0.2, -0.2, -0.9, 0.9));
    lone(c, "lone class, margins, logistic", "LOGISTIC", 0, -0.2, 0.9);
    hn_case_want(c, HN_F32, HN_DIMS(2, 2), HN_VALS(0.54983400, 0.45016600, 0.28905050, 0.71094950));
    lone(c, "lone class, shares, softmax", "SOFTMAX", 0, 0.2, 0.9);
    hn_case_want(c, HN_F32, HN_DIMS(2, 2), HN_VALS(0.8, 0.2, 0.1, 0.9));
    lone(c, "lone second class", "LOGISTIC", 1, -0.2, 0.9);
    hn_case_want(c, HN_F32, HN_DIMS(2, 2), HN_VALS(0.5, 0.45016600, 0.5, 0.71094950));
    lone(c, "lone class, one base value", "NONE", 0, -0.4, 0.9);
    hn_case_floats(c, "base_values", 1, HN_VALS(0.3));
    hn_case_want(c, HN_F32, HN_DIMS(2, 2), HN_VALS(0.1, -0.1, -1.2, 1.2));
    hn_case(c, "no rows");
    hn_forest_case_stumps(c);
    hn_case_strings(c, "classlabels_strings", 3, names);
    votes(c, 5, tree, node, id, w);
    hn_case_rand(c, HN_F32, HN_DIMS(0, 2), -1, 1);
    hn_case(c, "a vote for no class");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_strings(c, "classlabels_strings", 2, names);
    votes(c, 5, tree, node, id, w);
    hn_forest_case_stumps(c);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 2), -1, 1);
    hn_case(c, "a vote of a node that is no leaf");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_strings(c, "classlabels_strings", 3, names);
    votes(c, 5, tree, (int64_t[]){0, 1, 2, 1, 2}, id, w);
    hn_forest_case_stumps(c);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 2), -1, 1);
    hn_case(c, "no labels");
    hn_case_flag(c, HN_CASE_FAILS);
    votes(c, 5, tree, node, id, w);
    hn_forest_case_stumps(c);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 2), -1, 1);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"X", HN_T_ML, 0, false}};
static const hn_port out[] = {{"Y", HN_T_STRING | HN_T_I64, 0, false}, {"Z", HN_BIT(HN_F32), 0, true}};
static const hn_attr_row attrs[] = {
    {"base_values", HN_ATTR_FLOATS, false, NULL, "added to the scores, one per class"},
    {"base_values_as_tensor", HN_ATTR_TENSOR, false, NULL, "the same, in f64"},
    {"class_ids", HN_ATTR_INTS, true, NULL, "class of each vote"},
    {"class_nodeids", HN_ATTR_INTS, true, NULL, "leaf of each vote"},
    {"class_treeids", HN_ATTR_INTS, true, NULL, "tree of each vote"},
    {"class_weights", HN_ATTR_FLOATS, false, NULL, "weight of each vote"},
    {"class_weights_as_tensor", HN_ATTR_TENSOR, false, NULL, "the same, in f64"},
    {"classlabels_int64s", HN_ATTR_INTS, false, NULL, "class labels"},
    {"classlabels_strings", HN_ATTR_STRINGS, false, NULL, "class labels"},
    {"nodes_falsenodeids", HN_ATTR_INTS, true, NULL, "child where the test fails"},
    {"nodes_featureids", HN_ATTR_INTS, true, NULL, "feature that each node tests"},
    {"nodes_hitrates", HN_ATTR_FLOATS, false, NULL, "popularity; does not change the result"},
    {"nodes_hitrates_as_tensor", HN_ATTR_TENSOR, false, NULL, "popularity; does not change the result"},
    {"nodes_missing_value_tracks_true", HN_ATTR_INTS, false, NULL, "1: NaN takes the true branch; default 0"},
    {"nodes_modes", HN_ATTR_STRINGS, true, NULL,
     "BRANCH_LEQ, BRANCH_LT, BRANCH_GTE, BRANCH_GT, BRANCH_EQ, BRANCH_NEQ or LEAF"},
    {"nodes_nodeids", HN_ATTR_INTS, true, NULL, "number of each node in its tree; the first of a tree is its root"},
    {"nodes_treeids", HN_ATTR_INTS, true, NULL, "tree of each node"},
    {"nodes_truenodeids", HN_ATTR_INTS, true, NULL, "child where the test holds"},
    {"nodes_values", HN_ATTR_FLOATS, false, NULL, "what each node compares with"},
    {"nodes_values_as_tensor", HN_ATTR_TENSOR, false, NULL, "the same, in f64"},
    {"post_transform", HN_ATTR_STRING, false, "NONE", "NONE, SOFTMAX, LOGISTIC, SOFTMAX_ZERO or PROBIT"},
    {0},
};

const hn_op hn_op_ml_tree_ensemble_classifier = {
    .name = "TreeEnsembleClassifier",
    .domain = "ai.onnx.ml",
    .since = 3,
    .doc =
        "z[n, k] = sum over trees of the votes for class k in the leaf that x[n] reaches, plus base_values[k]; y[n] = "
        "label of the highest among classes with votes or base values; then post_transform of z. Where votes name "
        "one of two classes alone, its score s decides: y = label[s > 0.5], z = [1 - s, s] when no weight is "
        "negative, else y = label[s > 0], z = [-s, s]; LOGISTIC gives [logistic(-s), logistic(s)]. Trees (x0 <= 0.5 "
        "? a 0.5, b 0.25 : c 1) and (x1 > 1 ? b 0.5 : a 0.25), [[0, 0], [1, 3]]: [a, c], [[0.75, 0.25, 0], [0, 0.5, "
        "1]].",
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD_NO("a label is chosen, and scores are constant between the thresholds"),
    .cost = hn_forest_cost,
    .shard = hn_shard_batch,
    .cases = cases,
    .quant = "",
};
