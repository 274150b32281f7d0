/* half: every code of every format against a slow definition, and rounding against the sorted list of all values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/half.h"
#include "base/rng.h"

/* Value of a code by the definition: sign * 2^(e - bias) * (1 + m / 2^man), or 2^(1 - bias) * m / 2^man when e is 0. */
static double slow(unsigned code, int bits, int man, int bias)
{
    unsigned m = code & ((1U << man) - 1);
    unsigned e = code >> man & ((1U << (bits - 1 - man)) - 1);
    double v = e == 0 ? ldexp(m, 1 - bias - man) : ldexp(1 + ldexp(m, -man), (int)e - bias);
    return code >> (bits - 1) != 0 ? -v : v;
}

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

typedef struct format {
    const char *name;
    int bits, man, bias;
    unsigned max; /* code of the largest finite value */
    unsigned inf; /* 0: none */
    bool one_zero;
    float (*decode)(unsigned code);
    unsigned (*encode)(float f);
} format;

static float d_f16(unsigned c)
{
    return hn_f16_to_f32((uint16_t)c);
}
static unsigned e_f16(float f)
{
    return hn_f32_to_f16(f);
}
static float d_bf16(unsigned c)
{
    return hn_bf16_to_f32((uint16_t)c);
}
static unsigned e_bf16(float f)
{
    return hn_f32_to_bf16(f);
}
static float d_e4m3fn(unsigned c)
{
    return hn_f8_to_f32(HN_F8_E4M3FN, (uint8_t)c);
}
static unsigned e_e4m3fn(float f)
{
    return hn_f32_to_f8(HN_F8_E4M3FN, f, false);
}
static float d_e4m3fnuz(unsigned c)
{
    return hn_f8_to_f32(HN_F8_E4M3FNUZ, (uint8_t)c);
}
static unsigned e_e4m3fnuz(float f)
{
    return hn_f32_to_f8(HN_F8_E4M3FNUZ, f, false);
}
static float d_e5m2(unsigned c)
{
    return hn_f8_to_f32(HN_F8_E5M2, (uint8_t)c);
}
static unsigned e_e5m2(float f)
{
    return hn_f32_to_f8(HN_F8_E5M2, f, false);
}
static float d_e5m2fnuz(unsigned c)
{
    return hn_f8_to_f32(HN_F8_E5M2FNUZ, (uint8_t)c);
}
static unsigned e_e5m2fnuz(float f)
{
    return hn_f32_to_f8(HN_F8_E5M2FNUZ, f, false);
}
static float d_f4(unsigned c)
{
    return hn_mx_to_f32(HN_MX_F4E2M1, (uint8_t)c);
}
static unsigned e_f4(float f)
{
    return hn_f32_to_mx(HN_MX_F4E2M1, f);
}
static float d_e2m3(unsigned c)
{
    return hn_mx_to_f32(HN_MX_F6E2M3, (uint8_t)c);
}
static unsigned e_e2m3(float f)
{
    return hn_f32_to_mx(HN_MX_F6E2M3, f);
}
static float d_e3m2(unsigned c)
{
    return hn_mx_to_f32(HN_MX_F6E3M2, (uint8_t)c);
}
static unsigned e_e3m2(float f)
{
    return hn_f32_to_mx(HN_MX_F6E3M2, f);
}

static const format formats[] = {
    {"f16", 16, 10, 15, 0x7bff, 0x7c00, false, d_f16, e_f16},
    {"bf16", 16, 7, 127, 0x7f7f, 0x7f80, false, d_bf16, e_bf16},
    {"e4m3fn", 8, 3, 7, 0x7e, 0, false, d_e4m3fn, e_e4m3fn},
    {"e4m3fnuz", 8, 3, 8, 0x7f, 0, true, d_e4m3fnuz, e_e4m3fnuz},
    {"e5m2", 8, 2, 15, 0x7b, 0x7c, false, d_e5m2, e_e5m2},
    {"e5m2fnuz", 8, 2, 16, 0x7f, 0, true, d_e5m2fnuz, e_e5m2fnuz},
    {"f4e2m1", 4, 1, 1, 7, 0, false, d_f4, e_f4},
    {"f6e2m3", 6, 3, 1, 31, 0, false, d_e2m3, e_e2m3},
    {"f6e3m2", 6, 2, 3, 31, 0, false, d_e3m2, e_e3m2},
};
enum { FORMATS = sizeof formats / sizeof formats[0] };

