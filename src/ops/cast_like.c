/* CastLike: the values of input 0 in the dtype of input 1. */
#include "ops/lib_cast.h"

static hn_status infer(hn_infer *c)
{
    c->out[0] = *c->in[0];
    c->out[0].dtype = c->in[1]->dtype;
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    return hn_cast_tensor(a, a->in[0], a->out[0]);
}

static hn_status decompose(hn_rw *rw, const hn_node *node, hn_value **out)
{
    hn_str mode = hn_attr_string(node, "round_mode", "up");
    const char *modes[] = {"up", "down", "nearest"};
    size_t m = 0;
    while (m < 2 && (mode.size != strlen(modes[m]) || memcmp(mode.data, modes[m], mode.size) != 0)) m++;
    const hn_rw_attr attrs[] = {HN_A_INT("to", node->in[1]->type.dtype),
                                HN_A_INT("saturate", hn_attr_int(node, "saturate", 1)),
                                HN_A_STR("round_mode", modes[m]),
                                {0}};
    out[0] = hn_rw_op(rw, "Cast", 1, node->in, attrs);
    return hn_rw_status(rw);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_flag(c, HN_CASE_ONE_TYPE | HN_CASE_NO_GRAD);
    hn_case_in(c, HN_F32, HN_DIMS(3), HN_VALS(1.7, -1.7, 3));
    hn_case_in(c, HN_I32, HN_DIMS(1), HN_VALS(0));
    hn_case_want(c, HN_I32, HN_DIMS(3), HN_VALS(1, -1, 3));
    hn_case(c, "to f64");
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3), -2, 2);
    hn_case_in(c, HN_F64, HN_NO_DIMS, HN_VALS(0));
    hn_case_const(c);
    hn_case(c, "empty");
    hn_case_rand(c, HN_F32, HN_DIMS(0), -2, 2);
    hn_case_in(c, HN_F16, HN_DIMS(2), HN_VALS(0, 0));
    return hn_cases_status(c);
}

#define TYPES (HN_T_ALL & ~HN_T_COMPLEX)
static const hn_port in[] = {{"input", TYPES, 'A', false}, {"target_type", TYPES, 'B', false}};
static const hn_port out[] = {{"output", TYPES, 'B', false}};
static const hn_attr_row attrs[] = {
    {"saturate", HN_ATTR_INT, false, "1", "8-bit floats: values out of range become the largest finite one"},
    {"round_mode", HN_ATTR_STRING, false, "up", "f8e8m0 only: up, down or nearest"},
    {0},
};
const hn_op hn_op_cast_like = {
    .name = "CastLike",
    .domain = "",
    .since = 25,
    .doc = "y = Cast(x, to the dtype of the second input). CastLike([1.7, -1.7, 3], i32) = [1, -1, 3].",
    .flags = HN_OP_ELEMENTWISE,
    HN_PORTS(in, 2, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    .grad_kind = HN_GRAD_DECOMPOSE,
    .decompose = decompose,
    .cases = cases,
    .quant = "",
};
