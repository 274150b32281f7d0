/* RNN: the plain recurrent layer with one activation. */
#include "ops/lib_rnn.h"

static const char *const acts[] = {"Tanh"};

static hn_status infer(hn_infer *c)
{
    return hn_rnn_infer(c, 1, 1, acts);
}

static void cell(const hn_rnn *s, const hn_node *node, int dir, const double *xw, const double *r, const double *rb,
                 const double *p, double *h, double *c, double *tmp)
{
    size_t n = (size_t)s->hidden;
    (void)node, (void)p, (void)c;
    for (size_t i = 0; i < n; i++) tmp[i] = xw[i] + rb[i];
    hn_rnn_matvec(n, n, r, h, tmp);
    for (size_t i = 0; i < n; i++) h[i] = hn_rnn_apply(s, dir, 0, tmp[i]);
}

static hn_status ref(const hn_refargs *a)
{
    return hn_rnn_ref(a, 1, 1, acts, cell);
}

static void emit(hn_rw *rw, const hn_rnn *s, const hn_node *node, int dir, hn_value *xw, hn_value *rt, hn_value *rb,
                 hn_value *p, hn_value **h, hn_value **c)
{
    (void)node, (void)p, (void)c;
    hn_value *v = hn_g_add(rw, xw, hn_rw_2(rw, "MatMul", *h, rt));
    *h = hn_rnn_g_act(rw, s, dir, 0, rb ? hn_g_add(rw, v, rb) : v);
}

static hn_status decompose(hn_rw *rw, const hn_node *node, hn_value **out)
{
    return hn_rnn_unroll(rw, node, 1, 1, acts, emit, out);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_flag(c, HN_CASE_INEXACT);
    hn_case_in(c, HN_F32, HN_DIMS(2, 1, 1), HN_VALS(1, 0));
    hn_case_in(c, HN_F32, HN_DIMS(1, 1, 1), HN_VALS(1));
    hn_case_in(c, HN_F32, HN_DIMS(1, 1, 1), HN_VALS(1));
    hn_case_want(c, HN_F32, HN_DIMS(2, 1, 1, 1), HN_VALS(0.76159416, 0.64201499));
    hn_case_want(c, HN_F32, HN_DIMS(1, 1, 1), HN_VALS(0.64201499));
    hn_case(c, "bidirectional, all inputs");
    static const hn_str other[] = {{"Tanh", 4}, {"Affine", 6}};
    hn_case_string(c, "direction", "bidirectional");
    hn_case_strings(c, "activations", 2, other);
    hn_case_floats(c, "activation_alpha", 1, (const double[]){0.5});
    hn_case_floats(c, "activation_beta", 1, (const double[]){0.1});
    hn_case_rand(c, HN_F32, HN_DIMS(3, 2, 2), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3, 2), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3, 3), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 6), -1, 1);
    hn_case_in(c, HN_I32, HN_DIMS(2), HN_VALS(2, 3));
    hn_case_rand(c, HN_F32, HN_DIMS(2, 2, 3), -1, 1);
    hn_case(c, "batch first");
    hn_case_int(c, "layout", 1);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3, 2), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 3, 2), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 3, 3), -1, 1);
    hn_case(c, "directions do not fit");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(3, 2, 2), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3, 2), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3, 3), -1, 1);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"X", HN_T_FLOAT, 'T', false},
                             {"W", HN_T_FLOAT, 'T', false},
                             {"R", HN_T_FLOAT, 'T', false},
                             {"B", HN_T_FLOAT, 'T', true},
                             {"sequence_lens", HN_BIT(HN_I32), 0, true},
                             {"initial_h", HN_T_FLOAT, 'T', true}};
static const hn_port out[] = {{"Y", HN_T_FLOAT, 'T', true}, {"Y_h", HN_T_FLOAT, 'T', true}};
static const hn_attr_row attrs[] = {HN_RNN_ATTRS, {0}};

const hn_op hn_op_rnn = {
    .name = "RNN",
    .domain = "",
    .since = 22,
    .doc = "H = f(X W' + H R' + Wb + Rb). X = [1,0], W = R = 1: H = tanh(1) = 0.7616, then tanh(0.7616) = 0.6420.",
    HN_PORTS(in, 3, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    .grad_kind = HN_GRAD_DECOMPOSE,
    .decompose = decompose,
    .cost = hn_rnn_cost,
    .shard = hn_rnn_shard,
    .cases = cases,
    .quant = "",
};
