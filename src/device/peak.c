/* peak: the best tile kernel on operands that stay in the first cache, and the best row sum on a buffer of a given
 * size. The best of a few rounds counts: everything that disturbs a round makes it slower. */
#include "device/peak.h"

#include "base/clock.h"
#include "base/size.h"
#include "kernels/gemm_f32.h"
#include "kernels/gemm_q8.h"
#include "kernels/reduce_f32.h"

#include <string.h>

enum {
    DEPTH_F32 = 128,
    DEPTH_Q8 = 512,
    MAX_ROWS = 64,
    ROUNDS = 5,
    ROUND_NS = 8 * 1000 * 1000,
    BUFFER_MIN = 1 << 15,
    BUFFER_MAX = 1 << 28
};

typedef struct loop {
    const hn_kernel *kernel;
    size_t calls;
    uint8_t *memory; /* one piece of `piece` bytes for each task */
    size_t piece;
    bool q8;
} loop;

static const hn_kernel *best(const char *family, uint64_t isa)
{
    const hn_kernel *pick = NULL;
    for (size_t i = 0; i < hn_kernel_count; i++) {
        const hn_kernel *k = hn_kernel_rows[i];
        if (strcmp(k->family, family) != 0 || (k->isa & ~isa)) continue;
        size_t size = (size_t)k->mr * k->nr, most = pick ? (size_t)pick->mr * pick->nr : 0;
        if (!pick || k->isa > pick->isa || (k->isa == pick->isa && size > most)) pick = k;
    }
    return pick;
}

static size_t rows_of(const hn_kernel *k)
{
    return k->mr && k->mr <= MAX_ROWS ? k->mr : 4;
}
static size_t columns_of(const hn_kernel *k)
{
    return k->nr ? k->nr : 16;
}

static void tile_f32(void *self, size_t task)
{
    const loop *l = self;
    size_t m = rows_of(l->kernel), n = columns_of(l->kernel);
    float *a = (float *)(void *)(l->memory + task * l->piece), *b = a + m * DEPTH_F32, *c = b + n * DEPTH_F32;
    const float *rows[MAX_ROWS];
    int32_t tap = 0;
    for (size_t i = 0; i < m; i++) rows[i] = a + i * DEPTH_F32;
    hn_gemm_f32 g = {.m = m,
                     .n = n,
                     .taps = 1,
                     .k = DEPTH_F32,
                     .rows = rows,
                     .tap = &tap,
                     .b = b,
                     .b_stride = n,
                     .c = c,
                     .c_stride = n};
    for (size_t i = 0; i < l->calls; i++) ((hn_gemm_f32_fn *)l->kernel->fn)(&g);
}

static void tile_q8(void *self, size_t task)
{
    const loop *l = self;
    size_t m = rows_of(l->kernel), n = columns_of(l->kernel);
    uint8_t *a = l->memory + task * l->piece;
    int8_t *b = (int8_t *)a + hn_align_up(m * DEPTH_Q8, 64);
    int32_t *bias = (int32_t *)(void *)(b + 2 * DEPTH_Q8 * n), *y = bias + n; /* enough for any form of weights */
    if (l->kernel->flags & HN_GEMM_Q8_RUNS) {                                 /* all of the greatest length */
        uint32_t *head = (uint32_t *)(void *)b;
        *head++ = DEPTH_Q8 / 4 / HN_GEMM_Q8_RUN;
        for (size_t i = 1; i < HN_GEMM_Q8_RUN; i++) *head++ = 0;
        for (uint32_t k = 0; k < DEPTH_Q8; k += 4) *head++ = k;
    }
    float *scale = (float *)(void *)(y + m * n);
    hn_q8_out out = {.kind = HN_Q8_I32};
    hn_gemm_q8 g = {.m = m,
                    .n = n,
                    .k = DEPTH_Q8,
                    .taps = 1,
                    .a = a,
                    .lda = DEPTH_Q8,
                    .b = b,
                    .bias = bias,
                    .scale = scale,
                    .y = y,
                    .ldy = n,
                    .out = &out};
    for (size_t i = 0; i < l->calls; i++) ((hn_gemm_q8_fn *)l->kernel->fn)(&g);
}

