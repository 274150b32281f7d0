/* Every record of binary_f32, reduce_f32, softmax_f32, norm_f32, dwconv_f32, conv_few_f32 and transpose_b4 that runs
 * here, against plain loops in double: lengths over two tiles, strides, misalignment, sentinels, NaN and infinity. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/size.h"
#include "kernels/binary_f32.h"
#include "kernels/conv_few_f32.h"
#include "kernels/dwconv_f32.h"
#include "kernels/norm_f32.h"
#include "kernels/reduce_f32.h"
#include "kernels/softmax_f32.h"
#include "kernels/transpose_b4.h"
#include "support/guard.h"

/* Runs `fn` for each record of the family that this machine has. */
static void each(const char *family, void (*fn)(const hn_kernel *k, hn_rng *rng))
{
    size_t seen = 0;
    for (size_t i = 0; i < hn_kernel_count; i++) {
        if (!guard_runs(hn_kernel_rows[i], family)) continue;
        hn_rng rng;
        hn_rng_init(&rng, 11, 0);
        fn(hn_kernel_rows[i], &rng);
        seen++;
    }
    assert_true(seen > 0);
}

static double binary_exact(int kind, double a, double b)
{
    if ((kind == HN_BINARY_MAX || kind == HN_BINARY_MIN) && (isnan(a) || isnan(b))) return NAN;
    switch (kind) {
    case HN_BINARY_ADD: return a + b;
    case HN_BINARY_SUB: return a - b;
    case HN_BINARY_MUL: return a * b;
    case HN_BINARY_DIV: return a / b;
    case HN_BINARY_MAX: return fmax(a, b);
    case HN_BINARY_MIN: return fmin(a, b);
    default: return a < 0 ? a * b : a;
    }
}

static void special(guard *g)
{
    static const float VALUES[] = {NAN, INFINITY, -INFINITY, 0.0f, -0.0f, 1e-42f};
    for (size_t i = 0; i < g->n; i += 7) g->p[i] = VALUES[i / 7 % 6];
}

static void binary(const hn_kernel *k, hn_rng *rng)
{
    for (int kind = HN_BINARY_ADD; kind <= HN_BINARY_PRELU; kind++)
        for (size_t n = 0; n <= 4u * k->nr + 1; n++)
            for (size_t mode = 1; mode < 4; mode++) {
                size_t sa = mode & 1, sb = mode >> 1;
                guard a = guard_new(sa ? n : 1, 1), b = guard_new(sb ? n : 1, 2), y = guard_new(n, n % 4);
                guard_rand(&a, rng, -2, 2);
                guard_rand(&b, rng, -2, 2);
                if (n > 40) special(&a);
                ((hn_binary_f32_fn *)k->fn)(kind, n, a.p, sa, b.p, sb, y.p);
                for (size_t i = 0; i < n; i++)
                    assert_true(close_to(y.p[i], (float)binary_exact(kind, a.p[i * sa], b.p[i * sb]), 2e-7, 0));
                assert_true(guard_intact(&y));
                guard_free(&a);
                guard_free(&b);
                guard_free(&y);
            }
}

static void reduce(const hn_kernel *k, hn_rng *rng)
{
    for (int kind = HN_REDUCE_SUM; kind <= HN_REDUCE_SUM_ABS; kind++)
        for (size_t n = 1; n <= 200; n += n < 70 ? 1 : 13)
            for (size_t inner = 1; inner <= 5u * k->nr; inner += n % 9 + 1) {
                size_t stride = inner == 1 && n % 2 ? 1 : inner + n % 3;
                guard x = guard_new((n - 1) * stride + inner, n % 3), y = guard_new(inner, 1);
                guard_rand(&x, rng, -1, 1);
                if (n % 5 == 0) x.p[(n - 1) * stride] = n % 2 ? NAN : INFINITY;
                ((hn_reduce_f32_fn *)k->fn)(kind, n, inner, x.p, stride, y.p, 0.5f);
                for (size_t j = 0; j < inner; j++) {
                    double want = kind == HN_REDUCE_MAX ? -INFINITY : kind == HN_REDUCE_MIN ? INFINITY : 0;
                    for (size_t i = 0; i < n; i++) {
                        double v = x.p[i * stride + j];
                        if (kind == HN_REDUCE_MAX) want = binary_exact(HN_BINARY_MAX, want, v);
                        if (kind == HN_REDUCE_MIN) want = binary_exact(HN_BINARY_MIN, want, v);
                        if (kind == HN_REDUCE_SUM) want += v;
                        if (kind == HN_REDUCE_SUM_SQUARE) want += v * v;
                        if (kind == HN_REDUCE_SUM_ABS) want += fabs(v);
                    }
                    if (kind == HN_REDUCE_SUM || kind == HN_REDUCE_SUM_SQUARE) want *= 0.5;
                    if (!close_to(y.p[j], want, 1e-5, 2e-5))
                        fail_msg("%s kind %d n %zu inner %zu: %g, want %g", k->name, kind, n, inner, (double)y.p[j],
                                 want);
                }
                assert_true(guard_intact(&y));
                guard_free(&x);
                guard_free(&y);
            }
}

