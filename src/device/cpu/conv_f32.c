/* conv_f32: Conv and hone.Conv on float32 as a GEMM that reads its rows in place.
 *
 * A window row of a channels-last image is one run of memory, so that without groups and dilation a kh x kw window is
 * kh taps of kw * C floats. Where windows leave the image, or it comes channels first, images are copied into padded
 * channels-last ones first, a few at a time so that they stay in cache: then all rows share one table of tap offsets.
 */
#include <string.h>

#include "base/size.h"
#include "device/cpu/lib_gemm.h"
#include "device/cpu/lib_image.h"

enum { OPERAND_X, OPERAND_W, OPERAND_B, OPERAND_R, OPERAND_Y, OPERAND_TAPS };
enum { PASS_ROWS = 192, PASS_FLOATS = 1 << 16 };

typedef struct params {
    hn_image g;
    hn_gemm_plan plan; /* of one pass; batch = groups */
    hn_gemm_batch groups;
    hn_epilogue_f32 ep;
    uint32_t group, packed, copy, images;         /* images a pass */
    uint64_t hp, wp;                              /* image the windows run over */
    uint64_t out_scratch, res_scratch, w_scratch; /* offsets in scratch */
    uint64_t y_at, y_stride;                      /* of a pixel, where the result lies in another's rows */
} params;

static const hn_value *input(const hn_node *n, size_t i)
{
    return i < n->nin ? n->in[i] : NULL;
}

/* dst: packed panels, one group after the other, from w[m][c / group][kh][kw]; depth runs over ky, kx, channel. */
static void pack(const params *p, float *dst, const float *w)
{
    const hn_gemm_plan *plan = &p->plan;
    size_t taps = (size_t)p->g.kh * (size_t)p->g.kw, cg = (size_t)p->g.c / p->group,
           floats = hn_gemm_packed_floats(plan);
    for (size_t group = 0; group < p->group; group++, dst += floats) {
        for (size_t n = 0; n < plan->n; n++) {
            size_t stride;
            float *to = dst + hn_gemm_packed_at(plan, n, &stride);
            const float *from = w + (group * plan->n + n) * cg * taps;
            for (size_t t = 0; t < taps; t++)
                for (size_t c = 0; c < cg; c++, to += stride) *to = from[c * taps + t];
        }
    }
}

/* A 1 x 1 window that touches every pixel once makes the image one long row. */
static void flatten(hn_image *g)
{
    if (g->kh != 1 || g->kw != 1 || g->sh != 1 || g->sw != 1 || g->pt + g->pl + g->pb + g->pr != 0) return;
    if ((int64_t)g->h * g->w > INT32_C(1) << 24) return;
    g->w *= g->h;
    g->ow *= g->oh;
    g->h = g->oh = 1;
}

static hn_status add_taps(hn_lower *c, const params *p, size_t taps, size_t per_row, bool *fits)
{
    int32_t *table;
    size_t row = p->wp * (size_t)p->g.c;
    *fits = hn_max_size(p->hp, 1) * row < INT32_MAX;
    if (!*fits) return HN_OK;
    if (hn_lower_const(c, taps * sizeof *table, (void **)&table) < 0) return HN_NOMEM;
    for (size_t t = 0; t < taps; t++)
        table[t] = (int32_t)(t / per_row * (size_t)p->g.dh * row + t % per_row * (size_t)(p->g.dw * p->g.c));
    return HN_OK;
}

