/* SequenceConstruct: a sequence of the inputs. */
#include "ops/lib.h"

static hn_status infer(hn_infer *c)
{
    hn_type all = *c->in[0];
    for (size_t i = 1; i < c->nin; i++) {
        hn_type was = all;
        if (!c->in[i]) return hn_op_fail(c->env, c->node, "input %zu is absent", i);
        if (!hn_type_join(&was, c->in[i], &all)) all.rank = -1;
    }
    all.kind = HN_KIND_SEQUENCE;
    c->out[0] = all;
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    HN_TRY(hn_tensor_list(a->env, a->scratch, a->out[0], HN_SEQ, a->nin));
    for (size_t i = 0; i < a->nin; i++) *hn_tensor_item(a->out[0], i) = *a->in[i];
    return HN_OK;
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_in(c, HN_F32, HN_DIMS(2), HN_VALS(1, 2));
    hn_case_in(c, HN_F32, HN_DIMS(1), HN_VALS(3));
    hn_case_want_list(c, HN_KIND_SEQUENCE, HN_F32);
    hn_case_want(c, HN_F32, HN_DIMS(2), HN_VALS(1, 2));
    hn_case_want(c, HN_F32, HN_DIMS(1), HN_VALS(3));
    hn_case_end(c);
    hn_case(c, "one input, other rank");
    hn_case_rand(c, HN_F32, HN_DIMS(2, 0, 3), -2, 2);
    hn_case(c, "ranks differ");
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3), -2, 2);
    hn_case_rand(c, HN_F32, HN_NO_DIMS, -2, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 4), -2, 2);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"inputs", HN_T_ALL, 'T', false}};
static const hn_port out[] = {{"output_sequence", HN_T_ALL | HN_T_SEQ, 'T', false}};
const hn_op hn_op_sequence_construct = {
    .name = "SequenceConstruct",
    .domain = "",
    .since = 11,
    .doc = "y = the sequence of the inputs, whose shapes may differ. SequenceConstruct([1, 2], [3]) = ([1, 2], [3]).",
    .flags = HN_OP_VARIADIC,
    HN_PORTS(in, 1, out),
    .infer = infer,
    .ref = ref,
    HN_GRAD_NO(HN_NO_SEQUENCE_GRAD),
    .cases = cases,
    .quant = "",
};
