/* vec_math: elementary functions over the vector type of the vec_*.h included before. Errors against the exact value,
 * found by test/kernels/test_unary.c over dense ranges: exp 2 ulp, log 2 ulp, sigmoid 4 ulp, tanh 4 ulp, erf 4 ulp. NaN
 * in, NaN out. Polynomials: exp, log and tanh from Cephes (S. Moshier); erf after N. Juffa. */
#ifndef HN_KERNELS_VEC_MATH_H
#define HN_KERNELS_VEC_MATH_H

#include "kernels/act.h"

#define VEC_INLINE static inline __attribute__((always_inline))

VEC_INLINE vf vf_abs(vf x)
{
    return vf_and(x, vf_bits(vi_set(INT32_MAX)));
}
VEC_INLINE vf vf_sign_of(vf x)
{
    return vf_and(x, vf_bits(vi_set(INT32_MIN)));
}
VEC_INLINE vf vf_clip(vf x, vf lo, vf hi)
{
    return vf_min(hi, vf_max(lo, x));
}

/* e^r = 1 + r + r^2 p(r) for |r| <= ln(2) / 2. */
VEC_INLINE vf vf_exp_poly(vf r)
{
    vf p = vf_set(1.9875691500e-4f);
    p = vf_fma(p, r, vf_set(1.3981999507e-3f));
    p = vf_fma(p, r, vf_set(8.3334519073e-3f));
    p = vf_fma(p, r, vf_set(4.1665795894e-2f));
    p = vf_fma(p, r, vf_set(1.6666665459e-1f));
    return vf_fma(p, r, vf_set(5.0000001201e-1f));
}

VEC_INLINE vf vf_exp(vf x)
{
    vf c = vf_clip(x, vf_set(-104.0f), vf_set(89.0f));
    vf n = vf_rint(vf_mul(c, vf_set(1.44269504088896341f)));
    vf r = vf_fnma(n, vf_set(0.693359375f), c);
    r = vf_fnma(n, vf_set(-2.12194440e-4f), r);
    vf y = vf_add(vf_fma(vf_mul(r, r), vf_exp_poly(r), r), vf_set(1.0f));
    return vf_scale(y, n);
}

/* e^x - 1 without cancellation near 0. */
VEC_INLINE vf vf_expm1(vf x)
{
    vf small = vf_fma(vf_mul(x, x), vf_exp_poly(x), x);
    return vf_pick(vf_lt(vf_abs(x), vf_set(0.3465f)), small, vf_sub(vf_exp(x), vf_set(1.0f)));
}

VEC_INLINE vf vf_log(vf x)
{
    vb tiny = vf_lt(x, vf_set(1.17549435e-38f));
    vf y = vf_pick(tiny, vf_mul(x, vf_set(8388608.0f)), x);
    vi bits = vi_bits(y);
    vf e = vf_of_int(vi_sub(vi_sra23(bits), vi_set(126)));
    e = vf_sub(e, vf_pick(tiny, vf_set(23.0f), vf_set(0.0f)));
    vf m = vf_bits(vi_add(vi_and(bits, vi_set(0x007fffff)), vi_set(0x3f000000))); /* [0.5, 1) */
    vb low = vf_lt(m, vf_set(0.70710678118654752f));
    e = vf_sub(e, vf_pick(low, vf_set(1.0f), vf_set(0.0f)));
    m = vf_sub(vf_add(m, vf_pick(low, m, vf_set(0.0f))), vf_set(1.0f));
    vf z = vf_mul(m, m), p = vf_set(7.0376836292e-2f);
    p = vf_fma(p, m, vf_set(-1.1514610310e-1f));
    p = vf_fma(p, m, vf_set(1.1676998740e-1f));
    p = vf_fma(p, m, vf_set(-1.2420140846e-1f));
    p = vf_fma(p, m, vf_set(1.4249322787e-1f));
    p = vf_fma(p, m, vf_set(-1.6668057665e-1f));
    p = vf_fma(p, m, vf_set(2.0000714765e-1f));
    p = vf_fma(p, m, vf_set(-2.4999993993e-1f));
    p = vf_fma(p, m, vf_set(3.3333331174e-1f));
    vf r = vf_mul(vf_mul(p, m), z);
    r = vf_fma(e, vf_set(-2.12194440e-4f), r);
    r = vf_fnma(vf_set(0.5f), z, r);
    r = vf_fma(e, vf_set(0.693359375f), vf_add(m, r));
    vf inf = vf_set(__builtin_inff()), zero = vf_set(0.0f);
    r = vf_pick(vf_eq(x, inf), inf, r);
    r = vf_pick(vf_eq(x, zero), vf_set(-__builtin_inff()), r);
    return vf_pick(vf_lt(x, zero), vf_set(__builtin_nanf("")), vf_pick(vf_nan(x), x, r));
}

/* log(1 + x) for x >= 0; the rounding of 1 + x is put right to first order. */
VEC_INLINE vf vf_log1p(vf x)
{
    vf one = vf_set(1.0f), u = vf_add(one, x);
    vf lost = vf_sub(x, vf_sub(u, one));
    return vf_pick(vf_eq(u, one), x, vf_add(vf_log(u), vf_div(lost, u)));
}

VEC_INLINE vf vf_sigmoid(vf x)
{
    vf one = vf_set(1.0f), z = vf_exp(vf_or(x, vf_set(-0.0f)));
    return vf_div(vf_pick(vf_lt(x, vf_set(0.0f)), z, one), vf_add(one, z));
}

