/* hone.QConv and, with int32 result, ConvInteger: 8-bit convolution as GEMM over channels-last images. A pointwise
 * convolution reads the image as a matrix; others go through an offset table made at plan time, with a row of zero
 * points for padding. With few channels the image is copied with its padding, so that one kernel row of all channels is
 * one run of bytes. */
#include <string.h>

#include "base/size.h"
#include "device/cpu/lib_q8win.h"

enum { PLANES = 3 }; /* kernel after those of the matrix */

typedef struct params {
    hn_q8_mat mat;
    hn_q8_cut cut;
    hn_q8_window win;
    hn_q8_stage stage;
    uint64_t rows;             /* per image */
    uint64_t off, pad;         /* in the constant; off 0: none */
    uint64_t y_at, y_stride;   /* elements: of a pixel, where the result lies in another's rows */
    uint64_t r_stride;         /* from pixel to pixel; 0: the residual is one for each channel */
    uint64_t late;             /* in scratch: biases and a row of padding that wait for the zero point */
    int32_t x, y, r, blob, zp; /* operands; r, zp: -1 for none */
    uint32_t zp_signed;
} params;

typedef struct job {
    const params *p;
    hn_q8_rows rows;
    size_t x_image, y_image, r_image; /* bytes */
} job;

static void task(void *ctx, size_t t)
{
    const job *j = ctx;
    const hn_q8_cut *cut = &j->p->cut;
    size_t image = t / (cut->blocks * cut->panel_blocks);
    t %= cut->blocks * cut->panel_blocks;
    size_t i = t % cut->blocks * cut->rows, p = t / cut->blocks * cut->panels;
    size_t all = j->p->mat.panels * j->p->mat.groups;
    hn_q8_rows rows = j->rows;
    rows.a += image * j->x_image;
    rows.y += image * j->y_image;
    if (rows.r != NULL) rows.r += image * j->r_image;
    hn_q8_rows_run(&j->p->mat, &rows, i, hn_min_size(cut->rows, j->p->rows - i), p, hn_min_size(cut->panels, all - p));
}

static bool splits_planes(const hn_q8_stage *s)
{
    return s->ph > 0 && s->in_nchw;
}

/* Biases and padding for the zero point that came. */
static void take_zero_point(const params *p, const hn_run *r, hn_q8_stage *s, hn_q8_rows *rows)
{
    const uint8_t *zp = r->ptr[p->zp];
    int32_t *bias = (int32_t *)(void *)((uint8_t *)r->scratch + p->late);
    uint8_t *pad = (uint8_t *)(bias + hn_q8_bias_bytes(&p->mat) / 4);
    hn_q8_bias_of(&p->mat, rows->blob, p->zp_signed ? (int32_t)(int8_t)*zp : (int32_t)*zp, bias);
    memset(pad, *zp, p->mat.groups * p->mat.k);
    s->fill = *zp;
    rows->bias = bias;
    rows->pad = pad;
}

static hn_status run(const hn_run *r)
{
    const params *p = r->params;
    const hn_q8_window *win = &p->win;
    hn_q8_stage stage = p->stage;
    const hn_q8_stage *s = &stage;
    const uint8_t *blob = r->ptr[p->blob], *x = r->ptr[p->x], *res = p->r < 0 ? NULL : r->ptr[p->r];
    uint8_t *y = r->ptr[p->y], *scratch = r->scratch;
    const hn_kernel *planes = splits_planes(s) ? r->kernels[PLANES] : NULL;
    job j = {.p = p};
    j.rows = (hn_q8_rows){.kernels = r->kernels, .blob = blob, .lda = win->c, .ldy = p->y_stride, .ldr = p->r_stride};
    j.rows.off = p->off > 0 ? (const int32_t *)(const void *)(blob + p->off) : NULL;
    j.rows.off_ld = p->rows;
    j.rows.tap_step = hn_q8_tap_step(win, s);
    j.rows.pad = blob + p->pad;
    if (p->zp >= 0) take_zero_point(p, r, &stage, &j.rows);
    size_t x_bytes = win->h * win->w * win->c, y_elems = win->oh * win->ow * win->m,
           y_step = win->oh * win->ow * p->y_stride;
    j.x_image = s->x > 0 ? s->x : x_bytes;
    j.y_image = s->y > 0 ? s->y : y_step * s->element;
    j.r_image = p->r_stride == 0 ? 0 : s->y > 0 ? s->y : y_elems;
    for (size_t first = 0; first < win->batch; first += s->step) {
        size_t count = hn_min_size(s->step, win->batch - first);
        hn_q8_stage_in(s, win, r->pool, planes, x, scratch, first, count);
        if (j.r_image > 0 && res != NULL) hn_q8_stage_residual(s, win, r->pool, res, scratch, first, count);
        j.rows.a = s->x > 0 ? scratch : x + first * x_bytes;
        j.rows.y = s->y > 0 ? scratch + s->step * s->x : y + (p->y_at + first * y_step) * s->element;
        if (res != NULL) j.rows.r = j.r_image > 0 && s->y > 0 ? j.rows.y : res + first * j.r_image;
        hn_pool_run(r->pool, count * p->cut.blocks * p->cut.panel_blocks, task, &j);
        hn_q8_stage_out(s, win, r->pool, scratch, y, first, count);
    }
    return HN_OK;
}

