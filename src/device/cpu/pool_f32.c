/* pool_f32: MaxPool, AveragePool and hone.Pool on float32. Rows of a channels-last image are read in place;
 * channels-first images are turned on the way in and out, a few at a time. The number of elements of an average is a
 * product of one factor for the row and one for the column. */
#include <string.h>

#include "base/size.h"
#include "device/cpu/lib_gemm.h"
#include "device/cpu/lib_image.h"
#include "kernels/pool_f32.h"

enum { OPERAND_X, OPERAND_Y, OPERAND_COLUMNS };
enum { PASS_FLOATS = 1 << 17, TASK_LOADS = 1 << 15 };

typedef struct params {
    hn_image g;
    uint32_t average, include, images;
    uint64_t out_scratch;
} params;

static const char *const OPS[] = {"hone.Pool", "MaxPool", "AveragePool", NULL};

/* Taps of output o that count: inside [0, size), or with `include` inside the padding too. */
static int32_t count(int32_t o, int32_t k, int32_t s, int32_t d, int32_t lo, int32_t hi, int32_t size, bool include)
{
    int32_t n = 0;
    for (int32_t j = 0; j < k; j++) {
        int64_t at = (int64_t)o * s - lo + (int64_t)j * d;
        n += include ? at >= -lo && at < (int64_t)size + hi : at >= 0 && at < size;
    }
    return n;
}

static hn_status lower(hn_lower *c)
{
    const hn_node *node = c->node;
    const char *why;
    hn_image g;
    if (node->in[0]->type.dtype != HN_F32) return hn_lower_refuse(c, "the element type is not f32");
    if (node->nout > 1 && node->out[1] != NULL) return hn_lower_refuse(c, "indices are asked for");
    HN_TRY(hn_image_read(c, NULL, &g, &why));
    if (why != NULL) return hn_lower_refuse(c, "%s", why);
    if (g.c == 0) return hn_lower_refuse(c, "no channels");
    if (hn_lower_kernel(c, "pool_f32", -1, 0) == NULL || hn_lower_kernel(c, "transpose_b4", -1, 0) == NULL)
        return hn_lower_refuse(c, "no pool_f32 or transpose_b4 kernel");
    params *p = hn_lower_params(c, sizeof *p);
    float *columns;
    if (p == NULL || hn_lower_input(c, 0) < 0 || hn_lower_output(c, 0) < 0) return HN_NOMEM;
    if (hn_lower_const(c, (size_t)g.ow * sizeof *columns, (void **)&columns) < 0) return HN_NOMEM;
    p->g = g;
    p->average = strcmp(node->op->name, "AveragePool") == 0 || hn_attr_is(node, "mode", "average");
    p->include = hn_attr_int(node, "count_include_pad", 0) != 0;
    for (int32_t o = 0; o < g.ow; o++)
        columns[o] = 1.0f / (float)count(o, g.kw, g.sw, g.dw, g.pl, g.pr, g.w, p->include != 0);
    size_t in = (size_t)g.h * (size_t)g.w * (size_t)g.c, out = (size_t)g.oh * (size_t)g.ow * (size_t)g.m;
    p->images = (uint32_t)hn_max_size((size_t)g.n, 1);
    if (g.in_first || g.out_first)
        p->images = (uint32_t)hn_min_size(p->images, hn_max_size(PASS_FLOATS / hn_max_size(in, 1), 1));
    p->out_scratch = g.in_first ? hn_align_up(p->images * in * sizeof(float), 64) : 0;
    c->scratch_bytes = p->out_scratch + (g.out_first ? p->images * out * sizeof(float) : 0);
    return HN_OK;
}

typedef struct pass {
    const hn_run *r;
    const params *p;
    const float *x;
    float *y;
    size_t rows, per_task;
} pass;

static void task(void *ctx, size_t index)
{
    const pass *s = ctx;
    const hn_image *g = &s->p->g;
    size_t c = (size_t)g->c, ow = (size_t)g->ow, line = (size_t)g->w * c,
           end = hn_min_size((index + 1) * s->per_task, s->rows);
    for (size_t row = index * s->per_task; row < end; row++) {
        size_t image = row / (size_t)g->oh;
        int32_t oy = (int32_t)(row % (size_t)g->oh);
        int64_t top = (int64_t)oy * g->sh - g->pt, i0 = 0, i1 = g->kh;
        if (top < 0) i0 = (-top + g->dh - 1) / g->dh;
        while (i1 > i0 && top + (i1 - 1) * g->dh >= g->h) i1--;
        if (i0 > i1) i0 = i1;
        size_t from = i1 > i0 ? (size_t)(top + i0 * g->dh) : 0;
        hn_pool_f32 k = {.c = c, .rows = (size_t)(i1 - i0), .kw = (size_t)g->kw, .width = (size_t)g->w, .ow = ow};
        k.sw = g->sw;
        k.dw = g->dw;
        k.pl = g->pl;
        k.x = s->x + (image * (size_t)g->h + from) * line;
        k.row_stride = (size_t)g->dh * line;
        k.y = s->y + row * ow * c;
        k.average = s->p->average != 0;
        k.scale = 1.0f / (float)count(oy, g->kh, g->sh, g->dh, g->pt, g->pb, g->h, s->p->include != 0);
        k.col_scale = s->r->ptr[OPERAND_COLUMNS];
        ((hn_pool_f32_fn *)s->r->kernels[0]->fn)(&k);
    }
}

static hn_status run(const hn_run *r)
{
    const params *p = r->params;
    const hn_image *g = &p->g;
    size_t c = (size_t)g->c, in = (size_t)g->h * (size_t)g->w, out = (size_t)g->oh * (size_t)g->ow;
    float *y = r->ptr[OPERAND_Y];
    if (out == 0) return HN_OK;
    for (size_t first = 0; first < (size_t)g->n; first += p->images) {
        size_t images = hn_min_size(p->images, (size_t)g->n - first);
        pass s = {.r = r, .p = p, .x = (const float *)r->ptr[OPERAND_X] + first * in * c, .y = y + first * out * c};
        if (g->in_first) {
            hn_planes turn = {s.x, r->scratch, images, c, in};
            hn_planes_run(r->pool, r->kernels[1], &turn);
            s.x = r->scratch;
        }
        if (g->out_first) s.y = (float *)((char *)r->scratch + p->out_scratch);
        s.rows = images * (size_t)g->oh;
        s.per_task = hn_max_size(TASK_LOADS / ((size_t)g->kh * (size_t)g->kw * (size_t)g->ow * c), 1);
        hn_pool_run(r->pool, hn_div_up(s.rows, s.per_task), task, &s);
        if (g->out_first) {
            hn_planes turn = {s.y, y + first * out * c, images, out, c};
            hn_planes_run(r->pool, r->kernels[1], &turn);
        }
    }
    return HN_OK;
}

const hn_driver hn_cpu_pool_f32 = {
    .name = "pool_f32",
    .doc = "float32 max and average pooling, channels last",
    .ops = OPS,
    .rank = 10,
    .lower = lower,
    .run = run,
};
