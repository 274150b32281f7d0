/* dwconv_f32: Conv and hone.Conv with one input channel per group. Rows of the image are read in place; tap rows and
 * columns outside it are left out, nothing is padded. With several outputs per channel the input is widened first, each
 * channel repeated. */
#include <string.h>

#include "base/size.h"
#include "device/cpu/lib_gemm.h"
#include "device/cpu/lib_image.h"
#include "kernels/dwconv_f32.h"

enum { OPERAND_X, OPERAND_W, OPERAND_B, OPERAND_R, OPERAND_Y };
enum { PASS_FLOATS = 1 << 17, TASK_MACS = 1 << 16, STRIP_MACS = 1 << 18, LANES_MAX = 16, ROWS_MOST = 4 };

typedef struct params {
    hn_image g;
    hn_epilogue_f32 ep;
    uint32_t images, times; /* images a pass; outputs per channel */
    uint64_t w_stride, in_scratch, wide_scratch, out_scratch, res_scratch;
} params;

static const hn_value *input(const hn_node *n, size_t i)
{
    return i < n->nin ? n->in[i] : NULL;
}

static void lay_scratch(hn_lower *c, params *p)
{
    const hn_image *g = &p->g;
    size_t in = p->images * (size_t)g->h * (size_t)g->w * (size_t)g->c,
           out = p->images * (size_t)g->oh * (size_t)g->ow * (size_t)g->m;
    p->in_scratch = 0;
    p->wide_scratch = g->in_first ? hn_align_up(in * sizeof(float), 64) : 0;
    p->out_scratch = p->wide_scratch + (p->times > 1 ? hn_align_up(in * p->times * sizeof(float), 64) : 0);
    p->res_scratch = p->out_scratch + (g->out_first ? hn_align_up(out * sizeof(float), 64) : 0);
    c->scratch_bytes = p->res_scratch + (g->out_first && input(c->node, 3) != NULL ? out * sizeof(float) : 0);
}

static hn_status lower(hn_lower *c)
{
    const hn_node *node = c->node;
    if (!hn_inputs_are(node, HN_F32)) return hn_lower_refuse(c, "not every operand is f32");
    const hn_value *w = node->in[1];
    const char *why;
    hn_image g;
    hn_epilogue_f32 ep = {0};
    HN_TRY(hn_image_read(c, w->type.dims + 2, &g, &why));
    if (why != NULL) return hn_lower_refuse(c, "%s", why);
    if (g.c < 2 || hn_attr_int(node, "group", 1) != g.c)
        return hn_lower_refuse(c, "more than one input channel a group");
    if (g.m == 0) return hn_lower_refuse(c, "no output channels");
    if (w->data == NULL) return hn_lower_refuse(c, "the weights are not constant");
    if (hn_node_is(node, "hone.Conv") && !hn_epilogue_read(node, &ep))
        return hn_lower_refuse(c, "activation is unknown");
    if (hn_lower_kernel(c, "dwconv_f32", -1, 0) == NULL || hn_lower_kernel(c, "transpose_b4", -1, 0) == NULL)
        return hn_lower_refuse(c, "no dwconv_f32 or transpose_b4 kernel");
    params *p = hn_lower_params(c, sizeof *p);
    if (p == NULL) return HN_NOMEM;
    p->g = g;
    p->ep = ep;
    p->times = (uint32_t)(g.m / g.c);
    size_t m = (size_t)g.m, taps = (size_t)g.kh * (size_t)g.kw, image = hn_max_size((size_t)g.h * (size_t)g.w * m, 1);
    p->w_stride = hn_align_up(m, LANES_MAX);
    p->images = (uint32_t)hn_max_size((size_t)g.n, 1);
    if (g.in_first || g.out_first || p->times > 1)
        p->images = (uint32_t)hn_min_size(p->images, hn_max_size(PASS_FLOATS / image, 1));
    float *packed;
    if (hn_lower_input(c, 0) < 0 || hn_lower_const(c, taps * p->w_stride * sizeof *packed, (void **)&packed) < 0)
        return HN_NOMEM;
    const float *from = w->data->data;
    for (size_t i = 0; i < m; i++)
        for (size_t t = 0; t < taps; t++) packed[t * p->w_stride + i] = from[i * taps + t];
    if (hn_lower_input(c, 2) < 0 || hn_lower_input(c, 3) < 0 || hn_lower_output(c, 0) < 0) return HN_NOMEM;
    lay_scratch(c, p);
    return HN_OK;
}

typedef struct pass {
    const params *p;
    hn_dwconv_f32_fn *fn;
    const float *x, *w, *bias, *res;
    float *y;
    size_t rows, per_task, per_call; /* output rows of the pass; a task; a call of the kernel */
} pass;