VEC_INLINE vf vf_tanh(vf x)
{
    vf mag = vf_abs(x), z = vf_mul(x, x), p = vf_set(-5.70498872745e-3f);
    p = vf_fma(p, z, vf_set(2.06390887954e-2f));
    p = vf_fma(p, z, vf_set(-5.37397155531e-2f));
    p = vf_fma(p, z, vf_set(1.33314422036e-1f));
    p = vf_fma(p, z, vf_set(-3.33332819422e-1f));
    vf small = vf_fma(vf_mul(p, z), x, x);
    vf e = vf_exp(vf_add(mag, mag));
    vf large = vf_sub(vf_set(1.0f), vf_div(vf_set(2.0f), vf_add(e, vf_set(1.0f))));
    large = vf_or(large, vf_sign_of(x));
    return vf_pick(vf_lt(mag, vf_set(0.625f)), small, large);
}

VEC_INLINE vf vf_erf(vf x)
{
    vf t = vf_abs(x), s = vf_mul(x, x);
    vf r = vf_fma(vf_set(-1.72853470e-5f), t, vf_set(3.83197126e-4f));
    vf u = vf_fma(vf_set(-3.88396438e-3f), t, vf_set(2.42546219e-2f));
    r = vf_fma(r, s, u);
    r = vf_fma(r, t, vf_set(-1.06777877e-1f));
    r = vf_fma(r, t, vf_set(-6.34846687e-1f));
    r = vf_fma(r, t, vf_set(-1.28717512e-1f));
    r = vf_fnma(t, vf_set(1.0f), vf_mul(r, t));
    vf large = vf_sub(vf_set(1.0f), vf_exp(r));
    large = vf_pick(vf_lt(t, vf_set(4.0f)), large, vf_set(1.0f));
    large = vf_or(large, vf_sign_of(x));
    vf p = vf_set(-5.96761703e-4f);
    p = vf_fma(p, s, vf_set(4.99119423e-3f));
    p = vf_fma(p, s, vf_set(-2.67681349e-2f));
    p = vf_fma(p, s, vf_set(1.12819925e-1f));
    p = vf_fma(p, s, vf_set(-3.76125336e-1f));
    p = vf_fma(p, s, vf_set(1.28379166e-1f));
    vf y = vf_pick(vf_lt(vf_set(0.927734375f), t), large, vf_fma(p, x, x));
    return vf_pick(vf_nan(x), x, y);
}

VEC_INLINE vf vf_softplus(vf x)
{
    return vf_add(vf_max(vf_set(0.0f), x), vf_log1p(vf_exp(vf_or(x, vf_set(-0.0f)))));
}

/* `act` is a constant where this is inlined. */
VEC_INLINE vf vf_act(hn_act_kind act, vf x, vf a, vf b)
{
    const vf zero = vf_set(0.0f), one = vf_set(1.0f), half = vf_set(0.5f);
    switch (act) {
    case HN_ACT_RELU: return vf_max(zero, x);
    case HN_ACT_CLIP: return vf_clip(x, a, b);
    case HN_ACT_LEAKY: return vf_pick(vf_lt(x, zero), vf_mul(a, x), x);
    case HN_ACT_SIGMOID: return vf_sigmoid(x);
    case HN_ACT_TANH: return vf_tanh(x);
    case HN_ACT_HARD_SIGMOID: return vf_clip(vf_add(vf_mul(a, x), b), zero, one);
    case HN_ACT_HARD_SWISH: return vf_mul(x, vf_clip(vf_add(vf_mul(x, vf_set(1.0f / 6.0f)), half), zero, one));
    case HN_ACT_SILU: return vf_mul(x, vf_sigmoid(vf_mul(a, x)));
    case HN_ACT_GELU: return vf_mul(vf_mul(half, x), vf_add(one, vf_erf(vf_mul(x, vf_set(0.70710678118654752f)))));
    case HN_ACT_GELU_TANH: {
        vf u = vf_mul(vf_mul(x, vf_set(1.5957691216057308f)), vf_fma(vf_mul(x, x), vf_set(0.044715f), one));
        return vf_mul(x, vf_sigmoid(u));
    }
    case HN_ACT_ELU: return vf_pick(vf_lt(x, zero), vf_mul(a, vf_expm1(x)), x);
    case HN_ACT_EXP: return vf_exp(x);
    case HN_ACT_LOG: return vf_log(x);
    case HN_ACT_ERF: return vf_erf(x);
    case HN_ACT_SQRT: return vf_sqrt(x);
    case HN_ACT_ABS: return vf_abs(x);
    case HN_ACT_NEG: return vf_xor(x, vf_set(-0.0f));
    case HN_ACT_FLOOR: return vf_floor(x);
    case HN_ACT_CEIL: return vf_ceil(x);
    case HN_ACT_ROUND: return vf_rint(x);
    case HN_ACT_RECIPROCAL: return vf_div(one, x);
    case HN_ACT_SOFTPLUS: return vf_softplus(x);
    case HN_ACT_SOFTSIGN: return vf_div(x, vf_add(one, vf_abs(x)));
    case HN_ACT_SELU: return vf_mul(b, vf_pick(vf_lt(x, zero), vf_mul(a, vf_expm1(x)), x));
    case HN_ACT_CELU: return vf_pick(vf_lt(x, zero), vf_mul(a, vf_expm1(vf_div(x, a))), x);
    case HN_ACT_THRESHOLDED: return vf_pick(vf_lt(a, x), x, vf_pick(vf_nan(x), x, zero));
    case HN_ACT_MISH: return vf_mul(x, vf_tanh(vf_softplus(x)));
    case HN_ACT_SQUARE: return vf_mul(x, x);
    case HN_ACT_AFFINE: return vf_add(vf_mul(a, x), b);
    default: return x;
    }
}

#endif
