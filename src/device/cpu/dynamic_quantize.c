/* DynamicQuantizeLinear: the range of x in tasks, then scale and zero point, then the bytes. The limits of a set do not
 * depend on the order of comparison, so the result is that of any number of threads. */
#include <math.h>

#include "base/size.h"
#include "device/device.h"
#include "kernels/quant_q8.h"

enum { TASK = 1 << 15 }; /* elements */

typedef struct params {
    uint64_t count;
    int32_t x, y, scale, zp; /* operands; -1 for an unused output */
} params;

typedef struct job {
    const params *p;
    const hn_kernel *kernel;
    float *x;
    uint8_t *y;
    float *limits; /* two per task */
    float scale;
    int32_t zp;
} job;

static hn_quant_q8 piece(const job *j, size_t t)
{
    size_t at = t * TASK;
    return (hn_quant_q8){.n = hn_min_size(TASK, j->p->count - at), .f = j->x + at};
}

static void range_task(void *ctx, size_t t)
{
    const job *j = ctx;
    hn_quant_q8 g = piece(j, t);
    ((hn_quant_q8_fn *)j->kernel->fn)(&g);
    j->limits[2 * t] = g.lo;
    j->limits[2 * t + 1] = g.hi;
}

static void quantize_task(void *ctx, size_t t)
{
    const job *j = ctx;
    hn_quant_q8 g = piece(j, t);
    g.q = j->y + t * TASK;
    g.scale = &j->scale;
    g.zp = &j->zp;
    ((hn_quant_q8_fn *)j->kernel->fn)(&g);
}

static hn_status run(const hn_run *r)
{
    const params *p = r->params;
    size_t tasks = hn_div_up(p->count, TASK);
    job j = {.p = p, .kernel = r->kernels[0], .x = r->ptr[p->x], .limits = r->scratch};
    hn_pool_run(r->pool, tasks, range_task, &j);
    float lo = 0, hi = 0;
    for (size_t t = 0; t < tasks; t++) {
        lo = j.limits[2 * t] < lo ? j.limits[2 * t] : lo;
        hi = j.limits[2 * t + 1] > hi ? j.limits[2 * t + 1] : hi;
    }
    j.scale = (hi - lo) / 255;
    if (j.scale == 0) j.scale = 1;
    float zp = rintf(-lo / j.scale);
    j.zp = !(zp > 0) ? 0 : zp > 255 ? 255 : (int32_t)zp;
    if (p->scale >= 0) *(float *)r->ptr[p->scale] = j.scale;
    if (p->zp >= 0) *(uint8_t *)r->ptr[p->zp] = (uint8_t)j.zp;
    if (p->y < 0) return HN_OK;
    j.kernel = r->kernels[1];
    j.y = r->ptr[p->y];
    hn_pool_run(r->pool, tasks, quantize_task, &j);
    return HN_OK;
}

static hn_status lower(hn_lower *c)
{
    const hn_node *n = c->node;
    params *p = hn_lower_params(c, sizeof *p);
    if (p == NULL) return HN_NOMEM;
    p->count = hn_type_elems(&n->in[0]->type);
    c->scratch_bytes = hn_div_up(p->count, TASK) * 2 * sizeof(float);
    if (hn_lower_kernel(c, "quant_q8", HN_QUANT_Q8_RANGE, 0) == NULL ||
        hn_lower_kernel(c, "quant_q8", HN_QUANT_Q8_QUANTIZE, 0) == NULL)
        return hn_lower_refuse(c, "no quant_q8 kernel for this ISA");
    p->x = hn_lower_input(c, 0);
    p->y = hn_node_out(n, 0) != NULL ? hn_lower_output(c, 0) : -1;
    p->scale = hn_node_out(n, 1) != NULL ? hn_lower_output(c, 1) : -1;
    p->zp = hn_node_out(n, 2) != NULL ? hn_lower_output(c, 2) : -1;
    bool failed = p->x < 0 || (p->y < 0 && hn_node_out(n, 0)) || (p->scale < 0 && hn_node_out(n, 1)) ||
                  (p->zp < 0 && hn_node_out(n, 2));
    return failed ? HN_NOMEM : HN_OK;
}

static const char *const ops[] = {"DynamicQuantizeLinear", NULL};

const hn_driver hn_cpu_dynamic_quantize = {.name = "dynamic_quantize",
                                           .doc = "f32 to u8 with the range of the tensor",
                                           .ops = ops,
                                           .rank = 10,
                                           .lower = lower,
                                           .run = run};
