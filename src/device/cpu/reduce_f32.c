/* reduce_f32: float32 sums, means, norms and extremes over adjacent axes, and pooling of whole planes. The tensor is
 * seen as [outer, n, inner]. */
#include <math.h>
#include <string.h>

#include "base/size.h"
#include "device/device.h"
#include "kernels/reduce_f32.h"
#include "ops/lib.h"

enum { BLOCK = 1 << 14, COLUMNS = 256 };

typedef struct params {
    uint64_t outer, n, inner;
    uint64_t rows, chunks; /* rows a task; column chunks a row */
    float scale;
    int32_t kind;
    uint32_t root;
} params;

typedef struct row {
    const char *op;
    hn_reduce_kind kind;
    bool mean, root, planes;
} row;

static const row ROWS[] = {
    {"ReduceSum", HN_REDUCE_SUM, false, false, false},
    {"ReduceMean", HN_REDUCE_SUM, true, false, false},
    {"ReduceMax", HN_REDUCE_MAX, false, false, false},
    {"ReduceMin", HN_REDUCE_MIN, false, false, false},
    {"ReduceSumSquare", HN_REDUCE_SUM_SQUARE, false, false, false},
    {"ReduceL1", HN_REDUCE_SUM_ABS, false, false, false},
    {"ReduceL2", HN_REDUCE_SUM_SQUARE, false, true, false},
    {"GlobalAveragePool", HN_REDUCE_SUM, true, false, true},
    {"GlobalMaxPool", HN_REDUCE_MAX, false, false, true},
};
static const char *const OPS[] = {"ReduceSum", "ReduceMean", "ReduceMax",         "ReduceMin",     "ReduceSumSquare",
                                  "ReduceL1",  "ReduceL2",   "GlobalAveragePool", "GlobalMaxPool", NULL};

/* False when the reduced axes are not adjacent. */
static bool view(const hn_type *t, const bool *flag, params *p)
{
    p->outer = p->n = p->inner = 1;
    int stage = 0; /* before, in, after the reduced axes */
    for (int d = 0; d < t->rank; d++) {
        uint64_t dim = (uint64_t)t->dims[d];
        if (dim == 1) continue;
        if (flag[d]) {
            if (stage == 2) return false;
            stage = 1;
            p->n *= dim;
        } else if (stage == 0) {
            p->outer *= dim;
        } else {
            stage = 2;
            p->inner *= dim;
        }
    }
    return true;
}

static hn_status lower(hn_lower *c)
{
    const hn_node *node = c->node;
    const hn_type *t = &node->in[0]->type;
    const row *r = NULL;
    bool flag[HN_MAX_RANK] = {false};
    if (t->dtype != HN_F32) return hn_lower_refuse(c, "the element type is not f32");
    for (size_t i = 0; i < HN_COUNT(ROWS); i++)
        if (strcmp(ROWS[i].op, node->op->name) == 0) r = &ROWS[i];
    if (r == NULL) return hn_lower_refuse(c, "no kernel for this reduction");
    if (r->planes)
        for (int d = 2; d < t->rank; d++) flag[d] = true;
    else if (!hn_reduce_axes(node, flag))
        return hn_lower_refuse(c, "the axes are not constant");
    params *p = hn_lower_params(c, sizeof *p);
    if (p == NULL) return HN_NOMEM;
    if (!view(t, flag, p)) return hn_lower_refuse(c, "the reduced axes are not adjacent");
    if (hn_type_elems(t) == 0) return hn_lower_refuse(c, "nothing to reduce");
    if (hn_lower_kernel(c, "reduce_f32", -1, 0) == NULL) return hn_lower_refuse(c, "no reduce_f32 kernel");
    p->kind = (int32_t)r->kind;
    p->root = r->root;
    p->scale = r->mean ? (float)(1.0 / (double)p->n) : 1.0f;
    p->rows = hn_max_size(BLOCK / (p->n * p->inner), 1);
    p->chunks = p->rows > 1 ? 1 : hn_div_up(p->inner, COLUMNS);
    return hn_lower_input(c, 0) < 0 || hn_lower_output(c, 0) < 0 ? HN_NOMEM : HN_OK;
}

static void task(void *ctx, size_t index)
{
    const hn_run *r = ctx;
    const params *p = r->params;
    hn_reduce_f32_fn *fn = (hn_reduce_f32_fn *)r->kernels[0]->fn;
    size_t row = index / p->chunks * p->rows, end = hn_min_size(row + p->rows, p->outer);
    size_t from = p->chunks > 1 ? index % p->chunks * COLUMNS : 0;
    size_t cols = p->chunks > 1 ? hn_min_size(COLUMNS, p->inner - from) : p->inner;
    for (; row < end; row++) {
        float *y = (float *)r->ptr[1] + row * p->inner + from;
        fn(p->kind, p->n, cols, (const float *)r->ptr[0] + row * p->n * p->inner + from, p->inner, y, p->scale);
        for (size_t i = 0; p->root && i < cols; i++) y[i] = sqrtf(y[i]);
    }
}

static hn_status run(const hn_run *r)
{
    const params *p = r->params;
    hn_pool_run(r->pool, hn_div_up(p->outer, p->rows) * p->chunks, task, (void *)r);
    return HN_OK;
}

const hn_driver hn_cpu_reduce_f32 = {
    .name = "reduce_f32",
    .doc = "float32 reductions over adjacent axes",
    .ops = OPS,
    .rank = 10,
    .lower = lower,
    .run = run,
};