static void softmax_row(const hn_kernel *k, size_t n, int logarithm, const float *x, const float *y)
{
    double top = -INFINITY, sum = 0;
    for (size_t i = 0; i < n; i++) top = fmax(top, x[i]);
    for (size_t i = 0; i < n; i++) sum += exp(x[i] - top);
    for (size_t i = 0; i < n; i++) {
        double want = logarithm ? x[i] - top - log(sum) : exp(x[i] - top) / sum;
        if (!close_to(y[i], want, 1e-5, logarithm ? 1e-6 : 2e-38))
            fail_msg("%s n %zu at %zu: %g, want %g", k->name, n, i, (double)y[i], want);
    }
}

static void softmax(const hn_kernel *k, hn_rng *rng)
{
    enum { ROWS = 6 };
    for (size_t n = 1; n <= 4u * k->nr + 1; n++)
        for (int logarithm = 0; logarithm < 2; logarithm++) {
            guard x = guard_new(ROWS * n, n % 3), y = guard_new(ROWS * n, 1);
            guard_rand(&x, rng, -20, 90);
            if (n % 6 == 5) x.p[n / 2] = -INFINITY;
            ((hn_softmax_f32_fn *)k->fn)(ROWS, n, x.p, y.p, logarithm);
            for (size_t r = 0; r < ROWS; r++) softmax_row(k, n, logarithm, x.p + r * n, y.p + r * n);
            assert_true(guard_intact(&y));
            x.p[n + n / 2] = NAN; /* spoils its own row only */
            ((hn_softmax_f32_fn *)k->fn)(ROWS, n, x.p, x.p, logarithm);
            for (size_t i = 0; i < ROWS * n; i++)
                if (i / n == 1)
                    assert_true(isnan(x.p[i]));
                else
                    assert_true(x.p[i] == y.p[i]);
            assert_true(guard_intact(&x));
            guard_free(&x);
            guard_free(&y);
        }
}

static void norm(const hn_kernel *k, hn_rng *rng)
{
    for (size_t n = 1; n <= 4u * k->nr + 1; n++)
        for (int form = 0; form < 8; form++) {
            guard x = guard_new(n, n % 3), s = guard_new(n, 1), b = guard_new(n, 2), y = guard_new(n, 3);
            guard_rand(&x, rng, 3, 5);
            guard_rand(&s, rng, -1, 1);
            guard_rand(&b, rng, -1, 1);
            float mean, inverse;
            hn_norm_f32 g = {.n = n,
                             .x = x.p,
                             .scale = form & 1 ? s.p : NULL,
                             .bias = form & 2 ? b.p : NULL,
                             .y = y.p,
                             .epsilon = 1e-3f};
            g.rms = form >> 2;
            g.mean = &mean;
            g.inverse = &inverse;
            ((hn_norm_f32_fn *)k->fn)(&g);
            double m = 0, v = 0;
            for (size_t i = 0; i < n && !g.rms; i++) m += x.p[i] / (double)n;
            for (size_t i = 0; i < n; i++) v += (x.p[i] - m) * (x.p[i] - m) / (double)n;
            double inv = 1 / sqrt(v + (double)g.epsilon);
            for (size_t i = 0; i < n; i++)
                assert_true(close_to(y.p[i], (x.p[i] - m) * inv * (form & 1 ? s.p[i] : 1) + (form & 2 ? b.p[i] : 0),
                                     1e-4, 2e-5));
            assert_true(close_to(mean, m, 1e-5, 1e-6) && close_to(inverse, inv, 1e-4, 0));
            assert_true(guard_intact(&y));
            guard_free(&x);
            guard_free(&s);
            guard_free(&b);
            guard_free(&y);
        }
}

