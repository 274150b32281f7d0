/* SVMClassifier: one machine for each pair of classes, whose votes choose the label; with prob_a and prob_b the
 * pairwise probabilities are coupled into one per class as in libsvm (Wu, Lin and Weng, 2004, second method). Without
 * support vectors it is a linear classifier. */
#include "ops/lib_svm.h"

typedef struct machine {
    hn_svm svm;
    hn_ml_labels labels;
    size_t classes, pairs, width; /* width: scores per row of the output */
    const int64_t *per_class;     /* support vectors of each class, in order */
    const double *prob_a, *prob_b;
    size_t probs;
} machine;

static hn_status read_pairs(hn_env *env, const hn_node *n, machine *m)
{
    size_t count;
    m->pairs = m->classes * (m->classes - 1) / 2;
    if (m->svm.coefficients != (m->classes - 1) * m->svm.vectors)
        return hn_op_fail(env, n, "%zu coefficients for %zu classes and %zu support vectors", m->svm.coefficients,
                          m->classes, m->svm.vectors);
    if (m->svm.rhos != m->pairs) return hn_op_fail(env, n, "%zu rho for %zu pairs of classes", m->svm.rhos, m->pairs);
    HN_TRY(hn_ml_floats(env, n, "prob_a", 0, &m->prob_a, &m->probs));
    if (m->probs) HN_TRY(hn_ml_floats(env, n, "prob_a", m->pairs, &m->prob_a, &count));
    if (m->probs) HN_TRY(hn_ml_floats(env, n, "prob_b", m->pairs, &m->prob_b, &count));
    m->width = m->probs ? m->classes : m->pairs == 1 ? 2 : m->pairs;
    return HN_OK;
}

static hn_status read_machine(hn_env *env, const hn_node *n, int64_t features, machine *m)
{
    *m = (machine){.classes = 0};
    HN_TRY(hn_ml_labels_of(env, n, "classlabels_ints", "classlabels_strings", &m->labels));
    m->classes = m->width = m->labels.count;
    size_t counts = hn_attr_ints(n, "vectors_per_class", &m->per_class);
    int64_t vectors = 0;
    for (size_t i = 0; i < counts; i++) {
        if (m->per_class[i] < 0 || m->per_class[i] > INT32_MAX)
            return hn_op_fail(env, n, "vectors_per_class holds %lld", (long long)m->per_class[i]);
        vectors += m->per_class[i];
    }
    if (counts != 0 && (counts != m->classes || counts < 2))
        return hn_op_fail(env, n, "vectors_per_class has %zu entries for %zu classes", counts, m->classes);
    HN_TRY(hn_svm_read(env, n, vectors, m->classes, features, &m->svm));
    return vectors > 0 ? read_pairs(env, n, m) : HN_OK;
}

static hn_status infer(hn_infer *c)
{
    int64_t rows, features;
    machine m;
    HN_TRY(hn_ml_rows(c, &rows, &features));
    HN_TRY(read_machine(c->env, c->node, features, &m));
    c->out[0] = hn_type_tensor(hn_ml_labels_dtype(&m.labels), 1, &rows);
    if (c->nout > 1) c->out[1] = hn_type_tensor(HN_F32, 2, (const int64_t[]){rows, (int64_t)m.width});
    return HN_OK;
}

/* score[p] of each pair (i, j), i < j; above zero it is a vote for i. Returns the class with the most votes. */
static size_t decide(const machine *m, const double *kernel, double *score, double *votes)
{
    const hn_svm *s = &m->svm;
    size_t pair = 0, from_i = 0, best = 0;
    for (size_t i = 0; i < m->classes; i++) votes[i] = 0;
    for (size_t i = 0; i < m->classes; i++) {
        size_t ni = (size_t)m->per_class[i], from_j = from_i + ni;
        for (size_t j = i + 1; j < m->classes; j++) {
            size_t nj = (size_t)m->per_class[j];
            double sum = s->rho[pair];
            for (size_t v = from_i; v < from_i + ni; v++) sum += s->coefficient[(j - 1) * s->vectors + v] * kernel[v];
            for (size_t v = from_j; v < from_j + nj; v++) sum += s->coefficient[i * s->vectors + v] * kernel[v];
            votes[sum > 0 ? i : j]++;
            score[pair++] = sum;
            from_j += nj;
        }
        from_i += ni;
    }
    for (size_t i = 1; i < m->classes; i++)
        if (votes[i] > votes[best]) best = i;
    return best;
}

