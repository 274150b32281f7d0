/* lib_cast: numbers convert through double or, between integers and from floats to 4 and 2 bits, through 64 bits (which
 * wrap). Narrow floats need the rounding attributes; numbers and strings need text. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/half.h"
#include "ops/lib_cast.h"

static bool is_f8(hn_dtype t, hn_f8 *format)
{
    *format = t == HN_F8E4M3FN     ? HN_F8_E4M3FN
              : t == HN_F8E4M3FNUZ ? HN_F8_E4M3FNUZ
              : t == HN_F8E5M2     ? HN_F8_E5M2
                                   : HN_F8_E5M2FNUZ;
    return t == HN_F8E4M3FN || t == HN_F8E4M3FNUZ || t == HN_F8E5M2 || t == HN_F8E5M2FNUZ;
}

typedef enum e8_round { E8_UP, E8_DOWN, E8_NEAREST } e8_round;

/* |v| to a power of two 2^(b - 127), b in 0..254; 255 is NaN. Out of range: the end of the range when saturating, else
 * NaN. */
static uint8_t to_e8m0(double v, e8_round round, bool saturate)
{
    if (isnan(v)) return 255;
    v = fabs(v);
    if (isinf(v)) return saturate ? 254 : 255;
    if (v == 0) return saturate || round == E8_UP ? 0 : 255;
    int e;
    double m = frexp(v, &e) * 2; /* v = m * 2^(e-1), m in [1, 2) */
    e -= 1;
    if (m > 1 && (round == E8_UP || (round == E8_NEAREST && m >= 1.5))) e++;
    if (e < -127) return saturate || round == E8_UP ? 0 : 255;
    if (e > 127) return saturate ? 254 : 255;
    return (uint8_t)(e + 127);
}

/* The shortest decimal that reads back as the same value. */
static int print_float(char *dst, size_t bytes, double v, bool wide)
{
    if (isnan(v)) return snprintf(dst, bytes, "NaN");
    if (isinf(v)) return snprintf(dst, bytes, v < 0 ? "-INF" : "INF");
    int n = 0;
    for (int digits = 1; digits <= 17; digits++) {
        n = snprintf(dst, bytes, "%.*g", digits, v);
        double back = strtod(dst, NULL);
        if (wide ? back == v : (float)back == (float)v) break;
    }
    return n;
}

static hn_status to_string(const hn_refargs *a, const hn_tensor *src, const hn_tensor *dst, size_t i)
{
    char text[64];
    int n;
    if (src->dtype == HN_BOOL)
        n = snprintf(text, sizeof text, "%s", hn_get_i64(src, i) ? "True" : "False");
    else if (src->dtype == HN_U64)
        n = snprintf(text, sizeof text, "%llu", (unsigned long long)hn_get_u64(src, i));
    else if (hn_dtype_is_int(src->dtype))
        n = snprintf(text, sizeof text, "%lld", (long long)hn_get_i64(src, i));
    else
        n = print_float(text, sizeof text, hn_get_f64(src, i), src->dtype == HN_F64);
    char *copy = hn_arena_strndup(a->env, a->scratch, text, (size_t)n);
    if (!copy) return a->env->error.status;
    ((hn_str *)dst->data)[i] = (hn_str){.data = copy, .size = (size_t)n};
    return HN_OK;
}

static hn_status from_string(const hn_refargs *a, const hn_tensor *src, const hn_tensor *dst, size_t i)
{
    const hn_str *s = (const hn_str *)src->data + i;
    char text[128], *end = text;
    if (s->size < sizeof text) {
        if (s->size) memcpy(text, s->data, s->size);
        text[s->size] = 0;
        if (hn_dtype_is_int(dst->dtype)) {
            errno = 0;
            long long v = strtoll(text, &end, 10);
            if (s->size && !*end && !errno) {
                hn_set_i64(dst, i, v);
                return HN_OK;
            }
        }
        double v = strtod(text, &end);
        if (s->size && !*end) {
            hn_set_f64(dst, i, v);
            return HN_OK;
        }
    }
    return hn_op_fail(a->env, a->node, "element %zu, \"%.*s\", is not a number", i, (int)hn_min_size(s->size, 60),
                      s->size ? s->data : "");
}

static void number(const hn_tensor *src, const hn_tensor *dst, size_t i, bool saturate, e8_round round)
{
    hn_f8 format;
    bool whole = hn_ref_integer(src->dtype);
    if (dst->dtype == HN_F8E8M0)
        ((uint8_t *)dst->data)[i] = to_e8m0(hn_get_f64(src, i), round, saturate);
    else if (!saturate && is_f8(dst->dtype, &format))
        ((uint8_t *)dst->data)[i] = hn_f32_to_f8(format, (float)hn_get_f64(src, i), false);
    else if (hn_ref_integer(dst->dtype) && (whole || (hn_dtype_is_int(dst->dtype) && hn_dtype_bits(dst->dtype) < 8)))
        hn_set_i64(dst, i, hn_get_i64(src, i));
    else if (src->dtype == HN_U64)
        hn_set_f64(dst, i, (double)hn_get_u64(src, i));
    else
        hn_set_f64(dst, i, hn_get_f64(src, i));
}

hn_status hn_cast_tensor(const hn_refargs *a, const hn_tensor *src, const hn_tensor *dst)
{
    size_t n = hn_tensor_elems(src);
    if (src->dtype == dst->dtype) {
        hn_elems_copy(dst, 0, src, 0, n);
        return HN_OK;
    }
    if ((HN_BIT(src->dtype) | HN_BIT(dst->dtype)) & HN_T_COMPLEX)
        return hn_op_unsupported(a->env, a->node, "complex numbers do not convert");
    bool saturate = hn_attr_int(a->node, "saturate", 1) != 0;
    e8_round round = hn_attr_is(a->node, "round_mode", "down")      ? E8_DOWN
                     : hn_attr_is(a->node, "round_mode", "nearest") ? E8_NEAREST
                                                                    : E8_UP;
    for (size_t i = 0; i < n; i++) {
        if (dst->dtype == HN_STRING)
            HN_TRY(to_string(a, src, dst, i));
        else if (src->dtype == HN_STRING)
            HN_TRY(from_string(a, src, dst, i));
        else
            number(src, dst, i, saturate, round);
    }
    return HN_OK;
}
