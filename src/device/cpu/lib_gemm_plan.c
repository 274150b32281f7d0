/* lib_gemm_plan: panels, packing, and how lib_gemm cuts a product into tasks. Block sizes keep a block of A within a
 * part of L2 while each panel of B passes over it. */
#include <string.h>

#include "base/size.h"
#include "device/cpu/lib_gemm.h"

enum {
    A_BLOCK_FLOATS = 98304,
    A_DEEP_FLOATS = 262144,
    TASK_FLOPS = 1 << 18,
    TASKS_MAX = 128,
    PANEL_FLOATS = 147456,
    CHUNK = 2304
};
/* Of kernels that take any number of rows. */
enum {
    TASK_MACS = TASK_FLOPS / 2,
    PART_DEPTH = 384,         /* a panel's part: 24 KiB */
    PART_ROWS = 48,           /* that use it, at least */
    PART_PANELS = 16,         /* that use a part of A */
    RUN_PANELS = 8,           /* a task of few rows */
    A_PART_FLOATS = 65536,    /* all of the depth of a block's rows */
    B_RESIDENT_FLOATS = 98304 /* of 131072 in 512 KiB of L2 */
};

/* Columns that are computed for n columns. */
static size_t padded(const hn_kernel *k, size_t n)
{
    return hn_div_up(n, k->flags) * k->flags;
}

/* What of a tile's cost does not depend on the depth, for n columns of a row: less where tiles are wide and high. */
static bool fewer_tiles(const hn_kernel *k, const hn_kernel *than, size_t n)
{
    return hn_div_up(n, k->nr) * than->mr < hn_div_up(n, than->nr) * k->mr;
}

/* The highest rank, unless others cover the columns with fewer tiles, or narrower vectors compute a tenth less. */
const hn_kernel *hn_tile_kernel(hn_lower *c, const char *family, size_t n)
{
    const hn_kernel *best = hn_lower_kernel(c, family, -1, 0), *wide = best;
    if (best == NULL || n == 0 || best == c->prefer) return best;
    for (size_t i = 0; i < hn_kernel_count; i++) {
        const hn_kernel *k = hn_kernel_rows[i];
        if (strcmp(k->family, family) != 0 || (k->isa & ~c->isa) != 0 || k->isa != wide->isa) continue;
        bool narrow = 10 * padded(k, n) <= 9 * padded(wide, n) && padded(k, n) < padded(best, n);
        if (narrow || (padded(k, n) == padded(best, n) && fewer_tiles(k, best, n))) best = k;
    }
    c->kernels[c->nkernels - 1] = best;
    return best;
}

/* A single row is bound by loads, which want width. */
const hn_kernel *hn_gemm_kernel(hn_lower *c, const char *family, size_t m, size_t n)
{
    const hn_kernel *wide = hn_lower_kernel(c, family, -1, 0);
    if (wide == NULL || m < wide->mr) return wide;
    c->nkernels--;
    return hn_tile_kernel(c, family, n);
}

void hn_gemm_plan_init(hn_gemm_plan *p, const hn_kernel *kernel, size_t batch, size_t m, size_t n, size_t taps,
                       size_t k)
{
    *p = (hn_gemm_plan){.m = m, .n = n, .taps = taps, .k = k, .batch = batch, .lanes = kernel->flags, .mr = kernel->mr};
    p->any = kernel->variant > 0;
    size_t depth = hn_max_size(taps * k, 1);
    size_t per_panel = kernel->nr / p->lanes;
    while (!p->any && per_panel > 1 && m > p->mr && (taps > 1 || m < 8u * p->mr) &&
           depth * per_panel * p->lanes > PANEL_FLOATS)
        per_panel--;
    p->units = (uint32_t)hn_div_up(n, p->lanes);
    p->panels = (uint32_t)hn_div_up(p->units, per_panel);
    /* A kernel of any width takes an odd vector along. */
    if (p->any && p->units > per_panel) p->panels = (uint32_t)(p->units / per_panel);
    hn_gemm_plan_rows(p, m);
}

/* Depth is cut only where many rows use a part again. */
static void cut_depth(hn_gemm_plan *p)
{
    p->chunk = (uint32_t)p->k;
    p->chunk_taps = (uint32_t)p->taps;
    if (p->rows_first || p->m < PART_ROWS || 2 * p->taps * p->k <= 3 * PART_DEPTH) return;
    p->chunk_taps = (uint32_t)hn_max_size(hn_min_size(PART_DEPTH / hn_max_size(p->k, 1), p->taps), 1);
    if (2 * p->k > 3 * PART_DEPTH) p->chunk = (uint32_t)hn_div_up(p->k, hn_div_up(p->k, PART_DEPTH));
}

/* Blocks for kernels that take any number of rows. Where all of B fits in a part of L2, or a tile takes all rows, the
 * panels pass over each tile's rows: these stay in L1, and B and C are walked from end to end. Else rows pass over each
 * panel's part of the depth, which stays in L1 while the rows' part stays in L2. */
static void plan_any(hn_gemm_plan *p)
{
    const size_t m = p->m, mr = p->mr, depth = hn_max_size(p->taps * p->k, 1), all = hn_max_size(p->batch, 1);
    const size_t want = hn_div_up(hn_min_size((m * p->n * depth / TASK_MACS + 1) * all, TASKS_MAX), all);
    p->rows_first = p->panels == p->units / 2 && (m <= mr || depth * p->units * p->lanes <= B_RESIDENT_FLOATS);
    cut_depth(p);
    size_t rows = hn_min_size(A_PART_FLOATS / depth, HN_GEMM_ROWS), least = PART_ROWS, across = p->panels;
    if (p->rows_first) {
        rows = HN_GEMM_ROWS;
        least = 2 * mr;
        across = hn_div_up(p->panels, RUN_PANELS);
    } else if (rows < least) {
        const bool parts = p->chunk < p->k || p->chunk_taps < p->taps;
        rows = parts ? HN_GEMM_ROWS : least;
        if (parts) across = hn_div_up(p->panels, PART_PANELS);
    }
    size_t blocks = hn_div_up(m, rows);
    if (p->rows_first) blocks = hn_max_size(blocks, hn_min_size(want, m / least));
    p->nblocks = (uint32_t)hn_max_size(hn_min_size(across, hn_div_up(want, blocks)), 1);
    if (!p->rows_first) blocks = hn_max_size(blocks, hn_min_size(hn_div_up(want, p->nblocks), m / least));
    p->mblock = (uint32_t)(hn_div_up(hn_div_up(m, blocks), mr) * mr);
    p->mblocks = (uint32_t)hn_div_up(m, p->mblock);
}

void hn_gemm_plan_rows(hn_gemm_plan *p, size_t m)
{
    if (p->any && m > 0) {
        p->m = m;
        plan_any(p);
        return;
    }
    size_t depth = hn_max_size(p->taps * p->k, 1), mr = p->mr, n = p->n, batch = p->batch;
    p->m = m;
    p->chunk_taps = (uint32_t)p->taps;
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
