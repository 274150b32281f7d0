/* Every wino_q8 record that runs here, bit for bit against the definition's sum in int64 and hn_q8_finish at the whole
 * scale: image sizes and pads that cut tiles on every side, channel counts around the vectors, any run of tiles, both
 * signs, residuals, rows of a wider result, inputs and weights at their extremes, sums at the limit of the range;
 * nothing past X and R is read, nothing but the tiles' outputs is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "kernels/wino_q8.h"
#include "support/edge.h"
#include "support/guard.h"

enum { SCRATCH_MARK = 0x5c, SCRATCH_AFTER = 256 };

typedef enum pattern { RANDOM, LOW, HIGH, CHECKER, STRIPES, EXTREMES, PATTERNS } pattern;

typedef struct shape {
    size_t n, h, w, c, m;
    ptrdiff_t pt, pl, pb, pr;
    size_t first, count; /* tiles; count 0: all */
    bool is_signed, residual, in_place, at_limit, floats;
    uint8_t pad;
    pattern x, wt;
    size_t wider; /* elements between the rows of Y */
} shape;

typedef struct scene {
    const hn_kernel *k;
    const shape *s;
    hn_wino_q8 g;
    hn_q8_out out;
    edge x, y, r;
    int16_t *w; /* [m][c][9], less the zero point: -255 to 255 */
    int64_t *sums;
    int32_t *bias, *four;
    float *scale, *quarter;
    int16_t *u;
    uint8_t *scratch;
    size_t scratch_bytes;
} scene;

static void *aligned(size_t bytes)
{
    void *p = aligned_alloc(64, (bytes + 127) / 64 * 64);
    assert_non_null(p);
    memset(p, 0, bytes);
    return p;
}

static int low_high(pattern p, size_t y, size_t x, hn_rng *rng, int low, int high)
{
    switch (p) {
    case LOW: return low;
    case HIGH: return high;
    case CHECKER: return (x + y) % 2 ? high : low;
    case STRIPES: return y % 4 < 2 ? high : low;
    case EXTREMES: return hn_rng_below(rng, 2) ? high : low;
    default: return low + (int)hn_rng_below(rng, (uint64_t)(high - low + 1));
    }
}

static void fill(scene *q, hn_rng *rng)
{
    const shape *s = q->s;
    for (size_t i = 0; i < q->x.n; i++)
        q->x.p[i] = (uint8_t)low_high(s->x, i / s->c / s->w, i / s->c % s->w, rng, 0, 255) ^ q->g.flip;
    const int far = q->k->variant == 2 ? 255 : HN_WINO_Q8_WEIGHT;
    for (size_t i = 0; i < s->m * s->c * 9; i++)
        q->w[i] = (int16_t)low_high(s->wt, i % 9 / 3, i % 3, rng, s->m % 2 ? -far : -128, s->m % 2 ? far : 127);
    edge_fill(&q->r, rng, false);
}

static size_t tile_of(const scene *q)
{
    return q->k->variant;
}

/* (f G) w (f G)' by its definition. */
static void pack(scene *q)
{
    size_t c = q->s->c, t = tile_of(q), points = t + 2;
    int most = t == 2 ? 2295 : 32760;
    for (size_t o = 0; o < q->s->m; o++)
        for (size_t i = 0; i < c; i++)
            for (size_t p = 0; p < points * points; p++) {
                const int8_t *down = hn_wino_q8_g(t, p / points, 0), *across = hn_wino_q8_g(t, p % points, 1);
                int sum = 0;
                for (size_t e = 0; e < 9; e++) sum += down[e / 3] * q->w[(o * c + i) * 9 + e] * across[e % 3];
                assert_true(sum >= -most && sum <= most);
                q->u[hn_wino_q8_at(t, c, i, o, p / points, p % points)] = (int16_t)sum;
            }
}

