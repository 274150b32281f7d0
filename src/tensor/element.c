/* element: one element at a time through any dtype. Narrow floats are rounded once: wider values pass through a float
 * rounded to odd, which keeps every later rounding to at most 22 bits exact. */
#include <math.h>
#include <string.h>

#include "base/half.h"
#include "tensor/tensor.h"

/* v in float, toward zero, with the last bit set when something was lost. */
static float to_odd(double v)
{
    float f = (float)v;
    if ((double)f == v || isnan(v)) return f;
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    if (fabs((double)f) > fabs(v)) u--;
    u |= 1;
    memcpy(&f, &u, sizeof f);
    return f;
}

/* v in double, toward zero, with the last bit set when something was lost. */
static double i64_to_odd(int64_t v)
{
    uint64_t magnitude = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    if (magnitude >> 53 == 0) return (double)v;
    uint64_t kept = magnitude >> 11 | ((magnitude & 0x7ff) != 0);
    double d = (double)kept * 2048.0;
    return v < 0 ? -d : d;
}

static int64_t saturate(double v, double low, double high, int64_t min, int64_t max)
{
    if (isnan(v)) return 0;
    return v <= low ? min : v >= high ? max : (int64_t)v;
}

static int64_t f64_to_i64(double v)
{
    return saturate(v, -0x1p63, 0x1p63, INT64_MIN, INT64_MAX);
}

static uint64_t f64_to_u64(double v)
{
    if (!(v > 0)) return 0;
    return v >= 0x1p64 ? UINT64_MAX : (uint64_t)v;
}

static hn_f8 f8_of(hn_dtype t)
{
    return t == HN_F8E4M3FN     ? HN_F8_E4M3FN
           : t == HN_F8E4M3FNUZ ? HN_F8_E4M3FNUZ
           : t == HN_F8E5M2     ? HN_F8_E5M2
                                : HN_F8_E5M2FNUZ;
}

static hn_mx mx_of(hn_dtype t)
{
    return t == HN_F4E2M1 ? HN_MX_F4E2M1 : t == HN_F6E2M3 ? HN_MX_F6E2M3 : HN_MX_F6E3M2;
}

unsigned hn_packed_get(const void *data, unsigned bits, size_t i)
{
    size_t at = i / 8 * bits + i % 8 * bits / 8;
    unsigned shift = (unsigned)(i % 8 * bits % 8);
    const uint8_t *p = (const uint8_t *)data + at;
    unsigned v = p[0] >> shift;
    if (shift + bits > 8) v |= (unsigned)p[1] << (8 - shift);
    return v & ((1U << bits) - 1);
}

void hn_packed_set(void *data, unsigned bits, size_t i, unsigned code)
{
    size_t at = i / 8 * bits + i % 8 * bits / 8;
    unsigned shift = (unsigned)(i % 8 * bits % 8), mask = ((1U << bits) - 1) << shift;
    uint8_t *p = (uint8_t *)data + at;
    code = code << shift & mask;
    p[0] = (uint8_t)((p[0] & ~mask) | code);
    if (shift + bits > 8) p[1] = (uint8_t)((p[1] & ~(mask >> 8)) | code >> 8);
}

static int64_t sign_extend(unsigned value, unsigned bits)
{
    unsigned top = 1U << (bits - 1);
    return (int64_t)(value ^ top) - (int64_t)top;
}

/* Integers and bool; U64 wraps. */
static int64_t get_int(const hn_tensor *t, size_t i)
{
    switch (t->dtype) {
    case HN_U8: return ((const uint8_t *)t->data)[i];
    case HN_I8: return ((const int8_t *)t->data)[i];
    case HN_U16: return ((const uint16_t *)t->data)[i];
    case HN_I16: return ((const int16_t *)t->data)[i];
    case HN_U32: return ((const uint32_t *)t->data)[i];
    case HN_I32: return ((const int32_t *)t->data)[i];
    case HN_U64: return (int64_t)((const uint64_t *)t->data)[i];
    case HN_I64: return ((const int64_t *)t->data)[i];
    case HN_BOOL: return ((const uint8_t *)t->data)[i] != 0;
    case HN_U4: return hn_packed_get(t->data, 4, i);
    case HN_I4: return sign_extend(hn_packed_get(t->data, 4, i), 4);
    case HN_U2: return hn_packed_get(t->data, 2, i);
    case HN_I2: return sign_extend(hn_packed_get(t->data, 2, i), 2);
    default: return 0;
    }
}

static void set_int(const hn_tensor *t, size_t i, int64_t v)
{
    switch (t->dtype) {
    case HN_U8:
    case HN_I8: ((uint8_t *)t->data)[i] = (uint8_t)v; break;
    case HN_U16:
    case HN_I16: ((uint16_t *)t->data)[i] = (uint16_t)v; break;
    case HN_U32:
    case HN_I32: ((uint32_t *)t->data)[i] = (uint32_t)v; break;
    case HN_U64:
    case HN_I64: ((uint64_t *)t->data)[i] = (uint64_t)v; break;
    case HN_BOOL: ((uint8_t *)t->data)[i] = v != 0; break;
    case HN_U4:
    case HN_I4: hn_packed_set(t->data, 4, i, (unsigned)v & 15); break;
    case HN_U2:
    case HN_I2: hn_packed_set(t->data, 2, i, (unsigned)v & 3); break;
    default: break;
    }
}