static void lay_scratch(hn_lower *c, params *p)
{
    size_t pixels = (size_t)p->g.oh * (size_t)p->g.ow * p->images * (size_t)p->g.m * sizeof(float);
    size_t at = p->copy ? hn_align_up(p->images * p->hp * p->wp * (size_t)p->g.c * sizeof(float), 64) : 0;
    p->out_scratch = at;
    if (p->g.out_first) at += hn_align_up(pixels, 64);
    p->res_scratch = at;
    if (p->g.out_first && input(c->node, 3) != NULL) at += hn_align_up(pixels, 64);
    p->w_scratch = at;
    if (!p->packed) at += p->group * hn_gemm_packed_floats(&p->plan) * sizeof(float);
    c->scratch_bytes = at;
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
    if (hn_node_is(node, "hone.Conv") && !hn_epilogue_read(node, &ep))
        return hn_lower_refuse(c, "activation is unknown");
    flatten(&g);
    int64_t group = hn_attr_int(node, "group", 1);
    if (g.c == 0 || g.m == 0) return hn_lower_refuse(c, "no channels");
    const hn_kernel *k =
        hn_gemm_kernel(c, "gemm_f32", (size_t)g.oh * (size_t)g.ow, (size_t)(g.m / hn_max_size((size_t)group, 1)));
    if (k == NULL || hn_lower_kernel(c, "transpose_b4", -1, 0) == NULL)
        return hn_lower_refuse(c, "no gemm_f32 or transpose_b4 kernel");
    params *p = hn_lower_params(c, sizeof *p);
    if (p == NULL) return HN_NOMEM;
    p->g = g;
    p->ep = ep;
    p->group = (uint32_t)group;
    p->packed = w->data != NULL;
    size_t need_h = (size_t)(g.oh > 0 ? (g.oh - 1) * g.sh + (g.kh - 1) * g.dh + 1 : 0);
    size_t need_w = (size_t)(g.ow > 0 ? (g.ow - 1) * g.sw + (g.kw - 1) * g.dw + 1 : 0);
    p->copy = g.in_first || g.pt > 0 || g.pl > 0 || need_h > (size_t)g.h || need_w > (size_t)g.w;
    p->hp = p->copy ? need_h : (size_t)g.h;
    p->wp = p->copy ? need_w : (size_t)g.w;

    bool merged = group == 1 && (g.dw == 1 || g.kw == 1);
    size_t taps = (size_t)g.kh * (merged ? 1 : (size_t)g.kw),
           depth = (size_t)(g.c / group) * (merged ? (size_t)g.kw : 1);
    size_t pixels = hn_max_size((size_t)g.oh * (size_t)g.ow, 1), image = hn_max_size(p->hp * p->wp * (size_t)g.c, 1);
    p->images = (uint32_t)hn_max_size((size_t)g.n, 1);
    if (p->copy || g.out_first)
        p->images = (uint32_t)hn_min_size(p->images, hn_max_size(hn_div_up(PASS_ROWS, pixels), PASS_FLOATS / image));
    hn_gemm_plan_init(&p->plan, k, p->group, p->images * pixels, (size_t)(g.m / group), taps, depth);
    p->groups = (hn_gemm_batch){.rank = 1, .dims = {p->group}, .a = {(uint64_t)(g.c / group)}, .b = {1}};

    if (hn_lower_input(c, 0) < 0) return HN_NOMEM;
    if (p->packed) {
        float *dst;
        if (hn_lower_const(c, p->group * hn_gemm_packed_floats(&p->plan) * sizeof *dst, (void **)&dst) < 0)
            return HN_NOMEM;
        pack(p, dst, w->data->data);
    } else if (hn_lower_input(c, 1) < 0) {
        return HN_NOMEM;
    }
    size_t y_at = 0, y_stride = (size_t)g.m;
    bool joined = hn_attr_int(node, "layout", 0) == 1 && input(node, 3) == NULL && hn_lower_joins(c, &y_at, &y_stride);
    p->y_at = y_at;
    p->y_stride = y_stride;
    if (hn_lower_input(c, 2) < 0 || hn_lower_input(c, 3) < 0) return HN_NOMEM;
    if ((joined ? hn_lower_output_joined(c) : hn_lower_output(c, 0)) < 0) return HN_NOMEM;
    bool fits;
    HN_TRY(add_taps(c, p, taps, merged ? 1 : (size_t)g.kw, &fits));
    if (!fits) return hn_lower_refuse(c, "an image of more than 2^31 elements");
    lay_scratch(c, p);
    return HN_OK;
}

typedef struct window_rows {
    const params *p;
    const float *x; /* first image of the pass, in the form the windows run over */
} window_rows;

