/* lib_ref: reference loops. Clarity before speed, but one pass without per-element division: constant folding uses them
 * too. Floats are computed in double and rounded once; integers in 64 bits and wrapped. */
#include "ops/lib.h"

void hn_walk_init(hn_walk *w, int rank, const int64_t *dims)
{
    *w = (hn_walk){.rank = rank};
    for (int d = 0; d < rank; d++) w->dims[d] = dims[d];
}

void hn_walk_add_strides(hn_walk *w, int64_t offset, const int64_t *strides)
{
    assert(w->n < HN_WALK_MAX);
    for (int d = 0; d < w->rank; d++) w->stride[w->n][d] = strides[d];
    w->offset[w->n++] = offset;
}

void hn_walk_add(hn_walk *w, const hn_tensor *t)
{
    int64_t own[HN_MAX_RANK], strides[HN_MAX_RANK] = {0};
    hn_strides(t->rank, t->dims, own);
    int shift = w->rank - t->rank;
    assert(shift >= 0);
    for (int d = 0; d < t->rank; d++)
        if (t->dims[d] != 1) strides[d + shift] = own[d];
    hn_walk_add_strides(w, 0, strides);
}

void hn_walk_next(hn_walk *w)
{
    for (int d = w->rank - 1; d >= 0; d--) {
        if (++w->at[d] < w->dims[d]) {
            for (size_t k = 0; k < w->n; k++) w->offset[k] += w->stride[k][d];
            return;
        }
        for (size_t k = 0; k < w->n; k++) w->offset[k] -= w->stride[k][d] * (w->dims[d] - 1);
        w->at[d] = 0;
    }
}

static bool is_unsigned(hn_dtype t)
{
    return t == HN_BOOL || !hn_dtype_is_signed(t);
}

hn_status hn_ref_unary(const hn_refargs *a, const hn_fn1 *fn, const double *p)
{
    const hn_tensor *x = a->in[0];
    const hn_tensor *y = a->out[0];
    size_t n = hn_tensor_elems(x);
    bool whole = hn_ref_integer(x->dtype) && fn->i;
    for (size_t i = 0; i < n; i++) {
        if (whole && fn->u && is_unsigned(x->dtype))
            hn_set_i64(y, i, (int64_t)fn->u(hn_get_u64(x, i)));
        else if (whole)
            hn_set_i64(y, i, fn->i(hn_get_i64(x, i)));
        else
            hn_set_f64(y, i, fn->fp ? fn->fp(hn_get_f64(x, i), p) : fn->f(hn_get_f64(x, i)));
    }
    return HN_OK;
}

static void apply(const hn_fn2 *fn, hn_dtype t, const hn_tensor *y, size_t i, const hn_tensor *a, size_t ia,
                  const hn_tensor *b, size_t ib)
{
    if (!hn_ref_integer(t) || !fn->i)
        hn_set_f64(y, i, fn->f(hn_get_f64(a, ia), hn_get_f64(b, ib)));
    else if (fn->u && is_unsigned(t))
        hn_set_i64(y, i, (int64_t)fn->u(hn_get_u64(a, ia), hn_get_u64(b, ib)));
    else
        hn_set_i64(y, i, fn->i(hn_get_i64(a, ia), hn_get_i64(b, ib)));
}

hn_status hn_ref_binary(const hn_refargs *a, const hn_fn2 *fn)
{
    const hn_tensor *y = a->out[0];
    hn_walk w;
    hn_walk_init(&w, y->rank, y->dims);
    hn_walk_add(&w, a->in[0]);
    hn_walk_add(&w, a->in[1]);
    size_t n = hn_tensor_elems(y);
    for (size_t i = 0; i < n; i++, hn_walk_next(&w))
        apply(fn, a->in[0]->dtype, y, i, a->in[0], (size_t)w.offset[0], a->in[1], (size_t)w.offset[1]);
    return HN_OK;
}

