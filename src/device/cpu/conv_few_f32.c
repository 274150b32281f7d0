/* conv_few_f32: Conv and hone.Conv with few input channels, channels-last results. Lines of the image - a row of one
 * plane, or of all channels where they come last - are read in place when no window leaves the image; else a task
 * copies the lines of its rows, zeroes around them, into a buffer that stays in the first cache. */
#include <string.h>

#include "base/size.h"
#include "device/cpu/lib_gemm.h"
#include "device/cpu/lib_image.h"
#include "kernels/conv_few_f32.h"

enum { OPERAND_X, OPERAND_W, OPERAND_B, OPERAND_Y };
enum { CHANNELS = 4, BUFFER = 7168, LINES = 64, NARROW = 8, TASK_MACS = 1 << 18 };

typedef struct params {
    hn_image g;
    hn_epilogue_f32 ep;
    uint32_t planes, unit, copy;             /* unit: floats of a pixel in a line */
    uint32_t lines, run, step, reach, width; /* reach: rows of a window; width: floats of a line of the buffer */
    uint32_t rows, segment, segments;        /* output rows a task; pixels of them, and how often they fit */
    uint64_t w_stride;
} params;

static const hn_value *input(const hn_node *n, size_t i)
{
    return i < n->nin ? n->in[i] : NULL;
}

/* What a task computes; false when a window does not fit the buffer. */
static bool cut(params *p)
{
    const hn_image *g = &p->g;
    const size_t ow = (size_t)g->ow, least = hn_min_size(ow, HN_CONV_FEW_PIXELS);
    size_t segment = ow, rows = hn_max_size(TASK_MACS / (p->lines * p->run * ow * (size_t)g->m), 1);
    if (p->copy) {
        const size_t room = BUFFER / ((size_t)p->planes * p->reach);
        if (room < p->run + (HN_CONV_FEW_PIXELS - 1) * p->step) return false;
        segment = hn_min_size(ow, (room - p->run) / p->step + 1);
        p->segments = (uint32_t)hn_div_up(ow, segment);
        segment = hn_max_size(hn_div_up(ow, p->segments), least);
        p->width = (uint32_t)((hn_max_size(segment, HN_CONV_FEW_PIXELS) - 1) * p->step + p->run);
        const size_t high = BUFFER / ((size_t)p->planes * p->width); /* rows that fit */
        rows = hn_min_size(rows, (high - p->reach) / (size_t)g->sh + 1);
    }
    p->segment = (uint32_t)segment;
    p->segments = (uint32_t)hn_div_up(ow, segment);
    p->rows = (uint32_t)hn_min_size(rows, (size_t)g->oh);
    return true;
}

/* Weights [m][c][kh][kw] in the order of lines and taps. */
static hn_status pack(hn_lower *c, const params *p, const float *w)
{
    const size_t kh = (size_t)p->g.kh, kw = (size_t)p->g.kw, cs = (size_t)p->g.c;
    float *dst;
    if (hn_lower_const(c, (size_t)p->lines * p->run * p->w_stride * sizeof *dst, (void **)&dst) < 0) return HN_NOMEM;
    for (size_t m = 0; m < (size_t)p->g.m; m++)
        for (size_t i = 0; i < cs; i++)
            for (size_t y = 0; y < kh; y++)
                for (size_t x = 0; x < kw; x++) {
                    size_t at = p->planes > 1 ? (i * kh + y) * kw + x : (y * kw + x) * cs + i;
                    dst[at * p->w_stride + m] = w[((m * cs + i) * kh + y) * kw + x];
                }
    return HN_OK;
}

static const char *unfit(const hn_lower *c, const hn_image *g)
{
    const hn_value *w = c->node->in[1];
    const size_t lines = (size_t)g->kh * (g->in_first ? (size_t)g->c : 1);
    const int32_t step = g->sw * (g->in_first ? 1 : g->c);
    if (hn_attr_int(c->node, "group", 1) != 1 || g->c < 1 || g->c > CHANNELS) return "not one to four input channels";
    if (g->out_first) return "results are channels first";
    if (w->data == NULL) return "the weights are not constant";
    if (input(c->node, 3) != NULL) return "a residual is added";
    if (g->dw != 1 && g->kw > 1) return "the window is dilated";
    if (g->m < 1 || g->n < 1 || g->oh < 1 || g->ow < 1) return "nothing to compute";
    if ((step > 3 && step != 6) || lines > LINES) return "stride or window has no kernel";
    if ((int64_t)g->h * g->w * g->c >= INT32_MAX) return "an image of more than 2^31 elements";
    return NULL;
}

/* Up to 8 output channels leave lanes empty, or a load a product: there lanes may hold pixels. */
static const hn_kernel *choose(hn_lower *c, const hn_image *g)
{
    bool planes = g->in_first || g->c == 1;
    const hn_kernel *k = planes && g->sw <= 2 && g->m <= NARROW ? hn_lower_kernel(c, "conv_plane_f32", -1, 0) : NULL;
    return k != NULL ? k : hn_tile_kernel(c, "conv_few_f32", (size_t)g->m);
}

