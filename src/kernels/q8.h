/* q8: what the 8-bit kernels share: how an exact int32 sum becomes an output element.
 *
 * All kernels work in the u8 domain: a byte of memory is XORed with `flip` (0x00 for u8, 0x80 for s8, that is + 128) on
 * the way in and out, and zero points and limits are given in that domain. Sums are exact modulo 2^32. Rescaling is
 * float32, one rounding per operation (no FMA but as HN_Q8_RAISED says), half to even, so that every ISA gives the same
 * bytes. */
#ifndef HN_KERNELS_Q8_H
#define HN_KERNELS_Q8_H

#include <stddef.h>
#include <stdint.h>

#if defined(__clang__)
#define HN_UNROLL _Pragma("unroll")
#elif defined(__GNUC__)
#define HN_UNROLL _Pragma("GCC unroll 16")
#else
#define HN_UNROLL
#endif

typedef enum hn_q8_kind {
    HN_Q8_BYTE,     /* u = min((float)acc * scale, t_hi);                  y = clamp(rint(u) + y_zp, y_lo, y_hi) */
    HN_Q8_RESIDUAL, /* t = rint(clamp((float)acc * scale, t_lo, t_hi));
                       u = t * t_scale + (float)(r - r_zp) * r_scale;      y as above after min(u, u_hi) */
    HN_Q8_F32,      /* y = clamp((float)acc * scale, t_lo, t_hi), which may be infinite */
    HN_Q8_I32       /* y = acc */
} hn_q8_kind;

/* What is known of sums: `bounded` of hn_q8_out, else 0.
 *
 * RAISED lets a kernel of kind BYTE start sums at HN_Q8_RAISE, the bits of 2^23 as a float, and do conversion and
 * product in one: the bits of such a sum are a float f, and fma(f, scale, -2^23 * scale) is (float)acc * scale for 0 <=
 * acc < 2^23, since f is 2^23 + acc, 2^23 * scale is exact, and both round acc * scale once. It is <= 0 for acc < 0,
 * where f is less than 2^23: y_lo either way, as y_lo is y_zp. It is 256 to 2^31 for acc >= 2^23: y_hi either way. */
enum {
    HN_Q8_BOUNDED = 1, /* |acc * scale|, with RESIDUAL also |u|, is < 2^31 everywhere, so that t_hi (BYTE) and u_hi
                          (RESIDUAL) may be left to y_hi */
    HN_Q8_RAISED,      /* that, y_lo is y_zp, 0 <= scale < 2^100, -2^30 <= acc < 2^23; acc < 2^25 where 2^-15 <= scale <
                          16 */
    HN_Q8_RAISE = 0x4b000000
};

/* t_lo, t_hi, u_hi: of bytes, |limit| <= 1024, relative to the zero point; they keep conversions in range. */
typedef struct hn_q8_out {
    int32_t kind;    /* hn_q8_kind */
    int32_t bounded; /* HN_Q8_BOUNDED, HN_Q8_RAISED or 0 */
    float t_lo, t_hi, u_hi;
    float t_scale, r_scale;
    int32_t r_zp, y_zp; /* u8 domain */
    uint8_t y_lo, y_hi; /* u8 domain */
    uint8_t r_flip, y_flip;
} hn_q8_out;

/* Rounds half to even for |v| < 2^22. */
static inline float hn_q8_rint(float v)
{
    return (v + 12582912.0f) - 12582912.0f;
}

/* F32 for one element. */
static inline float hn_q8_float(int32_t acc, float scale, float lo, float hi)
{
    const float v = (float)acc * scale, u = v < lo ? lo : v;
    return u > hi ? hi : u;
}

static inline uint8_t hn_q8_store(float u, const hn_q8_out *e)
{
    u = u > -4096.0f ? u : -4096.0f;
    int32_t q = (int32_t)hn_q8_rint(u) + e->y_zp;
    q = q < e->y_lo ? e->y_lo : q > e->y_hi ? e->y_hi : q;
    return (uint8_t)(q ^ e->y_flip);
}

/* BYTE (r ignored) and RESIDUAL for one element. */
static inline uint8_t hn_q8_finish(int32_t acc, float scale, uint8_t r, const hn_q8_out *e)
{
    float u = (float)acc * scale;
    u = u < e->t_hi ? u : e->t_hi;
    if (e->kind == HN_Q8_RESIDUAL) {
        u = u > e->t_lo ? u : e->t_lo;
        float a = hn_q8_rint(u) * e->t_scale;
        float b = (float)((int32_t)(uint8_t)(r ^ e->r_flip) - e->r_zp) * e->r_scale;
        u = a + b;
        u = u < e->u_hi ? u : e->u_hi;
    }
    return hn_q8_store(u, e);
}

#endif
