/* LinearClassifier: a score for each class, and the class of the highest. With one row of coefficients for two classes
 * the score's sign decides. */
#include "ops/lib_ml.h"

typedef struct linear {
    hn_ml_post post;
    hn_ml_labels labels;
    size_t scores, features, intercepts;
    const double *w, *b;
} linear;

static hn_status read_linear(hn_env *env, const hn_node *n, int64_t features, linear *l)
{
    size_t count;
    HN_TRY(hn_ml_post_of(env, n, &l->post));
    HN_TRY(hn_ml_labels_of(env, n, "classlabels_ints", "classlabels_strings", &l->labels));
    HN_TRY(hn_ml_floats(env, n, "coefficients", 0, &l->w, &count));
    HN_TRY(hn_ml_floats(env, n, "intercepts", 0, &l->b, &l->intercepts));
    /* Without intercepts the number of features tells how many rows there are; the labels before that is known. */
    l->scores = l->intercepts ? l->intercepts : features > 0 ? count / (size_t)features : l->labels.count;
    l->features = l->scores ? count / l->scores : 0;
    if (count == 0 || l->features * l->scores != count || (features >= 0 && (size_t)features != l->features))
        return hn_op_fail(env, n, "%zu coefficients for %zu scores of %lld features", count, l->scores,
                          (long long)features);
    if (l->scores == 1 ? l->labels.count > 2 : l->labels.count != l->scores)
        return hn_op_fail(env, n, "%zu class labels for %zu scores", l->labels.count, l->scores);
    return HN_OK;
}

static bool paired(const linear *l)
{
    return l->scores == 1 && l->labels.count == 2;
}

static hn_status infer(hn_infer *c)
{
    int64_t rows, features;
    linear l;
    HN_TRY(hn_ml_rows(c, &rows, &features));
    HN_TRY(read_linear(c->env, c->node, features, &l));
    c->out[0] = hn_type_tensor(hn_ml_labels_dtype(&l.labels), 1, &rows);
    if (c->nout < 2) return HN_OK;
    bool unsure = features < 0 && !l.intercepts;
    c->out[1] = hn_type_tensor(HN_F32, 2, (const int64_t[]){rows, unsure ? -1 : (int64_t)(paired(&l) ? 2 : l.scores)});
    return HN_OK;
}

/* One label alone stands for the positive class; the other is 0 or the empty string. */
static void set_label(const hn_tensor *y, size_t r, const linear *l, const double *score)
{
    size_t best = 0;
    if (l->scores == 1) {
        if (l->labels.count == 2)
            hn_ml_label_set(y, r, &l->labels, score[0] > 0);
        else if (score[0] > 0)
            hn_ml_label_set(y, r, &l->labels, 0);
        return;
    }
    for (size_t k = 1; k < l->scores; k++)
        if (score[k] > score[best]) best = k;
    hn_ml_label_set(y, r, &l->labels, best);
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *x = a->in[0], *z = hn_nn_out(a, 1);
    size_t rows = x->rank == 1 ? 1 : (size_t)x->dims[0];
    linear l;
    double *row, *score;
    HN_TRY(read_linear(a->env, a->node, x->dims[x->rank - 1], &l));
    HN_TRY(hn_nn_new(a, l.features, &row));
    HN_TRY(hn_nn_new(a, l.scores + 1, &score));
    for (size_t r = 0; r < rows; r++) {
        hn_ml_row(x, l.features, r, row);
        for (size_t t = 0; t < l.scores; t++) {
            score[t] = l.intercepts ? l.b[t] : 0;
            for (size_t i = 0; i < l.features; i++) score[t] += row[i] * l.w[t * l.features + i];
        }
        if (a->out[0]) set_label(a->out[0], r, &l, score);
        size_t n = l.scores, width = paired(&l) ? 2 : n;
        if (paired(&l))
            hn_ml_post_pair(l.post, l.post != HN_ML_LOGISTIC, score, &n);
        else
            hn_ml_post_row(l.post, score, n);
        for (size_t t = 0; z && t < n; t++) hn_set_f64(z, r * width + t, score[t]);
    }
    return HN_OK;
}

static void cost(const hn_node *n, hn_cost *cost)
{
    const double *w;
    double rows = (double)n->out[0]->type.dims[0], count = (double)hn_attr_floats(n, "coefficients", &w);
    *cost = (hn_cost){.flops = 2 * rows * count, .macs = rows * count, .bytes = hn_nn_bytes(n) + 4 * count};
}

static void three(hn_cases *c, const char *post, const int64_t *labels, const double *z)
{
    hn_case(c, post);
    hn_case_flag(c, HN_CASE_INEXACT | HN_CASE_ONE_TYPE);
    hn_case_string(c, "post_transform", post);
    hn_case_floats(c, "coefficients", 6, HN_VALS(0.3, 0.2, -0.1, 0.4, 0.2, 0.1));
    hn_case_floats(c, "intercepts", 3, HN_VALS(0.1, 0, 0.3));
    hn_case_ints(c, "classlabels_ints", 3, (int64_t[]){5, 7, 9});
    hn_case_in(c, HN_F32, HN_DIMS(3, 2), HN_VALS(1, 2, -1, -2, 0, 0));
    hn_case_want_i64(c, HN_DIMS(3), labels);
    hn_case_want(c, HN_F32, HN_DIMS(3, 3), z);
}