static hn_status lower(hn_lower *c)
{
    const hn_node *node = c->node;
    if (!hn_inputs_are(node, HN_F32)) return hn_lower_refuse(c, "not every operand is f32");
    const char *why;
    hn_image g;
    hn_epilogue_f32 ep = {0};
    HN_TRY(hn_image_read(c, node->in[1]->type.dims + 2, &g, &why));
    if (why == NULL) why = unfit(c, &g);
    if (why != NULL) return hn_lower_refuse(c, "%s", why);
    if (hn_node_is(node, "hone.Conv") && !hn_epilogue_read(node, &ep))
        return hn_lower_refuse(c, "activation is unknown");
    const hn_kernel *k = choose(c, &g);
    if (k == NULL) return hn_lower_refuse(c, "no conv_few_f32 kernel");
    params *p = hn_lower_params(c, sizeof *p);
    if (p == NULL) return HN_NOMEM;
    p->g = g;
    p->ep = ep;
    p->planes = g.in_first ? (uint32_t)g.c : 1;
    p->unit = g.in_first ? 1 : (uint32_t)g.c;
    p->lines = p->planes * (uint32_t)g.kh;
    p->run = (uint32_t)g.kw * p->unit;
    p->step = (uint32_t)g.sw * p->unit;
    p->reach = (uint32_t)((g.kh - 1) * g.dh + 1);
    p->w_stride = hn_div_up((size_t)g.m, k->flags) * k->flags;
    p->copy = g.pt > 0 || g.pl > 0 || g.ow < HN_CONV_FEW_PIXELS || (g.oh - 1) * g.sh + (int32_t)p->reach > g.h ||
              (g.ow - 1) * g.sw + g.kw > g.w;
    if (!cut(p)) return hn_lower_refuse(c, "the window is too large");
    if (hn_lower_input(c, 0) < 0) return HN_NOMEM;
    HN_TRY(pack(c, p, node->in[1]->data->data));
    return hn_lower_input(c, 2) < 0 || hn_lower_output(c, 0) < 0 ? HN_NOMEM : HN_OK;
}

/* Rows [top, top + rows) of every plane, from element `left` of the lines on. */
static void copy_lines(const params *p, float *dst, const float *image, int64_t top, size_t rows, int64_t left)
{
    const int64_t line = (int64_t)p->g.w * p->unit, width = p->width;
    const int64_t from = left < 0 ? -left : 0, to = line - left < width ? line - left : width;
    for (size_t i = 0; i < p->planes; i++, image += (int64_t)p->g.h * line) {
        for (size_t r = 0; r < rows; r++, dst += width) {
            const int64_t y = top + (int64_t)r;
            if (y < 0 || y >= p->g.h || from >= to) {
                memset(dst, 0, (size_t)width * sizeof *dst);
                continue;
            }
            if (from > 0) memset(dst, 0, (size_t)from * sizeof *dst);
            memcpy(dst + from, image + y * line + left + from, (size_t)(to - from) * sizeof *dst);
            if (to < width) memset(dst + to, 0, (size_t)(width - to) * sizeof *dst);
        }
    }
}

typedef struct pass {
    const hn_run *r;
    const params *p;
    size_t blocks; /* of rows of an image */
} pass;

static void task(void *ctx, size_t index)
{
    const pass *s = ctx;
    const params *p = s->p;
    const hn_image *g = &p->g;
    const size_t segment = index % p->segments, block = index / p->segments % s->blocks,
                 image = index / p->segments / s->blocks, ow = (size_t)g->ow, m = (size_t)g->m;
    const size_t o0 = segment * p->segment, o1 = hn_min_size(o0 + p->segment, ow);
    const size_t y0 = block * p->rows, y1 = hn_min_size(y0 + p->rows, (size_t)g->oh);
    const size_t high = (y1 - y0 - 1) * (size_t)g->sh + p->reach, line = (size_t)g->w * p->unit;
    const float *x = (const float *)s->r->ptr[OPERAND_X] + image * (size_t)g->h * (size_t)g->w * (size_t)g->c;
    float buffer[BUFFER], *y = s->r->ptr[OPERAND_Y];
    int32_t lines[LINES];
    size_t plane = (size_t)g->h * line, row = line;
    if (p->copy) {
        copy_lines(p, buffer, x, (int64_t)y0 * g->sh - g->pt, high, (int64_t)o0 * p->step - (int64_t)g->pl * p->unit);
        plane = high * p->width;
        row = p->width;
        x = buffer;
    } else {
        x += y0 * (size_t)g->sh * line + o0 * p->step;
    }
    for (size_t l = 0; l < p->lines; l++)
        lines[l] = (int32_t)(l / (size_t)g->kh * plane + l % (size_t)g->kh * (size_t)g->dh * row);
    hn_conv_few_f32 k = {.lines = p->lines, .run = p->run, .step = p->step, .pixels = o1 - o0, .n = m, .line = lines};
    k.w = s->r->ptr[OPERAND_W];
    k.w_stride = p->w_stride;
    k.ep = p->ep;
    k.ep.bias = s->r->ptr[OPERAND_B];
    for (size_t oy = y0; oy < y1; oy++, x += (size_t)g->sh * row) {
        k.x = x;
        k.y = y + ((image * (size_t)g->oh + oy) * ow + o0) * m;
        ((hn_conv_few_f32_fn *)s->r->kernels[0]->fn)(&k);
    }
}

static hn_status run(const hn_run *r)
{
    const params *p = r->params;
    pass s = {.r = r, .p = p, .blocks = hn_div_up((size_t)p->g.oh, p->rows)};
    hn_pool_run(r->pool, (size_t)p->g.n * s.blocks * p->segments, task, &s);
    return HN_OK;
}

static const char *const OPS[] = {"hone.Conv", "Conv", NULL};
const hn_driver hn_cpu_conv_few_f32 = {
    .name = "conv_few_f32",
    .doc = "float32 convolution of one to four input channels in either layout, lines read in place",
    .ops = OPS,
    .rank = 15,
    .lower = lower,
    .run = run,
};
