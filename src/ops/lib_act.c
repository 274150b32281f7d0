/* lib_act: see the header. Sources of the formulas: ONNX activations of the same names, RNN-22 for the recurrent list.
 */
#include "ops/lib_act.h"

#include <math.h>
#include <string.h>
#include <strings.h>

static double identity(double x, double a, double b)
{
    return (void)a, (void)b, x;
}
static double relu(double x, double a, double b)
{
    return (void)a, (void)b, x < 0 ? 0 : x;
}
static double clip(double x, double a, double b)
{
    return x < a ? a : x > b ? b : x;
}
static double leaky_relu(double x, double a, double b)
{
    return (void)b, x < 0 ? a * x : x;
}
static double sigmoid(double x, double a, double b)
{
    return (void)a, (void)b, 1 / (1 + exp(-x));
}
static double tanh_act(double x, double a, double b)
{
    return (void)a, (void)b, tanh(x);
}
static double hard_sigmoid(double x, double a, double b)
{
    return clip(a * x + b, 0, 1);
}
static double hard_swish(double x, double a, double b)
{
    return (void)a, (void)b, x * clip(x / 6 + 0.5, 0, 1);
}
static double silu(double x, double a, double b)
{
    return (void)a, (void)b, x / (1 + exp(-x));
}
static double gelu(double x, double a, double b)
{
    return (void)a, (void)b, 0.5 * x * (1 + erf(x * 0.70710678118654752440));
}
static double gelu_tanh(double x, double a, double b)
{
    return (void)a, (void)b, 0.5 * x * (1 + tanh(0.79788456080286535588 * (x + 0.044715 * x * x * x)));
}
static double elu(double x, double a, double b)
{
    return (void)b, x < 0 ? a * expm1(x) : x;
}
static double affine(double x, double a, double b)
{
    return a * x + b;
}
static double thresholded_relu(double x, double a, double b)
{
    return (void)b, x > a ? x : 0;
}
static double scaled_tanh(double x, double a, double b)
{
    return a * tanh(b * x);
}
static double softsign(double x, double a, double b)
{
    return (void)a, (void)b, x / (1 + fabs(x));
}
static double softplus(double x, double a, double b)
{
    return (void)a, (void)b, x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

static const hn_act fused[] = {
    {"", identity, 0, 0, 0},
    {"Relu", relu, 0, 0, 0},
    {"Clip", clip, 0, 0, 0},
    {"LeakyRelu", leaky_relu, 0, 0, 0},
    {"Sigmoid", sigmoid, 0, 0, 0},
    {"Tanh", tanh_act, 0, 0, 0},
    {"HardSwish", hard_swish, 0, 0, 0},
    {"HardSigmoid", hard_sigmoid, 0, 0, 0},
    {"Silu", silu, 0, 0, 0},
    {"Gelu", gelu, 0, 0, 0},
    {"GeluTanh", gelu_tanh, 0, 0, 0},
    {"Elu", elu, 0, 0, 0},
};

/* Defaults are those of the ops of the same name. */
static const hn_act recurrent[] = {
    {"Relu", relu, 0, 0, 0},
    {"Tanh", tanh_act, 0, 0, 0},
    {"Sigmoid", sigmoid, 0, 0, 0},
    {"Affine", affine, 1, 0, 2},
    {"LeakyRelu", leaky_relu, 0.01, 0, 1},
    {"ThresholdedRelu", thresholded_relu, 1, 0, 1},
    {"ScaledTanh", scaled_tanh, 1, 1, 2},
    {"HardSigmoid", hard_sigmoid, 0.2, 0.5, 2},
    {"Elu", elu, 1, 0, 1},
    {"Softsign", softsign, 0, 0, 0},
    {"Softplus", softplus, 0, 0, 0},
};

hn_status hn_act_named(hn_env *env, const hn_node *node, hn_str name, hn_act *act)
{
    for (size_t i = 0; i < HN_COUNT(fused); i++) {
        if (name.size == strlen(fused[i].name) &&
            (name.size == 0 || memcmp(name.data, fused[i].name, name.size) == 0)) {
            *act = fused[i];
            return HN_OK;
        }
    }
    return hn_op_fail(env, node, "unknown activation \"%.*s\"", (int)hn_min_size(name.size, 40), name.data);
}

hn_status hn_act_read(hn_env *env, const hn_node *node, hn_act *act)
{
    HN_TRY(hn_act_named(env, node, hn_attr_string(node, "act", ""), act));
    act->alpha = hn_attr_float(node, "act_alpha", 0);
    act->beta = hn_attr_float(node, "act_beta", 0);
    return HN_OK;
}

const hn_act *hn_act_rnn(hn_str name)
{
    for (size_t i = 0; i < HN_COUNT(recurrent); i++) {
        if (name.size == strlen(recurrent[i].name) && strncasecmp(name.data, recurrent[i].name, name.size) == 0) {
            return &recurrent[i];
        }
    }
    return NULL;
}