static void every_code(void **state)
{
    (void)state;
    for (int k = 0; k < FORMATS; k++) {
        const format *t = &formats[k];
        unsigned sign = 1U << (t->bits - 1);
        for (unsigned c = 0; c < 1U << t->bits; c++) {
            unsigned magnitude = c & (sign - 1);
            float got = t->decode(c);
            if (t->one_zero && c == sign) {
                assert_true(isnan(got));
            } else if (magnitude <= t->max) {
                float want = (float)slow(c, t->bits, t->man, t->bias);
                assert_int_equal(bits_of(got), bits_of(want));
                assert_int_equal(t->encode(got), c); /* there and back */
            } else if (t->inf != 0 && magnitude == t->inf) {
                assert_true(isinf(got) && (signbit(got) != 0) == (c != magnitude));
                assert_int_equal(t->encode(got), c);
            } else {
                assert_true(isnan(got));
            }
        }
    }
}

/* Around every pair of neighbours: below, at and above the middle, both signs. */
static void rounding_is_nearest_even(void **state)
{
    (void)state;
    for (int k = 0; k < FORMATS; k++) {
        const format *t = &formats[k];
        unsigned sign = 1U << (t->bits - 1);
        for (unsigned c = 0; c < t->max; c++) {
            double low = slow(c, t->bits, t->man, t->bias);
            double high = slow(c + 1, t->bits, t->man, t->bias);
            float middle = (float)((low + high) / 2); /* exact: every format has fewer mantissa bits than float */
            unsigned even = (c & 1) == 0 ? c : c + 1;
            assert_int_equal(t->encode(middle), even);
            assert_int_equal(t->encode(nextafterf(middle, 0)), c);
            assert_int_equal(t->encode(nextafterf(middle, INFINITY)), c + 1);
            assert_int_equal(t->encode(-middle), even == 0 && t->one_zero ? 0 : even | sign);
            assert_int_equal(t->encode(nextafterf(-middle, -INFINITY)), (c + 1) | sign);
        }
    }
}

/* Random bit patterns against a search for the nearest code. */
static void random_floats(void **state)
{
    (void)state;
    hn_rng r;
    hn_rng_init(&r, 11, 0);
    for (int k = 0; k < FORMATS; k++) {
        const format *t = &formats[k];
        double top = slow(t->max, t->bits, t->man, t->bias);
        for (int i = 0; i < 20000; i++) {
            float f = float_of((uint32_t)hn_rng_u64(&r));
            if (i % 2 == 0) f = (float)(ldexp(hn_rng_unit(&r), (int)hn_rng_below(&r, 40) - 20));
            double v = fabs((double)f);
            if (isnan(f) || v > top) continue;
            unsigned low = 0, high = t->max; /* the largest code whose value is at most v */
            while (low < high) {
                unsigned mid = (low + high + 1) / 2;
                if (slow(mid, t->bits, t->man, t->bias) <= v)
                    low = mid;
                else
                    high = mid - 1;
            }
            unsigned want = low;
            if (low < t->max) {
                double below = v - slow(low, t->bits, t->man, t->bias);
                double above = slow(low + 1, t->bits, t->man, t->bias) - v;
                if (above < below || (above == below && (low & 1) != 0)) want++;
            }
            if (signbit(f) && !(want == 0 && t->one_zero)) want |= 1U << (t->bits - 1);
            assert_int_equal(t->encode(f), want);
        }
    }
}

static void overflow_and_nan(void **state)
{
    (void)state;
    assert_int_equal(hn_f32_to_f16(65519.0F), 0x7bff);
    assert_int_equal(hn_f32_to_f16(65520.0F), 0x7c00);
    assert_int_equal(hn_f32_to_f16(-3e38F), 0xfc00);
    assert_int_equal(hn_f32_to_bf16(float_of(0x7f7fffff)), 0x7f80);
    for (uint32_t payload = 1; payload < 0x800000; payload = payload * 3 + 1) {
        assert_true(isnan(hn_f16_to_f32(hn_f32_to_f16(float_of(0x7f800000 | payload)))));
        assert_true(isnan(hn_bf16_to_f32(hn_f32_to_bf16(float_of(0xff800000 | payload)))));
        for (int k = HN_F8_E4M3FN; k <= HN_F8_E5M2FNUZ; k++)
            for (int saturate = 0; saturate < 2; saturate++)
                assert_true(isnan(
                    hn_f8_to_f32((hn_f8)k, hn_f32_to_f8((hn_f8)k, float_of(0x7f800000 | payload), saturate != 0))));
    }
}

