/* hone.QGemm and, with int32 result, MatMulInteger: 8-bit matrices times constant 8-bit weights through gemm_q8.
 * Weights are packed at plan time; leading dims of A are rows. */
#include <string.h>

#include "base/size.h"
#include "device/cpu/lib_q8.h"

typedef struct params {
    hn_q8_mat mat;
    hn_q8_cut cut;
    uint64_t rows;
    int32_t a, y, r, blob, zp; /* operands; r, zp: -1 for none */
    uint32_t zp_signed;
} params;

typedef struct job {
    const params *p;
    hn_q8_rows rows;
} job;

static void task(void *ctx, size_t t)
{
    const job *j = ctx;
    const hn_q8_cut *cut = &j->p->cut;
    size_t i = t % cut->blocks * cut->rows, p = t / cut->blocks * cut->panels;
    size_t all = j->p->mat.panels * j->p->mat.groups;
    hn_q8_rows_run(&j->p->mat, &j->rows, i, hn_min_size(cut->rows, j->p->rows - i), p,
                   hn_min_size(cut->panels, all - p));
}

static hn_status run(const hn_run *r)
{
    const params *p = r->params;
    job j = {.p = p};
    j.rows = (hn_q8_rows){.kernels = r->kernels,
                          .blob = r->ptr[p->blob],
                          .a = r->ptr[p->a],
                          .lda = p->mat.k,
                          .y = r->ptr[p->y],
                          .ldy = p->mat.n,
                          .r = p->r < 0 ? NULL : r->ptr[p->r],
                          .ldr = p->mat.n};
    if (p->zp >= 0) {
        const uint8_t *zp = r->ptr[p->zp];
        hn_q8_bias_of(&p->mat, j.rows.blob, p->zp_signed ? (int32_t)(int8_t)*zp : (int32_t)*zp, r->scratch);
        j.rows.bias = r->scratch;
    }
    hn_pool_run(r->pool, p->cut.blocks * p->cut.panel_blocks, task, &j);
    return HN_OK;
}

/* B to [N][K]. */
static void order_weights(const hn_tensor *b, bool trans, size_t n, size_t k, uint8_t *w)
{
    const uint8_t *src = b->data;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < k; j++) w[i * k + j] = trans ? src[i * k + j] : src[j * n + i];
}

static hn_status pack(hn_lower *c, hn_q8_weights *w, const hn_tensor *b, bool trans, const hn_q8_out *out, params *p)
{
    uint8_t *ordered = hn_alloc(c->env, w->n * w->k);
    if (ordered == NULL) return HN_NOMEM;
    order_weights(b, trans, w->n, w->k, ordered);
    w->w = ordered;
    hn_status st = HN_OK;
    void *blob;
    size_t bytes = hn_q8_mat_plan(c, w, &p->mat);
    if (bytes > 0) {
        p->blob = hn_lower_const(c, bytes, &blob);
        if (p->blob >= 0)
            hn_q8_mat_pack(w, &p->mat, out, blob);
        else
            st = HN_NOMEM;
    } else if (!c->refused) {
        st = HN_BUG;
    }
    hn_free(c->env, ordered);
    return st;
}

static bool read_node(hn_lower *c, hn_q8_weights *w, hn_q8_out *out)
{
    static const float one = 1;
    const hn_node *node = c->node;
    if (hn_node_is(node, "MatMulInteger")) {
        *out = (hn_q8_out){.kind = HN_Q8_I32};
        w->scale = &one;
        w->nscale = 1;
        return hn_q8_zp_read(c, w);
    }
    const hn_tensor *m = hn_node_const(node, 2), *bias = hn_node_const(node, 3);
    if (m == NULL || (hn_node_in(node, 3) != NULL && bias == NULL)) {
        (void)hn_lower_refuse(c, "scales or bias are not constant");
        return false;
    }
    w->nscale = hn_tensor_elems(m);
    if ((w->nscale != 1 && w->nscale != w->n) || (bias != NULL && hn_tensor_elems(bias) != w->n)) {
        (void)hn_lower_refuse(c, "scales or bias do not have one entry per column");
        return false;
    }
    w->scale = m->data;
    w->bias = bias == NULL ? NULL : bias->data;
    w->x_zp = hn_attr_int(node, "x_zp", 0);
    w->w_zp = hn_attr_int(node, "w_zp", 0);
    return hn_q8_out_read(c, hn_node_in(node, 4), out);
}

static hn_status lower(hn_lower *c)
{
    const hn_node *node = c->node;
    const hn_type *a = &node->in[0]->type;
    const hn_tensor *b = hn_node_const(node, 1);
    if (b == NULL || b->rank != 2) return hn_lower_refuse(c, "the second matrix is not a constant of rank 2");
    if (a->rank < 1 || !hn_q8_is_byte(a->dtype) || !hn_q8_is_byte(b->dtype))
        return hn_lower_refuse(c, "inputs are not 8-bit matrices");
    bool trans = hn_attr_int(node, "trans_b", 0) != 0;
    hn_q8_weights w = {.n = (size_t)b->dims[!trans], .k = (size_t)b->dims[trans], .taps = 1, .groups = 1};
    w.w_signed = b->dtype == HN_I8;
    w.x_signed = a->dtype == HN_I8;
    size_t count = hn_type_elems(a);
    if (w.n == 0 || w.k == 0 || count == 0) return hn_lower_refuse(c, "empty");
    hn_q8_out out;
    if (!read_node(c, &w, &out)) return HN_OK;
    params *p = hn_lower_params(c, sizeof *p);
    if (p == NULL) return HN_NOMEM;
    p->rows = w.rows = count / w.k;
    HN_TRY(pack(c, &w, b, trans, &out, p));
    if (c->refused) return HN_OK;
    p->cut = hn_q8_cut_make(&p->mat, p->rows);
    p->a = hn_lower_input(c, 0);
    p->r = out.kind == HN_Q8_RESIDUAL ? hn_lower_input(c, 4) : -1;
    p->zp = w.x_zp_later ? hn_lower_input(c, 2) : -1;
    p->zp_signed = w.x_signed;
    if (w.x_zp_later) c->scratch_bytes = hn_q8_bias_bytes(&p->mat);
    p->y = hn_lower_output(c, 0);
    if (p->a < 0 || p->y < 0 || (p->r < 0 && out.kind == HN_Q8_RESIDUAL) || (p->zp < 0 && w.x_zp_later))
        return HN_NOMEM;
    c->inplace = p->r;
    return HN_OK;
}

static const char *const ops[] = {"hone.QGemm", "MatMulInteger", NULL};

const hn_driver hn_cpu_qgemm = {.name = "qgemm",
                                .doc = "8-bit matrix product with constant weights, exact",
                                .ops = ops,
                                .rank = 10,
                                .lower = lower,
                                .run = run};
