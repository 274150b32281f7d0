/* hone.QConv where every channel is convolved alone: rows of channels-last pixels through dwconv_q8. Weights less their
 * zero point that do not fit 8 bits become a sum of two or three that do, unless the kernel takes wider ones: where it
 * takes no second weights either, the window's rows come as often. */
#include <math.h>
#include <string.h>

#include "base/size.h"
#include "device/cpu/lib_q8win.h"
#include "kernels/dwconv_q8.h"

typedef struct params {
    hn_q8_window win;
    hn_q8_stage stage;
    hn_q8_out out;
    uint64_t bias, scale, pad; /* in the constant, after the weights */
    uint64_t rows;             /* output rows per task */
    uint64_t blocks, cuts;   /* of lanes: per task, and tasks for all of them, where calls take rows; else cuts is 1 */
    uint64_t parts, repeats; /* summands of each weight; times that the window's rows come */
    uint64_t more;           /* place of the second summands; 0: none */
    int32_t x, y, r, blob;   /* operands; r: -1 for none */
    uint8_t x_flip;
} params;

typedef struct job {
    const params *p;
    const hn_kernel *kernel;
    const uint8_t *blob, *x, *r;
    uint8_t *y;
    size_t x_image, y_image, r_image;
} job;

/* A call of the kernel is for rows of an hn_dwconv_q8_rows. */
static bool takes_rows(int variant)
{
    return variant == HN_DWCONV_Q8_PAIRS || variant == HN_DWCONV_Q8_THREE;
}

/* Lanes with padding. */
static size_t lanes_of(int variant, size_t c)
{
    return variant == HN_DWCONV_Q8_THREE   ? 16 * hn_dwconv_q8_blocks3(c)
           : variant == HN_DWCONV_Q8_PAIRS ? 8 * hn_dwconv_q8_blocks(c)
                                           : hn_dwconv_q8_channels(c);
}

static size_t block_of(int variant)
{
    return variant == HN_DWCONV_Q8_THREE ? 16 : 8;
}

/* The window's rows for output row oy, as often as they repeat. */
static void rows_at(const params *p, const uint8_t *x, size_t oy, const uint8_t **rows)
{
    const hn_q8_window *win = &p->win;
    for (size_t ky = 0; ky < win->kh; ky++) {
        size_t iy = oy * win->sh + ky * win->dh;
        rows[ky] = iy >= win->ph && iy - win->ph < win->h ? x + (iy - win->ph) * win->w * win->c : NULL;
    }
    for (size_t k = win->kh; k < p->repeats * win->kh; k++) rows[k] = rows[k - win->kh];
}

/* The part of a call that the window says. */
static hn_dwconv_q8_rows call_of(const hn_q8_window *win)
{
    hn_dwconv_q8_rows a = {.h = win->h, .sh = win->sh, .dh = win->dh, .ph = win->ph};
    a.one = (hn_dwconv_q8){.m = win->ow, .c = win->c, .kh = win->kh, .kw = win->kw, .sw = win->sw, .dw = win->dw};
    a.one.pw = win->pw;
    a.one.width = win->w;
    return a;
}

