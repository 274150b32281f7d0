/* hone.QAdd: sum of two 8-bit tensors of different scales, in float32 without fused multiply-add. */
#include "ops/lib_quant.h"

static hn_status ref(const hn_refargs *a)
{
    const hn_node *node = a->node;
    size_t n = hn_tensor_elems(a->out[0]);
    float a_zp = (float)hn_attr_int(node, "a_zp", 0), b_zp = (float)hn_attr_int(node, "b_zp", 0);
    float a_scale = (float)hn_attr_float(node, "a_scale", 1), b_scale = (float)hn_attr_float(node, "b_scale", 1);
    float y_zp = (float)hn_attr_int(node, "y_zp", 0), lo = (float)hn_attr_int(node, "y_lo", 0);
    float hi = (float)hn_attr_int(node, "y_hi", 255);
    hn_walk w;
    hn_walk_init(&w, a->out[0]->rank, a->out[0]->dims);
    hn_walk_add(&w, a->in[0]);
    hn_walk_add(&w, a->in[1]);
    for (size_t i = 0; i < n; i++, hn_walk_next(&w)) {
        float x = ((float)hn_get_i64(a->in[0], (size_t)w.offset[0]) - a_zp) * a_scale;
        float y = ((float)hn_get_i64(a->in[1], (size_t)w.offset[1]) - b_zp) * b_scale;
        hn_set_f64(a->out[0], i, hn_q_clamp(x + y, y_zp, lo, hi));
    }
    return HN_OK;
}

static void cost(const hn_node *n, hn_cost *cost)
{
    *cost = (hn_cost){.flops = 5 * hn_nn_elems(n->out[0]), .bytes = hn_nn_bytes(n)};
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_int(c, "a_zp", 10);
    hn_case_float(c, "a_scale", 0.5);
    hn_case_int(c, "y_zp", 100);
    hn_case_in(c, HN_U8, HN_DIMS(3), HN_VALS(10, 20, 30));
    hn_case_in(c, HN_U8, HN_DIMS(3), HN_VALS(0, 1, 255));
    hn_case_want(c, HN_U8, HN_DIMS(3), HN_VALS(100, 106, 255));
    hn_case(c, "broadcast, int8");
    hn_case_int(c, "a_zp", -3);
    hn_case_float(c, "a_scale", 0.7);
    hn_case_int(c, "b_zp", 5);
    hn_case_float(c, "b_scale", 1.3);
    hn_case_int(c, "y_lo", -128);
    hn_case_int(c, "y_hi", 127);
    hn_case_rand(c, HN_I8, HN_DIMS(2, 3, 37), -128, 127);
    hn_case_rand(c, HN_I8, HN_DIMS(37), -128, 127);
    hn_case(c, "long, the same shape");
    hn_case_float(c, "a_scale", 0.3);
    hn_case_float(c, "b_scale", 0.6);
    hn_case_rand(c, HN_U8, HN_DIMS(2, 131), 0, 255);
    hn_case_rand(c, HN_U8, HN_DIMS(2, 131), 0, 255);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"A", HN_T_Q8, 'T', false}, {"B", HN_T_Q8, 0, false}};
static const hn_port out[] = {{"Y", HN_T_Q8, 'T', false}};
static const hn_attr_row attrs[] = {{"a_zp", HN_ATTR_INT, false, "0", "zero point of A"},
                                    {"a_scale", HN_ATTR_FLOAT, false, "1.0", "scale of A relative to Y"},
                                    {"b_zp", HN_ATTR_INT, false, "0", "zero point of B"},
                                    {"b_scale", HN_ATTR_FLOAT, false, "1.0", "scale of B relative to Y"},
                                    {"y_zp", HN_ATTR_INT, false, "0", "zero point of Y"},
                                    {"y_lo", HN_ATTR_INT, false, "0", "smallest Y"},
                                    {"y_hi", HN_ATTR_INT, false, "255", "largest Y"},
                                    {0}};

const hn_op hn_op_hone_q_add = {
    .name = "QAdd",
    .domain = "hone",
    .since = 1,
    .doc = "Y = clamp(rint((A - a_zp) a_scale + (B - b_zp) b_scale) + y_zp, y_lo, y_hi), with broadcasting. "
           "a_zp 10, a_scale 0.5, y_zp 100, A = [10,20,30], B = [0,1,255]: Y = [100,106,255].",
    .flags = HN_OP_INTERNAL | HN_OP_ELEMENTWISE,
    HN_PORTS(in, 2, out),
    .attrs = attrs,
    .infer = hn_infer_broadcast,
    .ref = ref,
    HN_GRAD_NO("integers carry no gradient; training runs on fake-quantised floats"),
    .cost = cost,
    .cases = cases,
    .quant = "",
};
