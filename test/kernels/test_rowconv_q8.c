/* Every rowconv_q8 record that runs here, bit for bit against sums in int64: widths around strips and vectors, channels
 * around blocks, both signs, both steps, limits, sums beyond the promise; nothing past the runs is read, nothing
 * outside Y written. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "kernels/rowconv_q8.h"
#include "support/edge.h"
#include "support/guard.h"

enum { MOST = 4 * HN_ROWCONV_Q8_GROUPS };

static size_t ran;

/* Runs of 4 * groups taps; with step 2 the odd ones follow the byte before them, or are neighbours of the even ones. */
static void make_taps(const hn_rowconv_q8 *g, bool extremes, hn_rng *rng, edge *x, const uint8_t **tap)
{
    size_t run = (g->m + 63) / 64 * 64 * g->step;
    for (size_t t = 0; t < 4 * g->groups; t++) {
        bool late = g->step == 2 && t % 2;
        x[t] = edge_new(run + late);
        edge_fill(&x[t], rng, extremes);
        tap[t] = late && hn_rng_below(rng, 2) ? tap[t - 1] + 1 : x[t].p + late;
    }
}

typedef struct sizes {
    size_t m, n, groups, step;
    bool floats;
} sizes;

static void check(const hn_kernel *k, sizes s, bool extremes, hn_rng *rng)
{
    size_t m = s.m, n = s.n, groups = s.groups;
    size_t channels = (n + 7) / 8 * 8, ldy = n + hn_rng_below(rng, 2) * 3, weights = channels * 4 * groups;
    size_t bytes = s.floats ? sizeof(float) : 1;
    edge x[MOST], y = edge_new(((m - 1) * ldy + n) * bytes), old = edge_new(y.n);
    const uint8_t *tap[MOST];
    int8_t *w = aligned_alloc(64, (2 * weights + 63) / 64 * 64);
    int16_t *words = (int16_t *)(void *)w;
    int32_t bias[128] = {0};
    float scale[128] = {0};
    assert_non_null(w);
    for (size_t i = 0; i < weights; i++) {
        if (k->kr == 2)
            words[i] = (int16_t)((int)hn_rng_below(rng, 767) - 383);
        else
            w[i] = (int8_t)hn_rng_below(rng, 256);
    }
    hn_q8_out e = {.kind = HN_Q8_BYTE, .bounded = !extremes, .y_lo = 3, .y_hi = 250, .y_flip = m % 3 ? 0x80 : 0};
    e.y_zp = (int32_t)hn_rng_below(rng, 256);
    if (m % 4 == 0) e.y_zp = m % 8 ? 7 : 0, e.y_lo = 0, e.y_hi = 255;
    e.t_hi = (float)(e.y_hi - e.y_zp);
    if (s.floats) e.kind = HN_Q8_F32, e.t_lo = m % 2 ? 0 : -INFINITY, e.t_hi = m % 3 ? 6 : INFINITY;
    for (size_t j = 0; j < n; j++) {
        bias[j] = (int32_t)hn_rng_below(rng, 40000) - 20000;
        scale[j] = extremes ? 3e5f : (float)(0.01 / (double)groups * hn_rng_unit(rng));
    }
    edge_fill(&y, rng, false);
    memcpy(old.p, y.p, y.n);
    hn_rowconv_q8 g = {.m = m, .n = n, .groups = groups, .step = s.step, .tap = tap, .w = w, .bias = bias};
    g.taps = 4 * groups - hn_rng_below(rng, 4);
    g.x_flip = n % 2 ? 0x80 : 0;
    g.w_zp = n % 3 || k->kr == 2 ? 0 : (int32_t)hn_rng_below(rng, 300) - 150;
    g.scale = scale, g.y = y.p, g.ldy = ldy, g.out = &e;
    make_taps(&g, extremes, rng, x, tap);
    ((hn_rowconv_q8_fn *)k->fn)(&g);
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            int64_t acc = bias[j];
            for (size_t t = 0; t < 4 * groups; t++) {
                size_t at = hn_rowconv_q8_at(groups, j, t);
                int64_t byte = tap[t][g.step * i] ^ g.x_flip, zp = t < g.taps ? g.w_zp : 0;
                acc += k->kr == 2 ? (byte - g.x_flip) * words[at] : byte * (w[at] - zp);
            }
            if (s.floats) {
                const float u = hn_q8_float((int32_t)acc, scale[j], e.t_lo, e.t_hi);
                memcpy(old.p + (i * ldy + j) * sizeof u, &u, sizeof u);
                continue;
            }
            volatile float v = (float)acc * scale[j];
            double q = rint((double)v) + e.y_zp;
            q = q < e.y_lo ? e.y_lo : q > e.y_hi ? e.y_hi : q;
            old.p[i * ldy + j] = (uint8_t)((int)q ^ e.y_flip);
        }
    if (memcmp(old.p, y.p, y.n) != 0)
        fail_msg("%s: m %zu, n %zu, %zu groups, step %zu, floats %d differ", k->name, m, n, groups, s.step, s.floats);
    assert_true(edge_intact(&y));
    for (size_t t = 0; t < 4 * groups; t++) edge_free(&x[t]);
    edge_free(&y), edge_free(&old);
    free(w);
    ran++;
}

static void test_all(void **state)
{
    (void)state;
    for (size_t q = 0; q < hn_kernel_count; q++) {
        const hn_kernel *k = hn_kernel_rows[q];
        hn_rng rng;
        hn_rng_init(&rng, 8, 1);
        if (!guard_runs(k, "rowconv_q8")) continue;
        for (size_t m = 1; m < 200; m += 1 + m / 9)
            for (size_t n = 1; n < 70; n += 1 + n / 2)
                for (size_t step = 1; step <= (k->kr == 2 ? 2 : 1); step++) {
                    check(k, (sizes){m, n, 1 + (m + n) % 8, step, false}, (m + n) % 5 == 0, &rng);
                    if (k->flags & HN_ROWCONV_Q8_FLOATS)
                        check(k, (sizes){m, n, 1 + (m + n) % 8, step, true}, (m + n) % 5 == 0, &rng);
                }
        check(k, (sizes){70, 20, HN_ROWCONV_Q8_GROUPS, 1, false}, false, &rng);
        check(k, (sizes){400, 9, 7, 1, false}, false, &rng);
        if (k->kr == 2) check(k, (sizes){70, 20, HN_ROWCONV_Q8_GROUPS, 2, false}, false, &rng);
    }
    if (ran == 0) skip();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_all)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