static void transpose(const hn_kernel *k, hn_rng *rng)
{
    (void)rng;
    for (size_t rows = 0; rows <= 2u * k->mr + 1; rows++)
        for (size_t cols = 0; cols <= 2u * k->nr + 1; cols++) {
            size_t ss = cols + rows % 3, ds = rows + cols % 3;
            guard x = guard_new(rows * ss, 1), y = guard_new(cols * ds, 2);
            for (size_t i = 0; i < x.n; i++) x.p[i] = (float)i;
            ((hn_transpose_b4_fn *)k->fn)(rows, cols, x.p, ss, y.p, ds);
            for (size_t c = 0; c < cols; c++) {
                for (size_t r = 0; r < rows; r++) assert_true(y.p[c * ds + r] == x.p[r * ss + c]);
                for (size_t r = rows; r < ds; r++) assert_true(guard_is(y.p + c * ds + r));
            }
            assert_true(guard_intact(&y));
            guard_free(&x);
            guard_free(&y);
        }
}

typedef struct dwconv_shape {
    size_t c, rows, kw, width;
    ptrdiff_t sw, dw, pl;
} dwconv_shape;

enum { DWCONV_LINES = 5 };

/* Tap rows of output row y: one more or less than the neighbours', as at the edges of an image. */
static size_t dwconv_rows(const dwconv_shape *s, size_t y)
{
    return y % 3 == 1 && s->rows > 0 ? s->rows - 1 : s->rows;
}

static void dwconv_row(const hn_kernel *k, const hn_dwconv_f32 *g, size_t y, const float *res, const float *got)
{
    const float *x = g->lines[y].x, *w = g->lines[y].w;
    for (size_t o = 0; o < g->ow; o++)
        for (size_t ch = 0; ch < g->c; ch++) {
            double sum = g->ep.bias ? g->ep.bias[ch] : 0, r = g->ep.residual ? res[o * g->c + ch] : 0;
            for (size_t i = 0; i < g->lines[y].rows; i++)
                for (size_t j = 0; j < g->kw; j++) {
                    ptrdiff_t at = (ptrdiff_t)o * g->sw + (ptrdiff_t)j * g->dw - g->pl;
                    if (at >= 0 && at < (ptrdiff_t)g->width)
                        sum += (double)x[i * g->row_stride + (size_t)at * g->c + ch] *
                               w[(i * g->kw + j) * g->w_stride + ch];
                }
            if (!g->ep.act_first) sum += r;
            sum = g->ep.act == HN_ACT_LEAKY ? sum < 0 ? sum * 0.25 : sum : fmin(fmax(sum, 0.25), 0.75);
            if (g->ep.act_first) sum += r;
            if (!close_to(got[o * g->c + ch], sum, 1e-5, 1e-5))
                fail_msg("%s c %zu rows %zu kw %zu sw %td width %zu line %zu: %g, want %g", k->name, g->c,
                         g->lines[y].rows, g->kw, g->sw, g->width, y, (double)got[o * g->c + ch], sum);
        }
}

