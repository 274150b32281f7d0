/* BitShift: x shifted by y bits to the left or right; zeros come in, from the left copies of the sign bit. */
#include "ops/lib.h"

static int64_t left(int64_t x, int64_t n)
{
    return (uint64_t)n > 63 ? 0 : (int64_t)((uint64_t)x << n);
}
static int64_t right(int64_t x, int64_t n)
{
    int64_t sign = x < 0 ? -1 : 0;
    return (uint64_t)n > 63 ? sign : (int64_t)(((uint64_t)x ^ (uint64_t)sign) >> n) ^ sign;
}
static uint64_t u_left(uint64_t x, uint64_t n)
{
    return n > 63 ? 0 : x << n;
}
static uint64_t u_right(uint64_t x, uint64_t n)
{
    return n > 63 ? 0 : x >> n;
}

static hn_status infer(hn_infer *c)
{
    if (!hn_attr_is(c->node, "direction", "LEFT") && !hn_attr_is(c->node, "direction", "RIGHT"))
        return hn_op_fail(c->env, c->node, "direction must be LEFT or RIGHT");
    return hn_infer_broadcast(c);
}

static hn_status ref(const hn_refargs *a)
{
    bool to_left = hn_attr_is(a->node, "direction", "LEFT");
    return hn_ref_binary(a, &(hn_fn2){.i = to_left ? left : right, .u = to_left ? u_left : u_right});
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_string(c, "direction", "LEFT");
    hn_case_in(c, HN_U8, HN_DIMS(3), HN_VALS(1, 3, 255));
    hn_case_in(c, HN_U8, HN_DIMS(3), HN_VALS(1, 2, 0));
    hn_case_want(c, HN_U8, HN_DIMS(3), HN_VALS(2, 12, 255));
    hn_case(c, "right, broadcast");
    hn_case_string(c, "direction", "RIGHT");
    hn_case_rand(c, HN_U8, HN_DIMS(2, 3), 0, 255);
    hn_case_in(c, HN_U8, HN_DIMS(1), HN_VALS(3));
    hn_case(c, "bits fall out");
    hn_case_flag(c, HN_CASE_ONE_TYPE);
    hn_case_string(c, "direction", "LEFT");
    hn_case_in(c, HN_U8, HN_DIMS(2), HN_VALS(255, 255));
    hn_case_in(c, HN_U8, HN_DIMS(2), HN_VALS(4, 200));
    hn_case_want(c, HN_U8, HN_DIMS(2), HN_VALS(240, 0));
    hn_case(c, "signed: the sign stays, or nothing does");
    hn_case_flag(c, HN_CASE_ONE_TYPE);
    hn_case_string(c, "direction", "RIGHT");
    hn_case_in(c, HN_I8, HN_DIMS(5), HN_VALS(-128, -1, -7, 100, -3));
    hn_case_in(c, HN_I8, HN_DIMS(5), HN_VALS(2, 7, 1, -1, 8));
    hn_case_want(c, HN_I8, HN_DIMS(5), HN_VALS(-32, -1, -4, 0, -1));
    hn_case(c, "signed, to the left");
    hn_case_flag(c, HN_CASE_ONE_TYPE);
    hn_case_string(c, "direction", "LEFT");
    hn_case_in(c, HN_I8, HN_DIMS(4), HN_VALS(-1, 65, 3, 3));
    hn_case_in(c, HN_I8, HN_DIMS(4), HN_VALS(7, 1, 8, -2));
    hn_case_want(c, HN_I8, HN_DIMS(4), HN_VALS(-128, -126, 0, 0));
    hn_case(c, "no such direction");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_string(c, "direction", "UP");
    hn_case_rand(c, HN_U8, HN_DIMS(2), 0, 9);
    hn_case_rand(c, HN_U8, HN_DIMS(2), 0, 9);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"X", HN_T_INT, 'T', false}, {"Y", HN_T_INT, 'T', false}};
static const hn_port out[] = {{"Z", HN_T_INT, 'T', false}};
static const hn_attr_row attrs[] = {
    {"direction", HN_ATTR_STRING, true, NULL, "LEFT or RIGHT"},
    {0},
};
const hn_op hn_op_bit_shift = {
    .name = "BitShift",
    .domain = "",
    .since = 28,
    .doc = "z = x << y or x >> y. BitShift([1, 3, 255], [1, 2, 0], LEFT) = [2, 12, 255].",
    .flags = HN_OP_ELEMENTWISE,
    HN_PORTS(in, 2, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    .grad_kind = HN_GRAD_ZERO,
    .cases = cases,
    .quant = "",
};
