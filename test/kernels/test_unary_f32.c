/* unary_f32: every function of every record that runs here against libm in double, over a walk through all float bit
 * patterns (denormals, infinities and NaN among them) and a dense walk around 0. The bounds are the ones that
 * vec_math.inc and the documentation state. Tails, sentinels and in-place runs come from a length sweep. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/size.h"
#include "kernels/unary_f32.h"
#include "support/guard.h"

enum { BLOCK = 1000 };

typedef struct bound {
    int act;
    const char *name;
    float a, b;
    double ulp;   /* of the exact value, or */
    double floor; /* absolute error below which nothing counts: cancellation, denormal results */
} bound;

static const bound BOUNDS[] = {
    {HN_ACT_RELU, "relu", 0, 0, 0, 0},
    {HN_ACT_CLIP, "clip", -2, 6, 0, 0},
    {HN_ACT_LEAKY, "leaky", 0.25f, 0, 0.5, 0},
    {HN_ACT_SIGMOID, "sigmoid", 0, 0, 4, 1.5e-45},
    {HN_ACT_TANH, "tanh", 0, 0, 4, 0},
    {HN_ACT_HARD_SIGMOID, "hard_sigmoid", 0.2f, 0.5f, 2, 6e-8},
    {HN_ACT_HARD_SWISH, "hard_swish", 0, 0, 4, 2e-7},
    {HN_ACT_SILU, "silu", 1, 0, 5, 3e-43},
    {HN_ACT_GELU, "gelu", 0, 0, 5, 4e-7},
    {HN_ACT_GELU_TANH, "gelu_tanh", 0, 0, 8, 1e-6},
    {HN_ACT_ELU, "elu", 1, 0, 4, 0},
    {HN_ACT_EXP, "exp", 0, 0, 2, 1.5e-45},
    {HN_ACT_LOG, "log", 0, 0, 2, 0},
    {HN_ACT_ERF, "erf", 0, 0, 4, 0},
    {HN_ACT_SQRT, "sqrt", 0, 0, 0.5, 0},
    {HN_ACT_ABS, "abs", 0, 0, 0, 0},
    {HN_ACT_NEG, "neg", 0, 0, 0, 0},
    {HN_ACT_FLOOR, "floor", 0, 0, 0, 0},
    {HN_ACT_CEIL, "ceil", 0, 0, 0, 0},
    {HN_ACT_ROUND, "round", 0, 0, 0, 0},
    {HN_ACT_RECIPROCAL, "reciprocal", 0, 0, 0.5, 0},
    {HN_ACT_SOFTPLUS, "softplus", 0, 0, 4, 1.5e-45},
    {HN_ACT_SOFTSIGN, "softsign", 0, 0, 2, 0},
    {HN_ACT_SELU, "selu", 1.6732632f, 1.05070102f, 4, 0},
    {HN_ACT_CELU, "celu", 1.5f, 0, 5, 1e-44},
    {HN_ACT_THRESHOLDED, "thresholded", 0.5f, 0, 0, 0},
    {HN_ACT_MISH, "mish", 0, 0, 8, 1e-43},
    {HN_ACT_SQUARE, "square", 0, 0, 0.5, 0},
    {HN_ACT_AFFINE, "affine", 0.5f, 2, 2, 1e-6},
};

static double exact(const bound *f, double x)
{
    double a = f->a, b = f->b;
    if (isnan(x)) return x;
    switch (f->act) {
    case HN_ACT_RELU: return x > 0 ? x : 0;
    case HN_ACT_CLIP: return fmin(fmax(x, a), b);
    case HN_ACT_LEAKY: return x < 0 ? a * x : x;
    case HN_ACT_SIGMOID: return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x));
    case HN_ACT_TANH: return tanh(x);
    case HN_ACT_HARD_SIGMOID: return fmin(fmax(a * x + b, 0), 1);
    case HN_ACT_HARD_SWISH: return x * fmin(fmax(x / 6 + 0.5, 0), 1);
    case HN_ACT_SILU: return x < 0 ? x * (exp(x) / (1 + exp(x))) : x / (1 + exp(-x));
    case HN_ACT_GELU: return 0.5 * x * (1 + erf(x * 0.70710678118654752440));
    case HN_ACT_GELU_TANH: return 0.5 * x * (1 + tanh(0.79788456080286535588 * (x + 0.044715 * x * x * x)));
    case HN_ACT_ELU: return x < 0 ? a * expm1(x) : x;
    case HN_ACT_EXP: return exp(x);
    case HN_ACT_LOG: return log(x);
    case HN_ACT_ERF: return erf(x);
    case HN_ACT_SQRT: return sqrt(x);
    case HN_ACT_ABS: return fabs(x);
    case HN_ACT_NEG: return -x;
    case HN_ACT_FLOOR: return floor(x);
    case HN_ACT_CEIL: return ceil(x);
    case HN_ACT_ROUND: return nearbyint(x);
    case HN_ACT_RECIPROCAL: return 1 / x;
    case HN_ACT_SOFTPLUS: return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
    case HN_ACT_SOFTSIGN: return x / (1 + fabs(x));
    case HN_ACT_SELU: return b * (x < 0 ? a * expm1(x) : x);
    case HN_ACT_CELU: return x < 0 ? a * expm1(x / a) : x;
    case HN_ACT_THRESHOLDED: return x > a ? x : 0;
    case HN_ACT_MISH: return x * tanh(x > 0 ? x + log1p(exp(-x)) : log1p(exp(x)));
    case HN_ACT_SQUARE: return x * x;
    default: return a * x + b;
    }
}

