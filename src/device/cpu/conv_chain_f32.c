/* conv_chain_f32: hone.ConvChain in bands of rows. The last stage, or the pool behind it, asks for its next rows; each
 * stage before it makes the rows that are missing into a small buffer, which keeps those that later windows read again.
 * What lies between two stages thus stays in L2, and each row is made once per strip. Sums are those of the single
 * convolutions, so the bytes are too. Strips of rows run side by side where there are threads; only the rows where two
 * strips meet are made twice.
 */
#include <string.h>

#include "base/size.h"
#include "device/cpu/lib_gemm.h"
#include "kernels/dwconv_f32.h"
#include "kernels/pool_f32.h"

enum { OPERAND_X, OPERAND_R, OPERAND_Y, OPERAND_P };
enum {
    STAGES_MAX = 3,
    LANES_MAX = 16,
    BAND_FLOATS = 96 << 10,
    STRIPS_MAX = 8,
    STRIP_ROWS = 8,
    ROWS_MOST = 4,
    DEPTHWISE = -1,
    NONE = -1
};

typedef struct stage {
    int32_t c, h, w, m, oh, ow;
    int32_t kh, kw, sh, sw, pt, pl;
    int32_t kernel;        /* of a 1 x 1 convolution */
    uint32_t rows;         /* that the buffer of its input holds; 0 for the first stage */
    uint64_t at, w_stride; /* of that buffer in a strip's scratch, in floats; between taps of depthwise weights */
    hn_gemm_plan plan;
    hn_epilogue_f32 ep;
} stage;

typedef struct params {
    uint32_t count, band;   /* stages; rows of the result at a time */
    int32_t n, depthwise;   /* images; kernel of depthwise stages */
    int32_t pool[2], pools; /* rows and columns of a window, 1 x 1 where there is none; its kernel, or NONE */
    int32_t oh, ow;         /* of the result */
    uint64_t strip_floats;
    stage stage[STAGES_MAX];
} params;

static bool is_depthwise(const stage *s)
{
    return s->kernel == DEPTHWISE;
}

static hn_value *weights(const hn_node *n, size_t i)
{
    return n->in[2 + 2 * i];
}

/* Stage i of an image of c channels, h x w. Inference has checked all of it. False for an unknown activation. */
static bool read_stage(const hn_node *n, size_t i, int32_t c, int32_t h, int32_t w, stage *s)
{
    const hn_attr *act = hn_node_attr(n, "act");
    const int64_t *dims = weights(n, i)->type.dims, *strides, *pads;
    const double *alpha, *beta;
    bool strided = hn_attr_ints(n, "strides", &strides) > 2 * i, padded = hn_attr_ints(n, "pads", &pads) > 4 * i,
         has_alpha = hn_attr_floats(n, "act_alpha", &alpha) > i, has_beta = hn_attr_floats(n, "act_beta", &beta) > i;
    *s = (stage){.c = c, .h = h, .w = w, .m = (int32_t)dims[0], .kh = (int32_t)dims[2], .kw = (int32_t)dims[3]};
    s->kernel = dims[1] == c ? 0 : DEPTHWISE;
    s->sh = strided ? (int32_t)strides[2 * i] : 1;
    s->sw = strided ? (int32_t)strides[2 * i + 1] : 1;
    pads = padded ? pads + 4 * i : (const int64_t[4]){0};
    s->pt = (int32_t)pads[0];
    s->pl = (int32_t)pads[1];
    s->oh = (h + s->pt + (int32_t)pads[2] - s->kh) / s->sh + 1;
    s->ow = (w + s->pl + (int32_t)pads[3] - s->kw) / s->sw + 1;
    return hn_epilogue_named(act != NULL && act->count > i ? act->u.strings[i] : (hn_str){"", 0},
                             has_alpha ? alpha[i] : 0, has_beta ? beta[i] : 0, &s->ep);
}

/* Buffers for bands of `band` rows; returns the floats of a strip. A buffer has room for two bands, so that what is
 * kept moves only every second time; a pool reads each row once. */
static size_t lay_buffers(params *p, size_t band)
{
    const stage *last = &p->stage[p->count - 1];
    size_t made = band * (size_t)p->pool[0], at = 0;
    if (p->pools != NONE) at += hn_align_up(made * (size_t)last->ow * (size_t)last->m, LANES_MAX);
    for (size_t i = p->count; i-- > 1;) {
        stage *s = &p->stage[i];
        size_t need = (made - 1) * (size_t)s->sh + (size_t)s->kh;
        s->rows = (uint32_t)hn_min_size(need + made * (size_t)s->sh, (size_t)s->h);
        s->at = at;
        at += hn_align_up(s->rows * (size_t)s->w * (size_t)s->c, LANES_MAX);
        made = hn_min_size(need, (size_t)s->h);
    }
    return at;
}

