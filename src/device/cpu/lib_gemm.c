/* lib_gemm: see lib_gemm.h. Block sizes keep a block of A within a part of L2 while each panel of B passes over it. */
#include "device/cpu/lib_gemm.h"

#include <string.h>

#include "base/size.h"
#include "kernels/transpose_b4.h"

enum {
    A_BLOCK_FLOATS = 98304,
    A_DEEP_FLOATS = 262144,
    TASK_FLOPS = 1 << 18,
    TASKS_MAX = 128,
    PANEL_FLOATS = 147456,
    CHUNK = 2304
};

/* Columns that are computed for n columns. */
static size_t padded(const hn_kernel *k, size_t n)
{
    return hn_div_up(n, k->flags) * k->flags;
}

/* The highest rank, unless narrower vectors compute a tenth less. */
const hn_kernel *hn_tile_kernel(hn_lower *c, const char *family, size_t n)
{
    const hn_kernel *best = hn_lower_kernel(c, family, -1, 0), *wide = best;
    if (best == NULL || n == 0 || best == c->prefer) return best;
    for (size_t i = 0; i < hn_kernel_count; i++) {
        const hn_kernel *k = hn_kernel_rows[i];
        if (strcmp(k->family, family) != 0 || (k->isa & ~c->isa) != 0 || k->isa != wide->isa) continue;
        if (10 * padded(k, n) <= 9 * padded(wide, n) && padded(k, n) < padded(best, n)) best = k;
    }
    c->kernels[c->nkernels - 1] = best;
    return best;
}

/* A single row is bound by loads, which want width. */
const hn_kernel *hn_gemm_kernel(hn_lower *c, size_t m, size_t n)
{
    const hn_kernel *wide = hn_lower_kernel(c, "gemm_f32", -1, 0);
    if (wide == NULL || m < wide->mr) return wide;
    c->nkernels--;
    return hn_tile_kernel(c, "gemm_f32", n);
}

void hn_gemm_plan_init(hn_gemm_plan *p, const hn_kernel *kernel, size_t batch, size_t m, size_t n, size_t taps,
                       size_t k)
{
    *p = (hn_gemm_plan){.m = m, .n = n, .taps = taps, .k = k, .batch = batch, .lanes = kernel->flags, .mr = kernel->mr};
    size_t depth = hn_max_size(taps * k, 1);
    size_t per_panel = kernel->nr / p->lanes;
    while (per_panel > 1 && m > p->mr && (taps > 1 || m < 8u * p->mr) && depth * per_panel * p->lanes > PANEL_FLOATS)
        per_panel--;
    p->units = (uint32_t)hn_div_up(n, p->lanes);
    p->panels = (uint32_t)hn_div_up(p->units, per_panel);
    /* A kernel of any width takes an odd vector along, and for a single row as many as it has sums for. */
    if (kernel->variant > 0 && m == 1) p->panels = (uint32_t)hn_div_up(p->units, kernel->variant);
    if (kernel->variant > 0 && m != 1 && p->units > per_panel) p->panels = (uint32_t)(p->units / per_panel);
    hn_gemm_plan_rows(p, m);
}

void hn_gemm_plan_rows(hn_gemm_plan *p, size_t m)
{
    size_t depth = hn_max_size(p->taps * p->k, 1), mr = p->mr, n = p->n, batch = p->batch;
    p->m = m;
    if (m == 0) {
        p->mblock = p->mr;
        p->mblocks = p->nblocks = 1;
        p->chunk = (uint32_t)p->k;
        return;
    }
    /* A deep product of many rows goes over parts of the depth, so that a panel's part stays in L2. */
    p->chunk = (uint32_t)(p->taps == 1 && p->k > CHUNK && m >= 8 * mr ? hn_div_up(p->k, hn_div_up(p->k, CHUNK)) : p->k);
    size_t rows = (p->taps == 1 ? A_DEEP_FLOATS : A_BLOCK_FLOATS) / hn_max_size(p->taps * p->chunk, 1) / mr * mr;
    rows = hn_max_size(hn_min_size(rows, HN_GEMM_ROWS / mr * mr), 3 * mr);
    size_t blocks = hn_div_up(m, rows);
    size_t macs = m * n * depth, limit = (size_t)TASKS_MAX * TASK_FLOPS / 2;
    size_t want = batch > 0 && macs > limit / batch ? TASKS_MAX : hn_max_size(2 * macs * batch / TASK_FLOPS, 1);
    want = hn_div_up(want, hn_max_size(batch, 1));
    size_t nblocks = 1;
    if (blocks < want) {
        /* Cut the rows first: every task then walks all of B, which stays in cache; columns when rows run out. */
        blocks = hn_min_size(want, hn_div_up(m, 4 * mr));
        blocks = hn_max_size(blocks, hn_div_up(m, rows));
        nblocks = hn_min_size(p->panels, hn_div_up(want, blocks));
    }
    p->mblock = (uint32_t)(hn_div_up(hn_div_up(m, blocks), mr) * mr);
    p->mblocks = (uint32_t)hn_div_up(m, p->mblock);
    p->nblocks = (uint32_t)nblocks;
}

/* Panel j covers units [start(j), start(j + 1)): widths differ by at most one unit. */
size_t hn_gemm_panel(const hn_gemm_plan *p, size_t j)
{
    return (size_t)p->units * j / p->panels;
}

size_t hn_gemm_packed_floats(const hn_gemm_plan *p)
{
    return (size_t)p->units * p->lanes * p->taps * p->k;
}

static size_t panel_of(const hn_gemm_plan *p, size_t unit)
{
    size_t j = unit * p->panels / p->units;
    while (hn_gemm_panel(p, j) > unit) j--;
    while (hn_gemm_panel(p, j + 1) <= unit) j++;
    return j;
}

