/* vec_generic: 4 floats in the compilers' portable vector type (SSE2, NEON or plain code); see vec_avx512.h for the
 * contract. There is no fused multiply-add here: vf_fma rounds twice. */
#ifndef HN_KERNELS_VEC_H
#define HN_KERNELS_VEC_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define VEC_NAME(x) generic_##x
#define VF_HOLD(x)  ((void)0)
#define VEC_LANES   4

typedef float vf __attribute__((vector_size(16)));
typedef int32_t vi __attribute__((vector_size(16)));
typedef vi vb;
typedef size_t vt;

static inline vt vt_first(size_t n)
{
    return n >= 4 ? 4 : n;
}
static inline vf vf_load(const float *p)
{
    vf v;
    memcpy(&v, p, sizeof v);
    return v;
}
static inline void vf_store(float *p, vf v)
{
    memcpy(p, &v, sizeof v);
}
static inline vf vf_load_t(const float *p, vt t)
{
    if (t == 4) return vf_load(p);
    vf v = {0, 0, 0, 0};
    v[0] = p[0];
    if (t > 1) v[1] = p[1];
    if (t > 2) v[2] = p[2];
    return v;
}
static inline vf vf_load_or(const float *p, vt t, vf others)
{
    vf v = vf_load_t(p, t);
    for (size_t k = t; k < 4; k++) v[k] = others[k];
    return v;
}
static inline void vf_store_t(float *p, vf v, vt t)
{
    if (t == 4) {
        vf_store(p, v);
        return;
    }
    p[0] = v[0];
    if (t > 1) p[1] = v[1];
    if (t > 2) p[2] = v[2];
}
static inline vf vf_set(float x)
{
    return (vf){x, x, x, x};
}
static inline vi vi_set(int32_t x)
{
    return (vi){x, x, x, x};
}
static inline vf vf_swap(vf a)
{
    return (vf){a[1], a[0], a[3], a[2]};
} /* neighbours change places */
static inline vf vf_add(vf a, vf b)
{
    return a + b;
}
static inline vf vf_sub(vf a, vf b)
{
    return a - b;
}
static inline vf vf_mul(vf a, vf b)
{
    return a * b;
}
static inline vf vf_div(vf a, vf b)
{
    return a / b;
}
static inline vf vf_fma(vf a, vf b, vf c)
{
    return a * b + c;
}
static inline vf vf_fnma(vf a, vf b, vf c)
{
    return c - a * b;
}
static inline vi vi_bits(vf a)
{
    return (vi)a;
}
static inline vf vf_bits(vi a)
{
    return (vf)a;
}
static inline vf vf_and(vf a, vf b)
{
    return (vf)((vi)a & (vi)b);
}
static inline vf vf_or(vf a, vf b)
{
    return (vf)((vi)a | (vi)b);
}
static inline vf vf_xor(vf a, vf b)
{
    return (vf)((vi)a ^ (vi)b);
}
static inline vb vf_lt(vf a, vf b)
{
    return (vb)(a < b);
}
static inline vb vf_le(vf a, vf b)
{
    return (vb)(a <= b);
}
static inline vb vf_eq(vf a, vf b)
{
    return (vb)(a == b);
}
static inline vb vf_nan(vf a)
{
    return (vb)(a != a);
}
static inline vf vf_pick(vb m, vf yes, vf no)
{
    return (vf)(((vi)yes & m) | ((vi)no & ~m));
}
static inline vf vf_max(vf a, vf b)
{
    return vf_pick(b < a, a, b);
}
static inline vf vf_min(vf a, vf b)
{
    return vf_pick(a < b, a, b);
}
static inline vi vi_add(vi a, vi b)
{
    return a + b;
}
static inline vi vi_sub(vi a, vi b)
{
    return a - b;
}
static inline vi vi_and(vi a, vi b)
{
    return a & b;
}
static inline vi vi_sra23(vi a)
{
    return a >> 23;
}
static inline vf vf_of_int(vi a)
{
    return __builtin_convertvector(a, vf);
}
static inline vf vf_sqrt(vf a)
{
    return (vf){sqrtf(a[0]), sqrtf(a[1]), sqrtf(a[2]), sqrtf(a[3])};
}

/* Adding and taking away 2^23 rounds to nearest even; larger values are integers already, NaN stays. */
static inline vf vf_rint(vf a)
{
    vi sign = vi_bits(a) & vi_set(INT32_MIN);
    vf big = vf_set(8388608.0f), mag = vf_bits(vi_bits(a) & vi_set(INT32_MAX));
    vf r = (mag + big) - big;
    return vf_pick(mag < big, vf_bits(vi_bits(r) | sign), a);
}
static inline vf vf_floor(vf a)
{
    vf r = vf_rint(a);
    return vf_pick(a < r, r - vf_set(1.0f), r);
}
static inline vf vf_ceil(vf a)
{
    vf r = vf_rint(a), up = r + vf_set(1.0f);
    vi sign = vi_bits(a) & vi_set(INT32_MIN); /* ceil(-0.5) is -0 */
    return vf_pick(r < a, vf_bits(vi_bits(up) | sign), r);
}
static inline vf vf_scale(vf x, vf n)
{
    n = vf_pick(vf_nan(n), vf_set(0.0f), n);
    vi e = __builtin_convertvector(n, vi), lo = e >> 1;
    vf a = vf_bits((lo + 127) << 23), b = vf_bits((e - lo + 127) << 23);
    return x * a * b;
}
static inline float vf_sum(vf a)
{
    return (a[0] + a[2]) + (a[1] + a[3]);
}

static inline float vf_top(vf a)
{
    float x = a[0] > a[1] ? a[0] : a[1], y = a[2] > a[3] ? a[2] : a[3];
    return x > y ? x : y;
}

#endif