static void task(void *ctx, size_t t)
{
    const job *j = ctx;
    const params *p = j->p;
    const hn_q8_window *win = &p->win;
    size_t bands = hn_div_up(win->oh, p->rows), part = t % p->cuts, line = win->ow * win->c;
    t /= p->cuts;
    size_t image = t / bands, oy = t % bands * p->rows;
    const uint8_t *rows[HN_DWCONV_Q8_TAPS], *x = j->x + image * j->x_image;
    hn_dwconv_q8_rows a = call_of(win);
    hn_dwconv_q8 *g = &a.one;
    g->kh *= p->repeats;
    g->row = rows;
    g->pad = j->blob + p->pad;
    g->x_flip = p->x_flip;
    g->w = (const int8_t *)j->blob;
    g->more = p->more > 0 ? g->w + p->more : NULL;
    g->bias = (const int32_t *)(const void *)(j->blob + p->bias);
    g->scale = (const float *)(const void *)(j->blob + p->scale);
    g->out = &p->out;
    g->y = j->y + image * j->y_image + oy * line;
    g->r = j->r == NULL ? NULL : j->r + image * j->r_image + oy * line;
    if (takes_rows(j->kernel->variant)) {
        const size_t all = lanes_of(j->kernel->variant, win->c) / block_of(j->kernel->variant),
                     block = part * p->blocks;
        a.x = x;
        a.oy = oy;
        a.rows = hn_min_size(p->rows, win->oh - oy);
        a.block = block;
        a.blocks = hn_min_size(p->blocks, all - block);
        ((hn_dwconv_q8_fn *)j->kernel->fn)(g);
        return;
    }
    for (size_t end = hn_min_size(oy + p->rows, win->oh); oy < end; oy++) {
        rows_at(p, x, oy, rows);
        ((hn_dwconv_q8_fn *)j->kernel->fn)(g);
        g->y += line;
        if (g->r != NULL) g->r += line;
    }
}

static hn_status run(const hn_run *r)
{
    const params *p = r->params;
    const hn_q8_window *win = &p->win;
    const hn_q8_stage *s = &p->stage;
    const uint8_t *x = r->ptr[p->x], *res = p->r < 0 ? NULL : r->ptr[p->r];
    uint8_t *y = r->ptr[p->y], *scratch = r->scratch;
    size_t x_bytes = win->h * win->w * win->c, y_bytes = win->oh * win->ow * win->c;
    job j = {.p = p, .kernel = r->kernels[0], .blob = r->ptr[p->blob]};
    j.x_image = s->x > 0 ? s->x : x_bytes;
    j.y_image = j.r_image = s->y > 0 ? s->y : y_bytes;
    for (size_t first = 0; first < win->batch; first += s->step) {
        size_t count = hn_min_size(s->step, win->batch - first);
        hn_q8_stage_in(s, win, r->pool, NULL, x, scratch, first, count);
        if (res != NULL) hn_q8_stage_residual(s, win, r->pool, res, scratch, first, count);
        j.x = s->x > 0 ? scratch : x + first * x_bytes;
        j.y = s->y > 0 ? scratch + s->step * s->x : y + first * y_bytes;
        if (res != NULL) j.r = s->y > 0 ? j.y : res + first * y_bytes;
        hn_pool_run(r->pool, count * hn_div_up(win->oh, p->rows) * p->cuts, task, &j);
        hn_q8_stage_out(s, win, r->pool, scratch, y, first, count);
    }
    return HN_OK;
}

typedef struct weights {
    const hn_tensor *w, *scale, *bias;
    int64_t x_zp, w_zp;
} weights;

static int64_t weight(const weights *w, size_t i)
{
    return hn_q8_weight(w->w, w->w_zp, i);
}

/* How many 8-bit numbers it takes to write each weight as a sum. */
static size_t parts(const weights *w)
{
    int64_t lo = 0, hi = 0;
    for (size_t i = 0; i < hn_tensor_elems(w->w); i++) {
        lo = weight(w, i) < lo ? weight(w, i) : lo;
        hi = weight(w, i) > hi ? weight(w, i) : hi;
    }
    size_t n = 1;
    while (lo < (int64_t)n * -128 || hi > (int64_t)n * 127) n++;
    return n;
}

/* Takes one part off v. */
static int8_t part(int64_t *v)
{
    int64_t one = *v < -128 ? -128 : *v > 127 ? 127 : *v;
    *v -= one;
    return (int8_t)one;
}

/* Place of tap t of channel j in the packed weights; taps count over the parts. */
static size_t place(const params *p, int variant, size_t j, size_t t)
{
    const hn_q8_window *win = &p->win;
    if (variant == HN_DWCONV_Q8_PLAIN) return t * win->c + j;
    size_t part = t / (win->kh * 3);
    t %= win->kh * 3;
    return part * p->more + hn_dwconv_q8_at(win->c, j, 4 * (t % 3) + t / 3);
}

