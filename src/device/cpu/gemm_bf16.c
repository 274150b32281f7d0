/* gemm_bf16: MatMul, Gemm and hone.Gemm on bf16 with float32 sums. A constant B is packed into pairs of depths when the
 * plan is made, another one at each run. The loops are planned by lib_gemm with a pair as one element. */
#include <string.h>

#include "base/size.h"
#include "device/cpu/lib_gemm.h"
#include "kernels/gemm_bf16.h"

enum { OPERAND_A, OPERAND_B, OPERAND_BIAS, OPERAND_Y };

typedef struct params {
    hn_gemm_plan plan; /* k counts pairs */
    hn_gemm_batch batch;
    uint64_t k, b_matrices, b_sk, b_sn;
    uint64_t a_stride;  /* rows of A are copied to this distance first; 0: not */
    uint64_t b_scratch; /* offset in scratch */
    uint32_t packed;
} params;

static size_t pairs_of(const params *p)
{
    return hn_gemm_packed_floats(&p->plan);
}

/* Columns of units [u0, u1) of one B. */
static void pack(const params *p, uint32_t *dst, const uint16_t *b, size_t u0, size_t u1)
{
    const hn_gemm_plan *plan = &p->plan;
    for (size_t n = u0 * plan->lanes; n < u1 * plan->lanes; n++) {
        size_t stride;
        uint32_t *to = dst + hn_gemm_packed_at(plan, n, &stride);
        for (size_t q = 0; q < plan->k; q++, to += stride) {
            const uint16_t *from = b + 2 * q * p->b_sk + n * p->b_sn;
            *to = n >= plan->n ? 0 : from[0] | (2 * q + 1 < p->k ? (uint32_t)from[p->b_sk] << 16 : 0);
        }
    }
}

static hn_status lower_bias(hn_lower *c, const hn_gemm_problem *q)
{
    float *bias;
    if (q->c == NULL) return hn_lower_input(c, SIZE_MAX) < 0 ? HN_NOMEM : HN_OK;
    if (hn_lower_const(c, q->n * sizeof *bias, (void **)&bias) < 0) return HN_NOMEM;
    size_t elems = hn_tensor_elems(q->c->data);
    for (size_t i = 0; i < q->n; i++) bias[i] = (float)(q->c_scale * hn_get_f64(q->c->data, elems == 1 ? 0 : i));
    return HN_OK;
}

/* NULL, or why the node is not for this driver. */
static const char *unfit(const hn_node *n, hn_gemm_problem *q)
{
    if (!hn_inputs_are(n, HN_BF16)) return "not every operand is bf16";
    if (n->nout != 1 || n->out[0] == NULL) return "no output";
    hn_gemm_problem_read(n, q);
    if (q->trans_a) return "A is transposed";
    if (q->scale != 1) return "alpha is not 1";
    if (q->r != NULL || hn_attr_string(n, "act", "").size > 0) return "a residual or an activation follows";
    if (q->c_scale == 0) q->c = NULL;
    if (q->c == NULL) return NULL;
    const hn_type *t = &q->c->type;
    size_t elems = hn_type_elems(t);
    bool row = elems == 1 || (elems == q->n && t->dims[t->rank - 1] == (int64_t)q->n);
    return q->c->data != NULL && row ? NULL : "C is not a constant row";
}

static hn_status lower(hn_lower *c)
{
    hn_gemm_problem q;
    hn_gemm_batch batch;
    size_t count, b_matrices;
    const char *why = unfit(c->node, &q);
    if (why != NULL) return hn_lower_refuse(c, "%s", why);
    if (!hn_gemm_batch_read(&q, &batch, &count, &b_matrices))
        return hn_lower_refuse(c, "more than %d batch dims", HN_GEMM_BATCH_RANK);
    const hn_kernel *k = hn_gemm_kernel(c, "gemm_bf16", q.m, q.n);
    if (k == NULL) return hn_lower_refuse(c, "no gemm_bf16 kernel for this instruction set");
    params *p = hn_lower_params(c, sizeof *p);
    if (p == NULL) return HN_NOMEM;
    p->batch = batch;
    p->k = q.k;
    p->b_matrices = b_matrices;
    p->b_sk = q.trans_b ? 1 : q.n;
    p->b_sn = q.trans_b ? q.k : 1;
    p->packed = q.b->data != NULL;
    hn_gemm_plan_init(&p->plan, k, count, q.m, q.n, 1, hn_div_up(q.k, 2));
    if (hn_lower_input(c, 0) < 0) return HN_NOMEM;
    size_t bytes = pairs_of(p) * b_matrices * sizeof(uint32_t);
    if (p->packed) {
        uint32_t *dst;
        if (hn_lower_const(c, bytes, (void **)&dst) < 0) return HN_NOMEM;
        for (size_t i = 0; i < b_matrices; i++)
            pack(p, dst + i * pairs_of(p), (const uint16_t *)q.b->data->data + i * q.k * q.n, 0, p->plan.units);
    } else if (hn_lower_input(c, 1) < 0) {
        return HN_NOMEM;
    }
    HN_TRY(lower_bias(c, &q));
    if (hn_lower_output(c, 0) < 0) return HN_NOMEM;
    if (count == 1 && hn_gemm_collides(q.k * sizeof(uint16_t), q.m, q.n)) p->a_stride = q.k + 32;
    p->b_scratch = hn_align_up(p->a_stride * q.m * sizeof(uint16_t), 64);
    c->scratch_bytes = p->b_scratch + (p->packed ? 0 : bytes);
    return HN_OK;
}

