/* Windows, offset tables and staging of 8-bit images; see the header. */
#include "device/cpu/lib_q8win.h"

#include <string.h>

#include "base/size.h"
#include "kernels/transpose_b1.h"

enum { STEP_BYTES = 4 << 20 };

static bool read_pairs(const hn_node *node, const char *name, size_t n, int64_t least, uint64_t *h, uint64_t *w)
{
    const int64_t *v;
    size_t count = hn_attr_ints(node, name, &v);
    *h = *w = (uint64_t)least;
    if (count == 0) return true;
    if (count < n) return false;
    for (size_t i = 0; i < n; i++)
        if (v[i] < least || v[i] > INT32_MAX) return false;
    *w = (uint64_t)v[n - 1];
    if (n == 2) *h = (uint64_t)v[0];
    return true;
}

static bool read_type(const hn_type *t, bool nhwc, int64_t *batch, int64_t *c, int64_t *h, int64_t *w)
{
    int n = t->rank - 2;
    if (n < 1 || n > 2) return false;
    const int64_t *spatial = t->dims + (nhwc ? 1 : 2);
    *batch = t->dims[0];
    *c = t->dims[nhwc ? t->rank - 1 : 1];
    *h = n == 2 ? spatial[0] : 1;
    *w = spatial[n - 1];
    return *batch > 0 && *c > 0 && *h > 0 && *w > 0;
}

bool hn_q8_window_read(hn_lower *c, const int64_t *kernel, bool in_nhwc, bool out_nhwc, hn_q8_window *win)
{
    const hn_node *node = c->node;
    const hn_type *x = &node->in[0]->type, *y = &node->out[0]->type;
    int64_t batch, ch, h, w, m, oh, ow;
    memset(win, 0, sizeof *win);
    if (!read_type(x, in_nhwc, &batch, &ch, &h, &w) || !read_type(y, out_nhwc, &batch, &m, &oh, &ow)) {
        (void)hn_lower_refuse(c, "not an image of one or two dims, or empty");
        return false;
    }
    size_t n = (size_t)x->rank - 2;
    win->batch = (uint64_t)batch, win->c = (uint64_t)ch, win->h = (uint64_t)h, win->w = (uint64_t)w;
    win->m = (uint64_t)m, win->oh = (uint64_t)oh, win->ow = (uint64_t)ow;
    win->kh = n == 2 ? (uint64_t)kernel[0] : 1, win->kw = (uint64_t)kernel[n - 1];
    bool plain = hn_node_attr(node, "auto_pad") == NULL || hn_attr_is(node, "auto_pad", "NOTSET") ||
                 hn_attr_is(node, "auto_pad", "VALID");
    if (!plain || !read_pairs(node, "strides", n, 1, &win->sh, &win->sw) ||
        !read_pairs(node, "dilations", n, 1, &win->dh, &win->dw) ||
        !read_pairs(node, "pads", n, 0, &win->ph, &win->pw)) {
        (void)hn_lower_refuse(c, "strides, dilations or pads are not explicit");
        return false;
    }
    size_t image = 0, out = 0, taps = 0;
    bool small = hn_size_mul((size_t)h, (size_t)w, &image) && hn_size_mul(image, (size_t)ch, &image) &&
                 hn_size_mul((size_t)oh, (size_t)ow, &out) && hn_size_mul(out, (size_t)m, &out) &&
                 hn_size_mul(win->kh, win->kw, &taps) && hn_size_mul(taps, (size_t)(oh * ow), &taps) &&
                 image < INT32_MAX / 2 && out < INT32_MAX / 2 && taps < INT32_MAX / 8 && win->sh < 65536 &&
                 win->sw < 65536 && win->dh < 65536 && win->dw < 65536 && win->ph < 65536 && win->pw < 65536;
    if (!small) (void)hn_lower_refuse(c, "image too large for 32-bit offsets");
    return small;
}

bool hn_q8_window_is_pointwise(const hn_q8_window *win)
{
    return win->kh == 1 && win->kw == 1 && win->sh == 1 && win->sw == 1 && win->ph == 0 && win->pw == 0 &&
           win->oh == win->h && win->ow == win->w;
}

size_t hn_q8_stage_plan(hn_q8_stage *s, const hn_q8_window *win, bool in_nhwc, bool out_nhwc, bool padded, uint8_t fill,
                        size_t element)
{
    memset(s, 0, sizeof *s);
    /* With one channel or one pixel both layouts are the same bytes. */
    s->in_nchw = !in_nhwc && win->c > 1 && win->h * win->w > 1;
    s->out_nchw = !out_nhwc && win->m > 1 && win->oh * win->ow > 1;
    s->fill = fill;
    s->element = (uint32_t)element;
    if (padded) {
        s->ph = (win->oh - 1) * win->sh + (win->kh - 1) * win->dh + 1;
        s->pw = (win->ow - 1) * win->sw + (win->kw - 1) * win->dw + 1;
        s->x = hn_align_up(s->ph * s->pw * win->c + 64, 64); /* slack: the last depth group is read whole */
    } else if (s->in_nchw) {
        s->x = hn_align_up(win->h * win->w * win->c, 64);
    }
    if (s->out_nchw) s->y = hn_align_up(win->oh * win->ow * win->m * element, 64);
    s->step = win->batch;
    if (s->x + s->y > 0) s->step = hn_max_size(1, hn_min_size(win->batch, STEP_BYTES / (s->x + s->y)));
    return s->step * (s->x + s->y);
}

