/* lib_elem: see the header. */
#include "device/cpu/lib_elem.h"

#include <float.h>
#include <string.h>

#include "base/size.h"
#include "kernels/binary_f32.h"
#include "kernels/unary_f32.h"

static const struct {
    const char *op;
    int32_t family, kind;
} ROWS[] = {
    {"Relu", HN_ELEM_UNARY, HN_ACT_RELU},
    {"Clip", HN_ELEM_UNARY, HN_ACT_CLIP},
    {"LeakyRelu", HN_ELEM_UNARY, HN_ACT_LEAKY},
    {"Sigmoid", HN_ELEM_UNARY, HN_ACT_SIGMOID},
    {"Tanh", HN_ELEM_UNARY, HN_ACT_TANH},
    {"HardSigmoid", HN_ELEM_UNARY, HN_ACT_HARD_SIGMOID},
    {"HardSwish", HN_ELEM_UNARY, HN_ACT_HARD_SWISH},
    {"Swish", HN_ELEM_UNARY, HN_ACT_SILU},
    {"Gelu", HN_ELEM_UNARY, HN_ACT_GELU},
    {"Elu", HN_ELEM_UNARY, HN_ACT_ELU},
    {"Exp", HN_ELEM_UNARY, HN_ACT_EXP},
    {"Log", HN_ELEM_UNARY, HN_ACT_LOG},
    {"Erf", HN_ELEM_UNARY, HN_ACT_ERF},
    {"Sqrt", HN_ELEM_UNARY, HN_ACT_SQRT},
    {"Abs", HN_ELEM_UNARY, HN_ACT_ABS},
    {"Neg", HN_ELEM_UNARY, HN_ACT_NEG},
    {"Floor", HN_ELEM_UNARY, HN_ACT_FLOOR},
    {"Ceil", HN_ELEM_UNARY, HN_ACT_CEIL},
    {"Round", HN_ELEM_UNARY, HN_ACT_ROUND},
    {"Reciprocal", HN_ELEM_UNARY, HN_ACT_RECIPROCAL},
    {"Softplus", HN_ELEM_UNARY, HN_ACT_SOFTPLUS},
    {"Softsign", HN_ELEM_UNARY, HN_ACT_SOFTSIGN},
    {"Selu", HN_ELEM_UNARY, HN_ACT_SELU},
    {"Celu", HN_ELEM_UNARY, HN_ACT_CELU},
    {"ThresholdedRelu", HN_ELEM_UNARY, HN_ACT_THRESHOLDED},
    {"Mish", HN_ELEM_UNARY, HN_ACT_MISH},
    {"Pow", HN_ELEM_UNARY, HN_ACT_SQUARE},
    {"Add", HN_ELEM_BINARY, HN_BINARY_ADD},
    {"Sub", HN_ELEM_BINARY, HN_BINARY_SUB},
    {"Mul", HN_ELEM_BINARY, HN_BINARY_MUL},
    {"Div", HN_ELEM_BINARY, HN_BINARY_DIV},
    {"Max", HN_ELEM_BINARY, HN_BINARY_MAX},
    {"Min", HN_ELEM_BINARY, HN_BINARY_MIN},
    {"Sum", HN_ELEM_BINARY, HN_BINARY_ADD},
    {"PRelu", HN_ELEM_BINARY, HN_BINARY_PRELU},
    {"Equal", HN_ELEM_COMPARE, HN_ELEM_EQUAL},
    {"Greater", HN_ELEM_COMPARE, HN_ELEM_GREATER},
    {"GreaterOrEqual", HN_ELEM_COMPARE, HN_ELEM_GREATER_EQUAL},
    {"Less", HN_ELEM_COMPARE, HN_ELEM_LESS},
    {"LessOrEqual", HN_ELEM_COMPARE, HN_ELEM_LESS_EQUAL},
    {"Where", HN_ELEM_WHERE, 0},
};

/* A bound of Clip: absent, or a constant. */
static bool bound(const hn_value *v, float otherwise, float *out)
{
    *out = otherwise;
    if (v == NULL) return true;
    if (v->data == NULL || v->data->dtype != HN_F32) return false;
    *out = ((const float *)v->data->data)[0];
    return true;
}

static const char *power(const hn_value *exponent, hn_elem_fn *f)
{
    if (exponent->data == NULL || hn_tensor_elems(exponent->data) != 1) return "the exponent is not one constant";
    double x = hn_get_f64(exponent->data, 0);
    f->kind = x == 2 ? HN_ACT_SQUARE : x == 0.5 ? HN_ACT_SQRT : HN_ACT_RECIPROCAL;
    return x == 2 || x == 0.5 || x == -1 ? NULL : "the exponent has no kernel";
}

const char *hn_elem_fn_of(const hn_op *op, double a, double b, size_t nin, hn_value *const *in, hn_elem_fn *f)
{
    size_t i = 0;
    while (i < HN_COUNT(ROWS) && strcmp(ROWS[i].op, op->name) != 0) i++;
    if (i == HN_COUNT(ROWS)) return "no kernel for this function";
    *f = (hn_elem_fn){ROWS[i].family, ROWS[i].kind, (float)a, (float)b};
    if (strcmp(op->name, "Pow") == 0) return power(in[1], f);
    if (f->family != HN_ELEM_UNARY) return NULL;
    if (f->kind == HN_ACT_GELU && a != 0) f->kind = HN_ACT_GELU_TANH;
    if (f->kind != HN_ACT_CLIP) return NULL;
    bool constant = bound(nin > 1 ? in[1] : NULL, -FLT_MAX, &f->a) && bound(nin > 2 ? in[2] : NULL, FLT_MAX, &f->b);
    return constant ? NULL : "a bound is not constant";
}

#define LOOP(op) \
    for (size_t i = 0; i < n; i++) y[i] = a[i * sa] op b[i * sb]

void hn_elem_compare_f32(int32_t kind, size_t n, const float *a, size_t sa, const float *b, size_t sb, uint8_t *y)
{
    switch (kind) {
    case HN_ELEM_EQUAL: LOOP(==); break;
    case HN_ELEM_GREATER: LOOP(>); break;
    case HN_ELEM_GREATER_EQUAL: LOOP(>=); break;
    case HN_ELEM_LESS: LOOP(<); break;
    default: LOOP(<=); break;
    }
}

void hn_elem_pick_4(size_t n, const uint64_t *step, const uint8_t *condition, const uint32_t *yes, const uint32_t *no,
                    uint32_t *y)
{
    for (size_t i = 0; i < n; i++) y[i] = condition[i * step[0]] ? yes[i * step[1]] : no[i * step[2]];
}