static float scale_of(const weights *w, size_t j)
{
    return ((const float *)w->scale->data)[hn_tensor_elems(w->scale) == 1 ? 0 : j];
}

/* What the sums of channel j begin with, modulo 2^32. */
static int32_t bias_of(const weights *w, size_t j, size_t taps, int64_t x_zp)
{
    int64_t sum = 0;
    for (size_t t = 0; t < taps; t++) sum += weight(w, j * taps + t);
    return (int32_t)(uint32_t)(uint64_t)((w->bias == NULL ? 0 : hn_get_i64(w->bias, j)) - x_zp * sum);
}

/* x_zp: in the u8 domain. */
static int32_t bounds_of(const weights *w, size_t c, size_t taps, int64_t x_zp, const hn_q8_out *out)
{
    hn_q8_bounds bounds = {0};
    for (size_t j = 0; j < c; j++) {
        int64_t bias = w->bias == NULL ? 0 : hn_get_i64(w->bias, j), up = 0, down = 0;
        for (size_t t = 0; t < taps; t++) {
            const int64_t v = weight(w, j * taps + t);
            *(v > 0 ? &up : &down) += v;
        }
        hn_q8_bounds_add(&bounds, bias - x_zp * (up + down), down, up, scale_of(w, j));
    }
    return hn_q8_bounds_level(&bounds, out);
}

/* x_zp: in the u8 domain. */
static void pack_bytes(const weights *w, const params *p, int variant, int64_t x_zp, uint8_t *blob)
{
    size_t c = p->win.c, taps = p->win.kh * p->win.kw;
    for (size_t j = 0; j < c; j++) {
        for (size_t t = 0; t < taps; t++) {
            int64_t v = weight(w, j * taps + t);
            for (size_t k = 0; k < p->parts; k++) blob[place(p, variant, j, k * taps + t)] = (uint8_t)part(&v);
        }
        int32_t bias = bias_of(w, j, taps, x_zp);
        float scale = scale_of(w, j);
        size_t at = variant == HN_DWCONV_Q8_PLAIN ? j : hn_dwconv_q8_channel_at(c, j);
        memcpy(blob + p->bias + 4 * at, &bias, 4);
        memcpy(blob + p->scale + 4 * at, &scale, 4);
    }
}

/* x_zp: as it is. */
static void pack_pairs(const weights *w, const params *p, int variant, int64_t x_zp, uint8_t *blob)
{
    const hn_q8_window *win = &p->win;
    const bool three = variant == HN_DWCONV_Q8_THREE;
    const size_t taps = win->kh * win->kw;
    for (size_t i = 0; i < lanes_of(variant, win->c); i++) {
        const size_t j = three ? hn_dwconv_q8_lane3(win->c, i) : hn_dwconv_q8_lane(win->c, i),
                     at = three ? hn_dwconv_q8_order3(i) : i;
        for (size_t t = 0; t < taps; t++) {
            const size_t ky = t / win->kw, kx = t % win->kw,
                         to = three ? hn_dwconv_q8_place3(i, ky, kx) : hn_dwconv_q8_place(win->kh, win->kw, i, ky, kx);
            const int16_t v = (int16_t)weight(w, j * taps + t);
            memcpy(blob + 2 * to, &v, 2);
        }
        const int32_t bias = bias_of(w, j, taps, x_zp);
        const float scale = scale_of(w, j);
        memcpy(blob + p->bias + 4 * at, &bias, 4);
        memcpy(blob + p->scale + 4 * at, &scale, 4);
    }
}

