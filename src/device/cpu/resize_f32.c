/* resize_f32: linear and cubic Resize on float32 as one pass per resized axis, each a table of weighted source
 * positions per output position; any layout. The tensor is seen as [outer, axis, inner] in each pass; passes that
 * shrink come first. */
#include <string.h>

#include "base/size.h"
#include "device/device.h"
#include "ops/lib_resize.h"

enum { OPERAND_X, OPERAND_Y, OPERAND_TABLES, BLOCK = 1 << 13 };

/* Tables of one pass, as offsets in bytes from the start of the constant. */
typedef struct pass {
    uint64_t outer, in, out, inner;
    uint64_t first, index, weight, outside; /* u32[out + 1], u32[n], f32[n], u8[out] */
} pass;

typedef struct params {
    pass p[HN_MAX_RANK];
    uint64_t half; /* offset of the second scratch buffer */
    uint32_t passes;
    float extrapolated;
} params;

static const char *const OPS[] = {"Resize", NULL};

static const hn_tensor *constant(const hn_node *n, size_t i, bool *missing)
{
    if (i >= n->nin || n->in[i] == NULL) return NULL;
    *missing = *missing || n->in[i]->data == NULL;
    return n->in[i]->data;
}

/* Axes whose size or sampling changes, those that shrink most first. */
static size_t order_axes(const hn_node *n, const hn_resize_axis *axis, int rank, int *order)
{
    size_t count = 0;
    bool crop = hn_attr_is(n, "coordinate_transformation_mode", "tf_crop_and_resize");
    for (int d = 0; d < rank; d++) {
        if (axis[d].in == axis[d].out && axis[d].scale == 1.0 && !crop) continue;
        size_t at = count++;
        for (; at > 0; at--) {
            const hn_resize_axis *o = &axis[order[at - 1]];
            if ((double)o->out * (double)axis[d].in <= (double)axis[d].out * (double)o->in) break;
            order[at] = order[at - 1];
        }
        order[at] = d;
    }
    return count;
}

static hn_status add_tables(hn_lower *c, params *p, const hn_resize_axis *axis, const int *order)
{
    hn_resize_table t[HN_MAX_RANK];
    size_t bytes = 0;
    for (uint32_t i = 0; i < p->passes; i++) {
        pass *s = &p->p[i];
        HN_TRY(hn_resize_build(c->env, c->arena, c->node, &axis[order[i]], &t[i]));
        size_t n = t[i].first[s->out];
        s->first = bytes;
        s->index = s->first + (s->out + 1) * sizeof(uint32_t);
        s->weight = s->index + n * sizeof(uint32_t);
        s->outside = s->weight + n * sizeof(float);
        bytes = hn_align_up(s->outside + s->out, 64);
    }
    char *blob;
    if (hn_lower_const(c, bytes, (void **)&blob) < 0) return HN_NOMEM;
    for (uint32_t i = 0; i < p->passes; i++) {
        const pass *s = &p->p[i];
        uint32_t *first = (uint32_t *)(blob + s->first), *index = (uint32_t *)(blob + s->index);
        float *weight = (float *)(blob + s->weight);
        for (size_t o = 0; o <= s->out; o++) first[o] = (uint32_t)t[i].first[o];
        for (size_t o = 0; o < s->out; o++) blob[s->outside + o] = t[i].outside[o];
        for (size_t e = 0; e < t[i].first[s->out]; e++) {
            index[e] = (uint32_t)t[i].index[e];
            weight[e] = (float)t[i].weight[e];
        }
    }
    return HN_OK;
}

