/* Every gemm_q8 record that runs here, bit for bit against sums in int64: every edge of the tile, several taps, tables
 * with padding, both signs, residuals, row corrections, each kind of output, extremes that saturate; nothing past A is
 * read, nothing outside Y is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "kernels/sums_q8.h"
#include "support/edge.h"
#include "support/guard.h"

enum { MAX_N = 192 };

typedef struct shape {
    size_t m, n, k, taps;
    bool table, x_signed, extremes, sub, y_signed;
    hn_q8_kind kind;
    size_t step; /* with a table: tap_step */
    int w_zp;    /* taken off the weights where a record has words or runs */
    size_t run;  /* longest run where a record has them, 0 for as long as can be */
    size_t gap;  /* without a table: bytes between rows of A, as with groups of channels */
} shape;

/* Words, or runs: any number of panels in one call. */
static bool takes_all(const hn_kernel *k)
{
    return k->kr == 2 || k->flags & HN_GEMM_Q8_RUNS;
}

static double clamp(double v, double lo, double hi)
{
    return v < lo ? lo : v > hi ? hi : v;
}

/* The contract in its own words: values with their signs, not the u8 domain. */
static int want_byte(const hn_q8_out *e, int32_t acc, float scale, int r, bool r_signed, bool y_signed)
{
    int up = y_signed ? 128 : 0, rup = r_signed ? 128 : 0;
    volatile float v = (float)acc * scale;
    double u = rint(clamp(v, -1e6, 1e6));
    if (e->kind == HN_Q8_RESIDUAL) {
        float t = (float)clamp(u, e->t_lo, e->t_hi);
        volatile float a = t * e->t_scale, b = (float)(r - (e->r_zp - rup)) * e->r_scale;
        volatile float s = a + b;
        u = rint(clamp(s, -1e6, 1e6));
    }
    return (int)clamp(u + (e->y_zp - up), e->y_lo - up, e->y_hi - up);
}

static int64_t sum(const shape *s, const hn_gemm_q8 *g, const int8_t *w, size_t i, size_t j)
{
    int64_t acc = g->bias[j];
    for (size_t t = 0; t < s->taps; t++) {
        const uint8_t *a = s->step    ? g->a + g->off[i] + t * s->step
                           : s->table ? (g->off[t * g->off_ld + i] < 0 ? g->pad : g->a + g->off[t * g->off_ld + i])
                                      : g->a + i * g->lda + t * s->k;
        for (size_t k = 0; k < s->k; k++) {
            int64_t x = s->x_signed ? (int64_t)(int8_t)a[k] + 128 : (int64_t)a[k];
            acc += x * (w[(t * s->k + k) * s->n + j] - s->w_zp);
        }
    }
    return acc - (s->sub ? g->row_sub[i] : 0);
}

static void pack(const shape *s, size_t panel, const int8_t *w, int8_t *b)
{
    memset(b, 0, hn_gemm_q8_b_bytes(s->taps, s->k, panel));
    for (size_t t = 0; t < s->taps; t++)
        for (size_t k = 0; k < s->k; k++)
            for (size_t j = 0; j < s->n; j++)
                b[(t * ((s->k + 3) / 4) + k / 4) * 4 * panel + 4 * j + k % 4] = w[(t * s->k + k) * s->n + j];
}

/* Element k, over all taps, of column j; 0 outside. */
static int weight(const shape *s, const int8_t *w, size_t k, size_t j)
{
    return j < s->n && k < s->taps * s->k ? w[k * s->n + j] - s->w_zp : 0;
}

static void pack_words(const shape *s, size_t nr, const int8_t *w, int16_t *b)
{
    for (size_t first = 0; first < s->n; first += nr)
        for (size_t k = 0; k < (s->taps * s->k + 3) / 4 * 4; k += 2)
            for (size_t j = 0; j < 2 * nr; j++) *b++ = (int16_t)weight(s, w, k + j % 2, first + j / 2);
}

