/* lib_q: quantised values in a float graph, and the integer rows that QuantizeLinear nodes turn into. */
#ifndef HN_PASSES_LIB_Q_H
#define HN_PASSES_LIB_Q_H

#include "passes/lib_epilogue.h"

/* Parameters of an 8-bit tensor, one scale for all: value = (q - zp) * scale. */
typedef struct hn_qp {
    double scale;
    int64_t zp;
    hn_dtype dtype;
} hn_qp;

static inline int64_t hn_qp_lo(const hn_qp *p)
{
    return p->dtype == HN_U8 ? 0 : -128;
}
static inline int64_t hn_qp_hi(const hn_qp *p)
{
    return p->dtype == HN_U8 ? 255 : 127;
}
static inline bool hn_qp_same(const hn_qp *a, const hn_qp *b)
{
    return a->scale == b->scale && a->zp == b->zp && a->dtype == b->dtype;
}

/* v is DequantizeLinear of an 8-bit tensor with one constant scale: the tensor, else NULL. */
hn_value *hn_q_source(const hn_value *v, hn_qp *p);
/* Parameters of a QuantizeLinear (scales in input 1, zero point in 2) that gives 8 bits; false when they are not
 * constant. */
bool hn_q_params(const hn_node *n, hn_qp *p);

/* The range that activations leave, in Y's integers. */
typedef struct hn_q_range {
    int64_t lo, hi;
} hn_q_range;
hn_q_range hn_q_full(const hn_qp *y);
/* Walks up from v over Relu and Clip that only this path reads, narrowing the range; returns the value before them. */
hn_value *hn_q_before_act(hn_value *v, const hn_qp *y, hn_q_range *r);
/* n is Relu or Clip with constant bounds that do not cross: what it clamps its input to. */
bool hn_q_act_bounds(const hn_node *n, double *lo, double *hi);

/* A product with constant integer weights, float or integer result. */
typedef struct hn_q_product {
    hn_node *node; /* Conv, Gemm or MatMul */
    hn_value *x, *w;
    hn_qp xp;
    int64_t w_zp, channels;
    int64_t *w_zps;  /* where channels differ (w_zp is 0 then): weights less these fit 8 bits; else NULL */
    double *w_scale; /* per channel */
    hn_value *bias;  /* float constant or DequantizeLinear of one, or NULL */
    bool conv, trans_b;
    hn_window_attrs window;
    double lo, hi; /* bounds of a float result, infinite for none */
} hn_q_product;
/* n as such a product; false when a part of it is not an integer. */
bool hn_q_product_of(hn_pass_ctx *c, hn_node *n, hn_q_product *p);
/* Emit hone.QConv or hone.QGemm. y NULL: float result. Returns NULL, without failing, when the bias does not fit. */
hn_value *hn_q_product_emit(hn_rw *rw, hn_q_product *p, const hn_qp *y, hn_q_range range);

/* hone.QLut for the function from `from` to the QuantizeLinear n, through the elementwise nodes between them; NULL
 * without failing when there is no such function. */
hn_status hn_q_lut(hn_pass_ctx *c, hn_rw *rw, hn_node *n, hn_value **out) HN_MUST_CHECK;
/* q with parameters `from` written with parameters `to`: itself or one more hone.QLut. */
hn_value *hn_q_rescale(hn_rw *rw, hn_value *q, const hn_qp *from, const hn_qp *to);

/* DequantizeLinear moves down past a node that only moves elements; true when n was one and was rewritten. */
hn_status hn_q_sink(hn_pass_ctx *c, hn_node *n, bool *done) HN_MUST_CHECK;

#endif
