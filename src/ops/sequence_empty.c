/* SequenceEmpty: a sequence without entries. */
#include "ops/lib.h"

static hn_status infer(hn_infer *c)
{
    int64_t dtype = hn_attr_int(c->node, "dtype", HN_F32);
    if (!hn_dtype_valid(dtype)) return hn_op_fail(c->env, c->node, "dtype %lld is no element type", (long long)dtype);
    c->out[0] = hn_type_list(HN_KIND_SEQUENCE, (hn_dtype)dtype, -1, NULL);
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    return hn_tensor_list(a->env, a->scratch, a->out[0], HN_SEQ, 0);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_int(c, "dtype", HN_I64);
    hn_case_want_list(c, HN_KIND_SEQUENCE, HN_I64);
    hn_case_end(c);
    hn_case(c, "float by default");
    hn_case_want_list(c, HN_KIND_SEQUENCE, HN_F32);
    hn_case_end(c);
    hn_case(c, "no such type");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_int(c, "dtype", 99);
    return hn_cases_status(c);
}

static const hn_port out[] = {{"output", HN_T_ALL | HN_T_SEQ, 0, false}};
static const hn_attr_row attrs[] = {{"dtype", HN_ATTR_INT, false, "1", "element type of what will be put in"}, {0}};
const hn_op hn_op_sequence_empty = {
    .name = "SequenceEmpty",
    .domain = "",
    .since = 11,
    .doc = "y = a sequence without entries, for tensors of type `dtype`. SequenceEmpty(dtype 7) = () of i64.",
    .out = out,
    .nout = 1,
    .nout_min = 1,
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD_NO(HN_NO_SEQUENCE_GRAD),
    .cases = cases,
    .quant = "",
};
