/* Every wino_f32 record that runs here against sums in double: image sizes and pads that cut tiles on every side,
 * channel counts around the vectors, any run of tiles, every epilogue, sentinels, what a NaN reaches - and the rounding
 * errors that docs/numerics.md promises. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "kernels/wino_f32.h"
#include "support/guard.h"

typedef struct shape {
    size_t n, h, w, c, m;
    ptrdiff_t pt, pl, pb, pr;
    size_t first, count, ahead; /* tiles; count 0: all */
    int act, residual, act_first, bias;
} shape;

typedef struct scene {
    const hn_kernel *k;
    shape s;
    uint16_t oh, ow;
    hn_wino_f32 g;
    guard x, w, u, bias, r, y, scratch;
} scene;

/* G by its definition, signs as the kernels' window transforms want them. */
static void filter(const hn_kernel *k, double g[8][3])
{
    const double r = sqrt(0.5);
    const double whole[7] = {0, 1, -1, 2, -2, 0.5, -0.5}, roots[5] = {0, r, -r, 2 * r, -2 * r};
    const double *p = k->variant == 4 ? roots : whole;
    int a = k->variant + 2;
    for (int i = 0; i < a - 1; i++) {
        double d = 1;
        for (int j = 0; j < a - 1; j++)
            if (i != j) d *= p[i] - p[j];
        if (k->variant != 4 && i == 0) d = -d;
        for (int j = 0; j < 3; j++) g[i][j] = pow(p[i], j) / d;
    }
    for (int j = 0; j < 3; j++) g[a - 1][j] = j == 2;
}

static void pack(scene *q)
{
    double f[8][3];
    size_t a = q->k->variant + 2u, lanes = q->k->flags, c = q->s.c, m = q->s.m;
    size_t all = (m + lanes - 1) / lanes * lanes;
    q->u = guard_new(all * a * a * c, 1);
    memset(q->u.p, 0, q->u.n * sizeof(float));
    filter(q->k, f);
    for (size_t o = 0; o < m; o++)
        for (size_t i = 0; i < c; i++)
            for (size_t t = 0; t < a * a; t++) {
                double sum = 0;
                for (size_t e = 0; e < 9; e++)
                    sum += f[t / a][e / 3] * (double)q->w.p[(o * c + i) * 9 + e] * f[t % a][e % 3];
                size_t start = o / q->k->nr * q->k->nr, width = all - start < q->k->nr ? all - start : q->k->nr;
                q->u.p[start * a * a * c + (t * c + i) * width + o - start] = (float)sum;
            }
}

/* Out of line: GCC 12 follows the sizes into cases that are none and warns of them. */
__attribute__((noinline)) static guard array(size_t n, size_t shift)
{
    return guard_new(n, shift);
}

static void begin(scene *q, const hn_kernel *k, const shape *s, hn_rng *rng)
{
    *q = (scene){.k = k, .s = *s};
    size_t t = k->variant;
    q->oh = (uint16_t)(s->h + (size_t)(s->pt + s->pb) - 2);
    q->ow = (uint16_t)(s->w + (size_t)(s->pl + s->pr) - 2);
    q->x = array(s->n * s->h * s->w * s->c, 1);
    q->w = array(s->m * s->c * 9, 0);
    q->bias = array(s->m, 3);
    q->r = array(s->n * q->oh * q->ow * s->m, 2);
    q->y = array(q->r.n, 1);
    guard_rand(&q->x, rng, -1, 1);
    guard_rand(&q->w, rng, -1, 1);
    guard_rand(&q->bias, rng, -1, 1);
    guard_rand(&q->r, rng, -1, 1);
    pack(q);
    q->g = (hn_wino_f32){.h = s->h,
                         .w = s->w,
                         .c = s->c,
                         .oh = q->oh,
                         .ow = q->ow,
                         .m = s->m,
                         .y_stride = s->m,
                         .pt = s->pt,
                         .pl = s->pl};
    q->g.down = (q->oh + t - 1) / t;
    q->g.across = (q->ow + t - 1) / t;
    q->g.first = s->first;
    q->g.ahead = s->ahead;
    q->g.count = s->count > 0 ? s->count : s->n * q->g.down * q->g.across;
    q->scratch = array(hn_wino_f32_floats(k, s->c, q->g.count), 5);
    q->g.x = q->x.p;
    q->g.y = q->y.p;
    q->g.u = q->u.p;
    q->g.scratch = q->scratch.p;
    q->g.ep = (hn_epilogue_f32){.bias = s->bias ? q->bias.p : NULL, .residual = s->residual ? q->r.p : NULL};
    q->g.ep.residual_stride = s->m;
    q->g.ep.act = s->act;
    q->g.ep.act_first = (uint32_t)s->act_first;
    q->g.ep.a = s->act == HN_ACT_CLIP ? -0.25f : s->act == HN_ACT_SILU ? 1.0f : 0.3f;
    q->g.ep.b = 0.5f;
}

