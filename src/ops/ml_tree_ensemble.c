/* TreeEnsemble: as TreeEnsembleRegressor, with branches and leaves in lists of their own and tests of membership. */
#include "ops/lib_forest.h"

static int64_t targets_of(const hn_node *n)
{
    const int64_t *ids;
    int64_t targets = hn_forest_targets(n), most = 0;
    if (targets >= 0) return targets;
    size_t count = hn_attr_ints(n, "leaf_targetids", &ids);
    for (size_t i = 0; i < count; i++)
        if (ids[i] >= most && ids[i] < INT32_MAX) most = ids[i] + 1;
    return most;
}

static hn_status infer(hn_infer *c)
{
    int64_t rows, features;
    HN_TRY(hn_ml_rows(c, &rows, &features));
    if (targets_of(c->node) < 1) return hn_op_fail(c->env, c->node, "there are no targets");
    c->out[0] = hn_type_tensor(c->in[0]->dtype, 2, (const int64_t[]){rows, targets_of(c->node)});
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    hn_forest f;
    HN_TRY(hn_forest_read(a->env, a->scratch, a->node, &f));
    return hn_forest_rows(a, &f);
}

/* x0 <= 3.14 ? (x0 <= 1.2 ? leaf 0 : leaf 1) : (x0 <= 4.2 ? leaf 2 : leaf 3) */
static void tree(hn_cases *c)
{
    hn_case_ints(c, "tree_roots", 1, (int64_t[]){0});
    hn_case_ints(c, "nodes_featureids", 3, (int64_t[]){0, 0, 0});
    hn_case_tensor(c, "nodes_modes", HN_U8, HN_DIMS(3), HN_VALS(0, 0, 0));
    hn_case_tensor(c, "nodes_splits", HN_F64, HN_DIMS(3), HN_VALS(3.14, 1.2, 4.2));
    hn_case_ints(c, "nodes_truenodeids", 3, (int64_t[]){1, 0, 2});
    hn_case_ints(c, "nodes_trueleafs", 3, (int64_t[]){0, 1, 1});
    hn_case_ints(c, "nodes_falsenodeids", 3, (int64_t[]){2, 1, 3});
    hn_case_ints(c, "nodes_falseleafs", 3, (int64_t[]){0, 1, 1});
    hn_case_ints(c, "leaf_targetids", 4, (int64_t[]){0, 1, 0, 1});
    hn_case_tensor(c, "leaf_weights", HN_F64, HN_DIMS(4), HN_VALS(5.25, 12.5, -12.5, -0.25));
    hn_case_int(c, "n_targets", 2);
}

/* Every mode in a stump of its own: x0 against 2, sets {1, 4} and {2}; NaN takes the true branch of odd stumps. */
static void modes(hn_cases *c)
{
    hn_case_ints(c, "tree_roots", 8, (int64_t[]){0, 1, 2, 3, 4, 5, 6, 7});
    hn_case_ints(c, "nodes_featureids", 8, (int64_t[]){0, 0, 0, 0, 0, 0, 0, 0});
    hn_case_tensor(c, "nodes_modes", HN_U8, HN_DIMS(8), HN_VALS(0, 1, 2, 3, 4, 5, 6, 6));
    hn_case_tensor(c, "nodes_splits", HN_F64, HN_DIMS(8), HN_VALS(2, 2, 2, 2, 2, 2, 0, 0));
    hn_case_tensor(c, "membership_values", HN_F64, HN_DIMS(5), HN_VALS(4, 1, NAN, 2, NAN));
    hn_case_ints(c, "nodes_missing_value_tracks_true", 8, (int64_t[]){0, 1, 0, 1, 0, 1, 0, 1});
    hn_case_ints(c, "nodes_truenodeids", 8, (int64_t[]){0, 1, 2, 3, 4, 5, 6, 7});
    hn_case_ints(c, "nodes_falsenodeids", 8, (int64_t[]){8, 8, 8, 8, 8, 8, 8, 8});
    hn_case_ints(c, "nodes_trueleafs", 8, (int64_t[]){1, 1, 1, 1, 1, 1, 1, 1});
    hn_case_ints(c, "nodes_falseleafs", 8, (int64_t[]){1, 1, 1, 1, 1, 1, 1, 1});
    hn_case_ints(c, "leaf_targetids", 9, (int64_t[]){0, 0, 0, 0, 0, 0, 0, 0, 0});
    hn_case_tensor(c, "leaf_weights", HN_F64, HN_DIMS(9), HN_VALS(1, 2, 4, 8, 16, 32, 64, 128, 0));
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    tree(c);
    hn_case_in(c, HN_F32, HN_DIMS(3, 1), HN_VALS(1, 3, 4));
    hn_case_want(c, HN_F32, HN_DIMS(3, 2), HN_VALS(5.25, 0, 0, 12.5, -12.5, 0));
    hn_case(c, "every mode, NaN");
    hn_case_flag(c, HN_CASE_NO_GRAD);
    modes(c);
    hn_case_in(c, HN_F32, HN_DIMS(5, 1), HN_VALS(1, 2, 3, 4, NAN));
    hn_case_want(c, HN_F32, HN_DIMS(5, 1),
                 HN_VALS(1 + 2 + 32 + 64, 1 + 4 + 16 + 128, 4 + 8 + 32, 4 + 8 + 32 + 64, 2 + 8 + 32 + 128));
    static const double joined[4][2] = {{170.0 / 8, 99.0 / 8}, {170, 99}, {0, 0}, {128, 64}};
    static const char *const names[] = {"average", "sum", "least", "greatest"};
    for (int k = 0; k < 4; k++) {
        hn_case(c, names[k]);
        hn_case_flag(c, HN_CASE_NO_GRAD);
        modes(c);
        hn_case_int(c, "aggregate_function", k);
        hn_case_in(c, HN_F32, HN_DIMS(2, 1), HN_VALS(NAN, 1));
        hn_case_want(c, HN_F32, HN_DIMS(2, 1), joined[k]);
    }
    hn_case(c, "softmax, no rows");
    tree(c);
    hn_case_int(c, "post_transform", 1);
    hn_case_rand(c, HN_F32, HN_DIMS(0, 1), 0, 5);
    hn_case(c, "a path that comes back");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_ints(c, "nodes_falsenodeids", 3, (int64_t[]){2, 0, 0});
    hn_case_ints(c, "nodes_falseleafs", 3, (int64_t[]){0, 1, 0});
    tree(c);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 1), 0, 5);
    hn_case(c, "a leaf that is not there");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_ints(c, "nodes_falsenodeids", 3, (int64_t[]){2, 1, 4});
    tree(c);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 1), 0, 5);
    hn_case(c, "a root that is not there");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_ints(c, "tree_roots", 1, (int64_t[]){3});
    tree(c);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 1), 0, 5);
    hn_case(c, "no such mode");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_tensor(c, "nodes_modes", HN_U8, HN_DIMS(3), HN_VALS(0, 7, 0));
    tree(c);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 1), 0, 5);
    hn_case(c, "a set is missing");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_tensor(c, "nodes_modes", HN_U8, HN_DIMS(3), HN_VALS(0, 6, 0));
    tree(c);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 1), 0, 5);
    hn_case(c, "a target outside");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_int(c, "n_targets", 1);
    tree(c);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 1), 0, 5);
    return hn_cases_status(c);
}

