/* lib_forest: walking, and what both readers check. */
#include "ops/lib_forest_read.h"

hn_status hn_forest_fits(hn_env *env, const hn_node *n, const hn_forest *f, int64_t features)
{
    if (features < 0 || (size_t)features >= f->features) return HN_OK;
    return hn_op_fail(env, n, "the trees read feature %zu, the input has %lld", f->features - 1, (long long)features);
}

int64_t hn_forest_targets(const hn_node *n)
{
    const hn_attr *a = hn_node_attr(n, "n_targets");
    const int64_t *ids;
    int64_t most = -1;
    if (a) return a->u.i;
    for (size_t i = 0, count = hn_attr_ints(n, "target_ids", &ids); i < count; i++)
        if (ids[i] >= most && ids[i] < INT32_MAX) most = ids[i] + 1;
    return most;
}

static bool in_set(const hn_forest *f, uint32_t set, double x)
{
    uint32_t low = f->set_from[set], high = f->set_from[set + 1];
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (f->member[mid] == x) return true;
        if (f->member[mid] < x)
            low = mid + 1;
        else
            high = mid;
    }
    return false;
}

static bool goes_yes(const hn_forest *f, const hn_branch *b, double x)
{
    if (x != x) return b->nan_yes;
    switch (b->mode) {
    case HN_BRANCH_LEQ: return x <= b->split;
    case HN_BRANCH_LT: return x < b->split;
    case HN_BRANCH_GTE: return x >= b->split;
    case HN_BRANCH_GT: return x > b->split;
    case HN_BRANCH_EQ: return x == b->split;
    case HN_BRANCH_NEQ: return x != b->split;
    default: return in_set(f, b->set, x);
    }
}

static void count(const hn_forest *f, const hn_vote *v, double *score, bool *has)
{
    size_t t = (size_t)v->target;
    if (f->sum == HN_FOREST_MIN)
        score[t] = has[t] ? fmin(score[t], v->weight) : v->weight;
    else if (f->sum == HN_FOREST_MAX)
        score[t] = has[t] ? fmax(score[t], v->weight) : v->weight;
    else
        score[t] += v->weight;
    has[t] = true;
}

void hn_forest_collect(const hn_forest *f, const double *row, double *score, bool *has)
{
    for (size_t t = 0; t < f->targets; t++) {
        score[t] = 0;
        has[t] = false;
    }
    for (size_t k = 0; k < f->roots; k++) {
        int32_t at = f->root[k];
        while (at >= 0) {
            const hn_branch *b = &f->branch[at];
            at = goes_yes(f, b, row[b->feature]) ? b->yes : b->no;
        }
        for (uint32_t v = f->from[~at]; v < f->from[~at + 1]; v++) count(f, &f->vote[v], score, has);
    }
    for (size_t t = 0; f->sum == HN_FOREST_AVERAGE && f->roots && t < f->targets; t++) score[t] /= (double)f->roots;
}

void hn_forest_row(const hn_forest *f, const double *row, double *score, bool *has)
{
    hn_forest_collect(f, row, score, has);
    for (size_t t = 0; f->base && t < f->targets; t++) score[t] += f->base[t];
    hn_ml_post_row(f->post, score, f->targets);
}

hn_status hn_forest_rows(const hn_refargs *a, const hn_forest *f)
{
    const hn_tensor *x = a->in[0], *y = a->out[0];
    size_t features = (size_t)x->dims[x->rank - 1];
    double *row, *score;
    HN_TRY(hn_forest_fits(a->env, a->node, f, (int64_t)features));
    HN_TRY(hn_nn_new(a, features, &row));
    HN_TRY(hn_nn_new(a, f->targets, &score));
    bool *has = hn_arena_array(a->env, a->scratch, f->targets, sizeof *has);
    if (!has) return a->env->error.status;
    for (size_t r = 0, rows = (size_t)y->dims[0]; r < rows; r++) {
        hn_ml_row(x, features, r, row);
        hn_forest_row(f, row, score, has);
        for (size_t t = 0; t < f->targets; t++) hn_set_f64(y, r * f->targets + t, score[t]);
    }
    return HN_OK;
}

static double flops(const hn_node *n, double rows)
{
    const int64_t *list;
    size_t nodes = hn_attr_ints(n, "nodes_featureids", &list), trees = hn_attr_ints(n, "tree_roots", &list);
    if (trees == 0) {
        size_t ids = hn_attr_ints(n, "nodes_treeids", &list);
        for (size_t i = 0; i < ids; i++) trees += i == 0 || list[i] != list[i - 1];
    }
    return trees == 0 ? 0 : rows * (double)trees * (1 + log2((double)nodes / (double)trees + 1));
}

void hn_forest_cost(const hn_node *n, hn_cost *cost)
{
    *cost = (hn_cost){.flops = flops(n, (double)n->out[0]->type.dims[0]), .bytes = hn_nn_bytes(n)};
}

