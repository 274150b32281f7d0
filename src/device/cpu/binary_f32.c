/* binary_f32: float32 arithmetic of two operands with broadcasting, and powers with a few constant exponents.
 *
 * Adjacent dims along which both operands step alike are merged. The kernel then runs over the innermost dim, where
 * each operand moves by 1 or stands still; the dims around it are walked. */
#include <string.h>

#include "base/size.h"
#include "device/device.h"
#include "kernels/binary_f32.h"
#include "kernels/unary_f32.h"

enum { BLOCK = 1 << 13, POWER = 1 };

typedef struct params {
    uint32_t rank;
    int32_t kind;
    uint32_t mode; /* POWER: the unary kernel runs with `kind` as its function */
    uint64_t dims[HN_MAX_RANK], sa[HN_MAX_RANK], sb[HN_MAX_RANK]; /* of the dims around the innermost */
    uint64_t inner, inner_a, inner_b, outer;
    uint64_t chunks, chunk, rows; /* tasks a row and elements of one; or rows a task */
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

static int64_t dim_at(const hn_type *t, int d, int rank)
{
    int own = d - (rank - t->rank);
    return own < 0 ? 1 : t->dims[own];
}

static void merge(params *p, const hn_type *a, const hn_type *b, const hn_type *y)
{
    uint64_t dims[HN_MAX_RANK + 1], sa[HN_MAX_RANK + 1], sb[HN_MAX_RANK + 1], step_a = 1, step_b = 1;
    int n = 0; /* innermost first */
    for (int d = y->rank - 1; d >= 0; d--) {
        uint64_t dim = (uint64_t)y->dims[d], da = (uint64_t)dim_at(a, d, y->rank), db = (uint64_t)dim_at(b, d, y->rank);
        if (dim == 1) continue;
        uint64_t ta = da == 1 ? 0 : step_a, tb = db == 1 ? 0 : step_b;
        step_a *= da;
        step_b *= db;
        bool joins = n > 0 && ta == sa[n - 1] * dims[n - 1] && tb == sb[n - 1] * dims[n - 1];
        if (joins) {
            dims[n - 1] *= dim;
            continue;
        }
        dims[n] = dim;
        sa[n] = ta;
        sb[n++] = tb;
    }
    p->inner = n > 0 ? dims[0] : 1;
    p->inner_a = n > 0 ? sa[0] : 1;
    p->inner_b = n > 0 ? sb[0] : 1;
    p->rank = n > 0 ? (uint32_t)(n - 1) : 0;
    p->outer = 1;
    for (uint32_t d = 0; d < p->rank; d++) {
        p->dims[d] = dims[n - 1 - (int)d];
        p->sa[d] = sa[n - 1 - (int)d];
        p->sb[d] = sb[n - 1 - (int)d];
        p->outer *= p->dims[d];
    }
}

static void cut(params *p)
{
    p->rows = hn_max_size(BLOCK / hn_max_size(p->inner, 1), 1);
    p->chunks = p->rows > 1 ? 1 : hn_div_up(p->inner, BLOCK);
    p->chunk = p->rows > 1 ? p->inner : BLOCK;
}

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
    p->mode = POWER;
    p->kind = act;
    p->inner = hn_type_elems(&c->node->in[0]->type);
    p->inner_a = p->outer = 1;
    cut(p);
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
    if (hn_type_elems(y) > 0) merge(p, a, b, y);
    cut(p);
    int ia = hn_lower_input(c, 0), ib = hn_lower_input(c, 1);
    if (ia < 0 || ib < 0 || hn_lower_output(c, 0) < 0) return HN_NOMEM;
    if (hn_type_elems(a) == hn_type_elems(y))
        c->inplace = ia;
    else if (hn_type_elems(b) == hn_type_elems(y))
        c->inplace = ib;
    return HN_OK;
}

static void task(void *ctx, size_t index)
{
    const hn_run *r = ctx;
    const params *p = r->params;
    size_t row = index / p->chunks * p->rows, at = index % p->chunks * p->chunk,
           end = hn_min_size(row + p->rows, p->outer);
    size_t n = hn_min_size(p->chunk, p->inner - at);
    float *y = (float *)r->ptr[2] + row * p->inner + at;
    if (p->mode == POWER) {
        ((hn_unary_f32_fn *)r->kernels[0]->fn)(p->kind, n, (const float *)r->ptr[0] + at, y, 0, 0);
        return;
    }
    uint64_t pos[HN_MAX_RANK] = {0}, off_a = at * p->inner_a, off_b = at * p->inner_b, rest = row;
    for (uint32_t d = p->rank; d-- > 0;) {
        pos[d] = rest % p->dims[d];
        rest /= p->dims[d];
        off_a += pos[d] * p->sa[d];
        off_b += pos[d] * p->sb[d];
    }
    hn_binary_f32_fn *fn = (hn_binary_f32_fn *)r->kernels[0]->fn;
    for (; row < end; row++, y += p->inner) {
        fn(p->kind, n, (const float *)r->ptr[0] + off_a, p->inner_a, (const float *)r->ptr[1] + off_b, p->inner_b, y);
        for (uint32_t d = p->rank; d-- > 0;) {
            off_a += p->sa[d];
            off_b += p->sb[d];
            if (++pos[d] < p->dims[d]) break;
            off_a -= p->sa[d] * p->dims[d];
            off_b -= p->sb[d] * p->dims[d];
            pos[d] = 0;
        }
    }
}

static hn_status run(const hn_run *r)
{
    const params *p = r->params;
    if (p->inner == 0 || p->outer == 0) return HN_OK;
    hn_pool_run(r->pool, hn_div_up(p->outer, p->rows) * p->chunks, task, (void *)r);
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
