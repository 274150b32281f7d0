/* EyeLike: a matrix of the input's shape with ones on one diagonal. */
#include "ops/lib.h"

static hn_status infer(hn_infer *c)
{
    const hn_type *x = c->in[0];
    int64_t to = hn_attr_int(c->node, "dtype", x->dtype);
    if (x->rank >= 0 && x->rank != 2) return hn_op_fail(c->env, c->node, "the input has rank %d, not 2", x->rank);
    if (!hn_dtype_valid(to)) return hn_op_fail(c->env, c->node, "dtype %lld is no element type", (long long)to);
    c->out[0] = *x;
    c->out[0].dtype = (hn_dtype)to;
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *y = a->out[0];
    int64_t k = hn_attr_int(a->node, "k", 0);
    for (int64_t i = 0; i < y->dims[0]; i++)
        for (int64_t j = 0; j < y->dims[1]; j++)
            if (j - i == k) hn_set_i64(y, (size_t)(i * y->dims[1] + j), 1);
    return HN_OK;
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3), -2, 2);
    hn_case_want(c, HN_F32, HN_DIMS(2, 3), HN_VALS(1, 0, 0, 0, 1, 0));
    hn_case(c, "below, other type");
    hn_case_int(c, "k", -1);
    hn_case_int(c, "dtype", HN_I32);
    hn_case_rand(c, HN_F32, HN_DIMS(3, 2), -2, 2);
    hn_case_want(c, HN_I32, HN_DIMS(3, 2), HN_VALS(0, 0, 1, 0, 0, 1));
    hn_case(c, "empty");
    hn_case_rand(c, HN_F32, HN_DIMS(0, 2), -2, 2);
    hn_case(c, "not a matrix");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(2), -2, 2);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"input", HN_T_NUM | HN_T_BOOL, 'A', false}};
static const hn_port out[] = {{"output", HN_T_NUM | HN_T_BOOL, 0, false}};
static const hn_attr_row attrs[] = {
    {"k", HN_ATTR_INT, false, "0", "diagonal: above 0 to the right"},
    {"dtype", HN_ATTR_INT, false, NULL, "element type; default: that of the input"},
    {0},
};
const hn_op hn_op_eye_like = {
    .name = "EyeLike",
    .domain = "",
    .since = 22,
    .doc = "y[i, j] = 1 where j = i + k, else 0. EyeLike(x of 2 x 3) = [[1, 0, 0], [0, 1, 0]].",
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    .grad_kind = HN_GRAD_ZERO,
    .cases = cases,
    .quant = "",
};
