/* CausalConvWithState: a depthwise convolution along time that sees only present and past, with the last k - 1 steps
 * handed on to the next call. */
#include "ops/lib_nn.h"

enum { X, W, BIAS, PAST };

static bool gated(const hn_node *n)
{
    return !hn_attr_is(n, "activation", "none");
}

static hn_status infer(hn_infer *c)
{
    const hn_type *x = c->in[X], *w = c->in[W], *bias = hn_nn_type(c, BIAS), *past = hn_nn_type(c, PAST);
    bool known, have, flat, kept;
    int64_t batch = -1, channels = -1, length = -1, k = -1;
    if (gated(c->node) && !hn_attr_is(c->node, "activation", "silu") && !hn_attr_is(c->node, "activation", "swish"))
        return hn_op_fail(c->env, c->node, "activation must be none, silu or swish");
    HN_TRY(hn_nn_rank(c, X, 3, 3, &known));
    HN_TRY(hn_nn_rank(c, W, 3, 3, &have));
    if (bias) HN_TRY(hn_nn_rank(c, BIAS, 1, 1, &flat));
    if (past) HN_TRY(hn_nn_rank(c, PAST, 3, 3, &kept));
    if (known) {
        batch = x->dims[0];
        channels = x->dims[1];
        length = x->dims[2];
    }
    if (have) {
        HN_TRY(hn_nn_same_dim(c->env, c->node, "the middle dim of weight and 1", w->dims[1], 1, NULL));
        HN_TRY(hn_nn_same_dim(c->env, c->node, "channels of input and weight", channels, w->dims[0], &channels));
        k = w->dims[2];
        if (k == 0) return hn_op_fail(c->env, c->node, "a kernel of size 0");
    }
    if (bias && bias->rank == 1)
        HN_TRY(hn_nn_same_dim(c->env, c->node, "channels and bias", channels, bias->dims[0], &channels));
    int64_t state = k > 0 ? k - 1 : -1;
    if (past && past->rank == 3) {
        HN_TRY(hn_nn_same_dim(c->env, c->node, "batch of input and past_state", batch, past->dims[0], &batch));
        HN_TRY(hn_nn_same_dim(c->env, c->node, "channels of input and past_state", channels, past->dims[1], &channels));
        HN_TRY(hn_nn_same_dim(c->env, c->node, "kernel - 1 and steps of past_state", state, past->dims[2], &state));
    }
    c->out[0] = hn_type_tensor(x->dtype, 3, (const int64_t[]){batch, channels, length});
    if (c->nout > 1) c->out[1] = hn_type_tensor(x->dtype, 3, (const int64_t[]){batch, channels, state});
    return HN_OK;
}

static hn_status ref(const hn_refargs *a)
{
    const hn_tensor *t = a->in[X];
    int64_t channels = t->dims[1], length = t->dims[2], k = a->in[W]->dims[2], wide = length + k - 1;
    bool gate = gated(a->node);
    double *x, *w, *bias, *past, *row;
    HN_TRY(hn_nn_load(a, X, &x));
    HN_TRY(hn_nn_load(a, W, &w));
    HN_TRY(hn_nn_load(a, BIAS, &bias));
    HN_TRY(hn_nn_load(a, PAST, &past));
    HN_TRY(hn_nn_new(a, (size_t)wide, &row));
    for (int64_t p = 0; p < t->dims[0] * channels; p++) {
        int64_t c = p % channels;
        for (int64_t i = 0; i < k - 1; i++) row[i] = past ? past[p * (k - 1) + i] : 0;
        if (length > 0) memcpy(row + k - 1, x + p * length, (size_t)length * sizeof *row);
        for (int64_t i = 0; a->out[0] && i < length; i++) {
            double sum = bias ? bias[c] : 0;
            for (int64_t j = 0; j < k; j++) sum += w[c * k + j] * row[i + j];
            hn_set_f64(a->out[0], (size_t)(p * length + i), gate ? sum / (1 + exp(-sum)) : sum);
        }
        for (int64_t i = 0; hn_nn_out(a, 1) && i < k - 1; i++)
            hn_set_f64(a->out[1], (size_t)(p * (k - 1) + i), row[length + i]);
    }
    return HN_OK;
}

