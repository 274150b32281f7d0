/* deconv_f32: ConvTranspose on float32: one GEMM gives what every input pixel adds to each tap of its window, [pixels,
 * taps * M]; each output pixel then gathers its taps in a fixed order. Images one at a time. */
#include <string.h>

#include "base/size.h"
#include "device/cpu/lib_gemm.h"
#include "kernels/binary_f32.h"
#include "kernels/transpose_b4.h"

enum { OPERAND_X, OPERAND_W, OPERAND_B, OPERAND_Y };
enum { NARROW = 16 }; /* channels below which a call costs more than the sum */

typedef struct params {
    hn_gemm_plan plan;
    hn_gemm_batch groups;
    int32_t n, c, h, w, m, oh, ow, kh, kw, sh, sw, dh, dw, pt, pl;
    uint32_t group;
    uint64_t in_at, cols_at, out_at; /* offsets in scratch */
} params;

static const char *const OPS[] = {"ConvTranspose", NULL};

static int64_t entry(const hn_node *n, const char *name, size_t i, size_t count, int64_t otherwise)
{
    const int64_t *v;
    return hn_attr_ints(n, name, &v) == count ? v[i] : otherwise;
}

/* Begin padding of one dim, as the row's inference has it. */
static int64_t begin_pad(const hn_node *n, size_t i, size_t dims, int64_t x, int64_t out, int64_t k, int64_t s,
                         int64_t d)
{
    bool upper = hn_attr_is(n, "auto_pad", "SAME_UPPER"), same = upper || hn_attr_is(n, "auto_pad", "SAME_LOWER");
    if (!same && hn_node_attr(n, "output_shape") == NULL)
        return hn_attr_is(n, "auto_pad", "VALID") ? 0 : entry(n, "pads", i, 2 * dims, 0);
    int64_t full = s * (x - 1) + entry(n, "output_padding", i, dims, 0) + (k - 1) * d + 1,
            total = full > out ? full - out : 0;
    return upper ? total / 2 : total - total / 2;
}

static bool small(int64_t v)
{
    return v >= 1 && v <= INT64_C(1) << 20;
}

