/* Range: start, start + delta, ... as long as limit is not reached. */
#include "ops/lib.h"

static hn_status count(hn_env *env, const hn_node *node, const hn_tensor *const *in, int64_t *out)
{
    bool whole = hn_ref_integer(in[0]->dtype);
    double n;
    if (whole) {
        int64_t start = hn_get_i64(in[0], 0), limit = hn_get_i64(in[1], 0), delta = hn_get_i64(in[2], 0), span;
        if (delta == 0) return hn_op_fail(env, node, "delta is 0");
        if (__builtin_sub_overflow(limit, start, &span) || span == INT64_MIN)
            return hn_op_fail(env, node, "the range is too long");
        bool none = span == 0 || (span < 0) != (delta < 0);
        *out = none ? 0 : delta == -1 ? -span : span / delta + (span % delta != 0);
        return HN_OK;
    }
    double delta = hn_get_f64(in[2], 0);
    n = ceil((hn_get_f64(in[1], 0) - hn_get_f64(in[0], 0)) / delta);
    if (!(delta != 0) || !(n < 0x1p40)) return hn_op_fail(env, node, "the range never ends or is too long");
    *out = n > 0 ? (int64_t)n : 0;
    return HN_OK;
}

static hn_status infer(hn_infer *c)
{
    c->out[0].dtype = c->in[0]->dtype;
    hn_type_unknown_dims(&c->out[0], 1);
    for (int k = 0; k < 3; k++) {
        if (!c->data[k]) return HN_OK;
        if (hn_tensor_elems(c->data[k]) != 1) return hn_op_fail(c->env, c->node, "input %d is no scalar", k);
    }
    return count(c->env, c->node, c->data, &c->out[0].dims[0]);
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *y = a->out[0];
    size_t n = hn_tensor_elems(y);
    for (size_t i = 0; i < n; i++) {
        if (hn_ref_integer(y->dtype))
            hn_set_i64(y, i, (int64_t)((uint64_t)hn_get_i64(a->in[0], 0) + i * (uint64_t)hn_get_i64(a->in[2], 0)));
        else
            hn_set_f64(y, i, hn_get_f64(a->in[0], 0) + (double)i * hn_get_f64(a->in[2], 0));
    }
    return HN_OK;
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_scalar(c, HN_F32, 1);
    hn_case_scalar(c, HN_F32, 7);
    hn_case_scalar(c, HN_F32, 2);
    hn_case_want(c, HN_F32, HN_DIMS(3), HN_VALS(1, 3, 5));
    hn_case(c, "down");
    hn_case_flag(c, HN_CASE_ONE_TYPE);
    hn_case_scalar(c, HN_I64, 10);
    hn_case_scalar(c, HN_I64, 4);
    hn_case_scalar(c, HN_I64, -3);
    hn_case_want(c, HN_I64, HN_DIMS(2), HN_VALS(10, 7));
    hn_case(c, "empty");
    hn_case_scalar(c, HN_F32, 3);
    hn_case_scalar(c, HN_F32, 2);
    hn_case_scalar(c, HN_F32, 1);
    hn_case(c, "delta 0");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_scalar(c, HN_F32, 3);
    hn_case_scalar(c, HN_F32, 5);
    hn_case_scalar(c, HN_F32, 0);
    return hn_cases_status(c);
}

#define TYPES (HN_T_FLOAT | HN_BIT(HN_I16) | HN_T_I32I64)
static const hn_port in[] = {{"start", TYPES, 'T', false}, {"limit", TYPES, 'T', false}, {"delta", TYPES, 'T', false}};
static const hn_port out[] = {{"output", TYPES, 'T', false}};
static const hn_attr_row attrs[] = {
    {"stash_type", HN_ATTR_INT, false, "1", "type of intermediate values; they are always f64 or i64"},
    {0},
};
const hn_op hn_op_range = {
    .name = "Range",
    .domain = "",
    .since = 27,
    .doc = "y[k] = start + k * delta for k < ceil((limit - start) / delta). Range(1, 7, 2) = [1, 3, 5].",
    HN_PORTS(in, 3, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD_NO("its size depends on its inputs"),
    .cases = cases,
    .quant = "",
};
