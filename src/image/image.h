/* image: 8-bit pixels in memory; decoding of pictures; the bilinear resize.
 *
 * Decoding and resizing give the bytes of Pillow (libjpeg defaults: ISLOW, fancy upsampling; two-pass fixed-point
 * resize with the triangle filter widened by the reduction), because published accuracies were measured on those. */
#ifndef HN_IMAGE_IMAGE_H
#define HN_IMAGE_IMAGE_H

#include "base/arena.h"

typedef struct hn_image {
    uint8_t *pixels; /* rows of width * channels bytes, no padding */
    int width, height;
    int channels; /* 1 gray, 3 RGB */
} hn_image;

#define HN_IMAGE_MAX_PIXELS ((size_t)64 << 20) /* default limit: 64 Mi pixels */

/* JPEG, JPEG 2000, PNG, BMP, PNM, TIFF or WebP by content. Alpha is dropped, 16 bits are cut to 8, palettes expand,
 * CMYK becomes RGB. A format that is known but not read here (GIF) is HN_UNSUPPORTED by name. */
hn_status hn_image_decode(hn_env *env, hn_arena *arena, const void *bytes, size_t size, size_t max_pixels,
                          hn_image *out) HN_MUST_CHECK;
/* Width, height and channels only; pixels is NULL. */
hn_status hn_image_measure(hn_env *env, const void *bytes, size_t size, size_t max_pixels, hn_image *out) HN_MUST_CHECK;
/* True when the bytes begin like a file that is decoded here. */
bool hn_image_known(const void *bytes, size_t size);
bool hn_image_file_name(
    const char *name); /* .jpg .jpeg .png .bmp .ppm .pgm .pbm .pnm .tif .tiff .webp .jp2 .j2k, any case */

/* `out` of the three below may be the struct that `in` points to. */
hn_status hn_image_resize(hn_env *env, hn_arena *arena, const hn_image *in, int width, int height,
                          hn_image *out) HN_MUST_CHECK;
hn_status hn_image_crop(hn_env *env, hn_arena *arena, const hn_image *in, int x, int y, int width, int height,
                        hn_image *out) HN_MUST_CHECK;
/* channels 1 or 3. Gray is (19595 R + 38470 G + 7471 B + 32768) >> 16; RGB from gray repeats it. */
hn_status hn_image_convert(hn_env *env, hn_arena *arena, const hn_image *in, int channels, hn_image *out) HN_MUST_CHECK;

#endif