static double pair_probability(double score, double a, double b)
{
    double x = score * a + b, p = x >= 0 ? exp(-x) / (1 + exp(-x)) : 1 / (1 + exp(x));
    return fmin(fmax(p, 1e-7), 1 - 1e-7);
}

/* r[i, j]: probability of i against j. Minimises sum (r[j, i] p[i] - r[i, j] p[j])^2 over p that sum to 1. */
static void couple(size_t k, const double *r, double *q, double *qp, double *p)
{
    for (size_t t = 0; t < k; t++) {
        p[t] = 1.0 / (double)k;
        q[t * k + t] = 0;
        for (size_t j = 0; j < k; j++) {
            if (j == t) continue;
            q[t * k + t] += r[j * k + t] * r[j * k + t];
            q[t * k + j] = -r[j * k + t] * r[t * k + j];
        }
    }
    for (size_t round = 0, most = k > 100 ? k : 100; round < most; round++) {
        double pqp = 0, error = 0;
        for (size_t t = 0; t < k; t++) {
            qp[t] = 0;
            for (size_t j = 0; j < k; j++) qp[t] += q[t * k + j] * p[j];
            pqp += p[t] * qp[t];
        }
        for (size_t t = 0; t < k; t++) error = fmax(error, fabs(qp[t] - pqp));
        if (error < 0.005 / (double)k) return;
        for (size_t t = 0; t < k; t++) {
            double diff = (pqp - qp[t]) / q[t * k + t];
            p[t] += diff;
            pqp = (pqp + diff * (diff * q[t * k + t] + 2 * qp[t])) / (1 + diff) / (1 + diff);
            for (size_t j = 0; j < k; j++) {
                qp[j] = (qp[j] + diff * q[t * k + j]) / (1 + diff);
                p[j] /= 1 + diff;
            }
        }
    }
}

typedef struct work {
    double *row, *kernel, *score, *votes, *r, *q, *qp, *p;
} work;

static hn_status make_room(const hn_refargs *a, const machine *m, work *w)
{
    size_t k = m->classes;
    HN_TRY(hn_nn_new(a, m->svm.features, &w->row));
    HN_TRY(hn_nn_new(a, m->svm.vectors, &w->kernel));
    HN_TRY(hn_nn_new(a, hn_max_size(m->pairs, k) + 1, &w->score));
    HN_TRY(hn_nn_new(a, k, &w->votes));
    if (!m->probs) return HN_OK;
    HN_TRY(hn_nn_new(a, k * k, &w->r));
    HN_TRY(hn_nn_new(a, k * k, &w->q));
    HN_TRY(hn_nn_new(a, k, &w->qp));
    return hn_nn_new(a, k, &w->p);
}

static size_t by_votes(const machine *m, work *w, size_t *n)
{
    size_t label = decide(m, w->kernel, w->score, w->votes), k = m->classes, pair = 0;
    *n = m->pairs;
    if (!m->probs) return label;
    for (size_t i = 0; i < k; i++) {
        for (size_t j = i + 1; j < k; j++, pair++) {
            w->r[i * k + j] = pair_probability(w->score[pair], m->prob_a[pair], m->prob_b[pair]);
            w->r[j * k + i] = 1 - w->r[i * k + j];
        }
    }
    couple(k, w->r, w->q, w->qp, w->p);
    memcpy(w->score, w->p, k * sizeof *w->p);
    *n = k;
    return label;
}

static size_t by_weights(const machine *m, work *w, size_t *n)
{
    size_t best = 0;
    *n = m->classes;
    for (size_t k = 0; k < m->classes; k++) {
        w->score[k] = hn_svm_kernel(&m->svm, w->row, m->svm.coefficient + k * m->svm.features);
        if (m->svm.rhos) w->score[k] += m->svm.rho[0];
        if (w->score[k] > w->score[best]) best = k;
    }
    return best;
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *x = a->in[0], *z = hn_nn_out(a, 1);
    size_t rows = x->rank == 1 ? 1 : (size_t)x->dims[0];
    machine m;
    work w = {0};
    HN_TRY(read_machine(a->env, a->node, x->dims[x->rank - 1], &m));
    HN_TRY(make_room(a, &m, &w));
    for (size_t r = 0; r < rows; r++) {
        size_t n;
        hn_ml_row(x, m.svm.features, r, w.row);
        hn_svm_kernels(&m.svm, w.row, w.kernel);
        size_t label = m.svm.vectors ? by_votes(&m, &w, &n) : by_weights(&m, &w, &n);
        if (a->out[0]) hn_ml_label_set(a->out[0], r, &m.labels, label);
        /* The one score of two classes is for the first; it is written for the second, as ONNX Runtime does. */
        if (n == 1 && m.width == 2)
            hn_ml_post_pair(m.svm.post, m.svm.post == HN_ML_SOFTMAX || m.svm.post == HN_ML_SOFTMAX_ZERO, w.score, &n);
        else
            hn_ml_post_row(m.svm.post, w.score, n);
        for (size_t t = 0; z && t < n; t++) hn_set_f64(z, r * m.width + t, w.score[t]);
    }
    return HN_OK;
}

