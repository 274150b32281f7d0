/* OptionalGetElement: what an optional holds; what is no optional is given back. */
#include "ops/lib.h"

static hn_status infer(hn_infer *c)
{
    const hn_type *x = c->in[0];
    const hn_tensor *data = c->data[0];
    bool optional = x->kind == HN_KIND_OPTIONAL || x->kind == HN_KIND_OPTIONAL_SEQUENCE;
    c->out[0] = optional ? hn_type_item(x) : *x;
    if (!data || data->dtype != HN_OPT) {
        if (data && c->out[0].kind == HN_KIND_TENSOR) c->out[0] = hn_type_of(data);
        return HN_OK;
    }
    if (hn_tensor_elems(data) == 0) return hn_op_fail(c->env, c->node, "the optional holds nothing");
    if (c->out[0].kind == HN_KIND_TENSOR) c->out[0] = hn_type_of(hn_tensor_item(data, 0));
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *x = a->in[0];
    if (x->dtype != HN_OPT) return hn_ref_take(a, x);
    if (hn_tensor_elems(x) == 0) return hn_op_fail(a->env, a->node, "the optional holds nothing");
    return hn_ref_take(a, hn_tensor_item(x, 0));
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_list(c, HN_KIND_OPTIONAL, HN_F32);
    hn_case_in(c, HN_F32, HN_DIMS(1), HN_VALS(1));
    hn_case_end(c);
    hn_case_want(c, HN_F32, HN_DIMS(1), HN_VALS(1));
    hn_case(c, "a sequence in it");
    hn_case_list(c, HN_KIND_OPTIONAL_SEQUENCE, HN_F32);
    hn_case_list(c, HN_KIND_SEQUENCE, HN_F32);
    hn_case_in(c, HN_F32, HN_DIMS(1), HN_VALS(1));
    hn_case_end(c);
    hn_case_end(c);
    hn_case_want_list(c, HN_KIND_SEQUENCE, HN_F32);
    hn_case_want(c, HN_F32, HN_DIMS(1), HN_VALS(1));
    hn_case_end(c);
    hn_case(c, "a tensor");
    hn_case_flag(c, HN_CASE_NO_GRAD);
    hn_case_in(c, HN_F32, HN_DIMS(2), HN_VALS(1, 2));
    hn_case_want(c, HN_F32, HN_DIMS(2), HN_VALS(1, 2));
    hn_case(c, "nothing in it");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_list(c, HN_KIND_OPTIONAL, HN_F32);
    hn_case_end(c);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"input", HN_T_ANY & ~HN_T_MAP, 'T', false}};
static const hn_port out[] = {{"output", HN_T_ALL | HN_T_TENSOR | HN_T_SEQ, 'T', false}};
const hn_op hn_op_optional_get_element = {
    .name = "OptionalGetElement",
    .domain = "",
    .since = 28,
    .doc = "y = what the optional holds; a tensor or a sequence is given back as it is. "
           "OptionalGetElement(some [1]) = [1].",
    HN_PORTS(in, 1, out),
    .infer = infer,
    .ref = ref,
    HN_GRAD_NO(HN_NO_SEQUENCE_GRAD),
    .cases = cases,
    .quant = "",
};
