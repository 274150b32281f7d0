/* OptionalHasElement: does an optional hold something? What is no optional does. */
#include "ops/lib.h"

static hn_status infer(hn_infer *c)
{
    c->out[0] = hn_type_tensor(HN_BOOL, 0, NULL);
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *x = a->nin > 0 ? a->in[0] : NULL;
    hn_set_i64(a->out[0], 0, x && (x->dtype != HN_OPT || hn_tensor_elems(x) > 0));
    return HN_OK;
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_list(c, HN_KIND_OPTIONAL, HN_F32);
    hn_case_in(c, HN_F32, HN_DIMS(1), HN_VALS(1));
    hn_case_end(c);
    hn_case_want(c, HN_BOOL, HN_NO_DIMS, HN_VALS(1));
    hn_case(c, "nothing in it");
    hn_case_list(c, HN_KIND_OPTIONAL, HN_F32);
    hn_case_end(c);
    hn_case_want(c, HN_BOOL, HN_NO_DIMS, HN_VALS(0));
    hn_case(c, "no input");
    hn_case_want(c, HN_BOOL, HN_NO_DIMS, HN_VALS(0));
    hn_case(c, "an empty tensor");
    hn_case_rand(c, HN_F32, HN_DIMS(0), 0, 1);
    hn_case_want(c, HN_BOOL, HN_NO_DIMS, HN_VALS(1));
    return hn_cases_status(c);
}

static const hn_port in[] = {{"input", HN_T_ANY & ~HN_T_MAP, 0, true}};
static const hn_port out[] = {{"output", HN_T_BOOL, 0, false}};
const hn_op hn_op_optional_has_element = {
    .name = "OptionalHasElement",
    .domain = "",
    .since = 28,
    .doc = "y = true when the optional holds something; true for tensors and sequences, false without input. "
           "OptionalHasElement(some [1]) = true.",
    HN_PORTS(in, 0, out),
    .infer = infer,
    .ref = ref,
    .grad_kind = HN_GRAD_ZERO,
    .cases = cases,
    .quant = "",
};