size_t hn_gemm_packed_at(const hn_gemm_plan *p, size_t n, size_t *row_stride)
{
    size_t j = panel_of(p, n / p->lanes), start = hn_gemm_panel(p, j), width = hn_gemm_panel(p, j + 1) - start;
    *row_stride = width * p->lanes;
    return start * p->lanes * p->taps * p->k + (n - start * p->lanes);
}

void hn_gemm_pack_units(const hn_gemm_plan *p, float *dst, const float *b, size_t sk, size_t sn, float scale, size_t u0,
                        size_t u1)
{
    size_t depth = p->taps * p->k, lanes = p->lanes;
    for (size_t u = u0; u < u1; u++) {
        size_t stride, first = u * lanes;
        float *to = dst + hn_gemm_packed_at(p, first, &stride);
        const float *from = b + first * sn;
        size_t cols = hn_min_size(lanes, p->n - first);
        for (size_t k = 0; k < depth; k++) {
            for (size_t i = 0; i < cols; i++) to[i] = scale * from[i * sn];
            for (size_t i = cols; i < lanes; i++) to[i] = 0.0f;
            from += sk;
            to += stride;
        }
    }
}

void hn_gemm_pack(const hn_gemm_plan *p, float *dst, const float *b, size_t sk, size_t sn, float scale)
{
    hn_gemm_pack_units(p, dst, b, sk, sn, scale, 0, p->units);
}

static const int32_t ONE_TAP[1] = {0};

typedef struct span {
    size_t m0, rows, batch, panel0, panel1;
} span;

/* All tiles of a task over one part of the depth, which starts at k0; a part that is not the first adds to what c
 * holds. */
static void depth_pass(const hn_gemm_job *job, hn_gemm_f32 *g, const span *s, const float *const *rows, const float *b,
                       float *c, size_t k0, bool first)
{
    const hn_gemm_plan *p = job->plan;
    hn_gemm_f32_fn *fn = (hn_gemm_f32_fn *)job->kernel->fn;
    const float *residual = NULL;
    if (job->ep.residual != NULL)
        residual = job->ep.residual + s->batch * job->residual_matrix + s->m0 * job->ep.residual_stride;
    g->ep.residual = NULL;
    g->ep.bias = NULL;
    g->ep.residual_stride = first ? job->ep.residual_stride : job->c_stride;
    size_t tiles = hn_div_up(s->rows, p->mr);
    const size_t per_call = job->kernel->variant > 0 ? s->rows : p->mr;
    bool fetch = p->taps == 1 && job->b_stride == 0 && tiles >= 8;
    for (size_t j = s->panel0; j < s->panel1; j++) {
        size_t u = hn_gemm_panel(p, j), width = (hn_gemm_panel(p, j + 1) - u) * p->lanes, col = u * p->lanes;
        g->n = hn_min_size(width, p->n - col);
        g->b = job->b_stride > 0 ? b + col : b + col * p->taps * p->k + k0 * width;
        g->b_stride = job->b_stride > 0 ? job->b_stride : width;
        /* While the rows pass over this panel, its successor comes nearer: its part of the depth, slice by slice. */
        size_t next_width =
            fetch && j + 1 < p->panels ? (hn_gemm_panel(p, j + 2) - hn_gemm_panel(p, j + 1)) * p->lanes : 0;
        const float *next = b + (col + width) * p->k + k0 * next_width;
        size_t slice = hn_div_up(g->k * next_width, tiles);
        fetch = fetch && j + 1 < s->panel1;
        if (!fetch) g->ahead = NULL;
        if (job->ep.bias != NULL && first) g->ep.bias = job->ep.bias + s->batch * job->bias_matrix + col;
        g->ahead_row = slice / p->mr;
        for (size_t i = 0; i < s->rows; i += per_call) {
            g->m = hn_min_size(per_call, s->rows - i);
            g->rows = rows + i;
            g->c = c + i * job->c_stride + col;
            if (!first)
                g->ep.residual = g->c;
            else if (residual != NULL)
                g->ep.residual = residual + i * job->ep.residual_stride + col;
            if (fetch) g->ahead = next + i / p->mr * slice;
            fn(g);
        }
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

    hn_gemm_f32 g = {.taps = p->taps,
                     .k = p->k,
                     .tap = job->tap == NULL ? ONE_TAP : job->tap,
                     .c_stride = job->c_stride,
                     .ep = job->ep};
    const float *b = job->b + b_index * job->b_matrix;
    float *c = job->c + batch * job->c_matrix + m0 * job->c_stride;
    const span here = {m0, rows_here, batch, (size_t)p->panels * nb / p->nblocks,
                       (size_t)p->panels * (nb + 1) / p->nblocks};
    /* With a function between the sum and the residual the depth stays in one piece. */
    bool whole = job->ep.residual != NULL && job->ep.act_first && job->ep.act != HN_ACT_NONE;
    size_t chunk = hn_max_size(whole ? p->k : p->chunk, 1);
    for (size_t k0 = 0; k0 == 0 || k0 < p->k; k0 += chunk) {
        const int32_t at = (int32_t)k0;
        g.k = hn_min_size(chunk, p->k - k0);
        if (chunk < p->k) g.tap = &at;
        bool first = k0 == 0, last = k0 + chunk >= p->k;
        g.ep.act = last ? job->ep.act : HN_ACT_NONE;
        g.ep.act_first = first ? job->ep.act_first : 0;
        depth_pass(job, &g, &here, rows, b + k0 * job->b_stride, c, k0, first);
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
