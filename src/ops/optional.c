/* Optional: an optional that holds the input, or nothing. */
#include "ops/lib.h"

static hn_status infer(hn_infer *c)
{
    hn_type *y = &c->out[0];
    const hn_attr *a = hn_node_attr(c->node, "type");
    if (c->nin > 0 && c->in[0]) {
        *y = *c->in[0];
        y->kind = y->kind == HN_KIND_SEQUENCE ? HN_KIND_OPTIONAL_SEQUENCE : HN_KIND_OPTIONAL;
        return HN_OK;
    }
    if (!a) return hn_op_fail(c->env, c->node, "neither an input nor a type is given");
    *y = *a->u.type;
    if (y->kind > HN_KIND_SEQUENCE) return hn_op_fail(c->env, c->node, "the type is not a tensor or a sequence");
    y->kind = y->kind == HN_KIND_SEQUENCE ? HN_KIND_OPTIONAL_SEQUENCE : HN_KIND_OPTIONAL;
    /* Symbols of an attribute belong to no graph. */
    for (int d = 0; d < y->rank; d++)
        if (y->dims[d] < 0) y->dims[d] = -1;
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    bool some = a->nin > 0 && a->in[0];
    HN_TRY(hn_tensor_list(a->env, a->scratch, a->out[0], HN_OPT, some));
    if (some) *hn_tensor_item(a->out[0], 0) = *a->in[0];
    return HN_OK;
}

static hn_status cases(hn_cases *c)
{
    hn_type f32 = hn_type_tensor(HN_F32, -1, NULL), other = hn_type_list(HN_KIND_OPTIONAL, HN_F32, -1, NULL);
    hn_case(c, "example");
    hn_case_in(c, HN_F32, HN_DIMS(2), HN_VALS(1, 2));
    hn_case_want_list(c, HN_KIND_OPTIONAL, HN_F32);
    hn_case_want(c, HN_F32, HN_DIMS(2), HN_VALS(1, 2));
    hn_case_end(c);
    hn_case(c, "nothing");
    hn_case_type(c, "type", &f32);
    hn_case_want_list(c, HN_KIND_OPTIONAL, HN_F32);
    hn_case_end(c);
    hn_case(c, "a sequence");
    hn_case_list(c, HN_KIND_SEQUENCE, HN_F32);
    hn_case_in(c, HN_F32, HN_DIMS(1), HN_VALS(1));
    hn_case_end(c);
    hn_case_want_list(c, HN_KIND_OPTIONAL_SEQUENCE, HN_F32);
    hn_case_want_list(c, HN_KIND_SEQUENCE, HN_F32);
    hn_case_want(c, HN_F32, HN_DIMS(1), HN_VALS(1));
    hn_case_end(c);
    hn_case_end(c);
    hn_case(c, "nothing at all");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case(c, "an optional optional");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_type(c, "type", &other);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"input", HN_T_ALL | HN_T_TENSOR | HN_T_SEQ, 'T', true}};
static const hn_port out[] = {{"output", HN_T_ALL | HN_T_OPT, 'T', false}};
static const hn_attr_row attrs[] = {
    {"type", HN_ATTR_TYPE, false, NULL, "of what it could hold, when there is no input"}, {0}};
const hn_op hn_op_optional = {
    .name = "Optional",
    .domain = "",
    .since = 28,
    .doc = "y = an optional that holds the input, a tensor or a sequence; without input, an empty one of `type`. "
           "Optional([1, 2]) = some [1, 2].",
    HN_PORTS(in, 0, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD_NO(HN_NO_SEQUENCE_GRAD),
    .cases = cases,
    .quant = "",
};
