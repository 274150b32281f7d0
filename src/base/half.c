/* half: one rounding routine for every format narrower than 32 bits; integer arithmetic only, so that the result
 * depends on no rounding mode and no instruction set. bf16 is the upper half of a float and rounds by carry. */
#include "base/half.h"

#include <string.h>

static uint32_t bits_of(float f)
{
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    return u;
}

static float float_of(uint32_t u)
{
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}

/* Code of |f| in a format with `man` mantissa bits and this bias, as if the exponent had no upper end; f is finite.
 * Codes grow with the magnitude and are adjacent, so a carry out of the mantissa lands in the exponent as it should. */
static inline uint32_t encode(uint32_t magnitude, int man, int bias)
{
    int exponent = (int)(magnitude >> 23);
    uint32_t m = magnitude & 0x7fffff;
    if (exponent == 0)
        exponent = 1;
    else
        m |= 0x800000;
    int least = 1 - bias; /* exponent of the smallest normal value */
    int e = exponent - 127;
    int drop = 23 - man + (e < least ? least - e : 0);
    if (drop > 25) return 0;
    uint32_t kept = m >> drop;
    uint32_t rest = m & ((UINT32_C(1) << drop) - 1);
    uint32_t half = UINT32_C(1) << (drop - 1);
    if (rest > half || (rest == half && (kept & 1) != 0)) kept++;
    return ((uint32_t)(e < least ? 0 : e - least) << man) + kept;
}

/* Value of a code without sign: the inverse of encode. */
static inline float decode(uint32_t code, int man, int bias)
{
    int field = (int)(code >> man);
    uint32_t m = code & ((UINT32_C(1) << man) - 1);
    if (field != 0) return float_of((uint32_t)(field - bias + 127) << 23 | m << (23 - man));
    /* Subnormal: m units of the smallest step, a power of two. Both factors and the product are exact in float. */
    return (float)m * float_of((uint32_t)(1 - bias - man + 127) << 23);
}

float hn_f16_to_f32(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16;
    uint32_t code = h & 0x7fff;
    if (code >= 0x7c00) return float_of(sign | 0x7f800000 | (code & 0x3ff) << 13);
    return float_of(sign | bits_of(decode(code, 10, 15)));
}

uint16_t hn_f32_to_f16(float f)
{
    uint32_t u = bits_of(f);
    uint32_t sign = u >> 16 & 0x8000;
    uint32_t magnitude = u & 0x7fffffff;
    if (magnitude > 0x7f800000) return (uint16_t)(sign | 0x7e00 | (magnitude >> 13 & 0x1ff));
    uint32_t code = magnitude == 0x7f800000 ? 0x7c00 : encode(magnitude, 10, 15);
    return (uint16_t)(sign | (code > 0x7c00 ? 0x7c00 : code));
}

float hn_bf16_to_f32(uint16_t h)
{
    return float_of((uint32_t)h << 16);
}

uint16_t hn_f32_to_bf16(float f)
{
    uint32_t u = bits_of(f);
    if ((u & 0x7fffffff) > 0x7f800000) return (uint16_t)(u >> 16 | 0x40); /* keep it a NaN when the payload is cut */
    return (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);
}

typedef struct f8_format {
    int man, bias;
    uint8_t max;   /* code of the largest finite value */
    uint8_t over;  /* code for overflow without saturation: infinity or NaN */
    uint8_t nan;   /* canonical NaN */
    bool one_zero; /* FNUZ: 0x80 is the only NaN and there is no negative zero */
} f8_format;

static const f8_format f8_formats[] = {
    [HN_F8_E4M3FN] = {3, 7, 0x7e, 0x7f, 0x7f, false},
    [HN_F8_E4M3FNUZ] = {3, 8, 0x7f, 0x80, 0x80, true},
    [HN_F8_E5M2] = {2, 15, 0x7b, 0x7c, 0x7f, false},
    [HN_F8_E5M2FNUZ] = {2, 16, 0x7f, 0x80, 0x80, true},
};

float hn_f8_to_f32(hn_f8 format, uint8_t b)
{
    const f8_format *t = &f8_formats[format];
    uint32_t sign = (uint32_t)(b & 0x80) << 24;
    uint32_t code = b & 0x7f;
    if (t->one_zero && b == 0x80) return float_of(0x7fc00000);
    if (code > t->max) return float_of(sign | (format == HN_F8_E5M2 && code == 0x7c ? 0x7f800000 : 0x7fc00000));
    return float_of(sign | bits_of(decode(code, t->man, t->bias)));
}

uint8_t hn_f32_to_f8(hn_f8 format, float f, bool saturate)
{
    const f8_format *t = &f8_formats[format];
    uint32_t u = bits_of(f);
    uint32_t sign = u >> 24 & 0x80;
    uint32_t magnitude = u & 0x7fffffff;
    if (magnitude > 0x7f800000) return (uint8_t)(t->one_zero ? t->nan : sign | t->nan);
    uint32_t code = magnitude == 0x7f800000 ? 0xffff : encode(magnitude, t->man, t->bias);
    if (code > t->max) {
        code = saturate ? t->max : t->over;
        if (code == 0x80) return 0x80;
    }
    if (code == 0 && t->one_zero) return 0;
    return (uint8_t)(sign | code);
}

float hn_e8m0_to_f32(uint8_t b)
{
    if (b == 255) return float_of(0x7fc00000);
    return float_of(b == 0 ? 0x00400000 : (uint32_t)b << 23);
}

uint8_t hn_f32_to_e8m0(float f)
{
    uint32_t u = bits_of(f);
    if ((u & 0x7fffffff) > 0x7f800000) return 255;
    if ((u & 0x80000000) != 0 || u < 0x00600000) return 0; /* below 1.5 * 2^-127 the nearest is the smallest, 2^-127 */
    uint32_t code = (u + 0x400000) >> 23;
    if (u < 0x00800000) code = 1;
    return (uint8_t)(code > 254 ? 254 : code);
}

static const struct {
    int bits, man, bias;
} mx_formats[] = {
    [HN_MX_F4E2M1] = {4, 1, 1},
    [HN_MX_F6E2M3] = {6, 3, 1},
    [HN_MX_F6E3M2] = {6, 2, 3},
};

float hn_mx_to_f32(hn_mx format, uint8_t code)
{
    uint32_t sign = 1U << (mx_formats[format].bits - 1);
    float v = decode(code & (sign - 1), mx_formats[format].man, mx_formats[format].bias);
    return (code & sign) != 0 ? -v : v;
}

uint8_t hn_f32_to_mx(hn_mx format, float f)
{
    uint32_t u = bits_of(f), sign = 1U << (mx_formats[format].bits - 1), most = sign - 1;
    uint32_t magnitude = u & 0x7fffffff;
    if (magnitude > 0x7f800000) return (uint8_t)sign;
    uint32_t code = magnitude == 0x7f800000 ? most : encode(magnitude, mx_formats[format].man, mx_formats[format].bias);
    return (uint8_t)((u >> 31 != 0 ? sign : 0) | (code > most ? most : code));
}