static hn_dwconv_line line_of(const pass *s, size_t row)
{
    const params *p = s->p;
    const hn_image *g = &p->g;
    size_t image = row / (size_t)g->oh, line = (size_t)g->w * (size_t)g->m;
    int64_t top = (int64_t)(row % (size_t)g->oh) * g->sh - g->pt, i0 = 0, i1 = g->kh;
    if (top < 0) i0 = (-top + g->dh - 1) / g->dh;
    while (i1 > i0 && top + (i1 - 1) * g->dh >= g->h) i1--;
    if (i0 > i1) i0 = i1;
    size_t from = i1 > i0 ? (size_t)(top + i0 * g->dh) : 0;
    return (hn_dwconv_line){.x = s->x + (image * (size_t)g->h + from) * line,
                            .w = s->w + (size_t)i0 * (size_t)g->kw * p->w_stride,
                            .rows = (size_t)(i1 - i0)};
}

static void task(void *ctx, size_t index)
{
    const pass *s = ctx;
    const params *p = s->p;
    const hn_image *g = &p->g;
    size_t m = (size_t)g->m, ow = (size_t)g->ow, line = (size_t)g->w * m;
    size_t end = hn_min_size((index + 1) * s->per_task, s->rows);
    hn_dwconv_line lines[ROWS_MOST];
    hn_dwconv_f32 k = {.c = m, .kw = (size_t)g->kw, .width = (size_t)g->w, .ow = ow, .lines = lines};
    k.sw = g->sw;
    k.dw = g->dw;
    k.pl = g->pl;
    k.row_stride = (size_t)g->dh * line;
    k.c_stride = m;
    k.w_stride = p->w_stride;
    k.ep = p->ep;
    k.ep.bias = s->bias;
    k.ep.residual_stride = ow * m;
    for (size_t row = index * s->per_task; row < end; row += k.n) {
        k.n = hn_min_size(s->per_call, end - row);
        for (size_t i = 0; i < k.n; i++) lines[i] = line_of(s, row + i);
        k.x = lines[0].x;
        k.w = lines[0].w;
        k.rows = lines[0].rows;
        k.y = s->y + row * ow * m;
        k.ep.residual = s->res == NULL ? NULL : s->res + row * ow * m;
        s->fn(&k);
    }
}

typedef struct widen {
    const float *src;
    float *dst;
    size_t n, times;
} widen;

enum { WIDEN_TASK = 1 << 14 };
static void widen_task(void *ctx, size_t index)
{
    const widen *w = ctx;
    size_t end = hn_min_size((index + 1) * WIDEN_TASK, w->n);
    for (size_t i = index * WIDEN_TASK; i < end; i++)
        for (size_t t = 0; t < w->times; t++) w->dst[i * w->times + t] = w->src[i];
}

static hn_status run(const hn_run *r)
{
    const params *p = r->params;
    const hn_image *g = &p->g;
    char *scratch = r->scratch;
    size_t c = (size_t)g->c, m = (size_t)g->m, in = (size_t)g->h * (size_t)g->w, out = (size_t)g->oh * (size_t)g->ow;
    const float *res = r->ptr[OPERAND_R];
    float *y = r->ptr[OPERAND_Y];
    if (out == 0) return HN_OK;
    for (size_t first = 0; first < (size_t)g->n; first += p->images) {
        size_t count = hn_min_size(p->images, (size_t)g->n - first), at = first * out * m;
        pass s = {
            .p = p, .fn = (hn_dwconv_f32_fn *)r->kernels[0]->fn, .w = r->ptr[OPERAND_W], .bias = r->ptr[OPERAND_B]};
        s.x = (const float *)r->ptr[OPERAND_X] + first * in * c;
        if (g->in_first) {
            hn_planes turn = {s.x, (float *)(scratch + p->in_scratch), count, c, in};
            hn_planes_run(r->pool, r->kernels[1], &turn);
            s.x = turn.dst;
        }
        if (p->times > 1) {
            widen w = {s.x, (float *)(scratch + p->wide_scratch), count * in * c, p->times};
            hn_pool_run(r->pool, hn_div_up(w.n, WIDEN_TASK), widen_task, &w);
            s.x = w.dst;
        }
        s.res = res == NULL ? NULL : res + at;
        if (res != NULL && g->out_first) {
            hn_planes turn = {res + at, (float *)(scratch + p->res_scratch), count, m, out};
            hn_planes_run(r->pool, r->kernels[1], &turn);
            s.res = turn.dst;
        }
        s.y = g->out_first ? (float *)(scratch + p->out_scratch) : y + at;
        s.rows = count * (size_t)g->oh;
        s.per_call = hn_min_size(hn_max_size(r->kernels[0]->kr, 1), ROWS_MOST);
        size_t macs = s.per_call > 1 ? STRIP_MACS : TASK_MACS;
        s.per_task = hn_max_size(macs / ((size_t)g->kh * (size_t)g->kw * (size_t)g->ow * m), 1);
        hn_pool_run(r->pool, hn_div_up(s.rows, s.per_task), task, &s);
        if (g->out_first) {
            hn_planes turn = {s.y, y + at, count, out, m};
            hn_planes_run(r->pool, r->kernels[1], &turn);
        }
    }
    return HN_OK;
}

static const char *const OPS[] = {"hone.Conv", "Conv", NULL};
const hn_driver hn_cpu_dwconv_f32 = {
    .name = "dwconv_f32",
    .doc = "float32 depthwise convolution, a vector of channels at a time",
    .ops = OPS,
    .rank = 20,
    .lower = lower,
    .run = run,
};
