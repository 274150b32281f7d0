/* hone.QConv of channels-first images with few channels (the first layer of most networks): the rows that a band of
 * output rows reads are copied with their padding, cut by phase so that the pixels that one tap meets lie next to each
 * other (every other one, where the kernel can step), and go through rowconv_q8. */
#include <math.h>
#include <string.h>

#include "base/size.h"
#include "device/cpu/lib_q8win.h"
#include "kernels/phases_q8.h"
#include "kernels/rowconv_q8.h"

enum { BAND_BYTES = 48 << 10, L1_BYTES = 24 << 10, MAX_STEP = 8, MAX_TAPS = 4 * HN_ROWCONV_Q8_GROUPS };

typedef struct params {
    hn_q8_window win;
    hn_q8_out out;
    uint64_t bias, scale;    /* in the constant, after the weights */
    uint64_t groups, step;   /* step: bytes from pixel to pixel of a tap */
    uint64_t phases, run;    /* run: bytes of one phase of one row */
    uint64_t rows, in_rows;  /* output rows per task, input rows that they read */
    uint64_t first, phase;   /* where the first pixel of a row goes */
    uint64_t lead;           /* pixels up to the next one of phase 0 */
    uint64_t needed;         /* bytes of a phase that outputs read */
    uint32_t tap[MAX_TAPS];  /* where each begins in a band */
    uint32_t last[MAX_STEP]; /* bytes of each phase before the padding at the end of a row */
    int32_t x, y, blob;
    int32_t w_zp; /* in the domain of the kernel; 0 where the weights contain it */
    uint8_t x_flip, fill;
} params;

typedef struct job {
    const params *p;
    const hn_kernel *kernel, *phases;
    const uint8_t *blob, *x;
    uint8_t *y;
} job;

/* A row of the image, in one phase. */
static void copy_whole(const params *p, const uint8_t *x, uint8_t *dst)
{
    const size_t n = hn_min_size(p->win.w, p->run - p->first);
    for (size_t i = 0; i < p->first; i++) dst[i] = p->fill;
    for (size_t i = p->last[0]; i < p->needed; i++) dst[i] = p->fill;
    memcpy(dst + p->first, x, n);
}

/* The same, phases one after the other. */
static void copy_phases(const job *j, const uint8_t *x, uint8_t *dst)
{
    const params *p = j->p;
    const hn_q8_window *win = &p->win;
    size_t n = hn_min_size(win->w, p->phases * p->run - win->pw), lead = hn_min_size(p->lead, n);
    for (size_t k = 0; k < p->phases; k++) { /* mostly a byte or two; what is further on meets no pixel that is kept */
        uint8_t *to = dst + k * p->run;
        for (size_t i = 0, end = p->first + (k < p->phase); i < end; i++) to[i] = p->fill;
        for (size_t i = p->last[k]; i < p->needed; i++) to[i] = p->fill;
    }
    for (size_t i = 0; i < lead; i++) dst[(p->phase + i) * p->run + p->first] = x[i];
    ((hn_phases_q8_fn *)j->phases->fn)(n - lead, p->phases, x + lead, dst + p->first + (p->lead > 0), p->run);
}

/* Rows from number `first` of the padded image on, for a channel x. */
static void copy_rows(const job *j, const uint8_t *x, size_t first, size_t rows, uint8_t *dst)
{
    const params *p = j->p;
    const hn_q8_window *win = &p->win;
    const size_t line = p->phases * p->run;
    for (size_t i = first; i < first + rows; i++, dst += line) {
        if (i < win->ph || i - win->ph >= win->h || win->pw >= line)
            memset(dst, p->fill, line);
        else if (p->phases == 1)
            copy_whole(p, x + (i - win->ph) * win->w, dst);
        else
            copy_phases(j, x + (i - win->ph) * win->w, dst);
    }
}

