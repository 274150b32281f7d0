/* lib_image: see lib_image.h. */
#include "device/cpu/lib_image.h"

#include <string.h>

#include "base/size.h"
#include "device/cpu/lib_gemm.h"
#include "kernels/transpose_b4.h"
#include "ops/lib_window.h"

static bool small(int64_t v)
{
    return v >= 0 && v <= INT32_C(1) << 24;
}

hn_status hn_image_read(hn_lower *c, const int64_t *kernel, hn_image *g, const char **why)
{
    const hn_type *x = &c->node->in[0]->type, *y = &c->node->out[0]->type;
    bool out_last = hn_attr_int(c->node, "layout", 0) == 1, in_last = hn_attr_int(c->node, "in_layout", out_last) == 1;
    int n = x->rank - 2;
    *why = NULL;
    if (n != 1 && n != 2) {
        *why = "only one or two spatial dims have a kernel";
        return HN_OK;
    }
    hn_window w;
    HN_TRY(hn_window_read(c->env, c->node, n, x->dims + (in_last ? 1 : 2), kernel, &w));
    int at = n - 1; /* the last spatial dim is the width */
    bool flat = n == 1;
    for (int i = 0; i < n; i++)
        if (!small(w.in[i]) || !small(w.k[i]) || !small(w.s[i]) || !small(w.d[i]) || !small(w.lo[i]) ||
            !small(w.hi[i]) || !small(w.out[i]))
            *why = "a size is beyond 2^24";
    const int64_t *yd = y->dims, *xd = x->dims;
    if (!small(xd[0]) || !small(in_last ? xd[n + 1] : xd[1]) || !small(out_last ? yd[n + 1] : yd[1]))
        *why = "a size is beyond 2^24";
    if (*why != NULL) return HN_OK;
    *g = (hn_image){
        .n = (int32_t)xd[0],
        .c = (int32_t)(in_last ? xd[n + 1] : xd[1]),
        .h = flat ? 1 : (int32_t)w.in[0],
        .w = (int32_t)w.in[at],
        .m = (int32_t)(out_last ? yd[n + 1] : yd[1]),
        .oh = flat ? 1 : (int32_t)w.out[0],
        .ow = (int32_t)w.out[at],
        .kh = flat ? 1 : (int32_t)w.k[0],
        .kw = (int32_t)w.k[at],
        .sh = flat ? 1 : (int32_t)w.s[0],
        .sw = (int32_t)w.s[at],
        .dh = flat ? 1 : (int32_t)w.d[0],
        .dw = (int32_t)w.d[at],
        .pt = flat ? 0 : (int32_t)w.lo[0],
        .pl = (int32_t)w.lo[at],
        .pb = flat ? 0 : (int32_t)w.hi[0],
        .pr = (int32_t)w.hi[at],
    };
    g->in_first = !in_last && g->c > 1 && (int64_t)g->h * g->w > 1;
    g->out_first = !out_last && g->m > 1 && (int64_t)g->oh * g->ow > 1;
    return HN_OK;
}

static void fill(float *dst, size_t n, float v)
{
    if (v == 0.0f)
        memset(dst, 0, n * sizeof *dst);
    else
        for (size_t i = 0; i < n; i++) dst[i] = v;
}

static void pad_row(void *ctx, size_t index)
{
    const hn_image_pad *p = ctx;
    const hn_image *g = p->g;
    size_t image = p->first + index / p->hp, c = (size_t)g->c, w = (size_t)g->w, h = (size_t)g->h, pl = (size_t)g->pl;
    ptrdiff_t y = (ptrdiff_t)(index % p->hp) - g->pt;
    float *dst = p->dst + index * p->wp * c;
    if (y < 0 || y >= (ptrdiff_t)h) {
        fill(dst, p->wp * c, p->fill);
        return;
    }
    /* Columns that no window reaches may lie beyond the padded row. */
    size_t cols = hn_min_size(w, p->wp > pl ? p->wp - pl : 0);
    fill(dst, hn_min_size(pl, p->wp) * c, p->fill);
    if (g->in_first) {
        const float *src = p->src + image * c * h * w + (size_t)y * w;
        ((hn_transpose_b4_fn *)p->transpose->fn)(c, cols, src, h * w, dst + pl * c, c);
    } else {
        memcpy(dst + pl * c, p->src + (image * h + (size_t)y) * w * c, cols * c * sizeof *dst);
    }
    if (pl + cols < p->wp) fill(dst + (pl + cols) * c, (p->wp - pl - cols) * c, p->fill);
}

typedef struct pad_ctx {
    const hn_image_pad *p;
    size_t rows; /* a task */
} pad_ctx;

static void pad_task(void *ctx, size_t index)
{
    const pad_ctx *x = ctx;
    size_t all = x->p->count * x->p->hp, end = hn_min_size((index + 1) * x->rows, all);
    for (size_t i = index * x->rows; i < end; i++) pad_row((void *)x->p, i);
}

void hn_image_pad_run(hn_pool *pool, const hn_image_pad *p)
{
    size_t row = p->wp * (size_t)p->g->c, all = p->count * p->hp;
    if (row == 0 || all == 0) return;
    const hn_image *g = p->g;
    if (g->in_first && p->hp == (size_t)g->h && p->wp == (size_t)g->w && g->pt == 0 && g->pl == 0) {
        size_t pixels = p->hp * p->wp;
        hn_planes turn = {p->src + p->first * pixels * (size_t)g->c, p->dst, p->count, (size_t)g->c, pixels};
        hn_planes_run(pool, p->transpose, &turn);
        return;
    }
    pad_ctx x = {p, hn_max_size(16384 / row, 1)};
    hn_pool_run(pool, hn_div_up(all, x.rows), pad_task, &x);
}
