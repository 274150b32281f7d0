/* lib_image: images and sliding windows as the convolution and pooling drivers see them: two spatial dims (one dim is a
 * row), plain integers, a layout for each side. Kernels work on channels-last rows; channels-first images are turned on
 * the way in and out. */
#ifndef HN_DEVICE_CPU_LIB_IMAGE_H
#define HN_DEVICE_CPU_LIB_IMAGE_H

#include "device/device.h"

/* Plain data: part of a step's parameters. */
typedef struct hn_image {
    int32_t n, c, h, w; /* input */
    int32_t m, oh, ow;  /* output channels and size */
    int32_t kh, kw, sh, sw, dh, dw;
    int32_t pt, pl, pb, pr;
    int32_t in_first, out_first; /* channels first; 0 also where the two layouts are the same bytes */
} hn_image;

/* Read the node's window attributes for input 0 of rank 3 or 4 and output 0. kernel: weights' spatial dims, or NULL.
 * *why is set when the geometry is not one of these (then the driver refuses with it). */
hn_status hn_image_read(hn_lower *c, const int64_t *kernel, hn_image *g, const char **why) HN_MUST_CHECK;

/* Copy `count` images from `first` on into channels-last images of hp x wp with the input at (pt, pl) and `fill`
 * around. */
typedef struct hn_image_pad {
    const hn_image *g;
    const hn_kernel *transpose; /* for channels-first input; else NULL */
    const float *src;           /* of image 0 */
    float *dst;
    size_t first, count, hp, wp;
    float fill;
} hn_image_pad;
void hn_image_pad_run(hn_pool *pool, const hn_image_pad *p);

#endif
