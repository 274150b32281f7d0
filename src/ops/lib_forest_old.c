/* lib_forest_old: the attributes of TreeEnsembleRegressor and TreeEnsembleClassifier: every node, leaves among them, is
 * named by the pair (tree, node), and leaves may have several votes. */
#include "ops/lib_forest_read.h"
#include <stdio.h>

typedef struct key {
    int64_t tree, node;
    uint32_t at; /* position in the lists */
} key;

typedef struct reader {
    hn_env *env;
    hn_arena *arena;
    const hn_node *n;
    hn_forest *f;
    size_t nodes;
    key *keys;       /* sorted */
    int32_t *number; /* of each position: its branch, or ~leaf */
    const int64_t *tree, *node, *yes, *no, *feature, *nan_yes;
    const hn_str *mode;
} reader;

static int order(const key *a, const key *b)
{
    if (a->tree != b->tree) return a->tree < b->tree ? -1 : 1;
    return (a->node > b->node) - (a->node < b->node);
}

static hn_status sort_keys(hn_env *env, hn_arena *arena, key **keys, size_t n)
{
    key *v = *keys, *w = hn_arena_array(env, arena, n + 1, sizeof *w);
    if (!w) return env->error.status;
    for (size_t width = 1; width < n; width *= 2) {
        for (size_t at = 0; at < n; at += 2 * width) {
            size_t i = at, mid = hn_min_size(at + width, n), j = mid, end = hn_min_size(at + 2 * width, n);
            for (size_t k = at; k < end; k++)
                w[k] = i < mid && (j == end || order(&v[i], &v[j]) <= 0) ? v[i++] : v[j++];
        }
        key *swap = v;
        v = w;
        w = swap;
    }
    *keys = v;
    return HN_OK;
}

