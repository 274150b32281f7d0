/* lib_gemm: see lib_gemm.h. */
#include "device/cpu/lib_gemm.h"

#include <string.h>

#include "base/size.h"
#include "kernels/transpose_b4.h"

static const int32_t ONE_TAP[1] = {0};

typedef struct span {
    size_t m0, rows, batch, panel0, panel1;
} span;

/* A part of the depth: taps [t0, t0 + taps), and k from k0 on of each. */
typedef struct part {
    size_t t0, k0;
    bool first, last;
} part;

/* All tiles of a task over one part of the depth. A kernel of any number of rows goes on from what c holds, and meets
 * the residual in the last part; with the others a part that is not the first has c as residual. */
static void depth_pass(const hn_gemm_job *job, hn_gemm_f32 *g, const span *s, const float *const *rows, const float *b,
                       float *c, const part *t)
{
    const hn_gemm_plan *p = job->plan;
    hn_gemm_f32_fn *fn = (hn_gemm_f32_fn *)job->kernel->fn;
    const float *residual = NULL;
    size_t residual_stride = job->ep.residual_stride;
    if (job->ep.residual != NULL && (p->any ? t->last : t->first))
        residual = job->ep.residual + s->batch * job->residual_matrix + s->m0 * job->ep.residual_stride;
    if (!p->any && !t->first) {
        residual = c;
        residual_stride = job->c_stride;
    }
    g->onto = p->any && !t->first;
    g->ep.residual = NULL;
    g->ep.residual_stride = residual_stride;
    g->ep.bias = NULL;
    size_t tiles = hn_div_up(s->rows, p->mr);
    const size_t depth = t->t0 * p->k + t->k0;
    bool fetch = p->taps == 1 && job->b_stride == 0 && !p->rows_first && tiles >= 8;
    for (size_t j = s->panel0, to; j < s->panel1; j = to) {
        to = p->rows_first ? s->panel1 : j + 1;
        size_t u = hn_gemm_panel(p, j), width = (hn_gemm_panel(p, j + 1) - u) * p->lanes, col = u * p->lanes;
        g->n = hn_min_size(hn_gemm_panel(p, to) * p->lanes, p->n) - col;
        g->b = job->b_stride > 0 ? b + col : b + col * p->taps * p->k + depth * width;
        g->b_stride = job->b_stride > 0 ? job->b_stride : width;
        g->b_panel = p->rows_first && job->b_stride == 0 ? width * p->taps * p->k : 0;
        /* While the rows pass over this panel, its successor comes nearer: its part of the depth, slice by slice. With
         * `any` also that of the next task, which has few panels. */
        size_t next_width =
            fetch && j + 1 < p->panels ? (hn_gemm_panel(p, j + 2) - hn_gemm_panel(p, j + 1)) * p->lanes : 0;
        const float *next = b + (col + width) * p->k + depth * next_width;
        size_t slice = hn_div_up(g->k * next_width, tiles);
        fetch = fetch && j + 1 < (p->any ? p->panels : s->panel1);
        if (!fetch) g->ahead = NULL;
        if (job->ep.bias != NULL && t->first) g->ep.bias = job->ep.bias + s->batch * job->bias_matrix + col;
        g->ahead_row = slice / p->mr;
        g->m = s->rows;
        g->rows = rows;
        g->c = c + col;
        if (residual != NULL) g->ep.residual = residual + col;
        if (fetch) g->ahead = next;
        fn(g);
    }
}

