/* TreeEnsembleRegressor: the leaves that a row reaches, one per tree, joined per target. */
#include "ops/lib_forest.h"

static hn_status check_lists(hn_env *env, const hn_node *n)
{
    const int64_t *list;
    if (hn_forest_targets(n) < 1) return hn_op_fail(env, n, "n_targets is %lld", (long long)hn_forest_targets(n));
    if (hn_attr_ints(n, "nodes_treeids", &list) != hn_attr_ints(n, "nodes_nodeids", &list))
        return hn_op_fail(env, n, "nodes_treeids and nodes_nodeids differ in length");
    return HN_OK;
}

static hn_status infer(hn_infer *c)
{
    int64_t rows, features;
    HN_TRY(hn_ml_rows(c, &rows, &features));
    HN_TRY(check_lists(c->env, c->node));
    c->out[0] = hn_type_tensor(HN_F32, 2, (const int64_t[]){rows, hn_forest_targets(c->node)});
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    size_t targets = (size_t)hn_forest_targets(a->node);
    hn_forest f;
    HN_TRY(hn_forest_read_old(a->env, a->scratch, a->node, "target", targets, &f));
    if (f.base && f.bases != targets)
        return hn_op_fail(a->env, a->node, "%zu base values for %zu targets", f.bases, targets);
    return hn_forest_rows(a, &f);
}

static void votes(hn_cases *c)
{
    hn_case_int(c, "n_targets", 1);
    hn_case_ints(c, "target_treeids", 4, (int64_t[]){0, 0, 1, 1});
    hn_case_ints(c, "target_nodeids", 4, (int64_t[]){1, 2, 1, 2});
    hn_case_ints(c, "target_ids", 4, (int64_t[]){0, 0, 0, 0});
    hn_case_floats(c, "target_weights", 4, HN_VALS(10, 20, 1, 2));
}

static void joined(hn_cases *c, const char *how, const double *y)
{
    hn_case(c, how);
    hn_case_flag(c, HN_CASE_ONE_TYPE | HN_CASE_NO_GRAD);
    hn_forest_case_stumps(c);
    votes(c);
    hn_case_string(c, "aggregate_function", how);
    hn_case_floats(c, "base_values", 1, HN_VALS(0.25));
    hn_case_in(c, HN_F32, HN_DIMS(3, 2), HN_VALS(0, 0, 1, 3, NAN, NAN));
    hn_case_want(c, HN_F32, HN_DIMS(3, 1), y);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_forest_case_stumps(c);
    votes(c);
    hn_case_in(c, HN_F32, HN_DIMS(2, 2), HN_VALS(0, 0, 1, 3));
    hn_case_want(c, HN_F32, HN_DIMS(2, 1), HN_VALS(12, 21));
    joined(c, "SUM", HN_VALS(12.25, 21.25, 21.25));
    joined(c, "AVERAGE", HN_VALS(6.25, 10.75, 10.75));
    joined(c, "MIN", HN_VALS(2.25, 1.25, 1.25));
    joined(c, "MAX", HN_VALS(10.25, 20.25, 20.25));
    hn_case(c, "two targets, two votes in one leaf, softmax");
    hn_case_flag(c, HN_CASE_INEXACT);
    hn_forest_case_stumps(c);
    hn_case_int(c, "n_targets", 2);
    hn_case_string(c, "post_transform", "SOFTMAX");
    hn_case_ints(c, "target_treeids", 3, (int64_t[]){0, 1, 0});
    hn_case_ints(c, "target_nodeids", 3, (int64_t[]){1, 2, 1});
    hn_case_ints(c, "target_ids", 3, (int64_t[]){1, 0, 0});
    hn_case_floats(c, "target_weights", 3, HN_VALS(1, 0.5, 0.5));
    hn_case_in(c, HN_F32, HN_DIMS(2, 2), HN_VALS(0, 0, 1, 0));
    hn_case_want(c, HN_F32, HN_DIMS(2, 2), HN_VALS(0.5, 0.5, 0.62245933, 0.37754067));
    hn_case(c, "number of targets by the votes");
    hn_forest_case_stumps(c);
    hn_case_ints(c, "target_treeids", 2, (int64_t[]){0, 1});
    hn_case_ints(c, "target_nodeids", 2, (int64_t[]){1, 2});
    hn_case_ints(c, "target_ids", 2, (int64_t[]){1, 0});
    hn_case_floats(c, "target_weights", 2, HN_VALS(1, 0.5));
    hn_case_in(c, HN_F32, HN_DIMS(1, 2), HN_VALS(0, 0));
    hn_case_want(c, HN_F32, HN_DIMS(1, 2), HN_VALS(0.5, 1));
    hn_case(c, "thresholds in f64, no rows");
    hn_forest_case_stumps(c);
    votes(c);
    hn_case_rand(c, HN_F32, HN_DIMS(0, 2), -1, 1);
    hn_case(c, "a path that comes back");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_ints(c, "nodes_truenodeids", 6, (int64_t[]){0, 0, 0, 1, 0, 0});
    hn_forest_case_stumps(c);
    votes(c);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 2), -1, 1);
    hn_case(c, "a child that is not there");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_ints(c, "nodes_falsenodeids", 6, (int64_t[]){3, 0, 0, 2, 0, 0});
    hn_forest_case_stumps(c);
    votes(c);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 2), -1, 1);
    hn_case(c, "a vote for no target");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_ints(c, "target_ids", 4, (int64_t[]){0, 0, 1, 0});
    hn_forest_case_stumps(c);
    votes(c);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 2), -1, 1);
    hn_case(c, "lists of other lengths");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_floats(c, "nodes_values", 5, HN_VALS(0.5, 0, 0, 1, 0));
    hn_forest_case_stumps(c);
    votes(c);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 2), -1, 1);
    hn_case(c, "fewer features than the trees read");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_forest_case_stumps(c);
    votes(c);
    hn_case_rand(c, HN_F32, HN_DIMS(3, 1), -1, 1);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"X", HN_T_ML, 0, false}};