static int64_t sum_at(const scene *q, size_t image, size_t oy, size_t ox, size_t o)
{
    int64_t sum = 0;
    for (size_t e = 0; e < 9; e++) {
        size_t y = oy + e / 3 - (size_t)q->s->pt, x = ox + e % 3 - (size_t)q->s->pl;
        for (size_t i = 0; i < q->s->c; i++) {
            uint8_t v = q->s->pad;
            if (y < q->s->h && x < q->s->w) v = q->x.p[((image * q->s->h + y) * q->s->w + x) * q->s->c + i];
            sum += (int64_t)(v ^ q->g.flip) * q->w[(o * q->s->c + i) * 9 + e];
        }
    }
    return sum;
}

/* What sums with their bias stay below. */
static int64_t limit(const scene *q)
{
    return (INT64_C(1) << 31) / hn_wino_q8_times(tile_of(q));
}

/* Sums without bias; then biases: small ones, or such that the largest sum of a channel is the largest that is allowed.
 */
static void sums(scene *q, hn_rng *rng)
{
    const shape *s = q->s;
    size_t pixels = s->n * q->g.oh * q->g.ow;
    for (size_t o = 0; o < s->m; o++) {
        int64_t most = INT64_MIN;
        for (size_t i = 0; i < pixels; i++) {
            int64_t v = sum_at(q, i / q->g.ow / q->g.oh, i / q->g.ow % q->g.oh, i % q->g.ow, o);
            q->sums[i * s->m + o] = v;
            if (v > most) most = v;
        }
        int64_t bias = s->at_limit ? limit(q) - 1 - most : (int64_t)hn_rng_below(rng, 20001) - 10000;
        q->bias[o] = (int32_t)bias;
        q->four[o] = (int32_t)(uint32_t)(uint64_t)(hn_wino_q8_bias(tile_of(q)) * bias);
        q->scale[o] = (float)((0.5 + hn_rng_unit(rng)) * (s->at_limit ? 1e-7 : 0.7e-2 / sqrt((double)s->c)));
        q->quarter[o] = q->scale[o] / (float)hn_wino_q8_times(tile_of(q));
    }
}

static void begin(scene *q, const hn_kernel *k, const shape *s, hn_rng *rng)
{
    *q = (scene){.k = k, .s = s};
    hn_wino_q8 *g = &q->g;
    *g = (hn_wino_q8){.h = s->h, .w = s->w, .c = s->c, .m = s->m, .pt = s->pt, .pl = s->pl, .pad = s->pad};
    g->flip = s->is_signed ? 0x80 : 0;
    g->oh = s->h + (size_t)(s->pt + s->pb) - 2;
    g->ow = s->w + (size_t)(s->pl + s->pr) - 2;
    size_t t = k->variant;
    g->down = (g->oh + t - 1) / t;
    g->across = (g->ow + t - 1) / t;
    g->y_stride = s->m + s->wider;
    g->first = s->first;
    g->count = s->count > 0 ? s->count : s->n * g->down * g->across;
    size_t pixels = s->n * g->oh * g->ow, columns = (s->m + 15) / 16 * 16;
    q->x = edge_new(s->n * s->h * s->w * s->c);
    q->y = edge_new(((pixels - 1) * g->y_stride + s->m) * (s->floats ? sizeof(float) : 1));
    q->r = edge_new(pixels * s->m);
    q->w = aligned(s->m * s->c * 9 * sizeof *q->w);
    q->sums = aligned(pixels * s->m * sizeof *q->sums);
    q->bias = aligned(columns * 4), q->four = aligned(columns * 4);
    q->scale = aligned(columns * 4), q->quarter = aligned(columns * 4);
    q->u = aligned(hn_wino_q8_words(k->variant, s->c, s->m) * sizeof *q->u);
    q->scratch_bytes = hn_wino_q8_bytes(k, s->c, g->count);
    q->scratch = aligned(q->scratch_bytes + SCRATCH_AFTER);
    memset(q->scratch, SCRATCH_MARK, q->scratch_bytes + SCRATCH_AFTER);
    fill(q, rng);
    pack(q);
    sums(q, rng);
    q->out = (hn_q8_out){.kind = s->residual ? HN_Q8_RESIDUAL : HN_Q8_BYTE, .t_scale = 0.37f, .r_scale = 1.3f};
    if (s->floats) q->out.kind = HN_Q8_F32;
    q->out.bounded = s->floats ? 0 : HN_Q8_BOUNDED;
    q->out.y_zp = (int32_t)hn_rng_below(rng, 256), q->out.r_zp = (int32_t)hn_rng_below(rng, 256);
    q->out.y_lo = (uint8_t)hn_rng_below(rng, 60), q->out.y_hi = (uint8_t)(195 + hn_rng_below(rng, 61));
    q->out.t_lo = -100, q->out.t_hi = s->residual ? 127 : (float)(q->out.y_hi - q->out.y_zp);
    q->out.u_hi = (float)(q->out.y_hi - q->out.y_zp);
    if (s->floats) q->out.t_lo = s->c % 2 ? 0 : -INFINITY, q->out.t_hi = s->m % 3 ? 6 : INFINITY;
    q->out.y_flip = q->out.r_flip = g->flip;
    g->x = q->x.p, g->y = q->y.p, g->r = s->residual ? q->r.p : NULL;
    g->u = q->u, g->bias = q->four, g->scale = q->quarter, g->out = &q->out, g->scratch = q->scratch;
    if (s->in_place) {
        memcpy(q->y.p, q->r.p, q->r.n);
        g->r = q->y.p;
    }
}