static void choose_band(params *p)
{
    size_t oh = (size_t)p->oh, band = oh;
    while (band > 1 && lay_buffers(p, band) > BAND_FLOATS) band = (band + 1) / 2 < band ? (band + 1) / 2 : 1;
    while (band < oh && lay_buffers(p, band + 1) <= BAND_FLOATS) band++;
    p->band = (uint32_t)hn_div_up(oh, hn_div_up(oh, band));
    p->strip_floats = lay_buffers(p, p->band);
}

static int kernel_number(hn_lower *c, const hn_kernel *k)
{
    for (size_t i = 0; i + 1 < c->nkernels; i++) {
        if (c->kernels[i] != k) continue;
        c->nkernels--;
        return (int)i;
    }
    return (int)c->nkernels - 1;
}

static hn_status pack_stage(hn_lower *c, params *p, stage *s, const hn_tensor *w)
{
    float *packed;
    size_t m = (size_t)s->m, taps = (size_t)s->kh * (size_t)s->kw;
    const float *from = w->data;
    if (!is_depthwise(s)) {
        size_t pixels = hn_max_size((size_t)p->band * (size_t)p->pool[0] * (size_t)s->ow, 1);
        hn_gemm_plan_init(&s->plan, c->kernels[s->kernel], 1, pixels, m, 1, (size_t)s->c);
        if (hn_lower_const(c, hn_gemm_packed_floats(&s->plan) * sizeof *packed, (void **)&packed) < 0) return HN_NOMEM;
        hn_gemm_pack(&s->plan, packed, from, 1, (size_t)s->c, 1.0f);
        return HN_OK;
    }
    s->w_stride = hn_align_up(m, LANES_MAX);
    if (hn_lower_const(c, taps * s->w_stride * sizeof *packed, (void **)&packed) < 0) return HN_NOMEM;
    for (size_t i = 0; i < m; i++)
        for (size_t t = 0; t < taps; t++) packed[t * s->w_stride + i] = from[i * taps + t];
    return HN_OK;
}

static bool choose_kernels(hn_lower *c, params *p)
{
    for (size_t i = 0; i < p->count; i++) {
        stage *s = &p->stage[i];
        const hn_kernel *k = is_depthwise(s)
                                 ? hn_lower_kernel(c, "dwconv_f32", -1, 0)
                                 : hn_gemm_kernel(c, "gemm_f32", (size_t)s->oh * (size_t)s->ow, (size_t)s->m);
        if (k == NULL) return false;
        *(is_depthwise(s) ? &p->depthwise : &s->kernel) = kernel_number(c, k);
    }
    if (p->pool[0] * p->pool[1] == 1) return true;
    const hn_kernel *k = hn_lower_kernel(c, "pool_f32", -1, 0);
    if (k != NULL) p->pools = kernel_number(c, k);
    return k != NULL;
}

/* Fills the stages; false with the refusal recorded. */
static bool read_chain(hn_lower *c, params *p)
{
    const hn_node *node = c->node;
    const int64_t *dims = node->in[0]->type.dims;
    p->count = (uint32_t)(node->nin / 2 - 1);
    p->n = (int32_t)dims[0];
    for (int i = 0; i < 4; i++) {
        if (dims[i] < INT32_MAX / 4) continue;
        (void)hn_lower_refuse(c, "a dim of more than 2^29");
        return false;
    }
    int32_t ch = (int32_t)dims[3], h = (int32_t)dims[1], w = (int32_t)dims[2];
    for (size_t i = 0; i < p->count; i++) {
        stage *s = &p->stage[i];
        const char *why = weights(node, i)->data == NULL            ? "the weights are not constant"
                          : !read_stage(node, i, ch, h, w, s)       ? "activation is unknown"
                          : (int64_t)s->h * s->w > INT32_MAX / s->c ? "an image of more than 2^31 elements"
                                                                    : NULL;
        if (why != NULL) {
            (void)hn_lower_refuse(c, "%s", why);
            return false;
        }
        ch = s->m;
        h = s->oh;
        w = s->ow;
    }
    p->stage[p->count - 1].ep.act_first = hn_attr_int(node, "act_first", 0) != 0;
    const int64_t *pool;
    bool pooled = hn_attr_ints(node, "pool", &pool) == 2;
    for (int d = 0; d < 2; d++) p->pool[d] = pooled ? (int32_t)pool[d] : 1;
    p->pools = NONE;
    p->oh = h / p->pool[0];
    p->ow = w / p->pool[1];
    return true;
}

