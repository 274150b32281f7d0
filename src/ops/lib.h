/* lib: what rows share - ports, inference, reference loops over broadcast operands, element moves, gradient shorthands.
 *
 * A row file reads: formula, ref, grad, cases, ports, row. Everything here is a pure function of its arguments. */
#ifndef HN_OPS_LIB_H
#define HN_OPS_LIB_H

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/size.h"
#include "ir/op.h"
#include "ir/rewrite.h"
#include "ops/cases.h"

/* ---- saying what a row is ---- */
#define HN_PORTS(i, min, o) \
    .in = (i), .nin = HN_COUNT(i), .nin_min = (min), .out = (o), .nout = HN_COUNT(o), .nout_min = 1
#define HN_GRAD(fn)         .grad_kind = HN_GRAD_BUILDER, .grad = (fn)
#define HN_GRAD_NO(reason)  .grad_kind = HN_GRAD_NONE, .grad_reason = (reason)
#define HN_NO_SEQUENCE_GRAD "gradients do not flow through sequences and optionals; use plain tensors (Concat, Split)"
#define HN_NO_TEXT_GRAD     "text has no derivative"
#define HN_T_BOOL           HN_BIT(HN_BOOL)
#define HN_T_I64            HN_BIT(HN_I64)
#define HN_T_I32I64         (HN_BIT(HN_I32) | HN_BIT(HN_I64))
#define HN_T_STRING         HN_BIT(HN_STRING)
/* Every type of ONNX tensors but the 8-, 6-, 4- and 2-bit ones: what most moving ops allow. */
#define HN_T_MOVE           (HN_T_NUM | HN_T_BOOL | HN_T_STRING | HN_T_COMPLEX)

/* ---- attributes and small integer inputs ---- */
enum { HN_OPS_INTS = 64 }; /* most entries of a list of axes, pads, splits or sizes read by hn_op_ints */
/* Axis in [-rank, rank) to [0, rank); HN_INPUT names the node. */
hn_status hn_op_axis(hn_env *env, const hn_node *node, int64_t axis, int rank, int *out) HN_MUST_CHECK;
/* Entries of an i32 or i64 tensor (any shape). HN_INPUT when there are more than max. */
hn_status hn_op_ints(hn_env *env, const hn_node *node, const hn_tensor *t, size_t max, int64_t *dst,
                     size_t *count) HN_MUST_CHECK;
/* A set of axes as flags; count 0 with none_is_all: every axis. Repeated axes are HN_INPUT. */
hn_status hn_op_axes(hn_env *env, const hn_node *node, size_t count, const int64_t *axes, int rank, bool none_is_all,
                     bool flag[HN_MAX_RANK]) HN_MUST_CHECK;
hn_status hn_op_fail(hn_env *env, const hn_node *node, const char *fmt, ...)
    HN_PRINTF(3, 4); /* HN_INPUT "node (Op): ..." */
hn_status hn_op_unsupported(hn_env *env, const hn_node *node, const char *fmt, ...) HN_PRINTF(3, 4);

/* ---- inference ---- */
hn_status hn_infer_same(hn_infer *c);      /* every output: the type of input 0 */
hn_status hn_infer_broadcast(hn_infer *c); /* out 0: dtype of input 0, dims broadcast from all inputs */
hn_status hn_infer_compare(hn_infer *c);   /* the same with dtype bool */
/* Broadcast the shapes of in[0..n) into out's rank and dims. */
hn_status hn_infer_broadcast_of(hn_infer *c, size_t n, const hn_type *const *in, hn_type *out) HN_MUST_CHECK;
/* The dim two aligned dims broadcast to; false when they cannot. */
bool hn_dim_broadcast(int64_t a, int64_t b, int64_t *out);
/* The more exact of two dims that must be equal; false when both are known and differ. */
bool hn_dim_meet(int64_t a, int64_t b, int64_t *out);
/* Sum of known dims, else -1. */
int64_t hn_dim_add(int64_t a, int64_t b);
int64_t hn_dim_mul(int64_t a, int64_t b);                    /* product of known dims, else -1; 0 wins over unknown */
int64_t hn_dims_product(const hn_type *t, int from, int to); /* of dims [from, to), else -1 */
void hn_type_unknown_dims(hn_type *t, int rank);             /* rank set, every dim -1 */

