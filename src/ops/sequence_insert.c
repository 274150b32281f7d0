/* SequenceInsert: a sequence with one more tensor, before a position or at the end. */
#include "ops/lib.h"

static hn_status infer(hn_infer *c)
{
    hn_type one = *c->in[1];
    one.kind = HN_KIND_SEQUENCE;
    if (c->in[0]->dtype != HN_NONE && c->in[1]->dtype != HN_NONE && c->in[0]->dtype != c->in[1]->dtype)
        return hn_op_fail(c->env, c->node, "a tensor of %s into a sequence of %s", hn_dtype_name(c->in[1]->dtype),
                          hn_dtype_name(c->in[0]->dtype));
    if (!hn_type_join(c->in[0], &one, &c->out[0])) {
        c->out[0] = one;
        c->out[0].rank = -1;
    }
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    size_t n = hn_tensor_elems(a->in[0]), at = n;
    if (a->nin > 2 && a->in[2]) HN_TRY(hn_op_position(a->env, a->node, a->in[2], n, true, &at));
    HN_TRY(hn_tensor_list(a->env, a->scratch, a->out[0], HN_SEQ, n + 1));
    for (size_t i = 0; i <= n; i++)
        *hn_tensor_item(a->out[0], i) = i == at ? *a->in[1] : *hn_tensor_item(a->in[0], i - (i > at));
    return HN_OK;
}

static void sequence(hn_cases *c, const char *name)
{
    hn_case(c, name);
    hn_case_list(c, HN_KIND_SEQUENCE, HN_F32);
    hn_case_in(c, HN_F32, HN_DIMS(1), HN_VALS(1));
    hn_case_in(c, HN_F32, HN_DIMS(1), HN_VALS(2));
    hn_case_end(c);
    hn_case_in(c, HN_F32, HN_DIMS(2), HN_VALS(8, 9));
}

static void wanted(hn_cases *c, int at)
{
    hn_case_want_list(c, HN_KIND_SEQUENCE, HN_F32);
    for (int i = 0, k = 1; i < 3; i++)
        if (i == at)
            hn_case_want(c, HN_F32, HN_DIMS(2), HN_VALS(8, 9));
        else
            hn_case_want(c, HN_F32, HN_DIMS(1), HN_VALS(k++));
    hn_case_end(c);
}

static hn_status cases(hn_cases *c)
{
    sequence(c, "example");
    hn_case_scalar(c, HN_I64, 0);
    wanted(c, 0);
    sequence(c, "at the end");
    wanted(c, 2);
    sequence(c, "before the last");
    hn_case_scalar(c, HN_I32, -1);
    wanted(c, 1);
    sequence(c, "position n");
    hn_case_scalar(c, HN_I64, 2);
    wanted(c, 2);
    sequence(c, "past the end");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_scalar(c, HN_I64, 3);
    sequence(c, "before the start");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_scalar(c, HN_I64, -3);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"input_sequence", HN_T_ALL | HN_T_SEQ, 'T', false},
                             {"tensor", HN_T_ALL, 'T', false},
                             {"position", HN_T_I32I64, 0, true}};
static const hn_port out[] = {{"output_sequence", HN_T_ALL | HN_T_SEQ, 'T', false}};
const hn_op hn_op_sequence_insert = {
    .name = "SequenceInsert",
    .domain = "",
    .since = 11,
    .doc = "y = the sequence with `tensor` put before entry `position`, in [-n, n]; at the end by default. "
           "SequenceInsert(([1], [2]), [8, 9], 0) = ([8, 9], [1], [2]).",
    HN_PORTS(in, 2, out),
    .infer = infer,
    .ref = ref,
    HN_GRAD_NO(HN_NO_SEQUENCE_GRAD),
    .cases = cases,
    .quant = "",
};
