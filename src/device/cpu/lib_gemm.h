/* lib_gemm: the loops around the gemm_f32 kernel - panels, blocks, tasks - for every driver that multiplies matrices.
 *
 * B is packed into panels of whole vectors, [taps * k][panel width], one after the other; a panel never exceeds the
 * kernel's nr. The task grid follows from the shape alone, and no sum is ever cut between tasks. */
#ifndef HN_DEVICE_CPU_LIB_GEMM_H
#define HN_DEVICE_CPU_LIB_GEMM_H

#include "device/device.h"
#include "kernels/gemm_f32.h"

enum { HN_GEMM_ROWS = 192, HN_GEMM_BATCH_RANK = 8 };

/* Plain data: part of a step's parameters. */
typedef struct hn_gemm_plan {
    uint64_t m, n, taps, k, batch;
    uint32_t lanes, mr, units, panels;        /* units: vectors that cover n */
    uint32_t mblock, mblocks, nblocks, chunk; /* rows a task; tasks down and across; depth of each tap a pass */
    uint32_t chunk_taps;                      /* taps a pass; where the chunk is not all of k, 1 */
    uint32_t any, rows_first; /* the kernel takes any number of rows; all panels meet a tile's rows in one call */
} hn_gemm_plan;

/* The record of a family for n columns, by rank, tiles, and what its vectors pad, appended to the step's kernels. */
const hn_kernel *hn_tile_kernel(hn_lower *c, const char *family, size_t n);
/* The same for m rows of a product; NULL when there is none. */
const hn_kernel *hn_gemm_kernel(hn_lower *c, const char *family, size_t m, size_t n);
void hn_gemm_plan_init(hn_gemm_plan *p, const hn_kernel *kernel, size_t batch, size_t m, size_t n, size_t taps,
                       size_t k);
/* The same problem with another number of rows: panels, and so packed weights, stay. */
void hn_gemm_plan_rows(hn_gemm_plan *p, size_t m);
size_t hn_gemm_packed_floats(const hn_gemm_plan *p); /* of one B */
/* Where column n of row 0 lies in the packed form, and the distance between rows there. */
size_t hn_gemm_packed_at(const hn_gemm_plan *p, size_t n, size_t *row_stride);
/* Pack columns of units [u0, u1): element (k, n) is scale * b[k * sk + n * sn]. */
void hn_gemm_pack_units(const hn_gemm_plan *p, float *dst, const float *b, size_t sk, size_t sn, float scale, size_t u0,
                        size_t u1);
void hn_gemm_pack(const hn_gemm_plan *p, float *dst, const float *b, size_t sk, size_t sn, float scale);

/* The first unit of panel j; of number `panels`: units. */
size_t hn_gemm_panel(const hn_gemm_plan *p, size_t j);
/* Rows a multiple of 4 KiB apart share the sets of L1 and L2; where all of B passes over them, a copy that lies apart
 * pays. */
bool hn_gemm_collides(size_t row_bytes, size_t m, size_t n);
void hn_gemm_spread(hn_pool *pool, const void *src, size_t row_bytes, void *dst, size_t stride_bytes, size_t rows);

/* Strides of the batch dims; outermost first. */
typedef struct hn_gemm_batch {
    uint32_t rank;
    uint64_t dims[HN_GEMM_BATCH_RANK];
    uint64_t a[HN_GEMM_BATCH_RANK], b[HN_GEMM_BATCH_RANK]; /* in elements of A; in matrices B */
} hn_gemm_batch;

/* What the node multiplies, read off its op. */
typedef struct hn_gemm_problem {
    const hn_value *a, *b, *c, *r;
    size_t m, n, k;
    bool trans_a, trans_b;
    float scale, c_scale;
} hn_gemm_problem;
void hn_gemm_problem_read(const hn_node *n, hn_gemm_problem *q);
/* Batch dims of A and B, aligned at the right, into strides; a B without batch lets A's batch join the rows. False for
 * too many dims. */
bool hn_gemm_batch_read(hn_gemm_problem *q, hn_gemm_batch *batch, size_t *count, size_t *b_matrices);
/* Elements of A and matrices of B from the first to number `index` of the batch. */
void hn_gemm_batch_at(const hn_gemm_batch *batch, size_t index, size_t *a, size_t *b);

/* Pointers to rows [m0, m0 + count) of A. */
typedef void hn_gemm_rows_fn(const void *self, size_t m0, size_t count, const float **rows);

typedef struct hn_gemm_job {
    const hn_gemm_plan *plan;
    const hn_kernel *kernel;
    const hn_gemm_batch *batch; /* NULL: one matrix */
    const float *a;             /* rows at a + i * a_stride, unless rows is set */
    size_t a_stride;
    hn_gemm_rows_fn *rows;
    const void *rows_self;
    const int32_t *tap;        /* NULL: one tap at 0 */
    const float *b;            /* packed, or with b_stride > 0 row-major and n a multiple of the lanes */
    size_t b_stride, b_matrix; /* b_matrix: floats from one B to the next */
    float *c;
    size_t c_stride, c_matrix;
    hn_epilogue_f32 ep; /* of the whole matrix; bias and residual move with c; the residual does not overlap c */
    size_t bias_matrix, residual_matrix;
} hn_gemm_job;

void hn_gemm_run(hn_pool *pool, const hn_gemm_job *job);

/* ---- epilogue attributes: act, act_alpha, act_beta, act_first ---- */
/* Fill act, a, b, act_first from the node. False when the function's name is unknown. */
bool hn_epilogue_read(const hn_node *node, hn_epilogue_f32 *ep);
/* The same but for act_first, from values. */
bool hn_epilogue_named(hn_str name, double alpha, double beta, hn_epilogue_f32 *ep);

/* out[c][r] = in[r][c] through kernel family transpose_b4; work is cut into tasks. */
typedef struct hn_planes {
    const float *src;
    float *dst;
    size_t count, rows, cols; /* `count` matrices [rows][cols] one after the other in both */
} hn_planes;
void hn_planes_run(hn_pool *pool, const hn_kernel *kernel, const hn_planes *p);

#endif