static void f8_overflow(void **state)
{
    (void)state;
    static const struct {
        hn_f8 format;
        float max, tie; /* the first value that rounds past max */
        bool tie_is_over, inf;
    } rows[] = {{HN_F8_E4M3FN, 448, 464, false, false},
                {HN_F8_E4M3FNUZ, 240, 248, true, false},
                {HN_F8_E5M2, 57344, 61440, true, true},
                {HN_F8_E5M2FNUZ, 57344, 61440, true, false}};
    for (int k = 0; k < 4; k++) {
        hn_f8 t = rows[k].format;
        for (int s = -1; s <= 1; s += 2) {
            float sign = (float)s;
            float over[] = {nextafterf(rows[k].tie, INFINITY), 1e9F, INFINITY};
            for (int i = 0; i < 3; i++) {
                float loose = hn_f8_to_f32(t, hn_f32_to_f8(t, sign * over[i], false));
                assert_true(rows[k].inf ? isinf(loose) && (loose > 0) == (s > 0) : isnan(loose));
                assert_true(hn_f8_to_f32(t, hn_f32_to_f8(t, sign * over[i], true)) == sign * rows[k].max);
            }
            float tie = hn_f8_to_f32(t, hn_f32_to_f8(t, sign * rows[k].tie, false));
            assert_true((tie == sign * rows[k].max) == !rows[k].tie_is_over);
            assert_true(hn_f8_to_f32(t, hn_f32_to_f8(t, sign * nextafterf(rows[k].tie, 0), false)) ==
                        sign * rows[k].max);
        }
    }
    assert_int_equal(hn_f32_to_f8(HN_F8_E4M3FN, -0.0F, true), 0x80);
    assert_int_equal(hn_f32_to_f8(HN_F8_E4M3FNUZ, -0.0F, true), 0);
    assert_int_equal(hn_f32_to_f8(HN_F8_E5M2FNUZ, -1e-30F, true), 0);
}

static void e8m0(void **state)
{
    (void)state;
    for (unsigned c = 0; c < 255; c++) {
        double v = ldexp(1, (int)c - 127);
        float f = hn_e8m0_to_f32((uint8_t)c);
        assert_true((double)f == v);
        assert_int_equal(hn_f32_to_e8m0(f), c);
        unsigned up = c == 254 ? 254 : c + 1;
        assert_int_equal(hn_f32_to_e8m0((float)(v * 1.5)), up); /* ties up */
        assert_int_equal(hn_f32_to_e8m0(nextafterf((float)(v * 1.5), 0)), c);
    }
    assert_true(isnan(hn_e8m0_to_f32(255)));
    assert_int_equal(hn_f32_to_e8m0(NAN), 255);
    assert_int_equal(hn_f32_to_e8m0(INFINITY), 254);
    assert_int_equal(hn_f32_to_e8m0(0.0F), 0);
    assert_int_equal(hn_f32_to_e8m0(-3.0F), 0);
    assert_int_equal(hn_f32_to_e8m0(float_of(1)), 0);
}

static void narrowest_saturate(void **state)
{
    (void)state;
    assert_int_equal(hn_f32_to_mx(HN_MX_F4E2M1, 5.0F), 6); /* tie of 4 and 6: 4 is even */
    assert_int_equal(hn_f32_to_mx(HN_MX_F4E2M1, 7.0F), 7);
    assert_int_equal(hn_f32_to_mx(HN_MX_F4E2M1, 1e30F), 7);
    assert_int_equal(hn_f32_to_mx(HN_MX_F4E2M1, -INFINITY), 15);
    assert_int_equal(hn_f32_to_mx(HN_MX_F4E2M1, NAN), 8);
    assert_int_equal(hn_f32_to_mx(HN_MX_F4E2M1, -0.0F), 8);
    assert_int_equal(hn_f32_to_mx(HN_MX_F6E2M3, 7.75F), 31);
    assert_int_equal(hn_f32_to_mx(HN_MX_F6E2M3, -INFINITY), 63);
    assert_int_equal(hn_f32_to_mx(HN_MX_F6E2M3, NAN), 32);
    assert_int_equal(hn_f32_to_mx(HN_MX_F6E3M2, 28), 31);
    assert_int_equal(hn_f32_to_mx(HN_MX_F6E3M2, -30), 63);
    assert_int_equal(hn_f32_to_mx(HN_MX_F6E3M2, 0.03125F), 0); /* tie of 0 and the smallest, 0.0625 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_code),        cmocka_unit_test(rounding_is_nearest_even),
                                       cmocka_unit_test(random_floats),     cmocka_unit_test(overflow_and_nan),
                                       cmocka_unit_test(f8_overflow),       cmocka_unit_test(e8m0),
                                       cmocka_unit_test(narrowest_saturate)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