/* Position of a node, or SIZE_MAX. */
static size_t find(const reader *r, int64_t tree, int64_t node)
{
    key want = {.tree = tree, .node = node};
    size_t low = 0, high = r->nodes;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int c = order(&r->keys[mid], &want);
        if (c == 0) return r->keys[mid].at;
        if (c < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return SIZE_MAX;
}

/* A list of floats, or the tensor "<name>_as_tensor" in its place. */
static hn_status reals(reader *r, const char *name, size_t want, const double **out, size_t *count)
{
    char other[64];
    const double *list;
    snprintf(other, sizeof other, "%s_as_tensor", name);
    *count = hn_attr_floats(r->n, name, &list);
    *out = *count ? list : NULL;
    const hn_attr *a = hn_node_attr(r->n, other);
    if (a && hn_tensor_elems(a->u.tensor) > 0) {
        if (*count) return hn_op_fail(r->env, r->n, "%s and %s are both given", name, other);
        *count = hn_tensor_elems(a->u.tensor);
        double *v = hn_arena_array(r->env, r->arena, *count, sizeof *v);
        if (!v) return r->env->error.status;
        for (size_t i = 0; i < *count; i++) v[i] = hn_get_f64(a->u.tensor, i);
        *out = v;
    }
    if (want != SIZE_MAX && *count != want)
        return hn_op_fail(r->env, r->n, "%s has %zu entries, %zu needed", name, *count, want);
    return HN_OK;
}

static hn_status read_mode(reader *r, size_t i, int *mode)
{
    static const char *const names[] = {"BRANCH_LEQ", "BRANCH_LT",  "BRANCH_GTE", "BRANCH_GT",
                                        "BRANCH_EQ",  "BRANCH_NEQ", "LEAF"};
    hn_str s = r->mode[i];
    for (int k = 0; k < 7; k++) {
        if (s.size != strlen(names[k]) || memcmp(s.data, names[k], s.size) != 0) continue;
        *mode = k == 6 ? -1 : k;
        return HN_OK;
    }
    return hn_op_fail(r->env, r->n, "node %zu has mode \"%.*s\"", i, (int)hn_min_size(s.size, 40), s.data);
}

static hn_status open_lists(reader *r)
{
    const char *const all[] = {"nodes_treeids", "nodes_truenodeids", "nodes_falsenodeids", "nodes_featureids"};
    const int64_t **const to[] = {&r->tree, &r->yes, &r->no, &r->feature};
    r->nodes = hn_attr_ints(r->n, "nodes_nodeids", &r->node);
    for (size_t k = 0; k < HN_COUNT(all); k++) HN_TRY(hn_forest_list(r->env, r->n, all[k], r->nodes, true, to[k]));
    HN_TRY(hn_forest_list(r->env, r->n, "nodes_missing_value_tracks_true", r->nodes, false, &r->nan_yes));
    size_t modes = hn_ml_strings(r->n, "nodes_modes", &r->mode);
    if (modes != r->nodes) return hn_op_fail(r->env, r->n, "nodes_modes has %zu entries, %zu needed", modes, r->nodes);
    if (r->nodes == 0) return hn_op_fail(r->env, r->n, "there are no nodes");
    if (r->nodes > INT32_MAX) return hn_op_unsupported(r->env, r->n, "2^31 nodes");
    r->keys = hn_arena_array(r->env, r->arena, r->nodes, sizeof *r->keys);
    r->number = hn_arena_array(r->env, r->arena, r->nodes, sizeof *r->number);
    if (!r->keys || !r->number) return r->env->error.status;
    for (size_t i = 0; i < r->nodes; i++) r->keys[i] = (key){r->tree[i], r->node[i], (uint32_t)i};
    HN_TRY(sort_keys(r->env, r->arena, &r->keys, r->nodes));
    for (size_t i = 1; i < r->nodes; i++)
        if (order(&r->keys[i - 1], &r->keys[i]) == 0)
            return hn_op_fail(r->env, r->n, "node %lld of tree %lld is listed twice", (long long)r->keys[i].node,
                              (long long)r->keys[i].tree);
    return HN_OK;
}

static hn_status child(reader *r, size_t i, int64_t id, int32_t *out)
{
    size_t at = find(r, r->tree[i], id);
    if (at == SIZE_MAX)
        return hn_op_fail(r->env, r->n, "node %lld of tree %lld has the child %lld, which is not there",
                          (long long)r->node[i], (long long)r->tree[i], (long long)id);
    *out = r->number[at];
    return HN_OK;
}

/* The first node listed of each tree is its root; trees keep their order of appearance. */
static hn_status read_roots(reader *r)
{
    hn_forest *f = r->f;
    for (size_t i = 0; i < r->nodes; i++) f->roots += i == 0 || r->keys[i].tree != r->keys[i - 1].tree;
    f->root = hn_arena_array(r->env, r->arena, f->roots + 1, sizeof *f->root);
    uint32_t *first = hn_arena_array(r->env, r->arena, f->roots + 1, sizeof *first);
    bool *is_root = hn_arena_array(r->env, r->arena, r->nodes, sizeof *is_root);
    if (!f->root || !first || !is_root) return r->env->error.status;
    for (size_t i = 0, k = 0; i < r->nodes; i++) {
        bool begins = i == 0 || r->keys[i].tree != r->keys[i - 1].tree;
        if (begins) first[k++] = r->keys[i].at;
        if (r->keys[i].at < first[k - 1]) first[k - 1] = r->keys[i].at;
    }
    for (size_t k = 0; k < f->roots; k++) is_root[first[k]] = true;
    for (size_t i = 0, k = 0; i < r->nodes; i++)
        if (is_root[i]) f->root[k++] = r->number[i];
    return HN_OK;
}

static hn_status read_nodes(reader *r)
{
    hn_forest *f = r->f;
    const double *split;
    size_t count;
    HN_TRY(reals(r, "nodes_values", r->nodes, &split, &count));
    for (size_t i = 0; i < r->nodes; i++) {
        int mode;
        HN_TRY(read_mode(r, i, &mode));
        r->number[i] = mode < 0 ? ~(int32_t)f->leaves++ : (int32_t)f->branches++;
    }
    f->branch = hn_arena_array(r->env, r->arena, f->branches + 1, sizeof *f->branch);
    if (!f->branch) return r->env->error.status;
    for (size_t i = 0; i < r->nodes; i++) {
        int mode;
        if (r->number[i] < 0) continue;
        hn_branch *b = &f->branch[r->number[i]];
        HN_TRY(read_mode(r, i, &mode));
        b->mode = (uint8_t)mode;
        b->split = split[i];
        b->nan_yes = r->nan_yes && r->nan_yes[i] != 0;
        HN_TRY(hn_forest_id(r->env, r->n, "nodes_featureids", r->feature[i], &b->feature));
        HN_TRY(child(r, i, r->yes[i], &b->yes));
        HN_TRY(child(r, i, r->no[i], &b->no));
    }
    return read_roots(r);
}

static hn_status read_votes(reader *r, const char *stem)
{
    hn_forest *f = r->f;
    const int64_t *tree, *node, *target;
    const double *weight;
    char name[48];
    size_t count;
    snprintf(name, sizeof name, "%s_nodeids", stem);
    f->votes = hn_attr_ints(r->n, name, &node);
    snprintf(name, sizeof name, "%s_treeids", stem);
    HN_TRY(hn_forest_list(r->env, r->n, name, f->votes, true, &tree));
    snprintf(name, sizeof name, "%s_ids", stem);
    HN_TRY(hn_forest_list(r->env, r->n, name, f->votes, true, &target));
    snprintf(name, sizeof name, "%s_weights", stem);
    HN_TRY(reals(r, name, f->votes, &weight, &count));
    f->from = hn_arena_array(r->env, r->arena, f->leaves + 2, sizeof *f->from);
    f->vote = hn_arena_array(r->env, r->arena, f->votes + 1, sizeof *f->vote);
    uint32_t *leaf = hn_arena_array(r->env, r->arena, f->votes + 1, sizeof *leaf);
    if (!f->from || !f->vote || !leaf) return r->env->error.status;
    if (f->votes > INT32_MAX) return hn_op_unsupported(r->env, r->n, "2^31 votes");
    for (size_t i = 0; i < f->votes; i++) {
        size_t at = find(r, tree[i], node[i]);
        if (at == SIZE_MAX || r->number[at] >= 0)
            return hn_op_fail(r->env, r->n, "a vote of node %lld of tree %lld, which is no leaf", (long long)node[i],
                              (long long)tree[i]);
        leaf[i] = (uint32_t)~r->number[at];
        f->from[leaf[i] + 2]++;
    }
    for (size_t i = 2; i < f->leaves + 2; i++) f->from[i] += f->from[i - 1];
    for (size_t i = 0; i < f->votes; i++) {
        hn_vote *v = &f->vote[f->from[leaf[i] + 1]++];
        v->weight = weight[i];
        HN_TRY(hn_forest_id(r->env, r->n, stem, target[i], &v->target));
    }
    return HN_OK;
}

static hn_status read_sum(reader *r)
{
    static const char *const names[] = {"AVERAGE", "SUM", "MIN", "MAX"};
    hn_str s = hn_attr_string(r->n, "aggregate_function", "SUM");
    for (int k = 0; k < 4; k++) {
        if (s.size != strlen(names[k]) || memcmp(s.data, names[k], s.size) != 0) continue;
        r->f->sum = (hn_forest_sum)k;
        return HN_OK;
    }
    return hn_op_fail(r->env, r->n, "aggregate_function is \"%.*s\", it is one of AVERAGE, SUM, MIN, MAX",
                      (int)hn_min_size(s.size, 40), s.data);
}

hn_status hn_forest_read_old(hn_env *env, hn_arena *arena, const hn_node *n, const char *stem, size_t targets,
                             hn_forest *f)
{
    reader r = {.env = env, .arena = arena, .n = n, .f = f};
    *f = (hn_forest){.targets = targets};
    HN_TRY(hn_ml_post_of(env, n, &f->post));
    HN_TRY(read_sum(&r));
    HN_TRY(open_lists(&r));
    HN_TRY(read_nodes(&r));
    HN_TRY(read_votes(&r, stem));
    HN_TRY(reals(&r, "base_values", SIZE_MAX, &f->base, &f->bases));
    return hn_forest_check(env, arena, n, f);
}