static void end(scene *q)
{
    assert_true(guard_intact(&q->y));
    assert_true(guard_intact(&q->scratch));
    guard *all[] = {&q->x, &q->w, &q->u, &q->bias, &q->r, &q->y, &q->scratch};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) guard_free(all[i]);
}

static void run(scene *q)
{
    ((hn_wino_f32_fn *)q->k->fn)(&q->g);
}

/* The sum of the definition at one output, and the sum of the squares of its products. */
static double sum_at(const scene *q, size_t image, size_t oy, size_t ox, size_t o, double *squares)
{
    double sum = 0;
    *squares = 0;
    for (size_t e = 0; e < 9; e++) {
        ptrdiff_t y = (ptrdiff_t)(oy + e / 3) - q->s.pt, x = (ptrdiff_t)(ox + e % 3) - q->s.pl;
        if (y < 0 || x < 0 || y >= (ptrdiff_t)q->s.h || x >= (ptrdiff_t)q->s.w) continue;
        const float *in = q->x.p + ((image * q->s.h + (size_t)y) * q->s.w + (size_t)x) * q->s.c;
        for (size_t i = 0; i < q->s.c; i++) {
            double product = (double)in[i] * q->w.p[(o * q->s.c + i) * 9 + e];
            sum += product;
            *squares += product * product;
        }
    }
    return sum;
}

static double act_of(int act, double x, double a, double b)
{
    switch (act) {
    case HN_ACT_RELU: return x < 0 ? 0 : x;
    case HN_ACT_CLIP: return x < a ? a : x > b ? b : x;
    case HN_ACT_LEAKY: return x < 0 ? a * x : x;
    case HN_ACT_SIGMOID: return 1 / (1 + exp(-x));
    case HN_ACT_TANH: return tanh(x);
    case HN_ACT_HARD_SIGMOID: return fmin(fmax(a * x + b, 0), 1);
    case HN_ACT_HARD_SWISH: return x * fmin(fmax(x / 6 + 0.5, 0), 1);
    case HN_ACT_SILU: return x / (1 + exp(-a * x));
    case HN_ACT_GELU: return 0.5 * x * (1 + erf(x / sqrt(2)));
    case HN_ACT_GELU_TANH: return 0.5 * x * (1 + tanh(0.79788456080286535588 * (x + 0.044715 * x * x * x)));
    case HN_ACT_ELU: return x < 0 ? a * expm1(x) : x;
    default: return x;
    }
}