/* In the fewest parts of 64 at most that hold all columns; groups where one does, whole. */
static int parts_of(const shape *s, size_t nr, const int8_t *w, size_t k, size_t first)
{
    int most = 0, sum = 0;
    for (size_t j = 0; j < nr; j++)
        for (size_t i = 0; i < 4; i += 2) {
            int a = weight(s, w, k + i, first + j), b = weight(s, w, k + i + 1, first + j);
            int up = (a > 0 ? a : 0) + (b > 0 ? b : 0), down = (a > 0 ? 0 : -a) + (b > 0 ? 0 : -b);
            sum = sum > up ? sum : up, sum = sum > down ? sum : down;
            most = most > a ? most : a;
        }
    return sum <= 128 && most < 128 ? 1 : 4;
}

/* Whether these parts can be one run. */
static bool fit(const int8_t *parts, size_t count, size_t nr)
{
    for (size_t j = 0; j < 4 * nr; j += 2) {
        int up = 0, down = 0;
        for (size_t i = 0; i < 2 * count; i++) {
            int v = parts[i / 2 * 4 * nr + j + i % 2];
            *(v > 0 ? &up : &down) += v;
        }
        if (up > 128 || down < -128) return false;
    }
    return true;
}

/* The parts of a piece as they come, in runs that go on while the next one fits. Returns the bytes. */
static size_t pack_piece(const shape *s, size_t nr, size_t from, size_t end, size_t first, const int8_t *w, int8_t *b)
{
    static int8_t parts[HN_GEMM_Q8_PIECE * 64];
    static uint32_t place[HN_GEMM_Q8_PIECE];
    static size_t length[HN_GEMM_Q8_PIECE]; /* of the run that starts with this part */
    size_t count = 0, row = 4 * nr, longest = s->run > 0 ? s->run : HN_GEMM_Q8_RUN;
    assert_true(row <= 64);
    for (size_t k = from; k < end; k += 4)
        for (int n = parts_of(s, nr, w, k, first), i = 0; i < n; i++) {
            for (size_t j = 0; j < row; j++) {
                int v = weight(s, w, k + j % 4, first + j / 4);
                parts[count * row + j] = (int8_t)(v / n + (i < abs(v % n) ? (v > 0) - (v < 0) : 0));
            }
            place[count++] = (uint32_t)(k - from);
        }
    uint32_t *head = (uint32_t *)(void *)b, *at = head + HN_GEMM_Q8_RUN;
    int8_t *to = b + hn_gemm_q8_head_bytes(count);
    for (size_t i = 0; i < count; i += length[i])
        for (length[i] = 1; length[i] < longest && i + length[i] < count; length[i]++)
            if (!fit(parts + i * row, length[i] + 1, nr)) break;
    for (size_t kind = 0; kind < HN_GEMM_Q8_RUN; kind++) {
        head[kind] = 0;
        for (size_t i = 0; i < count; i += length[i]) {
            if (length[i] != HN_GEMM_Q8_RUN - kind) continue;
            head[kind]++;
            memcpy(at, place + i, length[i] * sizeof *at);
            memcpy(to, parts + i * row, length[i] * row);
            at += length[i];
            to += length[i] * row;
        }
    }
    assert_int_equal(hn_gemm_q8_places(head), count);
    return hn_gemm_q8_piece_bytes(count, nr);
}

static void pack_runs(const shape *s, size_t nr, size_t step, const int8_t *w, int8_t *b)
{
    size_t depth = s->taps * s->k;
    for (size_t first = 0; first < s->n; first += nr, b += step) {
        size_t bytes = 0;
        for (size_t from = 0; from < depth; from += HN_GEMM_Q8_PIECE) {
            size_t end = from + HN_GEMM_Q8_PIECE < depth ? from + HN_GEMM_Q8_PIECE : depth;
            bytes += pack_piece(s, nr, from, end, first, w, b + bytes);
        }
        assert_true(bytes <= step);
    }
}

/* In the form that the record takes; *step: bytes from panel to panel. */
static int8_t *packed(const hn_kernel *kernel, const shape *s, const int8_t *w, size_t *step)
{
    size_t panel = (kernel->nr + 15u) / 16 * 16, panels = (s->n + panel - 1) / panel, depth = s->taps * s->k;
    *step = hn_gemm_q8_b_bytes(s->taps, s->k, panel);
    if (kernel->kr == 2) *step = (depth + 3) / 4 * 4 * panel * 2;
    if (kernel->flags & HN_GEMM_Q8_RUNS)
        *step = (depth / HN_GEMM_Q8_PIECE + 1) * hn_gemm_q8_piece_bytes(HN_GEMM_Q8_PIECE, panel);
    int8_t *b = aligned_alloc(64, (panels * *step + 63) / 64 * 64);
    assert_non_null(b);
    if (kernel->flags & HN_GEMM_Q8_RUNS)
        pack_runs(s, kernel->nr, *step, w, b);
    else if (kernel->kr == 2)
        pack_words(s, kernel->nr, w, (int16_t *)(void *)b);
    else
        pack(s, panel, w, b);
    return b;
}