static const char *refusal(const hn_node *node, const hn_q8_window *win, const weights *w)
{
    size_t scales = hn_tensor_elems(w->scale), taps = win->kh * win->kw;
    if (win->c != win->m || hn_attr_int(node, "group", 1) != (int64_t)win->c || w->w->dims[1] != 1)
        return "not depthwise with one output per channel";
    if (w->w_zp < -128 || w->w_zp > 255) return "the zero point of the weights is not 8-bit";
    if (taps > HN_DWCONV_Q8_TAPS / parts(w)) return "too many taps";
    if ((scales != 1 && scales != win->c) || (w->bias != NULL && hn_tensor_elems(w->bias) != win->c))
        return "scales or bias do not have one entry per channel";
    for (size_t i = 0; i < scales; i++)
        if (!(hn_get_f64(w->scale, i) > -1e30 && hn_get_f64(w->scale, i) < 1e30)) return "a scale is not finite";
    return NULL;
}

/* The constant: weights of the `parts`, bias, scale, a pixel of padding. */
static void lay_out(params *p, int variant, size_t parts)
{
    const hn_q8_window *win = &p->win;
    bool columns = variant == HN_DWCONV_Q8_COLUMNS, pairs = takes_rows(variant);
    size_t channels = lanes_of(variant, win->c);
    size_t taps = columns                         ? 12 * parts
                  : variant == HN_DWCONV_Q8_THREE ? 20
                  : pairs                         ? 4 * hn_dwconv_q8_pairs(win->kh, win->kw)
                                                  : parts * win->kh * win->kw;
    p->parts = pairs ? 1 : parts;
    p->repeats = columns ? 1 : p->parts;
    p->more = columns && parts > 1 ? 12 * channels : 0;
    p->bias = hn_align_up(taps * channels, 64);
    p->scale = p->bias + hn_align_up(4 * channels, 64);
    p->pad = p->scale + hn_align_up(4 * channels, 64);
}

static const hn_kernel *choose(hn_lower *c, const hn_q8_window *win, size_t parts, const hn_q8_out *out)
{
    static const int order[] = {HN_DWCONV_Q8_COLUMNS, HN_DWCONV_Q8_THREE, HN_DWCONV_Q8_PAIRS, HN_DWCONV_Q8_PLAIN};
    hn_dwconv_q8_rows a = call_of(win);
    a.one.out = out;
    const bool columns = win->kw == 3 && win->kh <= 3 && win->sw <= 2 && win->dw == 1 && parts <= 2 && win->c >= 8,
               three = hn_dwconv_q8_three(&a);
    const hn_kernel *kernel = NULL;
    for (size_t i = 0; kernel == NULL && i < sizeof order / sizeof *order; i++)
        if ((order[i] != HN_DWCONV_Q8_COLUMNS || columns) && (order[i] != HN_DWCONV_Q8_THREE || three))
            kernel = hn_lower_kernel(c, "dwconv_q8", order[i], 0);
    return kernel;
}

/* Tasks of about 64 Ki multiplications, at most 32 of them. Where calls take rows, and a task goes through rows that
 * the next one reads too, at most 8, and by channels if whole cache lines of them can be had. PAIRS is faster: twice
 * the multiplications; it goes by parts of pixels rather than by few rows. */
static void cut(params *p, int variant, size_t parts)
{
    const hn_q8_window *win = &p->win;
    const bool pairs = variant == HN_DWCONV_Q8_PAIRS;
    const size_t row = win->ow * win->c * parts * win->kh * win->kw,
                 all = lanes_of(variant, win->c) / block_of(variant),
                 lines = win->c % 64 == 0 || (pairs && win->c > 64) ? hn_div_up(win->c, 64) : 1;
    p->rows = hn_max_size(hn_div_up(win->oh, 32), (1 << 16) / row + 1);
    p->cuts = 1;
    if (!takes_rows(variant)) return;
    const size_t tasks = hn_max_size(1, hn_min_size(8, row * win->oh >> (pairs ? 17 : 16))),
                 each = hn_div_up(lines, tasks), most = pairs ? hn_max_size(1, win->oh / (2 * win->kh)) : win->oh;
    p->cuts = hn_div_up(lines, each);
    p->blocks = win->c % 64 == 0 && p->cuts > 1 ? 64 / block_of(variant) * each : hn_div_up(all, p->cuts);
    p->cuts = hn_div_up(all, p->blocks);
    p->rows = hn_div_up(win->oh, hn_min_size(most, hn_div_up(tasks, p->cuts)));
}

