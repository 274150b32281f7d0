/* unary_f32: float32 functions of one variable, a block of elements a task. */
#include "kernels/unary_f32.h"
#include "base/size.h"
#include "device/cpu/lib_elem.h"
#include "ops/lib_elementwise.h"

enum { BLOCK = 1 << 13 };

typedef struct params {
    uint64_t n;
    int32_t act;
    float a, b;
} params;

static const char *const OPS[] = {"Relu",        "Clip",      "LeakyRelu", "Sigmoid", "Tanh",
                                  "HardSigmoid", "HardSwish", "Swish",     "Gelu",    "Elu",
                                  "Exp",         "Log",       "Erf",       "Sqrt",    "Abs",
                                  "Neg",         "Floor",     "Ceil",      "Round",   "Reciprocal",
                                  "Softplus",    "Softsign",  "Selu",      "Celu",    "ThresholdedRelu",
                                  "Mish",        NULL};

static hn_status lower(hn_lower *c)
{
    const hn_node *n = c->node;
    double a, b;
    hn_elem_fn f;
    if (n->in[0]->type.dtype != HN_F32) return hn_lower_refuse(c, "the element type is not f32");
    if (!hn_elem_takes(n, &a, &b)) return hn_lower_refuse(c, "no kernel for this function");
    const char *why = hn_elem_fn_of(n->op, a, b, n->nin, n->in, &f);
    if (why != NULL) return hn_lower_refuse(c, "%s", why);
    if (hn_lower_kernel(c, "unary_f32", -1, 0) == NULL) return hn_lower_refuse(c, "no unary_f32 kernel");
    params *stored = hn_lower_params(c, sizeof *stored);
    if (stored == NULL || hn_lower_input(c, 0) < 0 || hn_lower_output(c, 0) < 0) return HN_NOMEM;
    *stored = (params){.n = hn_type_elems(&n->in[0]->type), .act = f.kind, .a = f.a, .b = f.b};
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