static hn_q8_out make_out(const shape *s, hn_rng *rng)
{
    hn_q8_out e = {.kind = s->kind, .t_scale = 0.37f, .r_scale = 1.3f, .y_flip = s->y_signed ? 0x80 : 0};
    e.bounded = !s->extremes && s->m % 2;
    e.y_zp = (int32_t)(hn_rng_unit(rng) * 256);
    e.y_lo = (uint8_t)(hn_rng_unit(rng) * 100);
    e.y_hi = (uint8_t)(155 + hn_rng_unit(rng) * 100);
    if (s->n % 3 == 0) e.y_zp = 0, e.y_lo = 0, e.y_hi = 255; /* saturation is all there is to do */
    e.r_flip = s->x_signed ? 0x80 : 0;
    e.r_zp = (int32_t)(hn_rng_unit(rng) * 640) - 256;
    if (s->kind == HN_Q8_RESIDUAL) {
        if (s->extremes && s->n % 2) e.t_scale = 3e7f; /* beyond int32 */
        e.t_lo = -100, e.t_hi = 127;
        e.u_hi = (float)(e.y_hi - e.y_zp);
    } else {
        e.t_hi = (float)(e.y_hi - e.y_zp);
    }
    if (s->kind == HN_Q8_F32) {
        e.t_lo = s->m % 3 ? -0.5f : -HUGE_VALF;
        e.t_hi = s->m % 4 ? HUGE_VALF : 1;
    }
    return e;
}

static void compare(const shape *s, const hn_gemm_q8 *g, const hn_kernel *kernel, const int8_t *w, const edge *r,
                    const edge *y, size_t element)
{
    for (size_t i = 0; i < s->m; i++)
        for (size_t j = 0; j < s->n; j++) {
            int32_t acc = (int32_t)(uint32_t)(uint64_t)sum(s, g, w, i, j);
            const uint8_t *at = y->p + (i * g->ldy + j) * element;
            volatile float f = (float)acc * g->scale[j];
            bool same;
            if (element == 4) {
                float fv = f < g->out->t_lo ? g->out->t_lo : f > g->out->t_hi ? g->out->t_hi : f;
                same = memcmp(at, s->kind == HN_Q8_I32 ? (const void *)&acc : (const void *)&fv, 4) == 0;
            } else {
                int rv = r->p[i * g->ldr + j];
                int want = want_byte(g->out, acc, g->scale[j], s->x_signed ? (int8_t)rv : rv, s->x_signed, s->y_signed);
                same = *at == (uint8_t)want;
            }
            if (!same)
                fail_msg("%s: m %zu n %zu k %zu taps %zu kind %d differs at %zu, %zu", kernel->name, s->m, s->n, s->k,
                         s->taps, s->kind, i, j);
        }
    for (size_t i = 0; i + 1 < s->m; i++)
        for (size_t b = s->n * element; b < g->ldy * element; b++)
            assert_int_equal(y->p[i * g->ldy * element + b], EDGE_MARK);
    assert_true(edge_intact(y));
}