/* ---- reference loops ---- */
/* A function in each of the three domains arithmetic happens in. u NULL: the bits of i serve unsigned types too; i
 * NULL: integers are computed in double. */
typedef struct hn_fn1 {
    double (*f)(double x);
    double (*fp)(double x, const double *p); /* instead of f: with the parameters given to the loop */
    int64_t (*i)(int64_t x);
    uint64_t (*u)(uint64_t x);
} hn_fn1;
typedef struct hn_fn2 {
    double (*f)(double a, double b);
    int64_t (*i)(int64_t a, int64_t b);
    uint64_t (*u)(uint64_t a, uint64_t b);
} hn_fn2;
hn_status hn_ref_unary(const hn_refargs *a, const hn_fn1 *fn, const double *p);
hn_status hn_ref_binary(const hn_refargs *a, const hn_fn2 *fn);
hn_status hn_ref_fold(const hn_refargs *a, const hn_fn2 *fn,
                      double scale);        /* n-ary left fold; float results times scale */
hn_status hn_ref_copy(const hn_refargs *a); /* out 0 has the bytes of in 0; for a list, its entries */
/* Out 0 becomes v, an entry of a list: the bytes into a tensor of the same shape, a list as it is. */
hn_status hn_ref_take(const hn_refargs *a, const hn_tensor *v);
/* A position in a sequence of n entries from a tensor of one integer, in [-n, n - 1], or [-n, n] with `end`. */
hn_status hn_op_position(hn_env *env, const hn_node *node, const hn_tensor *t, size_t n, bool end,
                         size_t *out) HN_MUST_CHECK;

/* True for dtypes computed as integers (bool among them). */
static inline bool hn_ref_integer(hn_dtype t)
{
    return t == HN_BOOL || hn_dtype_is_int(t);
}
/* Unsigned value of an element of an unsigned type or bool. */
static inline uint64_t hn_get_u64(const hn_tensor *t, size_t i)
{
    return (uint64_t)hn_get_i64(t, i);
}

/* Walks a shape in row-major order, keeping the element offsets of up to HN_WALK_MAX operands that are broadcast to it.
 */
enum { HN_WALK_MAX = 4 };
typedef struct hn_walk {
    int rank;
    size_t n;
    int64_t dims[HN_MAX_RANK], at[HN_MAX_RANK];
    int64_t stride[HN_WALK_MAX][HN_MAX_RANK];
    int64_t offset[HN_WALK_MAX];
} hn_walk;
void hn_walk_init(hn_walk *w, int rank, const int64_t *dims);
void hn_walk_add(hn_walk *w, const hn_tensor *t);                             /* broadcast, aligned at the last axis */
void hn_walk_add_strides(hn_walk *w, int64_t offset, const int64_t *strides); /* one stride per axis, in elements */
void hn_walk_next(hn_walk *w);

/* Any dtype, also packed, complex and string. */
void hn_elem_copy(const hn_tensor *dst, size_t i, const hn_tensor *src, size_t j);
void hn_elems_copy(const hn_tensor *dst, size_t i, const hn_tensor *src, size_t j, size_t n);
int hn_elem_compare(const hn_tensor *a, size_t i, const hn_tensor *b,
                    size_t j); /* <0, 0, >0; strings by bytes; NaN last */
/* dst[k] = src[offset + sum at * strides] over dst's shape. */
void hn_strided_copy(const hn_tensor *dst, const hn_tensor *src, int64_t offset, const int64_t *strides);

