/* lib_q8: what the 8-bit drivers share: reading the requantisation attributes, packing weights with zero points folded
 * into the bias, and running a block of rows through the packed panels. Everything is moved to the u8 domain of
 * kernels/q8.h here. */
#ifndef HN_DEVICE_CPU_LIB_Q8_H
#define HN_DEVICE_CPU_LIB_Q8_H

#include "device/device.h"
#include "kernels/gemm_q8.h"

enum { HN_Q8_ROWS = 192 }; /* most rows of one task: A of a block stays in L2, row sums on the stack */

/* How weights are packed: for VNNI and baseline kernels, or in one of the two other forms of kernels/gemm_q8.h. */
typedef enum hn_q8_form { HN_Q8_QUADS, HN_Q8_WORDS, HN_Q8_RUNS } hn_q8_form;

/* Packed weights: `groups` times n columns, K = taps * k. Plain data, part of a step's parameters; positions are bytes
 * in the step's constant operand. Panels of a group: `wide` of `strips` * 16 columns, the others one strip narrower. */
typedef struct hn_q8_mat {
    uint64_t n, k, taps, groups;
    uint64_t bytes;                         /* of k, those that count: a driver may raise k to whole groups of 4 */
    uint64_t panels, wide, strips, columns; /* columns: of all panels of a group, padding included */
    uint64_t b, bias, scale;
    uint64_t form, step;    /* step: bytes from panel to panel, except of QUADS */
    uint64_t slope;         /* what one more of x_zp adds to each bias, where x_zp is known only at run time; else 0 */
    int32_t has_sums, w_zp; /* has_sums: w_zp, not in the packed weights, comes off through sums of rows */
    uint32_t a_flip;
    hn_q8_out out;
} hn_q8_mat;

/* Unpacked weights. w: [groups * n][taps][k] bytes. */
typedef struct hn_q8_weights {
    size_t n, k, taps, groups;
    const uint8_t *w;
    bool w_signed, x_signed;
    bool x_zp_later; /* x_zp comes at run time: 0 here */
    int64_t x_zp, w_zp;
    const int32_t *bias; /* groups * n, or NULL */
    const float *scale;  /* nscale entries: 1 or groups * n */
    size_t nscale;
    size_t rows; /* of A */
} hn_q8_weights;

/* x ^ flip moves a byte of this type to the u8 domain. */
static inline uint8_t hn_q8_flip(hn_dtype t)
{
    return t == HN_I8 ? 0x80 : 0;
}
static inline int32_t hn_q8_bias(hn_dtype t)
{
    return t == HN_I8 ? 128 : 0;
}
static inline bool hn_q8_is_byte(hn_dtype t)
{
    return t == HN_U8 || t == HN_I8;
}

/* The residual of a node is one number for each channel, the same at all pixels. */
static inline bool hn_q8_residual_by_channel(const hn_node *node)
{
    const hn_value *r = hn_node_in(node, 4);
    return r != NULL && r->type.rank == 1;
}
/* Attributes t_*, r_*, y_* of QConv and QGemm. r: the residual input or NULL. False with the refusal recorded in c. */
bool hn_q8_out_read(hn_lower *c, const hn_value *r, hn_q8_out *out);
/* Zero point and limits of an output of type t in the u8 domain; false when they do not fit it. */
bool hn_q8_out_limits(hn_q8_out *out, hn_dtype t, int64_t zp, int64_t lo, int64_t hi);

/* What is known of sums: zeros, then one call for each channel, whose sums begin with `start` and whose weights, less
 * their zero point, come to `down` and `up` below and above zero; then what `bounded` of this output can be. */
typedef struct hn_q8_bounds {
    double reach; /* largest |sum * scale| */
    bool not_raised;
} hn_q8_bounds;
void hn_q8_bounds_add(hn_q8_bounds *b, int64_t start, int64_t down, int64_t up, float scale);
int32_t hn_q8_bounds_level(const hn_q8_bounds *b, const hn_q8_out *out);
/* A channel of weights that are all zero (pruned ones often have a bias of 2^30) has one sum: makes it a small one of
 * scale 1 with the same bytes. */
void hn_q8_settle(int64_t *sum, float *scale);

