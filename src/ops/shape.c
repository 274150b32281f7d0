/* Shape: the dims of x from start to end as i64. */
#include "ops/lib.h"

static void range(const hn_node *node, int rank, int64_t *start, int64_t *end)
{
    *start = hn_attr_int(node, "start", 0);
    *end = hn_attr_int(node, "end", rank);
    if (*start < 0) *start += rank;
    if (*end < 0) *end += rank;
    *start = *start < 0 ? 0 : *start > rank ? rank : *start;
    *end = *end > rank ? rank : *end < *start ? *start : *end;
}

static hn_status infer(hn_infer *c)
{
    int64_t start, end;
    c->out[0].dtype = HN_I64;
    hn_type_unknown_dims(&c->out[0], 1);
    if (c->in[0]->rank < 0) return HN_OK;
    range(c->node, c->in[0]->rank, &start, &end);
    c->out[0].dims[0] = end - start;
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    int64_t start, end;
    range(a->node, a->in[0]->rank, &start, &end);
    for (int64_t d = start; d < end; d++) hn_set_i64(a->out[0], (size_t)(d - start), a->in[0]->dims[d]);
    return HN_OK;
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3), -2, 2);
    hn_case_want(c, HN_I64, HN_DIMS(2), HN_VALS(2, 3));
    hn_case(c, "a range");
    hn_case_int(c, "start", 1);
    hn_case_int(c, "end", -1);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3, 4, 5), -2, 2);
    hn_case_want(c, HN_I64, HN_DIMS(2), HN_VALS(3, 4));
    hn_case(c, "empty range");
    hn_case_int(c, "start", 2);
    hn_case_int(c, "end", 1);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3), -2, 2);
    hn_case(c, "scalar");
    hn_case_rand(c, HN_F32, HN_NO_DIMS, -2, 2);
    hn_case(c, "a dim of 0");
    hn_case_rand(c, HN_F32, HN_DIMS(0, 3), -2, 2);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"data", HN_T_ALL, 'T', false}};
static const hn_port out[] = {{"shape", HN_T_I64, 0, false}};
static const hn_attr_row attrs[] = {
    {"start", HN_ATTR_INT, false, "0", "first axis"},
    {"end", HN_ATTR_INT, false, NULL, "axis after the last; default: the rank"},
    {0},
};
const hn_op hn_op_shape = {
    .name = "Shape",
    .domain = "",
    .since = 25,
    .doc = "y = dims of x, from axis `start` up to `end`. Shape(x of 2 x 3) = [2, 3].",
    .flags = HN_OP_SHAPE_ONLY,
    HN_PORTS(in, 1, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    .grad_kind = HN_GRAD_ZERO,
    .cases = cases,
    .quant = "",
};
