/* compare: two tensors, element by element, NaN and infinities included. */
#ifndef HN_OPTIMIZE_COMPARE_H
#define HN_OPTIMIZE_COMPARE_H

#include "tensor/tensor.h"

typedef struct hn_compare {
    bool same_type;             /* dtype, rank and dims */
    size_t n, wrong;            /* elements beyond atol + rtol * |want|, or NaN or infinite on one side only */
    double max_abs;             /* over finite pairs */
    double max_rel;             /* |got - want| / max(|want|, tiny) over finite pairs with want != 0 */
    size_t worst;               /* index of the largest excess */
    size_t rows, rows_same_top; /* last axis taken as classes: rows whose largest element is in the same place */
} hn_compare;

/* Floats and complex numbers within tolerance; integers, bools and strings exactly; lists entry by entry. */
hn_compare hn_compare_tensors(const hn_tensor *got, const hn_tensor *want, double rtol, double atol);

#endif
