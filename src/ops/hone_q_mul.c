/* hone.QMul: product of two 8-bit tensors, rescaled by one float32 factor. */
#include "ops/lib_quant.h"

static hn_status ref(const hn_refargs *a)
{
    const hn_node *node = a->node;
    size_t n = hn_tensor_elems(a->out[0]);
    int64_t a_zp = hn_attr_int(node, "a_zp", 0), b_zp = hn_attr_int(node, "b_zp", 0);
    float scale = (float)hn_attr_float(node, "scale", 1), y_zp = (float)hn_attr_int(node, "y_zp", 0);
    float lo = (float)hn_attr_int(node, "y_lo", 0), hi = (float)hn_attr_int(node, "y_hi", 255);
    hn_walk w;
    hn_walk_init(&w, a->out[0]->rank, a->out[0]->dims);
    hn_walk_add(&w, a->in[0]);
    hn_walk_add(&w, a->in[1]);
    for (size_t i = 0; i < n; i++, hn_walk_next(&w)) {
        float product = ((float)hn_get_i64(a->in[0], (size_t)w.offset[0]) - (float)a_zp) *
                        ((float)hn_get_i64(a->in[1], (size_t)w.offset[1]) - (float)b_zp);
        hn_set_f64(a->out[0], i, hn_q_clamp(product * scale, y_zp, lo, hi));
    }
    return HN_OK;
}

static void cost(const hn_node *n, hn_cost *cost)
{
    *cost = (hn_cost){.flops = 4 * hn_nn_elems(n->out[0]), .bytes = hn_nn_bytes(n)};
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_int(c, "a_zp", 10);
    hn_case_float(c, "scale", 0.5);
    hn_case_int(c, "y_zp", 100);
    hn_case_in(c, HN_U8, HN_DIMS(3), HN_VALS(10, 13, 30));
    hn_case_in(c, HN_U8, HN_DIMS(3), HN_VALS(7, 3, 255));
    hn_case_want(c, HN_U8, HN_DIMS(3), HN_VALS(100, 104, 255));
    hn_case(c, "a gate per channel, int8");
    hn_case_int(c, "a_zp", -3);
    hn_case_int(c, "b_zp", -128);
    hn_case_float(c, "scale", 0.004);
    hn_case_int(c, "y_lo", -128);
    hn_case_int(c, "y_hi", 127);
    hn_case_rand(c, HN_I8, HN_DIMS(2, 3, 3, 19), -128, 127);
    hn_case_rand(c, HN_I8, HN_DIMS(2, 1, 1, 19), -128, 127);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"A", HN_T_Q8, 'T', false}, {"B", HN_T_Q8, 0, false}};
static const hn_port out[] = {{"Y", HN_T_Q8, 'T', false}};
static const hn_attr_row attrs[] = {{"a_zp", HN_ATTR_INT, false, "0", "zero point of A"},
                                    {"b_zp", HN_ATTR_INT, false, "0", "zero point of B"},
                                    {"scale", HN_ATTR_FLOAT, false, "1.0", "scale of A times scale of B / scale of Y"},
                                    {"y_zp", HN_ATTR_INT, false, "0", "zero point of Y"},
                                    {"y_lo", HN_ATTR_INT, false, "0", "smallest Y"},
                                    {"y_hi", HN_ATTR_INT, false, "255", "largest Y"},
                                    {0}};

const hn_op hn_op_hone_q_mul = {
    .name = "QMul",
    .domain = "hone",
    .since = 1,
    .doc = "Y = clamp(rint((A - a_zp)(B - b_zp) scale) + y_zp, y_lo, y_hi), with broadcasting. "
           "a_zp 10, scale 0.5, y_zp 100, A = [10,13,30], B = [7,3,255]: Y = [100,104,255] (4.5 rounds to 4).",
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