static void task(void *ctx, size_t t)
{
    const job *j = ctx;
    const params *p = j->p;
    const hn_q8_window *win = &p->win;
    _Alignas(64) uint8_t band[BAND_BYTES];
    const uint8_t *tap[MAX_TAPS];
    size_t blocks = hn_div_up(win->oh, p->rows), image = t / blocks, from = t % blocks * p->rows;
    size_t rows = hn_min_size(p->rows, win->oh - from), in_rows = (rows - 1) * win->sh + (win->kh - 1) * win->dh + 1;
    size_t line = p->phases * p->run, n = win->c * win->kh * win->kw;
    for (size_t c = 0; c < win->c; c++)
        copy_rows(j, j->x + (image * win->c + c) * win->h * win->w, from * win->sh, in_rows,
                  band + c * p->in_rows * line);
    hn_rowconv_q8 g = {.m = win->ow, .n = win->m, .taps = n, .groups = p->groups, .step = p->step, .tap = tap};
    g.x_flip = p->x_flip;
    g.w_zp = p->w_zp;
    g.w = (const int8_t *)j->blob;
    g.bias = (const int32_t *)(const void *)(j->blob + p->bias);
    g.scale = (const float *)(const void *)(j->blob + p->scale);
    g.ldy = win->m;
    g.out = &p->out;
    for (size_t k = 0; k < n; k++) tap[k] = band + p->tap[k];
    for (size_t k = n; k < 4 * p->groups; k++) /* their weights are zero */
        tap[k] = p->step > 1 && k % 2 ? tap[k - 1] + 1 : band;
    for (size_t r = 0; r < rows; r++) {
        for (size_t k = 0; r > 0 && k < n; k++) tap[k] += win->sh * line;
        g.y = j->y + ((image * win->oh + from + r) * win->ow) * win->m * (p->out.kind == HN_Q8_F32 ? sizeof(float) : 1);
        ((hn_rowconv_q8_fn *)j->kernel->fn)(&g);
    }
}

