/* act: the functions of one variable that kernels know, as epilogue of a GEMM and as a pass over an array. a and b are
 * the function's parameters. */
#ifndef HN_KERNELS_ACT_H
#define HN_KERNELS_ACT_H

typedef enum hn_act_kind {
    HN_ACT_NONE,
    HN_ACT_RELU,    /* max(x, 0) */
    HN_ACT_CLIP,    /* min(max(x, a), b) */
    HN_ACT_LEAKY,   /* x < 0 ? a x : x */
    HN_ACT_SIGMOID, /* 1 / (1 + e^-x) */
    HN_ACT_TANH,
    HN_ACT_HARD_SIGMOID, /* min(max(a x + b, 0), 1) */
    HN_ACT_HARD_SWISH,   /* x min(max(x / 6 + 0.5, 0), 1) */
    HN_ACT_SILU,         /* x sigmoid(a x); a = 1 for Silu */
    HN_ACT_GELU,         /* x (1 + erf(x / sqrt 2)) / 2 */
    HN_ACT_GELU_TANH,    /* x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2 */
    HN_ACT_ELU,          /* x < 0 ? a (e^x - 1) : x */
    /* below: array passes only */
    HN_ACT_EXP,
    HN_ACT_LOG,
    HN_ACT_ERF,
    HN_ACT_SQRT,
    HN_ACT_ABS,
    HN_ACT_NEG,
    HN_ACT_FLOOR,
    HN_ACT_CEIL,
    HN_ACT_ROUND, /* nearest even */
    HN_ACT_RECIPROCAL,
    HN_ACT_SOFTPLUS,    /* log(1 + e^x) */
    HN_ACT_SOFTSIGN,    /* x / (1 + |x|) */
    HN_ACT_SELU,        /* b (x < 0 ? a (e^x - 1) : x) */
    HN_ACT_CELU,        /* x < 0 ? a (e^(x / a) - 1) : x */
    HN_ACT_THRESHOLDED, /* x > a ? x : 0 */
    HN_ACT_MISH,        /* x tanh(softplus(x)) */
    HN_ACT_SQUARE,
    HN_ACT_AFFINE, /* a x + b */
    HN_ACT_COUNT
} hn_act_kind;

#endif