static void task(void *ctx, size_t index)
{
    const hn_gemm_job *job = ctx;
    const hn_gemm_plan *p = job->plan;
    size_t nb = index % p->nblocks, mb = index / p->nblocks % p->mblocks, batch = index / p->nblocks / p->mblocks;
    size_t a_off = 0, b_index = 0;
    if (job->batch != NULL) hn_gemm_batch_at(job->batch, batch, &a_off, &b_index);
    size_t m0 = mb * p->mblock, rows_here = hn_min_size(p->mblock, p->m - m0);
    const float *rows[HN_GEMM_ROWS];
    if (job->rows != NULL)
        job->rows(job->rows_self, m0, rows_here, rows);
    else
        for (size_t i = 0; i < rows_here; i++) rows[i] = job->a + (m0 + i) * job->a_stride;
    if (a_off > 0)
        for (size_t i = 0; i < rows_here; i++) rows[i] += a_off;

    hn_gemm_f32 g = {.c_stride = job->c_stride, .ep = job->ep};
    const float *b = job->b + b_index * job->b_matrix;
    float *c = job->c + batch * job->c_matrix + m0 * job->c_stride;
    const span here = {m0, rows_here, batch, (size_t)p->panels * nb / p->nblocks,
                       (size_t)p->panels * (nb + 1) / p->nblocks};
    /* Without `any` and with a function between the sum and the residual the depth stays in one piece. */
    const bool whole = !p->any && job->ep.residual != NULL && job->ep.act_first && job->ep.act != HN_ACT_NONE;
    const size_t chunk = hn_max_size(whole ? p->k : p->chunk, 1),
                 taps = hn_max_size(whole ? p->taps : p->chunk_taps, 1);
    const int32_t *tap = job->tap == NULL ? ONE_TAP : job->tap;
    part t = {.first = true};
    for (; t.first || t.t0 < p->taps; t.t0 += taps)
        for (t.k0 = 0; t.first || t.k0 < p->k; t.k0 += chunk, t.first = false) {
            const int32_t at = tap[t.t0] + (int32_t)t.k0;
            g.k = hn_min_size(chunk, p->k - t.k0);
            g.taps = hn_min_size(taps, p->taps - t.t0);
            g.tap = chunk < p->k ? &at : tap + t.t0;
            t.last = t.t0 + taps >= p->taps && t.k0 + chunk >= p->k;
            g.ep.act = t.last ? job->ep.act : HN_ACT_NONE;
            g.ep.act_first = t.first || p->any ? job->ep.act_first : 0;
            depth_pass(job, &g, &here, rows, b + (t.t0 * p->k + t.k0) * job->b_stride, c, &t);
        }
}

void hn_gemm_run(hn_pool *pool, const hn_gemm_job *job)
{
    const hn_gemm_plan *p = job->plan;
    if (p->m == 0 || p->n == 0) return;
    hn_pool_run(pool, (size_t)p->batch * p->mblocks * p->nblocks, task, (void *)job);
}

static const hn_value *input(const hn_node *n, size_t i)
{
    return i < n->nin ? n->in[i] : NULL;
}

void hn_gemm_problem_read(const hn_node *n, hn_gemm_problem *q)
{
    *q = (hn_gemm_problem){.a = input(n, 0), .b = input(n, 1), .scale = 1, .c_scale = 1};
    const hn_type *ta = &q->a->type, *tb = &q->b->type;
    if (hn_node_is(n, "Gemm")) {
        q->trans_a = hn_attr_int(n, "transA", 0) != 0;
        q->trans_b = hn_attr_int(n, "transB", 0) != 0;
        q->scale = (float)hn_attr_float(n, "alpha", 1.0);
        q->c_scale = (float)hn_attr_float(n, "beta", 1.0);
        q->c = input(n, 2);
    } else if (hn_node_is(n, "hone.Gemm")) {
        q->trans_b = hn_attr_int(n, "trans_b", 0) != 0;
        q->scale = (float)hn_attr_float(n, "alpha", 1.0);
        q->c = input(n, 2);
        q->r = input(n, 3);
    }
    size_t rows = ta->rank == 1 ? 1 : (size_t)ta->dims[ta->rank - 2], last = (size_t)ta->dims[ta->rank - 1];
    q->m = q->trans_a ? last : rows;
    q->k = q->trans_a ? rows : last;
    q->n = tb->rank == 1 ? 1 : (size_t)tb->dims[q->trans_b ? tb->rank - 2 : tb->rank - 1];
}

bool hn_gemm_batch_read(hn_gemm_problem *q, hn_gemm_batch *batch, size_t *count, size_t *b_matrices)
{
    const hn_type *ta = &q->a->type, *tb = &q->b->type;
    int ra = ta->rank > 2 ? ta->rank - 2 : 0, rb = tb->rank > 2 ? tb->rank - 2 : 0, rank = ra > rb ? ra : rb;
    *batch = (hn_gemm_batch){0};
    *count = 1;
    *b_matrices = hn_dims_elems(tb->rank, tb->dims, 0, rb);
    if (*b_matrices == 1) {
        q->m *= hn_dims_elems(ta->rank, ta->dims, 0, ra);
        return true;
    }
    if (rank > HN_GEMM_BATCH_RANK) return false;
    size_t sa = q->m * q->k, sb = 1;
    batch->rank = (uint32_t)rank;
    for (int d = rank - 1; d >= 0; d--) {
        size_t da = d >= rank - ra ? (size_t)ta->dims[d - (rank - ra)] : 1;
        size_t db = d >= rank - rb ? (size_t)tb->dims[d - (rank - rb)] : 1;
        batch->dims[d] = hn_max_size(da, db);
        if (da == 0 || db == 0) batch->dims[d] = 0;
        batch->a[d] = da == 1 ? 0 : sa;
        batch->b[d] = db == 1 ? 0 : sb;
        sa *= da;
        sb *= db;
        *count *= batch->dims[d];
    }
    return true;
}

