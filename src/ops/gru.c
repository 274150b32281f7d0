/* GRU: gated recurrent unit, with the reset gate before or after the recurrent product. */
#include "ops/lib_rnn.h"

enum { Z, R, H };
enum { ACT_GATE, ACT_STATE };
static const char *const acts[] = {"Sigmoid", "Tanh"};

static hn_status infer(hn_infer *c)
{
    return hn_rnn_infer(c, 3, 2, acts);
}

static void cell(const hn_rnn *s, const hn_node *node, int dir, const double *xw, const double *r, const double *rb,
                 const double *p, double *h, double *c, double *tmp)
{
    size_t n = (size_t)s->hidden;
    bool linear = hn_attr_int(node, "linear_before_reset", 0) != 0;
    (void)p;
    for (size_t i = 0; i < 3 * n; i++) tmp[i] = rb[i];
    hn_rnn_matvec((linear ? 3 : 2) * n, n, r, h, tmp);
    /* c is free here: it holds the reset state. */
    for (size_t i = 0; i < n; i++) {
        tmp[Z * n + i] = hn_rnn_apply(s, dir, ACT_GATE, tmp[Z * n + i] + xw[Z * n + i]);
        tmp[R * n + i] = hn_rnn_apply(s, dir, ACT_GATE, tmp[R * n + i] + xw[R * n + i]);
        c[i] = tmp[R * n + i] * h[i];
    }
    if (linear) {
        for (size_t i = 0; i < n; i++) tmp[H * n + i] *= tmp[R * n + i];
    } else {
        hn_rnn_matvec(n, n, r + H * n * n, c, tmp + H * n);
    }
    for (size_t i = 0; i < n; i++) {
        double fresh = hn_rnn_apply(s, dir, ACT_STATE, tmp[H * n + i] + xw[H * n + i]);
        h[i] = (1 - tmp[Z * n + i]) * fresh + tmp[Z * n + i] * h[i];
    }
}

static hn_status ref(const hn_refargs *a)
{
    return hn_rnn_ref(a, 3, 2, acts, cell);
}

static hn_value *plus(hn_rw *rw, hn_value *a, hn_value *b)
{
    return b ? hn_g_add(rw, a, b) : a;
}

static void emit(hn_rw *rw, const hn_rnn *s, const hn_node *node, int dir, hn_value *xw, hn_value *rt, hn_value *rb,
                 hn_value *p, hn_value **h, hn_value **c)
{
    bool linear = hn_attr_int(node, "linear_before_reset", 0) != 0;
    (void)p, (void)c;
    hn_value *fresh, *rt_h = hn_rnn_g_gate(rw, s, rt, H, 1), *rb_h = rb ? hn_rnn_g_gate(rw, s, rb, H, 1) : NULL;
    hn_value *hr =
        plus(rw, hn_rw_2(rw, "MatMul", *h, hn_rnn_g_gate(rw, s, rt, Z, 2)), rb ? hn_rnn_g_gate(rw, s, rb, Z, 2) : NULL);
    hn_value *gates = hn_rnn_g_act(rw, s, dir, ACT_GATE, hn_g_add(rw, hn_rnn_g_gate(rw, s, xw, Z, 2), hr));
    hn_value *z = hn_rnn_g_gate(rw, s, gates, Z, 1), *r = hn_rnn_g_gate(rw, s, gates, R, 1);
    if (linear)
        fresh = hn_g_mul(rw, r, plus(rw, hn_rw_2(rw, "MatMul", *h, rt_h), rb_h));
    else
        fresh = plus(rw, hn_rw_2(rw, "MatMul", hn_g_mul(rw, r, *h), rt_h), rb_h);
    fresh = hn_rnn_g_act(rw, s, dir, ACT_STATE, hn_g_add(rw, hn_rnn_g_gate(rw, s, xw, H, 1), fresh));
    hn_value *keep = hn_g_mul(rw, z, *h), *rest = hn_g_sub(rw, hn_g_scalar(rw, z, 1), z);
    *h = hn_g_add(rw, hn_g_mul(rw, rest, fresh), keep);
}

