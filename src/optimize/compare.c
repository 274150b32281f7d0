/* compare: see the header. */
#include "optimize/compare.h"

#include <math.h>
#include <string.h>

static bool excess(double got, double want, double rtol, double atol, hn_compare *c, double *over)
{
    *over = 0;
    if (isnan(got) || isnan(want)) return isnan(got) != isnan(want);
    if (isinf(got) || isinf(want)) return got != want;
    double d = fabs(got - want);
    if (d > c->max_abs) c->max_abs = d;
    if (want != 0 && d / fabs(want) > c->max_rel) c->max_rel = d / fabs(want);
    *over = d - (atol + rtol * fabs(want));
    return *over > 0;
}

static void compare_tops(const hn_tensor *got, const hn_tensor *want, hn_compare *c)
{
    size_t classes = want->rank ? (size_t)want->dims[want->rank - 1] : 1;
    if (!classes || !hn_dtype_is_float(want->dtype)) return;
    c->rows = c->n / classes;
    for (size_t r = 0; r < c->rows; r++) {
        size_t a = 0, b = 0;
        for (size_t k = 1; k < classes; k++) {
            if (hn_get_f64(got, r * classes + k) > hn_get_f64(got, r * classes + a)) a = k;
            if (hn_get_f64(want, r * classes + k) > hn_get_f64(want, r * classes + b)) b = k;
        }
        c->rows_same_top += a == b;
    }
}

static void compare_exact(const hn_tensor *got, const hn_tensor *want, hn_compare *c)
{
    for (size_t i = 0; i < c->n; i++) {
        bool same;
        if (want->dtype == HN_STRING) {
            const hn_str *a = (const hn_str *)got->data + i, *b = (const hn_str *)want->data + i;
            same = a->size == b->size && (a->size == 0 || memcmp(a->data, b->data, a->size) == 0);
        } else {
            int64_t a = hn_get_i64(got, i), b = hn_get_i64(want, i);
            same = a == b;
            double d = fabs((double)a - (double)b);
            if (d > c->max_abs) c->max_abs = d;
            if (b != 0 && d / fabs((double)b) > c->max_rel) c->max_rel = d / fabs((double)b);
        }
        if (!same && !c->wrong++) c->worst = i;
    }
}

/* Entry by entry; what is worst in one of them is worst in all. */
static hn_compare compare_lists(const hn_tensor *got, const hn_tensor *want, double rtol, double atol, int depth)
{
    hn_compare all = {.same_type = got->dtype == want->dtype && hn_tensor_same_shape(got, want)};
    for (size_t i = 0, n = hn_tensor_elems(want); all.same_type && i < n; i++) {
        const hn_tensor *a = hn_tensor_item(got, i), *b = hn_tensor_item(want, i);
        bool deeper = hn_dtype_is_list(b->dtype) && depth < HN_MAX_NESTING;
        hn_compare c = deeper ? compare_lists(a, b, rtol, atol, depth + 1) : hn_compare_tensors(a, b, rtol, atol);
        if (c.wrong && !all.wrong) all.worst = c.worst;
        all.same_type = c.same_type;
        all.n += c.n;
        all.wrong += c.wrong;
        all.max_abs = fmax(all.max_abs, c.max_abs);
        all.max_rel = fmax(all.max_rel, c.max_rel);
    }
    return all;
}

hn_compare hn_compare_tensors(const hn_tensor *got, const hn_tensor *want, double rtol, double atol)
{
    if (hn_dtype_is_list(want->dtype)) return compare_lists(got, want, rtol, atol, 0);
    hn_compare c = {.same_type = got->dtype == want->dtype && hn_tensor_same_shape(got, want)};
    if (!c.same_type) return c;
    c.n = hn_tensor_elems(want);
    if (want->dtype == HN_C64 || want->dtype == HN_C128) {
        hn_tensor a = *got, b = *want;
        a.dtype = b.dtype = want->dtype == HN_C64 ? HN_F32 : HN_F64;
        a.rank = b.rank = 1;
        a.dims[0] = b.dims[0] = (int64_t)c.n * 2;
        c = hn_compare_tensors(&a, &b, rtol, atol);
        c.rows = c.rows_same_top = 0;
        return c;
    }
    if (!hn_dtype_is_float(want->dtype)) {
        compare_exact(got, want, &c);
        return c;
    }
    double worst = 0;
    for (size_t i = 0; i < c.n; i++) {
        double over;
        if (!excess(hn_get_f64(got, i), hn_get_f64(want, i), rtol, atol, &c, &over)) continue;
        if (!c.wrong++ || over > worst) {
            c.worst = i;
            worst = over;
        }
    }
    compare_tops(got, want, &c);
    return c;
}
