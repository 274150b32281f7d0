/* gemm_f32: MatMul, Gemm and hone.Gemm on float32. A constant B is packed when the plan is made, another one at each
 * run; a transposed A is turned over first. */
#include <string.h>

#include "base/size.h"
#include "device/cpu/lib_gemm.h"

enum { OPERAND_A, OPERAND_B, OPERAND_C, OPERAND_R, OPERAND_Y };

typedef struct params {
    hn_gemm_plan plan;
    hn_gemm_batch batch;
    hn_epilogue_f32 ep; /* pointers are set by run */
    uint64_t a_elems, b_matrices;
    uint64_t b_sk, b_sn; /* strides of B as given */
    float scale;
    uint32_t packed;               /* B is packed already */
    uint32_t direct;               /* B is used as it lies */
    uint32_t trans_a;              /* A is [k, m] */
    uint64_t a_scratch, b_scratch; /* offsets in scratch */
    uint64_t a_stride;             /* rows of A are copied to this distance first; 0: not */
} params;

/* C of Gemm: a row of n becomes the bias, a full matrix the residual. A constant one is expanded and scaled now. */
static hn_status lower_c(hn_lower *c, const hn_gemm_problem *q, bool *refused)
{
    *refused = false;
    const hn_type *t = q->c == NULL ? NULL : &q->c->type;
    size_t elems = t == NULL ? 0 : hn_type_elems(t);
    bool is_row = t != NULL && elems == q->n && (t->rank == 0 || (size_t)t->dims[t->rank - 1] == q->n);
    bool is_full = t != NULL && q->r == NULL && elems == q->m * q->n && t->rank == 2;
    if (t == NULL || q->c_scale == 0) {
        if (hn_lower_input(c, SIZE_MAX) < 0 || (q->r == NULL ? hn_lower_input(c, SIZE_MAX) : hn_lower_input(c, 3)) < 0)
            return HN_NOMEM;
        return HN_OK;
    }
    const hn_tensor *data = q->c->data;
    if (data != NULL && (is_row || elems == 1)) {
        float *bias;
        if (hn_lower_const(c, q->n * sizeof *bias, (void **)&bias) < 0) return HN_NOMEM;
        for (size_t i = 0; i < q->n; i++) bias[i] = q->c_scale * ((const float *)data->data)[elems == 1 ? 0 : i];
        return hn_lower_input(c, q->r == NULL ? SIZE_MAX : 3) < 0 ? HN_NOMEM : HN_OK;
    }
    if (q->c_scale != 1 || (!is_row && !is_full)) {
        *refused = true;
        return hn_lower_refuse(c, "C is neither a row of N nor a matrix of M x N with beta 1");
    }
    if (is_row)
        return hn_lower_input(c, 2) < 0 || hn_lower_input(c, q->r == NULL ? SIZE_MAX : 3) < 0 ? HN_NOMEM : HN_OK;
    return hn_lower_input(c, SIZE_MAX) < 0 || hn_lower_input(c, 2) < 0 ? HN_NOMEM : HN_OK;
}

static hn_status pack_b(hn_lower *c, const hn_gemm_problem *q, params *p, size_t matrix)
{
    float *dst;
    size_t floats = hn_gemm_packed_floats(&p->plan);
    if (hn_lower_const(c, floats * p->b_matrices * sizeof *dst, (void **)&dst) < 0) return HN_NOMEM;
    const float *src = q->b->data->data;
    for (size_t i = 0; i < p->b_matrices; i++)
        hn_gemm_pack(&p->plan, dst + i * floats, src + i * matrix, p->b_sk, p->b_sn, p->scale);
    return HN_OK;
}

