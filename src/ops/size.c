/* Size: the number of elements of x as an i64 scalar. */
#include "ops/lib.h"

static hn_status infer(hn_infer *c)
{
    c->out[0] = (hn_type){.dtype = HN_I64};
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    hn_set_i64(a->out[0], 0, (int64_t)hn_tensor_elems(a->in[0]));
    return HN_OK;
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3), -2, 2);
    hn_case_want(c, HN_I64, HN_NO_DIMS, HN_VALS(6));
    hn_case(c, "empty");
    hn_case_rand(c, HN_F32, HN_DIMS(2, 0), -2, 2);
    hn_case_want(c, HN_I64, HN_NO_DIMS, HN_VALS(0));
    hn_case(c, "scalar");
    hn_case_rand(c, HN_F32, HN_NO_DIMS, -2, 2);
    hn_case_want(c, HN_I64, HN_NO_DIMS, HN_VALS(1));
    return hn_cases_status(c);
}

static const hn_port in[] = {{"data", HN_T_ALL, 'T', false}};
static const hn_port out[] = {{"size", HN_T_I64, 0, false}};
const hn_op hn_op_size = {
    .name = "Size",
    .domain = "",
    .since = 25,
    .doc = "y = number of elements of x. Size(x of 2 x 3) = 6.",
    .flags = HN_OP_SHAPE_ONLY,
    HN_PORTS(in, 1, out),
    .infer = infer,
    .ref = ref,
    .grad_kind = HN_GRAD_ZERO,
    .cases = cases,
    .quant = "",
};