typedef struct padding {
    const hn_q8_stage *s;
    const hn_q8_window *win;
    const hn_kernel *planes;
    const uint8_t *x;
    uint8_t *dst;
} padding;

enum { PAD_ROWS = 16, SHORT_ROW = 128 }; /* bytes: shorter ones are filled together */

static void pad_row(const padding *p, const uint8_t *image, uint8_t *dst, size_t y)
{
    const hn_q8_window *win = p->win;
    size_t c = win->c, row = p->s->pw * c;
    if (y < win->ph || y - win->ph >= win->h) {
        if (row > SHORT_ROW) memset(dst, (int)p->s->fill, row);
        return;
    }
    size_t iy = y - win->ph, left = hn_min_size(win->pw, p->s->pw), body = hn_min_size(win->w, p->s->pw - left);
    if (row > SHORT_ROW) {
        memset(dst, (int)p->s->fill, left * c);
        memset(dst + (left + body) * c, (int)p->s->fill, row - (left + body) * c);
    }
    dst += left * c;
    if (!p->s->in_nchw) {
        memcpy(dst, image + iy * win->w * c, body * c);
        return;
    }
    ((hn_transpose_b1_fn *)p->planes->fn)(c, body, image + iy * win->w, win->h * win->w, dst, c);
}

static void pad_task(void *ctx, size_t task)
{
    const padding *p = ctx;
    size_t blocks = hn_div_up(p->s->ph, PAD_ROWS), image = task / blocks, y = task % blocks * PAD_ROWS;
    const uint8_t *x = p->x + image * p->win->h * p->win->w * p->win->c;
    uint8_t *dst = p->dst + image * p->s->x;
    size_t end = hn_min_size(y + PAD_ROWS, p->s->ph), row = p->s->pw * p->win->c;
    if (row <= SHORT_ROW) memset(dst + y * row, (int)p->s->fill, (end - y) * row);
    for (; y < end; y++) pad_row(p, x, dst + y * p->s->pw * p->win->c, y);
}

void hn_q8_stage_in(const hn_q8_stage *s, const hn_q8_window *win, hn_pool *pool, const hn_kernel *planes,
                    const uint8_t *x, uint8_t *scratch, size_t first, size_t count)
{
    size_t image = win->h * win->w * win->c;
    x += first * image;
    if (s->ph > 0) {
        padding p = {s, win, planes, x, scratch};
        hn_pool_run(pool, count * hn_div_up(s->ph, PAD_ROWS), pad_task, &p);
    } else if (s->in_nchw) {
        for (size_t i = 0; i < count; i++)
            hn_q8_transpose(pool, x + i * image, win->c, win->h * win->w, scratch + i * s->x);
    }
}

void hn_q8_stage_residual(const hn_q8_stage *s, const hn_q8_window *win, hn_pool *pool, const uint8_t *r,
                          uint8_t *scratch, size_t first, size_t count)
{
    size_t image = win->oh * win->ow * win->m;
    if (!s->out_nchw) return;
    for (size_t i = 0; i < count; i++)
        hn_q8_transpose(pool, r + (first + i) * image, win->m, win->oh * win->ow, scratch + s->step * s->x + i * s->y);
}

void hn_q8_stage_out(const hn_q8_stage *s, const hn_q8_window *win, hn_pool *pool, uint8_t *scratch, uint8_t *y,
                     size_t first, size_t count)
{
    size_t image = win->oh * win->ow * win->m * s->element;
    if (!s->out_nchw) return;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *src = scratch + s->step * s->x + i * s->y;
        (s->element == 1 ? hn_q8_transpose : hn_q8_transpose4)(pool, src, win->oh * win->ow, win->m,
                                                               y + (first + i) * image);
    }
}

size_t hn_q8_tap_step(const hn_q8_window *win, const hn_q8_stage *s)
{
    return s->ph > 0 ? win->dh * s->pw * win->c : 0;
}

void hn_q8_offsets(const hn_q8_window *win, const hn_q8_stage *s, int32_t *off)
{
    size_t taps_x = s->ph > 0 ? 1 : win->kw, taps_y = s->ph > 0 ? 1 : win->kh;
    for (size_t ky = 0; ky < taps_y; ky++)
        for (size_t kx = 0; kx < taps_x; kx++)
            for (size_t oy = 0; oy < win->oh; oy++)
                for (size_t ox = 0; ox < win->ow; ox++) {
                    int64_t y = (int64_t)(oy * win->sh + ky * win->dh), x = (int64_t)(ox * win->sw + kx * win->dw);
                    int64_t at = (y * (int64_t)s->pw + x) * (int64_t)win->c;
                    if (s->ph == 0) {
                        y -= (int64_t)win->ph;
                        x -= (int64_t)win->pw;
                        bool inside = y >= 0 && x >= 0 && y < (int64_t)win->h && x < (int64_t)win->w;
                        at = inside ? (y * (int64_t)win->w + x) * (int64_t)win->c : -1;
                    }
                    *off++ = (int32_t)at;
                }
}