static hn_status lower(hn_lower *c)
{
    const hn_node *node = c->node;
    if (!hn_inputs_are(node, HN_F32)) return hn_lower_refuse(c, "not every operand is f32");
    params *p = hn_lower_params(c, sizeof *p);
    if (p == NULL) return HN_NOMEM;
    if (!read_chain(c, p)) return HN_OK;
    if (!choose_kernels(c, p)) return hn_lower_refuse(c, "no gemm_f32, dwconv_f32 or pool_f32 kernel");
    choose_band(p);
    if (hn_lower_input(c, 0) < 0 || hn_lower_input(c, 1) < 0 || hn_lower_output(c, 0) < 0) return HN_NOMEM;
    for (size_t i = 0; i < p->count; i++) {
        HN_TRY(pack_stage(c, p, &p->stage[i], weights(node, i)->data));
        if (hn_lower_input(c, 3 + 2 * i) < 0) return HN_NOMEM;
    }
    c->scratch_bytes = STRIPS_MAX * p->strip_floats * sizeof(float);
    return HN_OK;
}

/* One strip of one image. Rows [lo, hi) of the input of each stage are in its buffer. */
typedef struct strip {
    const hn_run *r;
    const params *p;
    const float *x, *res;
    float *scratch;
    int32_t lo[STAGES_MAX], hi[STAGES_MAX];
} strip;

static void make_rows(strip *t, size_t i, int32_t r0, int32_t r1, float *dst);

/* Rows [a, b) of the input of stage i; a never falls. Returns row 0 of what is in memory, which is row *first. */
static const float *rows_of(strip *t, size_t i, int32_t a, int32_t b, int32_t *first)
{
    const stage *s = &t->p->stage[i];
    *first = 0;
    if (i == 0) return t->x;
    size_t row = (size_t)s->w * (size_t)s->c;
    float *buffer = t->scratch + s->at;
    if (t->hi[i] < a) t->lo[i] = t->hi[i] = a;
    if (b - t->lo[i] > (int32_t)s->rows) {
        memmove(buffer, buffer + (size_t)(a - t->lo[i]) * row, (size_t)(t->hi[i] - a) * row * sizeof *buffer);
        t->lo[i] = a;
    }
    if (t->hi[i] < b) {
        make_rows(t, i - 1, t->hi[i], b, buffer + (size_t)(t->hi[i] - t->lo[i]) * row);
        t->hi[i] = b;
    }
    *first = t->lo[i];
    return buffer;
}

/* Output rows [r0, r1) of a depthwise stage, as many in a call as the kernel takes. */
static void depthwise_rows(strip *t, size_t i, int32_t r0, int32_t r1, float *dst, const hn_epilogue_f32 *ep)
{
    const stage *s = &t->p->stage[i];
    const hn_kernel *kernel = t->r->kernels[t->p->depthwise];
    const float *w = t->r->ptr[OPERAND_P + 2 * i];
    size_t line = (size_t)s->w * (size_t)s->c, out = (size_t)s->ow * (size_t)s->c,
           most = hn_min_size(hn_max_size(kernel->kr, 1), ROWS_MOST);
    int32_t end = (r1 - 1) * s->sh - s->pt + s->kh, begin = r0 * s->sh - s->pt, first;
    const float *x = rows_of(t, i, begin > 0 ? begin : 0, end < s->h ? end : s->h, &first);
    hn_dwconv_line lines[ROWS_MOST];
    hn_dwconv_f32 k = {.c = (size_t)s->c, .kw = (size_t)s->kw, .width = (size_t)s->w, .ow = (size_t)s->ow};
    k.sw = s->sw;
    k.dw = 1;
    k.pl = s->pl;
    k.row_stride = line;
    k.c_stride = k.c;
    k.w_stride = s->w_stride;
    k.ep = *ep;
    k.ep.residual_stride = out;
    k.lines = lines;
    for (int32_t o = r0; o < r1; o += (int32_t)k.n) {
        k.n = hn_min_size(most, (size_t)(r1 - o));
        for (size_t j = 0; j < k.n; j++) {
            int32_t top = (o + (int32_t)j) * s->sh - s->pt, i0 = top < 0 ? -top : 0,
                    i1 = top + s->kh > s->h ? s->h - top : s->kh;
            lines[j].rows = i1 > i0 ? (size_t)(i1 - i0) : 0;
            lines[j].x = i1 > i0 ? x + (size_t)(top + i0 - first) * line : x;
            lines[j].w = w + (size_t)(i1 > i0 ? i0 : 0) * k.kw * s->w_stride;
        }
        k.x = lines[0].x;
        k.w = lines[0].w;
        k.rows = lines[0].rows;
        k.y = dst + (size_t)(o - r0) * out;
        if (ep->residual != NULL) k.ep.residual = ep->residual + (size_t)(o - r0) * out;
        ((hn_dwconv_f32_fn *)kernel->fn)(&k);
    }
}

