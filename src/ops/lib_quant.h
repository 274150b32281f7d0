/* lib_quant: exact integer arithmetic of quantised rows. Sums are int32 (wrapping); the scale is one float32
 * multiplication; rint rounds half to even; so every device can give the same bytes. */
#ifndef HN_OPS_LIB_QUANT_H
#define HN_OPS_LIB_QUANT_H

#include "ops/lib_nn.h"

#define HN_T_Q8 (HN_BIT(HN_U8) | HN_BIT(HN_I8))

/* rint(v) + zp, clamped to [lo, hi]; NaN gives lo. */
float hn_q_clamp(float v, float zp, float lo, float hi);
int32_t hn_q_wrap(double sum); /* an exact integer below 2^53 to int32, wrapping */

/* Input i as doubles with zero points subtracted: zp holds one value or one per index of `axis`. zp may be absent. */
hn_status hn_q_load(const hn_refargs *a, size_t i, size_t zp, int axis, double **out) HN_MUST_CHECK;

/* Where the scale and zero point of an element are: one for all, one per index of an axis, or one per block along it.
 */
typedef struct hn_q_params {
    size_t len, inner; /* of the axis in x */
    size_t block;      /* elements of the axis that share a parameter */
    size_t blocks;     /* parameters along the axis */
    bool whole;        /* the scale has all dims of x */
} hn_q_params;
/* From the attributes axis and block_size, x and the scale. Unknown dims are accepted (the result is then of no use).
 */
hn_status hn_q_params_read(hn_env *env, const hn_node *node, const hn_type *x, const hn_type *scale,
                           hn_q_params *p) HN_MUST_CHECK;
size_t hn_q_params_at(const hn_q_params *p, size_t i);
hn_type hn_q_type_of(const hn_tensor *t);
/* Rounds v to the precision of a float type (f32 and wider: unchanged). */
float hn_q_precision(float v, hn_dtype t);
/* Stores v, already divided by the scale, as any quantised type: rint, zero point, saturation. */
void hn_q_set(const hn_tensor *y, size_t i, float v, double zp, bool saturate);

/* What hone.QConv and hone.QGemm do with a sum. */
typedef struct hn_q_tail {
    float t_zp, t_lo, t_hi, t_scale, r_zp, r_scale, y_zp, y_lo, y_hi, f_lo, f_hi;
    hn_dtype y_dtype;
} hn_q_tail;
hn_status hn_q_tail_read(hn_env *env, const hn_node *node, hn_q_tail *t) HN_MUST_CHECK;
/* r: the element of R, or NULL. */
double hn_q_tail_apply(const hn_q_tail *t, int32_t acc, float m, const double *r);
/* Checks input i as multipliers or bias of n channels (1 entry allowed when `one`). */
hn_status hn_q_check_channels(const hn_infer *c, size_t i, int64_t n, bool one) HN_MUST_CHECK;

#define HN_Q_ATTRS                                                                                         \
    {"x_zp", HN_ATTR_INT, false, "0", "zero point of the first input"},                                    \
        {"w_zp", HN_ATTR_INT, false, "0", "zero point of the weights"},                                    \
        {"t_zp", HN_ATTR_INT, false, "0", "zero point of t, the scaled sum"},                              \
        {"t_lo", HN_ATTR_INT, false, "0", "smallest t"}, {"t_hi", HN_ATTR_INT, false, "255", "largest t"}, \
        {"t_scale", HN_ATTR_FLOAT, false, "1.0", "with R: scale of t relative to Y"},                      \
        {"r_zp", HN_ATTR_INT, false, "0", "with R: its zero point"},                                       \
        {"r_scale", HN_ATTR_FLOAT, false, "1.0", "with R: its scale relative to Y"},                       \
        {"y_zp", HN_ATTR_INT, false, "0", "with R: zero point of Y"},                                      \
        {"y_lo", HN_ATTR_INT, false, "0", "with R: smallest Y"},                                           \
        {"y_hi", HN_ATTR_INT, false, "255", "with R: largest Y"},                                          \
        {"f_lo", HN_ATTR_FLOAT, false, NULL, "with Y of f32: smallest Y; default: no bound"},              \
        {"f_hi", HN_ATTR_FLOAT, false, NULL, "with Y of f32: largest Y; default: no bound"},               \
    {                                                                                                      \
        "y_dtype", HN_ATTR_INT, false, "2", "type of Y: u8 (2), i8 (3), or f32 (1): Y = sum * M"           \
    }

#endif