static void end(scene *q)
{
    assert_true(edge_intact(&q->y));
    for (size_t i = 0; i < SCRATCH_AFTER; i++) assert_int_equal(q->scratch[q->scratch_bytes + i], SCRATCH_MARK);
    edge_free(&q->x), edge_free(&q->y), edge_free(&q->r);
    void *all[] = {q->w, q->sums, q->bias, q->four, q->scale, q->quarter, q->u, q->scratch};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

/* Outputs of the tiles in the run have their bytes, all else was left alone. */
static void compare(const scene *q)
{
    const shape *s = q->s;
    const hn_wino_q8 *g = &q->g;
    const size_t size = s->floats ? sizeof(float) : 1;
    for (size_t i = 0; i < q->y.n / size; i++) {
        size_t pixel = i / g->y_stride, o = i % g->y_stride;
        size_t ox = pixel % g->ow, oy = pixel / g->ow % g->oh, image = pixel / g->ow / g->oh;
        size_t t = tile_of(q), tile = (image * g->down + oy / t) * g->across + ox / t;
        if (o >= s->m || tile < g->first || tile >= g->first + g->count) {
            for (size_t b = 0; b < size; b++)
                assert_int_equal(q->y.p[i * size + b], s->in_place ? q->r.p[i] : EDGE_MARK);
            continue;
        }
        int64_t sum = q->sums[pixel * s->m + o] + q->bias[o];
        assert_true(sum > -limit(q) && sum < limit(q));
        if (s->floats) {
            const float real = hn_q8_float((int32_t)sum, q->scale[o], q->out.t_lo, q->out.t_hi);
            assert_memory_equal(q->y.p + i * size, &real, size);
            continue;
        }
        uint8_t want = hn_q8_finish((int32_t)sum, q->scale[o], q->r.p[pixel * s->m + o], &q->out);
        if (q->y.p[i] != want)
            fail_msg("%s image %zu x %zu x %zu x %zu > %zu pads %td %td, tiles %zu + %zu, signed %d residual %d, "
                     "patterns %d %d at %zu %zu %zu %zu: %d, want %d",
                     q->k->name, s->n, s->h, s->w, s->c, s->m, s->pt, s->pl, g->first, g->count, s->is_signed,
                     s->residual, (int)s->x, (int)s->wt, image, oy, ox, o, q->y.p[i], want);
    }
}

static void check(const hn_kernel *k, const shape *s, hn_rng *rng)
{
    scene q;
    begin(&q, k, s, rng);
    ((hn_wino_q8_fn *)k->fn)(&q.g);
    compare(&q);
    end(&q);
}

static size_t each(void (*f)(const hn_kernel *k, hn_rng *rng), uint64_t seed)
{
    size_t seen = 0;
    hn_rng rng;
    hn_rng_init(&rng, seed, 0);
    for (size_t i = 0; i < hn_kernel_count; i++)
        if (guard_runs(hn_kernel_rows[i], "wino_q8")) {
            f(hn_kernel_rows[i], &rng);
            seen++;
        }
    return seen;
}

static void sizes(const hn_kernel *k, hn_rng *rng)
{
    static const size_t C[] = {8, 9, 16, 17, 24, 31, 32, 15, 48}, M[] = {16, 1, 24, 31, 32, 5, 48, 50};
    size_t turn = 0;
    for (size_t h = 1; h <= 9; h++)
        for (size_t w = 1; w <= 9; w++, turn++) {
            shape s = {.n = 1 + turn % 2, .h = h, .w = w, .c = C[turn % 9], .m = M[turn % 8]};
            s.pt = (ptrdiff_t)(turn % 3), s.pb = h < 3 ? 2 : (ptrdiff_t)(turn / 2 % 3);
            s.pl = (ptrdiff_t)(turn / 3 % 4), s.pr = w < 3 ? 2 : (ptrdiff_t)(turn / 5 % 2);
            s.is_signed = turn % 3 == 1, s.residual = turn % 4 == 2, s.floats = turn % 4 == 3;
            s.pad = (uint8_t)hn_rng_below(rng, 256);
            s.wider = s.residual ? 0 : turn % 5;
            check(k, &s, rng);
        }
}

static void runs(const hn_kernel *k, hn_rng *rng)
{
    size_t t = k->variant, all = 3 * ((9 + t - 1) / t) * ((12 + t - 1) / t);
    for (size_t count = 1; count <= 20; count++) {
        shape s = {.n = 3, .h = 9, .w = 12, .c = 9, .m = 18, .pt = 1, .pl = 1, .pb = 1, .pr = 1, .count = count};
        s.first = (all - count) / (1 + count % 4);
        s.pad = 77;
        s.in_place = s.residual = count % 3 == 0;
        s.floats = count % 3 == 1;
        check(k, &s, rng);
    }
}

/* Every pair of patterns, with padding at both ends of the range and in the middle. */
static void extremes(const hn_kernel *k, hn_rng *rng)
{
    static const uint8_t PADS[] = {0, 128, 255};
    for (size_t i = 0; i < 2 * PATTERNS * PATTERNS; i++) {
        shape s = {
            .n = 1, .h = 6, .w = 5, .c = 40, .m = 8 + i / PATTERNS / PATTERNS, .pt = 1, .pl = 1, .pb = 1, .pr = 1};
        s.x = (pattern)(i % PATTERNS), s.wt = (pattern)(i / PATTERNS % PATTERNS);
        s.pad = PADS[i % 3];
        s.is_signed = i % 2;
        s.at_limit = i % 5 == 0;
        s.floats = i % 7 == 3;
        check(k, &s, rng);
    }
}

/* The most channels for which any bytes are allowed with weights of 8 bits: sums that
 * wrap on their way. */
static void limits(const hn_kernel *k, hn_rng *rng)
{
    for (int i = 0; i < 6; i++) {
        shape s = {.n = 1,
                   .h = 4,
                   .w = 3,
                   .c = k->variant == 2 ? 1827 : 114,
                   .m = 2,
                   .pt = 1,
                   .pl = 1,
                   .pb = 1,
                   .pr = 1,
                   .at_limit = true};
        s.x = i % 2 ? CHECKER : HIGH, s.wt = (const pattern[]){HIGH, LOW, CHECKER}[i % 3];
        s.pad = 255;
        check(k, &s, rng);
    }
}

static void every_size_matches(void **state)
{
    (void)state;
    assert_true(each(sizes, 1) >= 1);
}

static void every_run_of_tiles_matches(void **state)
{
    (void)state;
    (void)each(runs, 2);
}

static void extremes_match(void **state)
{
    (void)state;
    (void)each(extremes, 3);
}

static void sums_at_the_limit_match(void **state)
{
    (void)state;
    (void)each(limits, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_size_matches),
        cmocka_unit_test(every_run_of_tiles_matches),
        cmocka_unit_test(extremes_match),
        cmocka_unit_test(sums_at_the_limit_match),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
