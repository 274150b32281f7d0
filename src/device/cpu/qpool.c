/* hone.QPool: largest or mean bytes of windows, one output row of channels-last pixels at a time. */
#include <math.h>

#include "base/size.h"
#include "device/cpu/lib_q8win.h"
#include "kernels/pool_q8.h"

typedef struct params {
    hn_q8_window win;
    hn_q8_stage stage;
    hn_q8_out out;
    uint64_t rows; /* output rows per task */
    float scale;
    int32_t x_zp;
    uint32_t include;
    int32_t x, y;
    uint8_t x_flip;
} params;

typedef struct job {
    const params *p;
    const hn_kernel *kernel;
    const uint8_t *x;
    uint8_t *y;
    size_t x_image, y_image;
} job;

static void task(void *ctx, size_t t)
{
    const job *j = ctx;
    const params *p = j->p;
    const hn_q8_window *w = &p->win;
    size_t blocks = hn_div_up(w->oh, p->rows), image = t / blocks, oy = t % blocks * p->rows;
    hn_pool_q8 g = {.m = w->ow, .c = w->c, .h = w->h, .w = w->w, .kh = w->kh, .kw = w->kw, .sh = w->sh, .sw = w->sw};
    g.dh = w->dh, g.dw = w->dw, g.ph = w->ph, g.pw = w->pw;
    g.x = j->x + image * j->x_image;
    g.x_flip = p->x_flip;
    g.include = p->include;
    g.x_zp = p->x_zp;
    g.scale = p->scale;
    g.out = &p->out;
    for (size_t end = hn_min_size(oy + p->rows, w->oh); oy < end; oy++) {
        g.oy = oy;
        g.y = j->y + image * j->y_image + oy * w->ow * w->c;
        ((hn_pool_q8_fn *)j->kernel->fn)(&g);
    }
}

static hn_status run(const hn_run *r)
{
    const params *p = r->params;
    const hn_q8_window *win = &p->win;
    const hn_q8_stage *s = &p->stage;
    const uint8_t *x = r->ptr[p->x];
    uint8_t *y = r->ptr[p->y], *scratch = r->scratch;
    size_t x_bytes = win->h * win->w * win->c, y_bytes = win->oh * win->ow * win->c;
    job j = {.p = p, .kernel = r->kernels[0]};
    j.x_image = s->x > 0 ? s->x : x_bytes;
    j.y_image = s->y > 0 ? s->y : y_bytes;
    for (size_t first = 0; first < win->batch; first += s->step) {
        size_t count = hn_min_size(s->step, win->batch - first);
        hn_q8_stage_in(s, win, r->pool, NULL, x, scratch, first, count);
        j.x = s->x > 0 ? scratch : x + first * x_bytes;
        j.y = s->y > 0 ? scratch + s->step * s->x : y + first * y_bytes;
        hn_pool_run(r->pool, count * hn_div_up(win->oh, p->rows), task, &j);
        hn_q8_stage_out(s, win, r->pool, scratch, y, first, count);
    }
    return HN_OK;
}

static hn_status lower(hn_lower *c)
{
    const hn_node *n = c->node;
    hn_dtype type = n->in[0]->type.dtype;
    bool nhwc = hn_attr_int(n, "layout", 0) == 1, max = hn_attr_is(n, "mode", "max");
    const int64_t *kernel;
    int rank = n->in[0]->type.rank;
    if (!hn_q8_is_byte(type) || hn_attr_ints(n, "kernel_shape", &kernel) + 2 != (size_t)rank)
        return hn_lower_refuse(c, "not 8-bit, or the window has another rank");
    bool include = hn_attr_int(n, "count_include_pad", 0) != 0;
    if (include && hn_attr_int(n, "ceil_mode", 0) != 0) return hn_lower_refuse(c, "ceil_mode with counted padding");
    params *p = hn_lower_params(c, sizeof *p);
    if (p == NULL) return HN_NOMEM;
    if (!hn_q8_window_read(c, kernel, nhwc, nhwc, &p->win)) return HN_OK;
    const hn_q8_window *win = &p->win;
    p->scale = (float)hn_attr_float(n, "m", 1);
    bool fits = fabsf(p->scale) < 1e30f && hn_q8_out_limits(&p->out, type, hn_attr_int(n, "y_zp", 0),
                                                            hn_attr_int(n, "y_lo", 0), hn_attr_int(n, "y_hi", 255));
    if (!max && (!fits || win->kh * win->kw > (1 << 22)))
        return hn_lower_refuse(c, "scale, zero points or limits do not fit");
    p->include = include;
    p->x_flip = hn_q8_flip(type);
    p->x_zp = (int32_t)hn_attr_int(n, "x_zp", 0) + hn_q8_bias(type);
    c->scratch_bytes = hn_q8_stage_plan(&p->stage, win, nhwc, nhwc, false, 0, 1);
    p->rows = hn_max_size(hn_div_up(win->oh, 32), (1 << 16) / (win->ow * win->c * win->kh * win->kw) + 1);
    if (hn_lower_kernel(c, "pool_q8", max ? HN_POOL_Q8_MAX : HN_POOL_Q8_AVERAGE, 0) == NULL)
        return hn_lower_refuse(c, "no pool_q8 kernel for this ISA");
    p->x = hn_lower_input(c, 0);
    p->y = hn_lower_output(c, 0);
    return p->x < 0 || p->y < 0 ? HN_NOMEM : HN_OK;
}

static const char *const ops[] = {"hone.QPool", NULL};

const hn_driver hn_cpu_qpool = {.name = "qpool",
                                .doc = "largest or mean byte of windows, exact",
                                .ops = ops,
                                .rank = 10,
                                .lower = lower,
                                .run = run};
