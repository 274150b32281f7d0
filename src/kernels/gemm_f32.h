/* gemm_f32: tiles of C = epilogue(A B), one below the other: any m rows and n <= nr columns, edges inside.
 *
 * A is read through row pointers so that the same kernel serves matrices and convolutions: row i of tap t is the k
 * floats at rows[i] + tap[t]. B is [taps * k][b_stride] floats starting at this tile's first column; n rounded up to
 * whole vectors must be readable in each of its rows (packed panels are padded with zeros). Nothing else is over-read,
 * C is written only inside the tiles. Sums run over t, then over k, in order. A record's flags hold the vector width in
 * floats. A record with a variant takes any n; the others keep to their tile's. */
#ifndef HN_KERNELS_GEMM_F32_H
#define HN_KERNELS_GEMM_F32_H

#include "kernels/epilogue.h"
#include "kernels/kernel.h"

typedef struct hn_gemm_f32 {
    size_t m, n, taps, k; /* m, n >= 1 */
    const float *const *rows;
    const int32_t *tap; /* element offsets */
    const float *b;
    size_t b_stride;
    const float *ahead; /* what the next tiles need: a cache line of it is fetched every 4 of k in each tile; or NULL */
    float *c;
    size_t c_stride;
    hn_epilogue_f32 ep;
    size_t ahead_row; /* floats of `ahead` for each row */
    /* For records with a variant alone: */
    size_t b_panel; /* not 0: B is panels of nr columns, this many floats apart, the last up to half as wide again, rows
                     * of each without gaps; all panels pass over a tile's rows before the next rows */
    uint32_t onto;  /* sums go on from what C holds, without the bias */
} hn_gemm_f32;

typedef void hn_gemm_f32_fn(const hn_gemm_f32 *g);

#endif
