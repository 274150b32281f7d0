/* SequenceAt: one entry of a sequence. */
#include "ops/lib.h"

static hn_status infer(hn_infer *c)
{
    c->out[0] = hn_type_item(c->in[0]);
    if (!c->data[0] || !c->data[1]) return HN_OK;
    size_t at;
    HN_TRY(hn_op_position(c->env, c->node, c->data[1], hn_tensor_elems(c->data[0]), false, &at));
    c->out[0] = hn_type_of(hn_tensor_item(c->data[0], at));
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    size_t at;
    HN_TRY(hn_op_position(a->env, a->node, a->in[1], hn_tensor_elems(a->in[0]), false, &at));
    return hn_ref_take(a, hn_tensor_item(a->in[0], at));
}

static void sequence(hn_cases *c, const char *name)
{
    hn_case(c, name);
    hn_case_list(c, HN_KIND_SEQUENCE, HN_F32);
    hn_case_in(c, HN_F32, HN_DIMS(1), HN_VALS(1));
    hn_case_in(c, HN_F32, HN_DIMS(2), HN_VALS(2, 3));
    hn_case_end(c);
}

static hn_status cases(hn_cases *c)
{
    sequence(c, "example");
    hn_case_scalar(c, HN_I64, 1);
    hn_case_want(c, HN_F32, HN_DIMS(2), HN_VALS(2, 3));
    sequence(c, "from the end");
    hn_case_scalar(c, HN_I32, -2);
    hn_case_want(c, HN_F32, HN_DIMS(1), HN_VALS(1));
    sequence(c, "outside");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_scalar(c, HN_I64, 2);
    hn_case(c, "of strings");
    hn_case_list(c, HN_KIND_SEQUENCE, HN_STRING);
    hn_case_in_str(c, HN_DIMS(2), (const char *const[]){"a", "bc"});
    hn_case_end(c);
    hn_case_scalar(c, HN_I64, 0);
    hn_case_want_str(c, HN_DIMS(2), (const char *const[]){"a", "bc"});
    return hn_cases_status(c);
}

static const hn_port in[] = {{"input_sequence", HN_T_ALL | HN_T_SEQ | HN_T_MAP, 'T', false},
                             {"position", HN_T_I32I64, 0, false}};
static const hn_port out[] = {{"tensor", HN_T_ALL | HN_T_TENSOR | HN_T_MAP, 'T', false}};
const hn_op hn_op_sequence_at = {
    .name = "SequenceAt",
    .domain = "",
    .since = 11,
    .doc = "y = entry `position` of the sequence, in [-n, n - 1]. SequenceAt(([1], [2, 3]), 1) = [2, 3].",
    HN_PORTS(in, 2, out),
    .infer = infer,
    .ref = ref,
    HN_GRAD_NO(HN_NO_SEQUENCE_GRAD),
    .cases = cases,
    .quant = "",
};
