/* lib_ml: what the rows of ai.onnx.ml share: tables of numbers in rows of features, class labels, and the transforms of
 * scores. Where the specification leaves a corner open, the rows do what ONNX Runtime does. */
#ifndef HN_OPS_LIB_ML_H
#define HN_OPS_LIB_ML_H

#include "ops/lib_nn.h"

#define HN_T_ML (HN_BIT(HN_F32) | HN_BIT(HN_F64) | HN_BIT(HN_I64) | HN_BIT(HN_I32))

typedef enum hn_ml_post { HN_ML_NONE, HN_ML_SOFTMAX, HN_ML_LOGISTIC, HN_ML_SOFTMAX_ZERO, HN_ML_PROBIT } hn_ml_post;
hn_status hn_ml_post_of(hn_env *env, const hn_node *n, hn_ml_post *out) HN_MUST_CHECK; /* attribute post_transform */
/* In place on one row. A single score is changed by PROBIT only. */
void hn_ml_post_row(hn_ml_post post, double *score, size_t n);
/* The score of the only one of two classes that has one becomes two: [1 - s, s] when scores are shares (`share`), else
 * [-s, s], transformed by LOGISTIC only. PROBIT gives [probit(s)] and *n 1. */
void hn_ml_post_pair(hn_ml_post post, bool share, double *score, size_t *n);

/* [N, F] of input 0, a tensor of rank 1 being one row; -1 where unknown. HN_INPUT for other ranks. */
hn_status hn_ml_rows(hn_infer *c, int64_t *rows, int64_t *features) HN_MUST_CHECK;
/* Row r of input 0 as doubles; integers and f64 are not narrowed. */
void hn_ml_row(const hn_tensor *x, size_t features, size_t r, double *dst);

/* Labels in attributes <ints> and <strings>, of which one is given. */
typedef struct hn_ml_labels {
    size_t count;
    const int64_t *ints;   /* NULL: strings */
    const hn_str *strings; /* NULL: ints */
} hn_ml_labels;
hn_status hn_ml_labels_of(hn_env *env, const hn_node *n, const char *ints, const char *strings,
                          hn_ml_labels *out) HN_MUST_CHECK;
hn_dtype hn_ml_labels_dtype(const hn_ml_labels *l);
void hn_ml_label_set(const hn_tensor *y, size_t i, const hn_ml_labels *l, size_t label);

/* Keys and values of a map as tensors [n], also where the values are a sequence of single elements. */
hn_status hn_ml_map(const hn_refargs *a, const hn_tensor *map, const hn_tensor **keys,
                    const hn_tensor **values) HN_MUST_CHECK;

size_t hn_ml_strings(const hn_node *n, const char *name, const hn_str **out);
/* A list attribute of `want` numbers, 0: any. HN_INPUT when it has another length. */
hn_status hn_ml_floats(hn_env *env, const hn_node *n, const char *name, size_t want, const double **out,
                       size_t *count) HN_MUST_CHECK;

#endif