/* W [M, C/group, kh, kw] to [M][kh][kw][C/group]. */
static void order_weights(const uint8_t *src, size_t m, size_t c, size_t taps, uint8_t *w)
{
    for (size_t i = 0; i < m; i++)
        for (size_t t = 0; t < taps; t++)
            for (size_t j = 0; j < c; j++) *w++ = src[(i * c + j) * taps + t];
}

static hn_status pack(hn_lower *c, hn_q8_weights *w, const hn_tensor *src, const hn_q8_out *out, params *p)
{
    size_t taps = p->win.kh * p->win.kw, tables = 0;
    uint8_t *ordered = hn_alloc(c->env, src->bytes);
    if (ordered == NULL) return HN_NOMEM;
    order_weights(src->data, p->win.m, (size_t)src->dims[1], taps, ordered);
    w->w = ordered;
    void *data;
    size_t bytes = hn_q8_mat_plan(c, w, &p->mat);
    hn_status st = bytes > 0 || c->refused ? HN_OK : HN_BUG;
    if (bytes > 0) {
        if (!hn_q8_window_is_pointwise(&p->win)) {
            size_t taps_listed = p->stage.ph > 0 ? 1 : w->taps;
            p->off = hn_align_up(bytes, 64);
            tables = 4 * taps_listed * p->rows + w->k;
            p->pad = p->off + 4 * taps_listed * p->rows;
        }
        p->blob = hn_lower_const(c, hn_max_size(bytes, p->off + tables), &data);
        st = p->blob >= 0 ? HN_OK : HN_NOMEM;
    }
    if (st == HN_OK && bytes > 0) {
        uint8_t *blob = data;
        hn_q8_mat_pack(w, &p->mat, out, blob);
        if (p->off > 0) {
            hn_q8_offsets(&p->win, &p->stage, (int32_t *)(void *)(blob + p->off));
            memset(blob + p->pad, (int)p->stage.fill, w->k);
        }
    }
    hn_free(c->env, ordered);
    return st;
}

static bool read_node(hn_lower *c, size_t m, hn_q8_weights *w, hn_q8_out *out)
{
    static const float one = 1;
    const hn_node *node = c->node;
    if (hn_node_is(node, "ConvInteger")) {
        *out = (hn_q8_out){.kind = HN_Q8_I32};
        w->scale = &one;
        w->nscale = 1;
        return hn_q8_zp_read(c, w);
    }
    const hn_tensor *scale = hn_node_const(node, 2), *bias = hn_node_const(node, 3);
    if (scale == NULL || (hn_node_in(node, 3) != NULL && bias == NULL)) {
        (void)hn_lower_refuse(c, "scales or bias are not constant");
        return false;
    }
    w->nscale = hn_tensor_elems(scale);
    if ((w->nscale != 1 && w->nscale != m) || (bias != NULL && hn_tensor_elems(bias) != m)) {
        (void)hn_lower_refuse(c, "scales or bias do not have one entry per channel");
        return false;
    }
    w->scale = scale->data;
    w->bias = bias == NULL ? NULL : bias->data;
    w->x_zp = hn_attr_int(node, "x_zp", 0);
    w->w_zp = hn_attr_int(node, "w_zp", 0);
    return hn_q8_out_read(c, hn_node_in(node, 4), out);
}

/* Few channels: padding every pixel to groups of 4 would cost more than padding every kernel row. */
static bool wants_padding(const hn_q8_window *win, size_t group)
{
    size_t pixels = win->kw * hn_align_up(win->c, 4), row = hn_align_up(win->kw * win->c, 4);
    return group == 1 && win->dw == 1 && (row < pixels || win->c <= 32) && win->kw > 1;
}