static void check(const hn_kernel *kernel, const shape *asked, hn_rng *rng)
{
    shape own = *asked, *s = &own;
    if (takes_all(kernel))
        s->sub = false;
    else
        s->w_zp = 0;
    size_t pixels = s->m + 3, element = s->kind == HN_Q8_BYTE || s->kind == HN_Q8_RESIDUAL ? 1 : 4, ldy = s->n + 3,
           ldr = s->n + 1;
    size_t lda = s->k * s->taps + s->gap;
    edge a = edge_new(s->table ? pixels * s->k + (s->taps - 1) * s->step : s->m * lda - s->gap), pad = edge_new(s->k);
    edge w = edge_new(s->k * s->taps * s->n), y = edge_new(((s->m - 1) * ldy + s->n) * element);
    edge r = edge_new((s->m - 1) * ldr + s->n);
    edge_fill(&a, rng, s->extremes);
    edge_fill(&w, rng, s->extremes);
    edge_fill(&r, rng, s->extremes);
    edge_fill(&pad, rng, false);
    size_t step;
    int8_t *b = packed(kernel, s, (const int8_t *)w.p, &step);
    int32_t bias[MAX_N] = {0}, sub[256], *off = malloc(4 * s->taps * (s->m + 2));
    float scale[MAX_N] = {0};
    assert_true(off && s->m <= 256 && s->n <= MAX_N);
    for (size_t j = 0; j < s->n; j++) {
        bias[j] = (int32_t)((hn_rng_unit(rng) - 0.5) * 60000);
        scale[j] = (float)(s->extremes && j % 5 == 0 ? 1e30 : 0.01 * hn_rng_unit(rng) / (double)(s->taps * s->k));
    }
    for (size_t i = 0; i < s->m; i++) sub[i] = (int32_t)((hn_rng_unit(rng) - 0.5) * 60000);
    for (size_t i = 0; i < s->taps * (s->m + 2); i++) {
        size_t at = (size_t)(hn_rng_unit(rng) * (double)(pixels + (s->step > 0 ? 0 : 1)));
        off[i] = at >= pixels ? -1 : (int32_t)(at * s->k);
    }
    hn_q8_out e = make_out(s, rng);
    hn_gemm_q8 g = {.m = s->m, .n = s->n, .k = s->k, .taps = s->taps, .a = a.p, .lda = lda, .b = b, .out = &e};
    g.b_step = step;
    g.off = s->table ? off : NULL;
    g.off_ld = s->m + 2;
    g.tap_step = s->step;
    g.pad = pad.p;
    g.a_flip = s->x_signed ? UINT32_C(0x80808080) : 0;
    g.bias = bias;
    g.scale = scale;
    g.row_sub = s->sub ? sub : NULL;
    g.y = y.p;
    g.ldy = ldy;
    g.r = s->kind == HN_Q8_RESIDUAL ? r.p : NULL;
    g.ldr = ldr;
    ((hn_gemm_q8_fn *)kernel->fn)(&g);
    compare(s, &g, kernel, (const int8_t *)w.p, &r, &y, element);
    free(b);
    free(off);
    edge_free(&a), edge_free(&pad), edge_free(&w), edge_free(&y), edge_free(&r);
}

static size_t below(hn_rng *rng, size_t n)
{
    return (size_t)(hn_rng_unit(rng) * (double)n);
}

static void each_record(void (*body)(const hn_kernel *))
{
    size_t ran = 0;
    for (size_t i = 0; i < hn_kernel_count; i++)
        if (guard_runs(hn_kernel_rows[i], "gemm_q8")) body(hn_kernel_rows[i]), ran++;
    assert_true(ran > 0);
}

static void edges(const hn_kernel *k)
{
    hn_rng rng;
    hn_rng_init(&rng, 11, 0);
    size_t most = takes_all(k) ? 3u * k->nr : k->nr;
    for (size_t m = 1; m <= 2u * k->mr + 1; m++)
        for (size_t n = 1; n <= most; n += n < 3 || n + 3 > most || n % 8 == 0 || n % 8 == 7 ? 1 : 5) {
            shape s = {
                .m = m, .n = n, .k = 1 + (m + n) % 9, .taps = 1, .x_signed = n % 2, .kind = (hn_q8_kind)((m + n) % 4)};
            check(k, &s, &rng);
        }
}
/* Every depth around the groups, vectors and halves of vectors that rows are read in. */
static void depths(const hn_kernel *k)
{
    hn_rng rng;
    hn_rng_init(&rng, 15, 0);
    for (size_t depth = 1; depth <= 70; depth++)
        for (size_t taps = 1; taps <= 3; taps += 2) {
            shape s = {.m = 1 + depth % (k->mr + 1u), .n = k->nr - depth % 3, .k = depth, .taps = taps};
            s.extremes = depth % 2;
            s.x_signed = taps > 1;
            s.w_zp = depth % 5 == 0 ? 127 : 0;
            s.run = depth % 4;
            s.kind = HN_Q8_I32;
            check(k, &s, &rng);
        }
}
/* Few bytes a tap, as from windows of one channel. */
static void narrow_taps(const hn_kernel *k)
{
    hn_rng rng;
    hn_rng_init(&rng, 17, 0);
    for (size_t taps = 1; taps <= 13; taps++)
        for (size_t depth = 3; depth <= 8; depth += depth == 5 ? 3 : 1) {
            shape s = {
                .m = 1 + taps % 7, .n = k->nr, .k = depth, .taps = taps, .table = true, .step = depth + taps % 3};
            s.x_signed = taps % 2;
            s.kind = HN_Q8_I32;
            check(k, &s, &rng);
        }
}
static void test_edges(void **state)
{
    (void)state;
    each_record(edges);
    each_record(depths);
    each_record(narrow_taps);
}