static hn_status lower(hn_lower *c)
{
    const hn_node *n = c->node;
    const hn_type *x = &n->in[0]->type;
    bool missing = false;
    hn_resize_axis axis[HN_MAX_RANK];
    int order[HN_MAX_RANK];
    if (x->dtype != HN_F32) return hn_lower_refuse(c, "the element type is not f32");
    if (hn_resize_is_nearest(n)) return hn_lower_refuse(c, "nearest moves elements");
    const hn_tensor *roi = constant(n, 1, &missing), *scales = constant(n, 2, &missing),
                    *sizes = constant(n, 3, &missing);
    if (missing) return hn_lower_refuse(c, "roi, scales or sizes are not constant");
    if (hn_type_elems(x) == 0 || hn_type_elems(&n->out[0]->type) == 0) return hn_lower_refuse(c, "an empty tensor");
    HN_TRY(hn_resize_read(c->env, n, x->rank, x->dims, roi, scales, sizes, axis));
    size_t passes = order_axes(n, axis, x->rank, order);
    if (passes == 0) return hn_lower_refuse(c, "no axis changes");
    for (int d = 0; d < x->rank; d++)
        if (axis[d].in > INT32_MAX || axis[d].out > INT32_MAX) return hn_lower_refuse(c, "an axis beyond 2^31");
    params *p = hn_lower_params(c, sizeof *p);
    if (p == NULL || hn_lower_input(c, 0) < 0 || hn_lower_output(c, 0) < 0) return HN_NOMEM;
    p->passes = (uint32_t)passes;
    p->extrapolated = (float)hn_attr_float(n, "extrapolation_value", 0.0);
    int64_t dims[HN_MAX_RANK];
    memcpy(dims, x->dims, sizeof dims);
    size_t largest = 0;
    for (size_t i = 0; i < passes; i++) {
        int d = order[i];
        p->p[i] = (pass){.in = (uint64_t)dims[d], .out = (uint64_t)axis[d].out};
        p->p[i].outer = hn_dims_elems(x->rank, dims, 0, d);
        p->p[i].inner = hn_dims_elems(x->rank, dims, d + 1, x->rank);
        dims[d] = axis[d].out;
        if (i + 1 < passes) largest = hn_max_size(largest, hn_dims_elems(x->rank, dims, 0, x->rank));
    }
    HN_TRY(add_tables(c, p, axis, order));
    p->half = hn_align_up(largest * sizeof(float), 64);
    c->scratch_bytes = passes > 2 ? 2 * p->half : p->half;
    return HN_OK;
}

typedef struct work {
    const pass *s;
    const char *tables;
    const float *x;
    float *y;
    float extrapolated;
    size_t per_task; /* rows [outer, out] a task */
} work;

static void task(void *ctx, size_t index)
{
    const work *w = ctx;
    const pass *s = w->s;
    const uint32_t *first = (const uint32_t *)(w->tables + s->first), *at = (const uint32_t *)(w->tables + s->index);
    const float *weight = (const float *)(w->tables + s->weight);
    const char *outside = w->tables + s->outside;
    size_t end = hn_min_size((index + 1) * w->per_task, s->outer * s->out), inner = s->inner;
    for (size_t row = index * w->per_task; row < end; row++) {
        size_t o = row % s->out;
        const float *x = w->x + row / s->out * s->in * inner;
        float *restrict y = w->y + row * inner;
        uint32_t e = first[o], e1 = first[o + 1];
        if (outside[o]) {
            for (size_t i = 0; i < inner; i++) y[i] = w->extrapolated;
        } else if (e1 == e + 1 && weight[e] == 1.0f) {
            memcpy(y, x + at[e] * inner, inner * sizeof *y);
        } else if (e1 == e + 2) {
            const float *a = x + at[e] * inner, *b = x + at[e + 1] * inner, wa = weight[e], wb = weight[e + 1];
            for (size_t i = 0; i < inner; i++) y[i] = a[i] * wa + b[i] * wb;
        } else {
            for (size_t i = 0; i < inner; i++) {
                float sum = 0;
                for (uint32_t k = e; k < e1; k++) sum += x[at[k] * inner + i] * weight[k];
                y[i] = sum;
            }
        }
    }
}

static hn_status run(const hn_run *r)
{
    const params *p = r->params;
    const float *x = r->ptr[OPERAND_X];
    for (uint32_t i = 0; i < p->passes; i++) {
        const pass *s = &p->p[i];
        float *y = i + 1 == p->passes ? r->ptr[OPERAND_Y] : (float *)((char *)r->scratch + (i & 1) * p->half);
        work w = {s, r->ptr[OPERAND_TABLES], x, y, p->extrapolated, hn_max_size(BLOCK / s->inner, 1)};
        hn_pool_run(r->pool, hn_div_up(s->outer * s->out, w.per_task), task, &w);
        x = y;
    }
    return HN_OK;
}

const hn_driver hn_cpu_resize_f32 = {
    .name = "resize_f32",
    .doc = "float32 resizing, one axis at a time from tables",
    .ops = OPS,
    .rank = 10,
    .lower = lower,
    .run = run,
};