static hn_status decompose(hn_rw *rw, const hn_node *node, hn_value **out)
{
    return hn_rnn_unroll(rw, node, 3, 2, acts, emit, out);
}

static void weights(hn_cases *c, int64_t dirs, int64_t in, int64_t hidden)
{
    hn_case_rand(c, HN_F32, HN_DIMS(dirs, 3 * hidden, in), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(dirs, 3 * hidden, hidden), -1, 1);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_flag(c, HN_CASE_INEXACT);
    hn_case_in(c, HN_F32, HN_DIMS(1, 1, 1), HN_VALS(1));
    hn_case_in(c, HN_F32, HN_DIMS(1, 3, 1), HN_VALS(1, 1, 1));
    hn_case_in(c, HN_F32, HN_DIMS(1, 3, 1), HN_VALS(0, 0, 0));
    hn_case_want(c, HN_F32, HN_DIMS(1, 1, 1, 1), HN_VALS(0.20482421));
    hn_case_want(c, HN_F32, HN_DIMS(1, 1, 1), HN_VALS(0.20482421));
    for (int64_t linear = 0; linear < 2; linear++) {
        hn_case(c, linear ? "linear before reset" : "all inputs");
        hn_case_int(c, "linear_before_reset", linear);
        hn_case_rand(c, HN_F32, HN_DIMS(3, 2, 2), -1, 1);
        weights(c, 1, 2, 3);
        hn_case_rand(c, HN_F32, HN_DIMS(1, 18), -1, 1);
        hn_case_in(c, HN_I32, HN_DIMS(2), HN_VALS(3, 2));
        hn_case_rand(c, HN_F32, HN_DIMS(1, 2, 3), -1, 1);
    }
    hn_case(c, "bidirectional, batch first");
    hn_case_string(c, "direction", "bidirectional");
    hn_case_int(c, "layout", 1);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3, 2), -1, 1);
    weights(c, 2, 2, 2);
    hn_case(c, "reverse, other activations");
    static const hn_str other[] = {{"HardSigmoid", 11}, {"ScaledTanh", 10}};
    hn_case_string(c, "direction", "reverse");
    hn_case_strings(c, "activations", 2, other);
    hn_case_floats(c, "activation_alpha", 2, (const double[]){0.25, 1.5});
    hn_case_floats(c, "activation_beta", 2, (const double[]){0.5, 0.75});
    hn_case_rand(c, HN_F32, HN_DIMS(3, 1, 2), -1, 1);
    weights(c, 1, 2, 2);
    hn_case(c, "unknown direction");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_string(c, "direction", "sideways");
    hn_case_rand(c, HN_F32, HN_DIMS(3, 1, 2), -1, 1);
    weights(c, 1, 2, 2);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"X", HN_T_FLOAT, 'T', false},
                             {"W", HN_T_FLOAT, 'T', false},
                             {"R", HN_T_FLOAT, 'T', false},
                             {"B", HN_T_FLOAT, 'T', true},
                             {"sequence_lens", HN_BIT(HN_I32), 0, true},
                             {"initial_h", HN_T_FLOAT, 'T', true}};
static const hn_port out[] = {{"Y", HN_T_FLOAT, 'T', true}, {"Y_h", HN_T_FLOAT, 'T', true}};
static const hn_attr_row attrs[] = {HN_RNN_ATTRS,
                                    {"linear_before_reset", HN_ATTR_INT, false, "0",
                                     "1: the reset gate multiplies the recurrent product, not the state"},
                                    {0}};

const hn_op hn_op_gru = {
    .name = "GRU",
    .domain = "",
    .since = 22,
    .doc =
        "z = f(X Wz' + H Rz' + Wbz + Rbz), r alike, h = g(X Wh' + (r H) Rh' + Rbh + Wbh) or, with linear_before_reset, "
        "g(X Wh' + r (H Rh' + Rbh) + Wbh); H = (1 - z) h + z H; gates in the order z, r, h. "
        "X = 1, W = [1,1,1], R = 0: z = 0.7311, h = 0.7616, H = 0.2048.",
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
