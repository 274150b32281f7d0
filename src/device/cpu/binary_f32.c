/* binary_f32: float32 arithmetic of two operands with broadcasting, and powers with a few constant exponents. A short
 * row that meets many rows is written out several times first: runs of a few numbers cost more than their arithmetic.
 */
#include <string.h>

#include "base/size.h"
#include "device/cpu/lib_bcast.h"
#include "device/cpu/lib_elem.h"
#include "kernels/binary_f32.h"
#include "kernels/unary_f32.h"

enum { PATTERN = 1024, SHORT = 256, BLOCK = 1 << 13 };

typedef struct params {
    hn_bcast walk;
    uint64_t rows, per_task; /* repeated: rows that meet the short one; rows a task */
    uint32_t repeated;       /* number of the short operand plus 1; 0: none */
    int32_t kind;
    uint32_t power; /* the unary kernel runs with `kind` as its function */
} params;

static const char *const OPS[] = {"Add", "Sub", "Mul", "Div", "Max", "Min", "Sum", "PRelu", "Pow", NULL};

static hn_status lower_power(hn_lower *c, params *p)
{
    hn_elem_fn f;
    const char *why = hn_elem_fn_of(c->node->op, 0, 0, 2, c->node->in, &f);
    if (why != NULL) return hn_lower_refuse(c, "%s", why);
    if (hn_type_elems(&c->node->out[0]->type) != hn_type_elems(&c->node->in[0]->type))
        return hn_lower_refuse(c, "the base is broadcast");
    if (hn_lower_kernel(c, "unary_f32", -1, 0) == NULL) return hn_lower_refuse(c, "no unary_f32 kernel");
    p->power = 1;
    p->kind = f.kind;
    const hn_type *one[1] = {&c->node->in[0]->type};
    hn_bcast_init(&p->walk, 1, one, &c->node->out[0]->type);
    if (hn_lower_input(c, 0) < 0 || hn_lower_input(c, SIZE_MAX) < 0 || hn_lower_output(c, 0) < 0) return HN_NOMEM;
    c->inplace = 0;
    return HN_OK;
}

/* Is one operand the same row for all of the innermost walked dim, and the other dense over it? */
static void find_repeated(params *p)
{
    const hn_bcast *w = &p->walk;
    if (w->rank == 0 || w->inner > SHORT || w->inner_step[0] != 1 || w->inner_step[1] != 1) return;
    uint32_t d = w->rank - 1;
    for (uint32_t k = 0; k < 2; k++) {
        if (w->step[k][d] != 0 || w->step[1 - k][d] != w->inner) continue;
        p->repeated = k + 1;
        p->rows = w->dims[d];
        p->per_task = hn_max_size(BLOCK / w->inner, 1);
    }
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
    hn_elem_fn f;
    if (hn_elem_fn_of(n->op, 0, 0, 2, n->in, &f) != NULL) return hn_lower_refuse(c, "no kernel for this function");
    p->kind = f.kind;
    if (hn_lower_kernel(c, "binary_f32", -1, 0) == NULL) return hn_lower_refuse(c, "no binary_f32 kernel");
    const hn_type *in[2] = {a, b};
    hn_bcast_init(&p->walk, 2, in, y);
    find_repeated(p);
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

static void repeat_task(void *ctx, size_t index)
{
    const hn_run *r = ctx;
    const params *p = r->params;
    const hn_bcast *w = &p->walk;
    size_t tasks = hn_div_up(p->rows, p->per_task), o = index / tasks, row = index % tasks * p->per_task;
    size_t end = hn_min_size(row + p->per_task, p->rows), inner = w->inner, rest = o, at[2] = {0, 0};
    for (uint32_t d = w->rank - 1; d-- > 0; rest /= w->dims[d])
        for (size_t k = 0; k < 2; k++) at[k] += rest % w->dims[d] * w->step[k][d];
    size_t few = p->repeated - 1, many = 1 - few, copies = hn_min_size(PATTERN / inner, end - row);
    const float *from = (const float *)r->ptr[many] + at[many] + row * inner;
    float pattern[PATTERN], *y = (float *)r->ptr[2] + (o * p->rows + row) * inner;
    for (size_t i = 0; i < copies; i++)
        memcpy(pattern + i * inner, (const float *)r->ptr[few] + at[few], inner * sizeof *pattern);
    for (; row < end; row += copies) {
        size_t n = hn_min_size(copies, end - row) * inner;
        ((hn_binary_f32_fn *)r->kernels[0]->fn)(p->kind, n, few == 0 ? pattern : from, 1, few == 0 ? from : pattern, 1,
                                                y);
        from += n;
        y += n;
    }
}

static hn_status run(const hn_run *r)
{
    const params *p = r->params;
    if (p->repeated == 0)
        hn_bcast_run(r, &p->walk, some);
    else if (p->walk.inner > 0 && p->walk.outer > 0)
        hn_pool_run(r->pool, p->walk.outer / p->rows * hn_div_up(p->rows, p->per_task), repeat_task, (void *)r);
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
