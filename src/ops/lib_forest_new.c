/* lib_forest_new: the attributes of TreeEnsemble: branches and leaves in lists of their own. */
#include "ops/lib_forest_read.h"

static hn_status numbers(hn_env *env, const hn_node *n, const char *name, size_t want, const hn_tensor **out)
{
    const hn_attr *a = hn_node_attr(n, name);
    *out = a ? a->u.tensor : NULL;
    if (!a || want == SIZE_MAX) return HN_OK;
    size_t count = hn_tensor_elems(a->u.tensor);
    if (count != want) return hn_op_fail(env, n, "%s has %zu entries, %zu needed", name, count, want);
    return HN_OK;
}

static hn_status child(hn_env *env, const hn_node *n, const hn_forest *f, int64_t leaf, int64_t id, int32_t *out)
{
    size_t bound = leaf ? f->leaves : f->branches;
    if (id < 0 || (uint64_t)id >= bound)
        return hn_op_fail(env, n, "a child is %s %lld of %zu", leaf ? "leaf" : "node", (long long)id, bound);
    *out = leaf ? ~(int32_t)id : (int32_t)id;
    return HN_OK;
}

static hn_status read_branches(hn_env *env, const hn_node *n, hn_forest *f)
{
    const int64_t *feature, *yes, *no, *yes_leaf, *no_leaf, *nan_yes;
    const hn_tensor *mode, *split;
    size_t count = f->branches;
    HN_TRY(hn_forest_list(env, n, "nodes_featureids", count, true, &feature));
    HN_TRY(hn_forest_list(env, n, "nodes_truenodeids", count, true, &yes));
    HN_TRY(hn_forest_list(env, n, "nodes_falsenodeids", count, true, &no));
    HN_TRY(hn_forest_list(env, n, "nodes_trueleafs", count, true, &yes_leaf));
    HN_TRY(hn_forest_list(env, n, "nodes_falseleafs", count, true, &no_leaf));
    HN_TRY(hn_forest_list(env, n, "nodes_missing_value_tracks_true", count, false, &nan_yes));
    HN_TRY(numbers(env, n, "nodes_modes", count, &mode));
    HN_TRY(numbers(env, n, "nodes_splits", count, &split));
    if (!mode || !split) return hn_op_fail(env, n, "nodes_modes and nodes_splits are needed");
    for (size_t i = 0; i < count; i++) {
        hn_branch *b = &f->branch[i];
        int64_t m = hn_get_i64(mode, i);
        if (m < 0 || m > HN_BRANCH_MEMBER) return hn_op_fail(env, n, "node %zu has mode %lld", i, (long long)m);
        b->mode = (uint8_t)m;
        b->split = hn_get_f64(split, i);
        b->nan_yes = nan_yes && nan_yes[i] != 0;
        if (m == HN_BRANCH_MEMBER) b->set = (uint32_t)f->sets++;
        HN_TRY(hn_forest_id(env, n, "nodes_featureids", feature[i], &b->feature));
        HN_TRY(child(env, n, f, yes_leaf[i], yes[i], &b->yes));
        HN_TRY(child(env, n, f, no_leaf[i], no[i], &b->no));
    }
    return HN_OK;
}

static void sort_members(double *v, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        double x = v[i];
        size_t k = i;
        for (; k > 0 && v[k - 1] > x; k--) v[k] = v[k - 1];
        v[k] = x;
    }
}

/* Sets in the order of their nodes, each ended by NaN. */
static hn_status read_sets(hn_env *env, hn_arena *arena, const hn_node *n, hn_forest *f)
{
    const hn_tensor *values;
    HN_TRY(numbers(env, n, "membership_values", SIZE_MAX, &values));
    size_t count = values ? hn_tensor_elems(values) : 0, set = 0, at = 0;
    f->set_from = hn_arena_array(env, arena, f->sets + 1, sizeof *f->set_from);
    f->member = hn_arena_array(env, arena, count + 1, sizeof *f->member);
    if (!f->set_from || !f->member) return env->error.status;
    for (size_t i = 0; i < count; i++) {
        double v = hn_get_f64(values, i);
        bool last = i + 1 == count;
        if (v == v && set < f->sets) f->member[at++] = v;
        if ((v != v || last) && set < f->sets) {
            sort_members(f->member + f->set_from[set], at - f->set_from[set]);
            f->set_from[++set] = (uint32_t)at;
        } else if (set >= f->sets) {
            return hn_op_fail(env, n, "membership_values has more sets than the %zu nodes that test one", f->sets);
        }
    }
    if (set < f->sets)
        return hn_op_fail(env, n, "membership_values has %zu sets for %zu nodes that test one", set, f->sets);
    return HN_OK;
}

static hn_status read_leaves(hn_env *env, const hn_node *n, hn_forest *f)
{
    const int64_t *target;
    const hn_tensor *weight;
    HN_TRY(hn_forest_list(env, n, "leaf_targetids", f->leaves, true, &target));
    HN_TRY(numbers(env, n, "leaf_weights", f->leaves, &weight));
    if (!weight) return hn_op_fail(env, n, "leaf_weights is needed");
    for (size_t i = 0; i < f->leaves; i++) {
        HN_TRY(hn_forest_id(env, n, "leaf_targetids", target[i], &f->vote[i].target));
        f->vote[i].weight = hn_get_f64(weight, i);
        f->from[i + 1] = (uint32_t)i + 1;
        if (hn_forest_targets(n) < 0 && f->vote[i].target >= 0)
            f->targets = hn_max_size(f->targets, (size_t)f->vote[i].target + 1);
    }
    return HN_OK;
}

hn_status hn_forest_read(hn_env *env, hn_arena *arena, const hn_node *n, hn_forest *f)
{
    const int64_t *list, *roots;
    int64_t sum = hn_attr_int(n, "aggregate_function", 1), post = hn_attr_int(n, "post_transform", 0);
    int64_t targets = hn_forest_targets(n);
    *f = (hn_forest){.branches = hn_attr_ints(n, "nodes_featureids", &list)};
    f->leaves = f->votes = hn_attr_ints(n, "leaf_targetids", &list);
    f->roots = hn_attr_ints(n, "tree_roots", &roots);
    f->targets = targets > 0 ? (size_t)targets : 0;
    if (sum < HN_FOREST_AVERAGE || sum > HN_FOREST_MAX)
        return hn_op_fail(env, n, "aggregate_function is %lld", (long long)sum);
    if (post < HN_ML_NONE || post > HN_ML_PROBIT) return hn_op_fail(env, n, "post_transform is %lld", (long long)post);
    if (f->branches > INT32_MAX || f->leaves > INT32_MAX) return hn_op_unsupported(env, n, "2^31 nodes");
    f->sum = (hn_forest_sum)sum;
    f->post = (hn_ml_post)post;
    f->branch = hn_arena_array(env, arena, f->branches + 1, sizeof *f->branch);
    f->root = hn_arena_array(env, arena, f->roots + 1, sizeof *f->root);
    f->from = hn_arena_array(env, arena, f->leaves + 1, sizeof *f->from);
    f->vote = hn_arena_array(env, arena, f->votes + 1, sizeof *f->vote);
    if (!f->branch || !f->root || !f->from || !f->vote) return env->error.status;
    HN_TRY(read_branches(env, n, f));
    HN_TRY(read_sets(env, arena, n, f));
    HN_TRY(read_leaves(env, n, f));
    for (size_t k = 0; k < f->roots; k++) HN_TRY(child(env, n, f, 0, roots[k], &f->root[k]));
    return hn_forest_check(env, arena, n, f);
}