static void variety(const hn_kernel *k)
{
    hn_rng rng;
    hn_rng_init(&rng, 12, 0);
    for (size_t i = 0; i < 300; i++) {
        shape s = {.m = 1 + below(&rng, 3u * k->mr),
                   .n = 1 + below(&rng, takes_all(k) ? 3u * k->nr : k->nr),
                   .k = 1 + below(&rng, i % 10 ? 40 : 900)};
        s.taps = 1 + below(&rng, 5);
        s.table = below(&rng, 2);
        s.x_signed = below(&rng, 2);
        s.y_signed = below(&rng, 2);
        s.extremes = below(&rng, 2);
        s.sub = below(&rng, 2);
        s.kind = (hn_q8_kind)(i % 4);
        s.w_zp = below(&rng, 4) ? 0 : (int)below(&rng, 256) - 128;
        s.run = below(&rng, 4);
        if (s.table && below(&rng, 2)) s.step = 1 + below(&rng, 100);
        if (below(&rng, 2)) s.gap = below(&rng, 40);
        check(k, &s, &rng);
    }
}
static void test_variety(void **state)
{
    (void)state;
    each_record(variety);
}

/* Many rows, many columns, depths of more than one piece. */
static void large(const hn_kernel *k)
{
    hn_rng rng;
    hn_rng_init(&rng, 16, 0);
    for (size_t i = 0; i < 12; i++) {
        size_t n = takes_all(k) ? 1 + below(&rng, MAX_N) : 1 + below(&rng, k->nr);
        shape s = {.m = 1 + below(&rng, 130), .n = n, .k = 1 + below(&rng, 700), .taps = 1 + below(&rng, 5)};
        s.extremes = i % 2;
        s.table = i % 3 == 0;
        s.w_zp = i % 4 == 0 ? -100 : 0;
        s.run = i % 5 % 4;
        s.gap = i % 2 * 7;
        s.kind = (hn_q8_kind)(i % 4);
        check(k, &s, &rng);
    }
    size_t n = takes_all(k) ? 150 : k->nr;
    for (size_t depth = 510; depth < 2050; depth += depth % 256 == 2 ? 252 : 1) {
        shape s = {.m = 3, .n = n, .k = depth, .taps = 1, .kind = (hn_q8_kind)(depth % 4)};
        check(k, &s, &rng);
    }
}
static void test_large(void **state)
{
    (void)state;
    each_record(large);
}

/* 255 * -128 and 255 * 127 over a long depth: 16-bit intermediates would saturate, int32 holds. All alike, and mixed;
 * runs of every length up to their bound. */
static void worst(const hn_kernel *k)
{
    hn_rng rng;
    hn_rng_init(&rng, 13, 0);
    shape s = {.m = k->mr, .n = k->nr, .k = 4096, .taps = 4, .extremes = true, .kind = HN_Q8_I32};
    check(k, &s, &rng);
    enum { K = 60, M = 7 };
    uint8_t a[M * K];
    int8_t w[K * 64];
    int32_t y[M * 64], bias[64] = {0};
    float scale[64] = {0};
    static const int values[] = {-128, 127, 126, 65, 64, -64, -65, -127, 32, -32, 21, -21, 16, -16};
    for (size_t v = 0; v < 2 * sizeof values / sizeof *values; v++)
        for (int zp = -127; zp <= 127; zp += 127) {
            shape all = {.m = M, .n = k->nr, .k = K, .taps = 1, .kind = HN_Q8_I32, .w_zp = takes_all(k) ? zp : 0};
            int value = values[v / 2], second = v % 2 ? value : -1 - value;
            memset(a, 255, sizeof a);
            for (size_t i = 0; i < K; i++)
                for (size_t j = 0; j < k->nr; j++) w[i * k->nr + j] = (int8_t)(i % 2 ? second : value);
            size_t step;
            int8_t *b = packed(k, &all, w, &step);
            hn_q8_out e = {.kind = HN_Q8_I32};
            hn_gemm_q8 g = {.m = M, .n = k->nr, .k = K, .taps = 1, .a = a, .lda = K, .b = b, .b_step = step};
            g.bias = bias, g.scale = scale, g.y = y, g.ldy = k->nr, g.out = &e;
            ((hn_gemm_q8_fn *)k->fn)(&g);
            for (size_t i = 0; i < (size_t)M * k->nr; i++)
                assert_int_equal(y[i], 255 * (K / 2) * (value + second - 2 * all.w_zp));
            free(b);
        }
}
static void test_worst(void **state)
{
    (void)state;
    each_record(worst);
}