/* Outputs of the tiles in the run have their values, all others were left alone. */
static void compare(const scene *q)
{
    const shape *s = &q->s;
    size_t t = q->k->variant;
    for (size_t i = 0; i < q->y.n; i++) {
        size_t o = i % s->m, ox = i / s->m % q->ow, oy = i / s->m / q->ow % q->oh, image = i / s->m / q->ow / q->oh;
        size_t tile = (image * q->g.down + oy / t) * q->g.across + ox / t;
        if (tile < q->g.first || tile >= q->g.first + q->g.count) {
            assert_true(guard_is(q->y.p + i));
            continue;
        }
        double squares, sum = sum_at(q, image, oy, ox, o, &squares) + (s->bias ? (double)q->bias.p[o] : 0);
        double res = s->residual ? (double)q->r.p[i] : 0, a = q->g.ep.a, b = q->g.ep.b;
        double want = s->act_first ? act_of(s->act, sum, a, b) + res : act_of(s->act, sum + res, a, b);
        double tol = t == 6 ? 2e-4 : 2e-5;
        if (!close_to(q->y.p[i], want, 1e-5, tol))
            fail_msg("%s image %zu x %zu x %zu x %zu > %zu pads %td %td, tiles %zu + %zu, act %d residual %d first %d "
                     "bias %d at %zu %zu %zu %zu: %g, want %g",
                     q->k->name, s->n, s->h, s->w, s->c, s->m, s->pt, s->pl, q->g.first, q->g.count, s->act,
                     s->residual, s->act_first, s->bias, image, oy, ox, o, (double)q->y.p[i], want);
    }
}

static void check(const hn_kernel *k, const shape *s, hn_rng *rng)
{
    scene q;
    begin(&q, k, s, rng);
    run(&q);
    compare(&q);
    end(&q);
}

static size_t each(void (*f)(const hn_kernel *k, hn_rng *rng), uint64_t seed)
{
    size_t seen = 0;
    hn_rng rng;
    hn_rng_init(&rng, seed, 0);
    for (size_t i = 0; i < hn_kernel_count; i++)
        if (guard_runs(hn_kernel_rows[i], "wino_f32")) {
            f(hn_kernel_rows[i], &rng);
            seen++;
        }
    return seen;
}

static void sizes(const hn_kernel *k, hn_rng *rng)
{
    static const size_t C[] = {1, 3, 4, 7, 8, 15, 16, 17, 33}, M[] = {1, 5, 16, 31, 32, 33, 48, 50};
    size_t turn = 0;
    for (size_t h = 1; h <= 10; h++)
        for (size_t w = 1; w <= 10; w += 1 + h % 2, turn++) {
            shape s = {.n = 1 + turn % 2, .h = h, .w = w, .c = C[turn % 9], .m = M[turn % 8], .bias = (int)turn % 2};
            s.pt = (ptrdiff_t)(turn % 3), s.pb = h < 3 ? 2 : (ptrdiff_t)(turn / 2 % 3);
            s.pl = (ptrdiff_t)(turn / 3 % 4), s.pr = w < 3 ? 2 : (ptrdiff_t)(turn / 5 % 2);
            check(k, &s, rng);
        }
}

static void runs(const hn_kernel *k, hn_rng *rng)
{
    for (size_t count = 1; count <= 2 * k->mr + 3u; count++) {
        shape s = {.n = 3, .h = 13, .w = 14, .c = 9, .m = 18, .pt = 1, .pl = 1, .pb = 1, .pr = 1, .count = count};
        size_t side = k->variant, all = 3 * ((13 + side - 1) / side) * ((14 + side - 1) / side);
        if (count > all) break;
        s.first = (all - count) / (1 + count % 3);
        s.ahead = count % 4 * 5;
        check(k, &s, rng);
    }
}

static void epilogues(const hn_kernel *k, hn_rng *rng)
{
    for (int act = HN_ACT_NONE; act <= HN_ACT_ELU; act++)
        for (int mode = 0; mode < 8; mode++) {
            shape s = {.n = 1, .h = 7, .w = 6, .c = 5, .m = k->nr + 3u, .pt = 1, .pl = 1, .pb = 1, .pr = 1, .act = act};
            s.residual = mode & 1;
            s.act_first = mode >> 1 & 1;
            s.bias = mode >> 2;
            check(k, &s, rng);
        }
}

static void every_size_matches(void **state)
{
    (void)state;
    assert_true(each(sizes, 1) >= 2);
}

static void every_run_of_tiles_matches(void **state)
{
    (void)state;
    (void)each(runs, 2);
}

static void epilogues_match(void **state)
{
    (void)state;
    (void)each(epilogues, 3);
}

