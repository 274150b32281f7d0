/* lib_signal: what the rows of signal processing share: windows as sums of cosines, and the discrete Fourier transform
 * of any length on arrays of interleaved doubles. */
#ifndef HN_OPS_LIB_SIGNAL_H
#define HN_OPS_LIB_SIGNAL_H

#include "ops/lib_nn.h"

/* One integer from a tensor of one element; HN_INPUT names the node and `what`. */
hn_status hn_signal_int(hn_env *env, const hn_node *node, const hn_tensor *t, const char *what, int64_t min,
                        int64_t *out) HN_MUST_CHECK;

/* ---- windows: w[k] = a - b cos(2 pi k / n) + c cos(4 pi k / n), n = size (periodic) or size - 1 ---- */
hn_status hn_signal_window_infer(hn_infer *c);
hn_status hn_signal_window(const hn_refargs *a, double x, double y, double z);
/* Cases of a window row; want: the symmetric window of size 5. */
hn_status hn_signal_window_cases(hn_cases *c, const double *want);

#define HN_SIGNAL_DTYPE                                                                       \
    {                                                                                         \
        "output_datatype", HN_ATTR_INT, false, "1", "element type of the output; default f32" \
    }
hn_status hn_signal_dtype(hn_infer *c); /* sets the dtype of output 0 from output_datatype */

/* ---- transforms ---- */
/* y[k] = sum_n x[n] e^(-+ 2 pi i k n / n), + with inverse; not scaled. x and y are 2 n doubles and do not overlap;
 * mixed radix, so that the cost is n times the sum of the prime factors of n. */
typedef struct hn_dft {
    size_t n;
    double *turn;    /* e^(-+ 2 pi i k / n) */
    double *scratch; /* 2 n */
} hn_dft;
hn_status hn_dft_init(const hn_refargs *a, size_t n, bool inverse, hn_dft *d) HN_MUST_CHECK;
void hn_dft_run(const hn_dft *d, const double *x, double *y);

/* What one axis of a DFT or STFT does. */
typedef struct hn_dft_axis {
    int64_t in, n, out;  /* elements read, length of the transform, elements written */
    int in_parts, parts; /* 1: real, 2: complex */
    bool inverse, onesided;
} hn_dft_axis;
/* The transform as a matrix M [in * in_parts, out * parts], in double: y = x M. Only inputs below n count. */
double hn_dft_weight(const hn_dft_axis *s, int64_t i, int ip, int64_t k, int kp);
/* One signal: x with `step` doubles between its elements, zeros past `in`, y likewise; buf holds 4 n doubles. */
void hn_dft_signal(const hn_dft_axis *s, const hn_dft *d, const double *x, size_t x_step, double *y, size_t y_step,
                   double *buf);
/* Nodes for the same along `axis` of x (rank r, last dim the parts); HN_UNSUPPORTED for very long transforms. */
hn_status hn_dft_nodes(hn_rw *rw, const hn_node *node, const hn_dft_axis *s, hn_value *x, int axis,
                       hn_value **out) HN_MUST_CHECK;

#endif
