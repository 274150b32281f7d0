/* pad_fold: Pad that repeats the input (reflect, edge, wrap), for any element type. Each axis has a table of where its
 * places come from; along the last one the input itself is copied as one run. */
#include <string.h>

#include "base/size.h"
#include "device/cpu/lib_box.h"

enum { OPERAND_X, OPERAND_Y, OPERAND_TABLES, TASK_BYTES = 1 << 16, MOST_PLACES = 1 << 20 };

typedef struct params {
    uint64_t rows, per_task, bytes;
    uint64_t dims[HN_MAX_RANK];  /* of the output */
    uint64_t table[HN_MAX_RANK]; /* first entry of each axis: byte offsets into the input */
    uint64_t from, count;        /* along the last axis: where the input lies in the output, and how much of it */
    int32_t rank;
} params;

static const char *const OPS[] = {"Pad", NULL};

static const hn_tensor *constant(const hn_node *n, size_t i)
{
    return i < n->nin && n->in[i] != NULL ? n->in[i]->data : NULL;
}

static int64_t source(bool edge, bool wrap, int64_t i, int64_t n)
{
    if (i >= 0 && i < n) return i;
    if (edge) return i < 0 ? 0 : n - 1;
    int64_t period = wrap ? n : 2 * n - 2;
    if (n == 1) return 0;
    i %= period;
    if (i < 0) i += period;
    return i < n ? i : period - i;
}

static hn_status fill(hn_lower *c, params *p, const int64_t *before)
{
    const hn_type *x = &c->node->in[0]->type, *y = &c->node->out[0]->type;
    bool edge = hn_attr_is(c->node, "mode", "edge"), wrap = hn_attr_is(c->node, "mode", "wrap");
    int64_t strides[HN_MAX_RANK];
    size_t places = 0;
    void *data;
    hn_strides(x->rank, x->dims, strides);
    for (int d = 0; d < y->rank; d++) {
        p->dims[d] = (uint64_t)y->dims[d];
        p->table[d] = places;
        places += (size_t)y->dims[d];
    }
    if (hn_lower_const(c, places * sizeof(int64_t), &data) < 0) return HN_NOMEM;
    int64_t *table = data;
    for (int d = 0; d < y->rank; d++)
        for (int64_t i = 0; i < y->dims[d]; i++)
            table[p->table[d] + (uint64_t)i] =
                source(edge, wrap, i - before[d], x->dims[d]) * strides[d] * (int64_t)p->bytes;
    return HN_OK;
}

static hn_status lower(hn_lower *c)
{
    const hn_node *n = c->node;
    const hn_type *x = &n->in[0]->type, *y = &n->out[0]->type;
    const hn_tensor *pads = constant(n, 1), *axes = constant(n, 3);
    uint32_t bytes = hn_box_bytes(x->dtype);
    size_t places = 0;
    if (hn_attr_is(n, "mode", "constant")) return hn_lower_refuse(c, "constant padding repeats nothing");
    if (bytes == 0) return hn_lower_refuse(c, "elements of this type are not whole bytes");
    if (pads == NULL || (n->nin > 3 && n->in[3] != NULL && axes == NULL))
        return hn_lower_refuse(c, "pads or axes are not constant");
    if (y->rank < 1 || hn_type_elems(y) == 0) return hn_lower_refuse(c, "a scalar or an empty tensor");
    for (int d = 0; d < y->rank; d++) {
        if (y->dims[d] > MOST_PLACES) return hn_lower_refuse(c, "an axis too long for a table");
        places += (size_t)y->dims[d];
    }
    if (places > MOST_PLACES) return hn_lower_refuse(c, "axes too long for tables");
    int64_t before[HN_MAX_RANK] = {0};
    for (size_t i = 0; i < hn_tensor_elems(pads) / 2; i++) {
        int d;
        if (!hn_axis(axes != NULL ? hn_get_i64(axes, i) : (int64_t)i, x->rank, &d))
            return hn_lower_refuse(c, "an axis is outside the tensor");
        before[d] = hn_get_i64(pads, i);
    }
    params *p = hn_lower_params(c, sizeof *p);
    if (p == NULL || hn_lower_input(c, 0) < 0 || hn_lower_output(c, 0) < 0) return HN_NOMEM;
    int last = y->rank - 1;
    int64_t lo = before[last] < 0 ? 0 : before[last], hi = before[last] + x->dims[last];
    if (lo > y->dims[last]) lo = y->dims[last];
    if (hi > y->dims[last]) hi = y->dims[last];
    p->rank = y->rank;
    p->bytes = bytes;
    p->from = (uint64_t)lo;
    p->count = hi > lo ? (uint64_t)(hi - lo) : 0;
    p->rows = hn_type_elems(y) / (size_t)y->dims[last];
    p->per_task = hn_max_size(TASK_BYTES / ((size_t)y->dims[last] * bytes), 1);
    return fill(c, p, before);
}

static void places(const params *p, const int64_t *table, const char *x, char *y, size_t from, size_t end)
{
    for (size_t i = from; i < end; i++) {
        if (p->bytes == 4)
            memcpy(y + i * 4, x + table[i], 4);
        else
            memcpy(y + i * p->bytes, x + table[i], p->bytes);
    }
}

static void task(void *ctx, size_t index)
{
    const hn_run *r = ctx;
    const params *p = r->params;
    const int64_t *table = r->ptr[OPERAND_TABLES];
    int last = p->rank - 1;
    size_t row = index * p->per_task, end = hn_min_size(row + p->per_task, p->rows), width = p->dims[last];
    const int64_t *along = table + p->table[last];
    for (; row < end; row++) {
        size_t rest = row;
        const char *x = r->ptr[OPERAND_X];
        char *y = (char *)r->ptr[OPERAND_Y] + row * width * p->bytes;
        for (int d = last; d-- > 0; rest /= p->dims[d]) x += table[p->table[d] + rest % p->dims[d]];
        places(p, along, x, y, 0, p->from);
        if (p->count > 0) memcpy(y + p->from * p->bytes, x + along[p->from], p->count * p->bytes);
        places(p, along, x, y, p->from + p->count, width);
    }
}

static hn_status run(const hn_run *r)
{
    const params *p = r->params;
    hn_pool_run(r->pool, hn_div_up(p->rows, p->per_task), task, (void *)r);
    return HN_OK;
}

const hn_driver hn_cpu_pad_fold = {
    .name = "pad_fold",
    .doc = "pads tensors of any whole-byte type with what they hold: reflect, edge and wrap",
    .ops = OPS,
    .rank = 5,
    .lower = lower,
    .run = run,
};