static hn_status lower(hn_lower *c)
{
    const hn_node *node = c->node;
    hn_dtype type = node->in[0]->type.dtype;
    weights w = {hn_node_const(node, 1), hn_node_const(node, 2), hn_node_const(node, 3), hn_attr_int(node, "x_zp", 0),
                 hn_attr_int(node, "w_zp", 0)};
    if (w.w == NULL || w.scale == NULL || (hn_node_in(node, 3) != NULL && w.bias == NULL))
        return hn_lower_refuse(c, "weights, scales or bias are not constant");
    if (!hn_q8_is_byte(type) || !hn_q8_is_byte(w.w->dtype) || w.w->rank != node->in[0]->type.rank || w.w->rank < 3)
        return hn_lower_refuse(c, "inputs are not 8-bit images and weights");
    bool nhwc = hn_attr_int(node, "layout", 0) == 1, in_nhwc = hn_attr_int(node, "in_layout", nhwc) == 1;
    hn_q8_window win;
    if (!hn_q8_window_read(c, w.w->dims + 2, in_nhwc, nhwc, &win)) return HN_OK;
    const char *why = refusal(node, &win, &w);
    if (why != NULL) return hn_lower_refuse(c, "%s", why);
    hn_q8_out out;
    if (hn_q8_residual_by_channel(node)) return hn_lower_refuse(c, "the residual is one for each channel");
    if (!hn_q8_out_read(c, hn_node_in(node, 4), &out)) return HN_OK;
    if (out.kind == HN_Q8_F32) return hn_lower_refuse(c, "the output is not 8-bit");
    size_t count = parts(&w);
    const hn_kernel *kernel = choose(c, &win, count, &out);
    if (kernel == NULL) return hn_lower_refuse(c, "no dwconv_q8 kernel for this ISA");
    if (win.c == 1 && kernel->variant != HN_DWCONV_Q8_PAIRS) return hn_lower_refuse(c, "a single channel");
    params *p = hn_lower_params(c, sizeof *p);
    if (p == NULL) return HN_NOMEM;
    p->win = win;
    p->out = out;
    p->x_flip = hn_q8_flip(type);
    c->scratch_bytes = hn_q8_stage_plan(&p->stage, &win, in_nhwc, nhwc, false, (uint8_t)(w.x_zp & 0xff), 1);
    lay_out(p, kernel->variant, count);
    cut(p, kernel->variant, count);
    void *blob;
    p->blob = hn_lower_const(c, p->pad + win.c, &blob);
    if (p->blob < 0) return HN_NOMEM;
    if (takes_rows(kernel->variant))
        pack_pairs(&w, p, kernel->variant, w.x_zp, blob);
    else
        pack_bytes(&w, p, kernel->variant, w.x_zp + hn_q8_bias(type), blob);
    memset((uint8_t *)blob + p->pad, (int)p->stage.fill, win.c);
    p->out.bounded = bounds_of(&w, win.c, win.kh * win.kw, w.x_zp + hn_q8_bias(type), &out);
    p->x = hn_lower_input(c, 0);
    p->r = out.kind == HN_Q8_RESIDUAL ? hn_lower_input(c, 4) : -1;
    p->y = hn_lower_output(c, 0);
    if (p->x < 0 || p->y < 0 || (p->r < 0 && out.kind == HN_Q8_RESIDUAL)) return HN_NOMEM;
    c->inplace = p->r;
    return HN_OK;
}

static const char *const ops[] = {"hone.QConv", NULL};

const hn_driver hn_cpu_qdwconv = {.name = "qdwconv",
                                  .doc = "8-bit depthwise convolution with constant weights, exact",
                                  .ops = ops,
                                  .rank = 20,
                                  .lower = lower,
                                  .run = run};