/* Distance in units of the last place of the exact value; what rounds to infinity may be infinite. */
static double ulps(float got, double want)
{
    if (isnan(want) || isnan(got)) return isnan(want) && isnan(got) ? 0 : INFINITY;
    if ((double)got == want) return 0;
    if (isinf(got) || isinf(want))
        return fabs(want) > 3.4028e38 && fabs((double)got) > 3.4028e38 && (signbit(got) != 0) == (signbit(want) != 0)
                   ? 0
                   : INFINITY;
    int e;
    frexp(want, &e);
    double unit = ldexp(1.0, e - 24);
    if (unit < ldexp(1.0, -149)) unit = ldexp(1.0, -149);
    return fabs((double)got - want) / unit;
}

/* Infinite arguments of products with 0 are NaN in float as in double, but x * 0 for huge x is 0 in both. */
static bool outside(const bound *f, float x)
{
    if (!isinf(x)) return false;
    return f->act == HN_ACT_SILU || f->act == HN_ACT_GELU || f->act == HN_ACT_GELU_TANH ||
           f->act == HN_ACT_HARD_SWISH || f->act == HN_ACT_MISH || f->act == HN_ACT_SOFTSIGN;
}

static double sweep(const hn_kernel *k, const bound *f, float *worst_x)
{
    float x[BLOCK], y[BLOCK];
    double worst = 0;
    for (uint32_t block = 0; block < 600; block++) {
        for (uint32_t i = 0; i < BLOCK; i++) {
            uint32_t n = block * BLOCK + i, bits = n * UINT32_C(10007);
            if (block < 430)
                memcpy(&x[i], &bits, sizeof bits);
            else
                x[i] = (float)((int32_t)(n - 515000) * 1e-4); /* -8.5 to 8.5 */
        }
        ((hn_unary_f32_fn *)k->fn)(f->act, BLOCK, x, y, f->a, f->b);
        for (size_t i = 0; i < BLOCK; i++) {
            double want = exact(f, x[i]);
            if (outside(f, x[i]) || fabs((double)y[i] - want) <= f->floor) continue;
            double d = ulps(y[i], want);
            if (d > worst || isnan(d)) {
                worst = d;
                *worst_x = x[i];
            }
        }
    }
    return worst;
}

static void errors_stay_within_bounds(void **state)
{
    (void)state;
    assert_int_equal(HN_COUNT(BOUNDS), HN_ACT_COUNT - 1);
    bool good = true;
    for (size_t i = 0; i < hn_kernel_count; i++) {
        const hn_kernel *k = hn_kernel_rows[i];
        if (!guard_runs(k, "unary_f32")) continue;
        for (size_t b = 0; b < HN_COUNT(BOUNDS); b++) {
            float x = 0, y = 0;
            /* Without a fused multiply-add each step of a polynomial rounds once more. */
            double limit = k->isa == 0 && BOUNDS[b].ulp >= 2 ? BOUNDS[b].ulp + 2 : BOUNDS[b].ulp,
                   worst = sweep(k, &BOUNDS[b], &x);
            if (worst <= limit + 1e-6) continue;
            ((hn_unary_f32_fn *)k->fn)(BOUNDS[b].act, 1, &x, &y, BOUNDS[b].a, BOUNDS[b].b);
            printf("%s %s: %.2f ulp at %a (%g): %g, want %g\n", k->name, BOUNDS[b].name, worst, (double)x, (double)x,
                   (double)y, exact(&BOUNDS[b], x));
            good = false;
        }
    }
    assert_true(good);
}

static void lengths_and_places(void **state)
{
    (void)state;
    hn_rng rng;
    hn_rng_init(&rng, 4, 0);
    for (size_t i = 0; i < hn_kernel_count; i++) {
        const hn_kernel *k = hn_kernel_rows[i];
        if (!guard_runs(k, "unary_f32")) continue;
        for (size_t n = 0; n <= 4u * k->nr + 1; n++) {
            guard x = guard_new(n, n % 5), y = guard_new(n, n % 3);
            guard_rand(&x, &rng, -4, 4);
            ((hn_unary_f32_fn *)k->fn)(HN_ACT_TANH, n, x.p, y.p, 0, 0);
            for (size_t j = 0; j < n; j++) assert_true(close_to(y.p[j], tanh(x.p[j]), 1e-6, 1e-7));
            ((hn_unary_f32_fn *)k->fn)(HN_ACT_TANH, n, x.p, x.p, 0, 0);
            if (n > 0) assert_memory_equal(x.p, y.p, n * sizeof(float));
            assert_true(guard_intact(&x) && guard_intact(&y));
            guard_free(&x);
            guard_free(&y);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_stay_within_bounds),
        cmocka_unit_test(lengths_and_places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
