/* lib_conv: direct convolution and its two adjoints on double arrays in NCHW order, for the reference kernels. Integers
 * are exact: their sums stay below 2^53. */
#ifndef HN_OPS_LIB_CONV_H
#define HN_OPS_LIB_CONV_H

#include "ops/lib_window.h"

typedef struct hn_conv {
    int64_t batch, cin, cout, group; /* channels of the whole image, not of one group */
    hn_window w;
} hn_conv;

typedef enum hn_conv_what {
    HN_CONV_FORWARD, /* y += conv(x, w) */
    HN_CONV_INPUT,   /* x += the adjoint with respect to x, of y */
    HN_CONV_WEIGHT   /* w += the adjoint with respect to w, of x and y */
} hn_conv_what;

/* x: [batch, cin, in...], w: [cout, cin / group, k...], y: [batch, cout, out...]. */
void hn_conv_run(hn_conv_what what, const hn_conv *g, double *x, double *w, double *y);

/* Geometry of a Conv-like node (X, W of [M, C/g, k...]) from X's dims and W's dims. Unknown dims allowed (-1). layout
 * 1: x is [N, spatial..., C]. Checks channels against `group`. */
hn_status hn_conv_read(hn_env *env, const hn_node *node, int rank, const int64_t *x, const int64_t *w, bool nhwc,
                       hn_conv *g) HN_MUST_CHECK;
/* Output dims in the given layout. */
void hn_conv_out_dims(const hn_conv *g, bool nhwc, int64_t *dims);
/* Shared inference of Conv-like rows: ranks, geometry and out[0]'s dims; the dtype is the caller's. */
hn_status hn_conv_infer(hn_infer *c, size_t x, size_t w, size_t bias) HN_MUST_CHECK;
void hn_conv_cost(const hn_node *n, hn_cost *cost); /* weights are input 1 */

/* Gradients as nodes: of the input, of the weights, of the bias, from the gradient of the output. */
hn_value *hn_conv_g_input(hn_rw *rw, const hn_conv *g, hn_value *dy, hn_value *w);
hn_value *hn_conv_g_weight(hn_rw *rw, const hn_conv *g, hn_value *dy, hn_value *x);
hn_value *hn_conv_g_bias(hn_rw *rw, hn_value *dy);
/* A plain Conv of the same geometry. */
hn_value *hn_conv_g_forward(hn_rw *rw, const hn_conv *g, hn_value *x, hn_value *w);

/* Copy between channels-last and channels-first; `to_first` says which way. */
void hn_conv_swap_layout(const double *src, double *dst, size_t batch, size_t channels, size_t spatial, bool to_first);

#endif
