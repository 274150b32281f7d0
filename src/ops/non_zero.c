/* NonZero: the coordinates of the elements that are not 0, one column each, in row-major order. */
#include "ops/lib.h"

static bool set(const hn_tensor *x, size_t i)
{
    if (x->dtype == HN_STRING) return ((const hn_str *)x->data)[i].size != 0;
    return hn_ref_integer(x->dtype) ? hn_get_i64(x, i) != 0 : hn_get_f64(x, i) != 0;
}

static hn_status infer(hn_infer *c)
{
    hn_type *y = &c->out[0];
    int64_t n = 0;
    y->dtype = HN_I64;
    hn_type_unknown_dims(y, 2);
    if (c->in[0]->rank >= 0) y->dims[0] = c->in[0]->rank;
    if (!c->data[0]) return HN_OK;
    for (size_t i = 0; i < hn_tensor_elems(c->data[0]); i++) n += set(c->data[0], i);
    y->dims[1] = n;
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *x = a->in[0], *y = a->out[0];
    size_t n = hn_tensor_elems(x), k = 0, columns = (size_t)y->dims[1];
    hn_walk w;
    hn_walk_init(&w, x->rank, x->dims);
    for (size_t i = 0; i < n; i++, hn_walk_next(&w)) {
        if (!set(x, i)) continue;
        for (int d = 0; d < x->rank; d++) hn_set_i64(y, (size_t)d * columns + k, w.at[d]);
        k++;
    }
    return HN_OK;
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_in(c, HN_F32, HN_DIMS(2, 2), HN_VALS(1, 0, 1, 1));
    hn_case_const(c);
    hn_case_want(c, HN_I64, HN_DIMS(2, 3), HN_VALS(0, 1, 1, 0, 0, 1));
    hn_case(c, "none");
    hn_case_in(c, HN_F32, HN_DIMS(2), HN_VALS(0, 0));
    hn_case_const(c);
    hn_case(c, "empty");
    hn_case_rand(c, HN_F32, HN_DIMS(0, 3), -2, 2);
    hn_case_const(c);
    hn_case(c, "scalar");
    hn_case_scalar(c, HN_F32, 3);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"X", HN_T_ALL, 'T', false}};
static const hn_port out[] = {{"Y", HN_T_I64, 0, false}};
const hn_op hn_op_non_zero = {
    .name = "NonZero",
    .domain = "",
    .since = 13,
    .doc = "y[d, k] = coordinate along axis d of the k-th element that is not 0. NonZero([[1, 0], [1, 1]]) = "
           "[[0, 1, 1], [0, 0, 1]].",
    HN_PORTS(in, 1, out),
    .infer = infer,
    .ref = ref,
    .grad_kind = HN_GRAD_ZERO,
    .cases = cases,
    .quant = "",
};
