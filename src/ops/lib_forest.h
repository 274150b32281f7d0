/* lib_forest: ensembles of decision trees in the one form that everything computes with. The three tree rows of
 * ai.onnx.ml are read into it; what comes from outside is checked on the way: children exist, no path returns to a node
 * it has left, lists are equally long, targets and features are in range. */
#ifndef HN_OPS_LIB_FOREST_H
#define HN_OPS_LIB_FOREST_H

#include "ops/lib_ml.h"

typedef enum hn_branch_mode {
    HN_BRANCH_LEQ,
    HN_BRANCH_LT,
    HN_BRANCH_GTE,
    HN_BRANCH_GT,
    HN_BRANCH_EQ,
    HN_BRANCH_NEQ,
    HN_BRANCH_MEMBER
} hn_branch_mode;

typedef enum hn_forest_sum { HN_FOREST_AVERAGE, HN_FOREST_SUM, HN_FOREST_MIN, HN_FOREST_MAX } hn_forest_sum;

/* A child c >= 0 is a branch, c < 0 the leaf ~c. */
typedef struct hn_branch {
    double split;
    int32_t feature, yes, no;
    uint32_t set; /* MEMBER: number of its set */
    uint8_t mode;
    bool nan_yes; /* where NaN goes */
} hn_branch;

typedef struct hn_vote {
    int32_t target;
    double weight;
} hn_vote;

typedef struct hn_forest {
    hn_branch *branch;
    int32_t *root;  /* as children */
    uint32_t *from; /* votes of leaf i: [from[i], from[i + 1]) */
    hn_vote *vote;
    uint32_t *set_from; /* members of set i, rising: [set_from[i], set_from[i + 1]) */
    double *member;
    size_t branches, roots, leaves, votes, sets;
    size_t targets, features; /* features: one more than the highest that is read */
    size_t depth;             /* branches on the longest path */
    hn_forest_sum sum;
    hn_ml_post post;
    const double *base; /* NULL, or one per target */
    size_t bases;
} hn_forest;

/* TreeEnsemble. */
hn_status hn_forest_read(hn_env *env, hn_arena *arena, const hn_node *n, hn_forest *f) HN_MUST_CHECK;
/* TreeEnsembleRegressor and TreeEnsembleClassifier; votes are lists named "<stem>_treeids" and so on. */
hn_status hn_forest_read_old(hn_env *env, hn_arena *arena, const hn_node *n, const char *stem, size_t targets,
                             hn_forest *f) HN_MUST_CHECK;
hn_status hn_forest_fits(hn_env *env, const hn_node *n, const hn_forest *f, int64_t features) HN_MUST_CHECK;
/* Number of targets that the node states, -1 when it does not. */
int64_t hn_forest_targets(const hn_node *n);

/* The votes that one row of features collects, per target; has[t] tells whether there was any. No base values. */
void hn_forest_collect(const hn_forest *f, const double *row, double *score, bool *has);
/* collect, base values and post transform of a regressor. */
void hn_forest_row(const hn_forest *f, const double *row, double *score, bool *has);

/* A classifier: how votes become labels and scores. */
typedef struct hn_classify {
    hn_forest forest;
    hn_ml_labels labels;
    size_t width; /* scores per row */
    bool lone;    /* of two classes one alone is voted for: its score against a threshold decides */
    size_t voted; /* lone: which one */
    bool share;   /* no weight is negative, so that the threshold is a half, else zero */
} hn_classify;
hn_status hn_classify_read(hn_env *env, hn_arena *arena, const hn_node *n, hn_classify *k) HN_MUST_CHECK;
/* Base values, label and transform of row r from what hn_forest_collect gave; score and has have room for `width`. y
 * and z may be NULL. */
void hn_classify_finish(const hn_classify *k, double *score, const bool *has, size_t r, const hn_tensor *y,
                        const hn_tensor *z);
/* Every row of X through hn_forest_row into Y. */
hn_status hn_forest_rows(const hn_refargs *a, const hn_forest *f) HN_MUST_CHECK;
void hn_forest_cost(const hn_node *n, hn_cost *cost); /* about: depth of a balanced tree times trees */
/* For the cases of the older rows, two trees: x0 <= 0.5 ? (10 | 20) and x1 > 1 (NaN counts as true) ? 1 : 2. */
void hn_forest_case_stumps(struct hn_cases *c);

#endif
