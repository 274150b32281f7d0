/* LSTM: long short-term memory, with peepholes, coupled input and forget gates, clipping and both directions. */
#include "ops/lib_rnn.h"

enum { I, O, F, C };
enum { ACT_GATE, ACT_CELL, ACT_OUT };
static const char *const acts[] = {"Sigmoid", "Tanh", "Tanh"};

static hn_status infer(hn_infer *c)
{
    return hn_rnn_infer(c, 4, 3, acts);
}

static void cell(const hn_rnn *s, const hn_node *node, int dir, const double *xw, const double *r, const double *rb,
                 const double *p, double *h, double *c, double *tmp)
{
    size_t n = (size_t)s->hidden;
    bool coupled = hn_attr_int(node, "input_forget", 0) != 0;
    for (size_t i = 0; i < 4 * n; i++) tmp[i] = xw[i] + rb[i];
    hn_rnn_matvec(4 * n, n, r, h, tmp);
    for (size_t i = 0; i < n; i++) {
        double in = hn_rnn_apply(s, dir, ACT_GATE, tmp[I * n + i] + (p ? p[I * n + i] * c[i] : 0));
        double forget = hn_rnn_apply(s, dir, ACT_GATE, tmp[F * n + i] + (p ? p[F * n + i] * c[i] : 0));
        if (coupled) forget = 1 - in;
        c[i] = forget * c[i] + in * hn_rnn_apply(s, dir, ACT_CELL, tmp[C * n + i]);
        double out = hn_rnn_apply(s, dir, ACT_GATE, tmp[O * n + i] + (p ? p[O * n + i] * c[i] : 0));
        h[i] = out * hn_rnn_apply(s, dir, ACT_OUT, c[i]);
    }
}

static hn_status ref(const hn_refargs *a)
{
    return hn_rnn_ref(a, 4, 3, acts, cell);
}

/* Gate g of v, with its peephole times state added. */
static hn_value *gate(hn_rw *rw, const hn_rnn *s, hn_value *v, hn_value *p, int g, hn_value *state)
{
    hn_value *x = hn_rnn_g_gate(rw, s, v, g, 1);
    return p ? hn_g_add(rw, x, hn_g_mul(rw, hn_rnn_g_gate(rw, s, p, g, 1), state)) : x;
}

static void emit(hn_rw *rw, const hn_rnn *s, const hn_node *node, int dir, hn_value *xw, hn_value *rt, hn_value *rb,
                 hn_value *p, hn_value **h, hn_value **c)
{
    hn_value *v = hn_g_add(rw, xw, hn_rw_2(rw, "MatMul", *h, rt));
    if (rb) v = hn_g_add(rw, v, rb);
    hn_value *in = hn_rnn_g_act(rw, s, dir, ACT_GATE, gate(rw, s, v, p, I, *c)), *forget;
    if (hn_attr_int(node, "input_forget", 0) != 0)
        forget = hn_g_sub(rw, hn_g_scalar(rw, in, 1), in);
    else
        forget = hn_rnn_g_act(rw, s, dir, ACT_GATE, gate(rw, s, v, p, F, *c));
    hn_value *fresh = hn_rnn_g_act(rw, s, dir, ACT_CELL, hn_rnn_g_gate(rw, s, v, C, 1));
    *c = hn_g_add(rw, hn_g_mul(rw, forget, *c), hn_g_mul(rw, in, fresh));
    hn_value *out = hn_rnn_g_act(rw, s, dir, ACT_GATE, gate(rw, s, v, p, O, *c));
    *h = hn_g_mul(rw, out, hn_rnn_g_act(rw, s, dir, ACT_OUT, *c));
}

static hn_status decompose(hn_rw *rw, const hn_node *node, hn_value **out)
{
    return hn_rnn_unroll(rw, node, 4, 3, acts, emit, out);
}

static void weights(hn_cases *c, int64_t dirs, int64_t in, int64_t hidden)
{
    hn_case_rand(c, HN_F32, HN_DIMS(dirs, 4 * hidden, in), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(dirs, 4 * hidden, hidden), -1, 1);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_flag(c, HN_CASE_INEXACT);
    hn_case_in(c, HN_F32, HN_DIMS(1, 1, 1), HN_VALS(1));
    hn_case_in(c, HN_F32, HN_DIMS(1, 4, 1), HN_VALS(1, 1, 1, 1));
    hn_case_in(c, HN_F32, HN_DIMS(1, 4, 1), HN_VALS(0, 0, 0, 0));
    hn_case_want(c, HN_F32, HN_DIMS(1, 1, 1, 1), HN_VALS(0.36963469));
    hn_case_want(c, HN_F32, HN_DIMS(1, 1, 1), HN_VALS(0.36963469));
    hn_case_want(c, HN_F32, HN_DIMS(1, 1, 1), HN_VALS(0.55676997));
    hn_case(c, "all inputs");
    hn_case_rand(c, HN_F32, HN_DIMS(3, 2, 2), -1, 1);
    weights(c, 1, 2, 3);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 24), -1, 1);
    hn_case_in(c, HN_I32, HN_DIMS(2), HN_VALS(3, 2));
    hn_case_rand(c, HN_F32, HN_DIMS(1, 2, 3), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 2, 3), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 9), -1, 1);
    hn_case(c, "bidirectional, batch first, coupled gates");
    hn_case_string(c, "direction", "bidirectional");
    hn_case_int(c, "layout", 1);
    hn_case_int(c, "input_forget", 1);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3, 2), -1, 1);
    weights(c, 2, 2, 2);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 16), -1, 1);
    hn_case_in(c, HN_I32, HN_DIMS(2), HN_VALS(1, 3));
    hn_case_rand(c, HN_F32, HN_DIMS(2, 2, 2), -1, 1);
    hn_case(c, "reverse, clip");
    hn_case_string(c, "direction", "reverse");
    hn_case_float(c, "clip", 5);
    hn_case_rand(c, HN_F32, HN_DIMS(3, 1, 2), -1, 1);
    weights(c, 1, 2, 2);
    hn_case(c, "rows of W do not fit");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(3, 1, 2), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 6, 2), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 8, 2), -1, 1);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"X", HN_T_FLOAT, 'T', false},
                             {"W", HN_T_FLOAT, 'T', false},
                             {"R", HN_T_FLOAT, 'T', false},
                             {"B", HN_T_FLOAT, 'T', true},
                             {"sequence_lens", HN_BIT(HN_I32), 0, true},
                             {"initial_h", HN_T_FLOAT, 'T', true},
                             {"initial_c", HN_T_FLOAT, 'T', true},
                             {"P", HN_T_FLOAT, 'T', true}};
static const hn_port out[] = {
    {"Y", HN_T_FLOAT, 'T', true}, {"Y_h", HN_T_FLOAT, 'T', true}, {"Y_c", HN_T_FLOAT, 'T', true}};
static const hn_attr_row attrs[] = {
    HN_RNN_ATTRS, {"input_forget", HN_ATTR_INT, false, "0", "1: the forget gate is 1 - the input gate"}, {0}};

const hn_op hn_op_lstm = {
    .name = "LSTM",
    .domain = "",
    .since = 22,
    .doc =
        "i = f(X Wi' + H Ri' + Pi C + Wbi + Rbi), o and f alike (o sees the new C), c = g(X Wc' + H Rc' + Wbc + Rbc), "
        "C = f C + i c, H = o h(C); gates in the order i, o, f, c. "
        "X = 1, W = [1,1,1,1], R = 0: i = o = 0.7311, c = 0.7616, C = 0.5568, H = 0.3696.",
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
