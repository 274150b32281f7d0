/* rewrite: building nodes in the middle of a graph. Errors are sticky: after the first failure every builder returns
 * NULL and takes NULL, and hn_rw_status tells. Each new node is checked and inferred at once. */
#ifndef HN_IR_REWRITE_H
#define HN_IR_REWRITE_H

#include "ir/graph.h"
#include "ir/op.h"

typedef struct hn_rw {
    hn_graph *graph;
    hn_node *before;  /* new nodes go before this one; NULL: at the end */
    const char *name; /* stem for the names of new nodes; may be NULL */
    hn_status status;
} hn_rw;

hn_rw hn_rw_at(hn_graph *g, hn_node *before);
hn_status hn_rw_status(const hn_rw *rw) HN_MUST_CHECK;
hn_status hn_rw_fail(hn_rw *rw, hn_status st); /* keeps the first; returns the kept one */

/* Attributes of a node under construction: an array that ends with {0}. */
typedef struct hn_rw_attr {
    const char *name;
    hn_attr_kind kind;
    int64_t i;
    double f;
    const char *s;
    const int64_t *ints;
    const double *floats;
    size_t count;
} hn_rw_attr;
#define HN_A_INT(n, v)                             \
    {                                              \
        .name = (n), .kind = HN_ATTR_INT, .i = (v) \
    }
#define HN_A_FLOAT(n, v)                             \
    {                                                \
        .name = (n), .kind = HN_ATTR_FLOAT, .f = (v) \
    }
#define HN_A_STR(n, v)                                \
    {                                                 \
        .name = (n), .kind = HN_ATTR_STRING, .s = (v) \
    }
#define HN_A_INTS(n, v, c)                                           \
    {                                                                \
        .name = (n), .kind = HN_ATTR_INTS, .ints = (v), .count = (c) \
    }
#define HN_A_FLOATS(n, v, c)                                             \
    {                                                                    \
        .name = (n), .kind = HN_ATTR_FLOATS, .floats = (v), .count = (c) \
    }

/* op: "Mul", or "hone.Conv" for our own domain. Returns the node. */
hn_node *hn_rw_node(hn_rw *rw, const char *op, size_t nin, hn_value *const *in, size_t nout, const hn_rw_attr *attrs);
/* The row, name, attributes and used outputs of another node over other inputs. */
hn_node *hn_rw_like(hn_rw *rw, const hn_node *like, size_t nin, hn_value *const *in);
/* hn_rw_node with one output, returned. attrs may be NULL. */
hn_value *hn_rw_op(hn_rw *rw, const char *op, size_t nin, hn_value *const *in, const hn_rw_attr *attrs);
hn_value *hn_rw_1(hn_rw *rw, const char *op, hn_value *a);
hn_value *hn_rw_2(hn_rw *rw, const char *op, hn_value *a, hn_value *b);
hn_value *hn_rw_3(hn_rw *rw, const char *op, hn_value *a, hn_value *b, hn_value *c);

/* Constants. The data are copied into the graph's arena. */
hn_value *hn_rw_const(hn_rw *rw, hn_dtype dtype, int rank, const int64_t *dims, const void *data);
hn_value *hn_rw_scalar(hn_rw *rw, hn_dtype dtype, double v);     /* rank 0 */
hn_value *hn_rw_ints(hn_rw *rw, const int64_t *v, size_t count); /* i64[count] */
/* A fresh zeroed constant whose data the caller fills through *t. */
hn_value *hn_rw_const_new(hn_rw *rw, hn_dtype dtype, int rank, const int64_t *dims, hn_tensor **t);

/* Common shapes of code. */
hn_value *hn_rw_reshape(hn_rw *rw, hn_value *x, int rank, const int64_t *dims);
hn_value *hn_rw_transpose(hn_rw *rw, hn_value *x, const int64_t *perm, size_t rank);
hn_value *hn_rw_reduce_sum(hn_rw *rw, hn_value *x, const int64_t *axes, size_t count, bool keepdims);
/* Sum x over the axes along which `like` was broadcast, so that the result has the type of like. Types must be known.
 */
hn_value *hn_rw_unbroadcast(hn_rw *rw, hn_value *x, const hn_value *like);

/* Copies of a region's nodes with in[] (region->nin values) for its inputs; out[] gets region->nout values. */
hn_status hn_rw_inline(hn_rw *rw, const hn_graph *region, hn_value *const *in, hn_value **out) HN_MUST_CHECK;

/* Replace all uses of n's outputs by out[] and remove n. Names of the outputs move over to unnamed new values; a graph
 * output always keeps its name, by an Identity where there is no other way. */
hn_status hn_rw_replace(hn_rw *rw, hn_node *n, hn_value *const *out) HN_MUST_CHECK;

#endif