/* Zero points of ConvInteger and MatMulInteger. X's is input 2: constant, or one value that comes at run time; W's is
 * input 3: constant and the same everywhere. False with the refusal recorded. */
bool hn_q8_zp_read(hn_lower *c, hn_q8_weights *w);

/* Choose the form and kernels (appended to c->kernels: strips wide, one less wide, sums of rows) and lay out the
 * constant: sets all of mat but `out`, returns its bytes; 0 with the refusal recorded. */
size_t hn_q8_mat_plan(hn_lower *c, const hn_q8_weights *w, hn_q8_mat *mat);
/* Fill the constant at blob and set mat->out, with what the weights say about its bounds. */
void hn_q8_mat_pack(const hn_q8_weights *w, hn_q8_mat *mat, const hn_q8_out *out, uint8_t *blob);

/* Of the two: where panel p of a group begins, the bytes of all panels, element `at` of the weights as the kernel is to
 * see it, packing panel p of a group in a form other than QUADS. */
size_t hn_q8_panel_start(const hn_q8_mat *mat, size_t p);
size_t hn_q8_panels_bytes(const hn_q8_mat *mat);
static inline int64_t hn_q8_packed_weight(const hn_q8_weights *w, const hn_q8_mat *mat, size_t at)
{
    if (w->w_signed) return (int64_t)(int8_t)w->w[at] - (mat->has_sums ? 0 : w->w_zp);
    return (int64_t)w->w[at] - (mat->has_sums ? 128 : w->w_zp);
}
void hn_q8_panel_pack(const hn_q8_weights *w, const hn_q8_mat *mat, size_t group, size_t p, uint8_t *b);
/* Sets form and step of mat, whose n, k, taps and groups are set. runs, words: whether there are kernels. */
void hn_q8_form_choose(const hn_q8_weights *w, bool runs, bool words, hn_q8_mat *mat);

/* Where the rows come from and go to: fields a, lda, off, off_ld, tap_step, pad, y, ldy, r, ldr as in hn_gemm_q8, for
 * row 0 of group 0; groups lie side by side (k bytes of A, n elements of Y and R). */
typedef struct hn_q8_rows {
    const hn_kernel *const *kernels;
    const uint8_t *blob;
    const int32_t *bias; /* NULL: that of the blob */
    const uint8_t *a;
    size_t lda;
    const int32_t *off;
    size_t off_ld, tap_step;
    const uint8_t *pad;
    uint8_t *y;
    size_t ldy;
    const uint8_t *r;
    size_t ldr;
} hn_q8_rows;
/* The biases for this x_zp: hn_q8_bias_bytes of them. */
size_t hn_q8_bias_bytes(const hn_q8_mat *mat);
void hn_q8_bias_of(const hn_q8_mat *mat, const uint8_t *blob, int32_t x_zp, int32_t *bias);
/* Rows [i, i + m), m <= HN_Q8_ROWS; panels [p, p + panels) counted over all groups. */
void hn_q8_rows_run(const hn_q8_mat *mat, const hn_q8_rows *rows, size_t i, size_t m, size_t p, size_t panels);

/* The whole job as tasks cut by shape. */
typedef struct hn_q8_cut {
    uint64_t rows, blocks;         /* rows per block */
    uint64_t panels, panel_blocks; /* panels (of all groups) per block */
} hn_q8_cut;
hn_q8_cut hn_q8_cut_make(const hn_q8_mat *mat, size_t rows);

/* dst[cols][rows] = src[rows][cols] of bytes, or of 4-byte elements; cut into tasks by rows of dst. */
void hn_q8_transpose(hn_pool *pool, const uint8_t *src, size_t rows, size_t cols, uint8_t *dst);
void hn_q8_transpose4(hn_pool *pool, const uint8_t *src, size_t rows, size_t cols, uint8_t *dst);

/* Element i of 8-bit weights, less their zero point. */
static inline int64_t hn_q8_weight(const hn_tensor *w, int64_t zp, size_t i)
{
    return (w->dtype == HN_I8 ? (int64_t)((const int8_t *)w->data)[i] : (int64_t)((const uint8_t *)w->data)[i]) - zp;
}

#endif