static void dwconv_case(const hn_kernel *k, hn_rng *rng, dwconv_shape s)
{
    ptrdiff_t room = (ptrdiff_t)s.width + 2 * s.pl - (ptrdiff_t)(s.kw - 1) * s.dw - 1;
    if (room < 0) return;
    size_t c = s.c, ow = (size_t)(room / s.sw) + 1, ws = (c + 15) / 16 * 16, line = s.width * c,
           n = k->kr > 0 ? 1 + (c + s.width) % hn_min_size(k->kr, DWCONV_LINES) : 1;
    guard x = guard_new((n + s.rows) * line, 1), w = guard_new(s.rows * s.kw * ws, 0), y = guard_new(n * ow * c, 3);
    guard bias = guard_new(c, 1), res = guard_new(n * ow * c, 2);
    guard_rand(&x, rng, -1, 1);
    guard_rand(&w, rng, -1, 1);
    guard_rand(&bias, rng, -1, 1);
    guard_rand(&res, rng, -1, 1);
    hn_dwconv_line lines[DWCONV_LINES];
    for (size_t i = 0; i < n; i++) {
        size_t rows = dwconv_rows(&s, i);
        lines[i] = (hn_dwconv_line){x.p + i * line, w.p + (s.rows - rows) * s.kw * ws, rows};
    }
    hn_dwconv_f32 g = {.c = c, .rows = s.rows, .kw = s.kw, .width = s.width, .ow = ow, .lines = lines, .n = n};
    g.sw = s.sw;
    g.dw = s.dw;
    g.pl = s.pl;
    g.x = x.p;
    g.row_stride = line;
    g.c_stride = c;
    g.w = w.p;
    g.w_stride = ws;
    g.y = y.p;
    g.ep = (hn_epilogue_f32){.bias = c % 2 ? bias.p : NULL, .residual = c % 3 ? res.p : NULL, .a = 0.25f, .b = 0.75f};
    g.ep.act = s.width % 2 ? HN_ACT_LEAKY : HN_ACT_CLIP;
    g.ep.act_first = c % 4 == 1;
    g.ep.residual_stride = ow * c;
    bool in_place = g.ep.residual != NULL && g.ep.act == HN_ACT_CLIP && s.width % 3 == 0;
    if (in_place) {
        memcpy(y.p, res.p, y.n * sizeof *y.p);
        g.ep.residual = y.p;
    }
    ((hn_dwconv_f32_fn *)k->fn)(&g);
    for (size_t i = 0; i < n; i++) dwconv_row(k, &g, i, res.p + i * ow * c, y.p + i * ow * c);
    assert_true(guard_intact(&y));
    guard_free(&x);
    guard_free(&w);
    guard_free(&y);
    guard_free(&bias);
    guard_free(&res);
}

static void dwconv(const hn_kernel *k, hn_rng *rng)
{
    for (size_t c = 1; c <= hn_max_size(2u * k->nr + 1, 40); c++)
        for (size_t rows = 0; rows <= 3; rows++)
            for (ptrdiff_t sw = 1; sw <= 3; sw++) {
                const ptrdiff_t at = (ptrdiff_t)c;
                dwconv_case(k, rng, (dwconv_shape){c, rows, 3, 4 + c % 13, sw, 1, at % 3});
                dwconv_case(k, rng, (dwconv_shape){c, rows, 3, 2 + c % 8, sw, 1, at % 5});
                dwconv_case(k, rng, (dwconv_shape){c, rows, 5, 3 + c % 17, sw, 1 + at % 2, at % 5});
            }
    for (size_t width = 1; width <= 18; width++)
        for (ptrdiff_t pl = 0; pl <= 4; pl++)
            for (ptrdiff_t sw = 1; sw <= 2; sw++)
                for (size_t c = 7; c <= 25; c += 9) {
                    dwconv_case(k, rng, (dwconv_shape){c, 3, 3, width, sw, 1, pl});
                    dwconv_case(k, rng, (dwconv_shape){c, 5, 5, width, sw, 1, pl});
                }
    /* Rows of several strips, channels of several parts, both. */
    static const size_t WIDE[][2] = {{16, 130}, {64, 80}, {96, 61}, {203, 30}, {320, 7}, {138, 200}};
    for (size_t i = 0; i < sizeof WIDE / sizeof *WIDE; i++)
        for (ptrdiff_t sw = 1; sw <= 2; sw++)
            for (ptrdiff_t pl = 0; pl <= 2; pl++)
                dwconv_case(k, rng, (dwconv_shape){WIDE[i][0], 3, 3, WIDE[i][1], sw, 1, pl});
}

