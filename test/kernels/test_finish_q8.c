/* How gemm_q8 records finish sums to bytes where kernels/q8.h draws its lines: sums at the limits of HN_Q8_RAISED and
 * beyond 2^23, products next to halves, scales of every size, zero points and limits of every kind; whole panels,
 * halves and parts of panels. The same sums with less promised give the same bytes. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "base/size.h"
#include "kernels/gemm_q8.h"
#include "support/guard.h"

enum { M = 7, MOST = 64 };

typedef struct scene {
    size_t m, n;
    uint8_t a[4 * M], y[M * MOST], want[M * MOST];
    int32_t bias[MOST];
    float scale[MOST];
    _Alignas(64) int8_t b[2048];
    size_t b_step;
} scene;

static size_t below(hn_rng *rng, size_t n)
{
    return (size_t)hn_rng_below(rng, n);
}

/* Weights: 1 for the first byte of a row, so that sums are bias + a. */
static void pack(const hn_kernel *k, scene *s)
{
    memset(s->b, 0, sizeof s->b);
    const bool runs = k->flags & HN_GEMM_Q8_RUNS;
    s->b_step = runs ? hn_gemm_q8_piece_bytes(1, 16) : 4 * 16 * sizeof(int16_t);
    const size_t panels = runs || k->kr == 2 ? (s->n + 15) / 16 : 1;
    assert_true(panels * s->b_step <= sizeof s->b);
    for (size_t p = 0; p < panels; p++) {
        int8_t *b = s->b + p * s->b_step;
        if (runs) {
            ((uint32_t *)(void *)b)[HN_GEMM_Q8_RUN - 1] = 1;
            b += hn_gemm_q8_head_bytes(1);
        }
        for (size_t j = 0; j < (panels > 1 ? 16 : s->n); j++) b[4 * j] = 1; /* words are little-endian too */
    }
}

/* A float next to v. */
static float near_to(double v, hn_rng *rng)
{
    float f = (float)v;
    for (size_t i = below(rng, 3); i > 0; i--) f = nextafterf(f, INFINITY);
    for (size_t i = below(rng, 3); i > 0; i--) f = nextafterf(f, 0);
    return f;
}

/* A column whose sums are bias to bias + 255, such that HN_Q8_RAISED holds. */
static void column(hn_rng *rng, int32_t *bias, float *scale)
{
    static const int32_t low[] = {-(1 << 30),     -(1 << 30) + 1, -(1 << 24), -(1 << 23) - 1,
                                  -(1 << 22) - 9, -300,           -255,       -1};
    static const int32_t far[] = {(1 << 23) - 255, (1 << 23) - 1, 1 << 23, (1 << 24) - 3, (1 << 25) - 256};
    static const float small[] = {0, FLT_TRUE_MIN, 1e-40f, FLT_MIN, 1e-20f, 1e-6f, 0x1.fffffep-16f, 1, 127.5f};
    static const float middle[] = {0x1p-15f, 0x1.000002p-15f, 0.001f, 1, 15.5f, 0x1.fffffep3f};
    const double half = (double)below(rng, 258) + 0.5;
    switch (below(rng, 4)) {
    case 0:
        *bias = low[below(rng, HN_COUNT(low))];
        *scale = *bias < -(1 << 23) ? 0.9f : small[below(rng, HN_COUNT(small))];
        break;
    case 1:
        *bias = far[below(rng, HN_COUNT(far))];
        *scale = middle[below(rng, HN_COUNT(middle))];
        break;
    case 2: /* the most that any scale allows */
        *bias = (1 << 23) - 256 - (int32_t)below(rng, 3);
        *scale = below(rng, 2) ? small[below(rng, HN_COUNT(small))] : near_to(half / (double)(*bias + 255), rng);
        break;
    default: /* some sums next to a half */
        *bias = (int32_t)below(rng, below(rng, 2) ? 1000 : (1 << 23) - 256);
        *scale = near_to(half / (double)(*bias + (int32_t)below(rng, 4) + 1), rng);
        break;
    }
}

