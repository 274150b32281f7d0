/* pad: Pad with a constant, for any element type: the output is filled, then the input is copied into its place.
 * Negative pads crop. */
#include <string.h>

#include "base/size.h"
#include "device/cpu/lib_box.h"

enum { OPERAND_X, OPERAND_VALUE, OPERAND_Y, BLOCK = 1 << 16 };

typedef struct params {
    hn_box box;
    uint64_t out_bytes;
} params;

static const char *const OPS[] = {"Pad", NULL};

static const hn_tensor *constant(const hn_node *n, size_t i)
{
    return i < n->nin && n->in[i] != NULL ? n->in[i]->data : NULL;
}

static hn_status lower(hn_lower *c)
{
    const hn_node *n = c->node;
    const hn_type *x = &n->in[0]->type, *y = &n->out[0]->type;
    const hn_tensor *pads = constant(n, 1), *axes = constant(n, 3);
    uint32_t bytes = hn_box_bytes(x->dtype);
    if (bytes == 0) return hn_lower_refuse(c, "elements of this type are not whole bytes");
    if (!hn_attr_is(n, "mode", "constant")) return hn_lower_refuse(c, "only constant padding has a driver");
    if (pads == NULL || (n->nin > 3 && n->in[3] != NULL && axes == NULL))
        return hn_lower_refuse(c, "pads or axes are not constant");
    int64_t lo[HN_MAX_RANK] = {0}, sx[HN_MAX_RANK], sy[HN_MAX_RANK];
    size_t count = hn_tensor_elems(pads) / 2;
    for (size_t i = 0; i < count; i++) {
        int d;
        if (!hn_axis(axes != NULL ? hn_get_i64(axes, i) : (int64_t)i, x->rank, &d))
            return hn_lower_refuse(c, "an axis is outside the tensor");
        lo[d] = hn_get_i64(pads, i);
    }
    if (hn_box_kernel(c, bytes) == NULL) return hn_lower_refuse(c, "no kernel turns elements over");
    params *p = hn_lower_params(c, sizeof *p);
    if (p == NULL || hn_lower_input(c, 0) < 0 || hn_lower_input(c, 2) < 0 || hn_lower_output(c, 0) < 0) return HN_NOMEM;
    hn_strides(x->rank, x->dims, sx);
    hn_strides(y->rank, y->dims, sy);
    hn_box_start(&p->box, bytes);
    p->out_bytes = hn_type_bytes(y);
    for (int d = 0; d < x->rank; d++) {
        int64_t skip = lo[d] < 0 ? -lo[d] : 0, at = lo[d] > 0 ? lo[d] : 0;
        int64_t dim = x->dims[d] - skip, room = y->dims[d] - at;
        if (dim > room) dim = room;
        p->box.src_at += skip * sx[d];
        p->box.dst_at += at * sy[d];
        hn_box_dim(&p->box, dim < 0 ? 0 : dim, sy[d], sx[d]);
    }
    hn_box_finish(&p->box);
    return HN_OK;
}

static void fill(void *ctx, size_t index)
{
    const hn_run *r = ctx;
    const params *p = r->params;
    size_t at = index * BLOCK, n = hn_min_size(BLOCK, p->out_bytes - at), bytes = p->box.bytes;
    char *y = (char *)r->ptr[OPERAND_Y] + at;
    const char *value = r->ptr[OPERAND_VALUE];
    if (value == NULL) {
        memset(y, 0, n);
        return;
    }
    memcpy(y, value, bytes);
    for (size_t done = bytes; done < n; done *= 2) memcpy(y + done, y, hn_min_size(done, n - done));
}

static hn_status run(const hn_run *r)
{
    const params *p = r->params;
    hn_pool_run(r->pool, hn_div_up(p->out_bytes, BLOCK), fill, (void *)r);
    hn_box_run(r->pool, &p->box, r->kernels[0], r->ptr[OPERAND_Y], r->ptr[OPERAND_X]);
    return HN_OK;
}

const hn_driver hn_cpu_pad = {
    .name = "pad",
    .doc = "pads tensors of any whole-byte type with a constant",
    .ops = OPS,
    .rank = 10,
    .lower = lower,
    .run = run,
};
