/* conv_few_f32: one row of outputs of a convolution of few input channels, every output channel.
 *
 * Output pixel o of channel m is epilogue(sum over lines l < lines and taps t < run, in this order, of
 * x[line[l] + o * step + t] * w[(l * run + t) * w_stride + m]). A line is a row of one plane of a channels-first image,
 * or a row of all channels of a channels-last one: image borders are the caller's. Weights are over-read up to
 * w_stride, n rounded up to whole vectors. With fewer pixels than HN_CONV_FEW_PIXELS a line is over-read as if there
 * were that many. y has stride n between pixels; there is no residual. A record's flags hold the vector width in
 * floats. Family conv_plane_f32 takes the same for n <= 8 and step <= 2. */
#ifndef HN_KERNELS_CONV_FEW_F32_H
#define HN_KERNELS_CONV_FEW_F32_H

#include "kernels/epilogue.h"
#include "kernels/kernel.h"

enum { HN_CONV_FEW_PIXELS = 16 };

typedef struct hn_conv_few_f32 {
    size_t lines, run, step, pixels, n; /* step: 1, 2, 3 or 6 */
    const float *x;
    const int32_t *line;
    const float *w;
    size_t w_stride;
    float *y;
    hn_epilogue_f32 ep;
} hn_conv_few_f32;

typedef void hn_conv_few_f32_fn(const hn_conv_few_f32 *g);

#endif