static hn_status lower(hn_lower *c)
{
    hn_gemm_problem q;
    hn_gemm_batch batch;
    size_t count, b_matrices;
    hn_epilogue_f32 ep = {0};
    if (!hn_inputs_are(c->node, HN_F32) || c->node->nout != 1 || c->node->out[0] == NULL)
        return hn_lower_refuse(c, "not every operand is f32");
    hn_gemm_problem_read(c->node, &q);
    if (!hn_gemm_batch_read(&q, &batch, &count, &b_matrices))
        return hn_lower_refuse(c, "more than %d batch dims", HN_GEMM_BATCH_RANK);
    if (hn_node_is(c->node, "hone.Gemm") && !hn_epilogue_read(c->node, &ep))
        return hn_lower_refuse(c, "activation is unknown");
    const hn_kernel *k = hn_gemm_kernel(c, "gemm_f32", q.m, q.n);
    if (k == NULL) return hn_lower_refuse(c, "no gemm_f32 kernel for this instruction set");
    if (q.trans_a && hn_lower_kernel(c, "transpose_b4", -1, 0) == NULL)
        return hn_lower_refuse(c, "no transpose_b4 kernel");
    params *p = hn_lower_params(c, sizeof *p);
    if (p == NULL) return HN_NOMEM;
    p->batch = batch;
    p->ep = ep;
    p->scale = q.scale;
    p->trans_a = q.trans_a;
    p->a_elems = hn_type_elems(&q.a->type);
    p->b_matrices = b_matrices;
    p->b_sk = q.trans_b ? 1 : q.n;
    p->b_sn = q.trans_b ? q.k : 1;
    hn_gemm_plan_init(&p->plan, k, count, q.m, q.n, 1, q.k);
    p->packed = q.b->data != NULL;
    p->direct = !p->packed && !q.trans_b && q.scale == 1 && q.n % p->plan.lanes == 0 && q.m <= 8 * p->plan.mr;
    if (hn_lower_input(c, 0) < 0) return HN_NOMEM;
    if (p->packed)
        HN_TRY(pack_b(c, &q, p, q.k * q.n));
    else if (hn_lower_input(c, 1) < 0)
        return HN_NOMEM;
    bool refused;
    HN_TRY(lower_c(c, &q, &refused));
    if (refused) return HN_OK;
    if (hn_lower_output(c, 0) < 0) return HN_NOMEM;
    p->a_scratch = 0;
    if (!p->plan.any && !p->trans_a && count == 1 && hn_gemm_collides(q.k * sizeof(float), q.m, q.n))
        p->a_stride = q.k + 16;
    p->b_scratch = p->trans_a        ? hn_align_up(p->a_elems * sizeof(float), 64)
                   : p->a_stride > 0 ? hn_align_up(p->a_stride * q.m * sizeof(float), 64)
                                     : 0;
    c->scratch_bytes = p->b_scratch;
    if (!p->packed && !p->direct) c->scratch_bytes += b_matrices * hn_gemm_packed_floats(&p->plan) * sizeof(float);
    return HN_OK;
}

typedef struct pack_ctx {
    const params *p;
    const float *src;
    float *dst;
    size_t parts, part; /* tasks a matrix; units a task */
} pack_ctx;

static void pack_task(void *ctx, size_t i)
{
    const pack_ctx *x = ctx;
    const hn_gemm_plan *plan = &x->p->plan;
    size_t matrix = i / x->parts, u0 = i % x->parts * x->part, u1 = hn_min_size(u0 + x->part, plan->units);
    hn_gemm_pack_units(plan, x->dst + matrix * hn_gemm_packed_floats(plan), x->src + matrix * plan->k * plan->n,
                       x->p->b_sk, x->p->b_sn, x->p->scale, u0, u1);
}

static hn_status run(const hn_run *r)
{
    const params *p = r->params;
    const float *a = r->ptr[OPERAND_A], *b = r->ptr[OPERAND_B];
    hn_gemm_job job = {
        .plan = &p->plan, .kernel = r->kernels[0], .batch = &p->batch, .a = a, .a_stride = p->plan.k, .ep = p->ep};
    if (p->trans_a) {
        float *turned = (float *)((char *)r->scratch + p->a_scratch);
        hn_planes turn = {.src = a, .dst = turned, .count = 1, .rows = p->plan.k, .cols = p->plan.m};
        hn_planes_run(r->pool, r->kernels[1], &turn);
        job.a = turned;
    }
    if (p->a_stride > 0) {
        float *apart = (float *)((char *)r->scratch + p->a_scratch);
        hn_gemm_spread(r->pool, a, p->plan.k * sizeof *a, apart, p->a_stride * sizeof *a, p->plan.m);
        job.a = apart;
        job.a_stride = p->a_stride;
    }
    job.b = b;
    job.b_matrix = p->plan.k * p->plan.n;
    if (p->direct) {
        job.b_stride = p->plan.n;
    } else {
        job.b_matrix = hn_gemm_packed_floats(&p->plan);
        if (!p->packed && p->plan.units > 0) {
            pack_ctx x = {.p = p, .src = b, .dst = (float *)((char *)r->scratch + p->b_scratch)};
            x.part = hn_max_size(32768 / hn_max_size(p->plan.k * p->plan.lanes, 1), 1);
            x.parts = hn_div_up(p->plan.units, x.part);
            hn_pool_run(r->pool, p->b_matrices * x.parts, pack_task, &x);
            job.b = x.dst;
        }
    }
    job.c = r->ptr[OPERAND_Y];
    job.c_stride = p->plan.n;
    job.c_matrix = p->plan.m * p->plan.n;
    job.ep.bias = r->ptr[OPERAND_C];
    job.ep.residual = r->ptr[OPERAND_R];
    job.ep.residual_stride = p->plan.n;
    job.residual_matrix = job.c_matrix;
    hn_gemm_run(r->pool, &job);
    return HN_OK;
}

static const char *const OPS[] = {"MatMul", "Gemm", "hone.Gemm", NULL};
const hn_driver hn_cpu_gemm_f32 = {
    .name = "gemm_f32",
    .doc = "float32 matrix product with bias, residual and activation in the kernel's epilogue",
    .ops = OPS,
    .rank = 10,
    .lower = lower,
    .run = run,
};