static void read_rows(void *self, size_t task)
{
    const loop *l = self;
    const float *x = (const float *)(void *)(l->memory + task * l->piece);
    float y = 0;
    for (size_t i = 0; i < l->calls; i++)
        ((hn_reduce_f32_fn *)l->kernel->fn)(HN_REDUCE_SUM, l->piece / sizeof *x, 1, x, 1, &y, 1.0f);
}

/* Seconds per call and thread, best of the rounds. */
static double time_loop(hn_pool *pool, size_t threads, loop *l, hn_task_fn *fn)
{
    double least = 0;
    l->calls = 1;
    for (int round = 0; round < ROUNDS;) {
        uint64_t start = hn_clock_ns();
        hn_pool_run(pool, threads, fn, l);
        uint64_t ns = hn_clock_ns() - start;
        if (ns < ROUND_NS / 2 && l->calls < (SIZE_MAX >> 8)) {
            l->calls *= ns < ROUND_NS / 16 ? 8 : 2;
            continue;
        }
        double each = (double)ns * 1e-9 / (double)l->calls;
        if (round == 0 || each < least) least = each;
        round++;
    }
    return least;
}

static hn_status tile_speed(hn_env *env, const hn_kernel *k, bool q8, double *out)
{
    size_t threads = hn_pool_threads(env->pool), depth = q8 ? DEPTH_Q8 : DEPTH_F32;
    hn_arena arena = {0};
    loop l = {.kernel = k, .q8 = q8};
    size_t m = rows_of(k), n = columns_of(k);
    /* Bytes for either type, with room for vectors that read past the end. */
    l.piece = hn_align_up(4 * (m * depth + n * depth + m * n + 4 * n) + 512, 4096);
    l.memory = hn_arena_alloc_aligned(env, &arena, threads * l.piece, 64);
    if (l.memory) {
        double seconds = time_loop(env->pool, threads, &l, q8 ? tile_q8 : tile_f32);
        *out = 2e-9 * (double)(m * n * depth) * (double)threads / seconds;
    }
    hn_arena_fini(env, &arena);
    return l.memory ? HN_OK : HN_NOMEM;
}

/* The fastest kernel of a family counts: a roof is what could be reached. */
static hn_status tile_peak(hn_env *env, const char *family, bool q8, double *out)
{
    *out = 0;
    for (size_t i = 0; i < hn_kernel_count; i++) {
        const hn_kernel *k = hn_kernel_rows[i];
        double speed = 0;
        if (strcmp(k->family, family) != 0 || (k->isa & ~env->isa)) continue;
        if (!k->isa && *out > 0) continue; /* plain C wins nowhere that vectors exist */
        HN_TRY(tile_speed(env, k, q8, &speed));
        if (speed > *out) *out = speed;
    }
    return HN_OK;
}

hn_status hn_peaks_measure(hn_env *env, size_t working_set, hn_peaks *out)
{
    *out = (hn_peaks){0};
    hn_arena arena = {0};
    hn_status st = tile_peak(env, "gemm_f32", false, &out->gflops);
    if (st == HN_OK) st = tile_peak(env, "gemm_q8", true, &out->gops);
    loop l = {.kernel = best("reduce_f32", env->isa)};
    if (st == HN_OK && l.kernel) {
        size_t threads = hn_pool_threads(env->pool), bytes = hn_max_size(working_set, BUFFER_MIN);
        l.piece = hn_align_up(hn_min_size(bytes, BUFFER_MAX) / threads, 64);
        l.memory = hn_arena_alloc_aligned(env, &arena, threads * l.piece, 64);
        if (!l.memory) st = HN_NOMEM;
        if (st == HN_OK) {
            memset(l.memory, 1, threads * l.piece); /* real pages, not the zero page */
            out->bandwidth_bytes = threads * l.piece;
            out->bandwidth_gbs = 1e-9 * (double)out->bandwidth_bytes / time_loop(env->pool, threads, &l, read_rows);
        }
    }
    hn_arena_fini(env, &arena);
    return st;
}
