/* lib_svm: see the header. */
#include "ops/lib_svm.h"

static hn_status read_kernel(hn_env *env, const hn_node *n, hn_svm *s)
{
    static const char *const names[] = {"LINEAR", "POLY", "RBF", "SIGMOID"};
    const double *p;
    size_t count;
    int kind = -1;
    for (int k = 0; k < 4; k++)
        if (hn_attr_is(n, "kernel_type", names[k])) kind = k;
    if (kind < 0) return hn_op_fail(env, n, "kernel_type is none of LINEAR, POLY, RBF, SIGMOID");
    s->kernel = kind;
    HN_TRY(hn_ml_floats(env, n, "kernel_params", 0, &p, &count));
    if (count != 0 && count != 3)
        return hn_op_fail(env, n, "kernel_params has %zu numbers, gamma, coef0 and degree needed", count);
    if (count == 0) return HN_OK;
    s->gamma = p[0];
    s->coef0 = p[1];
    s->degree = p[2];
    return HN_OK;
}

hn_status hn_svm_read(hn_env *env, const hn_node *n, int64_t vectors, size_t rows, int64_t features, hn_svm *s)
{
    size_t count;
    *s = (hn_svm){.vectors = vectors > 0 ? (size_t)vectors : 0};
    HN_TRY(read_kernel(env, n, s));
    HN_TRY(hn_ml_post_of(env, n, &s->post));
    HN_TRY(hn_ml_floats(env, n, "support_vectors", 0, &s->vector, &count));
    HN_TRY(hn_ml_floats(env, n, "coefficients", 0, &s->coefficient, &s->coefficients));
    HN_TRY(hn_ml_floats(env, n, "rho", 0, &s->rho, &s->rhos));
    if (s->vectors == 0) {
        count = s->coefficients;
        s->kernel = HN_SVM_LINEAR;
    }
    size_t parts = s->vectors ? s->vectors : rows;
    s->features = parts ? count / parts : 0;
    if (count == 0 || s->features * parts != count || (features >= 0 && (size_t)features != s->features))
        return hn_op_fail(env, n, "%s has %zu numbers: not %zu rows of %lld features",
                          s->vectors ? "support_vectors" : "coefficients", count, parts, (long long)features);
    return HN_OK;
}

double hn_svm_kernel(const hn_svm *s, const double *a, const double *b)
{
    double sum = 0;
    for (size_t i = 0; i < s->features; i++) {
        double d = a[i] - b[i];
        sum += s->kernel == HN_SVM_RBF ? d * d : a[i] * b[i];
    }
    switch (s->kernel) {
    case HN_SVM_POLY: return pow(s->gamma * sum + s->coef0, s->degree);
    case HN_SVM_RBF: return exp(-s->gamma * sum);
    case HN_SVM_SIGMOID: return tanh(s->gamma * sum + s->coef0);
    default: return sum;
    }
}

void hn_svm_kernels(const hn_svm *s, const double *x, double *k)
{
    for (size_t v = 0; v < s->vectors; v++) k[v] = hn_svm_kernel(s, x, s->vector + v * s->features);
}