static void few_case(const hn_kernel *k, hn_rng *rng, size_t lines, size_t run, size_t step, size_t pixels, size_t n)
{
    const size_t ws = (n + 15) / 16 * 16, width = (hn_max_size(pixels, HN_CONV_FEW_PIXELS) - 1) * step + run;
    int32_t line[8];
    guard x = guard_new(lines * width, 1), w = guard_new(lines * run * ws, 0), y = guard_new(pixels * n, 3),
          bias = guard_new(n, 1);
    guard_rand(&x, rng, -1, 1);
    guard_rand(&w, rng, -1, 1);
    guard_rand(&bias, rng, -1, 1);
    for (size_t l = 0; l < lines; l++) line[l] = (int32_t)((lines - 1 - l) * width);
    hn_conv_few_f32 g = {
        .lines = lines, .run = run, .step = step, .pixels = pixels, .n = n, .x = x.p, .line = line, .w = w.p};
    g.w_stride = ws;
    g.y = y.p;
    g.ep = (hn_epilogue_f32){.bias = n % 2 ? bias.p : NULL, .act = HN_ACT_CLIP, .a = -0.75f, .b = 1.5f};
    if (n % 3 == 1) g.ep.act = HN_ACT_LEAKY;
    ((hn_conv_few_f32_fn *)k->fn)(&g);
    for (size_t o = 0; o < pixels; o++)
        for (size_t m = 0; m < n; m++) {
            double sum = g.ep.bias ? bias.p[m] : 0;
            for (size_t l = 0; l < lines; l++)
                for (size_t t = 0; t < run; t++)
                    sum += (double)x.p[(size_t)line[l] + o * step + t] * w.p[(l * run + t) * ws + m];
            if (n % 3 == 1)
                sum = sum < 0 ? sum * -0.75 : sum;
            else
                sum = fmin(fmax(sum, -0.75), 1.5);
            if (!close_to(y.p[o * n + m], sum, 1e-5, 1e-5))
                fail_msg("%s lines %zu run %zu step %zu pixels %zu n %zu at %zu, %zu: %g, want %g", k->name, lines, run,
                         step, pixels, n, o, m, (double)y.p[o * n + m], sum);
        }
    assert_true(guard_intact(&y));
    guard_free(&x);
    guard_free(&w);
    guard_free(&y);
    guard_free(&bias);
}

static void plane(const hn_kernel *k, hn_rng *rng)
{
    for (size_t n = 1; n <= 8; n++)
        for (size_t step = 1; step <= 2; step++)
            for (size_t pixels = 1; pixels < 100; pixels += 1 + pixels / 5)
                few_case(k, rng, 1 + n % 5, 1 + (n + pixels) % 7, step, pixels, n);
}

static void few(const hn_kernel *k, hn_rng *rng)
{
    static const size_t STEPS[] = {1, 2, 3, 6};
    for (size_t n = 1; n <= 2u * k->nr + 1; n += n < 9 ? 1 : 5)
        for (size_t i = 0; i < 4; i++)
            for (size_t pixels = 1; pixels < 40; pixels += 1 + pixels / 3)
                few_case(k, rng, 1 + n % 5, 1 + (n + i) % 7, STEPS[i], pixels, n);
}

static void binary_matches(void **state)
{
    (void)state, each("binary_f32", binary);
}
static void reduce_matches(void **state)
{
    (void)state, each("reduce_f32", reduce);
}
/* Integer classifiers end in a softmax: its bytes must not depend on the instruction set. */
static void softmax_same_bytes(void **state)
{
    enum { MOST = 1003 };
    static float x[MOST], y[2][MOST];
    (void)state;
    hn_rng rng;
    hn_rng_init(&rng, 12, 0);
    for (int i = 0; i < MOST; i++) x[i] = (float)(60 * hn_rng_normal(&rng));
    for (size_t n = 1; n <= MOST; n += n < 40 ? 1 : 107) {
        for (int logarithm = 0; logarithm < 2; logarithm++) {
            size_t seen = 0;
            for (size_t i = 0; i < hn_kernel_count; i++) {
                if (!guard_runs(hn_kernel_rows[i], "softmax_f32")) continue;
                float *out = y[seen++ ? 1 : 0];
                ((hn_softmax_f32_fn *)hn_kernel_rows[i]->fn)(1, n, x, out, logarithm);
                assert_memory_equal(y[0], out, n * sizeof(float));
            }
        }
    }
}

static void softmax_matches(void **state)
{
    (void)state, each("softmax_f32", softmax);
}
static void norm_matches(void **state)
{
    (void)state, each("norm_f32", norm);
}
static void transpose_matches(void **state)
{
    (void)state, each("transpose_b4", transpose);
}
static void few_matches(void **state)
{
    (void)state, each("conv_few_f32", few);
    for (size_t i = 0; i < hn_kernel_count; i++) {
        hn_rng rng;
        hn_rng_init(&rng, 12, 0);
        if (guard_runs(hn_kernel_rows[i], "conv_plane_f32")) plane(hn_kernel_rows[i], &rng);
    }
}
static void dwconv_matches(void **state)
{
    (void)state, each("dwconv_f32", dwconv);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(binary_matches),     cmocka_unit_test(reduce_matches), cmocka_unit_test(softmax_matches),
        cmocka_unit_test(softmax_same_bytes), cmocka_unit_test(norm_matches),   cmocka_unit_test(transpose_matches),
        cmocka_unit_test(dwconv_matches),     cmocka_unit_test(few_matches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
