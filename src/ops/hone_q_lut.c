/* hone.QLut: any function of one 8-bit tensor, as a table. */
#include "ops/lib_quant.h"

static hn_status infer(hn_infer *c)
{
    bool known;
    HN_TRY(hn_nn_rank(c, 1, 1, 1, &known));
    if (known) HN_TRY(hn_nn_same_dim(c->env, c->node, "entries of the table", c->in[1]->dims[0], 256, NULL));
    c->out[0] = *c->in[0];
    c->out[0].dtype = c->in[1]->dtype;
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    size_t n = hn_tensor_elems(a->in[0]);
    const uint8_t *x = a->in[0]->data, *table = a->in[1]->data;
    uint8_t *y = a->out[0]->data;
    for (size_t i = 0; i < n; i++) y[i] = table[x[i]];
    return HN_OK;
}

static hn_status cases(hn_cases *c)
{
    double table[256];
    for (int i = 0; i < 256; i++) table[i] = i < 128 ? i : 127;
    hn_case(c, "example");
    hn_case_in(c, HN_U8, HN_DIMS(3), HN_VALS(0, 100, 200));
    hn_case_in(c, HN_U8, HN_DIMS(256), table);
    hn_case_want(c, HN_U8, HN_DIMS(3), HN_VALS(0, 100, 127));
    hn_case(c, "int8 bytes index as unsigned");
    hn_case_in(c, HN_I8, HN_DIMS(2, 2), HN_VALS(-1, -128, 0, 5));
    hn_case_in(c, HN_I8, HN_DIMS(256), table);
    hn_case_want(c, HN_I8, HN_DIMS(2, 2), HN_VALS(127, 127, 0, 5));
    hn_case(c, "long");
    hn_case_rand(c, HN_U8, HN_DIMS(3, 111), 0, 255);
    hn_case_in(c, HN_U8, HN_DIMS(256), table);
    hn_case(c, "short table");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_U8, HN_DIMS(3), 0, 255);
    hn_case_rand(c, HN_U8, HN_DIMS(255), 0, 255);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"X", HN_T_Q8, 0, false}, {"T", HN_T_Q8, 0, false}};
static const hn_port out[] = {{"Y", HN_T_Q8, 0, false}};

const hn_op hn_op_hone_q_lut = {
    .name = "QLut",
    .domain = "hone",
    .since = 1,
    .doc = "Y = T[X read as unsigned byte]. T[i] = min(i, 127), X = [0,100,200]: Y = [0,100,127].",
    .flags = HN_OP_INTERNAL,
    HN_PORTS(in, 2, out),
    .infer = infer,
    .ref = ref,
    HN_GRAD_NO("integers carry no gradient; training runs on fake-quantised floats"),
    .shard = hn_shard_first,
    .cases = cases,
    .quant = "",
};