void hn_forest_case_stumps(hn_cases *c)
{
    static const hn_str modes[] = {{"BRANCH_LEQ", 10}, {"LEAF", 4}, {"LEAF", 4},
                                   {"BRANCH_GT", 9},   {"LEAF", 4}, {"LEAF", 4}};
    hn_case_ints(c, "nodes_treeids", 6, (int64_t[]){0, 0, 0, 1, 1, 1});
    hn_case_ints(c, "nodes_nodeids", 6, (int64_t[]){0, 1, 2, 0, 1, 2});
    hn_case_ints(c, "nodes_featureids", 6, (int64_t[]){0, 0, 0, 1, 0, 0});
    hn_case_floats(c, "nodes_values", 6, HN_VALS(0.5, 0, 0, 1, 0, 0));
    hn_case_strings(c, "nodes_modes", 6, modes);
    hn_case_ints(c, "nodes_truenodeids", 6, (int64_t[]){1, 0, 0, 1, 0, 0});
    hn_case_ints(c, "nodes_falsenodeids", 6, (int64_t[]){2, 0, 0, 2, 0, 0});
    hn_case_ints(c, "nodes_missing_value_tracks_true", 6, (int64_t[]){0, 0, 0, 1, 0, 0});
}

/* ---- checks ---- */

enum { WHITE, GREY, BLACK };

typedef struct walk {
    hn_forest *f;
    uint8_t *colour;
    int32_t *path;   /* grey branches from the root on */
    uint32_t *below; /* branches on the longest path down from a black one */
} walk;

static uint32_t depth_of(const walk *w, int32_t child)
{
    return child < 0 ? 0 : w->below[child];
}

/* Depth-first from one root, without recursion: a grey child closes a cycle. */
static hn_status walk_tree(hn_env *env, const hn_node *n, walk *w, int32_t root)
{
    size_t top = 0;
    if (root < 0 || w->colour[root] == BLACK) return HN_OK;
    w->path[top++] = root;
    w->colour[root] = GREY;
    while (top > 0) {
        const hn_branch *b = &w->f->branch[w->path[top - 1]];
        int32_t next = b->yes >= 0 && w->colour[b->yes] != BLACK ? b->yes
                       : b->no >= 0 && w->colour[b->no] != BLACK ? b->no
                                                                 : -1;
        if (next < 0) {
            int32_t done = w->path[--top];
            uint32_t yes = depth_of(w, b->yes), no = depth_of(w, b->no);
            w->below[done] = 1 + (yes > no ? yes : no);
            w->colour[done] = BLACK;
            continue;
        }
        if (w->colour[next] == GREY)
            return hn_op_fail(env, n, "the trees are no trees: a path comes back to node %d (of branches)", (int)next);
        w->colour[next] = GREY;
        w->path[top++] = next;
    }
    return HN_OK;
}

hn_status hn_forest_check(hn_env *env, hn_arena *arena, const hn_node *n, hn_forest *f)
{
    walk w = {.f = f};
    w.colour = hn_arena_array(env, arena, f->branches + 1, 1);
    w.path = hn_arena_array(env, arena, f->branches + 1, sizeof *w.path);
    w.below = hn_arena_array(env, arena, f->branches + 1, sizeof *w.below);
    if (!w.colour || !w.path || !w.below) return env->error.status;
    for (size_t k = 0; k < f->roots; k++) {
        HN_TRY(walk_tree(env, n, &w, f->root[k]));
        f->depth = hn_max_size(f->depth, depth_of(&w, f->root[k]));
    }
    for (size_t i = 0; i < f->branches; i++) {
        if (f->branch[i].feature < 0) return hn_op_fail(env, n, "a node reads feature %d", (int)f->branch[i].feature);
        f->features = hn_max_size(f->features, (size_t)f->branch[i].feature + 1);
    }
    for (size_t i = 0; i < f->votes; i++)
        if (f->vote[i].target < 0 || (size_t)f->vote[i].target >= f->targets)
            return hn_op_fail(env, n, "a leaf votes for number %d of %zu", (int)f->vote[i].target, f->targets);
    return HN_OK;
}

hn_status hn_forest_list(hn_env *env, const hn_node *n, const char *name, size_t want, bool needed, const int64_t **out)
{
    size_t count = hn_attr_ints(n, name, out);
    if (count == 0 && !needed) {
        *out = NULL;
        return HN_OK;
    }
    if (count != want) return hn_op_fail(env, n, "%s has %zu entries, %zu needed", name, count, want);
    return HN_OK;
}

hn_status hn_forest_id(hn_env *env, const hn_node *n, const char *name, int64_t v, int32_t *out)
{
    if (v < INT32_MIN || v > INT32_MAX) return hn_op_fail(env, n, "%s holds %lld", name, (long long)v);
    *out = (int32_t)v;
    return HN_OK;
}