#define TYPES (HN_BIT(HN_F32) | HN_BIT(HN_F64) | HN_BIT(HN_F16))
static const hn_port in[] = {{"X", TYPES, 'T', false}};
static const hn_port out[] = {{"Y", TYPES, 'T', false}};
static const hn_attr_row attrs[] = {
    {"aggregate_function", HN_ATTR_INT, false, "1",
     "how votes are joined: 0 average over trees, 1 sum, 2 least, 3 "
     "greatest"},
    {"leaf_targetids", HN_ATTR_INTS, true, NULL, "target of each leaf"},
    {"leaf_weights", HN_ATTR_TENSOR, true, NULL, "weight of each leaf"},
    {"membership_values", HN_ATTR_TENSOR, false, NULL,
     "sets of the nodes of mode 6, in their order, each ended by NaN"},
    {"n_targets", HN_ATTR_INT, false, NULL, "number of targets; default: as many as the leaves name"},
    {"nodes_falseleafs", HN_ATTR_INTS, true, NULL, "1: the false branch is a leaf"},
    {"nodes_falsenodeids", HN_ATTR_INTS, true, NULL, "number of the node or leaf where the test fails"},
    {"nodes_featureids", HN_ATTR_INTS, true, NULL, "feature that each node tests"},
    {"nodes_hitrates", HN_ATTR_TENSOR, false, NULL, "popularity; does not change the result"},
    {"nodes_missing_value_tracks_true", HN_ATTR_INTS, false, NULL, "1: NaN takes the true branch; default 0"},
    {"nodes_modes", HN_ATTR_TENSOR, true, NULL, "0 <=, 1 <, 2 >=, 3 >, 4 ==, 5 !=, 6 in a set"},
    {"nodes_splits", HN_ATTR_TENSOR, true, NULL, "what each node compares with"},
    {"nodes_trueleafs", HN_ATTR_INTS, true, NULL, "1: the true branch is a leaf"},
    {"nodes_truenodeids", HN_ATTR_INTS, true, NULL, "number of the node or leaf where the test holds"},
    {"post_transform", HN_ATTR_INT, false, "0",
     "0 none, 1 softmax, 2 logistic, 3 softmax that keeps zeros, 4 probit; a single target takes probit only"},
    {"tree_roots", HN_ATTR_INTS, true, NULL, "root of each tree, among the nodes"},
    {0},
};

const hn_op hn_op_ml_tree_ensemble = {
    .name = "TreeEnsemble",
    .domain = "ai.onnx.ml",
    .since = 5,
    .doc = "y[n, t] = join over trees of the weight of the leaf that x[n] reaches, where its target is t; then "
           "post_transform. Tree x0 <= 3.14 ? (x0 <= 1.2 ? 5.25 for 0 : 12.5 for 1) : (x0 <= 4.2 ? -12.5 for 0 : -0.25 "
           "for 1), [[1], [3], [4]]: [[5.25, 0], [0, 12.5], [-12.5, 0]].",
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
