/* wino_f32: a run of tiles of a 3 x 3 convolution with stride 1 by Winograd's minimal filtering F(t x t, 3 x 3),
 * channels last, y = epilogue(x * w).
 *
 * Tiles of t x t outputs are numbered over image, row, column of the tile. A tile's window of a x a = (t + 2)^2 inputs
 * is transformed, V = B' d B; a^2 products over the channels follow, M = V U; the outputs are A' M A. Windows may leave
 * the image (zeros there) and tiles may leave the output (nothing is stored there). U is packed by the caller:
 * [panel][a^2][c][panel width], panels of nr channels, the last one as many whole vectors as it needs, zeros in what is
 * too much. Nothing is over-read but U's whole vectors.
 *
 * variant: t. mr: tiles that are multiplied together. flags: lanes of a vector. An infinity or NaN in a window reaches
 * all outputs of its tile. */
#ifndef HN_KERNELS_WINO_F32_H
#define HN_KERNELS_WINO_F32_H

#include "kernels/epilogue.h"
#include "kernels/kernel.h"

typedef struct hn_wino_f32 {
    size_t h, w, c;      /* input image */
    size_t oh, ow, m;    /* output image */
    size_t down, across; /* tiles of an image */
    ptrdiff_t pt, pl;    /* input row 0 is at output row pt - 1 of an unpadded window, and so on: pads of the window */
    const float *x;      /* of image 0 */
    float *y;            /* of image 0 */
    size_t y_stride;     /* from pixel to pixel; m where there is a residual */
    const float *u;      /* packed */
    float *scratch;      /* hn_wino_f32_floats of them; fastest on a 64-byte boundary */
    size_t first, count; /* tiles, count >= 1 */
    size_t ahead;        /* tiles after these to ask memory for, outputs too; 0 where all is in cache */
    hn_epilogue_f32 ep;  /* bias of channel 0; residual of image 0, as y */
} hn_wino_f32;

typedef void hn_wino_f32_fn(const hn_wino_f32 *g);

/* Floats of V for one group of mr tiles and one of the a^2 products: an odd number of vectors, which spreads over cache
 * sets. */
static inline size_t hn_wino_f32_product(size_t mr, size_t lanes, size_t c)
{
    size_t vectors = (c + lanes - 1) / lanes * mr;
    return (vectors + 1 - vectors % 2) * lanes;
}

/* Floats that kernels may leave between the products of two vectors of M, for the same reason. */
enum { HN_WINO_F32_GAP = 16 };

/* Scratch for `count` tiles: V of all channels, M of one panel, a row of zeros. */
static inline size_t hn_wino_f32_floats(const hn_kernel *k, size_t c, size_t count)
{
    size_t a = k->variant + 2u, lanes = k->flags, groups = (count + k->mr - 1) / k->mr;
    size_t v = groups * a * a * hn_wino_f32_product(k->mr, lanes, c);
    return v + groups * k->mr * (a * a * lanes + HN_WINO_F32_GAP) * (k->nr / lanes) + (c + 15) / 16 * 16;
}

#endif
