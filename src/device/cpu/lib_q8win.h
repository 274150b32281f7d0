/* lib_q8win: windows of 8-bit convolutions and pools in one or two spatial dims, and moving images between layouts. */
#ifndef HN_DEVICE_CPU_LIB_Q8WIN_H
#define HN_DEVICE_CPU_LIB_Q8WIN_H

#include "device/cpu/lib_q8.h"

/* One spatial dim has h = oh = kh = 1. Pads are those at the beginning; the end follows from oh and ow. */
typedef struct hn_q8_window {
    uint64_t batch, c, h, w, m, oh, ow;
    uint64_t kh, kw, sh, sw, dh, dw, ph, pw;
} hn_q8_window;

/* From node attributes and the types of input 0 and output 0. kernel: dims of the window, one per spatial dim. False
 * with the refusal recorded. */
bool hn_q8_window_read(hn_lower *c, const int64_t *kernel, bool in_nhwc, bool out_nhwc, hn_q8_window *win);
bool hn_q8_window_is_pointwise(const hn_q8_window *win); /* every output pixel reads just the pixel at its own place */

/* Memory through which images pass that are not channels-last, or whose rows are to be padded. Plain data. */
typedef struct hn_q8_stage {
    uint64_t step;   /* images at a time */
    uint64_t x, y;   /* scratch bytes per image; 0: used where it lies */
    uint64_t ph, pw; /* padded: rows and pixels per row of the copy; 0: not padded */
    uint32_t in_nchw, out_nchw;
    uint32_t fill;    /* byte of padding */
    uint32_t element; /* bytes of an output element */
} hn_q8_stage;
/* Sets all of s; `padded` asks for a copy with explicit padding. Returns scratch bytes. */
size_t hn_q8_stage_plan(hn_q8_stage *s, const hn_q8_window *win, bool in_nhwc, bool out_nhwc, bool padded, uint8_t fill,
                        size_t element);
/* Images [first, first + count) into / out of scratch; nothing when they are used where they lie.
 * planes: a transpose_b1 kernel where the stage is padded and in_nchw. */
void hn_q8_stage_in(const hn_q8_stage *s, const hn_q8_window *win, hn_pool *pool, const hn_kernel *planes,
                    const uint8_t *x, uint8_t *scratch, size_t first, size_t count);
void hn_q8_stage_residual(const hn_q8_stage *s, const hn_q8_window *win, hn_pool *pool, const uint8_t *r,
                          uint8_t *scratch, size_t first, size_t count);
void hn_q8_stage_out(const hn_q8_stage *s, const hn_q8_window *win, hn_pool *pool, uint8_t *scratch, uint8_t *y,
                     size_t first, size_t count);

/* off[t * oh * ow + row]: byte offset of the pixel in an image of `pixel` bytes per pixel, -1 outside. With a padded
 * stage: only tap 0, never outside; the others, one per kernel row, follow at hn_q8_tap_step. */
size_t hn_q8_tap_step(const hn_q8_window *win, const hn_q8_stage *s); /* 0 without padding */
void hn_q8_offsets(const hn_q8_window *win, const hn_q8_stage *s, int32_t *off);

#endif
