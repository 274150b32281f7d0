/* lib_ml: see the header. */
#include "ops/lib_ml.h"

static const char *const POSTS[] = {"NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT"};

static bool is(hn_str s, const char *text)
{
    return s.size == strlen(text) && memcmp(s.data, text, s.size) == 0;
}

hn_status hn_ml_post_of(hn_env *env, const hn_node *n, hn_ml_post *out)
{
    hn_str s = hn_attr_string(n, "post_transform", "NONE");
    for (int k = 0; k <= HN_ML_PROBIT; k++) {
        if (!is(s, POSTS[k])) continue;
        *out = (hn_ml_post)k;
        return HN_OK;
    }
    return hn_op_fail(env, n, "post_transform is \"%.*s\", it is one of NONE, SOFTMAX, LOGISTIC, SOFTMAX_ZERO, PROBIT",
                      (int)hn_min_size(s.size, 40), s.data);
}

static double logistic(double x)
{
    double y = 1 / (1 + exp(-fabs(x)));
    return x < 0 ? 1 - y : y;
}

/* Winitzki's approximation of the inverse error function, which is what PROBIT means in every implementation. */
static double probit(double p)
{
    double x = p * 2 - 1, l = log((1 - x) * (1 + x));
    double v = 2 / (3.14159 * 0.147) + 0.5 * l;
    double y = sqrt(-v + sqrt(v * v - l / 0.147));
    return 1.41421356 * (x < 0 ? -y : y);
}

static void softmax(double *s, size_t n, bool keep_zeros)
{
    double max = -HUGE_VAL, sum = 0;
    for (size_t i = 0; i < n; i++) max = fmax(max, s[i]);
    for (size_t i = 0; i < n; i++) {
        s[i] = keep_zeros && fabs(s[i]) <= 1e-7 ? s[i] * exp(-max) : exp(s[i] - max);
        sum += s[i];
    }
    for (size_t i = 0; i < n; i++) s[i] = keep_zeros && sum == 0 ? 0.5 : s[i] / sum;
}

void hn_ml_post_row(hn_ml_post post, double *s, size_t n)
{
    if (n == 1 && post != HN_ML_PROBIT) return;
    if (post == HN_ML_SOFTMAX || post == HN_ML_SOFTMAX_ZERO) softmax(s, n, post == HN_ML_SOFTMAX_ZERO);
    for (size_t i = 0; post == HN_ML_LOGISTIC && i < n; i++) s[i] = logistic(s[i]);
    for (size_t i = 0; post == HN_ML_PROBIT && i < n; i++) s[i] = probit(s[i]);
}

void hn_ml_post_pair(hn_ml_post post, bool share, double *s, size_t *n)
{
    double v = s[0];
    *n = post == HN_ML_PROBIT ? 1 : 2;
    if (post == HN_ML_PROBIT) {
        s[0] = probit(v);
    } else if (share) {
        s[0] = 1 - v;
        s[1] = v;
    } else if (post == HN_ML_LOGISTIC) {
        s[0] = logistic(-v);
        s[1] = logistic(v);
    } else {
        s[0] = -v;
        s[1] = v;
    }
}

hn_status hn_ml_rows(hn_infer *c, int64_t *rows, int64_t *features)
{
    const hn_type *x = c->in[0];
    *rows = *features = -1;
    if (x->rank < 0) return HN_OK;
    if (x->rank != 1 && x->rank != 2)
        return hn_op_fail(c->env, c->node, "the input has %d axes, [N, F] or [F] needed", x->rank);
    *rows = x->rank == 2 ? x->dims[0] : 1;
    *features = x->dims[x->rank - 1];
    return HN_OK;
}

void hn_ml_row(const hn_tensor *x, size_t features, size_t r, double *dst)
{
    if (x->dtype == HN_F32) {
        const float *f = (const float *)x->data + r * features;
        for (size_t i = 0; i < features; i++) dst[i] = f[i];
        return;
    }
    for (size_t i = 0; i < features; i++) dst[i] = hn_get_f64(x, r * features + i);
}

size_t hn_ml_strings(const hn_node *n, const char *name, const hn_str **out)
{
    const hn_attr *a = hn_node_attr(n, name);
    bool there = a && a->kind == HN_ATTR_STRINGS;
    *out = there ? a->u.strings : NULL;
    return there ? a->count : 0;
}

hn_status hn_ml_labels_of(hn_env *env, const hn_node *n, const char *ints, const char *strings, hn_ml_labels *l)
{
    size_t ni = hn_attr_ints(n, ints, &l->ints), ns = hn_ml_strings(n, strings, &l->strings);
    if ((ni > 0) == (ns > 0)) return hn_op_fail(env, n, "exactly one of %s and %s must be given", ints, strings);
    l->count = ni + ns;
    if (ni == 0) l->ints = NULL;
    if (ns == 0) l->strings = NULL;
    return HN_OK;
}

hn_dtype hn_ml_labels_dtype(const hn_ml_labels *l)
{
    return l->ints ? HN_I64 : HN_STRING;
}

void hn_ml_label_set(const hn_tensor *y, size_t i, const hn_ml_labels *l, size_t label)
{
    if (l->ints)
        hn_set_i64(y, i, l->ints[label]);
    else
        ((hn_str *)y->data)[i] = l->strings[label];
}

hn_status hn_ml_floats(hn_env *env, const hn_node *n, const char *name, size_t want, const double **out, size_t *count)
{
    *count = hn_attr_floats(n, name, out);
    if (want != 0 && *count != want) return hn_op_fail(env, n, "%s has %zu numbers, %zu needed", name, *count, want);
    return HN_OK;
}

hn_status hn_ml_map(const hn_refargs *a, const hn_tensor *map, const hn_tensor **keys, const hn_tensor **values)
{
    if (map->dtype != HN_MAP || hn_tensor_elems(map) != 2) return hn_op_fail(a->env, a->node, "the input is no map");
    *keys = hn_tensor_item(map, 0);
    *values = hn_tensor_item(map, 1);
    size_t n = hn_tensor_elems(*keys);
    if (hn_tensor_elems(*values) != n)
        return hn_op_fail(a->env, a->node, "%zu keys, %zu values", n, hn_tensor_elems(*values));
    if ((*values)->dtype != HN_SEQ) return HN_OK;
    const hn_tensor *list = *values;
    hn_tensor *flat = hn_arena_alloc(a->env, a->scratch, sizeof *flat);
    hn_dtype t = n ? hn_tensor_item(list, 0)->dtype : a->node->in[0]->type.dtype;
    if (!flat) return a->env->error.status;
    if (!hn_dtype_valid((int64_t)t)) t = HN_F32;
    HN_TRY(hn_tensor_init(a->env, a->scratch, flat, t, 1, (const int64_t[]){(int64_t)n}));
    for (size_t i = 0; i < n; i++) {
        const hn_tensor *v = hn_tensor_item(list, i);
        if (v->dtype != t || hn_tensor_elems(v) != 1)
            return hn_op_fail(a->env, a->node, "value %zu of the map is not one %s", i, hn_dtype_name(t));
        hn_elem_copy(flat, i, v, 0);
    }
    *values = flat;
    return HN_OK;
}
