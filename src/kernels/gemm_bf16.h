/* gemm_bf16: tiles of C = bf16(A B + bias), one below the other: any m rows and n <= nr columns, edges inside; sums in
 * float32.
 *
 * B is [ceil(k / 2)][b_stride][2]: for each pair of depths and each column both bf16 values, zeros where k is odd or
 * the column does not exist, whole vectors of columns. Of A exactly k values a row are read, C is written only inside
 * the tiles. Sums run over the pairs in order. A record's flags hold the vector width in columns. */
#ifndef HN_KERNELS_GEMM_BF16_H
#define HN_KERNELS_GEMM_BF16_H

#include "kernels/kernel.h"

typedef struct hn_gemm_bf16 {
    size_t m, n, k; /* m, n >= 1 */
    const uint16_t *a;
    size_t a_stride;
    const uint32_t *b; /* pairs, the lower depth in the lower half */
    size_t b_stride;
    const uint32_t *ahead; /* a cache line of it is fetched with every 4 pairs in each tile; or NULL */
    size_t ahead_row;      /* pairs of `ahead` for each row */
    const float *bias;     /* n, or NULL */
    uint16_t *c;
    size_t c_stride;
} hn_gemm_bf16;

typedef void hn_gemm_bf16_fn(const hn_gemm_bf16 *g);

#endif