/* The residual may be the output itself. */
static void in_place(const hn_kernel *k, hn_rng *rng)
{
    scene q;
    shape s = {.n = 1, .h = 9, .w = 7, .c = 6, .m = 20, .pt = 1, .pl = 1, .pb = 1, .pr = 1, .residual = 1};
    s.act = HN_ACT_RELU;
    begin(&q, k, &s, rng);
    memcpy(q.y.p, q.r.p, q.y.n * sizeof(float));
    q.g.ep.residual = q.y.p;
    run(&q);
    compare(&q);
    end(&q);
}

static void residual_may_be_the_output(void **state)
{
    (void)state;
    (void)each(in_place, 4);
}

/* A NaN or infinity reaches its tiles only, and every output that the definition gives it. */
static void special(const hn_kernel *k, hn_rng *rng)
{
    scene q;
    shape s = {.n = 2, .h = 12, .w = 12, .c = 8, .m = 8, .pt = 1, .pl = 1, .pb = 1, .pr = 1, .act = HN_ACT_RELU};
    begin(&q, k, &s, rng);
    size_t t = k->variant, y = 5, x = 6;
    q.x.p[(y * 12 + x) * 8 + 3] = NAN;
    run(&q);
    for (size_t i = 0; i < q.y.n; i++) {
        size_t ox = i / 8 % 12, oy = i / 8 / 12 % 12, image = i / 8 / 144;
        bool must = image == 0 && oy + 1 >= y && oy <= y + 1 && ox + 1 >= x && ox <= x + 1;
        bool may = image == 0 && oy / t * t <= y + 1 && oy / t * t + t + 1 > y && ox / t * t <= x + 1 &&
                   ox / t * t + t + 1 > x;
        if (must) assert_true(isnan(q.y.p[i]));
        if (!may) assert_false(isnan(q.y.p[i]));
    }
    end(&q);
}

static void special_values_stay_in_their_tiles(void **state)
{
    (void)state;
    (void)each(special, 5);
}

/* Rounding errors, in units of 2^-24 sqrt(channels), of the root of the sum of squared products: root of the mean
 * square at most 1, 3 and 10, largest of some ten thousand at most 8, 24 and 160. With and without a mean in the
 * inputs.
 */
static void rounding(const hn_kernel *k, hn_rng *rng)
{
    static const size_t C[] = {16, 64, 200};
    for (size_t i = 0; i < 3; i++)
        for (int mean = 0; mean < 2; mean++) {
            scene q;
            shape s = {.n = 1, .h = 24, .w = 24, .c = C[i], .m = 16, .pt = 1, .pl = 1, .pb = 1, .pr = 1};
            begin(&q, k, &s, rng);
            guard_rand(&q.x, rng, mean ? 0 : -1, 1);
            run(&q);
            double errors = 0, scale = 0, most = 0;
            for (size_t j = 0; j < q.y.n; j++) {
                double squares, want = sum_at(&q, 0, j / 16 / 24, j / 16 % 24, j % 16, &squares);
                double e = fabs((double)q.y.p[j] - want);
                errors += e * e;
                scale += squares;
                most = fmax(most, e / sqrt(squares));
            }
            double unit = ldexp(1, -24) * sqrt((double)C[i]), bound = k->variant == 2 ? 1 : k->variant == 4 ? 3 : 10;
            double rms = sqrt(errors / scale) / unit;
            print_message("%s, %zu channels%s: rms %.2f, largest %.2f\n", k->name, C[i], mean ? ", mean" : "", rms,
                          most / unit);
            assert_true(rms <= bound && rms > 0.1);
            assert_true(most / unit <= (k->variant == 6 ? 16 : 8) * bound);
            end(&q);
        }
}

static void rounding_errors_stay_within_their_class(void **state)
{
    (void)state;
    (void)each(rounding, 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_size_matches),
        cmocka_unit_test(every_run_of_tiles_matches),
        cmocka_unit_test(epilogues_match),
        cmocka_unit_test(residual_may_be_the_output),
        cmocka_unit_test(special_values_stay_in_their_tiles),
        cmocka_unit_test(rounding_errors_stay_within_their_class),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