static void make_rows(strip *t, size_t i, int32_t r0, int32_t r1, float *dst)
{
    const stage *s = &t->p->stage[i];
    size_t out = (size_t)s->ow * (size_t)s->m;
    hn_epilogue_f32 ep = s->ep;
    ep.bias = t->r->ptr[OPERAND_P + 2 * i + 1];
    if (i + 1 == t->p->count && t->res != NULL) ep.residual = t->res + (size_t)r0 * out;
    if (is_depthwise(s)) {
        depthwise_rows(t, i, r0, r1, dst, &ep);
        return;
    }
    int32_t first;
    const float *x = rows_of(t, i, r0, r1, &first);
    hn_gemm_plan plan = s->plan;
    hn_gemm_plan_rows(&plan, (size_t)(r1 - r0) * (size_t)s->ow);
    ep.residual_stride = (size_t)s->m;
    const hn_gemm_job job = {.plan = &plan,
                             .kernel = t->r->kernels[s->kernel],
                             .a = x + (size_t)(r0 - first) * (size_t)s->w * (size_t)s->c,
                             .a_stride = (size_t)s->c,
                             .b = t->r->ptr[OPERAND_P + 2 * i],
                             .c = dst,
                             .c_stride = (size_t)s->m,
                             .ep = ep};
    hn_gemm_run(NULL, &job);
}

/* Rows [o, end) of the pool's result, from those of the last stage. */
static void pool_rows(strip *t, int32_t o, int32_t end, float *y)
{
    const params *p = t->p;
    const stage *s = &p->stage[p->count - 1];
    size_t m = (size_t)s->m, line = (size_t)s->ow * m;
    float *rows = t->scratch; /* in front of the buffers */
    make_rows(t, p->count - 1, o * p->pool[0], end * p->pool[0], rows);
    hn_pool_f32 k = {.c = m, .rows = (size_t)p->pool[0], .kw = (size_t)p->pool[1], .width = (size_t)s->ow};
    k.ow = (size_t)p->ow;
    k.sw = p->pool[1];
    k.dw = 1;
    k.row_stride = line;
    for (; o < end; o++, rows += k.rows * line, y += k.ow * m) {
        k.x = rows;
        k.y = y;
        ((hn_pool_f32_fn *)t->r->kernels[p->pools]->fn)(&k);
    }
}

typedef struct pass {
    const hn_run *r;
    size_t first, strips; /* number of the strip that task 0 takes; strips of an image */
} pass;

static void task(void *ctx, size_t index)
{
    const pass *x = ctx;
    const params *p = x->r->params;
    const stage *in = &p->stage[0], *out = &p->stage[p->count - 1];
    size_t image = (x->first + index) / x->strips, part = (x->first + index) % x->strips;
    size_t row = (size_t)p->ow * (size_t)out->m, whole = (size_t)out->oh * (size_t)out->ow * (size_t)out->m * image;
    const float *res = x->r->ptr[OPERAND_R];
    float *y = (float *)x->r->ptr[OPERAND_Y] + row * (size_t)p->oh * image;
    strip t = {.r = x->r, .p = p};
    t.x = (const float *)x->r->ptr[OPERAND_X] + image * (size_t)in->h * (size_t)in->w * (size_t)in->c;
    t.res = res == NULL ? NULL : res + whole;
    t.scratch = (float *)x->r->scratch + index * p->strip_floats;
    int32_t end = (int32_t)((size_t)p->oh * (part + 1) / x->strips);
    for (int32_t o = (int32_t)((size_t)p->oh * part / x->strips), to; o < end; o = to) {
        to = o + (int32_t)p->band < end ? o + (int32_t)p->band : end;
        if (p->pools != NONE)
            pool_rows(&t, o, to, y + (size_t)o * row);
        else
            make_rows(&t, p->count - 1, o, to, y + (size_t)o * row);
    }
}

static hn_status run(const hn_run *r)
{
    const params *p = r->params;
    size_t threads = hn_min_size(hn_pool_threads(r->pool), STRIPS_MAX), n = (size_t)p->n, rows = (size_t)p->oh;
    pass x = {.r = r, .strips = n >= threads ? 1 : hn_min_size(threads, hn_max_size(rows / STRIP_ROWS, 1))};
    for (; x.first < n * x.strips; x.first += threads)
        hn_pool_run(r->pool, hn_min_size(threads, n * x.strips - x.first), task, &x);
    return HN_OK;
}

static const char *const OPS[] = {"hone.ConvChain", NULL};
const hn_driver hn_cpu_conv_chain_f32 = {
    .name = "conv_chain_f32",
    .doc = "float32 pointwise and depthwise convolutions in a row, band by band, so that what is between them stays in "
           "cache",
    .ops = OPS,
    .rank = 10,
    .lower = lower,
    .run = run,
};
