/* concat: Concat and Split of any element type. The whole tensor is rows of `row` bytes, and every part owns the same
 * range of each row, so that all is runs of memory. A part whose producer has written it in place already has no bytes.
 */
#include <string.h>

#include "base/size.h"
#include "device/cpu/lib_box.h"

enum { TASK_BYTES = 1 << 16, OPERAND_WHOLE = 0, OPERAND_TABLE = 1, OPERAND_PARTS = 2 };

typedef struct part {
    uint64_t at, bytes; /* in a row */
} part;

typedef struct params {
    uint64_t rows, row, parts, per_task, tasks; /* rows a task; tasks a part */
    uint32_t split;
} params;

static const char *const OPS[] = {"Concat", "Split", NULL};

static hn_status lower(hn_lower *c)
{
    const hn_node *n = c->node;
    bool split = strcmp(n->op->name, "Split") == 0;
    const hn_value *whole = split ? n->in[0] : n->out[0];
    uint64_t bytes = hn_box_bytes(whole->type.dtype), parts = split ? n->nout : n->nin, at = 0;
    int axis;
    if (bytes == 0) return hn_lower_refuse(c, "elements of this type are not whole bytes");
    if (!hn_axis(hn_attr_int(n, "axis", 0), whole->type.rank, &axis))
        return hn_lower_refuse(c, "the axis is outside the tensor");
    params *p = hn_lower_params(c, sizeof *p);
    if (p == NULL) return HN_NOMEM;
    part *table;
    if ((split ? hn_lower_input(c, 0) : hn_lower_output(c, 0)) < 0) return HN_NOMEM;
    if (hn_lower_const(c, parts * sizeof *table, (void **)&table) < 0) return HN_NOMEM;
    uint64_t inner = bytes * hn_dims_elems(whole->type.rank, whole->type.dims, axis + 1, whole->type.rank);
    for (size_t i = 0; i < parts; i++) {
        const hn_value *v = split ? n->out[i] : n->in[i];
        if (v == NULL || !hn_type_known(&v->type)) return hn_lower_refuse(c, "a part is absent");
        const bool there = !split && v->joined;
        table[i] = (part){at, inner * (uint64_t)v->type.dims[axis]};
        at += table[i].bytes;
        if (there) table[i].bytes = 0;
        if ((split ? hn_lower_output(c, i) : hn_lower_input(c, there ? SIZE_MAX : i)) < 0) return HN_NOMEM;
    }
    p->split = split;
    p->parts = parts;
    p->rows = hn_dims_elems(whole->type.rank, whole->type.dims, 0, axis);
    p->row = inner * (uint64_t)whole->type.dims[axis];
    if (at != p->row) return hn_lower_refuse(c, "the parts do not fill the whole");
    p->per_task = hn_max_size(TASK_BYTES / hn_max_size(p->row / hn_max_size(parts, 1), 1), 1);
    p->tasks = hn_div_up(p->rows, p->per_task);
    return HN_OK;
}

static void task(void *ctx, size_t index)
{
    const hn_run *r = ctx;
    const params *p = r->params;
    size_t i = index / p->tasks, row = index % p->tasks * p->per_task, end = hn_min_size(row + p->per_task, p->rows);
    const part *t = (const part *)r->ptr[OPERAND_TABLE] + i;
    if (t->bytes == 0) return;
    if (row >= end) return;
    char *whole = (char *)r->ptr[OPERAND_WHOLE] + row * p->row + t->at;
    char *piece = (char *)r->ptr[OPERAND_PARTS + i] + row * t->bytes;
    ptrdiff_t step = (ptrdiff_t)p->row, own = (ptrdiff_t)t->bytes;
    if (p->split)
        hn_box_runs(end - row, t->bytes, piece, own, whole, step);
    else
        hn_box_runs(end - row, t->bytes, whole, step, piece, own);
}

static hn_status run(const hn_run *r)
{
    const params *p = r->params;
    hn_pool_run(r->pool, p->parts * p->tasks, task, (void *)r);
    return HN_OK;
}

const hn_driver hn_cpu_concat = {
    .name = "concat",
    .doc = "joins and cuts tensors of any whole-byte type along one axis",
    .ops = OPS,
    .rank = 10,
    .lower = lower,
    .run = run,
};