typedef struct job {
    const params *p;
    hn_gemm_bf16_fn *fn;
    const uint16_t *a, *b_raw;
    size_t a_stride;
    const uint32_t *b;
    uint32_t *packed; /* where B is packed to at run time */
    const float *bias;
    uint16_t *y;
    size_t parts, part; /* of packing: tasks a matrix, units a task */
} job;

static void pack_task(void *ctx, size_t i)
{
    const job *x = ctx;
    const params *p = x->p;
    size_t matrix = i / x->parts, u0 = i % x->parts * x->part, u1 = hn_min_size(u0 + x->part, p->plan.units);
    pack(p, x->packed + matrix * pairs_of(p), x->b_raw + matrix * p->k * p->plan.n, u0, u1);
}

static void task(void *ctx, size_t index)
{
    const job *x = ctx;
    const params *p = x->p;
    const hn_gemm_plan *plan = &p->plan;
    size_t nb = index % plan->nblocks, mb = index / plan->nblocks % plan->mblocks,
           batch = index / plan->nblocks / plan->mblocks, a_at, b_at;
    hn_gemm_batch_at(&p->batch, batch, &a_at, &b_at);
    size_t m0 = mb * plan->mblock, rows = hn_min_size(plan->mblock, plan->m - m0), tiles = hn_div_up(rows, plan->mr);
    size_t end = (size_t)plan->panels * (nb + 1) / plan->nblocks;
    const uint32_t *b = x->b + b_at * pairs_of(p);
    uint16_t *y = x->y + batch * plan->m * plan->n + m0 * plan->n;
    hn_gemm_bf16 g = {.k = p->k, .a_stride = x->a_stride, .c_stride = plan->n};
    for (size_t j = (size_t)plan->panels * nb / plan->nblocks; j < end; j++) {
        size_t u = hn_gemm_panel(plan, j), next = hn_gemm_panel(plan, j + 1), col = u * plan->lanes;
        size_t width = (next - u) * plan->lanes, slice = 0;
        /* While the rows pass over this panel its successor comes nearer, slice by slice. */
        if (tiles >= 8 && j + 1 < end)
            slice = hn_div_up((hn_gemm_panel(plan, j + 2) - next) * plan->lanes * plan->k, tiles);
        g.b = b + col * plan->k;
        g.b_stride = width;
        g.n = hn_min_size(width, plan->n - col);
        g.bias = x->bias == NULL ? NULL : x->bias + col;
        g.m = rows;
        g.a = x->a + a_at + m0 * x->a_stride;
        g.c = y + col;
        g.ahead = slice > 0 ? g.b + width * plan->k : NULL;
        g.ahead_row = slice / plan->mr;
        x->fn(&g);
    }
}

static hn_status run(const hn_run *r)
{
    const params *p = r->params;
    const hn_gemm_plan *plan = &p->plan;
    job x = {.p = p,
             .fn = (hn_gemm_bf16_fn *)r->kernels[0]->fn,
             .a = r->ptr[OPERAND_A],
             .a_stride = p->k,
             .b_raw = r->ptr[OPERAND_B],
             .b = r->ptr[OPERAND_B],
             .bias = r->ptr[OPERAND_BIAS],
             .y = r->ptr[OPERAND_Y]};
    if (plan->m == 0 || plan->n == 0) return HN_OK;
    if (p->a_stride > 0) {
        hn_gemm_spread(r->pool, x.a, p->k * sizeof *x.a, r->scratch, p->a_stride * sizeof *x.a, plan->m);
        x.a = r->scratch;
        x.a_stride = p->a_stride;
    }
    if (!p->packed) {
        x.b = x.packed = (uint32_t *)((char *)r->scratch + p->b_scratch);
        x.part = hn_max_size(32768 / hn_max_size(plan->k * plan->lanes, 1), 1);
        x.parts = hn_div_up(plan->units, x.part);
        hn_pool_run(r->pool, p->b_matrices * x.parts, pack_task, &x);
    }
    hn_pool_run(r->pool, (size_t)plan->batch * plan->mblocks * plan->nblocks, task, &x);
    return HN_OK;
}

static const char *const OPS[] = {"MatMul", "Gemm", "hone.Gemm", NULL};
const hn_driver hn_cpu_gemm_bf16 = {
    .name = "gemm_bf16",
    .doc = "bf16 matrix product with float32 sums and a bias",
    .ops = OPS,
    .rank = 9,
    .lower = lower,
    .run = run,
};
