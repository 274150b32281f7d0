/* forest: tree ensembles on f32 rows. Every comparison becomes x <= split (the others by moving the split to the next
 * float and swapping the children), leaves point to themselves, and LANES walks go side by side, so that their loads
 * overlap and no branch depends on data: rows of a block through one tree, or, for few rows, one row through several
 * trees. Votes are summed in double in the order of the trees, as the reference does. */
#include <math.h>
#include <string.h>

#include "base/size.h"
#include "device/device.h"
#include "ops/lib_forest.h"

enum { LANES = 8, ROWS = 64, SCORES = 2048 /* of a block of rows */, TARGETS = 256 };

typedef struct walk_node {
    float split;
    uint32_t feature;  /* with NAN_FIRST: NaN takes child[0] */
    uint32_t child[2]; /* 0: x <= split */
} walk_node;

#define NAN_FIRST (UINT32_C(1) << 31)

typedef struct params {
    uint64_t rows, features, targets, trees, leaf0; /* nodes from leaf0 on are leaves */
    uint64_t width, voted, bases, blocks;
    uint32_t block; /* rows of a task */
    int32_t sum, post;
    bool classify, lone, share, nan_first;
    int32_t x, nodes, roots, from, votes, base, labels, y, z;
} params;

typedef struct job {
    const params *p;
    const hn_run *r;
} job;

/* ---- plan ---- */

/* The largest float that is no larger. */
static float round_down(double v)
{
    float f = (float)v;
    return (double)f > v ? nextafterf(f, -INFINITY) : f;
}

static uint32_t number_of(int32_t child, size_t leaf0)
{
    return (uint32_t)(child >= 0 ? (size_t)child : leaf0 + (size_t)~child);
}

/* False for tests that are no order, and for the one order that x <= split cannot say. */
static bool put_branch(const hn_branch *b, size_t leaf0, walk_node *w)
{
    bool swap = b->mode == HN_BRANCH_GT || b->mode == HN_BRANCH_GTE;
    bool strict = b->mode == HN_BRANCH_LT || b->mode == HN_BRANCH_GTE;
    if (b->mode > HN_BRANCH_GT || b->split != b->split || (strict && b->split == -INFINITY)) return false;
    float split = round_down(b->split);
    if (strict && (double)split == b->split) split = nextafterf(split, -INFINITY);
    w->split = split;
    w->feature = (uint32_t)b->feature | (b->nan_yes != swap ? NAN_FIRST : 0);
    w->child[swap] = number_of(b->yes, leaf0);
    w->child[!swap] = number_of(b->no, leaf0);
    return true;
}

static bool put_nodes(const hn_forest *f, walk_node *w, params *p)
{
    for (size_t i = 0; i < f->branches; i++) {
        if (!put_branch(&f->branch[i], f->branches, &w[i])) return false;
        p->nan_first |= (w[i].feature & NAN_FIRST) != 0;
    }
    for (size_t i = f->branches; i < f->branches + f->leaves; i++)
        w[i] = (walk_node){.child = {(uint32_t)i, (uint32_t)i}};
    return true;
}

static int copy(hn_lower *c, size_t bytes, const void *from)
{
    void *to;
    int k = hn_lower_const(c, hn_max_size(bytes, 1), &to);
    if (k >= 0 && bytes > 0) memcpy(to, from, bytes);
    return k;
}

static hn_status put_forest(hn_lower *c, const hn_forest *f, params *p)
{
    void *nodes, *roots;
    p->nodes = hn_lower_const(c, (f->branches + f->leaves) * sizeof(walk_node), &nodes);
    if (p->nodes < 0) return HN_NOMEM;
    if (!put_nodes(f, nodes, p)) return hn_lower_refuse(c, "a node tests equality or membership");
    p->roots = hn_lower_const(c, f->roots * sizeof(uint32_t), &roots);
    if (p->roots < 0) return HN_NOMEM;
    for (size_t k = 0; k < f->roots; k++) ((uint32_t *)roots)[k] = number_of(f->root[k], f->branches);
    p->from = copy(c, (f->leaves + 1) * sizeof *f->from, f->from);
    p->votes = copy(c, f->votes * sizeof *f->vote, f->vote);
    p->base = copy(c, f->bases * sizeof *f->base, f->base);
    if (p->from < 0 || p->votes < 0 || p->base < 0) return HN_NOMEM;
    p->trees = f->roots;
    p->leaf0 = f->branches;
    p->targets = f->targets;
    p->bases = f->bases;
    p->sum = (int32_t)f->sum;
    p->post = (int32_t)f->post;
    return HN_OK;
}