static void cost(const hn_node *n, hn_cost *cost)
{
    const double *v;
    double rows = (double)n->out[0]->type.dims[0];
    double count = (double)(hn_attr_floats(n, "support_vectors", &v) + hn_attr_floats(n, "coefficients", &v));
    *cost = (hn_cost){.flops = 2 * rows * count, .macs = rows * count, .bytes = hn_nn_bytes(n) + 4 * count};
}

static void two(hn_cases *c, const char *name, const char *post, const double *z)
{
    hn_case(c, name);
    hn_case_flag(c, HN_CASE_INEXACT | HN_CASE_ONE_TYPE);
    hn_case_string(c, "kernel_type", "RBF");
    hn_case_string(c, "post_transform", post);
    hn_case_floats(c, "kernel_params", 3, HN_VALS(0.5, 0, 3));
    hn_case_ints(c, "vectors_per_class", 2, (int64_t[]){2, 1});
    hn_case_ints(c, "classlabels_ints", 2, (int64_t[]){5, 7});
    hn_case_floats(c, "support_vectors", 6, HN_VALS(1, 1, -1, 0, 0, -1));
    hn_case_floats(c, "coefficients", 3, HN_VALS(0.5, -0.25, -1));
    hn_case_floats(c, "rho", 1, HN_VALS(0.1));
    hn_case_in(c, HN_F32, HN_DIMS(3, 2), HN_VALS(1, 2, -1, -2, 0.5, -0.5));
    hn_case_want_i64(c, HN_DIMS(3), (int64_t[]){5, 7, 7});
    hn_case_want(c, HN_F32, HN_DIMS(3, 2), z);
}

static void three(hn_cases *c, const char *name, const double *z)
{
    static const hn_str names[] = {{"a", 1}, {"b", 1}, {"c", 1}};
    hn_case(c, name);
    hn_case_flag(c, HN_CASE_INEXACT | HN_CASE_ONE_TYPE);
    hn_case_string(c, "kernel_type", "RBF");
    hn_case_floats(c, "kernel_params", 3, HN_VALS(0.5, 0, 3));
    hn_case_ints(c, "vectors_per_class", 3, (int64_t[]){1, 1, 1});
    hn_case_strings(c, "classlabels_strings", 3, names);
    hn_case_floats(c, "support_vectors", 6, HN_VALS(1, 1, -1, 0, 0, -1));
    hn_case_floats(c, "coefficients", 6, HN_VALS(0.5, -0.25, -1, 0.3, 0.6, -0.2));
    hn_case_floats(c, "rho", 3, HN_VALS(0.1, -0.2, 0.3));
    hn_case_in(c, HN_F32, HN_DIMS(3, 2), HN_VALS(1, 2, -1, -2, 0.5, -0.5));
    hn_case_want_str(c, HN_DIMS(3), (const char *const[]){"a", "a", "a"});
    hn_case_want(c, HN_F32, HN_DIMS(3, 3), z);
}

