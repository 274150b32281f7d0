/* line_f32: hone.Conv of one spatial dim with 5 taps and stride 1 by minimal filtering F(4, 5): two fifths of the
 * products. Windows are transformed, 8 matrix products follow, their sums become outputs; some hundred tiles at a time,
 * so that both sides of the products stay in cache.
 *
 * The choice looks at the shape of one image alone. Rounding is not that of the definition's sum (docs/numerics.md), so
 * strict numerics refuse it. */
#include <math.h>
#include <string.h>

#include "base/size.h"
#include "device/cpu/lib_gemm.h"
#include "device/cpu/lib_image.h"
#include "kernels/line_f32.h"

enum { OPERAND_X, OPERAND_U, OPERAND_B, OPERAND_R, OPERAND_Y };
enum { KERNEL_GEMM, KERNEL_IN, KERNEL_OUT };
enum { PASS_TILES = 128, TASK_TILES = 8, LEAST_CHANNELS = 16, LEAST_OUTPUTS = 64 };
static const double BOUND = 8; /* of the rounding error, docs/numerics.md */

typedef struct params {
    hn_gemm_plan plan; /* of one pass; batch = products */
    hn_gemm_batch products;
    hn_epilogue_f32 ep;
    uint64_t images, c, m, in, out, tiles; /* of a line: pixels in and out, tiles */
    int64_t pad;
    uint64_t m_scratch, zero_scratch; /* offsets in scratch */
} params;

/* Row i: (1, p, ..., p^4) / prod over j of (p_i - p_j); the last one (0, 0, 0, 0, 1). */
static void filter_matrix(double g[HN_LINE_PRODUCTS][HN_LINE_TAPS])
{
    static const double POINT[] = {0, 1, -1, 2, -2, 0.5, -0.5};
    memset(g, 0, HN_LINE_PRODUCTS * sizeof *g);
    for (size_t i = 0; i < HN_COUNT(POINT); i++) {
        double product = 1, power = 1;
        for (size_t j = 0; j < HN_COUNT(POINT); j++)
            if (j != i) product *= POINT[i] - POINT[j];
        for (size_t k = 0; k < HN_LINE_TAPS; k++, power *= POINT[i]) g[i][k] = power / product;
    }
    g[HN_LINE_PRODUCTS - 1][HN_LINE_TAPS - 1] = 1;
}

/* One packed matrix a product from w[m][c][5]. */
static void pack(const params *p, float *dst, const float *w)
{
    double g[HN_LINE_PRODUCTS][HN_LINE_TAPS];
    const size_t floats = hn_gemm_packed_floats(&p->plan);
    filter_matrix(g);
    for (size_t i = 0; i < HN_LINE_PRODUCTS; i++, dst += floats)
        for (size_t n = 0; n < p->m; n++) {
            size_t stride;
            float *to = dst + hn_gemm_packed_at(&p->plan, n, &stride);
            const float *from = w + n * p->c * HN_LINE_TAPS;
            for (size_t c = 0; c < p->c; c++, from += HN_LINE_TAPS, to += stride) {
                double sum = 0;
                for (size_t k = 0; k < HN_LINE_TAPS; k++) sum += g[i][k] * (double)from[k];
                *to = (float)sum;
            }
        }
}

static const char *unfit(const hn_lower *c, const hn_image *g)
{
    bool across = g->kh == 1 && g->kw == HN_LINE_TAPS && g->h == 1 && g->oh == 1 && g->sw == 1 && g->dw == 1;
    bool down = g->kw == 1 && g->kh == HN_LINE_TAPS && g->w == 1 && g->ow == 1 && g->sh == 1 && g->dh == 1;
    if (!across && !down) return "not 5 taps along a line, stride 1";
    if (c->node->in[1]->data == NULL) return "the weights are not constant";
    if (hn_attr_int(c->node, "group", 1) != 1) return "groups";
    if (g->in_first || g->out_first) return "channels come first";
    if (g->c < LEAST_CHANNELS || g->m < LEAST_CHANNELS || g->oh * g->ow < LEAST_OUTPUTS || g->n < 1)
        return "the direct sum takes less time for this shape";
    return NULL;
}

static hn_status lower(hn_lower *c)
{
    const hn_node *node = c->node;
    if (!hn_inputs_are(node, HN_F32)) return hn_lower_refuse(c, "not every operand is f32");
    if (c->env->strict) return hn_lower_refuse(c, "strict numerics: its rounding is not the direct sum's");
    const char *why;
    hn_image g;
    hn_epilogue_f32 ep = {0};
    HN_TRY(hn_image_read(c, node->in[1]->type.dims + 2, &g, &why));
    if (why == NULL) why = unfit(c, &g);
    if (why != NULL) return hn_lower_refuse(c, "%s", why);
    if (!hn_epilogue_read(node, &ep)) return hn_lower_refuse(c, "activation is unknown");
    size_t out = (size_t)g.oh * (size_t)g.ow, tiles = hn_div_up(out, HN_LINE_OUTPUTS);
    size_t rows = hn_min_size(tiles * (size_t)g.n, PASS_TILES);
    const hn_kernel *k = hn_gemm_kernel(c, "gemm_f32", rows, (size_t)g.m);
    if (k == NULL || hn_lower_kernel(c, "line_f32", HN_LINE_IN, 0) == NULL ||
        hn_lower_kernel(c, "line_f32", HN_LINE_OUT, 0) == NULL)
        return hn_lower_refuse(c, "no gemm_f32 or line_f32 kernel");
    params *p = hn_lower_params(c, sizeof *p);
    if (p == NULL) return HN_NOMEM;
    p->ep = ep;
    p->images = (uint64_t)g.n;
    p->c = (uint64_t)g.c;
    p->m = (uint64_t)g.m;
    p->in = (uint64_t)g.h * (uint64_t)g.w;
    p->out = out;
    p->tiles = tiles;
    p->pad = g.kh == 1 ? g.pl : g.pt;
    hn_gemm_plan_init(&p->plan, k, HN_LINE_PRODUCTS, rows, p->m, 1, p->c);
    p->products = (hn_gemm_batch){.rank = 1, .dims = {HN_LINE_PRODUCTS}, .a = {rows * p->c}, .b = {1}};
    float *u;
    size_t floats = HN_LINE_PRODUCTS * hn_gemm_packed_floats(&p->plan);
    if (hn_lower_input(c, 0) < 0 || hn_lower_const(c, floats * sizeof *u, (void **)&u) < 0) return HN_NOMEM;
    pack(p, u, node->in[1]->data->data);
    if (hn_lower_input(c, 2) < 0 || hn_lower_input(c, 3) < 0 || hn_lower_output(c, 0) < 0) return HN_NOMEM;
    p->m_scratch = hn_align_up(HN_LINE_PRODUCTS * rows * p->c * sizeof(float), 64);
    p->zero_scratch = p->m_scratch + hn_align_up(HN_LINE_PRODUCTS * rows * p->m * sizeof(float), 64);
    c->scratch_bytes = p->zero_scratch + p->c * sizeof(float);
    c->error = BOUND * ldexp(1, -24) * sqrt((double)g.c);
    return HN_OK;
}