static hn_status lower(hn_lower *c)
{
    const hn_node *n = c->node;
    if (!hn_inputs_are(n, HN_F32)) return hn_lower_refuse(c, "not every operand is f32");
    const hn_type *x = &n->in[0]->type, *w = &n->in[1]->type, *y = &n->out[0]->type;
    size_t dims = (size_t)x->rank - 2;
    if (dims != 1 && dims != 2) return hn_lower_refuse(c, "only one or two spatial dims have a kernel");
    if (n->in[1]->data == NULL) return hn_lower_refuse(c, "the weights are not constant");
    int64_t g[2][6]; /* per dim: in, out, k, s, d, begin pad */
    for (size_t i = 0; i < 2; i++) {
        if (dims == 1 && i == 0) {
            memcpy(g[0], (const int64_t[6]){1, 1, 1, 1, 1, 0}, sizeof g[0]);
            continue;
        }
        size_t d = dims == 1 ? 0 : i;
        int64_t v[5] = {x->dims[2 + d], y->dims[2 + d], w->dims[2 + d], entry(n, "strides", d, dims, 1),
                        entry(n, "dilations", d, dims, 1)};
        memcpy(g[i], v, sizeof v);
        g[i][5] = begin_pad(n, d, dims, v[0], v[1], v[2], v[3], v[4]);
        for (int k = 0; k < 5; k++)
            if (!small(v[k])) return hn_lower_refuse(c, "a size is 0 or beyond 2^20");
        if (g[i][5] > INT64_C(1) << 20) return hn_lower_refuse(c, "a pad beyond 2^20");
    }
    if (!small(x->dims[1]) || !small(y->dims[1]) || !small(x->dims[0]))
        return hn_lower_refuse(c, "a size is 0 or beyond 2^20");
    const hn_kernel *k =
        hn_gemm_kernel(c, "gemm_f32", (size_t)(g[0][0] * g[1][0]), (size_t)(w->dims[1] * g[0][2] * g[1][2]));
    if (k == NULL || hn_lower_kernel(c, "transpose_b4", -1, 0) == NULL ||
        hn_lower_kernel(c, "binary_f32", -1, 0) == NULL)
        return hn_lower_refuse(c, "no gemm_f32, transpose_b4 or binary_f32 kernel");
    params *p = hn_lower_params(c, sizeof *p);
    if (p == NULL) return HN_NOMEM;
    p->n = (int32_t)x->dims[0], p->c = (int32_t)x->dims[1], p->m = (int32_t)y->dims[1];
    p->h = (int32_t)g[0][0], p->oh = (int32_t)g[0][1], p->kh = (int32_t)g[0][2], p->sh = (int32_t)g[0][3],
    p->dh = (int32_t)g[0][4];
    p->w = (int32_t)g[1][0], p->ow = (int32_t)g[1][1], p->kw = (int32_t)g[1][2], p->sw = (int32_t)g[1][3],
    p->dw = (int32_t)g[1][4];
    p->pt = (int32_t)g[0][5], p->pl = (int32_t)g[1][5];
    p->group = (uint32_t)hn_attr_int(n, "group", 1);
    size_t group = p->group, cg = (size_t)p->c / group, mg = (size_t)p->m / group, taps = (size_t)p->kh * (size_t)p->kw;
    size_t pixels = (size_t)p->h * (size_t)p->w, out = (size_t)p->oh * (size_t)p->ow, cols;
    if (!hn_size_mul(pixels * (size_t)p->m, taps * sizeof(float), &cols))
        return hn_lower_refuse(c, "the product is too large");
    hn_gemm_plan_init(&p->plan, k, group, pixels, taps * mg, 1, cg);
    p->groups = (hn_gemm_batch){.rank = 1, .dims = {group}, .a = {cg}, .b = {1}};
    float *packed, *turned;
    size_t floats = hn_gemm_packed_floats(&p->plan);
    if (hn_lower_input(c, 0) < 0 || hn_lower_const(c, group * floats * sizeof *packed, (void **)&packed) < 0)
        return HN_NOMEM;
    /* Column (tap, channel) of a group, from w[c][mg][taps]. */
    turned = hn_arena_array(c->env, c->arena, cg * taps * mg + 1, sizeof *turned);
    if (turned == NULL) return HN_NOMEM;
    const float *from = n->in[1]->data->data;
    for (size_t i = 0; i < group; i++) {
        for (size_t a = 0; a < cg; a++)
            for (size_t o = 0; o < mg; o++)
                for (size_t t = 0; t < taps; t++)
                    turned[(a * taps + t) * mg + o] = from[((i * cg + a) * mg + o) * taps + t];
        hn_gemm_pack(&p->plan, packed + i * floats, turned, taps * mg, 1, 1.0f);
    }
    if (hn_lower_input(c, 2) < 0 || hn_lower_output(c, 0) < 0) return HN_NOMEM;
    p->cols_at = hn_align_up(pixels * (size_t)p->c * sizeof(float), 64);
    p->out_at = p->cols_at + hn_align_up(cols, 64);
    c->scratch_bytes = p->out_at + out * (size_t)p->m * sizeof(float);
    return HN_OK;
}

typedef struct gather {
    const params *p;
    hn_binary_f32_fn *add;
    hn_transpose_b4_fn *transpose;
    const float *cols, *bias;
    float *out, *y; /* rows with channels last; the image with channels first */
} gather;

static void add(const gather *g, size_t n, float *y, const float *x)
{
    if (n < NARROW)
        for (size_t i = 0; i < n; i++) y[i] += x[i];
    else
        g->add(HN_BINARY_ADD, n, y, 1, x, 1, y);
}

/* Add the products of the taps (ky, kx) that reach the output row from input row iy. */
static void add_row(const gather *g, float *row, int64_t ky, int64_t iy)
{
    const params *p = g->p;
    size_t m = (size_t)p->m, mg = m / p->group, pixels = (size_t)p->h * (size_t)p->w,
           taps = (size_t)p->kh * (size_t)p->kw;
    for (int64_t kx = 0; kx < p->kw; kx++) {
        /* Input column ix lands on output column ix * sw + shift. */
        const int64_t shift = kx * p->dw - p->pl, sw = p->sw;
        int64_t from = shift < 0 ? (-shift + sw - 1) / sw : 0, room = p->ow - 1 - shift;
        int64_t end = room < 0 ? 0 : room / sw + 1;
        if (end > p->w) end = p->w;
        for (size_t i = 0; i < p->group && from < end; i++) {
            const float *cols =
                g->cols + ((i * pixels + (size_t)(iy * p->w + from)) * taps + (size_t)(ky * p->kw + kx)) * mg;
            float *y = row + (size_t)(from * sw + shift) * m + i * mg;
            for (int64_t ix = from; ix < end; ix++, cols += taps * mg, y += (size_t)sw * m) add(g, mg, y, cols);
        }
    }
}