/* ---- indices ---- */
/* Element offset (in units of the dims after the tuple) of the tuple at index[from .. from + n) into dims[0..n). */
hn_status hn_op_tuple(hn_env *env, const hn_node *node, const hn_tensor *index, size_t from, int n, const int64_t *dims,
                      size_t *out) HN_MUST_CHECK;
/* Offset into x of the coordinates `at` with the one along the attribute axis replaced by index[i]. */
hn_status hn_op_along(hn_env *env, const hn_node *node, const hn_tensor *x, const hn_tensor *index, size_t i,
                      const int64_t *at, size_t *out) HN_MUST_CHECK;
typedef enum hn_scatter_op {
    HN_SCATTER_NONE,
    HN_SCATTER_ADD,
    HN_SCATTER_MUL,
    HN_SCATTER_MAX,
    HN_SCATTER_MIN,
    HN_SCATTER_WRONG
} hn_scatter_op;
hn_scatter_op hn_scatter_kind(const hn_node *node); /* of the attribute reduction */
/* Nodes that scatter into x and gather from it as node n does, for its gradient. */
typedef struct hn_scatter_ops {
    hn_value *(*scatter)(hn_rw *rw, const hn_node *n, hn_value *x, hn_value *updates, const char *reduction);
    hn_value *(*gather)(hn_rw *rw, const hn_node *n, hn_value *x);
} hn_scatter_ops;
hn_status hn_scatter_grad(hn_gradargs *g, const hn_scatter_ops *o) HN_MUST_CHECK;
/* y[i..i+n) joined with u[j..j+n) by the node's reduction. */
hn_status hn_scatter_join(const hn_refargs *a, const hn_tensor *y, size_t i, const hn_tensor *u, size_t j,
                          size_t n) HN_MUST_CHECK;

/* ---- reductions: axes in input 1 or the attribute, keepdims, noop_with_empty_axes ---- */
hn_status hn_infer_reduce(hn_infer *c);
typedef struct hn_reduce {
    hn_fn2 fn; /* (accumulator, element); i NULL: integers are reduced in double and truncated */
    double start;
    int64_t start_i;
    uint64_t start_u;
    double (*finish)(double acc, double n, double max); /* of n elements; NULL: acc. Not on integer accumulators */
    bool shifted;                                       /* the loop hands over x - max and finish gets max */
} hn_reduce;
hn_status hn_ref_reduce(const hn_refargs *a, const hn_reduce *r);
void hn_cost_reduce(const hn_node *node, hn_cost *cost);
/* In a gradient builder of a reduction: v (the shape of output 0) with the reduced dims put back as 1. */
/* Determinant of m[n][n] by Gaussian elimination with partial pivoting, in place. */
double hn_det(double *m, size_t n);
hn_value *hn_g_keepdims(hn_gradargs *g, hn_value *v);
/* Flags of the axes that node reduces, from its constant axes; false when they are not constant. */
bool hn_reduce_axes(const hn_node *node, bool flag[HN_MAX_RANK]);

/* ---- shard rules ---- */
bool hn_shard_others_whole(const hn_shard *s, size_t from); /* inputs from number `from` on are absent or not cut */
bool hn_shard_all(hn_shard *s, int axis);                   /* every output is cut along `axis`; true */
bool hn_shard_view(hn_shard *s);                            /* the default of views */
bool hn_shard_first(hn_shard *s);                           /* input 0 along any axis, the others whole */
bool hn_shard_with(hn_shard *s, size_t r); /* input 0 along any axis, input r alike or absent, the others whole */
bool hn_shard_batch(hn_shard *s);          /* input 0 along its first axis, the others whole */
bool hn_shard_planes(hn_shard *s);         /* the same, or along its second */
bool hn_shard_residual(hn_shard *s);       /* the same, with the last port, R, absent or cut like input 0 */
bool hn_shard_rows(hn_shard *s);           /* the same along any axis of input 0 but the last */
bool hn_shard_off_axis(hn_shard *s);       /* all inputs along one axis, which is not the attribute axis */
bool hn_shard_arg(hn_shard *s);            /* one input off the attribute axis, which keepdims may drop */
bool hn_shard_before(hn_shard *s);         /* input 0 before the attribute axis, the others whole */
bool hn_shard_reduce(hn_shard *s);         /* input 0 along an axis that is not reduced; axes constant */
bool hn_shard_scaled(hn_shard *s); /* input 0; the others are one number or, off the cut, one per index of an axis */

