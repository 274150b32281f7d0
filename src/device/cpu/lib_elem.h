/* lib_elem: which function of which kernel an elementwise operator is, for drivers that run one and for the one that
 * runs many. */
#ifndef HN_DEVICE_CPU_LIB_ELEM_H
#define HN_DEVICE_CPU_LIB_ELEM_H

#include "device/device.h"

typedef enum hn_elem_family { HN_ELEM_UNARY, HN_ELEM_BINARY, HN_ELEM_COMPARE, HN_ELEM_WHERE } hn_elem_family;

/* Plain data. */
typedef struct hn_elem_fn {
    int32_t family, kind; /* hn_act_kind, hn_binary_kind, hn_elem_order */
    float a, b;
} hn_elem_fn;

typedef enum hn_elem_order {
    HN_ELEM_EQUAL,
    HN_ELEM_GREATER,
    HN_ELEM_GREATER_EQUAL,
    HN_ELEM_LESS,
    HN_ELEM_LESS_EQUAL
} hn_elem_order;

/* The f32 function that op is with attributes a and b (ops/lib_elementwise.h) and these operands, of which bounds and
 * exponents have to be constants. NULL, or why there is none. */
const char *hn_elem_fn_of(const hn_op *op, double a, double b, size_t nin, hn_value *const *in, hn_elem_fn *f);

/* y[i] = a[i * sa] ? b[i * sb]: kind is an hn_elem_order; strides are 0 or 1. */
void hn_elem_compare_f32(int32_t kind, size_t n, const float *a, size_t sa, const float *b, size_t sb, uint8_t *y);
/* y[i] = condition[i * step[0]] ? yes[i * step[1]] : no[i * step[2]], elements of 4 bytes. y may be yes or no where
 * their step is 1. */
void hn_elem_pick_4(size_t n, const uint64_t *step, const uint8_t *condition, const uint32_t *yes, const uint32_t *no,
                    uint32_t *y);

#endif