double hn_get_f64(const hn_tensor *t, size_t i)
{
    switch (t->dtype) {
    case HN_F32: return (double)((const float *)t->data)[i];
    case HN_F64: return ((const double *)t->data)[i];
    case HN_F16: return (double)hn_f16_to_f32(((const uint16_t *)t->data)[i]);
    case HN_BF16: return (double)hn_bf16_to_f32(((const uint16_t *)t->data)[i]);
    case HN_F8E4M3FN:
    case HN_F8E4M3FNUZ:
    case HN_F8E5M2:
    case HN_F8E5M2FNUZ: return (double)hn_f8_to_f32(f8_of(t->dtype), ((const uint8_t *)t->data)[i]);
    case HN_F8E8M0: return (double)hn_e8m0_to_f32(((const uint8_t *)t->data)[i]);
    case HN_F4E2M1:
    case HN_F6E2M3:
    case HN_F6E3M2:
        return (double)hn_mx_to_f32(mx_of(t->dtype), (uint8_t)hn_packed_get(t->data, hn_dtype_bits(t->dtype), i));
    case HN_C64: return (double)((const float *)t->data)[2 * i];
    case HN_C128: return ((const double *)t->data)[2 * i];
    case HN_U64: return (double)((const uint64_t *)t->data)[i];
    default: return (double)get_int(t, i);
    }
}

int64_t hn_get_i64(const hn_tensor *t, size_t i)
{
    if (hn_dtype_is_int(t->dtype) || t->dtype == HN_BOOL) return get_int(t, i);
    return f64_to_i64(hn_get_f64(t, i));
}

void hn_set_f64(const hn_tensor *t, size_t i, double v)
{
    switch (t->dtype) {
    case HN_F32: ((float *)t->data)[i] = (float)v; break;
    case HN_F64: ((double *)t->data)[i] = v; break;
    case HN_F16: ((uint16_t *)t->data)[i] = hn_f32_to_f16(to_odd(v)); break;
    case HN_BF16: ((uint16_t *)t->data)[i] = hn_f32_to_bf16(to_odd(v)); break;
    case HN_F8E4M3FN:
    case HN_F8E4M3FNUZ:
    case HN_F8E5M2:
    case HN_F8E5M2FNUZ: ((uint8_t *)t->data)[i] = hn_f32_to_f8(f8_of(t->dtype), to_odd(v), true); break;
    case HN_F8E8M0: ((uint8_t *)t->data)[i] = hn_f32_to_e8m0(to_odd(v)); break;
    case HN_F4E2M1:
    case HN_F6E2M3:
    case HN_F6E3M2: hn_packed_set(t->data, hn_dtype_bits(t->dtype), i, hn_f32_to_mx(mx_of(t->dtype), to_odd(v))); break;
    case HN_C64:
        ((float *)t->data)[2 * i] = (float)v;
        ((float *)t->data)[2 * i + 1] = 0;
        break;
    case HN_C128:
        ((double *)t->data)[2 * i] = v;
        ((double *)t->data)[2 * i + 1] = 0;
        break;
    case HN_U64: ((uint64_t *)t->data)[i] = f64_to_u64(v); break;
    case HN_BOOL: ((uint8_t *)t->data)[i] = v != 0; break;
    default: {
        int64_t min = hn_dtype_int_min(t->dtype);
        int64_t max = hn_dtype_int_max(t->dtype);
        /* (double)max rounds up to 2^63 for I64, where saturating is still right. */
        set_int(t, i, saturate(v, (double)min, (double)max, min, max));
        break;
    }
    }
}

void hn_set_i64(const hn_tensor *t, size_t i, int64_t v)
{
    if (hn_dtype_is_int(t->dtype) || t->dtype == HN_BOOL)
        set_int(t, i, v);
    else if (t->dtype == HN_F64 || t->dtype == HN_C128)
        hn_set_f64(t, i, (double)v);
    else
        hn_set_f64(t, i, i64_to_odd(v));
}

static float get_f32(const hn_tensor *t, size_t i)
{
    if (t->dtype == HN_I64) return (float)((const int64_t *)t->data)[i];
    if (t->dtype == HN_U64) return (float)((const uint64_t *)t->data)[i];
    return (float)hn_get_f64(t, i);
}

void hn_tensor_to_f32(const hn_tensor *t, float *dst)
{
    size_t n = hn_tensor_elems(t);
    if (n == 0) return;
    const uint16_t *h = t->data;
    const int8_t *s = t->data;
    const uint8_t *u = t->data;
    switch (t->dtype) {
    case HN_F32: memcpy(dst, t->data, n * sizeof *dst); break;
    case HN_F16:
        for (size_t i = 0; i < n; i++) dst[i] = hn_f16_to_f32(h[i]);
        break;
    case HN_BF16:
        for (size_t i = 0; i < n; i++) dst[i] = hn_bf16_to_f32(h[i]);
        break;
    case HN_I8:
        for (size_t i = 0; i < n; i++) dst[i] = (float)s[i];
        break;
    case HN_U8:
        for (size_t i = 0; i < n; i++) dst[i] = (float)u[i];
        break;
    default:
        for (size_t i = 0; i < n; i++) dst[i] = get_f32(t, i);
    }
}

void hn_tensor_from_f32(const hn_tensor *t, const float *src)
{
    size_t n = hn_tensor_elems(t);
    if (n == 0) return;
    uint16_t *h = t->data;
    switch (t->dtype) {
    case HN_F32: memcpy(t->data, src, n * sizeof *src); break;
    case HN_F16:
        for (size_t i = 0; i < n; i++) h[i] = hn_f32_to_f16(src[i]);
        break;
    case HN_BF16:
        for (size_t i = 0; i < n; i++) h[i] = hn_f32_to_bf16(src[i]);
        break;
    default:
        for (size_t i = 0; i < n; i++) hn_set_f64(t, i, (double)src[i]);
    }
}