/* Accumulates in double or 64 bits, so that a long list is rounded once. */
hn_status hn_ref_fold(const hn_refargs *a, const hn_fn2 *fn, double scale)
{
    const hn_tensor *y = a->out[0];
    size_t n = hn_tensor_elems(y);
    bool whole = hn_ref_integer(y->dtype);
    bool u = whole && fn->u && is_unsigned(y->dtype);
    double *f = whole ? NULL : hn_arena_array(a->env, a->scratch, n, sizeof *f);
    int64_t *v = whole ? hn_arena_array(a->env, a->scratch, n, sizeof *v) : NULL;
    if (whole ? !v : !f) return a->env->error.status;
    for (size_t k = 0; k < a->nin; k++) {
        const hn_tensor *x = a->in[k];
        hn_walk w;
        hn_walk_init(&w, y->rank, y->dims);
        hn_walk_add(&w, x);
        for (size_t i = 0; i < n; i++, hn_walk_next(&w)) {
            size_t j = (size_t)w.offset[0];
            if (!whole)
                f[i] = k ? fn->f(f[i], hn_get_f64(x, j)) : hn_get_f64(x, j);
            else if (!k)
                v[i] = hn_get_i64(x, j);
            else
                v[i] = u ? (int64_t)fn->u((uint64_t)v[i], hn_get_u64(x, j)) : fn->i(v[i], hn_get_i64(x, j));
        }
    }
    for (size_t i = 0; i < n; i++) {
        if (whole)
            hn_set_i64(y, i, v[i]);
        else
            hn_set_f64(y, i, f[i] * scale);
    }
    return HN_OK;
}

hn_status hn_ref_take(const hn_refargs *a, const hn_tensor *v)
{
    hn_tensor *y = a->out[0];
    if (hn_dtype_is_list(y->dtype) || hn_dtype_is_list(v->dtype)) {
        if (y->dtype != v->dtype && y->dtype != HN_OPT)
            return hn_op_fail(a->env, a->node, "the value is of another kind than the output");
        *y = *v;
        return HN_OK;
    }
    if (y->dtype != v->dtype || !hn_tensor_same_shape(y, v)) {
        char got[128], want[128];
        hn_tensor_describe(v, got, sizeof got);
        hn_tensor_describe(y, want, sizeof want);
        return hn_op_fail(a->env, a->node, "the entry is %s where the sequence is declared to hold %s", got, want);
    }
    if (v->bytes) memcpy(y->data, v->data, v->bytes);
    return HN_OK;
}

hn_status hn_ref_copy(const hn_refargs *a)
{
    const hn_tensor *x = a->in[0];
    if (hn_dtype_is_list(x->dtype)) return hn_ref_take(a, x);
    if (a->out[0]->bytes != x->bytes)
        return hn_op_fail(a->env, a->node, "%zu bytes do not fill an output of %zu bytes", x->bytes, a->out[0]->bytes);
    if (x->bytes && a->out[0]->data != x->data) memcpy(a->out[0]->data, x->data, x->bytes);
    return HN_OK;
}

void hn_elems_copy(const hn_tensor *dst, size_t i, const hn_tensor *src, size_t j, size_t n)
{
    unsigned bits = hn_dtype_bits(src->dtype);
    assert(dst->dtype == src->dtype);
    if (bits >= 8) {
        size_t size = bits / 8;
        if (n) memcpy((char *)dst->data + i * size, (const char *)src->data + j * size, n * size);
        return;
    }
    for (size_t k = 0; k < n; k++) hn_packed_set(dst->data, bits, i + k, hn_packed_get(src->data, bits, j + k));
}

void hn_elem_copy(const hn_tensor *dst, size_t i, const hn_tensor *src, size_t j)
{
    hn_elems_copy(dst, i, src, j, 1);
}

int hn_elem_compare(const hn_tensor *a, size_t i, const hn_tensor *b, size_t j)
{
    if (a->dtype == HN_STRING) {
        const hn_str *s = (const hn_str *)a->data + i, *t = (const hn_str *)b->data + j;
        size_t n = hn_min_size(s->size, t->size);
        int r = n ? memcmp(s->data, t->data, n) : 0;
        return r ? r : (s->size > t->size) - (s->size < t->size);
    }
    if (hn_ref_integer(a->dtype)) {
        int64_t p = hn_get_i64(a, i), q = hn_get_i64(b, j);
        if (is_unsigned(a->dtype)) return ((uint64_t)p > (uint64_t)q) - ((uint64_t)p < (uint64_t)q);
        return (p > q) - (p < q);
    }
    double p = hn_get_f64(a, i), q = hn_get_f64(b, j);
    if (p != p || q != q) return (p != p) - (q != q);
    return (p > q) - (p < q);
}

void hn_strided_copy(const hn_tensor *dst, const hn_tensor *src, int64_t offset, const int64_t *strides)
{
    size_t n = hn_tensor_elems(dst);
    if (!n) return;
    /* The longest tail of axes that is contiguous in src goes in one piece. */
    int d = dst->rank;
    int64_t run = 1;
    while (d > 0 && strides[d - 1] == run) run *= dst->dims[--d];
    hn_walk w;
    hn_walk_init(&w, d, dst->dims);
    hn_walk_add_strides(&w, offset, strides);
    for (size_t i = 0; i < n; i += (size_t)run, hn_walk_next(&w))
        hn_elems_copy(dst, i, src, (size_t)w.offset[0], (size_t)run);
}