static hn_status read_classifier(hn_lower *c, params *p, hn_forest *f)
{
    hn_classify k;
    HN_TRY(hn_classify_read(c->env, c->arena, c->node, &k));
    *f = k.forest;
    if (!k.labels.ints) return hn_lower_refuse(c, "labels are strings");
    p->classify = true;
    p->width = k.width;
    p->lone = k.lone;
    p->voted = k.voted;
    p->share = k.share;
    p->labels = copy(c, k.labels.count * sizeof *k.labels.ints, k.labels.ints);
    return p->labels < 0 ? HN_NOMEM : HN_OK;
}

static hn_status read_any(hn_lower *c, params *p, hn_forest *f)
{
    const hn_node *n = c->node;
    if (hn_node_is(n, "ai.onnx.ml.TreeEnsembleClassifier")) return read_classifier(c, p, f);
    if (hn_node_is(n, "ai.onnx.ml.TreeEnsemble")) return hn_forest_read(c->env, c->arena, n, f);
    int64_t targets = hn_forest_targets(n);
    HN_TRY(hn_forest_read_old(c->env, c->arena, n, "target", targets > 0 ? (size_t)targets : 0, f));
    if (f->base && f->bases != f->targets) return hn_lower_refuse(c, "base values do not fit the targets");
    return HN_OK;
}

static hn_status lower(hn_lower *c)
{
    const hn_type *x = &c->node->in[0]->type;
    hn_forest f;
    params *p = hn_lower_params(c, sizeof *p);
    if (p == NULL) return HN_NOMEM;
    p->labels = -1;
    if (x->dtype != HN_F32) return hn_lower_refuse(c, "the features are not f32");
    HN_TRY(read_any(c, p, &f));
    if (c->refused) return HN_OK;
    if (f.targets > TARGETS) return hn_lower_refuse(c, "more than %d targets", (int)TARGETS);
    if (f.branches + f.leaves >= NAN_FIRST) return hn_lower_refuse(c, "2^31 nodes");
    p->features = (uint64_t)x->dims[x->rank - 1];
    p->rows = x->rank == 1 ? 1 : (uint64_t)x->dims[0];
    HN_TRY(hn_forest_fits(c->env, c->node, &f, (int64_t)p->features));
    /* Leaves load a feature too. */
    if (p->features == 0) return hn_lower_refuse(c, "rows without features");
    HN_TRY(put_forest(c, &f, p));
    if (c->refused) return HN_OK;
    p->block = (uint32_t)hn_min_size(ROWS, SCORES / hn_max_size(f.targets, 1));
    p->blocks = hn_div_up(p->rows, p->block);
    p->x = hn_lower_input(c, 0);
    p->y = hn_lower_output(c, 0);
    p->z = hn_node_out(c->node, 1) ? hn_lower_output(c, 1) : -1;
    return p->x < 0 || p->y < 0 ? HN_NOMEM : HN_OK;
}

/* ---- run ---- */

/* Each lane from at[l] to the leaf that row[l] leads to. */
static void walk(const walk_node *nodes, uint32_t at[LANES], const float *const row[LANES])
{
    for (uint32_t moved = 1; moved != 0;) {
        moved = 0;
        for (int l = 0; l < LANES; l++) {
            const walk_node *n = &nodes[at[l]];
            uint32_t next = n->child[!(row[l][n->feature] <= n->split)];
            moved |= next ^ at[l];
            at[l] = next;
        }
    }
}

/* The same where NaN may take child[0]. */
static void walk_nan(const walk_node *nodes, uint32_t at[LANES], const float *const row[LANES])
{
    for (uint32_t moved = 1; moved != 0;) {
        moved = 0;
        for (int l = 0; l < LANES; l++) {
            const walk_node *n = &nodes[at[l]];
            float x = row[l][n->feature & ~NAN_FIRST];
            bool first = (x <= n->split) | ((x != x) & (n->feature >> 31 != 0));
            uint32_t next = n->child[!first];
            moved |= next ^ at[l];
            at[l] = next;
        }
    }
}

static void count(const job *j, uint32_t leaf, double *score, bool *has)
{
    const params *p = j->p;
    const uint32_t *from = j->r->ptr[p->from];
    const hn_vote *vote = j->r->ptr[p->votes];
    for (uint32_t v = from[leaf - p->leaf0]; v < from[leaf - p->leaf0 + 1]; v++) {
        size_t t = (size_t)vote[v].target;
        double w = vote[v].weight;
        if (p->sum == HN_FOREST_MIN)
            score[t] = has[t] ? fmin(score[t], w) : w;
        else if (p->sum == HN_FOREST_MAX)
            score[t] = has[t] ? fmax(score[t], w) : w;
        else
            score[t] += w;
        has[t] = true;
    }
}