static hn_status run(const hn_run *r)
{
    const params *p = r->params;
    job j = {.p = p,
             .kernel = r->kernels[0],
             .phases = r->kernels[1],
             .blob = r->ptr[p->blob],
             .x = r->ptr[p->x],
             .y = r->ptr[p->y]};
    hn_pool_run(r->pool, p->win.batch * hn_div_up(p->win.oh, p->rows), task, &j);
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

/* What the kernel is to take off the packed weights: 0 where all of them less their zero point fit 8 bits. */
static int32_t zero_point(const weights *w)
{
    for (size_t i = 0; i < hn_tensor_elems(w->w); i++)
        if (weight(w, i) < -128 || weight(w, i) > 127) return (int32_t)(w->w->dtype == HN_I8 ? w->w_zp : w->w_zp - 128);
    return 0;
}

/* The places in the window, in the order of channels, rows and columns, in that in which taps come. Two in a row are
 * neighbours where pixels lie two apart. */
static void order_taps(const hn_q8_window *win, bool neighbours, uint8_t *order)
{
    size_t rows = win->c * win->kh, even = neighbours ? win->kw & ~(size_t)1 : win->kw;
    for (size_t r = 0; r < rows; r++)
        for (size_t k = 0; k < even; k++) *order++ = (uint8_t)(r * win->kw + k);
    for (size_t r = 0; r < rows && even < win->kw; r++) *order++ = (uint8_t)(r * win->kw + even);
}

/* words: the form of kr 2. */
static void pack(const weights *w, params *p, int64_t x_zp, bool words, const uint8_t *order, uint8_t *blob)
{
    int16_t *word = (int16_t *)(void *)blob;
    size_t taps = p->win.c * p->win.kh * p->win.kw;
    hn_q8_bounds bounds = {0};
    for (size_t j = 0; j < p->win.m; j++) {
        int64_t up = 0, down = 0, bias = w->bias != NULL ? hn_get_i64(w->bias, j) : 0;
        for (size_t t = 0; t < taps; t++) {
            int64_t v = weight(w, j * taps + order[t]);
            size_t at = hn_rowconv_q8_at(p->groups, j, t);
            if (words)
                word[at] = (int16_t)v;
            else
                blob[at] = (uint8_t)(v + p->w_zp);
            *(v > 0 ? &up : &down) += v;
        }
        const int64_t start = bias - x_zp * (up + down);
        int32_t folded = (int32_t)(uint32_t)(uint64_t)start; /* sums are modulo 2^32 */
        float scale = (float)hn_get_f64(w->scale, hn_tensor_elems(w->scale) == 1 ? 0 : j);
        hn_q8_bounds_add(&bounds, start, down, up, scale);
        memcpy(blob + p->bias + 4 * j, &folded, 4);
        memcpy(blob + p->scale + 4 * j, &scale, 4);
    }
    p->out.bounded = hn_q8_bounds_level(&bounds, &p->out);
}

static const char *numbers_refusal(const weights *w, const hn_q8_window *win)
{
    size_t scales = hn_tensor_elems(w->scale);
    if ((scales != 1 && scales != win->m) || (w->bias != NULL && hn_tensor_elems(w->bias) != win->m))
        return "scales or bias do not have one entry per channel";
    for (size_t i = 0; i < scales; i++)
        if (!isfinite(hn_get_f64(w->scale, i))) return "a scale is not finite";
    if (w->w_zp < -128 || w->w_zp > 255) return "the zero point of the weights is not 8-bit";
    return NULL;
}

/* Time for an output row, here and where every kernel row is a tap of a GEMM, by products of 4 bytes. With words the
 * GEMM takes about four fifths of the time for a product, as most weights come in runs, and as much as three products
 * more for what surrounds them. */
static bool pays(const hn_q8_window *win, bool words)
{
    size_t groups = hn_div_up(win->c * win->kh * win->kw, 4), rows = win->kh * hn_div_up(win->c * win->kw, 4);
    size_t here = groups * hn_align_up(win->m, 8) * hn_align_up(win->ow, 16), there = hn_align_up(win->m, 16) * win->ow;
    return words ? 10 * here <= (8 * groups + 30) * there : here <= rows * there;
}

static const char *shape_refusal(const hn_node *node, const hn_q8_window *win, bool in_nhwc, bool nhwc)
{
    if (hn_attr_int(node, "group", 1) != 1) return "groups";
    if ((in_nhwc && win->c > 1) || (!nhwc && win->m > 1)) return "not channels first to channels last";
    if (win->kw < 2 || win->c > 4 || win->c * win->kh * win->kw > MAX_TAPS || win->sw > MAX_STEP)
        return "not a window over few channels";
    return NULL;
}

static size_t band_bytes(const params *p, size_t rows)
{
    size_t in_rows = (rows - 1) * p->win.sh + (p->win.kh - 1) * p->win.dh + 1;
    return in_rows * p->win.c * p->phases * p->run;
}

static bool plan_band(params *p, const uint8_t *order)
{
    const hn_q8_window *win = &p->win;
    size_t beyond = (win->kw - 1) * win->dw / p->phases;
    /* Reads go up to whole strips of 64 pixels. */
    p->run = hn_align_up(p->step * hn_align_up(win->ow, 64) + beyond, 64);
    if (p->run > BAND_BYTES || band_bytes(p, 1) > BAND_BYTES) return false;
    p->first = win->pw / p->phases;
    p->phase = win->pw % p->phases;
    p->lead = (p->phases - p->phase) % p->phases;
    p->needed = p->step * win->ow + beyond;
    for (size_t k = 0; k < p->phases; k++) {
        size_t end = win->pw + win->w;
        p->last[k] = (uint32_t)(end > k ? hn_div_up(end - k, p->phases) : 0);
    }
    p->rows = 1;
    size_t most = hn_max_size(1, hn_div_up(win->oh, 8));
    while (p->rows < most && band_bytes(p, p->rows + 1) <= L1_BYTES) p->rows++;
    p->rows = hn_div_up(win->oh, hn_div_up(win->oh, p->rows)); /* tasks alike */
    p->in_rows = (p->rows - 1) * win->sh + (win->kh - 1) * win->dh + 1;
    for (size_t i = 0; i < win->c * win->kh * win->kw; i++) {
        size_t at = order[i] % win->kw * win->dw, row = order[i] / win->kw;
        size_t line = row / win->kh * p->in_rows + row % win->kh * win->dh;
        p->tap[i] = (uint32_t)((line * p->phases + at % p->phases) * p->run + at / p->phases);
    }
    return true;
}

static hn_status lower(hn_lower *c)
{
    const hn_node *node = c->node;
    const hn_type *x = &node->in[0]->type;
    weights w = {hn_node_const(node, 1), hn_node_const(node, 2), hn_node_const(node, 3), hn_attr_int(node, "x_zp", 0),
                 hn_attr_int(node, "w_zp", 0)};
    if (w.w == NULL || w.scale == NULL || (hn_node_in(node, 3) != NULL && w.bias == NULL))
        return hn_lower_refuse(c, "weights, scales or bias are not constant");
    if (!hn_q8_is_byte(x->dtype) || !hn_q8_is_byte(w.w->dtype) || w.w->rank != x->rank || x->rank < 3)
        return hn_lower_refuse(c, "inputs are not 8-bit images and weights");
    bool nhwc = hn_attr_int(node, "layout", 0) == 1, in_nhwc = hn_attr_int(node, "in_layout", nhwc) == 1;
    hn_q8_window win;
    hn_q8_out out;
    if (!hn_q8_window_read(c, w.w->dims + 2, in_nhwc, nhwc, &win)) return HN_OK;
    const char *why = shape_refusal(node, &win, in_nhwc, nhwc);
    if (why == NULL && (w.w->dims[0] != (int64_t)win.m || w.w->dims[1] != (int64_t)win.c))
        why = "weights do not fit the channels";
    if (why == NULL) why = numbers_refusal(&w, &win);
    if (why != NULL) return hn_lower_refuse(c, "%s", why);
    if (!hn_q8_out_read(c, hn_node_in(node, 4), &out)) return HN_OK;
    if (w.x_zp < (x->dtype == HN_I8 ? -128 : 0) || w.x_zp > (x->dtype == HN_I8 ? 127 : 255))
        return hn_lower_refuse(c, "the zero point of the input is not a value of its type");
    params *p = hn_lower_params(c, sizeof *p);
    if (p == NULL) return HN_NOMEM;
    p->win = win;
    p->out = out;
    p->x_flip = hn_q8_flip(x->dtype);
    p->fill = (uint8_t)(w.x_zp & 0xff);
    p->groups = hn_div_up(win.c * win.kh * win.kw, 4);
    const hn_kernel *kernel = hn_lower_kernel(c, "rowconv_q8", 0, 0);
    if (kernel == NULL || hn_lower_kernel(c, "phases_q8", 0, 0) == NULL)
        return hn_lower_refuse(c, "no rowconv_q8 kernel for this ISA");
    if (out.kind != HN_Q8_BYTE && (out.kind != HN_Q8_F32 || !(kernel->flags & HN_ROWCONV_Q8_FLOATS)))
        return hn_lower_refuse(c, "the output is not 8-bit, or a residual is added");
    bool words = kernel->kr == 2;
    if (!pays(&win, words)) return hn_lower_refuse(c, "other drivers need fewer products");
    uint8_t order[MAX_TAPS];
    p->w_zp = words ? 0 : zero_point(&w);
    p->step = words && win.sw == 2 ? 2 : 1;
    p->phases = win.sw / p->step;
    order_taps(&win, p->step > 1 && win.dw == 1, order);
    if (!plan_band(p, order)) return hn_lower_refuse(c, "rows are too long");
    size_t channels = hn_align_up(win.m, 8);
    p->bias = hn_align_up(channels * 4 * p->groups * (words ? 2 : 1), 64);
    p->scale = p->bias + 4 * channels;
    void *blob;
    p->blob = hn_lower_const(c, p->scale + 4 * channels, &blob);
    if (p->blob < 0) return HN_NOMEM;
    pack(&w, p, w.x_zp + (words ? 0 : hn_q8_bias(x->dtype)), words, order, blob);
    p->x = hn_lower_input(c, 0);
    p->y = hn_lower_output(c, 0);
    return p->x < 0 || p->y < 0 ? HN_NOMEM : HN_OK;
}

static const char *const ops[] = {"hone.QConv", NULL};

const hn_driver hn_cpu_qconv_rows = {.name = "qconv_rows",
                                     .doc = "8-bit convolution of channels-first images with few channels, exact",
                                     .ops = ops,
                                     .rank = 15,
                                     .lower = lower,
                                     .run = run};
