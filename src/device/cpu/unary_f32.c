/* unary_f32: float32 functions of one variable, a block of elements a task. */
#include <float.h>
#include <string.h>

#include "base/size.h"
#include "device/device.h"
#include "kernels/unary_f32.h"

enum { BLOCK = 1 << 13 };

typedef struct params {
    uint64_t n;
    int32_t act;
    float a, b;
} params;

typedef struct row {
    const char *op;
    hn_act_kind act;
    const char *a, *b; /* attributes that hold the parameters; NULL: fixed */
    float a0, b0;      /* their defaults, or the fixed values */
} row;

static const row ROWS[] = {
    {"Relu", HN_ACT_RELU, NULL, NULL, 0, 0},
    {"Clip", HN_ACT_CLIP, NULL, NULL, 0, 0},
    {"LeakyRelu", HN_ACT_LEAKY, "alpha", NULL, 0.01f, 0},
    {"Sigmoid", HN_ACT_SIGMOID, NULL, NULL, 0, 0},
    {"Tanh", HN_ACT_TANH, NULL, NULL, 0, 0},
    {"HardSigmoid", HN_ACT_HARD_SIGMOID, "alpha", "beta", 0.2f, 0.5f},
    {"HardSwish", HN_ACT_HARD_SWISH, NULL, NULL, 0, 0},
    {"Swish", HN_ACT_SILU, "alpha", NULL, 1, 0},
    {"Gelu", HN_ACT_GELU, NULL, NULL, 0, 0},
    {"Elu", HN_ACT_ELU, "alpha", NULL, 1, 0},
    {"Exp", HN_ACT_EXP, NULL, NULL, 0, 0},
    {"Log", HN_ACT_LOG, NULL, NULL, 0, 0},
    {"Erf", HN_ACT_ERF, NULL, NULL, 0, 0},
    {"Sqrt", HN_ACT_SQRT, NULL, NULL, 0, 0},
    {"Abs", HN_ACT_ABS, NULL, NULL, 0, 0},
    {"Neg", HN_ACT_NEG, NULL, NULL, 0, 0},
    {"Floor", HN_ACT_FLOOR, NULL, NULL, 0, 0},
    {"Ceil", HN_ACT_CEIL, NULL, NULL, 0, 0},
    {"Round", HN_ACT_ROUND, NULL, NULL, 0, 0},
    {"Reciprocal", HN_ACT_RECIPROCAL, NULL, NULL, 0, 0},
    {"Softplus", HN_ACT_SOFTPLUS, NULL, NULL, 0, 0},
    {"Softsign", HN_ACT_SOFTSIGN, NULL, NULL, 0, 0},
    {"Selu", HN_ACT_SELU, "alpha", "gamma", 1.67326319217681884765625f, 1.05070102214813232421875f},
    {"Celu", HN_ACT_CELU, "alpha", NULL, 1, 0},
    {"ThresholdedRelu", HN_ACT_THRESHOLDED, "alpha", NULL, 1, 0},
    {"Mish", HN_ACT_MISH, NULL, NULL, 0, 0},
};
static const char *const OPS[] = {"Relu",        "Clip",      "LeakyRelu", "Sigmoid", "Tanh",
                                  "HardSigmoid", "HardSwish", "Swish",     "Gelu",    "Elu",
                                  "Exp",         "Log",       "Erf",       "Sqrt",    "Abs",
                                  "Neg",         "Floor",     "Ceil",      "Round",   "Reciprocal",
                                  "Softplus",    "Softsign",  "Selu",      "Celu",    "ThresholdedRelu",
                                  "Mish",        NULL};

/* A bound of Clip: absent, or a constant. */
static bool bound(const hn_node *n, size_t i, float otherwise, float *out)
{
    *out = otherwise;
    if (i >= n->nin || n->in[i] == NULL) return true;
    const hn_tensor *t = n->in[i]->data;
    if (t == NULL || t->dtype != HN_F32) return false;
    *out = ((const float *)t->data)[0];
    return true;
}

static hn_status lower(hn_lower *c)
{
    const hn_node *n = c->node;
    if (n->in[0]->type.dtype != HN_F32) return hn_lower_refuse(c, "the element type is not f32");
    const row *r = NULL;
    for (size_t i = 0; i < HN_COUNT(ROWS); i++)
        if (strcmp(ROWS[i].op, n->op->name) == 0) r = &ROWS[i];
    if (r == NULL) return hn_lower_refuse(c, "no kernel for this function");
    params p = {.n = hn_type_elems(&n->in[0]->type), .act = (int32_t)r->act, .a = r->a0, .b = r->b0};
    if (r->a != NULL) p.a = (float)hn_attr_float(n, r->a, (double)r->a0);
    if (r->b != NULL) p.b = (float)hn_attr_float(n, r->b, (double)r->b0);
    if (r->act == HN_ACT_GELU && hn_attr_is(n, "approximate", "tanh")) p.act = HN_ACT_GELU_TANH;
    if (r->act == HN_ACT_CLIP && (!bound(n, 1, -FLT_MAX, &p.a) || !bound(n, 2, FLT_MAX, &p.b)))
        return hn_lower_refuse(c, "a bound is not constant");
    if (hn_lower_kernel(c, "unary_f32", -1, 0) == NULL) return hn_lower_refuse(c, "no unary_f32 kernel");
    params *stored = hn_lower_params(c, sizeof p);
    if (stored == NULL || hn_lower_input(c, 0) < 0 || hn_lower_output(c, 0) < 0) return HN_NOMEM;
    *stored = p;
    c->inplace = 0;
    return HN_OK;
}

static void task(void *ctx, size_t i)
{
    const hn_run *r = ctx;
    const params *p = r->params;
    size_t at = i * BLOCK;
    ((hn_unary_f32_fn *)r->kernels[0]->fn)(p->act, hn_min_size(BLOCK, p->n - at), (const float *)r->ptr[0] + at,
                                           (float *)r->ptr[1] + at, p->a, p->b);
}

static hn_status run(const hn_run *r)
{
    const params *p = r->params;
    hn_pool_run(r->pool, hn_div_up(p->n, BLOCK), task, (void *)r);
    return HN_OK;
}

const hn_driver hn_cpu_unary_f32 = {
    .name = "unary_f32",
    .doc = "float32 functions of one variable",
    .ops = OPS,
    .rank = 10,
    .lower = lower,
    .run = run,
};
