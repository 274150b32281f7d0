/* hone.QLut: a table of 256 bytes applied to every byte. */
#include "base/size.h"
#include "device/device.h"
#include "kernels/lut_q8.h"

enum { TASK = 1 << 15 }; /* elements */

typedef struct params {
    uint64_t count;
    int32_t x, table, y;
} params;

typedef struct job {
    const params *p;
    const hn_kernel *kernel;
    const uint8_t *x, *table;
    uint8_t *y;
} job;

static void task(void *ctx, size_t t)
{
    const job *j = ctx;
    size_t at = t * TASK;
    ((hn_lut_q8_fn *)j->kernel->fn)(hn_min_size(TASK, j->p->count - at), j->x + at, j->table, j->y + at);
}

static hn_status run(const hn_run *r)
{
    const params *p = r->params;
    job j = {p, r->kernels[0], r->ptr[p->x], r->ptr[p->table], r->ptr[p->y]};
    hn_pool_run(r->pool, hn_div_up(p->count, TASK), task, &j);
    return HN_OK;
}

static hn_status lower(hn_lower *c)
{
    const hn_node *n = c->node;
    params *p = hn_lower_params(c, sizeof *p);
    if (p == NULL) return HN_NOMEM;
    if (hn_type_bytes(&n->in[0]->type) != hn_type_elems(&n->in[0]->type) || hn_type_bytes(&n->in[1]->type) != 256)
        return hn_lower_refuse(c, "not bytes and a table of 256");
    p->count = hn_type_elems(&n->in[0]->type);
    if (hn_lower_kernel(c, "lut_q8", -1, 0) == NULL) return hn_lower_refuse(c, "no lut_q8 kernel for this ISA");
    p->x = hn_lower_input(c, 0);
    p->table = hn_lower_input(c, 1);
    p->y = hn_lower_output(c, 0);
    if (p->x < 0 || p->table < 0 || p->y < 0) return HN_NOMEM;
    c->inplace = p->x;
    return HN_OK;
}

static const char *const ops[] = {"hone.QLut", NULL};

const hn_driver hn_cpu_qlut = {.name = "qlut",
                               .doc = "any function of one 8-bit tensor by table",
                               .ops = ops,
                               .rank = 10,
                               .lower = lower,
                               .run = run};