static void walk_any(const job *j, uint32_t at[LANES], const float *const row[LANES])
{
    if (j->p->nan_first)
        walk_nan(j->r->ptr[j->p->nodes], at, row);
    else
        walk(j->r->ptr[j->p->nodes], at, row);
}

/* Lanes past the end repeat the last row, or tree, and are not counted. */
static void by_rows(const job *j, const float *x, size_t rows, double *score, bool *has)
{
    const params *p = j->p;
    const uint32_t *roots = j->r->ptr[p->roots];
    for (size_t k = 0; k < p->trees; k++) {
        for (size_t r = 0; r < rows; r += LANES) {
            uint32_t at[LANES];
            const float *row[LANES];
            for (size_t l = 0; l < LANES; l++) {
                at[l] = roots[k];
                row[l] = x + hn_min_size(r + l, rows - 1) * p->features;
            }
            walk_any(j, at, row);
            for (size_t l = 0; l < LANES && r + l < rows; l++)
                count(j, at[l], score + (r + l) * p->targets, has + (r + l) * p->targets);
        }
    }
}

static void by_trees(const job *j, const float *x, double *score, bool *has)
{
    const params *p = j->p;
    const uint32_t *roots = j->r->ptr[p->roots];
    for (size_t k = 0; k < p->trees; k += LANES) {
        uint32_t at[LANES];
        const float *row[LANES];
        for (size_t l = 0; l < LANES; l++) {
            at[l] = roots[hn_min_size(k + l, p->trees - 1)];
            row[l] = x;
        }
        walk_any(j, at, row);
        for (size_t l = 0; l < LANES && k + l < p->trees; l++) count(j, at[l], score, has);
    }
}

static void finish(const job *j, size_t r, double *score, const bool *has)
{
    const params *p = j->p;
    const double *base = p->bases ? j->r->ptr[p->base] : NULL;
    for (size_t t = 0; p->sum == HN_FOREST_AVERAGE && p->trees && t < p->targets; t++) score[t] /= (double)p->trees;
    if (p->classify) {
        hn_classify k = {.width = p->width, .lone = p->lone, .voted = p->voted, .share = p->share};
        k.labels = (hn_ml_labels){.count = p->width, .ints = j->r->ptr[p->labels]};
        k.forest = (hn_forest){.targets = p->targets, .post = (hn_ml_post)p->post, .base = base, .bases = p->bases};
        hn_tensor y = {.dtype = HN_I64, .rank = 1, .data = j->r->ptr[p->y]};
        hn_tensor z = {.dtype = HN_F32, .rank = 2, .data = p->z < 0 ? NULL : j->r->ptr[p->z]};
        hn_classify_finish(&k, score, has, r, y.data ? &y : NULL, z.data ? &z : NULL);
        return;
    }
    float *y = (float *)j->r->ptr[p->y] + r * p->targets;
    for (size_t t = 0; base && t < p->targets; t++) score[t] += base[t];
    hn_ml_post_row((hn_ml_post)p->post, score, p->targets);
    for (size_t t = 0; t < p->targets; t++) y[t] = (float)score[t];
}

static void task(void *ctx, size_t t)
{
    const job *j = ctx;
    const params *p = j->p;
    double score[SCORES + TARGETS];
    bool has[SCORES + TARGETS];
    size_t first = t * p->block, rows = hn_min_size(p->block, p->rows - first);
    const float *x = (const float *)j->r->ptr[p->x] + first * p->features;
    memset(score, 0, rows * p->targets * sizeof *score);
    memset(has, 0, rows * p->targets * sizeof *has);
    if (rows < LANES / 2)
        for (size_t r = 0; r < rows; r++)
            by_trees(j, x + r * p->features, score + r * p->targets, has + r * p->targets);
    else
        by_rows(j, x, rows, score, has);
    for (size_t r = 0; r < rows; r++) finish(j, first + r, score + r * p->targets, has + r * p->targets);
}

static hn_status run(const hn_run *r)
{
    job j = {r->params, r};
    hn_pool_run(r->pool, j.p->blocks, task, &j);
    return HN_OK;
}

static const char *const OPS[] = {"ai.onnx.ml.TreeEnsemble", "ai.onnx.ml.TreeEnsembleClassifier",
                                  "ai.onnx.ml.TreeEnsembleRegressor", NULL};

const hn_driver hn_cpu_forest = {
    .name = "forest",
    .doc = "tree ensembles on f32 rows: eight walks side by side, blocks of rows in parallel",
    .ops = OPS,
    .rank = 10,
    .lower = lower,
    .run = run,
};