void hn_gemm_batch_at(const hn_gemm_batch *batch, size_t index, size_t *a, size_t *b)
{
    *a = *b = 0;
    for (size_t d = batch->rank; d-- > 0;) {
        size_t at = index % batch->dims[d];
        index /= batch->dims[d];
        *a += at * batch->a[d];
        *b += at * batch->b[d];
    }
}

bool hn_gemm_collides(size_t row_bytes, size_t m, size_t n)
{
    return row_bytes > 0 && row_bytes % 4096 == 0 && m >= 64 && n >= 512;
}

enum { SPREAD_ROWS = 16 };

typedef struct spread_ctx {
    const char *src;
    char *dst;
    size_t row, stride, rows;
} spread_ctx;

static void spread_task(void *ctx, size_t i)
{
    const spread_ctx *x = ctx;
    for (size_t row = i * SPREAD_ROWS; row < hn_min_size((i + 1) * SPREAD_ROWS, x->rows); row++)
        memcpy(x->dst + row * x->stride, x->src + row * x->row, x->row);
}

void hn_gemm_spread(hn_pool *pool, const void *src, size_t row_bytes, void *dst, size_t stride_bytes, size_t rows)
{
    spread_ctx x = {.src = src, .dst = dst, .row = row_bytes, .stride = stride_bytes, .rows = rows};
    hn_pool_run(pool, hn_div_up(rows, SPREAD_ROWS), spread_task, &x);
}

typedef struct act_name {
    const char *name;
    hn_act_kind act;
    float a, b; /* used where the function's parameters are fixed */
    bool fixed;
} act_name;

static const act_name ACTS[] = {
    {"", HN_ACT_NONE, 0, 0, true},
    {"Relu", HN_ACT_RELU, 0, 0, true},
    {"Clip", HN_ACT_CLIP, 0, 0, false},
    {"LeakyRelu", HN_ACT_LEAKY, 0, 0, false},
    {"Sigmoid", HN_ACT_SIGMOID, 0, 0, true},
    {"Tanh", HN_ACT_TANH, 0, 0, true},
    {"HardSigmoid", HN_ACT_HARD_SIGMOID, 0, 0, false},
    {"HardSwish", HN_ACT_HARD_SWISH, 0, 0, true},
    {"Silu", HN_ACT_SILU, 1, 0, true},
    {"Gelu", HN_ACT_GELU, 0, 0, true},
    {"GeluTanh", HN_ACT_GELU_TANH, 0, 0, true},
    {"Elu", HN_ACT_ELU, 0, 0, false},
};

bool hn_epilogue_named(hn_str name, double alpha, double beta, hn_epilogue_f32 *ep)
{
    for (size_t i = 0; i < HN_COUNT(ACTS); i++) {
        const act_name *a = &ACTS[i];
        if (strlen(a->name) != name.size || (name.size > 0 && memcmp(a->name, name.data, name.size) != 0)) continue;
        ep->act = (int32_t)a->act;
        ep->a = a->fixed ? a->a : (float)alpha;
        ep->b = a->fixed ? a->b : (float)beta;
        return true;
    }
    return false;
}

bool hn_epilogue_read(const hn_node *node, hn_epilogue_f32 *ep)
{
    ep->act_first = hn_attr_int(node, "act_first", 0) != 0;
    return hn_epilogue_named(hn_attr_string(node, "act", ""), hn_attr_float(node, "act_alpha", 0.0),
                             hn_attr_float(node, "act_beta", 0.0), ep);
}

typedef struct planes_ctx {
    const hn_planes *p;
    hn_transpose_b4_fn *fn;
    size_t strips, strip;
} planes_ctx;

static void planes_task(void *ctx, size_t index)
{
    const planes_ctx *x = ctx;
    const hn_planes *p = x->p;
    size_t plane = index / x->strips, row = index % x->strips * x->strip, rows = hn_min_size(x->strip, p->rows - row);
    size_t at = plane * p->rows * p->cols;
    x->fn(rows, p->cols, p->src + at + row * p->cols, p->cols, p->dst + at + row, p->rows);
}

void hn_planes_run(hn_pool *pool, const hn_kernel *kernel, const hn_planes *p)
{
    planes_ctx x = {p, (hn_transpose_b4_fn *)kernel->fn, 1, 0};
    if (p->count == 0 || p->rows == 0 || p->cols == 0) return;
    x.strip = hn_max_size(16384 / p->cols / 16 * 16, 16);
    x.strips = hn_div_up(p->rows, x.strip);
    hn_pool_run(pool, p->count * x.strips, planes_task, &x);
}