/* The same where the windows of neighbours do not meet and none leaves the row: the taps of a window lie in one piece
 * on both sides. */
static void add_windows(const gather *g, float *row, int64_t ky, int64_t iy)
{
    const params *p = g->p;
    size_t m = (size_t)p->m, window = (size_t)p->kw * m, taps = (size_t)p->kh * (size_t)p->kw;
    const float *cols = g->cols + ((size_t)(iy * p->w) * taps + (size_t)(ky * p->kw)) * m;
    for (int64_t ix = 0; ix < p->w; ix++, cols += taps * m, row += (size_t)p->sw * m) add(g, window, row, cols);
}

/* One row of outputs, summed with channels last and then turned. cols: [group][pixels][taps][mg]. */
static void task(void *ctx, size_t oy)
{
    const gather *g = ctx;
    const params *p = g->p;
    size_t m = (size_t)p->m, ow = (size_t)p->ow, n = ow * m;
    float *row = m == 1 ? g->y + oy * ow : g->out + oy * n;
    bool apart = p->group == 1 && p->dw == 1 && p->kw <= p->sw && p->pl == 0 &&
                 (int64_t)(p->w - 1) * p->sw + p->kw <= (int64_t)p->ow;
    if (g->bias == NULL) {
        memset(row, 0, n * sizeof *row);
    } else {
        memcpy(row, g->bias, m * sizeof *row);
        for (size_t done = m; done < n; done *= 2) memcpy(row + done, row, hn_min_size(done, n - done) * sizeof *row);
    }
    for (int64_t ky = 0; ky < p->kh; ky++) {
        int64_t top = (int64_t)oy + p->pt - ky * p->dh;
        if (top < 0 || top % p->sh != 0 || top / p->sh >= p->h) continue;
        if (apart)
            add_windows(g, row, ky, top / p->sh);
        else
            add_row(g, row, ky, top / p->sh);
    }
    if (m > 1) g->transpose(ow, m, row, m, g->y + oy * ow, (size_t)p->oh * ow);
}

static hn_status run(const hn_run *r)
{
    const params *p = r->params;
    char *scratch = r->scratch;
    size_t pixels = (size_t)p->h * (size_t)p->w, out = (size_t)p->oh * (size_t)p->ow, c = (size_t)p->c,
           m = (size_t)p->m;
    float *in = r->scratch, *cols = (float *)(scratch + p->cols_at), *sums = (float *)(scratch + p->out_at);
    for (size_t image = 0; image < (size_t)p->n; image++) {
        hn_planes turn = {(const float *)r->ptr[OPERAND_X] + image * pixels * c, in, 1, c, pixels};
        hn_planes_run(r->pool, r->kernels[1], &turn);
        hn_gemm_job job = {
            .plan = &p->plan, .kernel = r->kernels[0], .batch = &p->groups, .a = in, .a_stride = c, .c = cols};
        job.b = r->ptr[OPERAND_W];
        job.b_matrix = hn_gemm_packed_floats(&p->plan);
        job.c_stride = p->plan.n;
        job.c_matrix = pixels * p->plan.n;
        hn_gemm_run(r->pool, &job);
        gather g = {.p = p,
                    .add = (hn_binary_f32_fn *)r->kernels[2]->fn,
                    .transpose = (hn_transpose_b4_fn *)r->kernels[1]->fn,
                    .cols = cols,
                    .bias = r->ptr[OPERAND_B],
                    .out = sums,
                    .y = (float *)r->ptr[OPERAND_Y] + image * out * m};
        hn_pool_run(r->pool, (size_t)p->oh, task, &g);
    }
    return HN_OK;
}

const hn_driver hn_cpu_deconv_f32 = {
    .name = "deconv_f32",
    .doc = "float32 transposed convolution as a GEMM and a gather",
    .ops = OPS,
    .rank = 10,
    .lower = lower,
    .run = run,
};
