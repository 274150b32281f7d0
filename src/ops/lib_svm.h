/* lib_svm: kernels of support vector machines, as libsvm defines them. */
#ifndef HN_OPS_LIB_SVM_H
#define HN_OPS_LIB_SVM_H

#include "ops/lib_ml.h"

typedef struct hn_svm {
    enum { HN_SVM_LINEAR, HN_SVM_POLY, HN_SVM_RBF, HN_SVM_SIGMOID } kernel;
    hn_ml_post post;
    double gamma, coef0, degree;
    const double *vector, *coefficient, *rho; /* vector: [vectors, features] */
    size_t vectors, features, coefficients, rhos;
} hn_svm;

/* vectors: how many the node states. 0: the coefficients are `rows` rows of weights of the features. */
hn_status hn_svm_read(hn_env *env, const hn_node *n, int64_t vectors, size_t rows, int64_t features,
                      hn_svm *s) HN_MUST_CHECK;
double hn_svm_kernel(const hn_svm *s, const double *a, const double *b);
/* With support vectors: the kernel of x with each. */
void hn_svm_kernels(const hn_svm *s, const double *x, double *k);

#endif