static void rows_at(const void *self, size_t m0, size_t count, const float **rows)
{
    const window_rows *r = self;
    const hn_image *g = &r->p->g;
    size_t ow = (size_t)g->ow, oh = (size_t)g->oh, c = (size_t)g->c, row = r->p->wp * c;
    size_t ox = m0 % ow, oy = m0 / ow % oh, image = m0 / ow / oh, step = (size_t)g->sw * c;
    const float *at = r->x + (image * r->p->hp + oy * (size_t)g->sh) * row + ox * step;
    for (size_t i = 0; i < count; i++) {
        rows[i] = at;
        at += step;
        if (++ox < ow) continue;
        ox = 0;
        if (++oy == oh) {
            oy = 0;
            image++;
        }
        at = r->x + (image * r->p->hp + oy * (size_t)g->sh) * row;
    }
}

static hn_status run(const hn_run *r)
{
    const params *p = r->params;
    const hn_image *g = &p->g;
    char *scratch = r->scratch;
    const float *x = r->ptr[OPERAND_X], *w = r->ptr[OPERAND_W], *res = r->ptr[OPERAND_R];
    float *y = r->ptr[OPERAND_Y], *padded = r->scratch;
    float *out = (float *)(scratch + p->out_scratch), *turned = (float *)(scratch + p->res_scratch);
    size_t pixels = (size_t)g->oh * (size_t)g->ow, m = (size_t)g->m,
           in_image = (size_t)g->h * (size_t)g->w * (size_t)g->c;
    if (pixels == 0 || g->n == 0) return HN_OK;
    if (!p->packed) {
        pack(p, (float *)(scratch + p->w_scratch), w);
        w = (float *)(scratch + p->w_scratch);
    }
    hn_gemm_plan plan = p->plan;
    window_rows rows = {.p = p};
    hn_gemm_job job = {.plan = &plan,
                       .kernel = r->kernels[0],
                       .batch = &p->groups,
                       .rows = rows_at,
                       .rows_self = &rows,
                       .tap = r->ptr[OPERAND_TAPS],
                       .b = w,
                       .b_matrix = hn_gemm_packed_floats(&plan),
                       .c_stride = p->y_stride,
                       .c_matrix = plan.n,
                       .ep = p->ep,
                       .bias_matrix = plan.n,
                       .residual_matrix = plan.n};
    job.ep.bias = r->ptr[OPERAND_B];
    job.ep.residual_stride = m;
    for (size_t first = 0; first < (size_t)g->n; first += p->images) {
        size_t count = hn_min_size(p->images, (size_t)g->n - first), at = first * pixels * m;
        if (p->copy) {
            hn_image_pad pad = {.g = g, .transpose = r->kernels[1], .src = x, .dst = padded, .first = first};
            pad.count = count;
            pad.hp = p->hp;
            pad.wp = p->wp;
            hn_image_pad_run(r->pool, &pad);
        }
        rows.x = p->copy ? padded : x + first * in_image;
        if (res != NULL) job.ep.residual = res + at;
        if (res != NULL && g->out_first) {
            hn_planes turn = {.src = res + at, .dst = turned, .count = count, .rows = m, .cols = pixels};
            hn_planes_run(r->pool, r->kernels[1], &turn);
            job.ep.residual = turned;
        }
        job.c = g->out_first ? out : y + p->y_at + first * pixels * p->y_stride;
        hn_gemm_plan_rows(&plan, count * pixels);
        hn_gemm_run(r->pool, &job);
        if (g->out_first) {
            hn_planes turn = {.src = out, .dst = y + at, .count = count, .rows = pixels, .cols = m};
            hn_planes_run(r->pool, r->kernels[1], &turn);
        }
    }
    return HN_OK;
}

static const char *const OPS[] = {"hone.Conv", "Conv", NULL};
const hn_driver hn_cpu_conv_f32 = {
    .name = "conv_f32",
    .doc =
        "float32 convolution as a GEMM over windows read in place, with bias, residual and activation in the epilogue",
    .ops = OPS,
    .rank = 10,
    .lower = lower,
    .run = run,
};