static void two(hn_cases *c, const char *name, const char *post, const double *z)
{
    static const hn_str names[] = {{"a", 1}, {"b", 1}};
    hn_case(c, name);
    hn_case_flag(c, HN_CASE_INEXACT | HN_CASE_ONE_TYPE);
    hn_case_string(c, "post_transform", post);
    hn_case_floats(c, "coefficients", 2, HN_VALS(0.3, 0.2));
    hn_case_floats(c, "intercepts", 1, HN_VALS(0.1));
    hn_case_strings(c, "classlabels_strings", 2, names);
    hn_case_in(c, HN_F32, HN_DIMS(3, 2), HN_VALS(1, 2, -1, -2, 0, 0));
    hn_case_want_str(c, HN_DIMS(3), (const char *const[]){"b", "a", "b"});
    hn_case_want(c, HN_F32, HN_DIMS(3, 2), z);
}

/* Expected values are ONNX Runtime's. */
static hn_status cases(hn_cases *c)
{
    const int64_t *labels = (int64_t[]){5, 9, 9};
    hn_case(c, "example");
    hn_case_floats(c, "coefficients", 4, HN_VALS(1, 0, 0, 1));
    hn_case_floats(c, "intercepts", 2, HN_VALS(0, 0.5));
    hn_case_ints(c, "classlabels_ints", 2, (int64_t[]){10, 20});
    hn_case_in(c, HN_F32, HN_DIMS(2, 2), HN_VALS(3, 1, 1, 2));
    hn_case_want_i64(c, HN_DIMS(2), (int64_t[]){10, 20});
    hn_case_want(c, HN_F32, HN_DIMS(2, 2), HN_VALS(3, 1.5, 1, 2.5));
    three(c, "NONE", labels, HN_VALS(0.8, 0.7, 0.7, -0.6, -0.7, -0.1, 0.1, 0, 0.3));
    three(c, "LOGISTIC", labels,
          HN_VALS(0.6899745, 0.66818774, 0.66818774, 0.3543437, 0.33181226, 0.47502083, 0.5249792, 0.5, 0.5744425));
    three(c, "SOFTMAX", labels,
          HN_VALS(0.35591307, 0.32204345, 0.32204345, 0.28140804, 0.2546285, 0.46396342, 0.31987306, 0.28943312,
                  0.39069384));
    three(c, "SOFTMAX_ZERO", labels,
          HN_VALS(0.35591307, 0.32204345, 0.32204345, 0.28140804, 0.2546285, 0.46396342, 0.450166, 0, 0.549834));
    two(c, "two classes, one score", "NONE", HN_VALS(0.2, 0.8, 1.6, -0.6, 0.9, 0.1));
    two(c, "two classes, logistic", "LOGISTIC",
        HN_VALS(0.3100255, 0.6899745, 0.6456563, 0.3543437, 0.47502083, 0.5249792));
    two(c, "two classes, softmax", "SOFTMAX", HN_VALS(0.2, 0.8, 1.6, -0.6, 0.9, 0.1));
    hn_case(c, "no intercepts, no rows");
    hn_case_floats(c, "coefficients", 4, HN_VALS(1, 0, 0, 1));
    hn_case_ints(c, "classlabels_ints", 2, (int64_t[]){10, 20});
    hn_case_rand(c, HN_F32, HN_DIMS(0, 2), -1, 1);
    hn_case(c, "labels for other scores");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_floats(c, "coefficients", 4, HN_VALS(1, 0, 0, 1));
    hn_case_ints(c, "classlabels_ints", 3, (int64_t[]){10, 20, 30});
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
    {"coefficients", HN_ATTR_FLOATS, true, NULL, "[scores, F]"},
    {"intercepts", HN_ATTR_FLOATS, false, NULL, "one per score"},
    {"multi_class", HN_ATTR_INT, false, "0", "says how the model was fitted; does not change the result"},
    {"post_transform", HN_ATTR_STRING, false, "NONE",
     "of the scores: NONE, SOFTMAX, LOGISTIC, SOFTMAX_ZERO or PROBIT; the label is chosen before"},
    {0},
};

const hn_op hn_op_ml_linear_classifier = {
    .name = "LinearClassifier",
    .domain = "ai.onnx.ml",
    .since = 1,
    .doc =
        "z[n, k] = sum_f x[n, f] w[k, f] + b[k]; y[n] = label of the highest; then post_transform of z. One score s "
        "for two classes: y = label[s > 0], z = [1 - s, s], under LOGISTIC [logistic(-s), logistic(s)]. x = [[3, 1], "
        "[1, 2]], w = [[1, 0], [0, 1]], b = [0, 0.5], labels [10, 20]: [10, 20], [[3, 1.5], [1, 2.5]].",
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD_NO("a label is chosen"),
    .cost = cost,
    .cases = cases,
    .quant = "",
};
