/* The two directions between f32 and bytes; see the header. Tasks are runs of rows that share one scale, or have one
 * each. */
#include "device/cpu/lib_q8axis.h"

#include "base/size.h"
#include "device/cpu/lib_q8.h"
#include "kernels/quant_q8.h"

enum { TASK = 1 << 15 }; /* elements */

/* rows of `inner` elements; row i has scale i % len. Per element (each): rows of len elements. */
typedef struct params {
    uint64_t rows, inner, len, batch; /* batch: rows per task */
    int32_t x, scale, zp, y;          /* zp: -1 for none */
    uint32_t each, quantize;
    int32_t zp_up;
    uint8_t flip, zp_signed;
} params;

typedef struct job {
    const params *p;
    const hn_kernel *kernel;
    const void *x;
    void *y;
    const float *scale;
    const int32_t *zp;
} job;

static void task(void *ctx, size_t t)
{
    const job *j = ctx;
    const params *p = j->p;
    size_t i = t * p->batch, end = hn_min_size(i + p->batch, p->rows);
    while (i < end) {
        size_t at = i * p->inner, s = p->each ? 0 : i % p->len, count = p->len == 1 ? end - i : 1;
        hn_quant_q8 g = {
            .n = count * p->inner, .scale = j->scale + s, .zp = j->zp + s, .each = p->each, .flip = p->flip};
        if (p->quantize) {
            g.f = (float *)(uintptr_t)j->x + at;
            g.q = (uint8_t *)j->y + at;
        } else {
            g.f = (float *)j->y + at;
            g.q = (uint8_t *)(uintptr_t)j->x + at;
        }
        ((hn_quant_q8_fn *)j->kernel->fn)(&g);
        i += count;
    }
}

hn_status hn_q8axis_run(const hn_run *r)
{
    const params *p = r->params;
    int32_t *zp = r->scratch;
    const uint8_t *given = p->zp < 0 ? NULL : r->ptr[p->zp];
    for (size_t i = 0; i < p->len; i++) {
        int32_t v = given == NULL ? 0 : p->zp_signed ? (int32_t)(int8_t)given[i] : (int32_t)given[i];
        zp[i] = v + p->zp_up;
    }
    job j = {p, r->kernels[0], r->ptr[p->x], r->ptr[p->y], r->ptr[p->scale], zp};
    hn_pool_run(r->pool, hn_div_up(p->rows, p->batch), task, &j);
    return HN_OK;
}

static const char *refusal(const hn_node *n, hn_dtype bytes, hn_dtype floats, const hn_value *zp)
{
    if (!hn_q8_is_byte(bytes) || floats != HN_F32 || n->in[1]->type.dtype != HN_F32)
        return "not f32 and 8-bit integers";
    if (hn_attr_int(n, "block_size", 0) != 0) return "scales per block";
    int64_t precision = hn_attr_int(n, "precision", 0);
    if (precision != 0 && precision != HN_F32) return "precision below f32";
    if (zp != NULL && hn_type_elems(&zp->type) != hn_type_elems(&n->in[1]->type))
        return "zero points do not match the scales";
    return NULL;
}

hn_status hn_q8axis_lower(hn_lower *c, int variant)
{
    const hn_node *n = c->node;
    const hn_type *x = &n->in[0]->type, *y = &n->out[0]->type;
    bool quantize = variant == HN_QUANT_Q8_QUANTIZE;
    const hn_value *zp = hn_node_in(n, 2);
    hn_dtype bytes = quantize ? y->dtype : x->dtype;
    const char *why = refusal(n, bytes, quantize ? x->dtype : y->dtype, zp);
    if (why != NULL) return hn_lower_refuse(c, "%s", why);
    params *p = hn_lower_params(c, sizeof *p);
    if (p == NULL) return HN_NOMEM;
    size_t count = hn_type_elems(x);
    if (count == 0) return hn_lower_refuse(c, "empty");
    p->len = hn_type_elems(&n->in[1]->type);
    p->quantize = quantize;
    p->flip = hn_q8_flip(bytes);
    p->zp_up = hn_q8_bias(bytes);
    p->zp_signed = zp != NULL && zp->type.dtype == HN_I8;
    p->rows = count;
    p->inner = 1;
    if (p->len > 1) {
        int64_t axis = hn_attr_int(n, "axis", 1);
        axis = axis < 0 ? axis + x->rank : axis;
        if (axis < 0 || axis >= x->rank || x->dims[axis] != (int64_t)p->len || n->in[1]->type.rank > 1)
            return hn_lower_refuse(c, "scales are not one per index of an axis");
        p->inner = hn_dims_elems(x->rank, x->dims, (int)axis + 1, x->rank);
        p->each = p->inner == 1;
        if (p->each) p->inner = p->len;
        p->rows = count / p->inner;
    }
    p->batch = hn_max_size(1, TASK / p->inner);
    c->scratch_bytes = 4 * p->len;
    if (hn_lower_kernel(c, "quant_q8", variant, 0) == NULL)
        return hn_lower_refuse(c, "no quant_q8 kernel for this ISA");
    p->x = hn_lower_input(c, 0);
    p->scale = hn_lower_input(c, 1);
    p->zp = zp != NULL ? hn_lower_input(c, 2) : -1;
    p->y = hn_lower_output(c, 0);
    return p->x < 0 || p->scale < 0 || p->y < 0 || (zp != NULL && p->zp < 0) ? HN_NOMEM : HN_OK;
}