typedef struct pass {
    const hn_run *r;
    const params *p;
    float *v, *m;
    const float *zeros;
    size_t first, count; /* tiles */
} pass;

static void in_task(void *ctx, size_t index)
{
    const pass *s = ctx;
    const params *p = s->p;
    const float *x = s->r->ptr[OPERAND_X], *rows[TASK_TILES * HN_LINE_PRODUCTS];
    const size_t t0 = index * TASK_TILES, t1 = hn_min_size(t0 + TASK_TILES, s->count);
    for (size_t t = t0; t < t1; t++) {
        const size_t image = (s->first + t) / p->tiles, tile = (s->first + t) % p->tiles;
        const int64_t at = (int64_t)(tile * HN_LINE_OUTPUTS) - p->pad;
        for (int64_t i = 0; i < HN_LINE_PRODUCTS; i++) {
            bool inside = at + i >= 0 && at + i < (int64_t)p->in;
            rows[(t - t0) * HN_LINE_PRODUCTS + (size_t)i] =
                inside ? x + (image * p->in + (size_t)(at + i)) * p->c : s->zeros;
        }
    }
    hn_line_f32 g = {.tiles = t1 - t0, .c = p->c, .rows = rows, .v = s->v + t0 * p->c};
    g.v_matrix = p->products.a[0];
    ((hn_line_f32_fn *)s->r->kernels[KERNEL_IN]->fn)(&g);
}

static void out_task(void *ctx, size_t index)
{
    const pass *s = ctx;
    const params *p = s->p;
    float *y = s->r->ptr[OPERAND_Y], *out[TASK_TILES * HN_LINE_OUTPUTS];
    const size_t t0 = index * TASK_TILES, t1 = hn_min_size(t0 + TASK_TILES, s->count);
    for (size_t t = t0; t < t1; t++) {
        const size_t image = (s->first + t) / p->tiles, at = (s->first + t) % p->tiles * HN_LINE_OUTPUTS;
        for (size_t i = 0; i < HN_LINE_OUTPUTS; i++)
            out[(t - t0) * HN_LINE_OUTPUTS + i] = at + i < p->out ? y + (image * p->out + at + i) * p->m : NULL;
    }
    hn_line_f32 g = {.tiles = t1 - t0, .c = p->m, .v = s->m + t0 * p->m, .out = out, .y = y, .ep = p->ep};
    g.v_matrix = p->products.a[0] / p->c * p->m;
    g.ep.bias = s->r->ptr[OPERAND_B];
    g.ep.residual = s->r->ptr[OPERAND_R];
    ((hn_line_f32_fn *)s->r->kernels[KERNEL_OUT]->fn)(&g);
}

static hn_status run(const hn_run *r)
{
    const params *p = r->params;
    char *scratch = r->scratch;
    pass s = {.r = r, .p = p, .v = r->scratch, .m = (float *)(scratch + p->m_scratch)};
    const size_t all = p->images * p->tiles;
    hn_gemm_plan plan = p->plan;
    hn_gemm_job job = {.plan = &plan, .kernel = r->kernels[KERNEL_GEMM], .batch = &p->products, .a = s.v};
    job.a_stride = p->c;
    job.b = r->ptr[OPERAND_U];
    job.b_matrix = hn_gemm_packed_floats(&plan);
    job.c = s.m;
    job.c_stride = p->m;
    job.c_matrix = p->products.a[0] / p->c * p->m;
    s.zeros = memset(scratch + p->zero_scratch, 0, p->c * sizeof(float));
    for (s.first = 0; s.first < all; s.first += s.count) {
        s.count = hn_min_size(PASS_TILES, all - s.first);
        hn_pool_run(r->pool, hn_div_up(s.count, TASK_TILES), in_task, &s);
        hn_gemm_plan_rows(&plan, s.count);
        hn_gemm_run(r->pool, &job);
        hn_pool_run(r->pool, hn_div_up(s.count, TASK_TILES), out_task, &s);
    }
    return HN_OK;
}

static const char *const OPS[] = {"hone.Conv", NULL};
const hn_driver hn_cpu_line_f32 = {
    .name = "line_f32",
    .doc = "float32 convolution of 5 taps along a line with two fifths of the multiplications (minimal filtering)",
    .ops = OPS,
    .rank = 20,
    .lower = lower,
    .run = run,
};
