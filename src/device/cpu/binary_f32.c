/* binary_f32: float32 arithmetic of two operands with broadcasting, and powers with a few constant exponents. */
#include <string.h>

#include "base/size.h"
#include "device/cpu/lib_bcast.h"
#include "kernels/binary_f32.h"
#include "kernels/unary_f32.h"

typedef struct params {
    hn_bcast walk;
    int32_t kind;
    uint32_t power; /* the unary kernel runs with `kind` as its function */
} params;

typedef struct row {
    const char *op;
    hn_binary_kind kind;
} row;

static const row ROWS[] = {
    {"Add", HN_BINARY_ADD}, {"Sub", HN_BINARY_SUB}, {"Mul", HN_BINARY_MUL}, {"Div", HN_BINARY_DIV},
    {"Max", HN_BINARY_MAX}, {"Min", HN_BINARY_MIN}, {"Sum", HN_BINARY_ADD}, {"PRelu", HN_BINARY_PRELU},
};
static const char *const OPS[] = {"Add", "Sub", "Mul", "Div", "Max", "Min", "Sum", "PRelu", "Pow", NULL};

static hn_status lower_power(hn_lower *c, params *p)
{
    const hn_tensor *e = c->node->in[1]->data;
    if (e == NULL || hn_type_elems(&c->node->in[1]->type) != 1)
        return hn_lower_refuse(c, "the exponent is not one constant");
    double x = hn_get_f64(e, 0);
    int32_t act = x == 2 ? HN_ACT_SQUARE : x == 0.5 ? HN_ACT_SQRT : x == -1 ? HN_ACT_RECIPROCAL : -1;
    if (act < 0) return hn_lower_refuse(c, "exponent %g has no kernel", x);
    if (hn_type_elems(&c->node->out[0]->type) != hn_type_elems(&c->node->in[0]->type))
        return hn_lower_refuse(c, "the base is broadcast");
    if (hn_lower_kernel(c, "unary_f32", -1, 0) == NULL) return hn_lower_refuse(c, "no unary_f32 kernel");
    p->power = 1;
    p->kind = act;
    const hn_type *one[1] = {&c->node->in[0]->type};
    hn_bcast_init(&p->walk, 1, one, &c->node->out[0]->type);
    if (hn_lower_input(c, 0) < 0 || hn_lower_input(c, SIZE_MAX) < 0 || hn_lower_output(c, 0) < 0) return HN_NOMEM;
    c->inplace = 0;
    return HN_OK;
}

static hn_status lower(hn_lower *c)
{
    const hn_node *n = c->node;
    bool power = strcmp(n->op->name, "Pow") == 0;
    if (n->nin != 2 || n->in[0] == NULL || n->in[1] == NULL) return hn_lower_refuse(c, "not two operands");
    if (n->in[0]->type.dtype != HN_F32 || (!power && n->in[1]->type.dtype != HN_F32))
        return hn_lower_refuse(c, "the element type is not f32");
    params *p = hn_lower_params(c, sizeof *p);
    if (p == NULL) return HN_NOMEM;
    if (power) return lower_power(c, p);
    const hn_type *a = &n->in[0]->type, *b = &n->in[1]->type, *y = &n->out[0]->type;
    for (size_t i = 0; i < HN_COUNT(ROWS); i++)
        if (strcmp(ROWS[i].op, n->op->name) == 0) p->kind = ROWS[i].kind;
    if (hn_lower_kernel(c, "binary_f32", -1, 0) == NULL) return hn_lower_refuse(c, "no binary_f32 kernel");
    const hn_type *in[2] = {a, b};
    hn_bcast_init(&p->walk, 2, in, y);
    int ia = hn_lower_input(c, 0), ib = hn_lower_input(c, 1);
    if (ia < 0 || ib < 0 || hn_lower_output(c, 0) < 0) return HN_NOMEM;
    if (hn_type_elems(a) == hn_type_elems(y))
        c->inplace = ia;
    else if (hn_type_elems(b) == hn_type_elems(y))
        c->inplace = ib;
    return HN_OK;
}

static void some(const hn_run *r, size_t n, const uint64_t *at, const uint64_t *step, size_t y)
{
    const params *p = r->params;
    const float *a = (const float *)r->ptr[0] + at[0];
    float *out = (float *)r->ptr[2] + y;
    if (p->power)
        ((hn_unary_f32_fn *)r->kernels[0]->fn)(p->kind, n, a, out, 0, 0);
    else
        ((hn_binary_f32_fn *)r->kernels[0]->fn)(p->kind, n, a, step[0], (const float *)r->ptr[1] + at[1], step[1], out);
}

static hn_status run(const hn_run *r)
{
    hn_bcast_run(r, &((const params *)r->params)->walk, some);
    return HN_OK;
}

const hn_driver hn_cpu_binary_f32 = {
    .name = "binary_f32",
    .doc = "float32 arithmetic of two operands with broadcasting",
    .ops = OPS,
    .rank = 10,
    .lower = lower,
    .run = run,
};