/* Concat, Conv of as many groups as channels, Swish; the state by Slice. */
static hn_status decompose(hn_rw *rw, const hn_node *node, hn_value **out)
{
    const hn_type *x = &node->in[X]->type;
    int64_t k = node->in[W]->type.dims[2], state[] = {x->dims[0], x->dims[1], k - 1}, pads[] = {k - 1, 0};
    hn_value *past = hn_node_in(node, PAST), *wide = node->in[X];
    hn_rw_attr last[] = {HN_A_INT("axis", 2), {0}};
    if (!past && k > 1 && hn_node_out(node, 1)) {
        hn_tensor *t;
        past = hn_rw_const_new(rw, x->dtype, 3, state, &t);
    }
    if (past && k > 1) {
        hn_value *parts[] = {past, wide};
        wide = hn_rw_op(rw, "Concat", 2, parts, last);
        pads[0] = 0;
    }
    hn_value *in[] = {wide, node->in[W], hn_node_in(node, BIAS)};
    hn_rw_attr conv[] = {HN_A_INT("group", x->dims[1]), HN_A_INTS("pads", pads, 2), {0}};
    hn_value *y = hn_rw_op(rw, "Conv", in[2] ? 3 : 2, in, conv);
    if (hn_node_out(node, 0)) out[0] = gated(node) ? hn_rw_1(rw, "Swish", y) : y;
    if (hn_node_out(node, 1)) {
        int64_t from = x->dims[2], to = from + k - 1, axis = 2;
        hn_value *cut[] = {wide, hn_rw_ints(rw, &from, 1), hn_rw_ints(rw, &to, 1), hn_rw_ints(rw, &axis, 1)};
        out[1] = hn_rw_op(rw, "Slice", 4, cut, NULL);
    }
    return hn_rw_status(rw);
}

static void cost(const hn_node *n, hn_cost *cost)
{
    cost->macs = hn_nn_elems(n->in[X]) * (double)n->in[W]->type.dims[2];
    cost->flops = 2 * cost->macs + (gated(n) ? 4 * hn_nn_elems(n->in[X]) : 0);
    cost->bytes = hn_nn_bytes(n);
}

static hn_status cases(hn_cases *c)
{
    hn_case(c, "example");
    hn_case_in(c, HN_F32, HN_DIMS(1, 1, 3), HN_VALS(1, 2, 3));
    hn_case_in(c, HN_F32, HN_DIMS(1, 1, 2), HN_VALS(10, 1));
    hn_case_in(c, HN_F32, HN_DIMS(1), HN_VALS(0.5));
    hn_case_in(c, HN_F32, HN_DIMS(1, 1, 1), HN_VALS(4));
    hn_case_want(c, HN_F32, HN_DIMS(1, 1, 3), HN_VALS(41.5, 12.5, 23.5));
    hn_case_want(c, HN_F32, HN_DIMS(1, 1, 1), HN_VALS(3));
    hn_case(c, "silu, no past, shorter than the state");
    hn_case_string(c, "activation", "silu");
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3, 2), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(3, 1, 4), -1, 1);
    hn_case(c, "swish, past, without state");
    hn_case_nout(c, 1);
    hn_case_string(c, "activation", "swish");
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3, 5), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(3, 1, 3), -1, 1);
    hn_case_absent(c);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 3, 2), -1, 1);
    hn_case(c, "kernel of size 1");
    hn_case_rand(c, HN_F32, HN_DIMS(1, 2, 3), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 1, 1), -1, 1);
    hn_case(c, "unknown activation");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_string(c, "activation", "relu");
    hn_case_rand(c, HN_F32, HN_DIMS(1, 2, 3), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 1, 2), -1, 1);
    hn_case(c, "weights of another layout");
    hn_case_flag(c, HN_CASE_FAILS);
    hn_case_rand(c, HN_F32, HN_DIMS(1, 2, 3), -1, 1);
    hn_case_rand(c, HN_F32, HN_DIMS(2, 2, 2), -1, 1);
    return hn_cases_status(c);
}

static const hn_port in[] = {{"input", HN_T_FLOAT, 'T', false},
                             {"weight", HN_T_FLOAT, 'T', false},
                             {"bias", HN_T_FLOAT, 'T', true},
                             {"past_state", HN_T_FLOAT, 'T', true}};
static const hn_port out[] = {{"output", HN_T_FLOAT, 'T', false}, {"present_state", HN_T_FLOAT, 'T', true}};
static const hn_attr_row attrs[] = {{"activation", HN_ATTR_STRING, false, "none", "none, silu or swish (the same)"},
                                    {0}};

const hn_op hn_op_causal_conv_with_state = {
    .name = "CausalConvWithState",
    .domain = "",
    .since = 27,
    .doc = "y[t] = act(bias + sum_j w[j] v[t + j]) per channel, v = past_state (or zeros), then the input; "
           "present_state is the end of v, k - 1 steps. Past [4], input [1, 2, 3], w = [10, 1], bias 0.5: "
           "[41.5, 12.5, 23.5], state [3].",
    HN_PORTS(in, 2, out),
    .attrs = attrs,
    .infer = infer,
    .ref = ref,
    .grad_kind = HN_GRAD_DECOMPOSE,
    .decompose = decompose,
    .cost = cost,
    .cases = cases,
    .quant = "",
};
