/* SequenceLength: how many entries a sequence has. */
#include "ops/lib.h"

static hn_status infer(hn_infer *c)
{
    c->out[0] = hn_type_tensor(HN_I64, 0, NULL);
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
    hn_case_list(c, HN_KIND_SEQUENCE, HN_F32);
    hn_case_in(c, HN_F32, HN_DIMS(1), HN_VALS(1));
    hn_case_in(c, HN_F32, HN_DIMS(2), HN_VALS(2, 3));
    hn_case_end(c);
    hn_case_want(c, HN_I64, HN_NO_DIMS, HN_VALS(2));
    hn_case(c, "empty");
    hn_case_list(c, HN_KIND_SEQUENCE, HN_F32);
    hn_case_end(c);
    hn_case_want(c, HN_I64, HN_NO_DIMS, HN_VALS(0));
    return hn_cases_status(c);
}

static const hn_port in[] = {{"input_sequence", HN_T_ALL | HN_T_SEQ | HN_T_MAP, 0, false}};
static const hn_port out[] = {{"length", HN_T_I64, 0, false}};
const hn_op hn_op_sequence_length = {
    .name = "SequenceLength",
    .domain = "",
    .since = 11,
    .doc = "y = the number of entries. SequenceLength(([1], [2, 3])) = 2.",
    HN_PORTS(in, 1, out),
    .infer = infer,
    .ref = ref,
    .grad_kind = HN_GRAD_ZERO,
    .cases = cases,
    .quant = "",
};