/* ---- gradient shorthands ---- */
static inline hn_value *hn_g_add(hn_rw *rw, hn_value *a, hn_value *b)
{
    return hn_rw_2(rw, "Add", a, b);
}
static inline hn_value *hn_g_sub(hn_rw *rw, hn_value *a, hn_value *b)
{
    return hn_rw_2(rw, "Sub", a, b);
}
static inline hn_value *hn_g_mul(hn_rw *rw, hn_value *a, hn_value *b)
{
    return hn_rw_2(rw, "Mul", a, b);
}
static inline hn_value *hn_g_div(hn_rw *rw, hn_value *a, hn_value *b)
{
    return hn_rw_2(rw, "Div", a, b);
}
static inline hn_value *hn_g_neg(hn_rw *rw, hn_value *a)
{
    return hn_rw_1(rw, "Neg", a);
}
/* A scalar of the dtype of `like`. NULL passes through. */
static inline hn_value *hn_g_scalar(hn_rw *rw, const hn_value *like, double v)
{
    return like ? hn_rw_scalar(rw, like->type.dtype, v) : NULL;
}
static inline hn_value *hn_g_scale(hn_rw *rw, hn_value *x, double v)
{
    return hn_g_mul(rw, x, hn_g_scalar(rw, x, v));
}
static inline hn_value *hn_g_plus(hn_rw *rw, hn_value *x, double v)
{
    return hn_g_add(rw, x, hn_g_scalar(rw, x, v));
}
/* mask ? x : 0, with mask bool. */
hn_value *hn_g_where(hn_rw *rw, hn_value *mask, hn_value *x);
hn_value *hn_g_like(hn_rw *rw, hn_value *x, const hn_value *like);   /* reshape to the dims of like */
hn_value *hn_g_zeros(hn_rw *rw, const hn_value *like);               /* zeros with the type of like */
hn_value *hn_g_expand(hn_rw *rw, hn_value *x, const hn_value *like); /* broadcast to the dims of like */
/* Zeros of type `to`, with the slices of dy added at `index` (any shape) along `axis`: the adjoint of Gather. dy has
 * the dims of `to` with dims[axis] replaced by those of index. */
hn_value *hn_g_scatter_axis(hn_rw *rw, hn_value *dy, hn_value *index, int axis, const hn_type *to);
/* Is input i absent or not a float: it gets no gradient. */
bool hn_g_skips(const hn_gradargs *g, size_t i);
/* dx[i] = v summed back to the shape of input i; nothing when input i gets no gradient. */
void hn_g_set(hn_gradargs *g, size_t i, hn_value *v);

/* ---- cases that many rows share ---- */
/* Unary float rows: rank 3 in [lo, hi], a scalar, an empty tensor, and f(x) = y for n values. */
hn_status hn_cases_unary(hn_cases *c, double lo, double hi, size_t n, const double *x, const double *y);
/* Binary rows: equal shapes, broadcasting both ways, scalars, empty; a and b uniform in [lo, hi]; a op b = y for n
 * values. */
hn_status hn_cases_binary(hn_cases *c, double lo, double hi, size_t n, const double *a, const double *b,
                          const double *y);
/* Reductions: y for x = [[1, 2], [3, 4]] along axis 1 (keepdims 0), all axes, negative axis, keepdims, no-op, size 1.
 */
hn_status hn_cases_reduce(hn_cases *c, double lo, double hi, const double y[2]);

#endif
