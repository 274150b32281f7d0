/* lib_epilogue: what may follow a matrix product inside one fused row: an activation, a residual addition, an
 * activation. */
#ifndef HN_PASSES_LIB_EPILOGUE_H
#define HN_PASSES_LIB_EPILOGUE_H

#include "passes/lib_match.h"

typedef struct hn_epilogue {
    hn_value *out; /* of the last node taken in */
    hn_node *last;
    hn_value *residual; /* or NULL */
    const char *act;    /* "" for none */
    double alpha, beta;
    bool act_first;
} hn_epilogue;

/* The activation that node n is, of its first input: name as in the fused rows; NULL when it is none. */
const char *hn_act_of(const hn_node *n, double *alpha, double *beta);
/* Takes in what follows n's first output, as long as nobody else reads what is between. */
hn_epilogue hn_epilogue_of(hn_node *n);

/* Conv's window as explicit lists; false when auto_pad needs dims that are not known. */
typedef struct hn_window_attrs {
    size_t n; /* spatial dims */
    int64_t kernel[HN_MAX_RANK], strides[HN_MAX_RANK], dilations[HN_MAX_RANK], pads[2 * HN_MAX_RANK];
} hn_window_attrs;
bool hn_window_of(const hn_node *n, const int64_t *kernel, size_t spatial, hn_window_attrs *w);

/* The hone.Conv `like` with other operands (X, W, B or NULL, R or NULL), groups and, for images, pads (NULL: the same);
 * its activation where act is set. */
hn_value *hn_conv_like(hn_rw *rw, const hn_node *like, hn_value *const in[4], int64_t group, const int64_t *pads,
                       bool act);

/* v with a dim of 1 put in before the last: how rank 3 travels as rank 4. Constants are viewed anew. */
hn_value *hn_conv_widen(hn_rw *rw, hn_value *v);
void hn_window_widen(hn_window_attrs *w);

#endif
