/* softmax_f32: Softmax and LogSoftmax along one axis of a float32 tensor [outer, n, inner]. With inner > 1 the planes
 * are turned, so that each row lies in one piece, and turned back. */
#include <string.h>

#include "base/size.h"
#include "device/cpu/lib_gemm.h"
#include "kernels/softmax_f32.h"

enum { BLOCK = 1 << 13 };

typedef struct params {
    uint64_t outer, n, inner;
    uint32_t logarithm;
} params;

static const char *const OPS[] = {"Softmax", "LogSoftmax", NULL};

static hn_status lower(hn_lower *c)
{
    const hn_type *t = &c->node->in[0]->type;
    int axis;
    if (t->dtype != HN_F32) return hn_lower_refuse(c, "the element type is not f32");
    if (!hn_axis(hn_attr_int(c->node, "axis", -1), t->rank, &axis))
        return hn_lower_refuse(c, "the axis is outside the tensor");
    if (hn_lower_kernel(c, "softmax_f32", -1, 0) == NULL || hn_lower_kernel(c, "transpose_b4", -1, 0) == NULL)
        return hn_lower_refuse(c, "no softmax_f32 or transpose_b4 kernel");
    params *p = hn_lower_params(c, sizeof *p);
    if (p == NULL || hn_lower_input(c, 0) < 0 || hn_lower_output(c, 0) < 0) return HN_NOMEM;
    p->outer = hn_dims_elems(t->rank, t->dims, 0, axis);
    p->n = (uint64_t)t->dims[axis];
    p->inner = hn_dims_elems(t->rank, t->dims, axis + 1, t->rank);
    p->logarithm = strcmp(c->node->op->name, "LogSoftmax") == 0;
    if (p->inner > 1) c->scratch_bytes = hn_type_elems(t) * sizeof(float);
    if (p->inner == 1) c->inplace = 0;
    return HN_OK;
}

typedef struct rows {
    const params *p;
    hn_softmax_f32_fn *fn;
    const float *x;
    float *y;
    size_t count, per_task;
} rows;

static void task(void *ctx, size_t index)
{
    const rows *s = ctx;
    size_t i = index * s->per_task, end = hn_min_size(i + s->per_task, s->count), n = s->p->n;
    s->fn(end - i, n, s->x + i * n, s->y + i * n, s->p->logarithm != 0);
}

static hn_status run(const hn_run *r)
{
    const params *p = r->params;
    rows s = {.p = p,
              .fn = (hn_softmax_f32_fn *)r->kernels[0]->fn,
              .x = r->ptr[0],
              .y = r->ptr[1],
              .count = p->outer * p->inner};
    if (s.count == 0 || p->n == 0) return HN_OK;
    if (p->inner > 1) {
        hn_planes turn = {r->ptr[0], r->scratch, p->outer, p->n, p->inner};
        hn_planes_run(r->pool, r->kernels[1], &turn);
        s.x = s.y = r->scratch;
    }
    s.per_task = hn_max_size(BLOCK / p->n, 1);
    hn_pool_run(r->pool, hn_div_up(s.count, s.per_task), task, &s);
    if (p->inner > 1) {
        hn_planes turn = {r->scratch, r->ptr[1], p->outer, p->inner, p->n};
        hn_planes_run(r->pool, r->kernels[1], &turn);
    }
    return HN_OK;
}

const hn_driver hn_cpu_softmax_f32 = {
    .name = "softmax_f32",
    .doc = "float32 softmax and its logarithm along one axis",
    .ops = OPS,
    .rank = 10,
    .lower = lower,
    .run = run,
};
