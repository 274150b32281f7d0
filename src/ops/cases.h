/* cases: how a row tells what to try. The derived tests, the benches and the fuzz dictionary all read these.
 *
 * A case is attributes plus inputs. Inputs of a port with a type variable are given in f32 (or another dtype the port
 * allows): the tests convert them to every dtype that the variable allows, and to f64 for gradients. Errors are sticky:
 * hn_cases_status.
 *
 *     hn_case(c, "axis 1");
 *     hn_case_int(c, "axis", 1);
 *     hn_case_rand(c, HN_F32, HN_DIMS(2, 3), -2, 2);
 *     return hn_cases_status(c);
 *
 * The case called "example" is the worked example of the row's doc and has expected outputs. */
#ifndef HN_OPS_CASES_H
#define HN_OPS_CASES_H

#include "ir/op.h"

enum { HN_CASE_PORTS = 16 };

typedef enum hn_case_flags {
    HN_CASE_NO_GRAD = 1 << 0,   /* no finite differences (kinks, ties, straight-through gradients) */
    HN_CASE_ONE_TYPE = 1 << 1,  /* do not convert to other dtypes */
    HN_CASE_FAILS = 1 << 2,     /* the row must refuse with HN_INPUT or HN_UNSUPPORTED, in infer or ref */
    HN_CASE_NO_EXPAND = 1 << 3, /* do not compare with the decomposition */
    HN_CASE_INEXACT = 1 << 4    /* the expected outputs are rounded: compare within 1e-4 */
} hn_case_flags;

typedef struct hn_case {
    const char *name;
    uint32_t flags;
    hn_attr *attrs;
    size_t nin, nout, nwant;         /* nout 0: as many outputs as the row has ports */
    hn_tensor *in[HN_CASE_PORTS];    /* NULL: absent */
    hn_type declared[HN_CASE_PORTS]; /* of inputs that are lists */
    bool constant[HN_CASE_PORTS];    /* a shape, axes ...: a constant in the graph, no gradient */
    hn_tensor *want[HN_CASE_PORTS];
    struct hn_case *next;
} hn_case_row;

typedef struct hn_cases {
    hn_env *env;
    hn_arena *arena; /* holds everything */
    const hn_op *op;
    uint64_t seed; /* moves on with every random input */
    hn_case_row *first, *last;
    size_t count;
    hn_status status;
    struct {
        hn_tensor *list;
        hn_kind kind;
        hn_dtype dtype;
        bool want;
    } open[HN_MAX_NESTING]; /* lists being filled, outermost first */
    size_t nopen;
} hn_cases;

#define HN_DIMS(...)                                                                   \
    (int)(sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (const int64_t[]) \
    {                                                                                  \
        __VA_ARGS__                                                                    \
    }
#define HN_NO_DIMS 0, NULL
#define HN_VALS(...) \
    (const double[]) \
    {                \
        __VA_ARGS__  \
    }

/* Starts a case; what follows adds to it. */
void hn_case(hn_cases *c, const char *name);
void hn_case_flag(hn_cases *c, uint32_t flags);
void hn_case_nout(hn_cases *c, size_t nout);

void hn_case_int(hn_cases *c, const char *attr, int64_t v);
void hn_case_float(hn_cases *c, const char *attr, double v);
void hn_case_string(hn_cases *c, const char *attr, const char *v);
void hn_case_ints(hn_cases *c, const char *attr, size_t n, const int64_t *v);
void hn_case_floats(hn_cases *c, const char *attr, size_t n, const double *v);
void hn_case_strings(hn_cases *c, const char *attr, size_t n, const hn_str *v); /* borrows the characters */
void hn_case_tensor(hn_cases *c, const char *attr, hn_dtype dtype, int rank, const int64_t *dims, const double *v);
void hn_case_type(hn_cases *c, const char *attr, const hn_type *t);

/* The next input. */
void hn_case_rand(hn_cases *c, hn_dtype dtype, int rank, const int64_t *dims, double lo,
                  double hi); /* uniform in [lo, hi) */
void hn_case_in(hn_cases *c, hn_dtype dtype, int rank, const int64_t *dims, const double *v);
void hn_case_in_i64(hn_cases *c, int rank, const int64_t *dims, const int64_t *v);
void hn_case_in_str(hn_cases *c, int rank, const int64_t *dims, const char *const *v);
void hn_case_absent(hn_cases *c);
void hn_case_const(hn_cases *c);                            /* the last input is a constant */
void hn_case_axes(hn_cases *c, size_t n, const int64_t *v); /* input i64[n], constant */
void hn_case_scalar(hn_cases *c, hn_dtype dtype, double v); /* input of rank 0, constant */

/* The next input, or expected output, is a list: what follows goes into it, up to hn_case_end. dtype: of the tensors in
 * it. A map takes its keys, then its values. At most HN_CASE_PORTS entries. */
void hn_case_list(hn_cases *c, hn_kind kind, hn_dtype dtype);
void hn_case_want_list(hn_cases *c, hn_kind kind, hn_dtype dtype);
void hn_case_end(hn_cases *c);

/* The next expected output. */
void hn_case_want(hn_cases *c, hn_dtype dtype, int rank, const int64_t *dims, const double *v);
void hn_case_want_i64(hn_cases *c, int rank, const int64_t *dims, const int64_t *v);
void hn_case_want_str(hn_cases *c, int rank, const int64_t *dims, const char *const *v);

hn_status hn_cases_status(const hn_cases *c) HN_MUST_CHECK;

#endif
