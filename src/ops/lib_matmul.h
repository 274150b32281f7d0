/* lib_matmul: shapes of numpy-style matrix products and their loops over doubles or wrapping 64-bit integers. */
#ifndef HN_OPS_LIB_MATMUL_H
#define HN_OPS_LIB_MATMUL_H

#include "ops/lib_nn.h"

/* Output type dims of A x B; 1-D operands as numpy does. The dtype is the caller's. */
hn_status hn_mm_infer(hn_infer *c, size_t a, size_t b) HN_MUST_CHECK;

/* The product cut into matrices: product i of `batch` multiplies the m x k matrix at a_at(i) by the k x n matrix at
 * b_at(i). */
typedef struct hn_mm {
    size_t batch, m, n, k;
    int rank; /* of the batch dims */
    int64_t dims[HN_MAX_RANK], sa[HN_MAX_RANK], sb[HN_MAX_RANK];
} hn_mm;
hn_status hn_mm_read(hn_env *env, const hn_node *node, const hn_tensor *a, const hn_tensor *b, hn_mm *mm) HN_MUST_CHECK;
size_t hn_mm_a_at(const hn_mm *mm, size_t i); /* in elements */
size_t hn_mm_b_at(const hn_mm *mm, size_t i);

/* c[m][n] += a[m][k] b[k][n] */
void hn_mm_f64(size_t m, size_t n, size_t k, const double *a, const double *b, double *c);
void hn_mm_i64(size_t m, size_t n, size_t k, const int64_t *a, const int64_t *b, int64_t *c);
void hn_mm_run_f64(const hn_mm *mm, const double *a, const double *b, double *c);
/* Transpose of an r x c matrix. */
void hn_mm_flip(size_t r, size_t c, const double *src, double *dst);
bool hn_mm_shard(hn_shard *s);                    /* the same; no operand of one dim */
void hn_mm_cost(const hn_node *n, hn_cost *cost); /* A and B are inputs 0 and 1 */

#endif
