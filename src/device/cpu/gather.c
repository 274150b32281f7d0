/* gather: Gather along one axis for any element type: each index copies one run. Indices are checked before anything is
 * copied. */
#include <string.h>

#include "base/size.h"
#include "device/cpu/lib_box.h"

enum { TASK_BYTES = 1 << 15 };

typedef struct params {
    uint64_t outer, dim, run, count, per_task; /* run: bytes an index copies; rows of output a task */
    uint32_t wide;                             /* indices are i64 */
} params;

static const char *const OPS[] = {"Gather", NULL};

static hn_status lower(hn_lower *c)
{
    const hn_type *x = &c->node->in[0]->type, *at = &c->node->in[1]->type;
    uint32_t bytes = hn_box_bytes(x->dtype);
    int axis;
    if (bytes == 0) return hn_lower_refuse(c, "elements of this type are not whole bytes");
    if (at->dtype != HN_I64 && at->dtype != HN_I32) return hn_lower_refuse(c, "indices are neither i32 nor i64");
    if (!hn_axis(hn_attr_int(c->node, "axis", 0), x->rank, &axis))
        return hn_lower_refuse(c, "the axis is outside the tensor");
    params *p = hn_lower_params(c, sizeof *p);
    if (p == NULL || hn_lower_input(c, 0) < 0 || hn_lower_input(c, 1) < 0 || hn_lower_output(c, 0) < 0) return HN_NOMEM;
    p->outer = hn_dims_elems(x->rank, x->dims, 0, axis);
    p->dim = (uint64_t)x->dims[axis];
    p->run = bytes * hn_dims_elems(x->rank, x->dims, axis + 1, x->rank);
    p->count = hn_type_elems(at);
    p->wide = at->dtype == HN_I64;
    p->per_task = hn_max_size(TASK_BYTES / hn_max_size(p->run, 1), 1);
    return HN_OK;
}

static int64_t index_at(const hn_run *r, size_t i)
{
    const params *p = r->params;
    return p->wide ? ((const int64_t *)r->ptr[1])[i] : ((const int32_t *)r->ptr[1])[i];
}

static void task(void *ctx, size_t t)
{
    const hn_run *r = ctx;
    const params *p = r->params;
    size_t end = hn_min_size((t + 1) * p->per_task, p->outer * p->count);
    for (size_t i = t * p->per_task; i < end; i++) {
        int64_t at = index_at(r, i % p->count);
        size_t from = (i / p->count * p->dim + (size_t)(at < 0 ? at + (int64_t)p->dim : at)) * p->run;
        memcpy((char *)r->ptr[2] + i * p->run, (const char *)r->ptr[0] + from, p->run);
    }
}

static hn_status run(const hn_run *r)
{
    const params *p = r->params;
    int64_t dim = (int64_t)p->dim;
    for (size_t i = 0; i < p->count; i++) {
        int64_t at = index_at(r, i);
        if (at < -dim || at >= dim)
            return hn_fail(r->env, HN_INPUT, "index %lld at position %zu is outside the axis of %lld", (long long)at, i,
                           (long long)dim);
    }
    if (p->run > 0) hn_pool_run(r->pool, hn_div_up(p->outer * p->count, p->per_task), task, (void *)r);
    return HN_OK;
}

const hn_driver hn_cpu_gather = {
    .name = "gather",
    .doc = "picks runs of any whole-byte type along one axis",
    .ops = OPS,
    .rank = 10,
    .lower = lower,
    .run = run,
};