static const hn_port out[] = {{"Y", HN_BIT(HN_F32), 0, false}};
static const hn_attr_row attrs[] = {
    {"aggregate_function", HN_ATTR_STRING, false, "SUM",
     "how the votes of a target are joined: SUM, AVERAGE (over "
     "trees), MIN or MAX"},
    {"base_values", HN_ATTR_FLOATS, false, NULL, "added after joining, one per target"},
    {"base_values_as_tensor", HN_ATTR_TENSOR, false, NULL, "the same, in f64"},
    {"n_targets", HN_ATTR_INT, false, NULL, "number of targets; default: as many as the votes name"},
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
    {"post_transform", HN_ATTR_STRING, false, "NONE",
     "NONE, SOFTMAX, LOGISTIC, SOFTMAX_ZERO or PROBIT; a single target takes PROBIT only"},
    {"target_ids", HN_ATTR_INTS, true, NULL, "target of each vote"},
    {"target_nodeids", HN_ATTR_INTS, true, NULL, "leaf of each vote"},
    {"target_treeids", HN_ATTR_INTS, true, NULL, "tree of each vote"},
    {"target_weights", HN_ATTR_FLOATS, false, NULL, "weight of each vote"},
    {"target_weights_as_tensor", HN_ATTR_TENSOR, false, NULL, "the same, in f64"},
    {0},
};

const hn_op hn_op_ml_tree_ensemble_regressor = {
    .name = "TreeEnsembleRegressor",
    .domain = "ai.onnx.ml",
    .since = 3,
    .doc = "y[n, t] = join over trees of the votes for t in the leaf that x[n] reaches, plus base_values[t], then "
           "post_transform. Trees (x0 <= 0.5 ? 10 : 20) and (x1 > 1 ? 1 : 2), SUM, [[0, 0], [1, 3]]: [[12], [21]].",
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD_NO("the result is constant between the thresholds, and trees are not trained by gradients"),
    .cost = hn_forest_cost,
    .shard = hn_shard_batch,
    .cases = cases,
    .quant = "",
};
