/* line_f32: the two ends of a 5-tap convolution along a line, stride 1, by minimal filtering F(4, 5) (Toom and Cook's
 * points 0, 1, -1, 2, -2, 1/2, -1/2 and infinity): four outputs take 8 products a pair of channels instead of 20.
 *
 * Variant 0 transforms windows of 8 pixels: rows[8 t + i] points at pixel i of tile t (c floats, zeros beyond the
 * line), product i of tile t goes to v + i * v_matrix + t * c. Variant 1 makes outputs of sums laid out likewise with c
 * output channels: output i < 4 of tile t is stored through out[4 t + i] when that is not NULL, through the epilogue;
 * its residual lies at the same distance from ep.residual as the output from y. Nothing is over-read. */
#ifndef HN_KERNELS_LINE_F32_H
#define HN_KERNELS_LINE_F32_H

#include "kernels/epilogue.h"
#include "kernels/kernel.h"

enum { HN_LINE_OUTPUTS = 4, HN_LINE_TAPS = 5, HN_LINE_PRODUCTS = 8 };
enum { HN_LINE_IN = 0, HN_LINE_OUT = 1 };

typedef struct hn_line_f32 {
    size_t tiles, c;
    const float *const *rows; /* variant 0 */
    float *v;                 /* written by variant 0, read by variant 1 */
    size_t v_matrix;
    float *const *out; /* variant 1 */
    const float *y;    /* where output 0 of the whole tensor lies */
    hn_epilogue_f32 ep;
} hn_line_f32;

typedef void hn_line_f32_fn(const hn_line_f32 *g);

#endif
