/* clip_int: Clip of i32 and i64 between constant bounds. */
#include "base/size.h"
#include "device/device.h"

enum { BLOCK = 1 << 14 };

typedef struct params {
    uint64_t n;
    int64_t lo, hi;
    uint32_t wide;
} params;

static const char *const OPS[] = {"Clip", NULL};

/* A bound from input i; false when it is not constant. */
static bool bound(const hn_node *n, size_t i, int64_t *v)
{
    const hn_value *b = i < n->nin ? n->in[i] : NULL;
    if (b == NULL) return true;
    if (b->data == NULL || hn_tensor_elems(b->data) != 1) return false;
    *v = b->type.dtype == HN_I64 ? *(const int64_t *)b->data->data : *(const int32_t *)b->data->data;
    return true;
}

static hn_status lower(hn_lower *c)
{
    const hn_type *x = &c->node->in[0]->type;
    if (x->dtype != HN_I32 && x->dtype != HN_I64) return hn_lower_refuse(c, "elements are neither i32 nor i64");
    params p = {.n = hn_type_elems(x), .lo = INT64_MIN, .hi = INT64_MAX, .wide = x->dtype == HN_I64};
    if (!p.wide) {
        p.lo = INT32_MIN;
        p.hi = INT32_MAX;
    }
    if (!bound(c->node, 1, &p.lo) || !bound(c->node, 2, &p.hi)) return hn_lower_refuse(c, "a bound is not constant");
    params *to = hn_lower_params(c, sizeof *to);
    if (to == NULL || hn_lower_input(c, 0) < 0 || hn_lower_output(c, 0) < 0) return HN_NOMEM;
    *to = p;
    c->inplace = 0;
    return HN_OK;
}

/* clip_i32, clip_i64: elements [from, end). */
#define CLIP(name, type)                                                        \
    static void name(const hn_run *r, const params *p, size_t from, size_t end) \
    {                                                                           \
        const type *x = r->ptr[0];                                              \
        type(*y) = r->ptr[1], lo = (type)p->lo, hi = (type)p->hi;               \
        for (size_t i = from; i < end; i++) {                                   \
            const type v = x[i] < lo ? lo : x[i];                               \
            y[i] = v > hi ? hi : v;                                             \
        }                                                                       \
    }
CLIP(clip_i32, int32_t)
CLIP(clip_i64, int64_t)

static void task(void *ctx, size_t index)
{
    const hn_run *r = ctx;
    const params *p = r->params;
    const size_t end = hn_min_size((index + 1) * BLOCK, p->n);
    (p->wide ? clip_i64 : clip_i32)(r, p, index * BLOCK, end);
}

static hn_status run(const hn_run *r)
{
    const params *p = r->params;
    hn_pool_run(r->pool, hn_div_up(p->n, BLOCK), task, (void *)r);
    return HN_OK;
}

const hn_driver hn_cpu_clip_int = {
    .name = "clip_int",
    .doc = "Clip of 32- and 64-bit integers between constant bounds",
    .ops = OPS,
    .rank = 5,
    .lower = lower,
    .run = run,
};
