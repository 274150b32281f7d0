/* BitCast: the same bytes read as another dtype of the same width. */
#include "ops/lib.h"

static hn_status infer(hn_infer *c)
{
    int64_t to = hn_attr_int(c->node, "to", 0);
    if (!hn_dtype_valid(to) || to == HN_STRING || hn_dtype_bits((hn_dtype)to) != hn_dtype_bits(c->in[0]->dtype))
        return hn_op_fail(c->env, c->node, "%s cannot be read as element type %lld: the widths differ",
                          hn_dtype_name(c->in[0]->dtype), (long long)to);
    c->out[0] = *c->in[0];
    c->out[0].dtype = (hn_dtype)to;
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    return hn_ref_copy(a);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_flag(c, HN_CASE_ONE_TYPE | HN_CASE_NO_GRAD);
    hn_case_int(c, "to", HN_I32);
    hn_case_in(c, HN_F32, HN_DIMS(2), HN_VALS(1, -2));
    hn_case_want(c, HN_I32, HN_DIMS(2), HN_VALS(1065353216, -1073741824));
    hn_case(c, "empty");
    hn_case_flag(c, HN_CASE_ONE_TYPE);
    hn_case_int(c, "to", HN_U8);
    hn_case_in(c, HN_I8, HN_DIMS(0), NULL);
    hn_case(c, "another width");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_int(c, "to", HN_F64);
    hn_case_rand(c, HN_F32, HN_DIMS(2), -2, 2);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"input", HN_T_ALL & ~HN_T_STRING, 0, false}};
static const hn_port out[] = {{"output", HN_T_ALL & ~HN_T_STRING, 0, false}};
static const hn_attr_row attrs[] = {
    {"to", HN_ATTR_INT, true, NULL, "element type of the output, as numbered by ONNX"},
    {0},
};
const hn_op hn_op_bit_cast = {
    .name = "BitCast",
    .domain = "",
    .since = 26,
    .doc = "y = the bytes of x as dtype `to`. BitCast([1.0, -2.0], to i32) = [1065353216, -1073741824].",
    .flags = HN_OP_VIEW,
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD_NO("bits are not numbers"),
    .cases = cases,
    .quant = "",
};
