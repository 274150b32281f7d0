/* cast: Cast between f32, i32, i64, u8, i8 and bool. Floats become integers as hn_set_f64 has it: toward zero,
 * saturating, NaN is 0; integers wrap; anything but 0 is true. */
#include <math.h>
#include <string.h>

#include "base/size.h"
#include "device/device.h"

enum { BLOCK = 1 << 13 };

typedef struct params {
    uint64_t n;
    uint32_t from, to;
} params;

static const char *const OPS[] = {"Cast", NULL};

static bool known(hn_dtype t)
{
    return t == HN_F32 || t == HN_I32 || t == HN_I64 || t == HN_U8 || t == HN_I8 || t == HN_BOOL;
}

static hn_status lower(hn_lower *c)
{
    hn_dtype from = c->node->in[0]->type.dtype, to = c->node->out[0]->type.dtype;
    if (!known(from) || !known(to))
        return hn_lower_refuse(c, "%s to %s has no driver", hn_dtype_name(from), hn_dtype_name(to));
    params *p = hn_lower_params(c, sizeof *p);
    if (p == NULL || hn_lower_input(c, 0) < 0 || hn_lower_output(c, 0) < 0) return HN_NOMEM;
    *p = (params){hn_type_elems(&c->node->in[0]->type), from, to};
    return HN_OK;
}

static int64_t truncated(float x, int64_t low, int64_t high)
{
    if (isnan(x)) return 0;
    if ((double)x <= (double)low) return low;
    if ((double)x >= (double)high) return high;
    return (int64_t)x;
}

#define FROM_INT(type)                                                               \
    do {                                                                             \
        const type *x = (const type *)src + at;                                      \
        switch (p->to) {                                                             \
        case HN_F32:                                                                 \
            for (size_t i = 0; i < n; i++) ((float *)dst)[at + i] = (float)x[i];     \
            break;                                                                   \
        case HN_I32:                                                                 \
            for (size_t i = 0; i < n; i++) ((int32_t *)dst)[at + i] = (int32_t)x[i]; \
            break;                                                                   \
        case HN_I64:                                                                 \
            for (size_t i = 0; i < n; i++) ((int64_t *)dst)[at + i] = (int64_t)x[i]; \
            break;                                                                   \
        case HN_BOOL:                                                                \
            for (size_t i = 0; i < n; i++) ((uint8_t *)dst)[at + i] = x[i] != 0;     \
            break;                                                                   \
        default:                                                                     \
            for (size_t i = 0; i < n; i++) ((uint8_t *)dst)[at + i] = (uint8_t)x[i]; \
            break;                                                                   \
        }                                                                            \
    } while (0)

static void from_float(const params *p, const float *x, void *dst, size_t at, size_t n)
{
    for (size_t i = at; i < at + n; i++) {
        switch (p->to) {
        case HN_F32: ((float *)dst)[i] = x[i]; break;
        case HN_I32: ((int32_t *)dst)[i] = (int32_t)truncated(x[i], INT32_MIN, INT32_MAX); break;
        case HN_I64: ((int64_t *)dst)[i] = truncated(x[i], INT64_MIN, INT64_MAX); break;
        case HN_BOOL: ((uint8_t *)dst)[i] = x[i] != 0; break;
        case HN_U8: ((uint8_t *)dst)[i] = (uint8_t)truncated(x[i], 0, UINT8_MAX); break;
        default: ((int8_t *)dst)[i] = (int8_t)truncated(x[i], INT8_MIN, INT8_MAX); break;
        }
    }
}

static void task(void *ctx, size_t index)
{
    const hn_run *r = ctx;
    const params *p = r->params;
    const void *src = r->ptr[0];
    void *dst = r->ptr[1];
    size_t at = index * BLOCK, n = hn_min_size(BLOCK, p->n - at);
    switch (p->from) {
    case HN_F32: from_float(p, src, dst, at, n); break;
    case HN_I32: FROM_INT(int32_t); break;
    case HN_I64: FROM_INT(int64_t); break;
    case HN_I8: FROM_INT(int8_t); break;
    default: FROM_INT(uint8_t); break;
    }
}

static hn_status run(const hn_run *r)
{
    const params *p = r->params;
    hn_pool_run(r->pool, hn_div_up(p->n, BLOCK), task, (void *)r);
    return HN_OK;
}

const hn_driver hn_cpu_cast = {
    .name = "cast",
    .doc = "converts between f32 and the common integer types",
    .ops = OPS,
    .rank = 10,
    .lower = lower,
    .run = run,
};