/* Halves round to even, below and above zero. */
static void halves(const hn_kernel *k)
{
    uint8_t a[64], y[64];
    int8_t w[4 * 64] = {0};
    int32_t bias[64] = {0};
    float scale[64];
    for (int i = 0; i < 64; i++) a[i] = 1, scale[i] = 0.5f, bias[i] = i - 32;
    shape s = {.m = 1, .n = k->nr, .k = 4, .taps = 1};
    size_t step;
    int8_t *b = packed(k, &s, w, &step);
    hn_q8_out e = {.kind = HN_Q8_BYTE, .t_hi = 127, .y_zp = 128, .y_hi = 255};
    hn_gemm_q8 g = {
        .m = 1, .n = k->nr, .k = 4, .taps = 1, .a = a, .lda = 4, .b = b, .bias = bias, .scale = scale, .y = y};
    g.b_step = step;
    g.ldy = k->nr;
    g.out = &e;
    ((hn_gemm_q8_fn *)k->fn)(&g);
    for (size_t j = 0; j < k->nr; j++) assert_int_equal(y[j], (int)rint(0.5 * ((double)j - 32)) + 128);
    free(b);
}
static void test_halves(void **state)
{
    (void)state;
    each_record(halves);
}

/* Sums of the rows that a product would read. */
static void sums(const hn_kernel *k, hn_rng *rng, size_t depth)
{
    enum { M = 5, TAPS = 3 };
    size_t table = below(rng, 3), step = table == 2 ? 7 : 0;
    edge a = edge_new(table ? 8 * depth + (TAPS - 1) * step : M * TAPS * depth), pad = edge_new(depth);
    edge_fill(&a, rng, below(rng, 2));
    edge_fill(&pad, rng, false);
    int32_t off[TAPS * M], sub[M], factor = (int32_t)below(rng, 300) - 150;
    for (size_t i = 0; i < TAPS * M; i++) off[i] = table == 1 && i % 4 == 0 ? -1 : (int32_t)(below(rng, 8) * depth);
    hn_gemm_q8 g = {.m = M, .k = depth, .taps = TAPS, .a = a.p, .lda = TAPS * depth, .off = table ? off : NULL};
    g.off_ld = M, g.tap_step = step, g.pad = pad.p, g.a_flip = below(rng, 2) ? 0x80808080 : 0;
    ((hn_sums_q8_fn *)k->fn)(&g, factor, sub);
    for (size_t i = 0; i < M; i++) {
        int32_t want = 0;
        for (size_t t = 0; t < TAPS; t++)
            for (size_t b = 0; b < depth; b++) want += hn_gemm_q8_row(&g, i, t)[b] ^ (uint8_t)g.a_flip;
        assert_int_equal(sub[i], want * factor);
    }
    edge_free(&a), edge_free(&pad);
}
static void test_sums(void **state)
{
    (void)state;
    hn_rng rng;
    hn_rng_init(&rng, 14, 0);
    for (size_t i = 0; i < hn_kernel_count; i++)
        for (size_t k = 1; guard_runs(hn_kernel_rows[i], "sums_q8") && k < 150; k++) sums(hn_kernel_rows[i], &rng, k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_edges),  cmocka_unit_test(test_variety),
                                       cmocka_unit_test(test_large),  cmocka_unit_test(test_worst),
                                       cmocka_unit_test(test_halves), cmocka_unit_test(test_sums)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