/* Expected values are ONNX Runtime's. */
static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_floats(c, "coefficients", 4, HN_VALS(1, 0, 0, 1));
    hn_case_floats(c, "rho", 1, HN_VALS(0.5));
    hn_case_ints(c, "classlabels_ints", 2, (int64_t[]){10, 20});
    hn_case_in(c, HN_F32, HN_DIMS(2, 2), HN_VALS(3, 1, 1, 2));
    hn_case_want_i64(c, HN_DIMS(2), (int64_t[]){10, 20});
    hn_case_want(c, HN_F32, HN_DIMS(2, 2), HN_VALS(3.5, 1.5, 1.5, 2.5));
    two(c, "two classes", "NONE", HN_VALS(-0.39195, 0.39195, 0.30096, -0.30096, 0.60717, -0.60717));
    two(c, "two classes, logistic", "LOGISTIC", HN_VALS(0.40325, 0.59675, 0.57468, 0.42532, 0.6473, 0.3527));
    two(c, "two classes, softmax", "SOFTMAX", HN_VALS(0.60805, 0.39195, 1.30096, -0.30096, 1.60717, -0.60717));
    two(c, "two classes, probabilities", "NONE", HN_VALS(0.59528, 0.40472, 0.34266, 0.65734, 0.24772, 0.75228));
    hn_case_floats(c, "prob_a", 1, HN_VALS(-1.5));
    hn_case_floats(c, "prob_b", 1, HN_VALS(0.2));
    three(c, "three classes",
          HN_VALS(0.39869, -0.02478, 0.30964, 0.06692, -0.56743, 0.30763, 0.17163, -0.89285, 0.31614));
    three(c, "three classes, probabilities",
          HN_VALS(0.38189, 0.33352, 0.28460, 0.27105, 0.40998, 0.31897, 0.25593, 0.40225, 0.34181));
    hn_case_floats(c, "prob_a", 3, HN_VALS(-1.5, -1, -2));
    hn_case_floats(c, "prob_b", 3, HN_VALS(0.2, 0, 0.1));
    hn_case(c, "no rows");
    hn_case_floats(c, "coefficients", 4, HN_VALS(1, 0, 0, 1));
    hn_case_ints(c, "classlabels_ints", 2, (int64_t[]){10, 20});
    hn_case_rand(c, HN_F32, HN_DIMS(0, 2), -1, 1);
    hn_case(c, "too few coefficients");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_ints(c, "vectors_per_class", 2, (int64_t[]){2, 1});
    hn_case_ints(c, "classlabels_ints", 2, (int64_t[]){5, 7});
    hn_case_floats(c, "support_vectors", 6, HN_VALS(1, 1, -1, 0, 0, -1));
    hn_case_floats(c, "coefficients", 2, HN_VALS(0.5, -0.25));
    hn_case_floats(c, "rho", 1, HN_VALS(0.1));
    hn_case_rand(c, HN_F32, HN_DIMS(1, 2), -1, 1);
    hn_case(c, "no labels");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_floats(c, "coefficients", 4, HN_VALS(1, 0, 0, 1));
    hn_case_rand(c, HN_F32, HN_DIMS(1, 2), -1, 1);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"X", HN_T_ML, 0, false}};
static const hn_port out[] = {{"Y", HN_T_STRING | HN_T_I64, 0, false}, {"Z", HN_BIT(HN_F32), 0, true}};
static const hn_attr_row attrs[] = {
    {"classlabels_ints", HN_ATTR_INTS, false, NULL, "class labels"},
    {"classlabels_strings", HN_ATTR_STRINGS, false, NULL, "class labels"},
    {"coefficients", HN_ATTR_FLOATS, true, NULL, "[classes - 1, vectors] as in libsvm; without vectors [classes, F]"},
    {"kernel_params", HN_ATTR_FLOATS, false, NULL, "gamma, coef0, degree"},
    {"kernel_type", HN_ATTR_STRING, false, "LINEAR", "LINEAR, POLY, RBF or SIGMOID"},
    {"post_transform", HN_ATTR_STRING, false, "NONE",
     "of the scores: NONE, SOFTMAX, LOGISTIC, SOFTMAX_ZERO or PROBIT; the label is chosen before"},
    {"prob_a", HN_ATTR_FLOATS, false, NULL, "per pair of classes: scores become probabilities"},
    {"prob_b", HN_ATTR_FLOATS, false, NULL, "per pair of classes"},
    {"rho", HN_ATTR_FLOATS, false, NULL, "per pair of classes, added; without vectors one number"},
    {"support_vectors", HN_ATTR_FLOATS, false, NULL, "[vectors, F], class by class"},
    {"vectors_per_class", HN_ATTR_INTS, false, NULL, "number of support vectors of each class"},
    {0},
};

const hn_op hn_op_ml_svm_classifier = {
    .name = "SVMClassifier",
    .domain = "ai.onnx.ml",
    .since = 1,
    .doc =
        "Per pair of classes i < j a score s = sum_v coefficient K(x, support[v]) + rho (kernels as in SVMRegressor); "
        "s > 0 votes for i; y = the label with the most votes. z = the scores of the pairs ([-s, s] for two classes), "
        "or, with prob_a and prob_b, probabilities per class coupled from 1 / (1 + exp(prob_a s + prob_b)). Without "
        "support vectors z = x w + rho and y is the label of the highest: [[3, 1], [1, 2]] with w = [[1, 0], [0, 1]], "
        "rho 0.5, labels [10, 20]: [10, 20], [[3.5, 1.5], [1.5, 2.5]].",
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD_NO("a label is chosen by votes"),
    .cost = cost,
    .cases = cases,
    .quant = "",
};
