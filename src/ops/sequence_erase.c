/* SequenceErase: a sequence without one of its entries, the last by default. */
#include "ops/lib.h"

static hn_status ref(const hn_refargs *a)
{
    size_t n = hn_tensor_elems(a->in[0]), at = n - 1;
    if (n == 0) return hn_op_fail(a->env, a->node, "the sequence is empty");
    if (a->nin > 1 && a->in[1]) HN_TRY(hn_op_position(a->env, a->node, a->in[1], n, false, &at));
    HN_TRY(hn_tensor_list(a->env, a->scratch, a->out[0], HN_SEQ, n - 1));
    for (size_t i = 0; i + 1 < n; i++) *hn_tensor_item(a->out[0], i) = *hn_tensor_item(a->in[0], i + (i >= at));
    return HN_OK;
}

static void sequence(hn_cases *c, const char *name)
{
    hn_case(c, name);
    hn_case_list(c, HN_KIND_SEQUENCE, HN_F32);
    for (int k = 1; k <= 3; k++) hn_case_in(c, HN_F32, HN_DIMS(1), HN_VALS(k));
    hn_case_end(c);
}

static void wanted(hn_cases *c, double a, double b)
{
    hn_case_want_list(c, HN_KIND_SEQUENCE, HN_F32);
    hn_case_want(c, HN_F32, HN_DIMS(1), HN_VALS(a));
    hn_case_want(c, HN_F32, HN_DIMS(1), HN_VALS(b));
    hn_case_end(c);
}

static hn_status cases(hn_cases *c)
{
    sequence(c, "example");
    hn_case_scalar(c, HN_I64, 1);
    wanted(c, 1, 3);
    sequence(c, "the last");
    wanted(c, 1, 2);
    sequence(c, "from the end");
    hn_case_scalar(c, HN_I32, -3);
    wanted(c, 2, 3);
    sequence(c, "outside");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_scalar(c, HN_I64, 3);
    hn_case(c, "nothing to erase");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_list(c, HN_KIND_SEQUENCE, HN_F32);
    hn_case_end(c);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"input_sequence", HN_T_ALL | HN_T_SEQ, 'T', false}, {"position", HN_T_I32I64, 0, true}};
static const hn_port out[] = {{"output_sequence", HN_T_ALL | HN_T_SEQ, 'T', false}};
const hn_op hn_op_sequence_erase = {
    .name = "SequenceErase",
    .domain = "",
    .since = 11,
    .doc = "y = the sequence without entry `position`, in [-n, n - 1]; without the last by default. "
           "SequenceErase(([1], [2], [3]), 1) = ([1], [3]).",
    HN_PORTS(in, 1, out),
    .infer = hn_infer_same,
    .ref = ref,
    HN_GRAD_NO(HN_NO_SEQUENCE_GRAD),
    .cases = cases,
    .quant = "",
};