static hn_status lower(hn_lower *c)
{
    const hn_node *node = c->node;
    const hn_type *x = &node->in[0]->type;
    const hn_tensor *w = hn_node_const(node, 1);
    if (w == NULL || w->rank != x->rank || w->rank < 3) return hn_lower_refuse(c, "weights are not constant");
    if (!hn_q8_is_byte(x->dtype) || !hn_q8_is_byte(w->dtype)) return hn_lower_refuse(c, "inputs are not 8-bit");
    bool nhwc = hn_attr_int(node, "layout", 0) == 1, in_nhwc = hn_attr_int(node, "in_layout", nhwc) == 1;
    hn_q8_window win;
    if (!hn_q8_window_read(c, w->dims + 2, in_nhwc, nhwc, &win)) return HN_OK;
    int64_t group = hn_attr_int(node, "group", 1);
    const bool by_channel = hn_q8_residual_by_channel(node);
    if (w->bytes == 0 || group < 1 || (int64_t)win.m % group != 0 || w->dims[0] != (int64_t)win.m ||
        w->dims[1] * group != (int64_t)win.c)
        return hn_lower_refuse(c, "weights do not fit the channels");
    hn_q8_weights q = {.groups = (size_t)group, .n = win.m / (size_t)group, .k = (size_t)w->dims[1]};
    hn_q8_out out;
    q.w_signed = w->dtype == HN_I8;
    q.x_signed = x->dtype == HN_I8;
    if (!read_node(c, win.m, &q, &out)) return HN_OK;
    if (q.x_zp < (q.x_signed ? -128 : 0) || q.x_zp > (q.x_signed ? 127 : 255))
        return hn_lower_refuse(c, "the zero point of the input is not a value of its type");
    params *p = hn_lower_params(c, sizeof *p);
    if (p == NULL) return HN_NOMEM;
    bool padded = wants_padding(&win, q.groups), wide = out.kind == HN_Q8_F32 || out.kind == HN_Q8_I32;
    q.taps = padded ? win.kh : win.kh * win.kw;
    if (padded) q.k *= win.kw;
    p->win = win;
    c->scratch_bytes = hn_q8_stage_plan(&p->stage, &win, in_nhwc, nhwc, padded, (uint8_t)(q.x_zp & 0xff), wide ? 4 : 1);
    p->rows = win.oh * win.ow;
    if (hn_q8_window_is_pointwise(&win) && c->scratch_bytes == 0) { /* the batch is one matrix */
        p->win.h = p->win.oh = 1;
        p->win.w = p->win.ow = p->rows = win.batch * p->rows;
        p->win.batch = p->stage.step = 1;
    }
    q.rows = p->rows;
    HN_TRY(pack(c, &q, w, &out, p));
    if (c->refused) return HN_OK;
    if (splits_planes(&p->stage) && hn_lower_kernel(c, "transpose_b1", -1, 0) == NULL)
        return hn_lower_refuse(c, "no transpose_b1 kernel for this ISA");
    if (padded && p->mat.form == HN_Q8_QUADS)
        p->mat.k = hn_align_up(p->mat.k, 4); /* weights of the added bytes are zero, the copy has slack */
    p->cut = hn_q8_cut_make(&p->mat, p->rows);
    p->x = hn_lower_input(c, 0);
    p->r = out.kind == HN_Q8_RESIDUAL ? hn_lower_input(c, 4) : -1;
    p->r_stride = by_channel ? 0 : win.m;
    p->zp = q.x_zp_later ? hn_lower_input(c, 2) : -1;
    p->zp_signed = q.x_signed;
    if (q.x_zp_later) {
        p->late = hn_align_up(c->scratch_bytes, 64);
        c->scratch_bytes = p->late + hn_q8_bias_bytes(&p->mat) + q.groups * hn_align_up(p->mat.k, 4);
    }
    size_t y_at = 0, y_stride = win.m;
    bool joined = nhwc && p->r < 0 && hn_lower_joins(c, &y_at, &y_stride);
    p->y_at = y_at;
    p->y_stride = y_stride;
    p->y = joined ? hn_lower_output_joined(c) : hn_lower_output(c, 0);
    if (p->x < 0 || p->y < 0 || (p->r < 0 && out.kind == HN_Q8_RESIDUAL) || (p->zp < 0 && q.x_zp_later))
        return HN_NOMEM;
    c->inplace = by_channel ? -1 : p->r;
    return HN_OK;
}

static const char *const ops[] = {"hone.QConv", "ConvInteger", NULL};

const hn_driver hn_cpu_qconv = {.name = "qconv",
                                .doc = "8-bit convolution with constant weights through GEMM, exact",
                                .ops = ops,
                                .rank = 10,
                                .lower = lower,
                                .run = run};