static hn_q8_out make_out(hn_rng *rng)
{
    static const uint8_t low[] = {0, 0, 0, 1, 77, 128, 254, 255};
    hn_q8_out e = {.kind = HN_Q8_BYTE, .bounded = HN_Q8_RAISED, .y_lo = low[below(rng, sizeof low)], .y_hi = 255};
    e.y_zp = e.y_lo;
    if (below(rng, 2)) e.y_hi = (uint8_t)(e.y_lo + below(rng, 256u - e.y_lo));
    e.y_flip = below(rng, 2) ? 0x80 : 0;
    e.t_hi = (float)(e.y_hi - e.y_zp);
    return e;
}

/* The contract in its own words. */
static uint8_t want(const hn_q8_out *e, int32_t sum, float scale)
{
    volatile float v = (float)sum * scale;
    double q = rint((double)v) + e->y_zp;
    q = q < e->y_lo ? e->y_lo : q > e->y_hi ? e->y_hi : q;
    return (uint8_t)((int)q ^ e->y_flip);
}

static void run(const hn_kernel *k, scene *s, const hn_q8_out *e)
{
    hn_gemm_q8 g = {.m = s->m, .n = s->n, .k = 4, .taps = 1, .a = s->a, .lda = 4, .b = s->b, .b_step = s->b_step};
    g.bias = s->bias, g.scale = s->scale, g.y = s->y, g.ldy = s->n, g.out = e;
    memset(s->y, 0x5c, sizeof s->y);
    ((hn_gemm_q8_fn *)k->fn)(&g);
    for (size_t i = 0; i < s->m * s->n; i++) {
        const int32_t sum = s->bias[i % s->n] + s->a[i / s->n * 4];
        const uint8_t right = want(e, sum, s->scale[i % s->n]);
        if (s->y[i] != right)
            fail_msg("%s, %zu x %zu, promised %d: sum %d, scale %a, zero point %d, limits %d %d, flip %d: %d, not %d",
                     k->name, s->m, s->n, e->bounded, sum, (double)s->scale[i % s->n], e->y_zp, e->y_lo, e->y_hi,
                     e->y_flip, s->y[i], right);
    }
    for (size_t i = s->m * s->n; i < sizeof s->y; i++) assert_int_equal(s->y[i], 0x5c);
}

static void check(const hn_kernel *k, scene *s, hn_rng *rng)
{
    const bool all = k->flags & HN_GEMM_Q8_RUNS || k->kr == 2;
    const size_t widths[] = {k->nr, 8, all ? 24 : 3, all ? 40 : 1, k->nr - 3u};
    s->m = 1 + below(rng, M);
    s->n = widths[below(rng, HN_COUNT(widths))];
    for (size_t i = 0; i < sizeof s->a; i++) s->a[i] = (uint8_t)(below(rng, 2) ? below(rng, 4) : 255 - below(rng, 3));
    for (size_t j = 0; j < MOST; j++) column(rng, &s->bias[j], &s->scale[j]);
    pack(k, s);
    hn_q8_out e = make_out(rng);
    run(k, s, &e);
    e.bounded = HN_Q8_BOUNDED;
    run(k, s, &e);
    e.y_lo = (uint8_t)below(rng, e.y_lo + 1u); /* sums below zero count */
    run(k, s, &e);
    e.bounded = 0;
    run(k, s, &e);
}

static void test_limits(void **state)
{
    (void)state;
    scene *s = aligned_alloc(64, (sizeof *s + 63) / 64 * 64);
    assert_non_null(s);
    size_t ran = 0;
    for (size_t i = 0; i < hn_kernel_count; i++) {
        const hn_kernel *k = hn_kernel_rows[i];
        hn_rng rng;
        hn_rng_init(&rng, 31, 0);
        if (!guard_runs(k, "gemm_q8")) continue;
        ran++;
        for (size_t n = 0; n < 2000; n++) check(k, s, &rng);
    }
    free(s);
    assert_true(ran > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_limits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
