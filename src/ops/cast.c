/* Cast: the same values in another dtype, given by the attribute `to`. */
#include "ops/lib_cast.h"

static hn_status infer(hn_infer *c)
{
    int64_t to = hn_attr_int(c->node, "to", 0);
    if (!hn_dtype_valid(to)) return hn_op_fail(c->env, c->node, "to = %lld is no element type", (long long)to);
    c->out[0] = *c->in[0];
    c->out[0].dtype = (hn_dtype)to;
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    return hn_cast_tensor(a, a->in[0], a->out[0]);
}

static hn_status grad(hn_gradargs *g)
{
    hn_value *x = g->node->in[0], *dy = g->dy[0];
    if (hn_g_skips(g, 0) || !hn_dtype_is_float(dy->type.dtype)) return HN_OK;
    const hn_rw_attr to[] = {HN_A_INT("to", x->type.dtype), {0}};
    g->dx[0] = x->type.dtype == dy->type.dtype ? dy : hn_rw_op(g->rw, "Cast", 1, &dy, to);
    return hn_rw_status(g->rw);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_flag(c, HN_CASE_ONE_TYPE | HN_CASE_NO_GRAD);
    hn_case_int(c, "to", HN_I32);
    hn_case_in(c, HN_F32, HN_DIMS(3), HN_VALS(1.7, -1.7, 3));
    hn_case_want(c, HN_I32, HN_DIMS(3), HN_VALS(1, -1, 3));
    hn_case(c, "to f64");
    hn_case_int(c, "to", HN_F64);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3), -2, 2);
    hn_case(c, "integers wrap");
    hn_case_flag(c, HN_CASE_ONE_TYPE);
    hn_case_int(c, "to", HN_I8);
    hn_case_in(c, HN_I32, HN_DIMS(3), HN_VALS(127, 128, 257));
    hn_case_want(c, HN_I8, HN_DIMS(3), HN_VALS(127, -128, 1));
    hn_case(c, "to bool");
    hn_case_flag(c, HN_CASE_ONE_TYPE | HN_CASE_NO_GRAD);
    hn_case_int(c, "to", HN_BOOL);
    hn_case_in(c, HN_F32, HN_DIMS(3), HN_VALS(0, 0.25, NAN));
    hn_case_want(c, HN_BOOL, HN_DIMS(3), HN_VALS(0, 1, 1));
    hn_case(c, "from text");
    hn_case_flag(c, HN_CASE_ONE_TYPE);
    hn_case_int(c, "to", HN_F32);
    hn_case_in_str(c, HN_DIMS(4), (const char *const[]){"3.5", "-1e3", "NaN", "-INF"});
    hn_case_want(c, HN_F32, HN_DIMS(4), HN_VALS(3.5, -1000, NAN, -INFINITY));
    hn_case(c, "to text");
    hn_case_flag(c, HN_CASE_ONE_TYPE | HN_CASE_NO_GRAD);
    hn_case_int(c, "to", HN_STRING);
    hn_case_in(c, HN_F32, HN_DIMS(3), HN_VALS(0.1, -3, NAN));
    hn_case_want_str(c, HN_DIMS(3), (const char *const[]){"0.1", "-3", "NaN"});
    hn_case(c, "not a number");
    hn_case_flag(c, HN_CASE_FAILS | HN_CASE_ONE_TYPE);
    hn_case_int(c, "to", HN_F32);
    hn_case_in_str(c, HN_DIMS(1), (const char *const[]){"three"});
    hn_case(c, "f8 saturates");
    hn_case_flag(c, HN_CASE_ONE_TYPE | HN_CASE_NO_GRAD);
    hn_case_int(c, "to", HN_F8E4M3FN);
    hn_case_in(c, HN_F32, HN_DIMS(3), HN_VALS(1000, -0.3, INFINITY));
    hn_case_want(c, HN_F8E4M3FN, HN_DIMS(3), HN_VALS(448, -0.3125, 448));
    hn_case(c, "f6 saturates");
    hn_case_flag(c, HN_CASE_ONE_TYPE | HN_CASE_NO_GRAD);
    hn_case_int(c, "to", HN_F6E2M3);
    hn_case_in(c, HN_F32, HN_DIMS(5), HN_VALS(1000, -0.3, 0.0625, 0.1875, -INFINITY));
    hn_case_want(c, HN_F6E2M3, HN_DIMS(5), HN_VALS(7.5, -0.25, 0, 0.25, -7.5));
    hn_case(c, "from f6");
    hn_case_flag(c, HN_CASE_ONE_TYPE | HN_CASE_NO_GRAD);
    hn_case_int(c, "to", HN_I32);
    hn_case_in(c, HN_F6E3M2, HN_DIMS(3), HN_VALS(28, -2.5, 0.0625));
    hn_case_want(c, HN_I32, HN_DIMS(3), HN_VALS(28, -2, 0));
    hn_case(c, "no such type");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_int(c, "to", 99);
    hn_case_rand(c, HN_F32, HN_DIMS(2), 0, 1);
    hn_case(c, "empty");
    hn_case_int(c, "to", HN_F16);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 0), 0, 1);
    return hn_cases_status(c);
}

#define TYPES (HN_T_ALL & ~HN_T_COMPLEX)
static const hn_port in[] = {{"input", TYPES, 'A', false}};
static const hn_port out[] = {{"output", TYPES, 0, false}};
static const hn_attr_row attrs[] = {
    {"to", HN_ATTR_INT, true, NULL, "element type of the output, as numbered by ONNX"},
    {"saturate", HN_ATTR_INT, false, "1", "8-bit floats: values out of range become the largest finite one"},
    {"round_mode", HN_ATTR_STRING, false, "up", "f8e8m0 only: up, down or nearest"},
    {0},
};
const hn_op hn_op_cast = {
    .name = "Cast",
    .domain = "",
    .since = 28,
    .doc = "y = x in the dtype `to`: floats to integers truncate and saturate (to 4 and 2 bits: wrap), integers wrap, "
           "floats round to nearest "
           "even, bool is x != 0. Cast([1.7, -1.7, 3], to i32) = [1, -1, 3].",
    .flags = HN_OP_ELEMENTWISE,
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    HN_GRAD(grad),
    .cases = cases,
    .quant = "",
};
