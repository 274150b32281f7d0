/* deconv_block_f32: hone.Deconv, channels last, as one matrix product for each row of input pixels and row of their
 * blocks: its result, [width, kw * M], is a row of the output as it stands. */
#include <string.h>

#include "base/size.h"
#include "device/cpu/lib_gemm.h"

enum { OPERAND_X, OPERAND_W, OPERAND_B, OPERAND_Y };

typedef struct params {
    hn_gemm_plan plan;
    hn_gemm_batch rows; /* rows of input pixels, rows of a block */
    hn_epilogue_f32 ep;
} params;

static const char *const OPS[] = {"hone.Deconv", NULL};

static const char *unfit(const hn_node *n)
{
    if (!hn_inputs_are(n, HN_F32)) return "not every operand is f32";
    const hn_type *x = &n->in[0]->type, *w = &n->in[1]->type;
    if (hn_attr_int(n, "layout", 0) != 1) return "channels come first";
    if (n->in[1]->data == NULL || (n->nin > 2 && n->in[2] != NULL && n->in[2]->data == NULL))
        return "weights or bias are not constant";
    for (int i = 0; i < 4; i++)
        if (x->dims[i] < 1 || w->dims[i] < 1 || x->dims[i] > 1 << 24 || w->dims[i] > 1 << 24)
            return "a size is 0 or beyond 2^24";
    return NULL;
}

static hn_status lower(hn_lower *c)
{
    const hn_node *n = c->node;
    hn_epilogue_f32 ep = {0};
    const char *why = unfit(n);
    if (why != NULL) return hn_lower_refuse(c, "%s", why);
    if (!hn_epilogue_read(n, &ep)) return hn_lower_refuse(c, "activation is unknown");
    const int64_t *xd = n->in[0]->type.dims, *wd = n->in[1]->type.dims;
    const size_t ch = (size_t)wd[0], m = (size_t)wd[1], kh = (size_t)wd[2], kw = (size_t)wd[3], width = (size_t)xd[2];
    const size_t lines = (size_t)xd[0] * (size_t)xd[1];
    const hn_kernel *k = hn_gemm_kernel(c, "gemm_f32", width, kw * m);
    if (k == NULL) return hn_lower_refuse(c, "no gemm_f32 kernel");
    params *p = hn_lower_params(c, sizeof *p);
    if (p == NULL) return HN_NOMEM;
    p->ep = ep;
    hn_gemm_plan_init(&p->plan, k, lines * kh, width, kw * m, 1, ch);
    p->rows = (hn_gemm_batch){.rank = 2, .dims = {lines, kh}, .a = {width * ch, 0}, .b = {0, 1}};
    const size_t floats = hn_gemm_packed_floats(&p->plan);
    float *packed, *bias;
    if (hn_lower_input(c, 0) < 0 || hn_lower_const(c, kh * floats * sizeof *packed, (void **)&packed) < 0)
        return HN_NOMEM;
    const float *w = n->in[1]->data->data;
    for (size_t col = 0; col < kw * m; col++) {
        size_t stride, at = hn_gemm_packed_at(&p->plan, col, &stride);
        for (size_t y = 0; y < kh; y++)
            for (size_t i = 0; i < ch; i++)
                packed[y * floats + at + i * stride] = w[((i * m + col % m) * kh + y) * kw + col / m];
    }
    if (n->nin > 2 && n->in[2] != NULL) {
        if (hn_lower_const(c, kw * m * sizeof *bias, (void **)&bias) < 0) return HN_NOMEM;
        for (size_t col = 0; col < kw * m; col++) bias[col] = ((const float *)n->in[2]->data->data)[col % m];
    } else if (hn_lower_input(c, SIZE_MAX) < 0) {
        return HN_NOMEM;
    }
    return hn_lower_output(c, 0) < 0 ? HN_NOMEM : HN_OK;
}

static hn_status run(const hn_run *r)
{
    const params *p = r->params;
    hn_gemm_job job = {.plan = &p->plan, .kernel = r->kernels[0], .batch = &p->rows, .ep = p->ep};
    job.a = r->ptr[OPERAND_X];
    job.a_stride = p->plan.k;
    job.b = r->ptr[OPERAND_W];
    job.b_matrix = hn_gemm_packed_floats(&p->plan);
    job.c = r->ptr[OPERAND_Y];
    job.c_stride = p->plan.n;
    job.c_matrix = p->plan.m * p->plan.n;
    job.ep.bias = r->ptr[OPERAND_B];
    hn_gemm_run(r->pool, &job);
    return HN_OK;
}

const hn_driver hn_cpu_deconv_block_f32 = {
    .name = "deconv_block_f32",
    .doc = "float32 transposed convolution of windows side by side, channels last, a row of the output a product",
    .ops = OPS,
    .rank = 10,
    .lower = lower,
    .run = run,
};
